/*
 * memory_move.h - what one memory file takes over from the one before it.
 */
#ifndef BATV_MEMORY_MOVE_H
#define BATV_MEMORY_MOVE_H

#include "memory/access.h"

/* The domain table, the time of bare mail, and the networks of forged tags; may be done again at
 * any time. */
void batv_memory_move_copy(struct batv_memory *from, struct batv_memory *to);

/*
 * The same once the other one is in use: what is noted late in `from` is taken out of it.  Else
 * evidence that ended meanwhile (mail left bare, a clock was set right) would come back.
 */
void batv_memory_move_domains(struct batv_memory *from, struct batv_memory *to);

/*
 * Counters: what is counted in `from` is afterwards counted in `to`.  The items of a day, which
 * tell how full the file itself is, stay; only their count for life moves.  The count of
 * wrong days in the file stays whole.  Several processes may count in both meanwhile.
 */
void batv_memory_move_counts(struct batv_memory *from, struct batv_memory *to);

#endif
