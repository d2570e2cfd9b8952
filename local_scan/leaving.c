/*
 * leaving.c - counts mail that leaves, and notes the evidence for its domain.
 */
#include <string.h>

#include "exim_glue.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "leaving.h"
#include "origin.h"

static uint64_t sender_hash(struct batv_span key, const char *address)
{
	char canon[BATV_ADDR_SIZE];

	return batv_tag_canon(batv_span_of(address), canon)
		       ? batv_sending_hash(key, BATV_SENDING_SENDER, batv_span_of(canon))
		       : 0;
}

/* A batch for several domains counts as one domain, that without a name. */
static uint64_t domain_hash(struct batv_span key, const char *recipient)
{
	const char *at = strrchr(recipient, '@');

	return batv_sending_hash(key, BATV_SENDING_DOMAIN, batv_span_of(at ? at + 1 : ""));
}

static void left_signed(const struct batv_session *session, const struct batv_leaving *l,
			const struct batv_signing *s, const struct batv_policy *policy)
{
	const struct batv_span key = batv_state_memory_key(session->state);
	const struct batv_sending_clues clues = {
		.sender = sender_hash(key, l->sender),
		.domain = domain_hash(key, l->recipient),
		.waited = l->arrival > 0 ? session->now - l->arrival : 0,
	};

	batv_count(session->memory, BATV_COUNT_SIGNED, session->now);
	(void)batv_domain_note(session->memory, s->domain, policy->name, BATV_EVIDENCE_SIGNED,
			       &clues, session->now);
}

/* The address was signed at routing.  A tag from an untrusted origin is not evidence. */
static void left_tagged(const struct batv_session *session, const struct batv_leaving *l,
			const struct batv_signing *s)
{
	const struct batv_policy *policy;

	if (s->carries_valid_tag &&
	    batv_lists_policy(session->state, &batv_glue_matcher, s->domain, &policy) == BATV_YES &&
	    batv_lists_trust(policy, &batv_glue_matcher, l->origin) == BATV_YES)
		left_signed(session, l, s, policy);
}

/*
 * A list of the sender's own policy could not be looked up.  If the message is certainly ours, the
 * domain breaks: bounces of mail that left untagged will come.  A list that concerns the recipient
 * or trust breaks nothing, because strangers and customers choose what it is asked.
 */
static void left_in_doubt(const struct batv_session *session, const struct batv_leaving *l,
			  const struct batv_signing *s)
{
	if (s->own_doubt &&
	    batv_lists_trust_any_policy(session->state, &batv_glue_matcher, l->origin) == BATV_YES)
		batv_domain_break(session->memory, s->domain, BATV_DOMAIN_DOUBT, session->now);
}

static void left_bare(const struct batv_session *session, const struct batv_leaving *l,
		      const struct batv_signing *s)
{
	enum batv_sign_answer why = s->answer;

	if (why == BATV_LEFT_DOUBT)
		left_in_doubt(session, l, s);

	if (why == BATV_LEFT_OFF || why == BATV_LEFT_NOT_OURS)
		batv_domain_left_bare(session->memory, s->domain,
				      s->policy ? s->policy->name : NULL);
	if (s->by_next_hop) /* no transport need have seen it leave signed */
		batv_sending_failed(session->memory, s->domain, session->now);
	if (why == BATV_LEFT_NO_KEY)
		batv_counters_bare_now(session->memory, session->now);
	else if (why == BATV_LEFT_UNTRUSTED)
		batv_count(session->memory, BATV_COUNT_LEFT_UNTRUSTED, session->now);
	else if (why == BATV_LEFT_DESTINATION || why == BATV_LEFT_HOST)
		batv_count(session->memory, BATV_COUNT_LEFT_DESTINATION, session->now);
	else
		batv_count(session->memory, BATV_COUNT_LEFT_OTHER, session->now);
}

void batv_leaving_count(const struct batv_session *session, const struct batv_leaving *leaving,
			const struct batv_signing *s)
{
	if (s->answer == BATV_LEFT_UNTRUSTED && s->policy)
		batv_origin_relay_sends(session, leaving->origin, s->policy, s->domain);
	if (s->answer == BATV_SIGNED)
		left_signed(session, leaving, s, s->policy);
	else if (s->answer == BATV_LEFT_TAGGED)
		left_tagged(session, leaving, s);
	else
		left_bare(session, leaving, s);
}

void batv_leaving_without_state(const struct batv_session *session)
{
	batv_counters_bare_now(session->memory, session->now);
}

void batv_leaving_accepted(const struct batv_session *session, const char *sender, bool cutthrough,
			   const struct batv_signing *s)
{
	if (cutthrough)
		batv_count(session->memory, BATV_COUNT_LEFT_OTHER, session->now);
	batv_sending_accepted(session->memory, s->domain,
			      sender_hash(batv_state_memory_key(session->state), sender),
			      session->now);
}

void batv_leaving_failed(const struct batv_session *session, const char *sender)
{
	char domain[BATV_ADDR_SIZE];
	struct batv_addr addr;

	if (batv_addr_parse(sender, strlen(sender), &addr) == BATV_OK &&
	    batv_lists_copy_domain(&addr, domain))
		batv_sending_failed(session->memory, domain, session->now);
}
