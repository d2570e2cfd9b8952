/*
 * sent.c - the sent-message memory in use: two Bloom filters for each day, and tallies.
 *
 * Any number of processes write at once, and any may be killed at any instruction: a word changes
 * by one compare-and-swap that keeps day and bits together, so a killed process leaves some bits of
 * an item that nobody was promised.  Invariants: a word of a later day is never overwritten by an
 * earlier one, so a clock that went back wipes nothing; a bit is only ever cleared together with
 * its day.  No locks, no allocation, no clock.
 */
#include "memory/sent.h"

#include <string.h>

#include "base/hmac.h"
#include "memory/layout.h"

#define DAY_SHIFT 48
#define COUNT_MASK ((UINT64_C(1) << DAY_SHIFT) - 1)
#define FULL_IDS 2		/* times the capacity */
#define FULL_PAIRS 1
#define CITED_IDS 4		/* that are looked up for one message: BATV_LOOKUPS_MAX */

_Static_assert(BATV_LINES_MAX * BATV_LINE_SIZE == BATV_MEMORY_PAGE, "a block fits a page");
_Static_assert(BATV_RETENTION_DAYS_MAX + 2 == BATV_LINES_MAX, "today and a clock's error");

/* ---- Names ---- */

/* The part behind the last "@" in lower case: how a domain is written says nothing. */
static void copy_id(struct batv_span id, char *out)
{
	size_t i, domain = id.len;

	memcpy(out, id.p, id.len);
	while (domain > 0 && id.p[domain - 1] != '@')
		domain--;
	for (i = domain; domain > 0 && i < id.len; i++)
		out[i] = batv_fold(out[i]);
}

/* Kind, our address, NUL; an address holds no control characters.  0: it is none. */
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
	struct batv_item it = { .kind = kind };

	_Static_assert(BATV_ITEM_LEN == BATV_HMAC_LEN, "a name is a MAC");
	if (key.len == 0 || !batv_hmac_sha1(key, ours, other, it.name))
		return false;
	*item = it;
	return true;
}

bool batv_item_id(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		  struct batv_item *item)
{
	char mine[MINE_SIZE], cited[BATV_ID_MAX];
	size_t len = begin_name('i', ours, mine);

	if (len == 0 || id.len == 0 || id.len > BATV_ID_MAX)
		return false;
	copy_id(id, cited);
	return name_item(key, BATV_ITEM_ID, (struct batv_span){ mine, len },
			 (struct batv_span){ cited, id.len }, item);
}

bool batv_item_pair(struct batv_span key, const struct batv_addr *ours,
		    const struct batv_addr *theirs, struct batv_item *item)
{
	char mine[MINE_SIZE], other[BATV_ADDR_SIZE];
	size_t len = begin_name('p', ours, mine), other_len;

	if (len == 0 || theirs->domain.len == 0 ||
	    batv_addr_canon(theirs, other, sizeof other, &other_len) != BATV_OK)
		return false;
	return name_item(key, BATV_ITEM_PAIR, (struct batv_span){ mine, len },
			 (struct batv_span){ other, other_len }, item);
}

/* ---- Where an item lies ---- */

static uint64_t number_at(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes > 0)
		n = n << 8 | p[--bytes];
	return n;
}

/*
 * The first 4 bytes choose the block, the other 16 the bits: each half is written with digits of
 * base 384, and seven of those are as even as random bytes can make them.
 */
void batv_item_pattern(const uint8_t *name, const struct batv_filter *filter,
		       struct batv_pattern *out)
{
	uint64_t digits = 0;
	unsigned i;

	memset(out, 0, sizeof *out);
	out->block = (uint32_t)(number_at(name, 4) * filter->blocks >> 32);
	for (i = 0; i < filter->bits; i++) {
		unsigned place;

		if (i % 7 == 0)
			digits = number_at(name + (i == 0 ? 4 : 12), 8);
		place = (unsigned)(digits % BATV_LINE_BITS);
		digits /= BATV_LINE_BITS;
		out->mask[place / 48] |= UINT64_C(1) << place % 48;
	}
}

/* One item on its way through a guard. */
struct place {
	const struct batv_filter *filter;
	enum batv_item_kind kind;
	struct batv_pattern pattern;
};

static bool find_place(const struct batv_memory *m, const struct batv_item *item, struct place *out)
{
	out->kind = item->kind;
	out->filter = &m->filters[item->kind == BATV_ITEM_ID ? 0 : 1];
	if (!out->filter->at)
		return false;
	batv_item_pattern(item->name, out->filter, &out->pattern);
	return true;
}

