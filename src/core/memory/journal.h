/*
 * journal.h - the journal of the memory file: what was recorded, in order, for the other servers of
 * a fleet.  Only a memory file that was made for a fleet has one.
 *
 * It is a ring of records.  Exim's processes write it, in the guard in which they record: one
 * fetch-and-add takes the positions of all new items, one pwrite() writes their records, and then
 * the bits of the filters are set.  A process that is killed between the first two leaves records
 * that are missing, and no bits; so the item is recorded again when the message is routed.
 *
 * Any process may read it, without a lock.  A record has a check over its position and its name, so
 * one that is half written, missing or of an earlier round is not taken for it.
 */
#ifndef BATV_MEMORY_JOURNAL_H
#define BATV_MEMORY_JOURNAL_H

#include "memory/counters.h"
#include "memory/sent.h"

enum batv_journal_kind { /* in files and parcels: a number never changes */
			 BATV_JOURNAL_ID = 1,
			 BATV_JOURNAL_PAIR = 2,
			 BATV_JOURNAL_TAG_MAIL = 3, /* nothing writes these two yet */
			 BATV_JOURNAL_TAG_BOUNCE = 4,
};

struct batv_journal_entry {
	uint64_t position;
	uint16_t day; /* for which it was recorded */
	uint8_t kind; /* enum batv_journal_kind, or one of a later version; never 0 */
	uint8_t topic;
	uint8_t name[BATV_ITEM_LEN];
};

/*
 * Writes the items whose answer is not BATV_SENT_KNOWN.  Call this within a guard, if the memory is
 * writable and has a journal.  What could not be written is counted, see batv_journal_failed().
 */
void batv_journal_add(struct batv_memory *m, const struct batv_item *items, size_t n, uint64_t day,
		      const enum batv_sent_answer *answers);

static inline bool batv_journal_there(const struct batv_memory *memory)
{
	return memory->sections.journal_at && batv_counters_there(memory);
}
/* Returns how many records the ring has; 0: there is no journal. */
uint64_t batv_journal_room(const struct batv_memory *memory);

struct batv_journal_head {
	uint64_t next;   /* the position that is taken next; 0: nothing was recorded */
	uint64_t failed; /* records that could not be written, although their bits are set */
};
/* Returns false if there is no journal, or if it cannot be read. */
bool batv_journal_head(struct batv_memory *memory, struct batv_journal_head *head);

enum batv_journal_answer {
	BATV_JOURNAL_WHOLE,
	BATV_JOURNAL_MISSING,  /* it is not written yet, or not all of it, or never will be */
	BATV_JOURNAL_GONE,     /* a later round of the ring has taken its place */
	BATV_JOURNAL_NO_MEMORY /* there is no journal, or it cannot be read */
};
/* Reads the record at `position`.  *entry is written if the answer is WHOLE. */
enum batv_journal_answer batv_journal_read(struct batv_memory *memory, uint64_t position,
					   struct batv_journal_entry *entry);

#endif
