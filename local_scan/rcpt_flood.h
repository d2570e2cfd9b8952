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
 * mail, and the transaction names no postmaster so far.  In doubt, and without a memory: no. *count
 * is always written.
 */
bool batv_rcpt_flood_over(const struct batv_session *session, enum batv_flood_subject subject,
			  const char *rcpt, const struct batv_flood_rate *rate, uint32_t *count);

/*
 * Counts that such a recipient was turned away.  A refusal is one of a bounce, so a flood that goes
 * on stays above its limit.  A deferred one comes again, and is not counted for the limit.
 */
void batv_rcpt_flood_acted(const struct batv_session *session, enum batv_flood_subject subject,
			   const char *rcpt);

/* The text for the log, in Exim's memory. */
const char *batv_rcpt_flood_text(enum batv_flood_subject subject, const char *rcpt,
				 const struct batv_flood_rate *rate, uint32_t count);

#endif
