/*
 * generation.h - which memory files are in use: the one that is written, and the generation before
 * it, which is asked as well until what it holds is out of retention.  keeper.c's part that deals
 * with files; the caller holds the writers' lock.
 */
#ifndef BATV_GENERATION_H
#define BATV_GENERATION_H

#include "keeper.h"

/*
 * Open what the state names, make what is missing, or the next generation when capacity, retention
 * or key were changed; take over what is noted in the file before.  Afterwards
 * keeper->memory and ->before are open, as far as they could be, under keeper->memory_name and
 * ->before_name, which is what the next state has to say.
 */
void batv_generation_look(struct batv_keeper *keeper, const struct batv_config *config,
			  int64_t now);

/* The state that is published names these files: others go, and counts move over. */
void batv_generation_published(struct batv_keeper *keeper);

/* Why another file is needed, as the end of a sentence; NULL: none is. */
const char *batv_generation_wanted(const struct batv_memory *memory,
				   const struct batv_config *config, uint32_t key_check,
				   int64_t now);

/* From when on `before` can be forgotten, as seen at `now`. */
int64_t batv_generation_ends(const struct batv_memory *memory, const struct batv_memory *before,
			     int64_t retention, int64_t now);

#endif
