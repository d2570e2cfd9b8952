/*
 * leaving.h - counts mail that leaves: at a transport, or when local_scan() signs at reception.  A
 * domain arms itself by this evidence.
 */
#ifndef BATV_LEAVING_H
#define BATV_LEAVING_H

#include "decide/sign.h"
#include "session.h"

/* A message that leaves. */
struct batv_leaving {
	const struct batv_origin *origin;
	const char *sender;    /* the address that was signed, or came signed */
	const char *recipient; /* "": not known, or a batch for several domains */
	int64_t arrival;       /* seconds since the epoch; 0: not known */
};

/* Counts a message that leaves; `s` says how.  The session must have a state. */
void batv_leaving_count(const struct batv_session *session, const struct batv_leaving *leaving,
			const struct batv_signing *s);

/*
 * Counts a message that was accepted for outside and is untagged yet, so that a transport must see
 * it.  `cutthrough`: it has left already, and none will.
 */
void batv_leaving_accepted(const struct batv_session *session, const char *sender, bool cutthrough,
			   const struct batv_signing *s);

/* Exim itself returns a message that it could not deliver: no transport need have seen it. */
void batv_leaving_failed(const struct batv_session *session, const char *sender);

/* Counts a message that leaves untagged because there is no usable state. */
void batv_leaving_without_state(const struct batv_session *session);

#endif
