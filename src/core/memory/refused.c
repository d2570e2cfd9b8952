/*
 * refused.c - the table of refused bounces.
 *
 * Any number of processes write at the same time, and any may be killed at any instruction.  A
 * place is taken by one compare-and-swap of its first word, the name.  Every count has a check of
 * the name, and the step that it is of.  Invariant: a count is used only if both fit, so what a
 * killed or slower process left for another name is ignored.  No locks, no allocation, no clock.
 */
#include "memory/refused.h"

#include "base/span.h"

#define STEP 600 /* seconds */
#define STEP_MASK UINT64_C(0xffff)
#define COUNT_MASK UINT64_C(0xffff)
#define STEP_SHIFT 16
#define CHECK_SHIFT 32
#define TRIES 8

struct refused_job {
	uint64_t who, step;
	size_t page; /* offset in the file */
};

static uint64_t check_of(uint64_t who)
{
	return (who ^ who >> CHECK_SHIFT) << CHECK_SHIFT;
}

/* The count of a word for this name.  *ago is how many steps ago that was. */
static uint64_t count_of(uint64_t w, uint64_t who, uint64_t step, uint64_t *ago)
{
	*ago = (step - (w >> STEP_SHIFT)) & STEP_MASK;
	return (w ^ check_of(who)) >> CHECK_SHIFT == 0 ? w & COUNT_MASK : 0;
}

/* Returns false if there is nothing to count in. */
static bool find_page(const struct batv_memory *m, const uint8_t *name, int64_t now,
		      struct refused_job *job)
{
	if (!batv_memory_there(m) || !m->sections.refused_at || now <= 0)
		return false;
	job->who = batv_number_at(name, 8);
	job->who += job->who == 0; /* 0 is an empty place */
	job->step = (uint64_t)now / STEP;
	job->page = m->sections.refused_at +
		    (size_t)(batv_number_at(name + 8, 4) * m->sections.refused_pages >> 32) *
			    BATV_MEMORY_PAGE;
	return true;
}

/*
 * What a place has counted in the hour before.  The step after this one is part of it, because the
 * clock of another process may be ahead.
 */
static uint64_t worth_of(const struct batv_refused_slot *slot, uint64_t who, uint64_t step)
{
	uint64_t sum = 0, ago;

	for (unsigned i = 0; who != 0 && i < BATV_REFUSED_STEPS; i++) {
		uint64_t w = __atomic_load_n(&slot->step[i], __ATOMIC_RELAXED);
		uint64_t count = count_of(w, who, step + 1, &ago);

		sum += ago <= BATV_REFUSED_STEPS ? count : 0;
	}
	return sum;
}

static struct batv_refused_slot *own_slot(struct batv_refused_slot *slots, uint64_t who)
{
	for (size_t i = 0; i < BATV_REFUSED_SLOTS; i++)
		if (__atomic_load_n(&slots[i].who, __ATOMIC_RELAXED) == who)
			return &slots[i];
	return NULL;
}

/* The place that is worth least, which a new name may take. */
static struct batv_refused_slot *least_slot(struct batv_refused_slot *slots, uint64_t step,
					    uint64_t *holder)
{
	struct batv_refused_slot *best = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < BATV_REFUSED_SLOTS && least > 0; i++) {
		uint64_t who = __atomic_load_n(&slots[i].who, __ATOMIC_RELAXED);
		uint64_t worth = worth_of(&slots[i], who, step);

		if (worth < least) {
			best = &slots[i];
			least = worth;
			*holder = who;
		}
	}
	return best;
}

static void add_one(struct batv_refused_slot *slot, const struct refused_job *job)
{
	uint64_t *word = &slot->step[job->step % BATV_REFUSED_STEPS];
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED), next, ago;

	do {
		next = count_of(w, job->who, job->step, &ago);
		next = ago == 0 ? next : 0;
		next += next < COUNT_MASK;
		next |= check_of(job->who) | (job->step & STEP_MASK) << STEP_SHIFT;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

static void note_body(struct batv_memory *m, void *arg)
{
	const struct refused_job *job = arg;
	struct batv_refused_slot *slots = batv_memory_at(m, job->page);

	/* Adds nothing, so that the first access to the page is a write: one fault instead of two.
	 */
	(void)__atomic_fetch_add(&slots->step[0], 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < TRIES; i++) {
		struct batv_refused_slot *slot = own_slot(slots, job->who);
		uint64_t holder = 0;

		if (!slot) {
			slot = least_slot(slots, job->step, &holder);
			if (!__atomic_compare_exchange_n(&slot->who, &holder, job->who, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
				continue;
		}
		add_one(slot, job);
		return;
	}
}

void batv_refused_note(struct batv_memory *memory, const uint8_t name[static BATV_ITEM_LEN],
		       int64_t now)
{
	struct refused_job job;

	if (memory->writable && find_page(memory, name, now, &job))
		(void)batv_memory_guard(memory, note_body, &job);
}

/* Two processes that come at the same time may take two places for one name, so all are added. */
static void add_up(const struct batv_refused_slot *slots, const struct refused_job *job,
		   uint64_t count[static BATV_REFUSED_STEPS])
{
	for (size_t i = 0; i < BATV_REFUSED_SLOTS; i++)
		for (unsigned w = 0; slots[i].who == job->who && w < BATV_REFUSED_STEPS; w++) {
			uint64_t ago, n = count_of(slots[i].step[w], job->who, job->step, &ago);

			if (ago < BATV_REFUSED_STEPS)
				count[ago] += n;
		}
}

uint32_t batv_refused_count(struct batv_memory *memory, const uint8_t name[static BATV_ITEM_LEN],
			    int64_t period, int64_t now)
{
	struct batv_refused_slot slots[BATV_REFUSED_SLOTS];
	uint64_t count[BATV_REFUSED_STEPS] = {0}, sum;
	struct refused_job job;
	int64_t left; /* of the period, before the step */

	if (!find_page(memory, name, now, &job) ||
	    !batv_memory_peek(memory, job.page, slots, sizeof slots))
		return 0;
	add_up(slots, &job, count);
	sum = count[0];
	left = period - now % STEP;
	for (unsigned ago = 1; ago < BATV_REFUSED_STEPS && left > 0; ago++, left -= STEP)
		sum += count[ago] * (uint64_t)(left < STEP ? left : STEP) / STEP;
	return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}
