/*
 * sent.c - the sent-mail memory in use: two Bloom filters for each day.
 *
 * Any number of processes write at the same time, and any may be killed at any instruction.  A word
 * changes by one compare-and-swap, which keeps day and bits together.  So a killed process can only
 * leave some bits of an item that it had not yet promised to anybody.
 *
 * Invariants: an earlier day never overwrites a word of a later day, so a clock that goes back
 * erases nothing.  A bit is cleared only together with its day.  No locks, no allocation, no clock.
 */
#include "memory/sent.h"

#include <string.h>

#include "base/days.h"
#include "base/hmac.h"
#include "memory/journal.h"

#define FULL_IDS 2 /* times the capacity */
#define FULL_PAIRS 1

_Static_assert(BATV_LINES_MAX *BATV_LINE_SIZE == BATV_MEMORY_PAGE, "a block fits a page");
_Static_assert(BATV_RETENTION_DAYS_MAX + 2 == BATV_LINES_MAX, "today and a clock's error");

/* ---- Names ---- */

/*
 * Copies an id with the part after the last "@" in lower case, because the case of a domain has no
 * meaning.
 */
static void copy_id(struct batv_span id, char *out)
{
	size_t i, domain = id.len;

	memcpy(out, id.p, id.len);
	while (domain > 0 && id.p[domain - 1] != '@')
		domain--;
	for (i = domain; domain > 0 && i < id.len; i++)
		out[i] = batv_fold(out[i]);
}

/* Kind, our address, NUL; an address has no control characters.  Length 0: it is not an address. */
#define MINE_SIZE (BATV_ADDR_SIZE + 2)
static size_t begin_name(char kind, const struct batv_addr *ours, char out[static MINE_SIZE])
{
	size_t len;

	if (ours->domain.len == 0 ||
	    batv_addr_canon(ours, out + 1, BATV_ADDR_SIZE, &len) != BATV_OK || len == 0)
		return 0;
	out[0] = kind;
	out[1 + len] = '\0';
	return len + 2;
}

static bool name_item(struct batv_span key, enum batv_item_kind kind, struct batv_span ours,
		      struct batv_span other, struct batv_item *item)
{
	struct batv_item it = {.kind = kind};

	_Static_assert(BATV_ITEM_LEN == BATV_HMAC_LEN, "a name is a MAC");
	if (key.len == 0 || !batv_hmac_sha1(key, ours, other, it.name))
		return false;
	*item = it;
	return true;
}

static bool name_id(char letter, struct batv_span key, struct batv_span id,
		    const struct batv_addr *ours, struct batv_item *item)
{
	char mine[MINE_SIZE], cited[BATV_ID_MAX];
	size_t len = begin_name(letter, ours, mine);

	if (len == 0 || id.len == 0 || id.len > BATV_ID_MAX)
		return false;
	copy_id(id, cited);
	return name_item(key, BATV_ITEM_ID, (struct batv_span){mine, len},
			 (struct batv_span){cited, id.len}, item);
}

bool batv_sent_relayed(struct batv_span key, struct batv_span exim_id, struct batv_item *item)
{
	return exim_id.len > 0 &&
	       name_item(key, BATV_ITEM_ID, (struct batv_span){"x", 2}, exim_id, item);
}

bool batv_sent_id(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		  struct batv_item *item)
{
	return name_id('i', key, id, ours, item);
}

bool batv_sent_hint(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		    struct batv_item *item)
{
	return name_id('h', key, id, ours, item);
}

bool batv_sent_relay_sends(struct batv_span key, struct batv_span domain, struct batv_item *item)
{
	return domain.len > 0 &&
	       name_item(key, BATV_ITEM_ID, (struct batv_span){"r", 2}, domain, item);
}

bool batv_sent_pair(struct batv_span key, const struct batv_addr *ours,
		    const struct batv_addr *theirs, struct batv_item *item)
{
	char mine[MINE_SIZE], other[BATV_ADDR_SIZE];
	size_t len = begin_name('p', ours, mine), other_len;

	if (len == 0 || theirs->domain.len == 0 ||
	    batv_addr_canon(theirs, other, sizeof other, &other_len) != BATV_OK)
		return false;
	return name_item(key, BATV_ITEM_PAIR, (struct batv_span){mine, len},
			 (struct batv_span){other, other_len}, item);
}

