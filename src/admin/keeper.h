/*
 * keeper.h - one look at the state directory: read what is there, plan the next state, and make
 * it so.  batvd looks again and again; batvctl looks once, after a change, when no batvd runs.
 */
#ifndef BATV_KEEPER_H
#define BATV_KEEPER_H

#include "config.h"
#include "memory/access.h"
#include "memory/names.h"
#include "store.h"

/* What can be wrong at a look, each with a message of its own. */
enum batv_trouble {
	BATV_TROUBLE_LOCK,   /* somebody holds the writers' lock */
	BATV_TROUBLE_SECRET, /* the secret file is gone, damaged, or cannot be written */
	BATV_TROUBLE_KEYS,   /* more live keys than fit */
	BATV_TROUBLE_STATE,  /* the state could not be written */
	BATV_TROUBLE_MEMORY, /* no memory file, and it could not be made */
	BATV_TROUBLE_COUNT
};

struct batv_keeper { /* start with all zero bytes, then batv_store_open() */
	struct batv_store store;
	struct batv_secrets *secrets;  /* the last good set; NULL: none yet */
	struct batv_stored_state have; /* the state last read or written; text NULL: none */
	/* The memory in use, and the generation before it.  Names: "" is none. */
	struct batv_memory memory, before;
	uint64_t capacity; /* of the memory last seen; 0: none */
	char memory_name[BATV_MEMORY_NAME_SIZE], before_name[BATV_MEMORY_NAME_SIZE];
	char trouble[BATV_TROUBLE_COUNT][BATV_MESSAGE_SIZE]; /* of the last look; "": none */
	bool made_secret; /* since the last publication */
	bool looked;  /* there was a look before this one: since then the boot clock vouches for the time */
	bool jumped;  /* the clock has jumped before this look, or the machine slept */
	bool careful; /* the clock is in doubt, or was within three days: time alone removes nothing */
	void (*say)(void *ctx, int priority,
		    const char *line); /* what was done; syslog's priorities */
	void *say_ctx;
};

struct batv_look {
	int64_t now;
	int64_t jumped;	     /* as in struct batv_plan_facts */
	bool slept;	     /* more than a day since the look before, whatever the boot clock says */
	bool publish_always; /* even when nothing changed but the time */
	bool make_secret;    /* if there is none */
};

struct batv_looked {
	bool published;
	bool usable;	  /* a state is published, and has a key for now */
	bool secret_gone; /* there is no secret file, and none was made */
	int64_t next;	  /* when something changes by time alone; INT64_MAX: never */
};

/* Never fails as a whole: what went wrong is in keeper->trouble, what could be done is done. */
void batv_keeper_look(struct batv_keeper *keeper, const struct batv_config *config,
		      const struct batv_look *look, struct batv_looked *out);
/* Memory to disk; takes as long as the disk does, and needs no lock. */
void batv_keeper_sync(const struct batv_keeper *keeper);
/* For the parts of a look: a line of what was done, the one line of what is wrong. */
void batv_keeper_say(struct batv_keeper *keeper, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void batv_keeper_trouble(struct batv_keeper *keeper, enum batv_trouble kind, const char *format,
			 ...) __attribute__((format(printf, 3, 4)));
void batv_keeper_free(struct batv_keeper *keeper);

#endif
