/*
 * session.h - what a process of Exim's holds of ours: the state and the memory, looked at
 * anew for every decision, and one line in the main log when they can't be used.
 */
#ifndef BATV_SESSION_H
#define BATV_SESSION_H

#include "decide/judge.h"
#include "memory/sent.h"

struct batv_session {
	const struct batv_state *state; /* NULL: no usable state; nothing is signed or refused */
	struct batv_memory *memory;     /* never NULL; may be none */
	bool observe_file;
	int64_t now;       /* the one reading of the clock for this decision */
	char trouble[320]; /* why there is no state, for the log; "" if there is one */
};

/*
 * Look at the state directory.  Leaves no trace.  What it holds open is let go by
 * batv_session_close(); one session at a time.
 */
void batv_session_open(struct batv_session *session);
void batv_session_close(void);

/* The domain of an address, NUL-terminated: Exim's lists are asked for that. */
void batv_session_domain(const struct batv_addr *addr, char out[static BATV_ADDR_INPUT_MAX + 1]);

/* The policy of an address's domain; NULL for BATV_NO (none) and BATV_MAYBE (not to be told).  Only
 * with a state. */
enum batv_match batv_session_policy(const struct batv_session *session,
				    const struct batv_addr *addr,
				    const struct batv_policy **policy);

/*
 * The memory of the generation before, opened when it is asked for.  NULL: the state names none.
 * One that cannot be read is not there (batv_memory_there()).
 */
const struct batv_memory *batv_session_before(const struct batv_session *session);

/*
 * Say in the main log that there is no usable state, and what that led to ("not-signed").
 * One line for a message, process and `action`.
 */
void batv_session_complain(const struct batv_session *session, const char *action);

/* The same for a doubt that is not the state's: a list that could not be looked up. */
void batv_session_doubt(const struct batv_session *session, const char *doubt, const char *action,
			const char *address);

#endif