/* Where in the file the block of an item begins, and in it the line of a day. */
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

		if (p->mask[i] && (w >> DAY_SHIFT != day || (p->mask[i] & ~w) != 0))
			return false;
	}
	return true;
}

static bool line_is_later(const uint64_t *line, const struct batv_pattern *p, uint64_t day)
{
	unsigned i;

	for (i = 0; i < BATV_LINE_WORDS; i++)
		if (p->mask[i] && __atomic_load_n(&line[i], __ATOMIC_RELAXED) >> DAY_SHIFT > day)
			return true;
	return false;
}

/* False: a process with another clock wrote a later day meanwhile. */
static bool set_bits(uint64_t *word, uint64_t mask, uint64_t day)
{
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED), next;

	do {
		uint64_t stamp = w >> DAY_SHIFT;

		if (stamp > day)
			return false;
		next = (stamp == day ? w : day << DAY_SHIFT) | mask;
	} while (w != next && !__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED));
	return true;
}

/* ---- Remembering ---- */

static size_t counter_of(enum batv_item_kind kind)
{
	return kind == BATV_ITEM_ID ? BATV_COUNT_IDS : BATV_COUNT_PAIRS;
}

static bool has_counters(const struct batv_memory *m)
{
	return m->counters_at && m->counters_count >= BATV_COUNT_END;
}

static enum batv_remember_answer write_item(struct batv_memory *m, const struct place *p,
					    uint64_t *line, uint64_t day)
{
	uint64_t limit = p->filter->capacity * (p->kind == BATV_ITEM_ID ? FULL_IDS : FULL_PAIRS);
	size_t counter = counter_of(p->kind);
	uint64_t count = 0;
	unsigned i;

	if (has_counters(m) && !batv_counter_read(m, counter, day, &count))
		return BATV_REMEMBER_CLOCK;
	if (count >= limit)
		return BATV_REMEMBER_FULL;
	for (i = 0; i < BATV_LINE_WORDS; i++)
		if (p->pattern.mask[i] && !set_bits(&line[i], p->pattern.mask[i], day))
			return BATV_REMEMBER_CLOCK;
	if (has_counters(m))
		batv_counter_add(m, counter, day);
	return BATV_REMEMBER_DONE;
}

static enum batv_remember_answer remember_one(struct batv_memory *m,
					      const struct batv_item *item, uint64_t day)
{
	enum batv_remember_answer answer;
	struct place p;
	uint64_t *line;

	if (!find_place(m, item, &p))
		return BATV_REMEMBER_NONE;
	line = batv_memory_at(m, block_at(&p) + line_in_block(&p, day));
	/* Adding nothing: one page fault, for writing, and not two. */
	(void)__atomic_fetch_add(line, 0, __ATOMIC_RELAXED);
	if (line_has(line, &p.pattern, day))
		return BATV_REMEMBER_KNOWN;
	if (line_is_later(line, &p.pattern, day))
		answer = BATV_REMEMBER_CLOCK;
	else
		answer = write_item(m, &p, line, day);
	if (answer == BATV_REMEMBER_CLOCK && has_counters(m))
		batv_counter_add(m, BATV_COUNT_CLOCK, day);
	if (answer == BATV_REMEMBER_FULL && has_counters(m))
		batv_counter_add(m, BATV_COUNT_FULL, day);
	return answer;
}

struct remember_job {
	const struct batv_item *items;
	size_t n, at;			/* how many are done with */
	uint64_t day;
	enum batv_remember_answer *answers;
};

static void remember_body(struct batv_memory *m, void *arg)
{
	struct remember_job *job = arg;

	for (; job->at < job->n; job->at++)
		if (job->answers[job->at] != BATV_REMEMBER_KNOWN)
			job->answers[job->at] = remember_one(m, &job->items[job->at], job->day);
}

/*
 * What reception has written already, routing and the transport, in processes of their own, need not
 * write again: to read it is far cheaper than to map its page.
 */
static bool is_known(const struct batv_memory *m, const struct batv_item *item, uint64_t day)
{
	uint64_t line[BATV_LINE_WORDS];
	struct place p;

	return find_place(m, item, &p) &&
	       batv_memory_peek(m, block_at(&p) + line_in_block(&p, day), line, sizeof line) &&
	       line_has(line, &p.pattern, day);
}

