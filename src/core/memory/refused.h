/*
 * refused.h - counts the bounces that were refused in the last hour, by the name of what brought
 * them or of what they were for (decide/flood.h makes the names).
 *
 * The table is a section of the memory file and has a fixed size.  A count is kept in steps of ten
 * minutes, and goes down to nothing within an hour.  A new name takes an empty place or one whose
 * hour is over.  If there is neither, it takes the place with the lowest count.  So who goes on
 * stays in the table, and a count is never too high.  docs/formats.md describes the layout.
 */
#ifndef BATV_MEMORY_REFUSED_H
#define BATV_MEMORY_REFUSED_H

#include "memory/access.h"

#define BATV_REFUSED_PERIOD_MIN 600
#define BATV_REFUSED_PERIOD_MAX 3600

/* Counts one.  Nothing is counted if there is no memory, or a read-only one, or no such section. */
void batv_refused_note(struct batv_memory *memory, const uint8_t name[static BATV_ITEM_LEN],
		       int64_t now);

/*
 * Returns how many were counted in the last `period` seconds, which is within the limits above.
 * The oldest of the steps counts by the part of it that is still within the period, rounded down.
 * Returns 0 if there is no memory, or no such section.
 */
uint32_t batv_refused_count(struct batv_memory *memory, const uint8_t name[static BATV_ITEM_LEN],
			    int64_t period, int64_t now);

#endif
