/*
 * leaving.h - what is counted of mail that leaves: at a transport, or where local_scan() signs at
 * reception.  A domain arms itself by this evidence.
 */
#ifndef BATV_LEAVING_H
#define BATV_LEAVING_H

#include "decide/sign.h"
#include "session.h"

/* A message that leaves from `origin`, with a state at hand; `s` says how. */
void batv_leaving_count(const struct batv_session *session, const struct batv_origin *origin,
			const struct batv_signing *s);

/* It leaves bare, for there is no usable state. */
void batv_leaving_without_state(const struct batv_session *session);

#endif
