/*
 * recall.c - measures, for each domain, how much of what comes back the memory knows.
 *
 * Any number of processes write at the same time, and any may be killed at any instruction: a word
 * changes by one compare-and-swap.  Invariant: each of the words for networks is of a sample that
 * was really taken, so a race can lose a sample, but never adds one.  No locks, no allocation, no
 * clock.
 */
#include "memory/recall.h"

#include <string.h>

#include "base/days.h"
#include "base/hmac.h"
#include "base/network.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/slots.h"
#include "memory/tallies.h"

#define LOW_MASK ((UINT64_C(1) << BATV_DAY_SHIFT) - 1)
#define BITMAP_DAYS BATV_DAY_SHIFT
#define TRIES 8 /* while other processes change the same words */

/* The days that count. */
struct window {
	uint64_t from, today; /* and tomorrow */
};

static struct window window_of(int64_t retention, int64_t now)
{
	return (struct window){retention < now ? batv_day_of(now - retention) : 1,
			       batv_day_of(now)};
}

static uint64_t day_in(uint64_t word)
{
	return word >> BATV_DAY_SHIFT;
}

static bool counts(const struct window *w, uint64_t word)
{
	return day_in(word) >= w->from && day_in(word) <= w->today + 1;
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool change(uint64_t *word, uint64_t from, uint64_t to)
{
	return from == to || __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_RELAXED,
							 __ATOMIC_RELAXED);
}

/* ---- the words of a slot ---- */

static uint64_t counted_once_more(const struct window *w, uint64_t word)
{
	uint64_t count = counts(w, word) ? word & LOW_MASK : 0;
	uint64_t day = counts(w, word) && day_in(word) > w->today ? day_in(word) : w->today;

	return day << BATV_DAY_SHIFT | (count < LOW_MASK ? count + 1 : count);
}

/* Bit n is the day n days before the word's. */
static uint64_t with_day(const struct window *w, uint64_t word)
{
	uint64_t day = day_in(word), bits = word & LOW_MASK, gap;

	if (day == w->today + 1)
		return word | 2;
	if (day > w->today || w->today - day >= BITMAP_DAYS)
		return w->today << BATV_DAY_SHIFT | 1;
	gap = w->today - day;
	return w->today << BATV_DAY_SHIFT | (bits << gap & LOW_MASK) | 1;
}

/* The place of a word that no longer counts; BATV_DOMAIN_HASHES: there is none. */
static size_t free_place(const struct window *w, const uint64_t words[static BATV_DOMAIN_HASHES])
{
	size_t i = 0;

	while (i < BATV_DOMAIN_HASHES && counts(w, words[i]))
		i++;
	return i;
}

/* The place of the oldest word, other than `spared`. */
static size_t oldest(const uint64_t words[static BATV_DOMAIN_HASHES], size_t spared)
{
	size_t best = spared == 0 ? 1 : 0;

	for (size_t i = best + 1; i < BATV_DOMAIN_HASHES; i++)
		if (i != spared && day_in(words[i]) < day_in(words[best]))
			best = i;
	return best;
}

/*
 * Where a known sample goes.  Kept are the newest one, the newest one of another network, and the
 * newest of the rest.  That is enough to know at any time whether there were three within the
 * retention, and from two networks.
 */
static size_t place_of_known(const struct window *w,
			     const uint64_t words[static BATV_DOMAIN_HASHES], uint64_t word)
{
	size_t other = BATV_DOMAIN_HASHES, i = free_place(w, words);

	if (i < BATV_DOMAIN_HASHES)
		return i;
	for (i = 0; i < BATV_DOMAIN_HASHES; i++)
		if ((words[i] & LOW_MASK) != (word & LOW_MASK) &&
		    (other == BATV_DOMAIN_HASHES || day_in(words[i]) > day_in(words[other])))
			other = i;
	return oldest(words, other);
}

/* Where a missed network goes: its own place, or that of the oldest. */
static size_t place_of_missed(const struct window *w,
			      const uint64_t words[static BATV_DOMAIN_HASHES], uint64_t word)
{
	size_t i;

	for (i = 0; i < BATV_DOMAIN_HASHES; i++)
		if (counts(w, words[i]) && (words[i] & LOW_MASK) == (word & LOW_MASK))
			return i;
	i = free_place(w, words);
	return i < BATV_DOMAIN_HASHES ? i : oldest(words, BATV_DOMAIN_HASHES);
}

/* ---- taking a sample ---- */

struct take_job {
	size_t index; /* of the slot */
	enum batv_recall_kind kind;
	struct window window;
	uint64_t word; /* day and network */
};

static void add_network(struct take_job *job, uint64_t *words)
{
	const struct window *w = &job->window;

	for (unsigned n = 0; n < TRIES; n++) {
		uint64_t have[BATV_DOMAIN_HASHES];
		size_t at;

		for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++)
			have[i] = load(&words[i]);
		at = job->kind == BATV_RECALL_MISSED ? place_of_missed(w, have, job->word)
						     : place_of_known(w, have, job->word);
		if (change(&words[at], have[at], job->word))
			return;
	}
}