/* ---- The place of an item ---- */

/*
 * The first 4 bytes choose the block, the other 16 choose the bits.  Each half of these is written
 * with digits of base 384.  Seven such digits are as uniform as random bytes can make them.
 */
void batv_sent_pattern(const uint8_t *name, const struct batv_filter *filter,
		       struct batv_pattern *out)
{
	uint64_t digits = 0;
	unsigned i;

	memset(out, 0, sizeof *out);
	out->block = (uint32_t)(batv_number_at(name, 4) * filter->blocks >> 32);
	for (i = 0; i < filter->bits; i++) {
		unsigned place;

		if (i % 7 == 0)
			digits = batv_number_at(name + (i == 0 ? 4 : 12), 8);
		place = (unsigned)(digits % BATV_LINE_BITS);
		digits /= BATV_LINE_BITS;
		out->mask[place / 48] |= UINT64_C(1) << place % 48;
	}
}

/* The place of one item. */
struct place {
	const struct batv_filter *filter;
	enum batv_item_kind kind;
	struct batv_pattern pattern;
};

static bool find_place(const struct batv_memory *m, const struct batv_item *item, struct place *out)
{
	out->kind = item->kind;
	out->filter = &m->sections.filters[item->kind == BATV_ITEM_ID ? 0 : 1];
	if (!out->filter->at)
		return false;
	batv_sent_pattern(item->name, out->filter, &out->pattern);
	return true;
}

/* Returns where the block of an item begins in the file. */
static size_t block_at(const struct place *p)
{
	return p->filter->at + (size_t)p->pattern.block * p->filter->lines * BATV_LINE_SIZE;
}

static size_t line_in_block(const struct place *p, uint64_t day)
{
	return (size_t)(day & (p->filter->lines - 1)) * BATV_LINE_SIZE;
}

static bool line_has(const uint64_t *line, const struct batv_pattern *p, uint64_t day)
{
	unsigned i;

	for (i = 0; i < BATV_LINE_WORDS; i++) {
		uint64_t w = __atomic_load_n(&line[i], __ATOMIC_RELAXED);

		if (p->mask[i] && (w >> BATV_DAY_SHIFT != day || (p->mask[i] & ~w) != 0))
			return false;
	}
	return true;
}

static bool line_is_later(const uint64_t *line, const struct batv_pattern *p, uint64_t day)
{
	unsigned i;

	for (i = 0; i < BATV_LINE_WORDS; i++)
		if (p->mask[i] &&
		    __atomic_load_n(&line[i], __ATOMIC_RELAXED) >> BATV_DAY_SHIFT > day)
			return true;
	return false;
}

/* Returns false if a process with another clock has written a later day in the meantime. */
static bool set_bits(uint64_t *word, uint64_t mask, uint64_t day)
{
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED), next;

	do {
		uint64_t stamp = w >> BATV_DAY_SHIFT;

		if (stamp > day)
			return false;
		next = (stamp == day ? w : day << BATV_DAY_SHIFT) | mask;
	} while (w != next && !__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED));
	return true;
}

/* ---- Remembering ---- */

size_t batv_sent_counter(enum batv_item_kind kind)
{
	return kind == BATV_ITEM_ID ? BATV_COUNT_IDS : BATV_COUNT_PAIRS;
}

static enum batv_sent_answer write_item(struct batv_memory *m, const struct place *p,
					uint64_t *line, uint64_t day)
{
	uint64_t limit = p->filter->capacity * (p->kind == BATV_ITEM_ID ? FULL_IDS : FULL_PAIRS);
	size_t counter = batv_sent_counter(p->kind);
	uint64_t count = 0;
	unsigned i;

	if (batv_counters_there(m) && !batv_counter_read(m, counter, day, &count))
		return BATV_SENT_CLOCK;
	if (count >= limit)
		return BATV_SENT_FULL;
	for (i = 0; i < BATV_LINE_WORDS; i++)
		if (p->pattern.mask[i] && !set_bits(&line[i], p->pattern.mask[i], day))
			return BATV_SENT_CLOCK;
	if (batv_counters_there(m))
		batv_counter_add(m, counter, day);
	return BATV_SENT_DONE;
}

