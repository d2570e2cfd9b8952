/*
 * tallies.c - counts by name, in words that hold a day and a count.
 *
 * Any number of processes count at once: a word changes by one compare-and-swap.  No locks, no
 * allocation, no clock.
 */
#include "memory/tallies.h"

#include "base/days.h"
#include "base/span.h"

#define COUNT_MASK ((UINT64_C(1) << BATV_DAY_SHIFT) - 1)

struct tally_job {
	size_t page, first, second; /* two words of a page */
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
		uint64_t stamp = w >> BATV_DAY_SHIFT;
		bool goes_on = stamp == day || stamp == day + 1;

		if (goes_on && (w & COUNT_MASK) == COUNT_MASK)
			return COUNT_MASK;
		next = goes_on ? w + 1 : (day << BATV_DAY_SHIFT) + 1;
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
	struct tally_job job = {.day = batv_day_of(now)};
	size_t pages;

	if (!batv_memory_there(memory) || !memory->writable || (unsigned)which >= BATV_TALLIES ||
	    !memory->sections.tally_at[which] || job.day == 0 || job.day >= BATV_DAY_MAX)
		return 0;
	pages = memory->sections.tally_pages[which];
	job.page = memory->sections.tally_at[which] +
		   (size_t)(batv_number_at(name, 4) * pages >> 32) * BATV_MEMORY_PAGE;
	job.first = batv_number_at(name + 4, 2) % BATV_TALLY_PAGE_WORDS;
	job.second = batv_number_at(name + 6, 2) % BATV_TALLY_PAGE_WORDS;
	if (!batv_memory_guard(memory, tally_body, &job))
		return 0;
	return job.count > UINT32_MAX ? UINT32_MAX : (uint32_t)job.count;
}
