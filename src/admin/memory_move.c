/*
 * memory_move.c - from one memory file to the next: domains are merged, counts are moved.
 *
 * Invariant: a count is taken out of one file by one exchange before it is added to the other, so
 * it is never in both; a daemon killed between the two loses one row of statistics.
 */
#include "memory_move.h"

#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/doors.h"
#include "memory/forged.h"
#include "memory/layout.h"
#include "memory/recall.h"

/* ---- domains ---- */

void batv_memory_move_copy(struct batv_memory *from, struct batv_memory *to)
{
	int64_t bare = batv_counters_bare_last(from);
	struct batv_domain domain;

	for (size_t i = 0; batv_domain_next(from, &i, &domain); i++)
		(void)batv_domain_merge(to, &domain);
	batv_counters_bare_since(to, bare);
	batv_recall_copy(from, to);
	batv_forged_copy(from, to);
	batv_door_copy(from, to);
}

void batv_memory_move_domains(struct batv_memory *from, struct batv_memory *to)
{
	int64_t bare = batv_counters_bare_last(from);
	struct batv_domain domain;

	for (size_t i = 0; batv_domain_next(from, &i, &domain); i++)
		if (batv_domain_take(from, i, &domain))
			(void)batv_domain_merge(to, &domain);
	batv_recall_copy(from, to);
	batv_counters_bare_since(to, bare);
	batv_door_copy(from, to);
}

/* ---- counts ---- */

struct move {
	struct batv_counter_row row; /* what was taken */
	size_t at;
	unsigned days; /* that are moved; 0: the count for life alone */
};

static void take_body(struct batv_memory *m, void *arg)
{
	struct move *job = arg;
	struct batv_counter_row *row = batv_counter_row(m, job->at);

	job->row.life = __atomic_exchange_n(&row->life, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < job->days; i++)
		job->row.day[i] = __atomic_exchange_n(&row->day[i], 0, __ATOMIC_RELAXED);
}

/* As in memory/counters.c: the later day stays. */
static void add_day(uint64_t *word, uint64_t more)
{
	uint64_t w = __atomic_load_n(word, __ATOMIC_RELAXED), next;

	do {
		uint64_t room = BATV_COUNT_MAX - (w & BATV_COUNT_MAX);
		uint64_t count = more & BATV_COUNT_MAX;

		if (w >> BATV_COUNT_BITS > more >> BATV_COUNT_BITS)
			return;
		next = w >> BATV_COUNT_BITS < more >> BATV_COUNT_BITS
			       ? more
			       : w + (count < room ? count : room);
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

static void give_body(struct batv_memory *m, void *arg)
{
	struct move *job = arg;
	struct batv_counter_row *row = batv_counter_row(m, job->at);

	(void)__atomic_fetch_add(&row->life, job->row.life, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < job->days; i++)
		if (job->row.day[i])
			add_day(&row->day[i], job->row.day[i]);
}

/* By its days, these rows tell how full the file itself is. */
static bool fills_file(size_t row)
{
	return row == BATV_COUNT_IDS || row == BATV_COUNT_PAIRS;
}

void batv_memory_move_counts(struct batv_memory *from, struct batv_memory *to)
{
	size_t rows = from->sections.counters_count < to->sections.counters_count
			      ? from->sections.counters_count
			      : to->sections.counters_count;
	struct move job;

	if (!from->base || !to->base || !from->writable || !to->writable ||
	    !from->sections.counters_at || !to->sections.counters_at)
		return;
	for (job.at = 0; job.at < rows; job.at++) {
		job.days = fills_file(job.at) ? 0 : BATV_COUNTER_DAYS;
		if (job.at != BATV_COUNT_CLOCK && batv_counted(from, job.at, 0, 0) > 0 &&
		    batv_memory_guard(from, take_body, &job))
			(void)batv_memory_guard(to, give_body, &job);
	}
}
