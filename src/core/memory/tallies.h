/*
 * tallies.h - counts how often an item or a tag was seen, on one day and over its life.  The tables
 * are small and part of the memory file.  A collision makes a count too high, never too low.
 */
#ifndef BATV_MEMORY_TALLIES_H
#define BATV_MEMORY_TALLIES_H

#include "memory/access.h"

/* What is counted: hits of an id, valid bounces to a tag, mails sent with a tag. */
enum batv_tally { BATV_TALLY_ID_HITS, BATV_TALLY_TAG_BOUNCES, BATV_TALLY_TAG_MAILS };

struct batv_tallied {
	uint32_t day;  /* on the day of `now`, including this one */
	uint32_t life; /* over the life of the name, including this one */
};

/*
 * Adds one to the count for the day of `now` and to the count for the life of the name, and returns
 * both.  until_day is the last day, in days since 1970, on which the name counts: the day on which
 * a tag's key is destroyed, or the end of an id's retention.  Returns 0, 0 if there is no memory,
 * or a read-only one.  In a file of version 1, which counts days only, life is 0.  Even after a
 * wrong clock, a count lasts at most BATV_TALLY_DAYS_MAX days.
 */
#define BATV_TALLY_DAYS_MAX 734 /* a key signs for 366 days, and its tags live for 366 more */
struct batv_tallied batv_tally(struct batv_memory *memory, enum batv_tally which,
			       const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
			       int64_t now);

/* The same, but adds `more` instead of one. */
struct batv_tallied batv_tally_add(struct batv_memory *memory, enum batv_tally which,
				   const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
				   int64_t now, uint32_t more);

/*
 * The same as batv_tally(), unless that would take the count above `limit`: then nothing is
 * counted, and the result is above `limit`.  The count for the life of the name is limited; in a
 * file of version 1 that of the day.
 */
struct batv_tallied batv_tally_up_to(struct batv_memory *memory, enum batv_tally which,
				     const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
				     int64_t now, uint32_t limit);

/* Reads both counts, and adds nothing. */
struct batv_tallied batv_tally_read(struct batv_memory *memory, enum batv_tally which,
				    const uint8_t name[static BATV_ITEM_LEN], int64_t now);

#endif
