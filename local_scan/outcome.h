/*
 * outcome.h - decides what becomes of the current message at DATA.  The message is judged, counted
 * and logged once, even if both an ACL (batv_refuse) and local_scan() ask.
 */
#ifndef BATV_OUTCOME_H
#define BATV_OUTCOME_H

#include "message_proof.h"
#include "session.h"

#define BATV_STATUS_HEADER "X-BATV-Status"

struct batv_outcome {
	enum batv_action action; /* REJECT, MARK or ACCEPT */
	/* a flood: deferred, not refused, with this text; otherwise NULL */
	const char *deferral;
	enum batv_class class;
	bool uncounted; /* it has passed here before, and was counted then */
	size_t n;       /* recipients judged, findings in their order; 0: not judged */
	struct batv_finding *findings;
	const char *refusal_text; /* if REJECT: the text without its code */
};

/*
 * Returns the outcome for the current message; it is the same object for the same message.  `body`
 * may be empty.  The first call removes any BATV_STATUS_HEADER that came with the message, and may
 * add ours.
 */
struct batv_outcome *batv_outcome_of(const struct batv_session *session,
				     const struct batv_body *body);

/* The text for the other side, "5.7.1 ...", in Exim's memory. */
unsigned char *batv_outcome_refusal(const struct batv_outcome *outcome);

/*
 * What is known of the message in hand, to judge an address by: for the outcome, and for a question
 * about a single address (batv_verdict, batv_kind).  Without a proof.  Only with a state.
 */
void batv_outcome_context(struct batv_context *context, struct batv_origin *origin,
			  const struct batv_session *session, enum batv_class class);

#endif
