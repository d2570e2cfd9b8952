/*
 * judge.c - gathers the facts about an address from the state, the sent-mail memory and Exim's
 * lists, and asks verdict.c.
 *
 * Invariant: a question without an answer never leads to a refusal.
 */
#include "decide/judge.h"

#include <string.h>

#include "decide/override.h"
#include "memory/domains.h"

/* ---- judging ---- */

/* The facts about the recipient that need no question to anybody. */
struct subject {
	struct batv_addr addr, bare;
	struct batv_tag tag;
	char for_lists[BATV_ADDR_SIZE]; /* of the untagged address; "" if it is not an address */
};

/* Fills out->bare too.  If the untagged text is not an address, the recipient is unsignable. */
static void find_bare(struct subject *s, struct batv_judgement *out)
{
	if (!out->tagged)
		(void)batv_lists_copy(s->addr.text, out->bare);
	else if (batv_tag_strip(&s->addr, &s->tag, out->bare, sizeof out->bare) != BATV_OK)
		out->bare[0] = '\0';
	s->for_lists[0] = '\0';
	if (batv_addr_parse(out->bare, strlen(out->bare), &s->bare) != BATV_OK)
		memset(&s->bare, 0, sizeof s->bare);
	else
		(void)batv_lists_copy_address(&s->bare, s->for_lists);
}

static void ask_host_lists(const struct batv_context *context, const struct batv_policy *policy,
			   struct batv_message_facts *msg)
{
	/* who hands over fetched mail did not write it */
	if (!context->fetched)
		msg->own_host =
			batv_lists_host(context->matcher, context->origin, policy->own_hosts);
	if (msg->own_host != BATV_YES)
		msg->exempt_host = batv_lists_more_hosts(
			context, context->origin, policy->exempt_hosts, BATV_OVERRIDE_EXEMPT_HOST);
}

static void ask_address_lists(const struct batv_context *context, const struct batv_policy *policy,
			      const struct subject *s, struct batv_rcpt_facts *rcpt)
{
	enum batv_reason why;
	enum batv_match may;

	rcpt->fits = s->for_lists[0] != '\0' && batv_tag_fits(&s->bare);
	rcpt->exempt_recipient = batv_lists_more_addresses(
		context, s->for_lists, policy->exempt_recipients, BATV_OVERRIDE_EXEMPT_RECIPIENT);
	if (rcpt->exempt_recipient == BATV_YES || s->for_lists[0] == '\0')
		return;
	may = batv_lists_may_sign(context, policy, &s->bare, s->for_lists, &why);
	rcpt->srs = why == BATV_WHY_SRS;
	if (why == BATV_WHY_UNSIGNED_SENDER)
		rcpt->unsigned_sender = BATV_YES;
	else if (may == BATV_MAYBE)
		rcpt->unsigned_sender = BATV_MAYBE;
}

/*
 * Asks whether the message itself proves that it is wanted, if nothing else has spoken for the
 * recipient.
 */
static bool ask_for_proof(const struct batv_context *context, const struct subject *s,
			  const struct batv_rcpt_facts *rcpt, struct batv_proof_answer *answer)
{
	return context->prove && rcpt->fits && rcpt->exempt_recipient != BATV_YES && !rcpt->srs &&
	       rcpt->unsigned_sender != BATV_YES &&
	       context->prove(context->prove_ctx, &s->bare, answer);
}

/*
 * Gathers the facts in the order in which verdict.c weighs them.  Nothing is asked after the fact
 * that decides.
 */
static void gather_facts(const struct batv_context *context, const struct subject *s,
			 struct batv_message_facts *msg, struct batv_rcpt_facts *rcpt,
			 struct batv_judgement *out)
{
	const struct batv_policy *policy = out->policy;

	if (rcpt->tagged && rcpt->worth == BATV_TAG_VALID)
		return;
	msg->local = !batv_lists_is_set(context->origin->host_address) && !context->fetched;
	msg->authenticated = context->origin->authenticated && policy->exempt_authenticated;
	msg->acl_exempt = context->acl_exempt && policy->exempt_acl;
	if (msg->local || msg->authenticated || msg->acl_exempt)
		return;
	ask_host_lists(context, policy, msg);
	if (msg->own_host == BATV_YES || msg->exempt_host == BATV_YES)
		return;
	ask_address_lists(context, policy, s, rcpt);
	rcpt->remembered = ask_for_proof(context, s, rcpt, &out->proof);
}

