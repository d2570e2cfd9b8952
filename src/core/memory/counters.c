/*
 * counters.c - the counters of the memory file, and the times in its header page.
 *
 * Any number of processes read and write at the same time, and any of them may be killed at any
 * instruction.  Invariant: every write is a single atomic word.  No locks, no allocation, no clock.
 */
#include "memory/counters.h"

#include "base/days.h"

_Static_assert(__atomic_always_lock_free(8, 0), "needs 64-bit atomics that work between processes");
_Static_assert((size_t)BATV_COUNT_END <= BATV_COUNTERS_ROOM, "the file has room for every counter");

/* ---- Opening ---- */

static struct batv_memory_head *head_of(struct batv_memory *m)
{
	return batv_memory_at(m, 0);
}

/* ---- Counters ---- */

struct count_job {
	size_t counter;
	int64_t now;
};

static size_t row_offset(const struct batv_memory *m, size_t counter)
{
	return m->sections.counters_at + counter * sizeof(struct batv_counter_row);
}

struct batv_counter_row *batv_counter_row(struct batv_memory *m, size_t counter)
{
	return batv_memory_at(m, row_offset(m, counter));
}

/* Both begin with a guess instead of a read, so that the first access to a page is a write. */
static void add_life(uint64_t *word)
{
	uint64_t w = 0;

	while (w != UINT64_MAX && !__atomic_compare_exchange_n(word, &w, w + 1, true,
							       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/*
 * A stamp of an earlier day is replaced, and its count with it, so nothing needs a clearing pass.
 * A stamp of a later day stays.  Either clock may be the wrong one, and the counts already there
 * are worth more than the one that we would add.
 */
static void add_day(uint64_t *word, uint64_t day)
{
	uint64_t w = 0, next;

	do {
		uint64_t stamp = w >> BATV_COUNT_BITS;

		if (stamp > day || (stamp == day && (w & BATV_COUNT_MAX) == BATV_COUNT_MAX))
			return;
		next = stamp == day ? w + 1 : (day << BATV_COUNT_BITS) + 1;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

bool batv_counter_read(struct batv_memory *m, size_t counter, uint64_t day, uint64_t *count)
{
	struct batv_counter_row *row = batv_counter_row(m, counter);
	/* Adds nothing, so that the first access is a write. */
	uint64_t w = __atomic_fetch_add(&row->day[day % BATV_COUNTER_DAYS], 0, __ATOMIC_RELAXED);

	*count = w >> BATV_COUNT_BITS == day ? w & BATV_COUNT_MAX : 0;
	return w >> BATV_COUNT_BITS <= day;
}

void batv_counter_add(struct batv_memory *m, size_t counter, uint64_t day)
{
	struct batv_counter_row *row = batv_counter_row(m, counter);

	add_life(&row->life);
	add_day(&row->day[day % BATV_COUNTER_DAYS], day);
}

static void count_body(struct batv_memory *m, void *arg)
{
	const struct count_job *job = arg;

	batv_counter_add(m, job->counter, batv_day_of(job->now));
}

void batv_count(struct batv_memory *memory, size_t counter, int64_t now)
{
	struct count_job job = {.counter = counter, .now = now};

	if (memory->writable && memory->sections.counters_at &&
	    counter < memory->sections.counters_count)
		(void)batv_memory_guard(memory, count_body, &job);
}

uint64_t batv_counted(struct batv_memory *memory, size_t counter, unsigned days, int64_t now)
{
	struct batv_counter_row row;
	uint64_t day = batv_day_of(now), sum = 0;
	unsigned i;

	if (!memory->sections.counters_at || counter >= memory->sections.counters_count ||
	    !batv_memory_peek(memory, row_offset(memory, counter), &row,
			      offsetof(struct batv_counter_row, reserved)))
		return 0;
	for (i = 0; i < days && i < BATV_COUNTER_DAYS && i <= day; i++) {
		uint64_t w = row.day[(day - i) % BATV_COUNTER_DAYS];

		if (w >> BATV_COUNT_BITS == day - i)
			sum += w & BATV_COUNT_MAX;
	}
	return days == 0 ? row.life : sum;
}

/* ---- The header page's times ---- */

/* Reads the time at `offset` of the header page.  0: never, or there is no memory. */
static int64_t time_at(struct batv_memory *memory, size_t offset)
{
	int64_t when;

	return batv_memory_peek(memory, offset, &when, sizeof when) ? when : 0;
}

static void bare_now_body(struct batv_memory *m, void *arg)
{
	__atomic_store_n(&head_of(m)->bare_last, *(int64_t *)arg, __ATOMIC_RELAXED);
}

int64_t batv_counters_bare_last(struct batv_memory *memory)
{
	return time_at(memory, offsetof(struct batv_memory_head, bare_last));
}

void batv_counters_bare_now(struct batv_memory *memory, int64_t now)
{
	int64_t when = now;

	if (!memory->writable)
		return;
	(void)batv_memory_guard(memory, bare_now_body, &when);
	batv_count(memory, BATV_COUNT_LEFT_NO_STATE, now);
}

static void bare_since_body(struct batv_memory *m, void *arg)
{
	int64_t *word = &head_of(m)->bare_last, w = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (w < *(int64_t *)arg &&
	       !__atomic_compare_exchange_n(word, &w, *(int64_t *)arg, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

void batv_counters_bare_since(struct batv_memory *memory, int64_t when)
{
	int64_t since = when;

	if (memory->writable)
		(void)batv_memory_guard(memory, bare_since_body, &since);
}

int64_t batv_counters_created(struct batv_memory *memory)
{
	return time_at(memory, offsetof(struct batv_memory_head, created));
}

static void lost_body(struct batv_memory *m, void *arg)
{
	__atomic_store_n(&head_of(m)->lost, *(int64_t *)arg, __ATOMIC_RELAXED);
}

void batv_counters_note_lost(struct batv_memory *memory, int64_t now)
{
	int64_t when = now;

	if (memory->writable)
		(void)batv_memory_guard(memory, lost_body, &when);
}

int64_t batv_counters_lost(struct batv_memory *memory)
{
	return time_at(memory, offsetof(struct batv_memory_head, lost));
}

struct look_job {
	int64_t looked, doubted;
};

static void note_look_body(struct batv_memory *m, void *arg)
{
	const struct look_job *job = arg;

	__atomic_store_n(&head_of(m)->looked, job->looked, __ATOMIC_RELAXED);
	__atomic_store_n(&head_of(m)->doubted, job->doubted, __ATOMIC_RELAXED);
}

int64_t batv_counters_looked(struct batv_memory *memory)
{
	return time_at(memory, offsetof(struct batv_memory_head, looked));
}

int64_t batv_counters_doubted(struct batv_memory *memory)
{
	return time_at(memory, offsetof(struct batv_memory_head, doubted));
}

void batv_counters_note_look(struct batv_memory *memory, int64_t looked, int64_t doubted)
{
	struct look_job job = {.looked = looked, .doubted = doubted};

	if (memory->writable)
		(void)batv_memory_guard(memory, note_look_body, &job);
}

bool batv_counters_there(const struct batv_memory *m)
{
	return m->sections.counters_at && m->sections.counters_count >= BATV_COUNT_END;
}
