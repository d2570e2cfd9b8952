/*
 * sent.h - the sent-mail memory: which Message-IDs left, with which address of ours on
 * them; and who of ours wrote to whom.
 *
 * Two Bloom filters for each day, ids and pairs apart, as further sections of the memory file.  An
 * item's lines of all days lie side by side in one block that never crosses a page, so an item
 * touches one page however many days are kept, and a look-up is one read.  A line is 64 bytes: 8
 * words of a 16-bit day stamp and 48 filter bits.  A stale word is replaced by compare-and-swap
 * when its turn comes round: no clearing pass, no lock.  docs/formats.md has the layout.
 *
 * Items are named by HMAC-SHA1 under the memory's own key, so that nobody outside can choose
 * where an item falls, and the file tells nobody who writes to whom.
 */
#ifndef BATV_MEMORY_SENT_H
#define BATV_MEMORY_SENT_H

#include "memory/access.h"
#include "tag/addr.h"

#define BATV_RETENTION_DAYS_MAX 62 /* 64 lines of a block, less today and a clock's error */

enum batv_item_kind { BATV_ITEM_ID, BATV_ITEM_PAIR };

struct batv_item {
	enum batv_item_kind kind;
	uint8_t name[BATV_ITEM_LEN];
};

/*
 * (Message-ID, address of ours).  key: the memory's, 1 to 64 bytes.  id: without angle brackets
 * and white space around it; compared byte by byte, but for the case behind its last "@".
 * False: no key, an id that is empty or too long, or an address that is none; *item is then
 * untouched.
 */
bool batv_sent_id(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		  struct batv_item *item);

/* (our sender, their recipient); both without any tag (batv_tag_bare). */
bool batv_sent_pair(struct batv_span key, const struct batv_addr *ours,
		    const struct batv_addr *theirs, struct batv_item *item);

enum batv_sent_answer {
	BATV_SENT_DONE,  /* it is there now */
	BATV_SENT_KNOWN, /* it was there already, of today */
	BATV_SENT_NONE,  /* no memory, it may only be read, or it has no such section */
	BATV_SENT_FULL,  /* the day's capacity is used up: pairs at 100 %, ids at 200 % */
	BATV_SENT_CLOCK, /* its place holds a later day: a clock is, or was, wrong */
};

/*
 * Write it for the day of `now`.  When it returns DONE or KNOWN every bit is in the file: a
 * process that is killed before that has promised nothing.  Counts what it did.
 */
enum batv_sent_answer batv_sent_note(struct batv_memory *memory, const struct batv_item *item,
				     int64_t now);
/*
 * Several with one guard, which costs two system calls.  answers: n of them.  With windows, what
 * is known already is found out without mapping its page.
 */
void batv_sent_note_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
			int64_t now, enum batv_sent_answer *answers);

/*
 * Was it written on a day from `retention` seconds ago until tomorrow?  Of two generations ask
 * both.  Counts nothing: BATV_COUNT_LOOKUPS and _HITS are the caller's.
 */
bool batv_sent_known(const struct batv_memory *memory, const struct batv_item *item,
		     int64_t retention, int64_t now);

/* The first of several that was; n: none.  One read each. */
size_t batv_sent_known_any(const struct batv_memory *memory, const struct batv_item *items,
			   size_t n, int64_t retention, int64_t now);

/*
 * Readable, with all that was sent for at least `retention`: what is not in it was not sent.
 * False, too, when something was not remembered in that time (for want of room, of the right time,
 * of a usable state).
 */
bool batv_sent_complete(const struct batv_memory *memory, int64_t retention, int64_t now);
/* With the generation before, which must be readable, too.  NULL: the state names none. */
bool batv_sent_complete_with(const struct batv_memory *memory, const struct batv_memory *before,
			     int64_t retention, int64_t now);

/* Tells one key of a memory from another; 0: no key. */
uint32_t batv_sent_key_check(struct batv_span key);
/* The counter of what is remembered of this kind. */
size_t batv_sent_counter(enum batv_item_kind kind);

struct batv_pattern { /* where an item lies */
	uint32_t block;
	uint64_t mask[BATV_LINE_WORDS];
};
void batv_sent_pattern(const uint8_t *name, const struct batv_filter *filter,
		       struct batv_pattern *out);

#endif
