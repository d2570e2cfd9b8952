/*
 * message_proof.c - reads the header and body of the current message, once, and asks proof.c.
 *
 * A search takes 22 KiB.  Only a message that would fail needs them, so they come from Exim's store
 * and live as long as that message.
 */
#include "base/days.h"
#include "base/hmac.h"
#include "base/network.h"
#include "decide/flood.h"
#include "evidence/forwarded.h"
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
		if (proof.n_authors < BATV_AUTHORS_MAX &&
		    batv_span_equal_fold(field.name, batv_span_of("From")))
			(void)batv_mailbox_each(field.value, BATV_AUTHORS_MAX, found_author,
						&proof);
	}
}

static uint32_t use_name(const struct batv_session *session, const uint8_t *name)
{
	return batv_tally(session->memory, BATV_TALLY_ID_HITS, name, batv_day_of(session->now),
			  session->now)
		.day;
}

/*
 * By network first: a network over its limit uses up nothing of the recipient's.  Where nothing can
 * be counted, there is no such hint.
 */
static bool use_forwarded(const struct batv_session *session, const struct batv_addr *bare)
{
	const struct batv_span key = batv_state_memory_key(session->state);
	uint8_t by_network[BATV_HMAC_LEN], by_recipient[BATV_HMAC_LEN];
	struct batv_origin origin;
	char canon[BATV_ADDR_SIZE];
	uint64_t network;
	size_t len;

	batv_glue_origin(&origin);
	if (key.len == 0 || !batv_memory_there(session->memory) ||
	    !batv_network_of(origin.host_address, &network) ||
	    batv_addr_canon(bare, canon, sizeof canon, &len) != BATV_OK ||
	    !batv_hmac_sha1(key, batv_span_of("forwarded by "),
			    (struct batv_span){(const char *)&network, sizeof network},
			    by_network) ||
	    !batv_hmac_sha1(key, batv_span_of("forwarded to "), (struct batv_span){canon, len},
			    by_recipient))
		return false;
	return use_name(session, by_network) <= BATV_FORWARDED_A_DAY &&
	       use_name(session, by_recipient) <= BATV_FORWARDED_A_DAY;
}

/* ---- a bounce of another account ---- */

static struct batv_forwarded forwarded;

/* A domain that may be ours is not foreign. */
static bool is_foreign(void *ctx, const struct batv_addr *addr)
{
	const struct batv_session *session = ((struct batv_prover *)ctx)->session;
	const struct batv_policy *policy;

	return batv_session_policy(session, addr, &policy) == BATV_NO;
}

/* The answer is the same for all recipients. */
static bool is_forwarded(void *ctx)
{
	struct batv_prover *p = ctx;
	struct batv_header field;
	const void *at = NULL;
	bool yes;

	if (p->forwarded != BATV_MAYBE)
		return p->forwarded == BATV_YES;
	batv_forwarded_start(&forwarded);
	while (batv_glue_header_next(&at, &field))
		batv_forwarded_header(&forwarded, field);
	yes = batv_forwarded_is(&forwarded, searched, is_foreign, p);
	p->forwarded = yes ? BATV_YES : BATV_NO;
	return yes;
}

/*
 * Counts a hint that is about to be used.  It has the name of its own item, so a proof by the same
 * id is counted elsewhere.
 */
static bool use_hint(void *ctx, const struct batv_addr *bare, const struct batv_proof_answer *hint)
{
	const struct batv_session *session = ((struct batv_prover *)ctx)->session;

	if (hint->kind == BATV_PROOF_HINT_FORWARDED
		    ? use_forwarded(session, bare)
		    : use_name(session, hint->item.name) <= BATV_HINTS_A_DAY)
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
		.is_forwarded = is_forwarded,
		.is_forwarded_ctx = p,
	};
	p->forwarded = BATV_MAYBE;
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

bool batv_message_proof_signed(struct batv_prover *p, const char *domain,
			       struct batv_original_signed *out)
{
	if (!p->searched)
		search_message(p);
	return batv_original_signed(proof.search, searched, domain, out);
}