static bool is_armed(const struct batv_context *context, const struct batv_judgement *j)
{
	struct batv_domain domain;

	/* a domain that was armed under one policy may have another policy by now */
	return j->policy->signing && context->memory &&
	       batv_domain_find(context->memory, j->domain, &domain) &&
	       (domain.flags & BATV_DOMAIN_ARMED) != 0;
}

static enum batv_reason hint_of(const struct batv_judgement *j)
{
	if (j->proof.kind == BATV_PROOF_HINT_FORWARDED)
		return BATV_WHY_HINT_FORWARDED;
	return j->proof.kind == BATV_PROOF_HINT_ID ? BATV_WHY_HINT_ID : BATV_WHY_NONE;
}

static void try_action(const struct batv_mode_facts *mode, const struct batv_finding *verdict,
		       struct batv_judgement *j)
{
	j->finding = *verdict;
	batv_action_of(mode, &j->finding);
}

/*
 * Is the sending host one of ours, which would lose what we refuse?  Only a refusal is worth these
 * look-ups.
 */
static void ask_about_host(const struct batv_context *context, const struct batv_policy *policy,
			   struct batv_mode_facts *mode)
{
	const struct batv_matcher *m = context->matcher;
	const struct batv_origin *origin = context->origin;
	const bool trusted_counts = policy->mark_trusted_hosts || context->passed_before;

	mode->relay_host = batv_lists_host(m, origin, policy->relay_in_hosts);
	if (trusted_counts || context->fetched)
		mode->trusted_host = batv_lists_host(m, origin, policy->trusted_hosts);
	mode->fetched = context->fetched &&
			(!batv_lists_is_set(origin->host_address) || mode->relay_host == BATV_YES ||
			 mode->trusted_host == BATV_YES ||
			 batv_lists_host(m, origin, policy->own_hosts) != BATV_NO);
	if (!trusted_counts)
		mode->trusted_host = BATV_NO;
}

/* Only a refusal is worth the last two questions, and the last one only if it depends on it. */
static void decide_action(const struct batv_context *context, struct batv_judgement *j)
{
	const struct batv_finding verdict = j->finding;
	struct batv_mode_facts mode = {
		.policy = j->policy,
		.enforcement = BATV_ENFORCE_OBSERVE,
		.observe_file = context->observe_file,
		.class = context->class,
		.hint = hint_of(j),
		.cites_nothing = j->proof.cites_nothing,
		.memory_complete = true,
	};

	if (j->policy)
		mode.enforcement =
			batv_override_mode(context->state, j->policy, j->domain, context->now);
	if (mode.enforcement == BATV_ENFORCE_AUTO)
		mode.armed = is_armed(context, j);
	try_action(&mode, &verdict, j);
	if (j->finding.action != BATV_ACTION_REJECT)
		return;
	ask_about_host(context, j->policy, &mode);
	mode.relay_sends = mode.class == BATV_CLASS_DSN && context->relay_sends &&
			   context->relay_sends(context->relay_sends_ctx, j->domain);
	try_action(&mode, &verdict, j);
	if (j->finding.action != BATV_ACTION_REJECT)
		return;
	mode.memory_complete = false;
	try_action(&mode, &verdict, j);
	if (j->finding.action == BATV_ACTION_REJECT || !context->lacks)
		return;
	mode.memory_complete = context->lacks(context->lacks_ctx, j->domain,
					      mode.class == BATV_CLASS_DSN) == BATV_LACK_NOTHING;
	mode.fleet_behind = context->fleet_behind;
	try_action(&mode, &verdict, j);
	j->by_memory = j->finding.action == BATV_ACTION_REJECT;
}

/* We never sign input that is not an address, so we do not judge it. */
static void judge_no_address(struct batv_judgement *out)
{
	out->finding.verdict = BATV_UNSIGNABLE;
	out->finding.action = BATV_ACTION_ACCEPT;
}

/*
 * Finds the verdict, and whether it is in doubt.  If `worth` is false, any tag counts as wrong, and
 * no key is asked.
 */
static void find_verdict(const struct batv_context *context, const char *rcpt, bool worth,
			 struct batv_judgement *out)
{
	struct batv_message_facts msg = {0};
	struct batv_rcpt_facts facts = {0};
	struct subject s;

