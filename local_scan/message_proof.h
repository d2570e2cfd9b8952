/*
 * message_proof.h - searches the current message for evidence: at most once, and only when a
 * recipient would fail.
 */
#ifndef BATV_MESSAGE_PROOF_H
#define BATV_MESSAGE_PROOF_H

#include "body.h"
#include "evidence/original.h"
#include "session.h"

#define BATV_HINTS_A_DAY 20    /* messages that one hinted id lets in */
#define BATV_FORWARDED_A_DAY 5 /* forwarded bounces of a network, and of a recipient */

struct batv_prover {
	const struct batv_session *session;
	const struct batv_body *body;
	enum batv_class class;
	bool searched;
	enum batv_match forwarded; /* private, after the search: MAYBE: not asked yet */
};

/* The prove() of struct batv_context; ctx is a struct batv_prover. */
bool batv_message_proof(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer);

/*
 * The Message-ID of the message that a bounce returns, if its From is this address; NULL if not.
 * The message is searched now if it was not yet.
 */
const struct batv_clue *batv_message_proof_original(struct batv_prover *p,
						    const struct batv_addr *author);
/* The same for a returned message that this domain has signed; see evidence/original.h. */
bool batv_message_proof_signed(struct batv_prover *p, const char *domain,
			       struct batv_original_signed *out);

#endif
