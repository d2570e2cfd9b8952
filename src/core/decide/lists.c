/*
 * lists.c - asks Exim's lists the questions that signing and judging have in common.
 *
 * It never reads a list itself: the matcher does, and may take its time over a database or the DNS.
 * Invariant: a list that could not be asked is BATV_MAYBE, never a guess, and so it never leads to
 * a signature or a refusal.
 */
#include "decide/lists.h"

#include <string.h>

#define RECIPIENTS_LOOKED_AT 100 /* of one message, for batv_lists_trust */

/* A list may have an internationalised domain in either form, so it is asked about both. */
enum batv_match batv_lists_domain(const struct batv_matcher *m, const char *domain,
				  const char *list)
{
	char other[BATV_ADDR_SIZE];
	enum batv_match match;

	if (!batv_lists_is_set(list) || !batv_lists_is_set(domain))
		return BATV_NO;
	match = m->domain(m->ctx, domain, list);
	if (match == BATV_NO && batv_addr_other_form(domain, other))
		match = m->domain(m->ctx, other, list);
	return match;
}

/* Writes the address with the other form of its domain. */
static bool other_address(const char *address, char out[static BATV_ADDR_SIZE])
{
	const char *at = strrchr(address, '@');
	size_t local_len = at ? (size_t)(at + 1 - address) : 0;
	char domain[BATV_ADDR_SIZE];

	if (!at || !batv_addr_other_form(at + 1, domain) ||
	    local_len + strlen(domain) >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, address, local_len);
	strcpy(out + local_len, domain);
	return true;
}

enum batv_match batv_lists_address(const struct batv_matcher *m, const char *address,
				   const char *list)
{
	char other[BATV_ADDR_SIZE];
	enum batv_match match;

	if (!batv_lists_is_set(list) || !batv_lists_is_set(address))
		return BATV_NO;
	match = m->address(m->ctx, address, list);
	if (match == BATV_NO && other_address(address, other))
		match = m->address(m->ctx, other, list);
	return match;
}

enum batv_match batv_lists_host(const struct batv_matcher *m, const struct batv_origin *origin,
				const char *list)
{
	if (!batv_lists_is_set(list) || !batv_lists_is_set(origin->host_address))
		return BATV_NO;
	return m->host(m->ctx, batv_lists_is_set(origin->host_name) ? origin->host_name : NULL,
		       origin->host_address, list);
}

/* The next item of that key that has not ended, beginning at *at; NULL: no more. */
static const char *next_item(const struct batv_context *context, enum batv_override_key key,
			     size_t *at)
{
	const struct batv_state *state = context->state;

	while (*at < state->n_overrides) {
		const struct batv_override *o = &state->overrides[(*at)++];

		if (o->key == key && (o->until == 0 || o->until > context->now))
			return o->domain;
	}
	return NULL;
}

enum batv_match batv_lists_more_addresses(const struct batv_context *context, const char *address,
					  const char *list, enum batv_override_key key)
{
	enum batv_match answer = BATV_NO, match;
	size_t at = 0;

	do {
		match = batv_lists_address(context->matcher, address, list);
		if (match != BATV_NO)
			answer = match;
	} while (match != BATV_YES && (list = next_item(context, key, &at)));
	return answer;
}

enum batv_match batv_lists_more_hosts(const struct batv_context *context,
				      const struct batv_origin *origin, const char *list,
				      enum batv_override_key key)
{
	enum batv_match answer = BATV_NO, match;
	size_t at = 0;

	do {
		match = batv_lists_host(context->matcher, origin, list);
		if (match != BATV_NO)
			answer = match;
	} while (match != BATV_YES && (list = next_item(context, key, &at)));
	return answer;
}

bool batv_lists_copy(struct batv_span text, char out[static BATV_ADDR_SIZE])
{
	out[0] = '\0';
	if (text.len >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return true;
}

bool batv_lists_copy_domain(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE])
{
	return batv_addr_domain(addr, out) != BATV_E_TOO_LONG;
}

bool batv_lists_copy_address(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE])
{
	const size_t local_len = addr->local.len + 1;
	char domain[BATV_ADDR_SIZE];

	out[0] = '\0';
	if (!batv_lists_copy_domain(addr, domain) || local_len + strlen(domain) >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, addr->text.p, local_len);
	strcpy(out + local_len, domain);
	return true;
}

/* This Exim cannot say which domain it is.  So it may be any, and nothing is signed or refused. */
static bool is_unknown(const char *domain)
{
	const struct batv_addr addr = {.domain = batv_span_of(domain)};
	char alabel[BATV_ADDR_SIZE];

	return batv_addr_domain(&addr, alabel) == BATV_E_NO_IDN;
}

enum batv_match batv_lists_policy(const struct batv_state *state, const struct batv_matcher *m,
				  const char *domain, const struct batv_policy **policy)
{
	*policy = NULL;
	if (is_unknown(domain))
		return BATV_MAYBE;
	/* [0] is the default policy and comes last: 1, 2, ... n - 1, 0. */
	for (size_t i = 1; i <= state->n_policies; i++) {
		const struct batv_policy *p = &state->policies[i % state->n_policies];
		enum batv_match match = batv_lists_domain(m, domain, p->domains);

		if (match == BATV_YES)
			*policy = p;
		if (match != BATV_NO)
			return match;
	}
	return BATV_NO;
}

