/*
 * generation.h - which memory files are in use: the one that is written, and the generation before
 * it, which is asked as well until what it holds is out of retention.  The caller holds the
 * writers' lock.
 */
#ifndef BATV_GENERATION_H
#define BATV_GENERATION_H

#include "config.h"
#include "memory/access.h"
#include "memory/names.h"
#include "notices.h"
#include "store.h"

struct batv_generation { /* start with all zero bytes */
	/* The memory in use, and the generation before it.  Names: "" is none. */
	struct batv_memory memory, before;
	uint64_t capacity; /* of the memory last seen; 0: none */
	char memory_name[BATV_MEMORY_NAME_SIZE], before_name[BATV_MEMORY_NAME_SIZE];
	bool looked;  /* there was a look before this one: since then the boot clock vouches for the
			 time */
	bool jumped;  /* the clock has jumped before this look, or the machine slept */
	bool careful; /* the clock is in doubt, or was within three days: time alone removes nothing
		       */
	/* borrowed for a look */
	const struct batv_store *store;
	const struct batv_secrets *secrets; /* NULL: none */
	const struct batv_state *state;     /* that is published; NULL: none */
	struct batv_notices *notices;
};

/*
 * Open what the state names, make what is missing, or the next generation when capacity, retention
 * or key were changed; take over what is noted in the file before.  Afterwards
 * g->memory and ->before are open, as far as they could be, under g->memory_name and
 * ->before_name, which is what the next state has to say.
 */
void batv_generation_look(struct batv_generation *g, const struct batv_config *config, int64_t now);

/* The state that is published names these files: others go, and counts move over. */
void batv_generation_published(struct batv_generation *g);

/* Why another file is needed, as the end of a sentence; NULL: none is. */
const char *batv_generation_wanted(const struct batv_memory *memory,
				   const struct batv_config *config, uint32_t key_check,
				   int64_t now);

/* From when on `before` can be forgotten, as seen at `now`. */
int64_t batv_generation_ends(const struct batv_memory *memory, const struct batv_memory *before,
			     int64_t retention, int64_t now);

#endif