static enum batv_sent_answer remember_one(struct batv_memory *m, const struct batv_item *item,
					  uint64_t day)
{
	enum batv_sent_answer answer = BATV_SENT_NONE;
	struct place p;
	uint64_t *line;

	if (!find_place(m, item, &p))
		return BATV_SENT_NONE;
	line = batv_memory_at(m, block_at(&p) + line_in_block(&p, day));
	/* Adds nothing, so that the first access is a write. */
	(void)__atomic_fetch_add(line, 0, __ATOMIC_RELAXED);
	if (line_has(line, &p.pattern, day))
		return BATV_SENT_KNOWN;
	if (line_is_later(line, &p.pattern, day))
		answer = BATV_SENT_CLOCK;
	else
		answer = write_item(m, &p, line, day);
	if (answer == BATV_SENT_CLOCK && batv_counters_there(m))
		batv_counter_add(m, BATV_COUNT_CLOCK, day);
	if (answer == BATV_SENT_FULL && batv_counters_there(m))
		batv_counter_add(m, BATV_COUNT_FULL, day);
	return answer;
}

struct remember_job {
	const struct batv_item *items;
	size_t n, at; /* items; how many of them are done */
	uint64_t day;
	enum batv_sent_answer *answers;
	bool asks;    /* first, which of them are known */
	bool journal; /* writes the others there, before any bit is set */
};

static void remember_body(struct batv_memory *m, void *arg)
{
	struct remember_job *job = arg;

	if (job->journal)
		batv_journal_add(m, job->items, job->n, job->day, job->answers);
	for (; job->at < job->n; job->at++)
		if (job->answers[job->at] != BATV_SENT_KNOWN)
			job->answers[job->at] = remember_one(m, &job->items[job->at], job->day);
}

/*
 * Is it recorded for this day already?  Reception, routing and the transport are separate
 * processes, and need not write the same item again, nor tell a fleet of it.  Reading it is far
 * cheaper than mapping its page.
 */
static bool is_known(struct batv_memory *m, const struct batv_item *item, uint64_t day)
{
	uint64_t line[BATV_LINE_WORDS];
	struct place p;

	return find_place(m, item, &p) &&
	       batv_memory_peek(m, block_at(&p) + line_in_block(&p, day), line, sizeof line) &&
	       line_has(line, &p.pattern, day);
}

/* Marks the items that are known.  Returns true if all of them are. */
static bool mark_known(struct batv_memory *m, struct remember_job *job)
{
	size_t i, known = 0;

	for (i = 0; i < job->n; i++) {
		job->answers[i] = job->asks && is_known(m, &job->items[i], job->day)
					  ? BATV_SENT_KNOWN
					  : BATV_SENT_NONE;
		known += job->answers[i] == BATV_SENT_KNOWN;
	}
	return known == job->n;
}

static void remember(struct batv_memory *memory, struct remember_job *job)
{
	enum batv_sent_answer rest = BATV_SENT_NONE;

	if (batv_memory_there(memory) && memory->writable &&
	    (job->day == 0 || job->day > BATV_DAY_MAX))
		rest = BATV_SENT_CLOCK;
	else if (memory->writable &&
		 (mark_known(memory, job) || batv_memory_guard(memory, remember_body, job)))
		return;
	for (; job->at < job->n; job->at++)
		job->answers[job->at] = rest;
}

void batv_sent_note_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
			int64_t now, enum batv_sent_answer *answers)
{
	const bool journal = batv_journal_there(memory);
	struct remember_job job = {.items = items,
				   .n = n,
				   .day = batv_day_of(now),
				   .answers = answers,
				   .asks = memory->windowed || journal,
				   .journal = journal};

	remember(memory, &job);
}

enum batv_sent_answer batv_sent_note(struct batv_memory *memory, const struct batv_item *item,
				     int64_t now)
{
	enum batv_sent_answer answer = BATV_SENT_NONE;

	batv_sent_note_all(memory, item, 1, now, &answer);
	return answer;
}

