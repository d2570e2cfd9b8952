/*
 * ctl_explanation.c - what Exim would make of one message.
 */
#include "ctl_explanation.h"

#include <string.h>

#include "decide/automatic.h"
#include "evidence/forwarded.h"
#include "evidence/mailbox.h"

/* ---- the message ---- */

static const char *recipient_at(void *ctx, size_t i)
{
	struct batv_explanation *e = ctx;

	(void)i;
	return e->rcpt;
}

static void look_at_message(struct batv_explanation *e)
{
	const struct batv_recipients recipients = {1, recipient_at, e};
	struct batv_classifier c;
	struct batv_header h;
	size_t at = 0;

	batv_classify_start(&c);
	batv_search_start(&e->search);
	while (batv_ctl_message_field(&e->message, &at, &h)) {
		batv_classify_header(&c, h);
		batv_search_header(&e->search, h);
	}
	e->class = batv_classify_end(&c, e->message.body, e->has_rcpt ? &recipients : NULL);
	batv_search_body(&e->search, e->message.body);
}

static bool take_address(const char *text, char out[static BATV_ADDR_SIZE])
{
	size_t len = strlen(text);

	if (len >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

/* Takes --from; the envelope; Return-Path, where a server records the envelope sender; or <>. */
static bool find_sender(struct batv_ctl *ctl, const struct batv_ctl_envelope *envelope,
			struct batv_explanation *e)
{
	struct batv_span path = batv_ctl_message_find(&e->message, "Return-Path");

	e->sender_from = "--from";
	if (ctl->from && strcmp(ctl->from, "<>") != 0)
		return take_address(ctl->from, e->sender);
	if (ctl->from)
		return true;
	if (envelope && envelope->sender) {
		e->sender_from = envelope->origin;
		return take_address(envelope->sender, e->sender);
	}
	e->sender_from = path.len > 0 ? "Return-Path" : "the default";
	(void)batv_mailbox_first(path, e->sender);
	return true;
}

/* Takes --rcpt; the envelope; a field where servers record the envelope recipient; or To. */
static bool find_rcpt(struct batv_ctl *ctl, const struct batv_ctl_envelope *envelope,
		      struct batv_explanation *e)
{
	static const char *const fields[] = {"Envelope-To", "X-Original-To", "Delivered-To", "To"};

	e->rcpt_from = "--rcpt";
	if (ctl->rcpt) {
		e->has_rcpt = true;
		return take_address(ctl->rcpt, e->rcpt);
	}
	if (envelope && envelope->rcpt) {
		e->rcpt_from = envelope->rcpt_origin ? envelope->rcpt_origin : envelope->origin;
		e->has_rcpt = true;
		return take_address(envelope->rcpt, e->rcpt);
	}
	for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !e->has_rcpt; i++) {
		e->rcpt_from = fields[i];
		e->has_rcpt =
			batv_mailbox_first(batv_ctl_message_find(&e->message, fields[i]), e->rcpt);
	}
	return true;
}

/* ---- looking up ---- */

static void note(void *ctx, const struct batv_proof_question *q)
{
	struct batv_explanation *e = ctx;

	if (e->n_questions < BATV_QUESTIONS_MAX)
		e->questions[e->n_questions++] = *q;
}

static bool prove(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer)
{
	struct batv_explanation *e = ctx;

	e->proved = true;
	e->n_questions = 0;
	return batv_proof_for(&e->proof, bare, answer);
}

/* Looks up what the judgement would have looked up, if it did not. */
static void look_up(struct batv_explanation *e)
{
	struct batv_proof_answer ignored;
	char text[BATV_ADDR_SIZE];
	struct batv_addr bare;
	bool is_address = batv_tag_bare(e->rcpt, strlen(e->rcpt), text, sizeof text) == BATV_OK &&
			  batv_addr_parse(text, strlen(text), &bare) == BATV_OK;

	if (!e->proved)
		(void)prove(e, is_address ? &bare : NULL, &ignored);
}

/* ---- judging ---- */

static void add_author(void *ctx, const struct batv_addr *addr)
{
	batv_proof_author(ctx, addr->text);
}

static void prepare_proof(struct batv_ctl *ctl, struct batv_explanation *e)
{
	e->proof.search = &e->search;
	e->proof.class = e->class;
	e->proof.now = ctl->now;
	e->proof.report = note;
	e->proof.report_ctx = e;
	(void)batv_mailbox_each(batv_ctl_message_find(&e->message, "From"), BATV_AUTHORS_MAX,
				add_author, &e->proof);
}

static bool is_foreign(void *ctx, const struct batv_addr *addr)
{
	const struct batv_context *context = &((struct batv_explanation *)ctx)->asking->context;
	const struct batv_policy *policy;
	char domain[BATV_ADDR_SIZE];

	return batv_lists_copy_domain(addr, domain) &&
	       batv_lists_policy(context->state, context->matcher, domain, &policy) == BATV_NO;
}

static bool is_forwarded(void *ctx)
{
	struct batv_explanation *e = ctx;
	struct batv_forwarded f;
	struct batv_header h;
	size_t at = 0;

	batv_forwarded_start(&f);
	while (batv_ctl_message_field(&e->message, &at, &h))
		batv_forwarded_header(&f, h);
	return batv_forwarded_is(&f, e->message.body, is_foreign, e);
}

/* Adds the parts of the state: the keys, and the key of the sent-mail memory. */
static void prepare_judge(struct batv_explanation *e)
{
	struct batv_context *context = &e->asking->context;
	struct batv_proof *proof = &e->proof;

	proof->ring = &context->state->ring;
	proof->memory = &e->asking->memory;
	proof->before = *context->state->memory_before ? &e->asking->before : NULL;
	proof->key = batv_state_memory_key(context->state);
	proof->retention = context->state->global.memory_retention;
	proof->is_forwarded = is_forwarded;
	proof->is_forwarded_ctx = e;
	context->class = e->class;
	context->prove = prove;
	context->prove_ctx = e;
}

/* The cache in front of the matcher knows lists by their place in memory, so it is not asked here.
 */
static void find_item(struct batv_ctl *ctl, struct batv_explanation *e)
{
	const struct batv_judgement *j = &e->judgement;
	char address[BATV_ADDR_SIZE] = "";
	struct batv_addr bare;
	struct batv_ctl_item_about about = {.policy = j->policy,
					    .host = e->asking->origin.host_address,
					    .address = address,
					    .at = e->asking->context.now,
					    .matcher = &e->asking->matcher};

	if (batv_addr_parse(j->bare, strlen(j->bare), &bare) == BATV_OK)
		(void)batv_lists_copy_address(&bare, address);
	if (batv_ctl_item_of_reason(ctl, j->finding.reason, &about, &e->item))
		batv_ctl_item_words(&e->item, e->item_words);
	else
		e->item.option = NULL;
}

static void judge(struct batv_ctl *ctl, const char *host, struct batv_explanation *e)
{
	bool doubt = false, automatic;

	if (!e->asking->context.state) {
		e->not_judged = ctl->message;
		return;
	}
	prepare_judge(e);
	automatic = batv_automatic_sender(
		e->sender, e->asking->context.state->global.automatic_senders, &doubt);
	if (doubt)
		e->not_judged = "the pattern automatic_senders failed";
	else if (!automatic)
		e->not_judged = "the sender is not automatic, so Exim does not judge the message";
	else if (!e->has_rcpt)
		e->not_judged = "no recipient is known; give one with --rcpt ADDRESS";
	else if (host && !*host)
		e->not_judged = "this machine made the message, so Exim does not judge it";
	if (e->not_judged)
		return;
	batv_ctl_ask_from(e->asking, host);
	batv_judge_recipient(&e->asking->context, e->rcpt, &e->judgement);
	batv_ctl_ask_complete(e->asking, e->judgement.domain, &e->complete);
	e->complete.for_dsn = e->class == BATV_CLASS_DSN;
	(void)batv_decide(&e->judgement.finding, 1, true);
	if (e->judgement.finding.doubt && e->judgement.finding.verdict != BATV_VALID)
		e->not_judged = "a list could not be looked up";
	else
		e->judged = true;
	if (e->judged)
		find_item(ctl, e);
}

/* ---- all of it ---- */

bool batv_ctl_explanation_make(struct batv_ctl *ctl, const struct batv_ctl_envelope *envelope,
			       struct batv_explanation *e)
{
	const char *host = ctl->host ? ctl->host : envelope ? envelope->host : NULL;

	if (!find_sender(ctl, envelope, e) || !find_rcpt(ctl, envelope, e))
		return false;
	if (envelope) {
		e->frozen = envelope->frozen;
		e->note = envelope->note;
		e->not_judged = envelope->not_judged;
	}
	look_at_message(e);
	prepare_proof(ctl, e);
	judge(ctl, host, e);
	look_up(e);
	return true;
}

int batv_ctl_explanation_code(const struct batv_explanation *e)
{
	if (e->judged)
		return e->judgement.finding.action == BATV_ACTION_REJECT ? BATV_CTL_NO
									 : BATV_CTL_YES;
	return e->judgement.finding.doubt ? BATV_CTL_TROUBLE : BATV_CTL_YES;
}

struct batv_ctl_decided batv_ctl_explanation_decided(const struct batv_explanation *e)
{
	const struct batv_judgement *j = &e->judgement;

	return (struct batv_ctl_decided){.verdict = j->finding.verdict,
					 .action = j->finding.action,
					 .reason = j->finding.reason,
					 .proof = batv_proof_name(j->proof.kind),
					 .class = batv_class_name(e->class),
					 .item = e->item.option ? e->item_words : NULL};
}
