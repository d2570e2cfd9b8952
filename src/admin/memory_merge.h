/*
 * memory_merge.h - adds what the memory file of another host of the fleet knows to the one here:
 * batvctl memory import.  The file comes as a stream of bytes, so nothing of it need fit anywhere.
 *
 * The result has all that either of them knew; to merge twice is the same as once.  Only
 * Message-IDs and pairs are taken, and how many there were on each day: all the rest is about the
 * other host.
 */
#ifndef BATV_MEMORY_MERGE_H
#define BATV_MEMORY_MERGE_H

#include "memory/access.h"

struct batv_memory_merge { /* private, but for `from` and `until` */
	struct batv_memory *to;
	struct batv_sections from;
	int64_t until, since; /* of the other host: batv_fleet_until(), batv_fleet_since() */
	uint64_t at;          /* bytes of the file so far */
	uint64_t word;        /* one that has not come whole */
	size_t part;          /* bytes of it */
	bool whole;           /* the last word was that of an unbroken file */
	bool lost;            /* our own memory broke meanwhile */
};

/*
 * Begins with the header page and the size that it says.  On false, `why` is the end of a sentence:
 * what does not fit.  The files must have the same key, capacity and retention.
 */
bool batv_memory_merge_begin(struct batv_memory_merge *merge, struct batv_memory *to,
			     const struct batv_memory_head *head, char *why, size_t size);
/* Takes the bytes that follow.  Returns false if our own memory is lost. */
bool batv_memory_merge_take(struct batv_memory_merge *merge, const uint8_t *bytes, size_t len);
/* Did all of the file come, unbroken? */
bool batv_memory_merge_end(const struct batv_memory_merge *merge);

#endif