enum batv_sent_answer batv_sent_note_again(struct batv_memory *memory, const struct batv_item *item,
					   int64_t now)
{
	enum batv_sent_answer answer = BATV_SENT_NONE;
	struct remember_job job = {.items = item,
				   .n = 1,
				   .day = batv_day_of(now),
				   .answers = &answer,
				   .journal = batv_journal_there(memory)};

	remember(memory, &job);
	return answer;
}

void batv_sent_merge_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
			 uint64_t day, enum batv_sent_answer *answers)
{
	struct remember_job job = {
		.items = items, .n = n, .day = day, .answers = answers, .asks = memory->windowed};

	remember(memory, &job);
}

/* Was it recorded on a day from `from` to `until`? */
static bool was_written(struct batv_memory *m, const struct batv_item *item, uint64_t from,
			uint64_t until)
{
	uint64_t block[BATV_LINES_MAX * BATV_LINE_WORDS], day, ring;
	struct place p;

	if (!find_place(m, item, &p) ||
	    !batv_memory_peek(m, block_at(&p), block, p.filter->lines * (size_t)BATV_LINE_SIZE))
		return false;
	/* The line of an older day has been taken by a later one. */
	ring = until >= p.filter->lines ? until - p.filter->lines + 1 : 1;
	for (day = until; day >= from && day >= ring; day--)
		if (line_has(block + line_in_block(&p, day) / sizeof *block, &p.pattern, day))
			return true;
	return false;
}

size_t batv_sent_known_any(struct batv_memory *memory, const struct batv_item *items, size_t n,
			   int64_t retention, int64_t now)
{
	uint64_t until = batv_day_of(now) + 1,
		 from = retention < now ? batv_day_of(now - retention) : 1;
	size_t i = 0;

	if (until < 2 || until > BATV_DAY_MAX)
		return n;
	while (i < n && !was_written(memory, &items[i], from, until))
		i++;
	return i;
}

bool batv_sent_known(struct batv_memory *memory, const struct batv_item *item, int64_t retention,
		     int64_t now)
{
	return batv_sent_known_any(memory, item, 1, retention, now) == 0;
}

/* ---- How full ---- */

/* Both sections are complete since then: the later of their two times. */
static int64_t since_of(const struct batv_memory *memory)
{
	int64_t since = 0;

	for (unsigned i = 0; i < BATV_FILTERS; i++) {
		const struct batv_filter *filter = &memory->sections.filters[i];

		if (!filter->at)
			return INT64_MAX;
		if (filter->since > since)
			since = filter->since;
	}
	return since;
}

struct batv_sent_facts batv_sent_facts(struct batv_memory *memory, int64_t retention, int64_t now)
{
	unsigned days = (unsigned)(retention / BATV_DAY) + 2;
	struct batv_sent_facts facts = {.since = INT64_MAX};
	int64_t bare;

	if (!batv_memory_there(memory) || !batv_counters_there(memory) || retention < 0 || now < 0)
		return facts;
	facts.since = since_of(memory);
	bare = batv_counters_bare_last(memory);
	facts.gaps = memory->sealed || (bare != 0 && bare > now - retention) ||
		     batv_counted(memory, BATV_COUNT_FULL, days, now) > 0 ||
		     batv_counted(memory, BATV_COUNT_CLOCK, 0, now) > 0;
	facts.readable = batv_memory_whole(memory); /* still */
	return facts;
}

bool batv_sent_complete(struct batv_memory *memory, int64_t retention, int64_t now)
{
	struct batv_sent_facts facts = batv_sent_facts(memory, retention, now);

	return facts.readable && !facts.gaps && facts.since <= now - retention;
}

bool batv_sent_complete_with(struct batv_memory *memory, struct batv_memory *before,
			     int64_t retention, int64_t now)
{
	return batv_sent_complete(memory, retention, now) && (!before || batv_memory_whole(before));
}

/* ---- Tallies ---- */

uint32_t batv_sent_key_check(struct batv_span key)
{
	uint8_t mac[BATV_HMAC_LEN];

	if (key.len == 0 || !batv_hmac_sha1(key, batv_span_of("exim-batv memory 1"),
					    (struct batv_span){"", 0}, mac))
		return 0;
	return (uint32_t)batv_number_at(mac, 4);
}
