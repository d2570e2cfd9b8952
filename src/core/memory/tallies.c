/*
 * tallies.c - counts by name, in words that have a day and a count.
 *
 * A place has two words side by side.  One is for the day, and is stamped with that day.  The other
 * is for the life of a name, and is stamped with the last day on which it counts.  Any number of
 * processes count at the same time: a word changes by one compare-and-swap.  No locks, no
 * allocation, no clock.
 *
 * Invariant: names that share a place make a count too high, never too low, and no process loses a
 * count of another.  Only a wrong clock, or a process that is killed halfway, makes a count too
 * low.
 */
#include "memory/tallies.h"

#include "base/days.h"
#include "base/span.h"

#define COUNT_MASK ((UINT64_C(1) << BATV_DAY_SHIFT) - 1)

struct tally_job {
	size_t page, first, second; /* two places of a page: the index of the first word of each */
	bool has_life;
	uint64_t day, until;
	uint64_t on_day, in_life; /* the counts */
};

/*
 * Adds one to a word.  If its stamp is `from` to `to`, it continues, and the later stamp is kept.
 * Any other word begins again, because it is of a past time or of a wrong clock.
 */
static uint64_t add_one(uint64_t *word, uint64_t from, uint64_t to, uint64_t stamp)
{
	uint64_t w = 0, next;

	do {
		uint64_t have = w >> BATV_DAY_SHIFT, count = w & COUNT_MASK;

		if (have < from || have > to)
			count = 0;
		else if (count == COUNT_MASK)
			return COUNT_MASK;
		next = ((count > 0 && have > stamp ? have : stamp) << BATV_DAY_SHIFT) + count + 1;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return next & COUNT_MASK;
}

static void add_at(uint64_t *place, struct tally_job *job)
{
	uint64_t count = add_one(place, job->day, job->day + 1, job->day);

	if (count < job->on_day)
		job->on_day = count;
	if (!job->has_life)
		return;
	count = add_one(place + 1, job->day, job->day + BATV_TALLY_DAYS_MAX, job->until);
	if (count < job->in_life)
		job->in_life = count;
}

/*
 * Another name may share one of the two places, but hardly ever both, so the smaller count is
 * closer to the truth.
 */
static void tally_body(struct batv_memory *m, void *arg)
{
	struct tally_job *job = arg;
	uint64_t *words = batv_memory_at(m, job->page);

	job->on_day = job->in_life = UINT64_MAX;
	add_at(&words[job->first], job);
	if (job->first != job->second)
		add_at(&words[job->second], job);
}

static void find_places(const struct batv_memory *m, enum batv_tally which, const uint8_t *name,
			struct tally_job *job)
{
	size_t words = m->sections.version == BATV_MEMORY_VERSION_1 ? 1 : BATV_TALLY_WORDS;
	size_t places = BATV_TALLY_PAGE_WORDS / words, pages = m->sections.tally_pages[which];

	job->has_life = words > 1;
	job->page = m->sections.tally_at[which] +
		    (size_t)(batv_number_at(name, 4) * pages >> 32) * BATV_MEMORY_PAGE;
	job->first = batv_number_at(name + 4, 2) % places * words;
	job->second = batv_number_at(name + 6, 2) % places * words;
}

static uint64_t life_until(uint64_t until, uint64_t day)
{
	uint64_t last =
		day + BATV_TALLY_DAYS_MAX < BATV_DAY_MAX ? day + BATV_TALLY_DAYS_MAX : BATV_DAY_MAX;

	return until < day ? day : until > last ? last : until;
}

static uint32_t shown(uint64_t count)
{
	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

struct batv_tallied batv_tally(struct batv_memory *memory, enum batv_tally which,
			       const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
			       int64_t now)
{
	struct tally_job job = {.day = batv_day_of(now)};
	struct batv_tallied none = {0, 0};

	if (!batv_memory_there(memory) || !memory->writable || (unsigned)which >= BATV_TALLIES ||
	    !memory->sections.tally_at[which] || job.day == 0 || job.day >= BATV_DAY_MAX)
		return none;
	job.until = life_until(until_day, job.day);
	find_places(memory, which, name, &job);
	if (!batv_memory_guard(memory, tally_body, &job))
		return none;
	return (struct batv_tallied){shown(job.on_day), job.has_life ? shown(job.in_life) : 0};
}
