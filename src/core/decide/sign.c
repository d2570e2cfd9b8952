/*
 * sign.c - decides whether an address gets a tag, and makes the tag.
 *
 * The cheapest questions come first, and the first answer against a tag ends them.  It leaves no
 * trace: it counts, logs and remembers nothing.  Invariant: only an answer of BATV_SIGNED comes
 * with a tagged address; in doubt the address stays as it is.
 */
#include "decide/sign.h"

#include <string.h>

/*
 * The address already has a tag.  Its policy matters only if the tag is valid.  The tag is checked
 * only for a real message: in a verification, before DATA, the time that this takes would tell a
 * right tag from a wrong one.
 */
static enum batv_sign_answer note_tagged(const struct batv_context *context,
					 const struct batv_addr *addr, const struct batv_tag *tag,
					 struct batv_signing *out)
{
	if (context->origin->has_id && batv_tag_check(addr, tag, &context->state->ring,
						      context->now, &out->key) == BATV_TAG_VALID) {
		out->carries_valid_tag = true;
		(void)batv_lists_policy(context->state, context->matcher, out->domain,
					&out->policy);
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

#define BATCH_LOOKED_AT 1000 /* recipients of a message, for a batch of it */

/* May this recipient of the message be in a batch for "@domain", or in one for several domains? */
static bool may_be_in(const char *rcpt, const char *domain)
{
	const struct batv_span wanted = batv_span_of(domain), whole = batv_span_of(rcpt);

	return wanted.len <= whole.len &&
	       batv_span_equal_fold(wanted,
				    (struct batv_span){rcpt + whole.len - wanted.len, wanted.len});
}

static enum batv_match is_unsigned(const struct batv_context *context,
				   const struct batv_policy *policy, const char *recipient)
{
	return batv_lists_more_addresses(context, recipient, policy->unsigned_destinations,
					 BATV_OVERRIDE_UNSIGNED_DESTINATION);
}

/*
 * Is the mail for an unsigned destination?  A transport does not know the recipients of a batch.
 * One that must not get a tag decides for all, because untagged mail does the others no harm: the
 * sent-mail memory proves its bounces.
 */
static enum batv_match unsigned_destination(const struct batv_context *context,
					    const struct batv_policy *policy, const char *recipient)
{
	const struct batv_origin *origin = context->origin;
	enum batv_match answer, match;

	if (!batv_lists_is_set(policy->unsigned_destinations) && !policy->more_destinations)
		return BATV_NO;
	answer = is_unsigned(context, policy, recipient);
	if (!origin->batch || !origin->recipient)
		return answer;
	for (size_t i = 0; i < origin->n_recipients && i < BATCH_LOOKED_AT; i++) {
		const char *rcpt = origin->recipient(origin->recipient_ctx, i);

		if (answer == BATV_YES)
			break;
		if (!may_be_in(rcpt, recipient))
			continue;
		match = is_unsigned(context, policy, rcpt);
		if (match != BATV_NO)
			answer = match;
	}
	return answer;
}

/*
 * Does the mail come from, or go to, a host of unsigned_hosts?  The client says nothing about an
 * address that our own configuration set.  Exim knows the next hop at a transport, and there only
 * the first host that it will try.
 */
static enum batv_match unsigned_host(const struct batv_context *context,
				     const struct batv_policy *policy, bool *by_next_hop)
{
	const struct batv_origin *origin = context->origin;
	const struct batv_origin next = {.host_name = origin->next_name,
					 .host_address = origin->next_address};
	enum batv_match client = BATV_NO, hop;

	if (!origin->own_address)
		client = batv_lists_more_hosts(context, origin, policy->unsigned_hosts,
					       BATV_OVERRIDE_UNSIGNED_HOST);
	if (client == BATV_YES)
		return BATV_YES;
	hop = batv_lists_more_hosts(context, &next, policy->unsigned_hosts,
				    BATV_OVERRIDE_UNSIGNED_HOST);
	*by_next_hop = hop == BATV_YES;
	return hop == BATV_NO ? client : hop;
}

/* Asks the lists, starting with the policy.  SIGNED means that nothing speaks against a tag. */
static enum batv_sign_answer ask_lists(const struct batv_context *context,
				       const struct batv_addr *addr, const char *recipient,
				       struct batv_signing *out)
{
	const struct batv_matcher *m = context->matcher;
	char for_lists[BATV_ADDR_SIZE];
	enum batv_reason why;
	enum batv_match match = batv_lists_policy(context->state, m, out->domain, &out->policy);

	out->own_doubt = match == BATV_MAYBE;
	if (match != BATV_YES)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_NOT_OURS;
	if (!out->policy->signing)
		return BATV_LEFT_OFF;
	if (!batv_lists_copy_address(addr, for_lists))
		return BATV_LEFT_UNSIGNABLE;
	match = batv_lists_may_sign(context, out->policy, addr, for_lists, &why);
	out->own_doubt = match == BATV_MAYBE;
	if (match != BATV_YES)
		return refusal_to_sign(match, why);
	match = unsigned_destination(context, out->policy, recipient);
	if (match != BATV_NO)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_DESTINATION;
	match = unsigned_host(context, out->policy, &out->by_next_hop);
	if (match != BATV_NO)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_HOST;
	match = batv_lists_trust(out->policy, m, context->origin);
	if (match != BATV_YES)
		return match == BATV_MAYBE ? BATV_LEFT_DOUBT : BATV_LEFT_UNTRUSTED;
	return BATV_SIGNED;
}

static enum batv_sign_answer make_tag(const struct batv_context *context,
				      const struct batv_addr *addr, int64_t arrival,
				      struct batv_signing *out)
{
	/* At RCPT, $received_time may still be that of the previous message. */
	int64_t arrived = context->origin->has_id ? arrival : 0;
	const struct batv_key *key =
		batv_key_for_message(&context->state->ring, arrived, context->now);

	if (!key)
		return BATV_LEFT_NO_KEY;
	if (batv_tag_make(addr, key, (enum batv_tag_style)out->policy->tag_style, out->address,
			  sizeof out->address) != BATV_OK)
		return BATV_LEFT_UNSIGNABLE;
	out->key = key;
	return BATV_SIGNED;
}

/* Signs an address that has no tag. */
static enum batv_sign_answer sign_bare(const struct batv_context *context,
				       const struct batv_addr *addr, const char *recipient,
				       int64_t arrival, struct batv_signing *out)
{
	enum batv_sign_answer answer = ask_lists(context, addr, recipient, out);

	return answer == BATV_SIGNED ? make_tag(context, addr, arrival, out) : answer;
}

/*
 * The address was tagged at reception, and the message has waited so long that another key signs it
 * now.
 */
static void sign_again(const struct batv_context *context, const struct batv_addr *addr,
		       const struct batv_tag *tag, const char *recipient, int64_t arrival,
		       struct batv_signing *out)
{
	const struct batv_key *key =
		batv_key_for_message(&context->state->ring, arrival, context->now);
	struct batv_signing again = *out;
	char text[BATV_ADDR_SIZE];
	struct batv_addr bare;

	if (!context->origin->has_id || !context->origin->own_address || !key || out->key == key ||
	    batv_tag_strip(addr, tag, text, sizeof text) != BATV_OK ||
	    batv_addr_parse(text, strlen(text), &bare) != BATV_OK ||
	    batv_tag_parse(&bare, &(struct batv_tag){0}))
		return;
	again.carries_valid_tag = false;
	again.answer = sign_bare(context, &bare, recipient, arrival, &again);
	if (again.answer == BATV_SIGNED)
		*out = again;
}

/*
 * The address was tagged at reception, or at routing, where the next hop was not known yet.  Now it
 * is, and is one of unsigned_hosts, so the tag is removed.  In doubt it is, too: untagged mail does
 * no harm.
 */
static bool remove_tag(const struct batv_context *context, const struct batv_addr *addr,
		       const struct batv_tag *tag, struct batv_signing *out)
{
	const struct batv_origin *origin = context->origin;
	enum batv_match match;

	if (!origin->has_id || !origin->own_address || !batv_lists_is_set(origin->next_address))
		return false;
	if (!out->policy)
		(void)batv_lists_policy(context->state, context->matcher, out->domain,
					&out->policy);
	match = out->policy ? unsigned_host(context, out->policy, &out->by_next_hop) : BATV_NO;
	if (match == BATV_NO ||
	    batv_tag_strip(addr, tag, out->address, sizeof out->address) != BATV_OK)
		return false;
	out->carries_valid_tag = false;
	out->key = NULL;
	out->answer = match == BATV_YES ? BATV_LEFT_HOST : BATV_LEFT_DOUBT;
	return true;
}

void batv_sign_address(const struct batv_context *context, const char *address,
		       const char *recipient, int64_t arrival, struct batv_signing *out)
{
	struct batv_addr addr;
	struct batv_tag tag;

	memset(out, 0, sizeof *out);
	if (!batv_lists_is_set(address)) {
		out->answer = BATV_LEFT_NULL_SENDER;
	} else if (batv_addr_parse(address, strlen(address), &addr) != BATV_OK) {
		out->answer = BATV_LEFT_NO_ADDRESS;
	} else if (!batv_lists_copy_domain(&addr, out->domain)) {
		out->answer = BATV_LEFT_UNSIGNABLE;
	} else if (batv_tag_parse(&addr, &tag)) {
		out->answer = note_tagged(context, &addr, &tag, out);
		if (!remove_tag(context, &addr, &tag, out))
			sign_again(context, &addr, &tag, recipient, arrival, out);
	} else {
		out->answer = sign_bare(context, &addr, recipient, arrival, out);
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
		[BATV_LEFT_HOST] = "left:host",
		[BATV_LEFT_UNSIGNABLE] = "left:unsignable",
		[BATV_LEFT_UNTRUSTED] = "left:untrusted",
		[BATV_LEFT_DOUBT] = "left:doubt",
		[BATV_LEFT_NO_KEY] = "left:no-key",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_SIGN_COUNT, "an answer has no name");
	return (unsigned)a < BATV_SIGN_COUNT ? names[a] : "?";
}