	memset(out, 0, sizeof *out);
	if (!rcpt || batv_addr_parse(rcpt, strlen(rcpt), &s.addr) != BATV_OK ||
	    !batv_lists_copy_domain(&s.addr, out->domain)) {
		judge_no_address(out);
		return;
	}
	out->tagged = facts.tagged = batv_tag_parse(&s.addr, &s.tag);
	find_bare(&s, out);
	facts.is_protected =
		batv_lists_policy(context->state, context->matcher, out->domain, &out->policy);
	if (facts.is_protected == BATV_YES) {
		facts.worth = BATV_TAG_FORGED;
		if (facts.tagged && worth)
			facts.worth = batv_tag_check(&s.addr, &s.tag, &context->state->ring,
						     context->now, &out->key);
		gather_facts(context, &s, &msg, &facts, out);
	}
	batv_verdict_of(&msg, &facts, &out->finding);
	/* When the published keys have run out, mail and its bounces are untagged. */
	if (batv_verdict_failed(out->finding.verdict) &&
	    !batv_key_current(&context->state->ring, context->now))
		out->finding.doubt = true;
	/* Untagged recipients are judged as always: a lost secret removes no tag. */
	out->finding.maybe_lost = out->tagged && batv_verdict_failed(out->finding.verdict) &&
				  context->state->lost_until > context->now;
}

void batv_judge_recipient(const struct batv_context *context, const char *rcpt,
			  struct batv_judgement *out)
{
	find_verdict(context, rcpt, true, out);
	decide_action(context, out);
}

/* Before DATA neither class nor citations are known: could a message of any kind be refused? */
enum batv_kind batv_judge_kind(const struct batv_context *context, const char *rcpt)
{
	struct batv_context worst = *context;
	struct batv_judgement j;
	struct batv_finding verdict;
	bool doubt;

	worst.prove = NULL;
	find_verdict(&worst, rcpt, false, &j);
	verdict = j.finding;
	doubt = !batv_verdict_failed(verdict.verdict) && verdict.doubt;
	for (int class = 0; class < BATV_CLASS_COUNT && batv_verdict_failed(verdict.verdict);
	     class ++) {
		worst.class = (enum batv_class) class;
		j.finding = verdict;
		decide_action(&worst, &j);
		if (j.finding.action == BATV_ACTION_REJECT)
			return j.tagged ? BATV_KIND_TAGGED : BATV_KIND_BARE;
		doubt = doubt || j.finding.reason == BATV_WHY_DOUBT;
	}
	return doubt ? BATV_KIND_DOUBT : BATV_KIND_SPARED;
}

/* Some mail of the policy leaves untagged on purpose, and may come back from anywhere. */
static bool leaves_some_untagged(const struct batv_policy *policy)
{
	return !policy->signing || batv_policy_leaves_untagged(policy);
}

/*
 * The question is whether a bounce to this sender would be refused, were it to come from this host
 * now.  Then mail of the domain leaves tagged, and this message has no tag.
 */
enum batv_kind batv_judge_sender(const struct batv_context *context, const char *sender)
{
	struct batv_context bounce = *context;
	struct batv_judgement j;

	bounce.prove = NULL;
	bounce.class = BATV_CLASS_DSN;
	bounce.passed_before = true; /* this spares trusted_hosts, whatever the policy says */
	find_verdict(&bounce, sender, false, &j);
	if (!batv_verdict_failed(j.finding.verdict))
		return j.finding.doubt ? BATV_KIND_DOUBT : BATV_KIND_SPARED;
	if (j.tagged)
		return BATV_KIND_TAGGED;
	if (leaves_some_untagged(j.policy))
		return BATV_KIND_SPARED;
	decide_action(&bounce, &j);
	if (j.finding.action == BATV_ACTION_REJECT)
		return BATV_KIND_BARE;
	return j.finding.reason == BATV_WHY_DOUBT ? BATV_KIND_DOUBT : BATV_KIND_SPARED;
}

const char *batv_judge_kind_name(enum batv_kind kind)
{
	switch (kind) {
	case BATV_KIND_TAGGED: return "tagged";
	case BATV_KIND_BARE: return "bare";
	case BATV_KIND_DOUBT: return "doubt";
	case BATV_KIND_SPARED: break;
	}
	return "spared";
}
