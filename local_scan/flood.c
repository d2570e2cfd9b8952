/*
 * flood.c - asks whether a proof was used too often, and defers, counts and logs; and counts forged
 * bounces, so that an ACL can limit them before DATA.
 *
 * A tag over its limit proves nothing more.  So the message is searched for an id of ours, which a
 * stranger who has the tag alone does not know.
 */
#include <stdio.h>
#include <string.h>

#include "base/network.h"
#include "decide/flood.h"
#include "exim_glue.h"
#include "flood.h"
#include "memory/counters.h"

#define REPLY_MAX 300

/* What happened, for the log and the other side. */
struct event {
	struct batv_flood flood;
	const char *proof; /* what was used too often: "tag", "id", "pair" */
	const char *rcpt, *host;
};

static bool parse_tag(struct batv_span tagged, struct batv_addr *addr, struct batv_tag *tag)
{
	return batv_addr_parse(tagged.p, tagged.len, addr) == BATV_OK && batv_tag_parse(addr, tag);
}

/* Over all networks, the tag proves nothing more; an id of ours in the message still does. */
static void count_tag(const struct batv_flood_context *context, struct batv_prover *prover,
		      struct batv_span tagged, struct event *e)
{
	struct batv_proof_answer answer;
	struct batv_addr addr;
	struct batv_tag tag;

	e->proof = "tag";
	if (!parse_tag(tagged, &addr, &tag))
		return;
	batv_flood_tag(context, &tag, &e->flood);
	if (e->flood.over != BATV_FLOOD_TAG ||
	    !batv_message_proof(prover, context->bare, &answer) || answer.kind != BATV_PROOF_ID)
		return;
	e->proof = "id";
	batv_flood_item(context, &answer.item, &e->flood);
}

static void count_proof(const struct batv_flood_context *context, struct batv_prover *prover,
			const struct batv_judgement *j, struct event *e)
{
	e->flood.over = BATV_FLOOD_NONE;
	if (j->finding.verdict == BATV_VALID) {
		count_tag(context, prover, batv_span_of(e->rcpt), e);
	} else if (j->finding.verdict != BATV_REMEMBERED) {
		return;
	} else if (j->proof.kind == BATV_PROOF_TAG && j->proof.clue) {
		count_tag(context, prover, j->proof.clue->value, e);
	} else if (j->proof.kind == BATV_PROOF_ID || j->proof.kind == BATV_PROOF_PAIR) {
		e->proof = batv_proof_name(j->proof.kind);
		batv_flood_item(context, &j->proof.item, &e->flood);
	}
}

static void network_text(const char *host, char out[static BATV_NETWORK_TEXT_SIZE])
{
	uint64_t network;

	strcpy(out, "-");
	if (batv_network_of(host, &network))
		batv_network_text(network, out);
}

static void log_flood(const struct event *e, const char *action, uint32_t times)
{
	char rcpt[280], host[64], network[BATV_NETWORK_TEXT_SIZE];

	batv_printable(batv_span_of(e->rcpt), rcpt, sizeof rcpt);
	batv_printable(batv_span_of(e->host), host, sizeof host);
	network_text(e->host, network);
	/* a contract: docs/formats.md, "Log line"; new fields go to the end */
	batv_glue_log("batv: flood=%s count=%u limit=%u action=%s rcpt=<%s> host=[%s] network=%s"
		      " of=%s times=%u",
		      e->proof, (unsigned)e->flood.count, (unsigned)e->flood.limit, action, rcpt,
		      host, network, batv_flood_name(e->flood.over), (unsigned)times);
}

/* The text for the other side. */
static const char *reply(const struct event *e)
{
	char text[REPLY_MAX], network[BATV_NETWORK_TEXT_SIZE];

	network_text(e->host, network);
	snprintf(text, sizeof text,
		 "4.7.1 Too many %s from %s%s: %u, the limit is %u; try again later",
		 e->flood.over == BATV_FLOOD_ID ? "replies to one message"
						: "bounces or replies to one address",
		 e->flood.over == BATV_FLOOD_TAG ? "all networks, yours is " : "", network,
		 (unsigned)e->flood.count, (unsigned)e->flood.limit);
	return (const char *)batv_glue_text(text, NULL);
}

/*
 * May it be deferred?  Everybody's bounces come from a backup MX or a filter, so a network's limit
 * says nothing there, and a deferred message would only stay in its queue.  Lists are asked here,
 * after a limit was reached, and not in ordinary mail.
 */
static bool is_exempt(const struct batv_context *context, const struct batv_policy *policy,
		      const struct batv_addr *bare)
{
	const char *const hosts[] = {policy->own_hosts, policy->exempt_hosts,
				     policy->relay_in_hosts, policy->trusted_hosts};
	char address[BATV_ADDR_SIZE];

	if ((context->acl_exempt && policy->exempt_acl) ||
	    (context->origin->authenticated && policy->exempt_authenticated))
		return true;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (batv_lists_host(context->matcher, context->origin, hosts[i]) != BATV_NO)
			return true;
	return !batv_lists_copy_address(bare, address) ||
	       batv_lists_address(context->matcher, address, policy->exempt_recipients) != BATV_NO;
}

const char *batv_flood_deferral(const struct batv_context *context, struct batv_prover *prover,
				const char *rcpt, const struct batv_judgement *j)
{
	struct event e = {.rcpt = rcpt, .host = context->origin->host_address};
	struct batv_addr bare;
	uint32_t times;
	bool defers;

	if (batv_glue_checking() || !j->policy ||
	    batv_addr_parse(j->bare, strlen(j->bare), &bare) != BATV_OK)
		return NULL;
	count_proof(&(struct batv_flood_context){.memory = context->memory,
						 .before = batv_session_before(prover->session),
						 .state = context->state,
						 .policy = j->policy,
						 .host = e.host,
						 .bare = &bare,
						 .now = context->now},
		    prover, j, &e);
	if (e.flood.over == BATV_FLOOD_NONE || !j->finding.rejecting)
		return NULL;
	/* another server with this secret sends mail that is not counted here */
	defers = batv_glue_scans() && !context->state->shared &&
		 !is_exempt(context, j->policy, &bare);
	if (defers)
		batv_count(context->memory, BATV_COUNT_DEFERRED + (size_t)e.flood.over,
			   context->now);
	times = batv_flood_deferred(context->memory, &e.flood, context->now);
	if (batv_flood_is_news(times))
		log_flood(&e, defers ? "deferred" : "accept", times);
	return defers ? reply(&e) : NULL;
}

/* ---- forged bounces ---- */

void batv_flood_refusal(const struct batv_session *session, const char *host, const char *rcpt)
{
	struct batv_addr bare;
	const bool known = rcpt && batv_addr_parse(rcpt, strlen(rcpt), &bare) == BATV_OK;

	batv_flood_refused(session->memory, session->state, host, known ? &bare : NULL,
			   session->now);
}
