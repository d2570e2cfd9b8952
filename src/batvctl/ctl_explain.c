/*
 * ctl_explain.c - batvctl explain: shows what Exim would do with a message, and why.
 *
 * Class, evidence, look-ups and judgement come from the very code that Exim runs.  Invariant: it
 * goes as far as it can.  Class and evidence need only the file.  The rest needs a state, a
 * sent-mail memory or an Exim; without them it reports "not judged" and never guesses.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_ask.h"
#include "ctl_complete.h"
#include "ctl_message.h"
#include "decide/automatic.h"
#include "evidence/forwarded.h"
#include "evidence/mailbox.h"

struct explanation {
	struct batv_ctl_message message;
	enum batv_class class;
	struct batv_search search;
	const char *sender_from, *rcpt_from; /* where the addresses were found */
	char sender[BATV_ADDR_SIZE], rcpt[BATV_ADDR_SIZE];
	bool has_rcpt;
	struct batv_asking asking;
	struct batv_proof proof;
	bool proved; /* the proof was asked about the recipient and has reported its questions */
	struct batv_proof_question questions[BATV_QUESTIONS_MAX];
	size_t n_questions;
	struct batv_judgement judgement;
	struct batv_complete_facts complete; /* of its domain */
	bool judged;
	const char *not_judged; /* why */
};

/* ---- the message ---- */

static const char *recipient_at(void *ctx, size_t i)
{
	struct explanation *e = ctx;

	(void)i;
	return e->rcpt;
}

static void look_at_message(struct explanation *e)
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

/* Takes --from; or Return-Path, where a server records the envelope sender; or <>. */
static bool find_sender(struct batv_ctl *ctl, struct explanation *e)
{
	struct batv_span path = batv_ctl_message_find(&e->message, "Return-Path");

	e->sender_from = "--from";
	if (ctl->from && strcmp(ctl->from, "<>") != 0)
		return take_address(ctl->from, e->sender);
	if (ctl->from)
		return true;
	e->sender_from = path.len > 0 ? "Return-Path" : "the default";
	(void)batv_mailbox_first(path, e->sender);
	return true;
}

/* Takes --rcpt; or a field where servers record the envelope recipient; or To. */
static bool find_rcpt(struct batv_ctl *ctl, struct explanation *e)
{
	static const char *const fields[] = {"Envelope-To", "X-Original-To", "Delivered-To", "To"};

	e->rcpt_from = "--rcpt";
	if (ctl->rcpt) {
		e->has_rcpt = true;
		return take_address(ctl->rcpt, e->rcpt);
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
	struct explanation *e = ctx;

	if (e->n_questions < BATV_QUESTIONS_MAX)
		e->questions[e->n_questions++] = *q;
}

static bool prove(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer)
{
	struct explanation *e = ctx;

	e->proved = true;
	e->n_questions = 0;
	return batv_proof_for(&e->proof, bare, answer);
}

/* Looks up what the judgement would have looked up, if it did not. */
static void look_up(struct explanation *e)
{
	struct batv_proof_answer ignored;
	char text[BATV_ADDR_SIZE];
	struct batv_addr bare;
	bool is_address = batv_tag_bare(e->rcpt, strlen(e->rcpt), text, sizeof text) == BATV_OK &&
			  batv_addr_parse(text, strlen(text), &bare) == BATV_OK;

	if (!e->proved)
		(void)prove(e, is_address ? &bare : NULL, &ignored);
}

static const char *reply_name(enum batv_proof_reply reply)
{
	switch (reply) {
	case BATV_REPLY_KNOWN: return "known";
	case BATV_REPLY_UNKNOWN: return "unknown";
	case BATV_REPLY_NO_MEMORY: return "no memory";
	case BATV_REPLY_NO_RECIPIENT: return "no recipient";
	case BATV_REPLY_VALID: return "valid";
	case BATV_REPLY_VALID_OF_ANOTHER: return "valid, but for another address";
	case BATV_REPLY_EXPIRED: return "expired";
	case BATV_REPLY_FORGED: return "forged";
	case BATV_REPLY_NO_TAG: return "no tag";
	case BATV_REPLY_NO_STATE: return "no state";
	}
	return "?";
}

/* ---- judging ---- */

static void add_author(void *ctx, const struct batv_addr *addr)
{
	batv_proof_author(ctx, addr->text);
}

static void prepare_proof(struct batv_ctl *ctl, struct explanation *e)
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
	const struct batv_context *context = &((struct explanation *)ctx)->asking.context;
	const struct batv_policy *policy;
	char domain[BATV_ADDR_SIZE];

	return batv_lists_copy_domain(addr, domain) &&
	       batv_lists_policy(context->state, context->matcher, domain, &policy) == BATV_NO;
}

