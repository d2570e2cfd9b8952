/*
 * ctl_explain_print.c - prints an explanation: for people, as JSON, as one line.
 */
#include "ctl_explain_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_complete.h"
#include "ctl_layout.h"

#define HINT "a hint, not a proof: "

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

/* The byte of the file. */
static uint64_t place_of(const struct batv_explanation *e, const struct batv_clue *c)
{
	return e->message.at + (uint64_t)(c->raw.p - e->message.text);
}

static json_t *json_clue(const struct batv_explanation *e, const struct batv_clue *c)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "kind", batv_clue_kind_name(c->kind));
	batv_ctl_put(o, batv_clue_is_id(c->kind) ? "id" : "address", json_value(c));
	batv_ctl_put(o, "raw", json_span(c->raw));
	batv_ctl_put_text(o, "encoding", batv_clue_encoding_name(c->encoding));
	batv_ctl_put_text(o, "in", c->in_header ? "header" : "body");
	batv_ctl_put_number(o, "offset", place_of(e, c));
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

static json_t *json_evidence(const struct batv_explanation *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->search.found.n; i++)
		json_array_append_new(list, json_clue(e, &e->search.found.clues[i]));
	return list;
}

static json_t *json_look_ups(const struct batv_explanation *e)
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

/* Is it let in by a hint?  Then the reason says which. */
static const char *hint_text(const struct batv_judgement *j)
{
	if (j->proof.kind == BATV_PROOF_HINT_ID)
		return batv_ctl_words_reason(BATV_WHY_HINT_ID);
	if (j->proof.kind == BATV_PROOF_HINT_FORWARDED)
		return batv_ctl_words_reason(BATV_WHY_HINT_FORWARDED);
	return NULL;
}

static void json_judgement(const struct batv_explanation *e, json_t *o)
{
	const struct batv_ctl_decided d = batv_ctl_explanation_decided(e);
	const struct batv_judgement *j = &e->judgement;
	char text[BATV_WORDS_SIZE];

	batv_ctl_put_text(o, "verdict", batv_verdict_name(j->finding.verdict));
	batv_ctl_put_text(o, "action", batv_action_name(j->finding.action));
	batv_ctl_put_text(o, "reason", batv_reason_name(j->finding.reason));
	batv_ctl_put_text(o, "proof",
			  batv_proof_name(hint_text(j) ? BATV_PROOF_NONE : j->proof.kind));
	if (hint_text(j)) {
		snprintf(text, sizeof text, HINT "%s", hint_text(j));
		batv_ctl_put_text(o, "hint", text);
	}
	batv_ctl_words_decision(&d, text);
	batv_ctl_put_text(o, "text", text);
	if (e->item.option)
		batv_ctl_put(o, "item", batv_ctl_item_json(&e->item));
	if (j->policy)
		batv_ctl_put_text(o, "policy", j->policy->name);
	if (j->finding.reason == BATV_WHY_NO_MEMORY)
		batv_ctl_put(o, "memory", batv_ctl_complete_json(&e->complete));
}

/* What was decided when the message came in: its header says so.  Folds become blanks. */
#define ARRIVAL_SIZE 600
static bool decided_then(const struct batv_explanation *e, char out[static ARRIVAL_SIZE])
{
	struct batv_span s = batv_span_trim(batv_ctl_message_find(&e->message, "X-BATV-Status"));
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 1 < ARRIVAL_SIZE; i++) {
		if (!batv_is_space(s.p[i]))
			out[n++] = s.p[i] > 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
		else if (out[n - 1] != ' ')
			out[n++] = ' ';
	}
	out[n] = '\0';
	return n > 0;
}

json_t *batv_ctl_explain_print_json(const struct batv_explanation *e)
{
	json_t *o = json_object();
	char arrival[ARRIVAL_SIZE];

	if (e->name)
		batv_ctl_put_text(o, "name", e->name);
	if (e->frozen)
		batv_ctl_put_time(o, "frozen", e->frozen);
	if (decided_then(e, arrival))
		batv_ctl_put_text(o, "on_arrival", arrival);

	batv_ctl_put_text(o, "class", batv_class_name(e->class));
	batv_ctl_put_text(o, "sender", e->sender);
	if (e->has_rcpt)
		batv_ctl_put_text(o, "recipient", e->rcpt);
	if (e->note)
		batv_ctl_put_text(o, "note", e->note);
	batv_ctl_put(o, "evidence", json_evidence(e));
	batv_ctl_put(o, "look_ups", json_look_ups(e));
	batv_ctl_put_flag(o, "full", e->search.found.full);
	batv_ctl_put_number(o, "body_bytes_read", e->message.body.len);
	batv_ctl_put_flag(o, "judged", e->judged);
	if (e->judged)
		json_judgement(e, o);
	else
		batv_ctl_put_text(o, "not_judged", e->not_judged);
	return o;
}

