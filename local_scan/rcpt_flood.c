/*
 * rcpt_flood.c - the answers for the administrator's RCPT ACL while forged bounces flood.
 *
 * Invariant: no answer depends on whether a tag is right, and in doubt the answer is no.
 */
#include <stdio.h>
#include <string.h>

#include "base/together.h"
#include "exim_glue.h"
#include "flood.h"
#include "memory/counters.h"
#include "outcome.h"
#include "rcpt_flood.h"

static bool is_postmaster(const struct batv_addr *bare)
{
	return batv_span_equal_fold(bare->local, batv_span_of("postmaster"));
}

/* A report to postmaster may be about this very flood, and be for its victim, too. */
static bool names_postmaster(void)
{
	for (size_t i = 0; i < batv_glue_recipients(); i++) {
		const char *rcpt = batv_glue_recipient(i);
		char bare[BATV_ADDR_INPUT_MAX + 1];
		struct batv_addr addr;

		if (batv_tag_bare(rcpt, strlen(rcpt), bare, sizeof bare) == BATV_OK &&
		    batv_addr_parse(bare, strlen(bare), &addr) == BATV_OK && is_postmaster(&addr))
			return true;
	}
	return false;
}

/*
 * Mail that leaves untagged has untagged bounces.  So a policy with senders, destinations or
 * hosts that are not signed for refuses none of them unread.
 */
static bool refuses_unread(const struct batv_policy *policy)
{
	return policy && policy->flood_refuse_at_rcpt && !batv_policy_leaves_untagged(policy) &&
	       policy->unproven[BATV_CLASS_DSN] == BATV_ACTION_REJECT && !names_postmaster();
}

/* The lists are asked only above the limit, so that ordinary bounces do not pay for them. */
static bool may_act(const struct batv_session *session, enum batv_flood_subject subject,
		    const struct batv_addr *bare, const char *rcpt)
{
	const struct batv_policy *policy;
	struct batv_context context;
	struct batv_origin origin;

	if (is_postmaster(bare))
		return false;
	if (subject == BATV_FLOOD_RCPT &&
	    (batv_session_policy(session, bare, &policy) != BATV_YES || !refuses_unread(policy)))
		return false;
	batv_outcome_context(&context, &origin, session, BATV_CLASS_DSN);
	return batv_judge_kind(&context, rcpt) == BATV_KIND_BARE;
}

/* A tag-shaped recipient is never looked at: no answer before DATA may depend on a MAC. */
static bool is_asked_about(const struct batv_session *session, const struct batv_origin *origin,
			   const char *rcpt, struct batv_addr *bare)
{
	struct batv_tag tag;

	return session->state && !*batv_glue_sender() && batv_lists_is_set(origin->host_address) &&
	       batv_addr_parse(rcpt, strlen(rcpt), bare) == BATV_OK && !batv_tag_parse(bare, &tag);
}

/* Counts that it was turned away, and returns how many there are now. */
static uint32_t count_it(const struct batv_session *session, enum batv_flood_subject subject,
			 const struct batv_origin *origin, const char *rcpt, uint32_t count)
{
	if (subject == BATV_FLOOD_HOST) {
		batv_count(session->memory, BATV_COUNT_FLOOD_HOST, session->now);
		return count;
	}
	batv_count(session->memory, BATV_COUNT_FLOOD_RCPT, session->now);
	batv_flood_refusal(session, origin->host_address, rcpt);
	return session->memory->writable ? count + 1 : count;
}

/*
 * The last one that was turned away.  Exim asks for its log line in a call of its own, in the same
 * process and at once, and must not pay for a second decision.
 */
static struct {
	enum batv_flood_subject subject;
	char rcpt[BATV_ADDR_SIZE];
	char text[500];
} turned_away BATV_TOGETHER;

static void write_text(enum batv_flood_subject subject, const char *rcpt,
		       const struct batv_origin *origin, const struct batv_flood_rate *rate,
		       uint32_t count)
{
	char address[280], host[64], period[48];

	batv_printable(batv_span_of(rcpt), address, sizeof address);
	batv_printable(batv_span_of(origin->host_address), host, sizeof host);
	batv_duration_format(rate->period, period, sizeof period);
	/* a contract: docs/formats.md, "Log line"; new fields go to the end */
	snprintf(turned_away.text, sizeof turned_away.text,
		 "batv: flood=%s count=%u limit=%u action=%s rcpt=<%s> host=[%s] period=%s",
		 batv_flood_subject_name(subject), (unsigned)count, (unsigned)rate->limit,
		 subject == BATV_FLOOD_HOST ? "deferred" : "refused", address, host, period);
	turned_away.subject = subject;
	(void)batv_lists_copy(batv_span_of(rcpt), turned_away.rcpt);
}

bool batv_rcpt_flood_turns_away(const struct batv_session *session, enum batv_flood_subject subject,
				const char *rcpt, const struct batv_flood_rate *rate)
{
	struct batv_origin origin;
	struct batv_addr bare;
	uint32_t count;

	turned_away.text[0] = '\0';
	batv_glue_origin(&origin);
	if (!is_asked_about(session, &origin, rcpt, &bare))
		return false;
	count = batv_flood_count(&(struct batv_flood_context){.memory = session->memory,
							      .state = session->state,
							      .host = origin.host_address,
							      .bare = &bare,
							      .now = session->now},
				 subject, rate->period);
	if (count < rate->limit || !may_act(session, subject, &bare, rcpt))
		return false;
	count = count_it(session, subject, &origin, rcpt, count);
	write_text(subject, rcpt, &origin, rate, count);
	return true;
}

const char *batv_rcpt_flood_text(enum batv_flood_subject subject, const char *rcpt)
{
	return turned_away.subject == subject && strcmp(turned_away.rcpt, rcpt) == 0
		       ? turned_away.text
		       : "";
}
