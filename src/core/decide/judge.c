/*
 * judge.c - gathers the facts of an address from state, memory and Exim lists, and asks
 * verdict.c; and the same for signing.
 *
 * A list may be a file, a database or the DNS: it is asked only when nothing cheaper has
 * answered, and never when it is empty.  Invariant: a list that could not be asked never
 * leads to a signature or a refusal.
 */
#include "decide/judge.h"

#include <string.h>

#define RECIPIENTS_LOOKED_AT 100 /* of one message, for batv_is_trusted */

static bool is_set(const char *s)
{
	return s && *s;
}

/* The three kinds of look-up.  An empty list never matches, an empty name is in none. */
static enum batv_match in_domains(const struct batv_matcher *m, const char *domain,
				  const char *list)
{
	return is_set(list) && is_set(domain) ? m->domain(m->ctx, domain, list) : BATV_NO;
}

static enum batv_match in_addresses(const struct batv_matcher *m, const char *address,
				    const char *list)
{
	return is_set(list) && is_set(address) ? m->address(m->ctx, address, list) : BATV_NO;
}

static enum batv_match in_hosts(const struct batv_matcher *m, const struct batv_origin *origin,
				const char *list)
{
	if (!is_set(list) || !is_set(origin->host_address))
		return BATV_NO;
	return m->host(m->ctx, is_set(origin->host_name) ? origin->host_name : NULL,
		       origin->host_address, list);
}

/* NUL-terminated copy; "" and false when it does not fit. */
static bool copy_text(struct batv_span text, char out[static BATV_ADDR_SIZE])
{
	out[0] = '\0';
	if (text.len >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return true;
}

static void fold_text(char *s)
{
	for (; *s; s++)
		*s = batv_fold(*s);
}

static bool copy_domain(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE])
{
	if (!copy_text(addr->domain, out))
		return false;
	fold_text(out);
	return true;
}

/* The form that address lists are asked for: as written, the domain in lower case. */
static bool copy_for_lists(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE])
{
	if (!copy_text(addr->text, out))
		return false;
	fold_text(out + (addr->domain.p - addr->text.p));
	return true;
}

enum batv_match batv_policy_of(const struct batv_state *state, const struct batv_matcher *m,
			       const char *domain, const struct batv_policy **policy)
{
	*policy = NULL;
	/* [0] is the default one and comes last: 1, 2, ... n - 1, 0. */
	for (size_t i = 1; i <= state->n_policies; i++) {
		const struct batv_policy *p = &state->policies[i % state->n_policies];
		enum batv_match match = in_domains(m, domain, p->domains);

		if (match == BATV_YES)
			*policy = p;
		if (match != BATV_NO)
			return match;
	}
	return BATV_NO;
}

enum batv_match batv_may_be_signed(const struct batv_policy *policy, const struct batv_matcher *m,
				   const struct batv_addr *bare, const char *bare_text,
				   enum batv_reason *why)
{
	enum batv_match listed;

	*why = BATV_WHY_NONE;
	if (batv_tag_is_srs(bare)) {
		*why = BATV_WHY_SRS;
		return BATV_NO;
	}
	listed = in_addresses(m, bare_text, policy->unsigned_senders);
	if (listed == BATV_YES) {
		*why = BATV_WHY_UNSIGNED_SENDER;
		return BATV_NO;
	}
	if (!batv_tag_fits(bare))
		return BATV_NO;
	return listed == BATV_MAYBE ? BATV_MAYBE : BATV_YES;
}

/* Is this recipient one that not everybody may write to?  What is no address proves nothing. */
static enum batv_match needs_relaying(const struct batv_policy *policy,
				      const struct batv_matcher *m, const char *rcpt)
{
	char domain[BATV_ADDR_SIZE];
	struct batv_addr addr;

	if (!is_set(rcpt) || batv_addr_parse(rcpt, strlen(rcpt), &addr) != BATV_OK ||
	    !copy_domain(&addr, domain))
		return BATV_NO;
	switch (in_domains(m, domain, policy->inbound_domains)) {
	case BATV_NO:
		return BATV_YES;
	case BATV_YES:
		return BATV_NO;
	case BATV_MAYBE:
		break;
	}
	return BATV_MAYBE;
}

