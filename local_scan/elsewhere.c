/*
 * elsewhere.c - notes what a bounce tells about how the mail of its recipient's domain leaves.
 *
 * Anybody can write such a bounce, and a signature in it is not verified.  So what is noted here
 * never makes a domain refuse, and never disarms one that sends.
 */
#include "elsewhere.h"

#include <string.h>

#include "evidence/mailbox.h"
#include "exim_glue.h"
#include "memory/sending.h"

struct known {
	const struct batv_session *session;
	struct batv_span id;
	bool found;
};

/* Was this id sent here with this address on it? */
static void ask(void *ctx, const struct batv_addr *addr)
{
	const int64_t retention = ((struct known *)ctx)->session->state->global.memory_retention;
	struct known *k = ctx;
	struct batv_memory *before = batv_session_before(k->session);
	struct batv_item item;

	if (k->found || !batv_sent_id(batv_state_memory_key(k->session->state), k->id, addr, &item))
		return;
	k->found = batv_sent_known(k->session->memory, &item, retention, k->session->now) ||
		   (before && batv_sent_known(before, &item, retention, k->session->now));
}

static bool was_sent_here(const struct batv_session *session, const struct batv_judgement *j,
			  const struct batv_original_signed *original)
{
	struct known known = {.session = session, .id = original->id->value};
	struct batv_addr bare;

	if (batv_addr_parse(j->bare, strlen(j->bare), &bare) == BATV_OK)
		ask(&known, &bare);
	if (original->from.p)
		(void)batv_mailbox_each(original->from, BATV_AUTHORS_MAX, ask, &known);
	return known.found;
}

static void log_it(const struct batv_judgement *j, const struct batv_original_signed *original,
		   const char *host)
{
	char selector[80], from[64], id[200];

	batv_printable(original->selector, selector, sizeof selector);
	batv_printable(batv_span_of(host), from, sizeof from);
	batv_printable(original->id->value, id, sizeof id);
	batv_glue_log("batv: elsewhere=%s selector=%s host=[%s] msgid=%s: see batvctl status",
		      j->domain, selector, from, id);
}

/* A message that this domain has signed, and that was not sent here, came back. */
static void note_original(struct batv_prover *prover, const struct batv_judgement *j)
{
	const struct batv_session *session = prover->session;
	const struct batv_span key = batv_state_memory_key(session->state);
	struct batv_original_signed original;
	struct batv_origin origin;

	if (!batv_message_proof_signed(prover, j->domain, &original) ||
	    was_sent_here(session, j, &original))
		return;
	batv_glue_origin(&origin);
	if (batv_sending_elsewhere(session->memory, j->domain,
				   batv_sending_hash(key, BATV_SENDING_ID, original.id->value),
				   batv_sending_network(key, origin.host_address), session->now))
		log_it(j, &original, origin.host_address);
}

void batv_elsewhere_note(struct batv_prover *prover, const struct batv_judgement *j)
{
	if (prover->class != BATV_CLASS_DSN || !j->policy)
		return;
	if (batv_verdict_failed(j->finding.verdict))
		note_original(prover, j);
	else if (j->finding.verdict == BATV_REMEMBERED && j->proof.kind == BATV_PROOF_ID &&
		 !j->tagged && !batv_policy_spares_some(j->policy))
		batv_sending_untagged(prover->session->memory, j->domain, prover->session->now);
}
