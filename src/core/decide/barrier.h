/*
 * barrier.h - before mail is refused because the memory does not know what it cites: does the
 * memory have all that the fleet had sent by now?  Another server may have sent it a moment ago.
 */
#ifndef BATV_DECIDE_BARRIER_H
#define BATV_DECIDE_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds. */
#define BATV_BARRIER_STEP 50      /* between two looks */
#define BATV_BARRIER_LONGEST 2000 /* a message waits */
#define BATV_BARRIER_STALE 3000   /* a fleet that is so late will not be there in time */

enum batv_barrier_answer {
	BATV_BARRIER_PASSED, /* look the message up once more; then it may be refused */
	BATV_BARRIER_WAIT,   /* look again after BATV_BARRIER_STEP */
	BATV_BARRIER_BEHIND, /* nothing may be refused */
};

struct batv_barrier {  /* start with all bytes zero */
	int64_t begun; /* the time of the first look: the message had arrived by then */
	unsigned looks;
};

/*
 * One look.  until is batv_fleet_until() and now the same clock, both in milliseconds since 1970.
 * After at most BATV_BARRIER_LONGEST / BATV_BARRIER_STEP + 1 looks the answer is not WAIT, whatever
 * the clock does.
 */
enum batv_barrier_answer batv_barrier_look(struct batv_barrier *barrier, int64_t until,
					   int64_t now);

#endif
