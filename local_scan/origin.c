/*
 * origin.c - asks about the current message what evidence/trace.c cannot know: its header, Exim's
 * lists, and the memory.
 *
 * It is asked lazily: ordinary mail from outside, and mail with SMTP AUTH, never gets here.
 */
#include <string.h>

#include "exim_glue.h"
#include "memory/hosts.h"
#include "origin.h"

bool batv_origin_acl_says(const char *word)
{
	const char *words = batv_glue_expand("$acl_m_batv");
	const size_t len = strlen(word);

	for (words = words ? words : ""; *words; words += strcspn(words, " \t,;:")) {
		words += strspn(words, " \t,;:");
		if (strcspn(words, " \t,;:") == len && memcmp(words, word, len) == 0)
			return true;
	}
	return false;
}

/* --- the trace --------------------------------------------------------------- */

#define HOST_NAME_MAX_LEN 255
#define ADDRESS_MAX_LEN 63

static struct reading {
	struct batv_trace trace;
	const struct batv_session *session;
	const struct batv_policy *policy;
	bool doubt;
	char of[40]; /* Exim's id of the message that was read */
} reading;

static bool in_list(struct reading *r, const struct batv_origin *host, const char *list)
{
	enum batv_match match = batv_lists_host(&batv_glue_matcher, host, list);

	r->doubt = r->doubt || match == BATV_MAYBE;
	return match == BATV_YES;
}

/* Was the message, when it came from this host, what our own hosts bring?  As in lists.c. */
static bool is_near(void *ctx, struct batv_span name, struct batv_span address)
{
	char name_text[HOST_NAME_MAX_LEN + 1] = "", address_text[ADDRESS_MAX_LEN + 1] = "";
	const struct batv_origin host = {.host_name = name_text, .host_address = address_text};
	struct reading *r = ctx;

	if (name.len >= sizeof name_text || address.len >= sizeof address_text)
		return false;
	if (name.len > 0)
		memcpy(name_text, name.p, name.len);
	memcpy(address_text, address.p, address.len);
	return !in_list(r, &host, r->policy->relay_in_hosts) &&
	       (in_list(r, &host, r->policy->own_hosts) ||
		in_list(r, &host, r->policy->trusted_hosts));
}

/* In the memory of this generation or the one before. */
static bool is_remembered(const struct batv_session *session, const struct batv_item *item,
			  int64_t retention)
{
	struct batv_memory *before = batv_session_before(session);

	return batv_sent_known(session->memory, item, retention, session->now) ||
	       (before && batv_sent_known(before, item, retention, session->now));
}

static bool id_is_known(void *ctx, struct batv_span id)
{
	const struct batv_session *session = ((struct reading *)ctx)->session;
	struct batv_item item;

	return batv_sent_relayed(batv_state_memory_key(session->state), id, &item) &&
	       is_remembered(session, &item, session->state->global.memory_retention);
}

static void read_trace(struct reading *r)
{
	const char *us = batv_glue_expand("$primary_hostname");
	struct batv_header field;
	const void *at = NULL;

	r->trace = (struct batv_trace){
		.us = batv_span_of(us),
		.id = batv_span_of(batv_glue_message_id()),
		.has_sender = *batv_glue_sender() != '\0',
		.near = is_near,
		.known = id_is_known,
		.ctx = r,
	};
	r->doubt = false;
	batv_trace_start(&r->trace);
	while (batv_glue_header_next(&at, &field) && batv_trace_field(&r->trace, field))
		;
	if (!r->trace.readable)
		batv_host_unread(r->session->memory, r->session->now);
}

const struct batv_trace *batv_origin_trace(const struct batv_session *session,
					   const struct batv_policy *policy, bool *doubt)
{
	struct reading *const r = &reading;
	const char *id = batv_glue_message_id();
	const size_t len = strlen(id);

	r->session = session;
	if (strcmp(id, r->of) != 0 || r->policy != policy) {
		r->policy = policy;
		r->of[0] = '\0';
		read_trace(r);
		if (len < sizeof r->of)
			memcpy(r->of, id, len + 1);
	}
	if (doubt)
		*doubt = r->doubt;
	return &r->trace;
}

/* --- the origin -------------------------------------------------------------- */

