/*
 * fleet.c - waits until the memory has what the fleet sent.
 *
 * Invariant: the wait is bounded by the number of looks, so a clock that is set cannot prolong it.
 * Nothing is held meanwhile but the descriptor of the memory: a process that is killed here loses
 * nothing, for Exim has not accepted the message yet.
 */
#include "fleet.h"

#include <time.h>

#include "decide/barrier.h"
#include "memory/fleet.h"

static int64_t milliseconds(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0
		       ? (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000
		       : 0;
}

static bool is_there(struct batv_memory *memory)
{
	const struct timespec step = {0, BATV_BARRIER_STEP * 1000000L};
	struct batv_barrier barrier = {0};
	enum batv_barrier_answer answer;

	while ((answer = batv_barrier_look(&barrier, batv_fleet_until(memory), milliseconds())) ==
	       BATV_BARRIER_WAIT)
		(void)nanosleep(&step, NULL);
	return answer == BATV_BARRIER_PASSED;
}

void batv_fleet_judge_again(struct batv_context *context, const char *rcpt,
			    struct batv_judgement *j)
{
	if (!batv_state_has_fleet(context->state) || context->fleet_there)
		return;
	context->fleet_there = is_there(context->memory);
	context->fleet_behind = !context->fleet_there;
	batv_judge_recipient(context, rcpt, j);
}
