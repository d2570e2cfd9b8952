/*
 * leaving.c - counts mail that leaves, and notes the evidence for its domain.
 */
#include "exim_glue.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "leaving.h"

static void left_signed(const struct batv_session *session, const struct batv_signing *s,
			const struct batv_policy *policy)
{
	batv_count(session->memory, BATV_COUNT_SIGNED, session->now);
	(void)batv_domain_note(session->memory, s->domain, policy->name, BATV_EVIDENCE_SIGNED,
			       session->now);
}

/* The address was signed at routing.  A tag from an untrusted origin is not evidence. */
static void left_tagged(const struct batv_session *session, const struct batv_origin *origin,
			const struct batv_signing *s)
{
	const struct batv_policy *policy;

	if (s->carries_valid_tag &&
	    batv_lists_policy(session->state, &batv_glue_matcher, s->domain, &policy) == BATV_YES &&
	    batv_lists_trust(policy, &batv_glue_matcher, origin) == BATV_YES)
		left_signed(session, s, policy);
}

static void left_bare(const struct batv_session *session, const struct batv_signing *s)
{
	enum batv_sign_answer why = s->answer;

	if (why == BATV_LEFT_OFF || why == BATV_LEFT_NOT_OURS)
		batv_domain_left_bare(session->memory, s->domain,
				      s->policy ? s->policy->name : NULL);
	if (why == BATV_LEFT_NO_KEY)
		batv_counters_bare_now(session->memory, session->now);
	else if (why == BATV_LEFT_UNTRUSTED)
		batv_count(session->memory, BATV_COUNT_LEFT_UNTRUSTED, session->now);
	else if (why == BATV_LEFT_DESTINATION)
		batv_count(session->memory, BATV_COUNT_LEFT_DESTINATION, session->now);
	else
		batv_count(session->memory, BATV_COUNT_LEFT_OTHER, session->now);
}

void batv_leaving_count(const struct batv_session *session, const struct batv_origin *origin,
			const struct batv_signing *s)
{
	if (s->answer == BATV_SIGNED)
		left_signed(session, s, s->policy);
	else if (s->answer == BATV_LEFT_TAGGED)
		left_tagged(session, origin, s);
	else
		left_bare(session, s);
}

void batv_leaving_without_state(const struct batv_session *session)
{
	batv_counters_bare_now(session->memory, session->now);
}
