/*
 * rcpt_flood.h - turns bounces away before DATA while forged ones flood (batv_flood, which the
 * administrator's RCPT ACL asks).
 */
#ifndef BATV_RCPT_FLOOD_H
#define BATV_RCPT_FLOOD_H

#include "decide/flood.h"
#include "session.h"

/*
 * At RCPT: is the host, or this recipient, above the limit, and may a bounce to this recipient be
 * turned away for it?  Only a null sender from a host, and an untagged recipient of a domain that
 * refuses now, and never postmaster.  For BATV_FLOOD_RCPT the policy must also say so, and sign all
 * mail, and the transaction names no postmaster so far.  In doubt, and without a memory: no.
 *
 * If the answer is yes, it counts that one was turned away.  A refusal is one of a bounce, so a
 * flood that goes on stays above its limit.  A deferred one comes again, and is not counted for the
 * limit.
 */
bool batv_rcpt_flood_turns_away(const struct batv_session *session, enum batv_flood_subject subject,
				const char *rcpt, const struct batv_flood_rate *rate);

/*
 * The text for the log about the last one that was turned away.  "": the last answer was no, or
 * about another recipient.
 */
const char *batv_rcpt_flood_text(enum batv_flood_subject subject, const char *rcpt);

#endif