/* True: all of them are known. */
static bool mark_known(const struct batv_memory *m, struct remember_job *job)
{
	size_t i, known = 0;

	for (i = 0; i < job->n; i++) {
		job->answers[i] = m->windowed && is_known(m, &job->items[i], job->day)
					  ? BATV_REMEMBER_KNOWN
					  : BATV_REMEMBER_NONE;
		known += job->answers[i] == BATV_REMEMBER_KNOWN;
	}
	return known == job->n;
}

/* Days since 1970; 0 and what is beyond BATV_DAY_MAX has no place in a word. */
static uint64_t day_of(int64_t when)
{
	return when < 0 ? 0 : (uint64_t)when / 86400;
}

void batv_remember_all(struct batv_memory *memory, const struct batv_item *items, size_t n,
		       int64_t now, enum batv_remember_answer *answers)
{
	struct remember_job job = { .items = items, .n = n, .day = day_of(now), .answers = answers };
	enum batv_remember_answer rest = BATV_REMEMBER_NONE;

	if (batv_memory_there(memory) && memory->writable && (job.day == 0 || job.day > BATV_DAY_MAX))
		rest = BATV_REMEMBER_CLOCK;
	else if (memory->writable && (mark_known(memory, &job) ||
				      batv_memory_guard(memory, remember_body, &job)))
		return;
	for (; job.at < n; job.at++)
		answers[job.at] = rest;
}

enum batv_remember_answer batv_remember(struct batv_memory *memory, const struct batv_item *item,
					int64_t now)
{
	enum batv_remember_answer answer;

	batv_remember_all(memory, item, 1, now, &answer);
	return answer;
}

/* On a day from `from` to `until`? */
static bool was_written(const struct batv_memory *m, const struct batv_item *item, uint64_t from,
			uint64_t until)
{
	uint64_t block[BATV_LINES_MAX * BATV_LINE_WORDS], day, ring;
	struct place p;

	if (!find_place(m, item, &p) ||
	    !batv_memory_peek(m, block_at(&p), block, p.filter->lines * (size_t)BATV_LINE_SIZE))
		return false;
	/* The line of an older day is that of a later one. */
	ring = until >= p.filter->lines ? until - p.filter->lines + 1 : 1;
	for (day = until; day >= from && day >= ring; day--)
		if (line_has(block + line_in_block(&p, day) / sizeof *block, &p.pattern, day))
			return true;
	return false;
}

size_t batv_remembered_any(const struct batv_memory *memory, const struct batv_item *items,
			   size_t n, int64_t retention, int64_t now)
{
	uint64_t until = day_of(now) + 1, from = retention < now ? day_of(now - retention) : 1;
	size_t i = 0;

	if (until < 2 || until > BATV_DAY_MAX)
		return n;
	while (i < n && !was_written(memory, &items[i], from, until))
		i++;
	return i;
}

bool batv_remembered(const struct batv_memory *memory, const struct batv_item *item,
		     int64_t retention, int64_t now)
{
	return batv_remembered_any(memory, item, 1, retention, now) == 0;
}

/* ---- How full ---- */

bool batv_memory_complete(const struct batv_memory *memory, int64_t retention, int64_t now)
{
	unsigned days = (unsigned)(retention / 86400) + 2, i;
	int64_t bare;

	if (!batv_memory_there(memory) || !has_counters(memory) || retention < 0 || now < 0)
		return false;
	for (i = 0; i < BATV_FILTERS; i++)
		if (!memory->filters[i].at || memory->filters[i].since > now - retention)
			return false;
	bare = batv_memory_bare_last(memory);
	if (bare != 0 && bare > now - retention)
		return false;
	return batv_counted(memory, BATV_COUNT_FULL, days, now) == 0 &&
	       batv_counted(memory, BATV_COUNT_CLOCK, 0, now) == 0 && batv_memory_there(memory);
}

/* e to the minus x, for x >= 0: (1 - x / 2^20) to the 2^20. */
static double decay(double x)
{
	double y = 1 - x / 1048576;
	unsigned i;

	if (x > 700)
		return 0;
	for (i = 0; i < 20; i++)
		y *= y;
	return y;
}

static double power(double x, unsigned n)
{
	double y = 1;

	for (; n > 0; n--)
		y *= x;
	return y;
}

/*
 * The items of a line are Poisson distributed.  n items leave a place empty with probability
 * empty = (1 - 1/384)^(bits * n); the second term is for lines that are fuller than the mean.
 */
