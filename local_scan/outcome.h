/*
 * outcome.h - what becomes of the message that Exim holds at DATA: judged, counted and
 * logged once, whoever asks (an ACL by batv_refuse, local_scan(), or both).
 */
#ifndef BATV_OUTCOME_H
#define BATV_OUTCOME_H

#include "message_proof.h"
#include "session.h"

#define BATV_STATUS_HEADER "X-BATV-Status"

struct batv_outcome {
	enum batv_action action; /* REJECT, MARK or ACCEPT */
	bool defer;              /* a flood: not refused, but put off */
	enum batv_class class;
	size_t n; /* recipients judged, findings in their order; 0: not judged */
	struct batv_finding *findings;
	const char *refusal_text; /* if REJECT: without code */
};

/*
 * The outcome for the message in hand; the same object for the same message.  `body` may be
 * empty.  Removes a forged header of our name, and adds ours.
 */
struct batv_outcome *batv_outcome_of(const struct batv_session *session,
				     const struct batv_body *body);

/* "5.7.1 text": what the other side is told. */
unsigned char *batv_outcome_refusal(const struct batv_outcome *outcome);

/*
 * What is known of the message in hand, to judge an address by: for the outcome, and for a question
 * about a single address (batv_verdict, batv_kind).  Without a proof.  Only with a state.
 */
void batv_outcome_context(struct batv_context *context, struct batv_origin *origin,
			  const struct batv_session *session, enum batv_class class);

#endif
