/*
 * session.h - holds the state and the sent-mail memory in one of Exim's processes.  Each decision
 * looks at both again.  If the state cannot be used, one line in the main log says so.
 */
#ifndef BATV_SESSION_H
#define BATV_SESSION_H

#include "decide/judge.h"
#include "memory/sent.h"

struct batv_session {
	const struct batv_state *state; /* NULL: no usable state; nothing is signed or refused */
	struct batv_memory *memory;     /* never NULL; may be without a file */
	bool observe_file;
	int64_t now;       /* seconds since the epoch; the clock is read once per decision */
	char trouble[320]; /* why there is no state, for the log; "" if there is one */
};

/*
 * Looks at the state directory, and changes nothing there.  In `exim -bh` the memory is open to
 * read only.  batv_session_close() releases what the session holds.  There is one session at a
 * time.
 */
void batv_session_open(struct batv_session *session);
void batv_session_close(void);

/* Finds the policy of an address's domain.  *policy is NULL for BATV_NO and BATV_MAYBE.  The
 * session must have a state. */
enum batv_match batv_session_policy(const struct batv_session *session,
				    const struct batv_addr *addr,
				    const struct batv_policy **policy);

/*
 * The memory of the generation before, opened when it is asked for.  NULL: the state names none.
 * One that cannot be read is not there (batv_memory_there()).
 */
struct batv_memory *batv_session_before(const struct batv_session *session);

/*
 * Logs that there is no usable state, and the consequence in `action` ("not-signed").  There is one
 * line for each message, process and `action`.
 */
void batv_session_complain(const struct batv_session *session, const char *action);

/* The same for another doubt, such as a list that could not be looked up; counts the doubt too. */
void batv_session_doubt(const struct batv_session *session, const char *doubt, const char *action,
			const char *address);

#endif