static enum batv_match some_needs_relaying(const struct batv_policy *policy,
					   const struct batv_matcher *m,
					   const struct batv_origin *origin)
{
	enum batv_match answer = BATV_NO;

	/* Without knowing what comes in anyway, nothing can be told from a recipient. */
	if (!origin->recipient || !is_set(policy->inbound_domains))
		return BATV_NO;
	for (size_t i = 0; i < origin->n_recipients && i < RECIPIENTS_LOOKED_AT; i++) {
		const char *rcpt = origin->recipient(origin->recipient_ctx, i);
		enum batv_match match = needs_relaying(policy, m, rcpt);

		if (match == BATV_YES)
			return BATV_YES;
		if (match == BATV_MAYBE)
			answer = BATV_MAYBE;
	}
	return answer;
}

enum batv_match batv_is_trusted(const struct batv_policy *policy, const struct batv_matcher *m,
				const struct batv_origin *origin)
{
	enum batv_match host, relay;

	if (origin->authenticated || origin->own_address)
		return BATV_YES;
	/* exim -bt lets any local user ask: without a message there is nothing to trust. */
	if (!is_set(origin->host_address))
		return origin->has_id ? BATV_YES : BATV_NO;
	host = in_hosts(m, origin, policy->trusted_hosts);
	if (host == BATV_YES)
		return BATV_YES;
	relay = some_needs_relaying(policy, m, origin);
	if (relay == BATV_YES)
		return BATV_YES;
	return host == BATV_MAYBE || relay == BATV_MAYBE ? BATV_MAYBE : BATV_NO;
}

/* ---- judging ---- */

/* What is known of the recipient without asking anybody. */
struct subject {
	struct batv_addr addr, bare;
	struct batv_tag tag;
	char for_lists[BATV_ADDR_SIZE]; /* of the bare address; "": it is none */
};

/* Fills out->bare too.  An address that cannot be written as one stays unsignable. */
static void find_bare(struct subject *s, struct batv_judgement *out)
{
	if (!out->tagged)
		(void)copy_text(s->addr.text, out->bare);
	else if (batv_tag_strip(&s->addr, &s->tag, out->bare, sizeof out->bare) != BATV_OK)
		out->bare[0] = '\0';
	s->for_lists[0] = '\0';
	if (batv_addr_parse(out->bare, strlen(out->bare), &s->bare) != BATV_OK)
		memset(&s->bare, 0, sizeof s->bare);
	else
		(void)copy_for_lists(&s->bare, s->for_lists);
}

static void ask_host_lists(const struct batv_judge *judge, const struct batv_policy *policy,
			   struct batv_message_facts *msg)
{
	msg->own_host = in_hosts(judge->matcher, judge->origin, policy->own_hosts);
	if (msg->own_host != BATV_YES)
		msg->exempt_host = in_hosts(judge->matcher, judge->origin, policy->exempt_hosts);
}

static void ask_address_lists(const struct batv_judge *judge, const struct batv_policy *policy,
			      const struct subject *s, struct batv_rcpt_facts *rcpt)
{
	enum batv_reason why;
	enum batv_match may;

	rcpt->fits = s->for_lists[0] != '\0' && batv_tag_fits(&s->bare);
	rcpt->exempt_recipient =
		in_addresses(judge->matcher, s->for_lists, policy->exempt_recipients);
	if (rcpt->exempt_recipient == BATV_YES || s->for_lists[0] == '\0')
		return;
	may = batv_may_be_signed(policy, judge->matcher, &s->bare, s->for_lists, &why);
	rcpt->srs = why == BATV_WHY_SRS;
	if (why == BATV_WHY_UNSIGNED_SENDER)
		rcpt->unsigned_sender = BATV_YES;
	else if (may == BATV_MAYBE)
		rcpt->unsigned_sender = BATV_MAYBE;
}