static void change_until_done(uint64_t *word, const struct window *w,
			      uint64_t (*next)(const struct window *, uint64_t))
{
	uint64_t have;

	do
		have = load(word);
	while (!change(word, have, next(w, have)));
}

static void take_body(struct batv_memory *m, void *arg)
{
	struct take_job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	if (job->kind == BATV_RECALL_MISSED) {
		add_network(job, slot->missed_networks);
		change_until_done(&slot->missed_days, &job->window, with_day);
		change_until_done(&slot->recall_missed, &job->window, counted_once_more);
		return;
	}
	add_network(job, slot->known_networks);
	if (job->kind == BATV_RECALL_KNOWN)
		change_until_done(&slot->recall_known, &job->window, counted_once_more);
}

/* Names what is counted in a tally, so that nobody outside can choose its place. */
static bool tally_name(struct batv_span key, const char *what, const void *text, size_t len,
		       uint8_t name[static BATV_ITEM_LEN])
{
	return key.len > 0 && batv_hmac_sha1(key, batv_span_of(what),
					     (struct batv_span){(const char *)text, len}, name);
}

/* The tally of tries: of an address, with its tag, and a network. */
static bool tries_name(const struct batv_recall_sample *s, uint8_t name[static BATV_ITEM_LEN])
{
	char text[BATV_ADDR_SIZE + sizeof(uint64_t)];
	uint64_t network;
	size_t len;

	if (!batv_network_of(s->host, &network) ||
	    batv_addr_canon(s->rcpt, text, BATV_ADDR_SIZE, &len) != BATV_OK)
		return false;
	memcpy(text + len, &network, sizeof network);
	return tally_name(s->key, "recall of ", text, len + sizeof network, name);
}

static bool can_take(const struct batv_memory *memory, int64_t now)
{
	const uint64_t day = batv_day_of(now);

	return batv_memory_there(memory) && batv_slot_writable(memory) &&
	       batv_slot_is_whole(memory) && day > 0 && day < BATV_DAY_MAX;
}

bool batv_recall_wants(struct batv_memory *memory, const struct batv_recall_sample *s)
{
	const uint64_t today = batv_day_of(s->now);
	uint8_t name[BATV_ITEM_LEN];
	uint32_t tries;

	if (!can_take(memory, s->now) || !tries_name(s, name))
		return false;
	tries = batv_tally(memory, BATV_TALLY_TAG_BOUNCES, name, today, s->now).day;
	return tries > 0 && tries <= BATV_RECALL_TRIES;
}

/* Was this id never a sample? */
static bool is_new(struct batv_memory *memory, const struct batv_recall_sample *s,
		   const struct batv_item *id)
{
	uint8_t name[BATV_ITEM_LEN];

	return tally_name(s->key, "recall id ", id->name, sizeof id->name, name) &&
	       batv_tally(memory, BATV_TALLY_ID_HITS, name, batv_day_of(s->now + s->retention),
			  s->now)
			       .life == 1;
}

static bool network_word(const struct batv_recall_sample *s, uint64_t day, uint64_t *word)
{
	uint8_t name[BATV_ITEM_LEN];
	uint64_t network;

	if (!batv_network_of(s->host, &network) ||
	    !tally_name(s->key, "network ", &network, sizeof network, name))
		return false;
	*word = day << BATV_DAY_SHIFT | batv_number_at(name, BATV_DAY_SHIFT / 8);
	return true;
}

bool batv_recall_take(struct batv_memory *memory, const struct batv_recall_sample *s,
		      enum batv_recall_kind kind, const struct batv_item *id)
{
	struct take_job job = {.kind = kind, .window = window_of(s->retention, s->now)};
	uint8_t tries[BATV_ITEM_LEN];
	struct batv_domain_slot slot;
	struct batv_slot_name name;

	if (!can_take(memory, s->now) || batv_slot_name(s->domain, &name) != BATV_OK ||
	    !network_word(s, job.window.today, &job.word) || !tries_name(s, tries) ||
	    !batv_slot_find(memory, &name, &job.index, &slot) || !is_new(memory, s, id) ||
	    !batv_memory_guard(memory, take_body, &job))
		return false;
	(void)batv_tally_add(memory, BATV_TALLY_TAG_BOUNCES, tries, job.window.today, s->now,
			     BATV_RECALL_TRIES);
	if (kind != BATV_RECALL_CITED)
		batv_count(memory,
			   kind == BATV_RECALL_KNOWN ? BATV_COUNT_RECALL_KNOWN
						     : BATV_COUNT_RECALL_MISSED,
			   s->now);
	return true;
}

/* ---- reading ---- */

