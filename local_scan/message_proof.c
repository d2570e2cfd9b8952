/*
 * message_proof.c - reads the header and body of the current message, once, and asks proof.c.
 *
 * A search takes 22 KiB.  Only a message that would fail needs them, so they come from Exim's store
 * and live as long as that message.
 */
#include "base/days.h"
#include "decide/flood.h"
#include "evidence/mailbox.h"
#include "evidence/original.h"
#include "exim_glue.h"
#include "memory/counters.h"
#include "memory/tallies.h"
#include "message_proof.h"

static struct batv_proof proof;
static struct batv_span searched; /* of the body */

static void found_author(void *ctx, const struct batv_addr *addr)
{
	batv_proof_author(ctx, addr->text);
}

static void search_header(struct batv_search *search)
{
	struct batv_header field;
	const void *at = NULL;

	while (batv_glue_header_next(&at, &field)) {
		batv_search_header(search, field);
		if (batv_span_equal_fold(field.name, batv_span_of("From")))
			(void)batv_mailbox_each(field.value, BATV_AUTHORS_MAX, found_author,
						&proof);
	}
}

/*
 * Counts a hint that is about to be used.  It has the name of its own item, so a proof by the same
 * id is counted elsewhere.
 */
static bool use_hint(void *ctx, const struct batv_addr *bare, const struct batv_proof_answer *hint)
{
	const struct batv_session *session = ((struct batv_prover *)ctx)->session;
	struct batv_tallied used = batv_tally(session->memory, BATV_TALLY_ID_HITS, hint->item.name,
					      batv_day_of(session->now), session->now);

	(void)bare;
	if (used.day <= BATV_HINTS_A_DAY)
		return true;
	batv_count(session->memory, BATV_COUNT_DEFERRED + BATV_FLOOD_HINT, session->now);
	return false;
}

static void search_message(struct batv_prover *p)
{
	const struct batv_state *state = p->session->state;
	struct batv_search *search = (void *)batv_glue_buffer(sizeof *search);

	proof = (struct batv_proof){
		.search = search,
		.memory = p->session->memory,
		.before = batv_session_before(p->session),
		.key = batv_state_memory_key(state),
		.ring = &state->ring,
		.retention = state->global.memory_retention,
		.now = p->session->now,
		.class = p->class,
		.use_hint = use_hint,
		.use_hint_ctx = p,
	};
	batv_search_start(search);
	search_header(search);
	searched = batv_body_read(p->body, (size_t)state->global.evidence_bytes);
	batv_search_body(search, searched);
	p->searched = true;
}

bool batv_message_proof(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer)
{
	struct batv_prover *p = ctx;

	if (!p->searched)
		search_message(p);
	batv_count(p->session->memory, BATV_COUNT_LOOKUPS, p->session->now);
	if (!batv_proof_for(&proof, bare, answer))
		return false;
	batv_count(p->session->memory, BATV_COUNT_HITS, p->session->now);
	return true;
}

const struct batv_clue *batv_message_proof_original(struct batv_prover *p,
						    const struct batv_addr *author)
{
	if (!p->searched)
		search_message(p);
	return batv_original_by(proof.search, searched, author);
}
