/*
 * forged.c - the table of networks that forged tags came from.
 *
 * Any number of processes write at the same time, and any may be killed at any instruction.  A
 * place is taken by one compare-and-swap of its first word, which has the network and the day.
 * Invariant: a count is used only if its check matches that word, so a count that a killed or
 * slower process left for another network is ignored.  No locks, no allocation, no clock.
 */
#include "memory/forged.h"

#include <string.h>

#include "base/days.h"
#include "base/network.h"
#include "base/span.h"
#include "memory/counters.h"
#include "memory/layout.h"

#define DAY_MASK UINT64_C(0x7fff) /* day since 1970, modulo 32768 */
#define TRIES 8

/* ---- Places ---- */

static uint64_t day_of(int64_t now)
{
	return (now > 0 ? (uint64_t)now / BATV_DAY : 0) & DAY_MASK;
}

static uint64_t check_of(uint64_t who)
{
	return (who ^ who << 32) >> 32 << 32;
}

/* A place that was taken but not counted yet stands for one attempt. */
static uint32_t attempts_of(uint64_t who, uint64_t count)
{
	return (count ^ check_of(who)) >> 32 == 0 ? (uint32_t)count : 1;
}

struct forged_job {
	uint64_t who;
	size_t page;
	uint32_t least; /* 0: add one; otherwise raise to at least this */
};

static size_t page_of(const struct batv_memory *m, uint64_t who)
{
	uint64_t network = who & ~DAY_MASK;

	return m->sections.forged_at +
	       (size_t)(batv_fnv64(BATV_FNV_START, &network, sizeof network) %
			m->sections.forged_pages) *
		       BATV_MEMORY_PAGE;
}

/*
 * Returns the worth of a place on the day of `who`: nothing if it is empty or old, and less if it
 * is of yesterday.
 */
static uint64_t worth_of(const struct batv_forged_slot *slot, uint64_t w, uint64_t who)
{
	uint64_t ahead = (w - who) & DAY_MASK, count;

	if (w == 0 || (ahead > 1 && ahead != DAY_MASK))
		return 0;
	count = attempts_of(w, __atomic_load_n(&slot->count, __ATOMIC_RELAXED));
	return ahead <= 1 ? UINT64_C(1) << 32 | count : count; /* 1: tomorrow, by another clock */
}

/*
 * Finds the network's own place.  If there is none, finds the place that is worth least, which the
 * network may take.
 */
static struct batv_forged_slot *find_slot(struct batv_forged_slot *slots, uint64_t who,
					  uint64_t *holder)
{
	struct batv_forged_slot *best = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < BATV_FORGED_SLOTS; i++) {
		uint64_t w = __atomic_load_n(&slots[i].who, __ATOMIC_RELAXED);
		uint64_t worth = worth_of(&slots[i], w, who);

		if (w == who || worth < least) {
			best = &slots[i];
			least = worth;
			*holder = w;
		}
		if (w == who)
			break;
	}
	return best;
}

static void raise_count(struct batv_forged_slot *slot, const struct forged_job *job)
{
	uint64_t w = __atomic_load_n(&slot->count, __ATOMIC_RELAXED), next;

	do {
		uint32_t n = (w ^ check_of(job->who)) >> 32 == 0 ? (uint32_t)w : 0;

		if (job->least)
			n = n > job->least ? n : job->least;
		else if (n < UINT32_MAX)
			n++;
		next = check_of(job->who) | n;
	} while (!__atomic_compare_exchange_n(&slot->count, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

static void note_body(struct batv_memory *m, void *arg)
{
	const struct forged_job *job = arg;
	struct batv_forged_slot *slots = batv_memory_at(m, job->page);

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t holder = 0;
		struct batv_forged_slot *slot = find_slot(slots, job->who, &holder);

		if (holder != job->who &&
		    !__atomic_compare_exchange_n(&slot->who, &holder, job->who, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		raise_count(slot, job);
		return;
	}
}

void batv_forged_note(struct batv_memory *memory, const char *host, int64_t now)
{
	struct forged_job job = {0};
	uint64_t network;

	batv_count(memory, BATV_COUNT_FORGED, now);
	if (!batv_memory_there(memory) || !memory->writable || !memory->sections.forged_at ||
	    !batv_network_of(host, &network))
		return;
	job.who = network | day_of(now);
	job.page = page_of(memory, job.who);
	(void)batv_memory_guard(memory, note_body, &job);
}

/* ---- Reading ---- */

static bool read_page(struct batv_memory *m, size_t page,
		      struct batv_forged_slot out[static BATV_FORGED_SLOTS])
{
	return batv_memory_peek(m, m->sections.forged_at + page * BATV_MEMORY_PAGE, out,
				BATV_MEMORY_PAGE);
}

/*
 * Two processes that come at the same time may take two places for one network.  The first of these
 * places then has the sum.
 */
static uint32_t count_at(const struct batv_forged_slot *slots, size_t at)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BATV_FORGED_SLOTS; i++) {
		if (slots[i].who != slots[at].who)
			continue;
		if (i < at)
			return 0;
		sum += attempts_of(slots[i].who, slots[i].count);
	}
	return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Inserts into the sorted list, which has n entries, and returns how many it has then. */
static size_t insert(struct batv_forger *out, size_t n, size_t max, uint64_t who, uint32_t count)
{
	size_t i = n < max ? n : max - 1;

	if (n == max && out[i].count >= count)
		return n;
	for (; i > 0 && out[i - 1].count < count; i--)
		out[i] = out[i - 1];
	batv_network_text(who, out[i].network);
	out[i].count = count;
	return n < max ? n + 1 : max;
}

size_t batv_forged_most(struct batv_memory *memory, int64_t now, struct batv_forger *out,
			size_t max)
{
	struct batv_forged_slot slots[BATV_FORGED_SLOTS];
	size_t n = 0;

	for (size_t page = 0;
	     max > 0 && memory->sections.forged_at && page < memory->sections.forged_pages;
	     page++) {
		if (!read_page(memory, page, slots))
			return 0;
		for (size_t i = 0; i < BATV_FORGED_SLOTS; i++) {
			uint32_t count;

			if (slots[i].who == 0 || (slots[i].who & DAY_MASK) != day_of(now))
				continue;
			count = count_at(slots, i);
			if (count > 0)
				n = insert(out, n, max, slots[i].who, count);
		}
	}
	return n;
}

void batv_forged_copy(struct batv_memory *from, struct batv_memory *to)
{
	struct batv_forged_slot slots[BATV_FORGED_SLOTS];

	for (size_t page = 0; from->sections.forged_at && to->sections.forged_at &&
			      page < from->sections.forged_pages;
	     page++) {
		if (!read_page(from, page, slots))
			return;
		for (size_t i = 0; i < BATV_FORGED_SLOTS; i++) {
			struct forged_job job = {.who = slots[i].who};

			job.least = job.who ? count_at(slots, i) : 0;
			if (job.least == 0)
				continue;
			job.page = page_of(to, job.who);
			if (!batv_memory_guard(to, note_body, &job))
				return;
		}
	}
}
