/*
 * keeper.h - one look at the state directory: read what is there, plan the next state, and make
 * it so.  batvd looks again and again; batvctl looks once, after a change, when no batvd runs.
 */
#ifndef BATV_KEEPER_H
#define BATV_KEEPER_H

#include "config.h"
#include "generation.h"
#include "memory/access.h"
#include "memory/names.h"
#include "store.h"

struct batv_keeper { /* start with all zero bytes, then batv_store_open() */
	struct batv_store store;
	struct batv_secrets *secrets;  /* the last good set; NULL: none yet */
	struct batv_stored_state have; /* the state last read or written; text NULL: none */
	bool made_secret;              /* since the last publication */
	struct batv_generation generation;
	struct batv_notices notices;
};

struct batv_look {
	int64_t now;
	int64_t jumped; /* as in struct batv_plan_facts */
	bool slept;     /* more than a day since the look before, whatever the boot clock says */
	bool publish_always; /* even when nothing changed but the time */
	bool make_secret;    /* if there is none */
};

struct batv_looked {
	bool published;
	bool usable;      /* a state is published, and has a key for now */
	bool secret_gone; /* there is no secret file, and none was made */
	int64_t next;     /* when something changes by time alone; INT64_MAX: never */
};

/* Never fails as a whole: what went wrong is in keeper->trouble, what could be done is done. */
void batv_keeper_look(struct batv_keeper *keeper, const struct batv_config *config,
		      const struct batv_look *look, struct batv_looked *out);
/* Memory to disk; takes as long as the disk does, and needs no lock. */
void batv_keeper_sync(const struct batv_keeper *keeper);
void batv_keeper_free(struct batv_keeper *keeper);

#endif
