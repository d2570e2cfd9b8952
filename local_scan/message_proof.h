/*
 * message_proof.h - the evidence of the message in hand: searched when a recipient would fail, and
 * not before; once a message.
 */
#ifndef BATV_MESSAGE_PROOF_H
#define BATV_MESSAGE_PROOF_H

#include "session.h"

/* Where the body is: its start is at hand, the rest is behind a descriptor (-1: is not to be had).
 */
struct batv_body {
	struct batv_span start;
	int fd;
	int64_t at; /* offset of the body in fd */
};

struct batv_prover {
	const struct batv_session *session;
	const struct batv_body *body;
	enum batv_class class;
	bool searched;
};

/* For struct batv_context: ctx is a struct batv_prover. */
bool batv_message_proof(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer);

#endif