static void print_clue(const struct batv_explanation *e, const struct batv_clue *c)
{
	char value[300], where[100];

	batv_printable(c->value, value, sizeof value);
	batv_printable(c->where, where, sizeof where);
	printf("  %-31s <%s>\n", batv_clue_kind_name(c->kind), value);
	printf("      byte %" PRIu64 ", ", place_of(e, c));
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

static void print_judgement(const struct batv_ctl *ctl, const struct batv_explanation *e)
{
	const struct batv_ctl_decided d = batv_ctl_explanation_decided(e);
	char words[BATV_WORDS_SIZE];
	const struct batv_judgement *j = &e->judgement;
	const char *reason = batv_reason_name(j->finding.reason);
	bool proved = j->finding.verdict == BATV_REMEMBERED;

	printf("verdict    %s%s%s\n", batv_verdict_name(j->finding.verdict), proved ? ", by " : "",
	       proved ? batv_proof_name(j->proof.kind) : "");
	printf("action     %s%s%s\n", batv_action_name(j->finding.action),
	       strcmp(reason, "-") ? ", reason " : "", strcmp(reason, "-") ? reason : "");
	if (hint_text(j))
		printf("hint       " HINT "%s\n", hint_text(j));
	batv_ctl_words_decision(&d, words);
	printf("in words   ");
	batv_ctl_layout_wrap(stdout, words, 11, 11, ctl->terminal.width);
	if (j->policy)
		printf("policy     %s\n", j->policy->name);
	if (j->finding.reason == BATV_WHY_NO_MEMORY) {
		char text[500];

		batv_ctl_complete_text(&e->complete, text, sizeof text);
		printf("memory     not complete for %s: %s\n", j->domain, text);
	}
}

static void print_name(const struct batv_explanation *e)
{
	char name[1000], since[BATV_TIME_SIZE];

	if (!e->name)
		return;
	batv_printable(batv_span_of(e->name), name, sizeof name);
	printf("message    %s", name);
	if (e->frozen) {
		batv_ctl_time_format(e->frozen, since, sizeof since);
		printf(", frozen since %s", since);
	}
	putchar('\n');
}

void batv_ctl_explain_print_text(const struct batv_ctl *ctl, const struct batv_explanation *e)
{
	char sender[300], rcpt[300], arrival[ARRIVAL_SIZE];

	batv_printable(batv_span_of(e->sender), sender, sizeof sender);
	batv_printable(batv_span_of(e->rcpt), rcpt, sizeof rcpt);
	print_name(e);
	printf("class      %s\n", batv_class_name(e->class));
	printf("sender     <%s> (%s)\n", sender, e->sender_from);
	if (e->has_rcpt)
		printf("recipient  <%s> (%s)\n", rcpt, e->rcpt_from);
	if (decided_then(e, arrival))
		printf("on arrival %s\n", arrival);
	if (e->note) {
		printf("note       ");
		batv_ctl_layout_wrap(stdout, e->note, 11, 11, ctl->terminal.width);
	}
	printf("evidence   %zu%s\n", e->search.found.n,
	       e->search.found.full ? ", and more that did not fit" : "");
	for (size_t i = 0; i < e->search.found.n; i++)
		print_clue(e, &e->search.found.clues[i]);
	printf("look-ups   %zu\n", e->n_questions);
	for (size_t i = 0; i < e->n_questions; i++)
		print_look_up(&e->questions[i]);
	if (e->judged)
		print_judgement(ctl, e);
	else
		printf("not judged: %s\n", e->not_judged);
	if (e->not_judged && e->asking->context.state && e->judgement.finding.doubt)
		printf("  list \"%s\": %s\n", e->asking->asker.list, e->asking->asker.why);
}

void batv_ctl_explain_print_line(const struct batv_explanation *e)
{
	const struct batv_finding *f = &e->judgement.finding;
	char rcpt[300], name[1000];

	batv_printable(batv_span_of(e->rcpt), rcpt, sizeof rcpt);
	batv_printable(batv_span_of(e->name), name, sizeof name);
	printf("%-7s %-10s %-9s %-40s %s\n", e->judged ? batv_action_name(f->action) : "-",
	       e->judged ? batv_verdict_name(f->verdict) : "-", batv_class_name(e->class),
	       e->has_rcpt ? rcpt : "-", name);
}
