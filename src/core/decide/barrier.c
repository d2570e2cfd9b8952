/*
 * barrier.c - waits until the memory has what the fleet had sent before a message came.
 *
 * Pure: the caller has the clock, and waits.  Invariant: a word that is too old or ahead of the
 * clock lets nothing pass.
 */
#include "decide/barrier.h"

#define LOOKS_MAX (BATV_BARRIER_LONGEST / BATV_BARRIER_STEP + 1)

enum batv_barrier_answer batv_barrier_look(struct batv_barrier *barrier, int64_t until, int64_t now)
{
	const bool first = barrier->looks++ == 0;

	if (first)
		barrier->begun = now;
	if (until > now + BATV_BARRIER_STALE) /* it was written by another clock */
		return BATV_BARRIER_BEHIND;
	if (until > barrier->begun)
		return BATV_BARRIER_PASSED;
	if (first && until < now - BATV_BARRIER_STALE)
		return BATV_BARRIER_BEHIND;
	if (now < barrier->begun || now - barrier->begun >= BATV_BARRIER_LONGEST ||
	    barrier->looks >= LOOKS_MAX)
		return BATV_BARRIER_BEHIND;
	return BATV_BARRIER_WAIT;
}