/* Nothing so far speaks for the recipient: does the message itself? */
static bool ask_for_proof(const struct batv_judge *judge, const struct subject *s,
			  const struct batv_rcpt_facts *rcpt, struct batv_proof_answer *answer)
{
	return judge->prove && rcpt->fits && rcpt->exempt_recipient != BATV_YES && !rcpt->srs &&
	       rcpt->unsigned_sender != BATV_YES && judge->prove(judge->prove_ctx, &s->bare, answer);
}

/* Facts in the order of verdict_of; what is behind the one that decides is not asked. */
static void gather(const struct batv_judge *judge, const struct subject *s,
		   struct batv_message_facts *msg, struct batv_rcpt_facts *rcpt,
		   struct batv_judgement *out)
{
	const struct batv_policy *policy = out->policy;

	if (rcpt->tagged && rcpt->worth == BATV_TAG_VALID)
		return;
	msg->local = !is_set(judge->origin->host_address);
	msg->authenticated = judge->origin->authenticated && policy->exempt_authenticated;
	msg->acl_exempt = judge->acl_exempt && policy->exempt_acl;
	if (msg->local || msg->authenticated || msg->acl_exempt)
		return;
	ask_host_lists(judge, policy, msg);
	if (msg->own_host == BATV_YES || msg->exempt_host == BATV_YES)
		return;
	ask_address_lists(judge, policy, s, rcpt);
	rcpt->remembered = ask_for_proof(judge, s, rcpt, &out->proof);
}

static bool is_armed(const struct batv_judge *judge, const struct batv_judgement *j)
{
	struct batv_domain domain;

	/* a domain that was armed under one policy may be under another one by now */
	return j->policy->enforcement == BATV_ENFORCE_AUTO && j->policy->signing &&
	       judge->memory && batv_domain_find(judge->memory, j->domain, &domain) &&
	       (domain.flags & BATV_DOMAIN_ARMED) != 0;
}

static void decide_action(const struct batv_judge *judge, struct batv_judgement *j)
{
	struct batv_mode_facts mode = {
		.policy = j->policy,
		.observe_file = judge->observe_file,
		.class = judge->class,
		.memory_complete = judge->memory_complete,
	};
	struct batv_finding before = j->finding;

	if (j->policy)
		mode.armed = is_armed(judge, j);
	batv_action_of(&mode, &j->finding);
	if (j->finding.action != BATV_ACTION_REJECT)
		return;
	/* Only what would be refused is worth the look-up. */
	mode.relay_host = in_hosts(judge->matcher, judge->origin, j->policy->relay_in_hosts);
	j->finding = before;
	batv_action_of(&mode, &j->finding);
}

/* What is no address was never signed by us, and is none of our business. */
static void judge_no_address(struct batv_judgement *out)
{
	out->finding.verdict = BATV_UNSIGNABLE;
	out->finding.action = BATV_ACTION_ACCEPT;
}

/* The verdict, in doubt where it has to be; without worth: a tag is taken for a wrong one, and no key is asked. */
static void find_verdict(const struct batv_judge *judge, const char *rcpt, bool worth,
			 struct batv_judgement *out)
{
	struct batv_message_facts msg = {0};
	struct batv_rcpt_facts facts = {0};
	struct subject s;