static bool is_forwarded(void *ctx)
{
	struct explanation *e = ctx;
	struct batv_forwarded f;
	struct batv_header h;
	size_t at = 0;

	batv_forwarded_start(&f);
	while (batv_ctl_message_field(&e->message, &at, &h))
		batv_forwarded_header(&f, h);
	return batv_forwarded_is(&f, e->message.body, is_foreign, e);
}

/* Adds the parts of the state: the keys, and the key of the sent-mail memory. */
static void prepare_judge(struct explanation *e)
{
	struct batv_context *context = &e->asking.context;
	struct batv_proof *proof = &e->proof;

	proof->ring = &context->state->ring;
	proof->memory = &e->asking.memory;
	proof->before = *context->state->memory_before ? &e->asking.before : NULL;
	proof->key = batv_state_memory_key(context->state);
	proof->retention = context->state->global.memory_retention;
	proof->is_forwarded = is_forwarded;
	proof->is_forwarded_ctx = e;
	context->class = e->class;
	context->prove = prove;
	context->prove_ctx = e;
}

static void judge(struct batv_ctl *ctl, struct explanation *e)
{
	bool doubt = false, automatic;

	if (!e->asking.context.state) {
		e->not_judged = ctl->message;
		return;
	}
	prepare_judge(e);
	automatic = batv_automatic_sender(
		e->sender, e->asking.context.state->global.automatic_senders, &doubt);
	if (doubt)
		e->not_judged = "the pattern automatic_senders failed";
	else if (!automatic)
		e->not_judged = "the sender is not automatic, so Exim does not judge the message";
	else if (!e->has_rcpt)
		e->not_judged = "no recipient is known; give one with --rcpt ADDRESS";
	if (e->not_judged)
		return;
	batv_ctl_ask_from(&e->asking, ctl->host);
	batv_judge_recipient(&e->asking.context, e->rcpt, &e->judgement);
	batv_ctl_ask_complete(&e->asking, e->judgement.domain, &e->complete);
	e->complete.for_dsn = e->class == BATV_CLASS_DSN;
	(void)batv_decide(&e->judgement.finding, 1, true);
	if (e->judgement.finding.doubt && e->judgement.finding.verdict != BATV_VALID)
		e->not_judged = "a list could not be looked up";
	else
		e->judged = true;
}

/* ---- printing ---- */

/* Every byte must survive in JSON, so text that is not UTF-8 is encoded as if it were Latin-1. */
static json_t *json_span(struct batv_span s)
{
	json_t *o = json_stringn(s.p, s.len);
	char *wide;
	size_t n = 0;

	if (o)
		return o;
	wide = malloc(2 * s.len + 1);
	if (!wide)
		return json_null();
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80)
			wide[n++] = (char)(0xc0 | c >> 6);
		wide[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
	}
	o = json_stringn(wide, n);
	free(wide);
	return o;
}

/* An id gets its brackets, as in a header.  An address stays as it is. */
static json_t *json_value(const struct batv_clue *clue)
{
	char text[BATV_ID_MAX + 2];

	if (!batv_clue_is_id(clue->kind))
		return json_span(clue->value);
	text[0] = '<';
	memcpy(text + 1, clue->value.p, clue->value.len);
	text[clue->value.len + 1] = '>';
	return json_span((struct batv_span){text, clue->value.len + 2});
}

