/*
 * doors.c - when Exim last called us, and through which door.
 *
 * Invariant: each time is one atomic word of the header page, at most a minute late.  A time in the
 * future is replaced: a clock was wrong.
 */
#include "memory/doors.h"

#define A_MINUTE 60

struct door_job {
	enum batv_door door;
	int64_t when;
};

static void door_body(struct batv_memory *m, void *arg)
{
	const struct door_job *job = arg;
	struct batv_memory_head *head = batv_memory_at(m, 0);

	__atomic_store_n(&head->door_last[job->door], job->when, __ATOMIC_RELAXED);
}

static bool is_noted(int64_t last, int64_t now)
{
	return last <= now && now - last < A_MINUTE;
}

void batv_door_note(struct batv_memory *memory, enum batv_door door, int64_t now)
{
	struct door_job job = {.door = door, .when = now};

	/* The header page was read when the file was opened; what it said then is nearly always
	 * enough. */
	if (!memory->writable || is_noted(memory->sections.door_last[door], now))
		return;
	memory->sections.door_last[door] = batv_door_last(memory, door);
	if (is_noted(memory->sections.door_last[door], now))
		return;
	memory->sections.door_last[door] = now;
	(void)batv_memory_guard(memory, door_body, &job);
}

int64_t batv_door_last(struct batv_memory *memory, enum batv_door door)
{
	int64_t when;

	return batv_memory_peek(memory,
				offsetof(struct batv_memory_head, door_last) + door * sizeof when,
				&when, sizeof when)
		       ? when
		       : 0;
}

void batv_door_copy(struct batv_memory *from, struct batv_memory *to)
{
	for (unsigned i = 0; i < BATV_DOORS_MAX; i++) {
		struct door_job job = {.door = (enum batv_door)i,
				       .when = batv_door_last(from, (enum batv_door)i)};

		if (to->writable && job.when > batv_door_last(to, job.door))
			(void)batv_memory_guard(to, door_body, &job);
	}
}