double batv_line_chance(double load, unsigned bits)
{
	double share = decay(load), empty = 1, sum = 0;
	unsigned n;

	if (load > 100)
		return 1;
	for (n = 0; n < 300; n++) {
		double hit = 1 - empty, c = (double)(n * bits) / BATV_LINE_BITS;
		double spread = empty * (1 - (1 + c) * empty) / BATV_LINE_BITS;
		double more = n ? bits * (bits - 1.0) / 2 * spread / (hit * hit) : 0;
		double chance = power(hit, bits) * (1 + more);

		sum += share * (chance < 1 ? chance : 1);
		share *= load / (n + 1);
		empty *= power(1 - 1.0 / BATV_LINE_BITS, bits);
	}
	return sum < 1 ? sum : 1;
}

bool batv_memory_fill(const struct batv_memory *memory, enum batv_item_kind kind, int64_t now,
		      struct batv_memory_fill *out)
{
	const struct batv_filter *f = &memory->filters[kind == BATV_ITEM_ID ? 0 : 1];
	struct batv_memory_fill fill = { .capacity = f->capacity };
	size_t counter = counter_of(kind);
	uint64_t before = 0;
	unsigned i;

	if (!batv_memory_there(memory) || !f->at || !has_counters(memory))
		return false;
	fill.today = batv_counted(memory, counter, 1, now);
	for (i = 1; i < f->lines; i++) {
		uint64_t sum = batv_counted(memory, counter, i, now), n = sum - before;

		if (i > BATV_COUNTER_DAYS)	/* no count is kept of it */
			n = fill.fullest;
		if (i <= BATV_COUNTER_DAYS && n > fill.fullest)
			fill.fullest = n;
		before = sum;
		fill.chance += CITED_IDS * batv_line_chance((double)n / f->blocks, f->bits);
	}
	if (fill.chance > 1)
		fill.chance = 1;
	if (!batv_memory_there(memory))
		return false;
	*out = fill;
	return true;
}

/* ---- Tallies ---- */

struct tally_job {
	size_t page, first, second;	/* two words of a page */
	uint64_t day;
	uint64_t count;
};

/*
 * A word of today or tomorrow goes on; any other is of a day gone by, or of a clock that was
 * wrong, and begins anew.
 */
static uint64_t add_one(uint64_t *word, uint64_t day)
{
	uint64_t w = 0, next;

	do {
		uint64_t stamp = w >> DAY_SHIFT;
		bool goes_on = stamp == day || stamp == day + 1;

		if (goes_on && (w & COUNT_MASK) == COUNT_MASK)
			return COUNT_MASK;
		next = goes_on ? w + 1 : (day << DAY_SHIFT) + 1;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return next & COUNT_MASK;
}

/* Others share one of the two words, hardly ever both: the smaller one is nearer to the truth. */
static void tally_body(struct batv_memory *m, void *arg)
{
	struct tally_job *job = arg;
	uint64_t *words = batv_memory_at(m, job->page), other;

	job->count = add_one(&words[job->first], job->day);
	if (job->first == job->second)
		return;
	other = add_one(&words[job->second], job->day);
	if (other < job->count)
		job->count = other;
}

uint32_t batv_tally(struct batv_memory *memory, enum batv_tally which,
		    const uint8_t name[static BATV_ITEM_LEN], int64_t now)
{
	struct tally_job job = { .day = day_of(now) };
	size_t pages;

	if (!batv_memory_there(memory) || !memory->writable || (unsigned)which >= BATV_TALLIES ||
	    !memory->tally_at[which] || job.day == 0 || job.day >= BATV_DAY_MAX)
		return 0;
	pages = memory->tally_pages[which];
	job.page = memory->tally_at[which] +
		   (size_t)(number_at(name, 4) * pages >> 32) * BATV_MEMORY_PAGE;
	job.first = number_at(name + 4, 2) % BATV_TALLY_PAGE_WORDS;
	job.second = number_at(name + 6, 2) % BATV_TALLY_PAGE_WORDS;
	if (!batv_memory_guard(memory, tally_body, &job))
		return 0;
	return job.count > UINT32_MAX ? UINT32_MAX : (uint32_t)job.count;
}

uint32_t batv_memory_key_check(struct batv_span key)
{
	uint8_t mac[BATV_HMAC_LEN];

	if (key.len == 0 || !batv_hmac_sha1(key, batv_span_of("exim-batv memory 1"),
					    (struct batv_span){ "", 0 }, mac))
		return 0;
	return (uint32_t)number_at(mac, 4);
}