static json_t *json_clue(const struct explanation *e, const struct batv_clue *c)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "kind", batv_clue_kind_name(c->kind));
	batv_ctl_put(o, batv_clue_is_id(c->kind) ? "id" : "address", json_value(c));
	batv_ctl_put(o, "raw", json_span(c->raw));
	batv_ctl_put_text(o, "encoding", batv_clue_encoding_name(c->encoding));
	batv_ctl_put_text(o, "in", c->in_header ? "header" : "body");
	batv_ctl_put_number(o, "offset", (uint64_t)(c->raw.p - e->message.text));
	batv_ctl_put_number(o, "offset_within", c->offset);
	batv_ctl_put_flag(o, "weak", c->weak);
	if (c->in_header) {
		batv_ctl_put(o, "field", json_span(c->where));
	} else {
		batv_ctl_put_number(o, "part", c->part);
		batv_ctl_put(o, "type", json_span(c->where));
	}
	return o;
}

static json_t *json_evidence(const struct explanation *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->search.found.n; i++)
		json_array_append_new(list, json_clue(e, &e->search.found.clues[i]));
	return list;
}

static json_t *json_look_ups(const struct explanation *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_questions; i++) {
		const struct batv_proof_question *q = &e->questions[i];
		json_t *o = json_object();

		batv_ctl_put_text(o, "kind", batv_proof_name(q->kind));
		batv_ctl_put(o, "value", json_span(q->about));
		batv_ctl_put_text(o, "answer", reply_name(q->reply));
		json_array_append_new(list, o);
	}
	return list;
}

/* One sentence about a hint; NULL: there is none. */
static const char *hint_text(const struct batv_judgement *j)
{
	if (j->proof.kind == BATV_PROOF_HINT_ID)
		return "a hint, not a proof: the message cites one that left from here with this "
		       "address in its header only; it is delivered and marked, up to 20 times a "
		       "day";
	if (j->proof.kind == BATV_PROOF_HINT_FORWARDED)
		return "a hint, not a proof: it is a bounce of another account, which was "
		       "forwarded here; it is delivered and marked, up to 5 times a day for a "
		       "network and for a recipient";
	return NULL;
}

static void json_judgement(const struct explanation *e, json_t *o)
{
	const struct batv_judgement *j = &e->judgement;

	batv_ctl_put_text(o, "verdict", batv_verdict_name(j->finding.verdict));
	batv_ctl_put_text(o, "action", batv_action_name(j->finding.action));
	batv_ctl_put_text(o, "reason", batv_reason_name(j->finding.reason));
	batv_ctl_put_text(o, "proof",
			  batv_proof_name(hint_text(j) ? BATV_PROOF_NONE : j->proof.kind));
	if (hint_text(j))
		batv_ctl_put_text(o, "hint", hint_text(j));
	if (j->policy)
		batv_ctl_put_text(o, "policy", j->policy->name);
	if (j->finding.reason == BATV_WHY_NO_MEMORY)
		batv_ctl_put(o, "memory", batv_ctl_complete_json(&e->complete));
}

static void print_json(const struct explanation *e)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "class", batv_class_name(e->class));
	batv_ctl_put_text(o, "sender", e->sender);
	if (e->has_rcpt)
		batv_ctl_put_text(o, "recipient", e->rcpt);
	batv_ctl_put(o, "evidence", json_evidence(e));
	batv_ctl_put(o, "look_ups", json_look_ups(e));
	batv_ctl_put_flag(o, "full", e->search.found.full);
	batv_ctl_put_number(o, "body_bytes_read", e->message.body.len);
	batv_ctl_put_flag(o, "judged", e->judged);
	if (e->judged)
		json_judgement(e, o);
	else
		batv_ctl_put_text(o, "not_judged", e->not_judged);
	batv_ctl_print_json(o);
}

static void print_clue(const struct explanation *e, const struct batv_clue *c)
{
	char value[300], where[100];

	batv_printable(c->value, value, sizeof value);
	batv_printable(c->where, where, sizeof where);
	printf("  %-31s <%s>\n", batv_clue_kind_name(c->kind), value);
	printf("      byte %zu, ", (size_t)(c->raw.p - e->message.text));
	if (c->in_header)
		printf("header %s", where);
	else if (c->part > 0)
		printf("part %u, %s", c->part, *where ? where : "text/plain");
	else
		printf("body%s%s", *where ? ", " : "", where);
	if (c->encoding != BATV_ENCODING_NONE)
		printf(", %s", batv_clue_encoding_name(c->encoding));
	puts(c->weak ? ", less likely" : "");
}

