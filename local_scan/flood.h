/*
 * flood.h - defers a message if one of its proofs was used too often (decide/flood.h).
 */
#ifndef BATV_FLOOD_GLUE_H
#define BATV_FLOOD_GLUE_H

#include "message_proof.h"

/*
 * Counts the proof for which a recipient was accepted.  Returns NULL, or the text for the other
 * side ("4.7.1 ...", in Exim's memory) if it was used too often: then the caller defers the
 * message, and never refuses it.  The deferral is counted and logged.
 *
 * Nothing is counted or deferred in `exim -bh`.  A message that is exempt, or that comes from a
 * host which brings mail of others, is logged and accepted: its host is not the one that floods. So
 * is one that only an ACL sees, which cannot defer, and each one while another server has the
 * secret.
 */
const char *batv_flood_deferral(const struct batv_context *context, struct batv_prover *prover,
				const char *rcpt, const struct batv_judgement *j);

/* ---- forged bounces ---- */

/*
 * Counts a refused bounce for its host, and for its recipient.  rcpt is NULL if that is counted
 * already, or if the recipient has a tag.
 */
void batv_flood_refusal(const struct batv_session *session, const char *host, const char *rcpt);

#endif
