/*
 * tallies.h - how often one item or one tag was seen, on a day and over its life: small tables in
 * the memory file, with collisions that count too much, never too little.
 */
#ifndef BATV_MEMORY_TALLIES_H
#define BATV_MEMORY_TALLIES_H

#include "memory/access.h"

/* Hits of an id, valid bounces to a tag, mails sent with a tag.  Counted by the name of each. */
enum batv_tally { BATV_TALLY_ID_HITS, BATV_TALLY_TAG_BOUNCES, BATV_TALLY_TAG_MAILS };

struct batv_tallied {
	uint32_t day;  /* on the day of `now`, with this one */
	uint32_t life; /* over the life of the name, with this one */
};

/*
 * Count one for the day of `now`, and one for the life of the name.  until_day: the last day, as
 * days since 1970, on which it counts: the day on which a tag's key is destroyed, the end of an
 * id's retention.  Answers 0, 0 when there is no memory, or it may only be read; life 0 in a file
 * of version 1, which counts days alone.  No clock that was wrong makes a count last for longer
 * than BATV_TALLY_DAYS_MAX.
 */
#define BATV_TALLY_DAYS_MAX 734 /* a key signs for 366 days, and its tags live for 366 more */
struct batv_tallied batv_tally(struct batv_memory *memory, enum batv_tally which,
			       const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
			       int64_t now);

#endif
