/*
 * forwarded.c - compares To, the fields of forwarders, and the returned header.
 *
 * A header in the body is a block of lines, between empty ones, that has a From field.  Pure, no
 * allocation.  The work is linear in the length of the body.
 */
#include "evidence/forwarded.h"

#include <string.h>

#include "evidence/field.h"
#include "evidence/mailbox.h"
#include "evidence/recorded.h"
#include "tag/tag.h"

/* ---- the message's own header ---- */

void batv_forwarded_start(struct batv_forwarded *f)
{
	f->n_to = f->n_own = 0;
}

static void add_to(void *ctx, const struct batv_addr *addr)
{
	struct batv_forwarded *f = ctx;

	if (f->n_to++ == 0 && !batv_tag_canon(addr->text, f->to))
		f->n_to++; /* as good as none */
}

void batv_forwarded_header(struct batv_forwarded *f, struct batv_header h)
{
	struct batv_span value = batv_span_cut(h.value, BATV_RECORDED_MAX);

	if (batv_span_equal_fold(h.name, batv_span_of("To"))) {
		(void)batv_mailbox_each(h.value, 2, add_to, f);
		return;
	}
	if (h.name.len < sizeof "Received" - 1)
		return; /* all names that count are longer */
	switch (batv_recorded_in(h, &value)) {
	case BATV_RECORDED_X_ORIGINAL_TO:
	case BATV_RECORDED_ENVELOPE_TO: return;
	case BATV_RECORDED_NO:
		if (!batv_span_equal_fold(h.name, batv_span_of("X-Forwarded-To")) &&
		    !batv_span_equal_fold(h.name, batv_span_of("Resent-To")))
			return;
		break;
	default: break;
	}
	if (f->n_own < BATV_FORWARDED_FIELDS)
		f->own[f->n_own++] = value;
}

struct wanted {
	const char *address; /* canonical */
	size_t n;            /* addresses that were compared */
	bool found;
};

static void compare_with_to(void *ctx, const struct batv_addr *addr)
{
	char text[BATV_ADDR_SIZE];
	struct wanted *w = ctx;

	w->n++;
	w->found = w->found || (batv_tag_canon(addr->text, text) && strcmp(text, w->address) == 0);
}

static bool stands_in_own_header(const struct batv_forwarded *f)
{
	struct wanted w = {.address = f->to};

	for (size_t i = 0; i < f->n_own && !w.found; i++)
		(void)batv_mailbox_each(f->own[i], 8, compare_with_to, &w);
	return w.found;
}

/* ---- the returned message ---- */

/* Where the envelope sender of the returned message is told; the first one that is there counts. */
enum place { RETURN_PATH, X_POSTFIX_SENDER, ENVELOPE_FROM, PLACES };
enum told { NOT_TOLD, TOLD_TO, TOLD_ANOTHER }; /* it is the address in To, or another one */

struct returned {
	const struct batv_forwarded *f;
	bool (*is_foreign)(void *ctx, const struct batv_addr *addr);
	void *ctx;
	size_t domains;       /* that were asked about */
	bool is_header;       /* the block in hand has a From field */
	bool header;          /* one of them was a header */
	bool ours;            /* it names an address of ours, or too many to ask about */
	enum told by[PLACES]; /* another one stays */
};

static bool name_is(struct batv_span name, const char *text)
{
	return batv_span_equal_fold(name, batv_span_of(text));
}

/* Their "@" is no sign of an address. */
static bool has_ids(struct batv_span name)
{
	static const char end[] = "message-id";
	const size_t len = sizeof end - 1;

	return name_is(name, "In-Reply-To") || name_is(name, "References") ||
	       name_is(name, "Content-ID") ||
	       (name.len >= len &&
		batv_span_equal_fold((struct batv_span){name.p + name.len - len, len},
				     (struct batv_span){end, len}));
}

static bool in_domain(char c)
{
	return batv_is_name_char(c) || c == '.' || (unsigned char)c >= 0x80;
}