	memset(out, 0, sizeof *out);
	if (!rcpt || batv_addr_parse(rcpt, strlen(rcpt), &s.addr) != BATV_OK ||
	    !copy_domain(&s.addr, out->domain)) {
		judge_no_address(out);
		return;
	}
	out->tagged = facts.tagged = batv_tag_parse(&s.addr, &s.tag);
	find_bare(&s, out);
	facts.is_protected =
		batv_policy_of(judge->state, judge->matcher, out->domain, &out->policy);
	if (facts.is_protected == BATV_YES) {
		facts.worth = BATV_TAG_FORGED;
		if (facts.tagged && worth)
			facts.worth = batv_tag_check(&s.addr, &s.tag, &judge->state->ring,
						     judge->now, &out->key);
		gather(judge, &s, &msg, &facts, out);
	}
	batv_verdict_of(&msg, &facts, &out->finding);
	/* The published keys ran out: mail leaves bare, and its bounces come back bare. */
	if (batv_verdict_failed(out->finding.verdict) &&
	    !batv_key_current(&judge->state->ring, judge->now))
		out->finding.doubt = true;
	/* Bare ones are judged as ever: a lost secret makes no tag disappear. */
	out->finding.maybe_lost = out->tagged && batv_verdict_failed(out->finding.verdict) &&
				  judge->state->lost_until > judge->now;
}

void batv_judge_recipient(const struct batv_judge *judge, const char *rcpt,
			  struct batv_judgement *out)
{
	find_verdict(judge, rcpt, true, out);
	decide_action(judge, out);
}

/* The class is not known before DATA: could a message of any class be refused? */
enum batv_kind batv_recipient_kind(const struct batv_judge *judge, const char *rcpt)
{
	struct batv_judge worst = *judge;
	struct batv_judgement j;
	struct batv_finding verdict;
	bool doubt;

	worst.prove = NULL;
	find_verdict(&worst, rcpt, false, &j);
	verdict = j.finding;
	doubt = !batv_verdict_failed(verdict.verdict) && verdict.doubt;
	for (int class = 0; class < BATV_CLASS_COUNT && batv_verdict_failed(verdict.verdict); class++) {
		worst.class = (enum batv_class)class;
		j.finding = verdict;
		decide_action(&worst, &j);
		if (j.finding.action == BATV_ACTION_REJECT)
			return j.tagged ? BATV_KIND_TAGGED : BATV_KIND_BARE;
		doubt = doubt || j.finding.reason == BATV_WHY_DOUBT;
	}
	return doubt ? BATV_KIND_DOUBT : BATV_KIND_SPARED;
}

const char *batv_kind_name(enum batv_kind kind)
{
	switch (kind) {
	case BATV_KIND_TAGGED:
		return "tagged";
	case BATV_KIND_BARE:
		return "bare";
	case BATV_KIND_DOUBT:
		return "doubt";
	case BATV_KIND_SPARED:
		break;
	}
	return "spared";
}

/* ---- signing ---- */

/*
 * It has a tag already.  Only when the tag is good is it of interest whose it is; and only of a message that is there:
 * a verification, before DATA, could tell a right tag from a wrong one by the time that this takes.
 */
static enum batv_sign_answer note_tagged(const struct batv_judge *judge,
					 const struct batv_addr *addr, const struct batv_tag *tag,
					 struct batv_signing *out)
{
	if (judge->origin->has_id && batv_tag_check(addr, tag, &judge->state->ring, judge->now,
						    &out->key) == BATV_TAG_VALID) {
		out->carries_valid_tag = true;
		(void)batv_policy_of(judge->state, judge->matcher, out->domain, &out->policy);
	}
	return BATV_LEFT_TAGGED;
}

static enum batv_sign_answer refusal_to_sign(enum batv_match may, enum batv_reason why)
{
	if (may == BATV_MAYBE)
		return BATV_LEFT_DOUBT;
	if (why == BATV_WHY_SRS)
		return BATV_LEFT_SRS;
	return why == BATV_WHY_UNSIGNED_SENDER ? BATV_LEFT_UNSIGNED_SENDER : BATV_LEFT_UNSIGNABLE;
}

