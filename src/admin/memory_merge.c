/*
 * memory_merge.c - merges the filters of another memory file, word by word.
 *
 * Invariant: a word only gets a later day, or more bits of its day.  So Exim may go on writing, and
 * an import that ends in the middle has added true things only.
 */
#include "memory_merge.h"

#include <stdio.h>
#include <string.h>

#include "memory/counters.h"

#define WORD sizeof(uint64_t)

static bool fits(const struct batv_filter *a, const struct batv_filter *b)
{
	return a->at && b->at && a->blocks == b->blocks && a->lines == b->lines &&
	       a->bits == b->bits;
}

bool batv_memory_merge_begin(struct batv_memory_merge *m, struct batv_memory *to,
			     const struct batv_memory_head *head, char *why, size_t size)
{
	const enum batv_err err = batv_header_check(head, head->size, &m->from);
	const struct batv_filter *own = to->sections.filters, *their = m->from.filters;

	*why = '\0';
	m->to = to;
	m->at = sizeof *head;
	m->part = 0;
	m->whole = m->lost = false;
	m->until = head->fleet_until;
	m->since = head->fleet_since;
	if (err)
		(void)snprintf(why, size, "it is no memory file: %s", batv_strerror(err));
	else if (!batv_memory_there(to) || !to->writable)
		(void)snprintf(why, size, "there is no memory here that can be written");
	else if (!their[0].at || their[0].key_check != own[0].key_check)
		(void)snprintf(why, size,
			       "it was made with another key: let both hosts have the same secrets "
			       "(batvctl secret export, batvctl secret import)");
	else if (!fits(&own[0], &their[0]) || !fits(&own[1], &their[1]))
		(void)snprintf(
			why, size,
			"it has memory_capacity %llu and room for %u days, and here they are "
			"%llu and %u: set memory_capacity and memory_retention as on that "
			"host",
			(unsigned long long)their[0].capacity, their[0].lines,
			(unsigned long long)own[0].capacity, own[0].lines);
	return !*why;
}

/* ---- words ---- */

/* The day with more in it stays; the words of one day are joined. */
static void join(uint64_t *word, uint64_t more)
{
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED), next;

	do {
		if (w >> BATV_DAY_SHIFT > more >> BATV_DAY_SHIFT)
			return;
		next = w >> BATV_DAY_SHIFT == more >> BATV_DAY_SHIFT ? w | more : more;
	} while (w != next && !__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED));
}

/* A day's count: the larger one, for what both have is in both. */
static void raise(uint64_t *word, uint64_t count)
{
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (w < count && !__atomic_compare_exchange_n(word, &w, count, true, __ATOMIC_RELAXED,
							 __ATOMIC_RELAXED))
		;
}

static size_t filter_size(const struct batv_filter *f)
{
	return (size_t)f->blocks * f->lines * BATV_LINE_SIZE;
}

/* Where the word at `at` of their file is in ours; 0: it is none of these. */
static size_t place_of(const struct batv_memory_merge *m, uint64_t at)
{
	for (unsigned i = 0; i < BATV_FILTERS; i++) {
		const struct batv_filter *f = &m->from.filters[i];

		if (at >= f->at && at - f->at < filter_size(f))
			return m->to->sections.filters[i].at + (size_t)(at - f->at);
	}
	return 0;
}

/* The same for the counts of ids and pairs by day. */
static size_t count_of(const struct batv_memory_merge *m, uint64_t at)
{
	static const size_t rows[] = {BATV_COUNT_IDS, BATV_COUNT_PAIRS};

	for (unsigned i = 0; m->from.counters_at && m->to->sections.counters_at && i < 2; i++) {
		const uint64_t row = m->from.counters_at +
				     rows[i] * sizeof(struct batv_counter_row),
			       first = row + offsetof(struct batv_counter_row, day);

		if (at >= first && at < first + BATV_COUNTER_DAYS * WORD)
			return m->to->sections.counters_at +
			       rows[i] * sizeof(struct batv_counter_row) + (size_t)(at - row);
	}
	return 0;
}

struct piece {
	struct batv_memory_merge *merge;
	const uint8_t *bytes;
	size_t len; /* a multiple of WORD */
	size_t done;
};

/* The bytes so far are whole words, and so are these. */
static void take_body(struct batv_memory *to, void *arg)
{
	struct piece *p = arg;
	uint64_t word;
	size_t place;

	for (; p->done < p->len; p->done += WORD) {
		const uint64_t at = p->merge->at + p->done;

		memcpy(&word, p->bytes + p->done, WORD);
		if (word == 0)
			continue;
		place = place_of(p->merge, at);
		if (place)
			join(batv_memory_at(to, place), word);
		else if ((place = count_of(p->merge, at)) != 0)
			raise(batv_memory_at(to, place), word);
		else if (at == p->merge->from.end_at)
			p->merge->whole = word == p->merge->from.sum;
	}
}

static void take_words(struct batv_memory_merge *m, const uint8_t *bytes, size_t len)
{
	struct piece p = {.merge = m, .bytes = bytes, .len = len};

	if (!batv_memory_guard(m->to, take_body, &p))
		m->lost = true;
	m->at += len;
}

bool batv_memory_merge_take(struct batv_memory_merge *m, const uint8_t *bytes, size_t len)
{
	size_t words;

	while (m->part && len) {
		((uint8_t *)&m->word)[m->part++] = *bytes++;
		len--;
		if (m->part == WORD) {
			take_words(m, (const uint8_t *)&m->word, WORD);
			m->part = 0;
		}
	}
	words = len / WORD * WORD;
	if (words)
		take_words(m, bytes, words);
	m->part = m->part ? m->part : len - words;
	memcpy(&m->word, bytes + words, len - words);
	return !m->lost;
}

bool batv_memory_merge_end(const struct batv_memory_merge *m)
{
	return m->whole && !m->lost && m->part == 0;
}