static uint64_t count_in_window(const struct window *w, uint64_t word)
{
	return counts(w, word) ? word & LOW_MASK : 0;
}

static unsigned samples_in(const struct window *w, const uint64_t words[static BATV_DOMAIN_HASHES])
{
	unsigned n = 0;

	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++)
		n += counts(w, words[i]);
	return n;
}

static unsigned networks_in(const struct window *w, const uint64_t words[static BATV_DOMAIN_HASHES])
{
	unsigned n = 0;

	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again = again || (counts(w, words[j]) &&
					  (words[j] & LOW_MASK) == (words[i] & LOW_MASK));
		n += counts(w, words[i]) && !again;
	}
	return n;
}

static unsigned days_in(const struct window *w, uint64_t word)
{
	unsigned n = 0;

	if (day_in(word) > w->today + 1)
		return 0;
	for (unsigned i = 0; i < BITMAP_DAYS && day_in(word) >= w->from + i; i++)
		n += (word >> i & 1) != 0;
	return n < BATV_RECALL_ENOUGH ? n : BATV_RECALL_ENOUGH;
}

bool batv_recall_read(struct batv_memory *memory, const char *domain, int64_t retention,
		      int64_t now, struct batv_recall *out)
{
	const struct window w = window_of(retention, now);
	struct batv_domain_slot slot;
	struct batv_slot_name name;
	size_t index;

	if (!batv_memory_there(memory) || !memory->sections.domains_at ||
	    !batv_slot_is_whole(memory) || batv_slot_name(domain, &name) != BATV_OK ||
	    !batv_slot_find(memory, &name, &index, &slot) || !batv_slot_read(memory, index, &slot))
		return false;
	*out = (struct batv_recall){
		.known = count_in_window(&w, slot.recall_known),
		.missed = count_in_window(&w, slot.recall_missed),
		.known_samples = samples_in(&w, slot.known_networks),
		.known_networks = networks_in(&w, slot.known_networks),
		.missed_networks = networks_in(&w, slot.missed_networks),
		.missed_days = days_in(&w, slot.missed_days),
	};
	return true;
}

/* ---- the next generation ---- */

struct copy_job {
	size_t index;
	struct batv_domain_slot from;
};

/* Is the sample there, or a later one of a network that counts once? */
static bool has_sample(const uint64_t have[static BATV_DOMAIN_HASHES], uint64_t word,
		       bool once_a_network)
{
	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++)
		if (have[i] == word ||
		    (once_a_network && (have[i] & LOW_MASK) == (word & LOW_MASK) && have[i] > word))
			return true;
	return false;
}

/* A slot without samples gets all of them, even two that look the same. */
static void copy_networks(const uint64_t *from, uint64_t *to, bool once_a_network)
{
	const bool empty = !load(&to[0]) && !load(&to[1]) && !load(&to[2]);

	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++) {
		uint64_t have[BATV_DOMAIN_HASHES];
		size_t at;

		for (size_t j = 0; j < BATV_DOMAIN_HASHES; j++)
			have[j] = load(&to[j]);
		at = empty ? i : oldest(have, BATV_DOMAIN_HASHES);
		if (day_in(have[at]) < day_in(from[i]) &&
		    (empty || !has_sample(have, from[i], once_a_network)))
			(void)change(&to[at], have[at], from[i]);
	}
}

/* A later day, or a larger count of the same day. */
static void copy_larger(uint64_t from, uint64_t *to)
{
	uint64_t have = load(to);

	while (have < from && !change(to, have, from))
		have = load(to);
}

static void copy_body(struct batv_memory *m, void *arg)
{
	const struct copy_job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	copy_networks(job->from.known_networks, slot->known_networks, false);
	copy_networks(job->from.missed_networks, slot->missed_networks, true);
	copy_larger(job->from.missed_days, &slot->missed_days);
	copy_larger(job->from.recall_known, &slot->recall_known);
	copy_larger(job->from.recall_missed, &slot->recall_missed);
}

/* Was anything measured? */
static bool has_recall(const struct batv_domain_slot *slot)
{
	return slot->known_networks[0] || slot->known_networks[1] || slot->known_networks[2] ||
	       slot->missed_days;
}

void batv_recall_copy(struct batv_memory *from, struct batv_memory *to)
{
	struct batv_domain domain;
	struct batv_domain_slot ignored;
	struct batv_slot_name name;
	struct copy_job job;

	if (!batv_memory_there(from) || !batv_memory_there(to) || !batv_slot_writable(to) ||
	    !batv_slot_is_whole(from) || !batv_slot_is_whole(to))
		return;
	for (size_t i = 0; batv_domain_next(from, &i, &domain); i++)
		if (batv_slot_read(from, i, &job.from) && has_recall(&job.from) &&
		    batv_slot_name(domain.name, &name) == BATV_OK &&
		    batv_slot_find(to, &name, &job.index, &ignored))
			(void)batv_memory_guard(to, copy_body, &job);
}
