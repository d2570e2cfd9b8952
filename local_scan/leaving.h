/*
 * leaving.h - counts mail that leaves: at a transport, or when local_scan() signs at reception.  A
 * domain arms itself by this evidence.
 */
#ifndef BATV_LEAVING_H
#define BATV_LEAVING_H

#include "decide/sign.h"
#include "session.h"

/* Counts a message that leaves from `origin`; `s` says how.  The session must have a state. */
void batv_leaving_count(const struct batv_session *session, const struct batv_origin *origin,
			const struct batv_signing *s);

/* Counts a message that leaves untagged because there is no usable state. */
void batv_leaving_without_state(const struct batv_session *session);

#endif
