/*
 * keeper.h - takes one look at the state directory: it reads what is there, plans the next state
 * and publishes it.  batvd looks again and again; batvctl looks once, after a change, if no batvd
 * is running.
 */
#ifndef BATV_KEEPER_H
#define BATV_KEEPER_H

#include "config.h"
#include "fleet_known.h"
#include "generation.h"
#include "memory/access.h"
#include "memory/names.h"
#include "store.h"

struct batv_keeper { /* start with all bytes zero, then batv_store_open() */
	struct batv_store store;
	struct batv_secrets *secrets;  /* the last good set; NULL: none yet */
	struct batv_stored_state have; /* the state last read or written; text NULL: none */
	bool unread;                   /* the state could not be read at the last look */
	bool made_secret;              /* a secret was made since the last publication */
	struct batv_generation generation;
	struct batv_fleet_known fleet;
	bool told_no_fleet_user; /* see fleet_share.h */
	struct batv_notices notices;
};

struct batv_look {
	int64_t now;
	int64_t jumped;      /* as in struct batv_plan_facts */
	bool slept;          /* more than a day since the last look, whatever the boot clock says */
	bool publish_always; /* publish even if only the time has changed */
	bool make_secret;    /* make one if there is none */
};

struct batv_looked {
	bool published;
	bool usable;      /* a state is published, and it has a key for now */
	bool secret_gone; /* there is no secret file, and none was made */
	int64_t next;     /* when time alone will change something; INT64_MAX: never */
};

/*
 * Does all that can be done, and never fails as a whole.  What went wrong is in
 * keeper->notices.trouble.
 */
void batv_keeper_look(struct batv_keeper *keeper, const struct batv_config *config,
		      const struct batv_look *look, struct batv_looked *out);
/* Writes the memory to disk.  This takes as long as the disk does, and needs no lock. */
void batv_keeper_sync(const struct batv_keeper *keeper);
void batv_keeper_free(struct batv_keeper *keeper);

#endif
