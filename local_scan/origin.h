/*
 * origin.h - says where the current message comes from: its host, and what it was when it first
 * came to this machine.
 */
#ifndef BATV_ORIGIN_H
#define BATV_ORIGIN_H

#include "evidence/trace.h"
#include "session.h"

/* batv_glue_origin(), and an answer to the question whether the message is a stranger's.  The
 * session must stay open as long as *origin is used. */
void batv_origin_of(const struct batv_session *session, struct batv_origin *origin);

/* Is this word in acl_m_batv, which an ACL may set to a list of words? */
bool batv_origin_acl_says(const char *word);

/*
 * The trace of the current message, read once for each message.  *doubt, if not NULL, says whether
 * a list could not be asked.  The session must have a state, and the message an id.
 */
const struct batv_trace *batv_origin_trace(const struct batv_session *session,
					   const struct batv_policy *policy, bool *doubt);

/* What an earlier pass means for judging a message. */
struct batv_pass {
	bool fetched; /* fetched from a mailbox elsewhere: judged whatever its host is */
	bool before;  /* it has passed here before */
	bool again;   /* ... and comes from a local process or own_hosts: it is not judged again */
	bool uncounted; /* ... and comes from trusted_hosts: judged for its header alone */
};

/* The session must have a state.  No list is asked if the message has not passed before. */
void batv_origin_pass(const struct batv_session *session, const struct batv_origin *origin,
		      struct batv_pass *pass);

/*
 * A host in relay_in_hosts sends mail of a domain of ours untagged.  Notes it if the host wrote
 * that mail itself; and says whether one did lately.
 */
void batv_origin_relay_sends(const struct batv_session *session, const struct batv_origin *origin,
			     const struct batv_policy *policy, const char *domain);
bool batv_origin_relay_sent(const struct batv_session *session, const char *domain);

/* Notes, for batvctl status, that fetched mail which failed came from a host that no list has. */
void batv_origin_fetches(const struct batv_session *session, const struct batv_origin *origin);

#endif
