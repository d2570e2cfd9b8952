/*
 * sent.h - the sent-mail memory.  It records which Message-IDs left with which of our addresses on
 * them, and which of our users wrote to whom.
 *
 * It has two Bloom filters for each day, one for ids and one for pairs.  Both are sections of the
 * memory file.  The lines of an item for all days are side by side in one block that never crosses
 * a page.  So an item touches one page however many days are kept, and a look-up is one read.  A
 * line has 64 bytes: 8 words, each with a 16-bit day stamp and 48 filter bits.  A stale word is
 * replaced by compare-and-swap when its turn comes round, without a clearing pass or a lock.
 * docs/formats.md describes the layout.
 *
 * An item's name is an HMAC-SHA1 under the memory's own key.  So nobody outside can choose where an
 * item goes, and the file does not reveal who writes to whom.
 */
#ifndef BATV_MEMORY_SENT_H
#define BATV_MEMORY_SENT_H

#include "memory/access.h"
#include "tag/addr.h"

#define BATV_RETENTION_DAYS_MAX 62 /* 64 lines of a block, minus today and a clock's error */

enum batv_item_kind { BATV_ITEM_ID, BATV_ITEM_PAIR };

struct batv_item {
	enum batv_item_kind kind;
	uint8_t name[BATV_ITEM_LEN];
};

/*
 * Names the item (Message-ID, address of ours).  key is that of the memory, 1 to 64 bytes.  id
 * comes without its angle brackets and without white space around it.  Ids are compared byte by
 * byte, except that case does not matter after the last "@".
 *
 * Returns false, and leaves *item untouched, if there is no key, if id is empty or too long, or if
 * ours is not an address.
 */
bool batv_sent_id(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		  struct batv_item *item);

/* Names the item (Exim's own id) of a message that had permission to relay: evidence/trace.h. */
bool batv_sent_relayed(struct batv_span key, struct batv_span exim_id, struct batv_item *item);

/*
 * The same for a hint: the address was only in the header of the message, and nobody vouched for
 * it.  A hint is kept among the ids, under a name of its own, so neither is taken for the other.
 */
bool batv_sent_hint(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		    struct batv_item *item);

/* Names the item (a domain of ours, in lower case) whose mail a relay of ours sends untagged. */
bool batv_sent_relay_sends(struct batv_span key, struct batv_span domain, struct batv_item *item);

/*
 * Names the item (our sender, their recipient).  Both come without any tag (batv_tag_bare()).
 * Returns false as batv_sent_id() does.
 */
bool batv_sent_pair(struct batv_span key, const struct batv_addr *ours,
		    const struct batv_addr *theirs, struct batv_item *item);

enum batv_sent_answer {
	BATV_SENT_DONE,  /* it has been recorded */
	BATV_SENT_KNOWN, /* it had been recorded today already */
	BATV_SENT_NONE,  /* no memory, a read-only one, or one without such a section */
	BATV_SENT_FULL,  /* the day's capacity is used up: pairs at 100 %, ids at 200 % */
	BATV_SENT_CLOCK, /* its place has a later day: a clock is, or was, wrong */
};

/*
 * Records an item for the day of `now`, and counts what it did.  When it returns DONE or KNOWN,
 * every bit is in the file.  A process that is killed before that has promised nothing.
 */
enum batv_sent_answer batv_sent_note(struct batv_memory *memory, const struct batv_item *item,
				     int64_t now);
/*
 * Records n items under one guard, which costs two system calls.  answers has room for n.  With
 * windows, the page of an item that is known already is not touched.  If the
 * memory has a journal (journal.h), what is not known already is written there first.
 */
void batv_sent_note_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
			int64_t now, enum batv_sent_answer *answers);
/*
 * The same for one item, but it is written into the journal even if it is known.  This repairs what
 * a fleet has missed: batvctl remember.
 */
enum batv_sent_answer batv_sent_note_again(struct batv_memory *memory, const struct batv_item *item,
					   int64_t now);
/*
 * Records items that another server has sent, for `day`.  They never go into the journal.  Into a
 * file that is new this is ten times faster if the items are sorted by the first four bytes of
 * their names, least significant byte first: then their blocks are in order.
 */
void batv_sent_merge_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
			 uint64_t day, enum batv_sent_answer *answers);

/*
 * Returns true if the item was recorded on any day from `retention` seconds ago until tomorrow.  If
 * there are two generations, ask both.  The caller counts BATV_COUNT_LOOKUPS and _HITS.
 */
bool batv_sent_known(struct batv_memory *memory, const struct batv_item *item, int64_t retention,
		     int64_t now);

/* Returns the index of the first of n items that was recorded, or n.  Each costs one read. */
size_t batv_sent_known_any(struct batv_memory *memory, const struct batv_item *items, size_t n,
			   int64_t retention, int64_t now);

/* What the memory says of itself: may it be asked about a time as long as `retention`? */
struct batv_sent_facts {
	bool readable;
	bool gaps;     /* within that time, something could not be recorded: see below */
	int64_t since; /* mail sent since then is in it; INT64_MAX: it cannot record */
};
struct batv_sent_facts batv_sent_facts(struct batv_memory *memory, int64_t retention, int64_t now);

/*
 * Returns true if the memory is readable and complete for at least `retention` seconds, so that an
 * item that is not in it was not sent.  Returns false also if something could not be recorded in
 * that time: because the memory was full, the clock was wrong, or there was no usable state; or if
 * the file cannot be written now.
 */
bool batv_sent_complete(struct batv_memory *memory, int64_t retention, int64_t now);
/*
 * The same for two generations; the previous one must be readable too.  before is NULL if the state
 * names no previous generation.
 */
bool batv_sent_complete_with(struct batv_memory *memory, struct batv_memory *before,
			     int64_t retention, int64_t now);

/* A check value that tells the keys of memories apart; 0: no key. */
uint32_t batv_sent_key_check(struct batv_span key);
/* The counter of recorded items of this kind. */
size_t batv_sent_counter(enum batv_item_kind kind);

struct batv_pattern { /* the bits of an item */
	uint32_t block;
	uint64_t mask[BATV_LINE_WORDS];
};
void batv_sent_pattern(const uint8_t *name, const struct batv_filter *filter,
		       struct batv_pattern *out);

#endif
