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

/*
 * The places of a name.  Bounces and ids have four, in two pages: a count that is too high there
 * could defer somebody's mail.  Mails have two, in one page: ordinary mail pays for it, and a count
 * that is too high defers nothing.
 */
#define PLACES_MAX 4
static const unsigned char pages_of_name[BATV_TALLIES] = {
	[BATV_TALLY_ID_HITS] = 2, [BATV_TALLY_TAG_BOUNCES] = 2, [BATV_TALLY_TAG_MAILS] = 1};

struct tally_job {
	size_t place[PLACES_MAX]; /* offset in the file */
	unsigned places;
	bool has_life;
	uint64_t day, until;
	uint64_t more, limit;
	uint64_t on_day, in_life; /* the counts */
};

/* The count of a word, if its stamp is `from` to `to`.  Another stamp is of a past time or of a
 * wrong clock. */
static uint64_t count_between(uint64_t w, uint64_t from, uint64_t to)
{
	uint64_t have = w >> BATV_DAY_SHIFT;

	return have < from || have > to ? 0 : w & COUNT_MASK;
}

/*
 * Adds to a word, unless the sum is above `limit`.  A word that continues keeps the later stamp;
 * any other one begins again.  Returns the sum.
 */
static uint64_t add_to(uint64_t *word, uint64_t from, uint64_t to, uint64_t stamp, uint64_t more,
		       uint64_t limit)
{
	uint64_t w = 0, next;

	do {
		uint64_t have = w >> BATV_DAY_SHIFT, count = count_between(w, from, to);

		next = more > COUNT_MASK - count ? COUNT_MASK : count + more;
		if (next > limit)
			return next;
		next |= (count > 0 && have > stamp ? have : stamp) << BATV_DAY_SHIFT;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return next & COUNT_MASK;
}

static void note_least(uint64_t *least, uint64_t count)
{
	if (count < *least)
		*least = count;
}

static void add_at(uint64_t *place, struct tally_job *job)
{
	uint64_t count, limit = job->limit;

	if (job->has_life) {
		count = add_to(place + 1, job->day, job->day + BATV_TALLY_DAYS_MAX, job->until,
			       job->more, limit);
		note_least(&job->in_life, count);
		if (count > limit) /* not counted here, so neither for the day */
			return;
		limit = COUNT_MASK;
	}
	count = add_to(place, job->day, job->day + 1, job->day, job->more, limit);
	note_least(&job->on_day, count);
}

/*
 * Another name may share some of the places, but hardly ever all, so the smallest count is closest
 * to the truth.
 */
static void tally_body(struct batv_memory *m, void *arg)
{
	struct tally_job *job = arg;

	job->on_day = job->in_life = UINT64_MAX;
	for (unsigned i = 0; i < job->places; i++)
		add_at(batv_memory_at(m, job->place[i]), job);
}

static bool has_life(const struct batv_memory *m)
{
	return m->sections.version != BATV_MEMORY_VERSION_1;
}

/* Two places of a page, by 8 bytes of the name.  A place that the name has already counts once. */
static void find_in_page(const struct batv_memory *m, enum batv_tally which, const uint8_t *name,
			 struct tally_job *job)
{
	size_t size = (has_life(m) ? BATV_TALLY_WORDS : 1) * sizeof(uint64_t);
	size_t page = m->sections.tally_at[which] +
		      (size_t)(batv_number_at(name, 4) * m->sections.tally_pages[which] >> 32) *
			      BATV_MEMORY_PAGE;

	for (unsigned p = 4; p < 8; p += 2) {
		size_t place =
			page + batv_number_at(name + p, 2) % (BATV_MEMORY_PAGE / size) * size;
		unsigned i = 0;

		while (i < job->places && job->place[i] != place)
			i++;
		if (i == job->places)
			job->place[job->places++] = place;
	}
}

/* Returns false if nothing is counted: there is no such section, or no such day. */
static bool find_places(const struct batv_memory *m, enum batv_tally which, const uint8_t *name,
			int64_t now, struct tally_job *job)
{
	*job = (struct tally_job){.day = batv_day_of(now), .has_life = has_life(m)};
	if (!batv_memory_there(m) || (unsigned)which >= BATV_TALLIES ||
	    !m->sections.tally_at[which] || job->day == 0 || job->day >= BATV_DAY_MAX)
		return false;
	find_in_page(m, which, name, job);
	if (job->has_life && pages_of_name[which] > 1)
		find_in_page(m, which, name + 8, job);
	return true;
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

static struct batv_tallied counts_of(const struct tally_job *job)
{
	return (struct batv_tallied){shown(job->on_day), job->has_life ? shown(job->in_life) : 0};
}

static struct batv_tallied count_up(struct batv_memory *memory, enum batv_tally which,
				    const uint8_t *name, uint64_t until_day, int64_t now,
				    uint64_t more, uint64_t limit)
{
	struct batv_tallied none = {0, 0};
	struct tally_job job;

	if (!memory->writable || !find_places(memory, which, name, now, &job))
		return none;
	job.until = life_until(until_day, job.day);
	job.more = more;
	job.limit = limit;
	return batv_memory_guard(memory, tally_body, &job) ? counts_of(&job) : none;
}

struct batv_tallied batv_tally(struct batv_memory *memory, enum batv_tally which,
			       const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
			       int64_t now)
{
	return count_up(memory, which, name, until_day, now, 1, COUNT_MASK);
}

struct batv_tallied batv_tally_add(struct batv_memory *memory, enum batv_tally which,
				   const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
				   int64_t now, uint32_t more)
{
	return count_up(memory, which, name, until_day, now, more, COUNT_MASK);
}

struct batv_tallied batv_tally_up_to(struct batv_memory *memory, enum batv_tally which,
				     const uint8_t name[static BATV_ITEM_LEN], uint64_t until_day,
				     int64_t now, uint32_t limit)
{
	return count_up(memory, which, name, until_day, now, 1, limit);
}

struct batv_tallied batv_tally_read(struct batv_memory *memory, enum batv_tally which,
				    const uint8_t name[static BATV_ITEM_LEN], int64_t now)
{
	struct batv_tallied none = {0, 0};
	struct tally_job job;

	if (!find_places(memory, which, name, now, &job))
		return none;
	job.on_day = job.in_life = UINT64_MAX;
	for (unsigned i = 0; i < job.places; i++) {
		uint64_t words[BATV_TALLY_WORDS] = {0, 0};

		if (!batv_memory_peek(memory, job.place[i], words,
				      (job.has_life ? BATV_TALLY_WORDS : 1) * sizeof words[0]))
			return none;
		note_least(&job.on_day, count_between(words[0], job.day, job.day + 1));
		note_least(&job.in_life,
			   count_between(words[1], job.day, job.day + BATV_TALLY_DAYS_MAX));
	}
	return counts_of(&job);
}
