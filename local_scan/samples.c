/*
 * samples.c - finds out whether the memory knows what a bounce returns.
 *
 * Invariant: a miss is only counted if the memory is as old as the key that made the tag.  Mail
 * that was sent before there was a memory says nothing about it.
 */
#include "samples.h"

#include <string.h>

#include "exim_glue.h"
#include "memory/recall.h"

#define SLACK 3600 /* seconds between the first key and the first memory of an installation */

struct subject {
	struct batv_addr rcpt, bare;
	struct batv_recall_sample sample;
};

static bool begin_sample(struct subject *s, const struct batv_session *session, const char *rcpt,
			 const struct batv_judgement *j)
{
	struct batv_origin origin;

	if (batv_addr_parse(rcpt, strlen(rcpt), &s->rcpt) != BATV_OK ||
	    batv_addr_parse(j->bare, strlen(j->bare), &s->bare) != BATV_OK)
		return false;
	batv_glue_origin(&origin);
	s->sample = (struct batv_recall_sample){
		.domain = j->domain,
		.rcpt = &s->rcpt,
		.host = origin.host_address,
		.key = batv_state_memory_key(session->state),
		.retention = session->state->global.memory_retention,
		.now = session->now,
	};
	return batv_recall_wants(session->memory, &s->sample);
}

static bool was_recorded(const struct batv_session *session, const struct batv_item *item)
{
	const int64_t retention = session->state->global.memory_retention;
	struct batv_memory *before;

	if (batv_sent_known(session->memory, item, retention, session->now))
		return true;
	before = batv_session_before(session);
	return before && batv_sent_known(before, item, retention, session->now);
}

static void sample_of_bounce(struct batv_prover *prover, struct subject *s,
			     const struct batv_judgement *j)
{
	const struct batv_session *session = prover->session;
	const struct batv_clue *id = batv_message_proof_original(prover, &s->bare);
	struct batv_item item;

	if (!id || !batv_sent_id(s->sample.key, id->value, &s->bare, &item))
		return;
	if (was_recorded(session, &item))
		(void)batv_recall_take(session->memory, &s->sample, BATV_RECALL_KNOWN, &item);
	else if (session->memory->sections.filters[BATV_ITEM_ID].since <= j->key->from + SLACK)
		(void)batv_recall_take(session->memory, &s->sample, BATV_RECALL_MISSED, &item);
}

void batv_samples_take(struct batv_prover *prover, const char *rcpt, const struct batv_judgement *j)
{
	const enum batv_verdict verdict = j->finding.verdict;
	const struct batv_session *session = prover->session;
	struct subject s;

	if (verdict == BATV_VALID && j->key && prover->class == BATV_CLASS_DSN) {
		if (begin_sample(&s, session, rcpt, j))
			sample_of_bounce(prover, &s, j);
	} else if (verdict == BATV_REMEMBERED && j->proof.kind == BATV_PROOF_ID) {
		if (begin_sample(&s, session, rcpt, j))
			(void)batv_recall_take(session->memory, &s.sample, BATV_RECALL_CITED,
					       &j->proof.item);
	}
}
