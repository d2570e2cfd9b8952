/*
 * recipients.h - counts the recipients of our mail by its tag.  The limits of floods follow them
 * (decide/flood.h).
 *
 * Where local_scan() sees a message, its recipients are counted there.  A transport counts only
 * what reception could not: everything, if there is no local_scan(); mail whose sender our
 * configuration set (a list's owner); recipients that an alias or a forward led to.
 */
#ifndef BATV_RECIPIENTS_H
#define BATV_RECIPIENTS_H

#include "decide/sign.h"
#include "session.h"

/*
 * At reception, for a trusted message with a sender of ours.  bare is the sender without its tag.
 * A message that comes back from a filter was counted at its first pass.
 */
void batv_recipients_received(const struct batv_session *session, const struct batv_origin *origin,
			      const struct batv_policy *policy, const struct batv_addr *bare);

/*
 * At a transport.  signing is the answer for the sender of this delivery.  recipient is empty, or
 * begins with "@", if there are several: their number is not known there, so it is estimated.  A
 * retry counts again.
 */
void batv_recipients_leaving(const struct batv_session *session, const struct batv_origin *origin,
			     const struct batv_signing *signing, const char *sender,
			     const char *recipient);

#endif