static enum batv_match is_strangers(const struct batv_origin *origin,
				    const struct batv_policy *policy, bool traced)
{
	const struct batv_trace *trace;
	bool doubt;

	if (batv_origin_acl_says("untrusted"))
		return BATV_YES;
	if (!traced || !origin->has_id)
		return BATV_NO;
	trace = batv_origin_trace(origin->strangers_ctx, policy, &doubt);
	if (!batv_trace_is_strangers(trace, origin->address))
		return BATV_NO;
	return doubt ? BATV_MAYBE : BATV_YES;
}

void batv_origin_of(const struct batv_session *session, struct batv_origin *origin)
{
	batv_glue_origin(origin);
	origin->strangers = is_strangers;
	origin->strangers_ctx = session;
}

/* --- judging ----------------------------------------------------------------- */

static bool is_own(const struct batv_origin *origin, const struct batv_policy *policy)
{
	return batv_lists_host(&batv_glue_matcher, origin, policy->own_hosts) == BATV_YES;
}

static bool is_trusted(const struct batv_origin *origin, const struct batv_policy *policy)
{
	return batv_lists_host(&batv_glue_matcher, origin, policy->trusted_hosts) == BATV_YES &&
	       batv_lists_host(&batv_glue_matcher, origin, policy->relay_in_hosts) == BATV_NO;
}

/* Is it so by the policy of every recipient?  A message has one header for all of them. */
static bool by_all_policies(const struct batv_session *session, const struct batv_origin *origin,
			    bool (*is_so)(const struct batv_origin *origin,
					  const struct batv_policy *policy))
{
	const struct batv_policy *policy, *last = NULL;
	struct batv_addr addr;

	for (size_t i = 0; i < batv_glue_recipients(); i++) {
		const char *rcpt = batv_glue_recipient(i);

		if (batv_addr_parse(rcpt, strlen(rcpt), &addr) != BATV_OK ||
		    batv_session_policy(session, &addr, &policy) != BATV_YES || policy == last)
			continue;
		if (!is_so(origin, policy))
			return false;
		last = policy;
	}
	return last || is_so(origin, &session->state->policies[0]);
}

static bool is_unlisted(const struct batv_origin *origin, const struct batv_policy *policy)
{
	const struct batv_matcher *m = &batv_glue_matcher;

	return batv_lists_host(m, origin, policy->own_hosts) == BATV_NO &&
	       batv_lists_host(m, origin, policy->trusted_hosts) == BATV_NO &&
	       batv_lists_host(m, origin, policy->relay_in_hosts) == BATV_NO;
}

void batv_origin_fetches(const struct batv_session *session, const struct batv_origin *origin)
{
	if (*origin->host_address && by_all_policies(session, origin, is_unlisted))
		batv_host_note(session->memory, BATV_HOST_FETCHES, origin->host_address,
			       session->now);
}

void batv_origin_pass(const struct batv_session *session, const struct batv_origin *origin,
		      struct batv_pass *pass)
{
	/* found and fetched_now are the same by every policy */
	const struct batv_trace *t = batv_origin_trace(session, &session->state->policies[0], NULL);

	*pass = (struct batv_pass){.fetched = t->fetched_now, .before = t->found};
	if (!pass->before)
		return;
	pass->again = !*origin->host_address || by_all_policies(session, origin, is_own);
	pass->uncounted = !pass->again && by_all_policies(session, origin, is_trusted);
}

/* --- a relay that sends ------------------------------------------------------ */

#define RELAY_SENDS (15 * BATV_DAY) /* a bounce may come as late as this */

void batv_origin_relay_sends(const struct batv_session *session, const struct batv_origin *origin,
			     const struct batv_policy *policy, const char *domain)
{
	enum batv_trust why;
	const struct batv_trace *t;
	struct batv_item item;

	if (batv_lists_trust_why(policy, &batv_glue_matcher, origin, &why) != BATV_NO ||
	    why != BATV_TRUST_RELAY_IN || !origin->has_id)
		return;
	t = batv_origin_trace(session, policy, NULL);
	if (!t->readable || !t->originated ||
	    !batv_sent_relay_sends(batv_state_memory_key(session->state), batv_span_of(domain),
				   &item))
		return;
	(void)batv_sent_note(session->memory, &item, session->now);
	batv_host_note(session->memory, BATV_HOST_RELAY_SENDS, origin->host_address, session->now);
}

bool batv_origin_relay_sent(const struct batv_session *session, const char *domain)
{
	struct batv_item item;

	return batv_sent_relay_sends(batv_state_memory_key(session->state), batv_span_of(domain),
				     &item) &&
	       is_remembered(session, &item, RELAY_SENDS);
}
