/*
 * generation.h - manages the memory files in use: the one that is written, and the generation
 * before it, which is still consulted until its content is older than the retention.  The caller
 * must hold the writers' lock.
 */
#ifndef BATV_GENERATION_H
#define BATV_GENERATION_H

#include "config.h"
#include "memory/access.h"
#include "memory/names.h"
#include "notices.h"
#include "store.h"

struct batv_generation { /* start with all zero bytes */
	/* The memory in use, and the generation before it.  An empty name: there is no file. */
	struct batv_memory memory, before;
	uint64_t capacity; /* of the memory last seen; 0: none seen */
	char memory_name[BATV_MEMORY_NAME_SIZE], before_name[BATV_MEMORY_NAME_SIZE];
	bool looked;  /* there was a look before this one; since then the boot clock confirms the
			 time */
	bool jumped;  /* the clock jumped before this look, or the machine slept */
	bool careful; /* the clock is in doubt, or was in the last three days: time alone removes
			 nothing */
	/* borrowed for one look */
	const struct batv_store *store;
	const struct batv_secrets *secrets; /* NULL: none */
	const struct batv_state *state;     /* the published state; NULL: none */
	struct batv_notices *notices;
};

/*
 * Opens the files that the state names, and creates a missing one.  Creates the next generation if
 * capacity, retention or key were changed.  Takes over the domains and counts from the file before.
 * Afterwards g->memory and g->before are open, if they could be opened.  The next state must name
 * g->memory_name and g->before_name.
 */
void batv_generation_look(struct batv_generation *g, const struct batv_config *config, int64_t now);

/* Call this when the published state names these files.  Moves the counts and removes old files. */
void batv_generation_published(struct batv_generation *g);

/* Returns why another file is needed, as the end of a sentence; NULL if it is not needed. */
const char *batv_generation_wanted(struct batv_memory *memory, const struct batv_config *config,
				   uint32_t key_check, int64_t now);

/* Returns the time from which `before` is no longer needed, as known at `now`. */
int64_t batv_generation_ends(struct batv_memory *memory, struct batv_memory *before,
			     int64_t retention, int64_t now);

#endif