enum batv_match batv_lists_may_sign(const struct batv_context *context,
				    const struct batv_policy *policy, const struct batv_addr *bare,
				    const char *bare_text, enum batv_reason *why)
{
	enum batv_match listed;

	*why = BATV_WHY_NONE;
	if (batv_tag_is_srs(bare)) {
		*why = BATV_WHY_SRS;
		return BATV_NO;
	}
	listed = batv_lists_more_addresses(context, bare_text, policy->unsigned_senders,
					   BATV_OVERRIDE_UNSIGNED_SENDER);
	if (listed == BATV_YES) {
		*why = BATV_WHY_UNSIGNED_SENDER;
		return BATV_NO;
	}
	if (!batv_tag_fits(bare))
		return BATV_NO;
	return listed == BATV_MAYBE ? BATV_MAYBE : BATV_YES;
}

/* Does this recipient need permission to relay?  Input that is not an address proves nothing. */
static enum batv_match needs_relaying(const struct batv_policy *policy,
				      const struct batv_matcher *m, const char *rcpt)
{
	char domain[BATV_ADDR_SIZE];
	struct batv_addr addr;

	if (!batv_lists_is_set(rcpt) || batv_addr_parse(rcpt, strlen(rcpt), &addr) != BATV_OK ||
	    !batv_lists_copy_domain(&addr, domain))
		return BATV_NO;
	switch (batv_lists_domain(m, domain, policy->inbound_domains)) {
	case BATV_NO: return BATV_YES;
	case BATV_YES: return BATV_NO;
	case BATV_MAYBE: break;
	}
	return BATV_MAYBE;
}

static enum batv_match some_needs_relaying(const struct batv_policy *policy,
					   const struct batv_matcher *m,
					   const struct batv_origin *origin)
{
	enum batv_match answer = BATV_NO;

	/* Without a list of inbound domains, a recipient says nothing. */
	if (!origin->recipient || !batv_lists_is_set(policy->inbound_domains))
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

/* Of a message that a host sent without SMTP AUTH.  *traced: it may have passed here before. */
static enum batv_match trust_host(const struct batv_policy *policy, const struct batv_matcher *m,
				  const struct batv_origin *origin, bool *traced,
				  enum batv_trust *why)
{
	enum batv_match relay_in = batv_lists_host(m, origin, policy->relay_in_hosts), answer;

	if (relay_in == BATV_YES) {
		*why = BATV_TRUST_RELAY_IN;
		return BATV_NO;
	}
	answer = batv_lists_host(m, origin, policy->trusted_hosts);
	*traced = answer == BATV_YES;
	if (answer != BATV_YES) {
		enum batv_match relay = some_needs_relaying(policy, m, origin);

		if (relay == BATV_YES) {
			*why = BATV_TRUST_RELAYING;
			*traced = batv_lists_host(m, origin, policy->own_hosts) != BATV_NO;
		}
		if (relay != BATV_NO)
			answer = relay;
	}
	return answer == BATV_YES ? (relay_in == BATV_NO ? BATV_YES : BATV_MAYBE) : answer;
}

enum batv_match batv_lists_trust_why(const struct batv_policy *policy, const struct batv_matcher *m,
				     const struct batv_origin *origin, enum batv_trust *why)
{
	enum batv_match answer = BATV_YES, strangers;
	bool traced = false;

	*why = BATV_TRUST_OTHER;
	if (origin->own_address)
		return BATV_YES;
	if (!origin->authenticated && batv_lists_is_set(origin->host_address)) {
		answer = trust_host(policy, m, origin, &traced, why);
	} else if (!origin->authenticated) {
		/* any local user may run exim -bt: without a message there is nothing to trust */
		answer = origin->has_id ? BATV_YES : BATV_NO;
		traced = true;
	}
	if (answer == BATV_NO || !origin->strangers)
		return answer;
	strangers = origin->strangers(origin, policy, traced);
	if (strangers == BATV_NO)
		return answer;
	return strangers == BATV_YES ? BATV_NO : BATV_MAYBE;
}

enum batv_match batv_lists_trust(const struct batv_policy *policy, const struct batv_matcher *m,
				 const struct batv_origin *origin)
{
	enum batv_trust why;

	return batv_lists_trust_why(policy, m, origin, &why);
}

enum batv_match batv_lists_trust_any_policy(const struct batv_state *state,
					    const struct batv_matcher *m,
					    const struct batv_origin *origin)
{
	enum batv_match all = BATV_MAYBE;

	for (size_t i = 0; i < state->n_policies; i++) {
		enum batv_match one = batv_lists_trust(&state->policies[i], m, origin);

		if (i > 0 && one != all)
			return BATV_MAYBE;
		all = one;
	}
	return all;
}
