/*
 * memory_fill.h - how full the sent-mail memory is, and how likely it is to take an unknown item
 * for a known one; for batvctl status.
 */
#ifndef BATV_MEMORY_FILL_H
#define BATV_MEMORY_FILL_H

#include "memory/sent.h"

/* How full: items written today and on the fullest day of those that are kept. */
struct batv_memory_fill {
	uint64_t capacity, today, fullest; /* items a day */
	/* That a message with 4 unknown items finds one by chance, on any of the days. */
	double chance;
};
/* False: there is no memory, or it does not have this section or the counters. */
bool batv_memory_fill(struct batv_memory *memory, enum batv_item_kind kind, int64_t now,
		      struct batv_memory_fill *out);

/* The chance that one line with on average `load` items takes an unknown one for its own. */
double batv_memory_fill_chance(double load, unsigned bits);

#endif