/* The lists, from the policy on.  SIGNED: nothing speaks against it. */
static enum batv_sign_answer ask_lists(const struct batv_judge *judge, const struct batv_addr *addr,
				       const char *recipient, struct batv_signing *out)
{
	const struct batv_matcher *m = judge->matcher;
	char for_lists[BATV_ADDR_SIZE];
	enum batv_reason why;
	enum batv_match match = batv_policy_of(judge->state, m, out->domain, &out->policy);

	if (match != BATV_YES)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_NOT_OURS;
	if (!out->policy->signing)
		return BATV_LEFT_OFF;
	if (!copy_for_lists(addr, for_lists))
		return BATV_LEFT_UNSIGNABLE;
	match = batv_may_be_signed(out->policy, m, addr, for_lists, &why);
	if (match != BATV_YES)
		return refusal_to_sign(match, why);
	match = in_addresses(m, recipient, out->policy->unsigned_destinations);
	if (match != BATV_NO)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_DESTINATION;
	match = batv_is_trusted(out->policy, m, judge->origin);
	if (match != BATV_YES)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_UNTRUSTED;
	return BATV_SIGNED;
}

static enum batv_sign_answer make_tag(const struct batv_judge *judge, const struct batv_addr *addr,
				      int64_t arrival, struct batv_signing *out)
{
	/* At the RCPT of a message $received_time may be that of the one before it. */
	int64_t arrived = judge->origin->has_id ? arrival : 0;
	const struct batv_key *key = batv_key_for_message(&judge->state->ring, arrived, judge->now);

	if (!key)
		return BATV_LEFT_NO_KEY;
	if (batv_tag_make(addr, key, (enum batv_tag_style)out->policy->tag_style, out->address,
			  sizeof out->address) != BATV_OK)
		return BATV_LEFT_UNSIGNABLE;
	out->key = key;
	return BATV_SIGNED;
}

void batv_sign_address(const struct batv_judge *judge, const char *address, const char *recipient,
		       int64_t arrival, struct batv_signing *out)
{
	struct batv_addr addr;
	struct batv_tag tag;

	memset(out, 0, sizeof *out);
	if (!is_set(address)) {
		out->answer = BATV_LEFT_NULL_SENDER;
	} else if (batv_addr_parse(address, strlen(address), &addr) != BATV_OK) {
		out->answer = BATV_LEFT_NO_ADDRESS;
	} else if (!copy_domain(&addr, out->domain)) {
		out->answer = BATV_LEFT_UNSIGNABLE;
	} else if (batv_tag_parse(&addr, &tag)) {
		out->answer = note_tagged(judge, &addr, &tag, out);
	} else {
		out->answer = ask_lists(judge, &addr, recipient, out);
		if (out->answer == BATV_SIGNED)
			out->answer = make_tag(judge, &addr, arrival, out);
	}
}

const char *batv_sign_answer_name(enum batv_sign_answer a)
{
	static const char names[][24] = {
		[BATV_SIGNED] = "signed",
		[BATV_LEFT_NULL_SENDER] = "left:null-sender",
		[BATV_LEFT_NO_ADDRESS] = "left:no-address",
		[BATV_LEFT_NOT_OURS] = "left:not-ours",
		[BATV_LEFT_OFF] = "left:off",
		[BATV_LEFT_TAGGED] = "left:tagged",
		[BATV_LEFT_SRS] = "left:srs",
		[BATV_LEFT_UNSIGNED_SENDER] = "left:unsigned-sender",
		[BATV_LEFT_DESTINATION] = "left:destination",
		[BATV_LEFT_UNSIGNABLE] = "left:unsignable",
		[BATV_LEFT_UNTRUSTED] = "left:untrusted",
		[BATV_LEFT_DOUBT] = "left:doubt",
		[BATV_LEFT_NO_KEY] = "left:no-key",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_SIGN_COUNT, "an answer has no name");
	return (unsigned)a < BATV_SIGN_COUNT ? names[a] : "?";
}