static void print_look_up(const struct batv_proof_question *q)
{
	char about[300];

	batv_printable(q->about, about, sizeof about);
	printf("  %-7s <%s>: %s\n", batv_proof_name(q->kind), about, reply_name(q->reply));
}

static void print_judgement(const struct explanation *e)
{
	const struct batv_judgement *j = &e->judgement;
	const char *reason = batv_reason_name(j->finding.reason);
	bool proved = j->finding.verdict == BATV_REMEMBERED;

	printf("verdict    %s%s%s\n", batv_verdict_name(j->finding.verdict), proved ? ", by " : "",
	       proved ? batv_proof_name(j->proof.kind) : "");
	printf("action     %s%s%s\n", batv_action_name(j->finding.action),
	       strcmp(reason, "-") ? ", reason " : "", strcmp(reason, "-") ? reason : "");
	if (hint_text(j))
		printf("hint       %s\n", hint_text(j));
	if (j->policy)
		printf("policy     %s\n", j->policy->name);
	if (j->finding.reason == BATV_WHY_NO_MEMORY) {
		char text[500];

		batv_ctl_complete_text(&e->complete, text, sizeof text);
		printf("memory     not complete for %s: %s\n", j->domain, text);
	}
}

static void print_text(const struct explanation *e)
{
	char sender[300], rcpt[300];

	batv_printable(batv_span_of(e->sender), sender, sizeof sender);
	batv_printable(batv_span_of(e->rcpt), rcpt, sizeof rcpt);
	printf("class      %s\n", batv_class_name(e->class));
	printf("sender     <%s> (%s)\n", sender, e->sender_from);
	if (e->has_rcpt)
		printf("recipient  <%s> (%s)\n", rcpt, e->rcpt_from);
	printf("evidence   %zu%s\n", e->search.found.n,
	       e->search.found.full ? ", and more that did not fit" : "");
	for (size_t i = 0; i < e->search.found.n; i++)
		print_clue(e, &e->search.found.clues[i]);
	printf("look-ups   %zu\n", e->n_questions);
	for (size_t i = 0; i < e->n_questions; i++)
		print_look_up(&e->questions[i]);
	if (e->judged)
		print_judgement(e);
	else
		printf("not judged: %s\n", e->not_judged);
	if (e->not_judged && e->asking.context.state && e->judgement.finding.doubt)
		printf("  list \"%s\": %s\n", e->asking.asker.list, e->asking.asker.why);
}

static int code_of(const struct explanation *e)
{
	if (e->judged)
		return e->judgement.finding.action == BATV_ACTION_REJECT ? BATV_CTL_NO
									 : BATV_CTL_YES;
	return e->judgement.finding.doubt ? BATV_CTL_TROUBLE : BATV_CTL_YES;
}

int batv_ctl_explain(struct batv_ctl *ctl, char **args, int n)
{
	static struct explanation e;
	struct batv_global defaults;
	size_t max;
	int code;

	(void)n;
	batv_policy_init_global(&defaults);
	max = (size_t)defaults.evidence_bytes;
	if (batv_ctl_ask(ctl, &e.asking) == BATV_CTL_YES)
		max = (size_t)e.asking.context.state->global.evidence_bytes;
	code = batv_ctl_message_read(args[0], max, &e.message);
	if (code)
		return code;
	if (!find_sender(ctl, &e) || !find_rcpt(ctl, &e)) {
		free(e.message.text);
		return batv_ctl_fail(BATV_CTL_USAGE, "explain: an address is too long");
	}
	look_at_message(&e);
	prepare_proof(ctl, &e);
	judge(ctl, &e);
	look_up(&e);
	if (ctl->json)
		print_json(&e);
	else
		print_text(&e);
	batv_ctl_ask_end(&e.asking);
	free(e.message.text);
	return code_of(&e);
}