/* Asks about the domain after each "@". */
static void look_for_ours(struct returned *r, struct batv_span value)
{
	char text[BATV_ADDR_SIZE] = "x@";
	struct batv_addr addr;

	for (size_t i = 0; i < value.len && !r->ours; i++) {
		size_t len = 0;

		if (value.p[i] != '@')
			continue;
		while (i + 1 + len < value.len && in_domain(value.p[i + 1 + len]))
			len++;
		while (len > 0 && value.p[i + len] == '.')
			len--;
		if (len == 0)
			continue;
		r->ours = true;
		if (len > BATV_ADDR_SIZE - 3 || ++r->domains > BATV_FORWARDED_DOMAINS)
			return;
		memcpy(text + 2, value.p + i + 1, len);
		r->ours = batv_addr_parse(text, len + 2, &addr) != BATV_OK ||
			  !r->is_foreign(r->ctx, &addr);
	}
}

static void take_sender(struct returned *r, enum place place, struct batv_span value)
{
	struct wanted w = {.address = r->f->to};

	(void)batv_mailbox_each(value, 2, compare_with_to, &w);
	if (w.n != 1 || !w.found)
		r->by[place] = TOLD_ANOTHER;
	else if (r->by[place] == NOT_TOLD)
		r->by[place] = TOLD_TO;
}

/* "(envelope-from <address>)" and the like, in a Received field. */
static void take_envelope_from(struct returned *r, struct batv_span value)
{
	static const char label[] = "envelope-from";
	const size_t len = sizeof label - 1;

	for (size_t i = 0; i + len <= value.len; i++) {
		struct batv_span rest = {value.p + i, value.len - i};
		size_t end = len;

		if (!batv_span_begins_fold(rest, label))
			continue;
		while (end < rest.len && !memchr(");\n", rest.p[end], 3))
			end++;
		take_sender(r, ENVELOPE_FROM, (struct batv_span){rest.p + len, end - len});
		return;
	}
}

static void see_returned_field(struct returned *r, struct batv_span field)
{
	const char *colon = memchr(field.p, ':', field.len);
	struct batv_span name, value;

	if (!colon)
		return;
	name = batv_span_trim(batv_span_between(field.p, colon));
	value = batv_span_between(colon + 1, field.p + field.len);
	if (name_is(name, "X-Postfix-Sender")) {
		const char *semicolon = memchr(value.p, ';', value.len);

		take_sender(r, X_POSTFIX_SENDER,
			    semicolon ? batv_span_between(semicolon + 1, value.p + value.len)
				      : value);
	}
	if (!r->is_header)
		return;
	if (name_is(name, "Return-Path"))
		take_sender(r, RETURN_PATH, value);
	else if (name_is(name, "Received"))
		take_envelope_from(r, value);
	if (!has_ids(name))
		look_for_ours(r, value);
}

static void see_returned_block(struct returned *r, struct batv_span block)
{
	struct batv_span rest = block, field;

	r->is_header = false;
	while (batv_field_next(&rest, &field))
		r->is_header = r->is_header || batv_span_begins_fold(field, "From:");
	r->header = r->header || r->is_header;
	rest = block;
	while (batv_field_next(&rest, &field))
		see_returned_field(r, field);
}

static void see_body(struct returned *r, struct batv_span body)
{
	struct batv_span line, block = {body.p, 0};

	while (batv_span_next_line(&body, &line) && !r->ours) {
		if (batv_span_trim(line).len > 0) {
			block.len = (size_t)(line.p + line.len - block.p);
			continue;
		}
		see_returned_block(r, block);
		block = (struct batv_span){body.p, 0};
	}
	if (!r->ours)
		see_returned_block(r, block);
}

/* Is the address in To the envelope sender of the returned message? */
static bool is_sender(const struct returned *r)
{
	size_t place = 0;

	while (place < PLACES - 1 && r->by[place] == NOT_TOLD)
		place++;
	return r->by[place] == TOLD_TO;
}

bool batv_forwarded_is(const struct batv_forwarded *f, struct batv_span body,
		       bool (*is_foreign)(void *ctx, const struct batv_addr *addr), void *ctx)
{
	struct returned r = {.f = f, .is_foreign = is_foreign, .ctx = ctx};
	struct batv_addr to;

	if (f->n_to != 1 || batv_addr_parse(f->to, strlen(f->to), &to) != BATV_OK ||
	    !is_foreign(ctx, &to) || !stands_in_own_header(f))
		return false;
	see_body(&r, body);
	return r.header && !r.ours && is_sender(&r);
}
