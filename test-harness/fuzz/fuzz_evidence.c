/* links: core/evidence/words core/evidence/field core/evidence/parts core/evidence/decode core/evidence/citation core/evidence/codes core/evidence/habits core/evidence/mailbox core/evidence/returned core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * fuzz_evidence.c - the small readers of strangers' text, each by itself: words, fields, parts,
 * encodings, ids and tags at a place, codes, addresses, authors.  What they find is in the text,
 * and they go over it a bounded number of times.
 *
 * Input: a byte that shifts the place, and a text.
 */
#include "evidence/citation.h"
#include "evidence/codes.h"
#include "evidence/habits.h"
#include "evidence/mailbox.h"
#include "evidence/parts.h"
#include "evidence/returned.h"
#include "evidence/words.h"
#include "reach.h"
#include "tag/tag.h"

enum {
	WORDS,
	ENCODED_WORDS,
	FIELDS,
	CONTENT_TYPE,
	PARTS,
	NESTED_PARTS,
	ENTITY,
	UNDONE,
	BASE64,
	LABEL,
	SHORT_LABEL,
	ID,
	TAG,
	NEXT_ID,
	CODE,
	MAILBOXES,
	RETURNED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"words",  "encoded_words", "fields", "content_type", "parts",       "nested_parts",
	"entity", "undone",        "base64", "label",        "short_label", "id",
	"tag",    "next_id",       "code",   "mailboxes",    "returned",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_within(struct batv_span inner, struct batv_span outer)
{
	return inner.p >= outer.p && inner.p + inner.len <= outer.p + outer.len;
}

/* Single spaces, none at the ends; decoding a text without encoded words again changes nothing. */
static void read_words(struct batv_span text)
{
	char out[300], again[300];
	struct batv_span s = batv_words_decode(text, out, sizeof out), second;

	must(s.p == out && s.len <= sizeof out);
	for (size_t i = 0; i < s.len; i++)
		must(out[i] != ' ' || (i > 0 && out[i - 1] != ' '));
	if (s.len > 0)
		reached(WORDS);
	if (text.len > 0 && memmem(text.p, text.len, "=?", 2)) {
		reached(ENCODED_WORDS);
	} else if (s.len > 0 && !memmem(s.p, s.len, "=?", 2)) {
		second = batv_words_decode(s, again, sizeof again);
		must(batv_span_equal(s, second) || memchr(s.p, '\xc2', s.len) ||
		     s.len == sizeof out);
	}
	(void)batv_habits_subject(text);
	(void)batv_habits_from(text);
	(void)batv_habits_text(text);
}

/* The fields of a text are the text. */
static void read_fields(struct batv_span text)
{
	struct batv_span rest = text, field;
	struct batv_content_type ct;
	const char *at = text.p;

	while (batv_field_next(&rest, &field)) {
		must(field.p == at && field.len > 0);
		at += field.len;
		must(rest.p == at);
		reached(FIELDS);
	}
	must(at == text.p + text.len && rest.len == 0);
	batv_field_content_type(text, &ct);
	must(ct.type.len <= BATV_WORD_MAX && ct.subtype.len <= BATV_WORD_MAX);
	must(ct.boundary.len <= BATV_WORD_MAX && ct.report_type.len <= BATV_WORD_MAX);
	if (ct.boundary.len > 0)
		reached(CONTENT_TYPE);
}

static void read_parts(struct batv_span text)
{
	struct batv_parts w;
	struct batv_part part;
	const char *at = text.p;
	size_t n = 0;

	batv_parts_start(&w, text, batv_span_of("b"));
	while (batv_parts_next(&w, &part)) {
		must(n++ <= text.len && part.level < BATV_PARTS_LEVELS);
		must(part.begin >= at && part.begin < text.p + text.len);
		must(part.body > part.begin && part.body <= text.p + text.len);
		at = part.begin + 1;
		reached(PARTS);
		if (batv_parts_enter(&w, &part))
			reached(NESTED_PARTS);
		must(w.open <= BATV_PARTS_LEVELS && is_within(w.rest, text));
	}
}

/* Each call moves on, and no byte is looked at often. */
static void read_encodings(struct batv_span text)
{
	size_t steps = 0, n = 0;
	struct batv_cursor c = {text.p, text.p + text.len, true, false, &steps};
	struct batv_base64 b = batv_base64_start(text);
	int ch;

	for (const char *before = c.p; (ch = batv_cursor_next(&c)) >= 0; before = c.p) {
		must(ch <= 255 && c.p > before);
		if (ch != '&')
			continue;
		before = c.p;
		ch = batv_cursor_entity(&c);
		must(ch < 0 ? c.p == before : c.p > before);
		if (ch >= 0)
			reached(ENTITY);
	}
	must(c.p == c.end && steps <= 40 * text.len + 1);
	if (c.changed)
		reached(UNDONE);
	for (; (ch = batv_base64_next(&b)) >= 0; n++)
		must(ch <= 255 && b.begin >= text.p && b.begin < b.p);
	must(b.p == b.end && n <= text.len * 3 / 4);
	if (n > 2)
		reached(BASE64);
}

static void check_citation(const struct batv_citation *c, struct batv_span text)
{
	must(c->begin >= text.p && c->begin < c->end && c->end <= text.p + text.len);
	must(c->len > 0 && c->len <= sizeof c->text);
	must(!batv_span_has_control((struct batv_span){c->text, c->len}));
}

static void cite(struct batv_span text, size_t at, bool qp)
{
	const struct batv_span rest = batv_span_after(text, at);
	struct batv_citation c;
	struct batv_addr addr;
	struct batv_tag tag;
	size_t steps = 0;

	if (batv_citation_id(rest, qp, &c, &steps)) {
		check_citation(&c, rest);
		must(c.len >= 3 && (qp || !c.changed));
		reached(ID);
	}
	if (batv_citation_tag(text, at, qp, &c, &steps)) {
		check_citation(&c, text);
		must(batv_addr_parse(c.text, c.len, &addr) == BATV_OK &&
		     batv_tag_parse(&addr, &tag));
		reached(TAG);
	}
	must(steps < 40960);
}

static void read_citations(struct batv_span text, size_t at)
{
	struct batv_span rest = batv_span_after(text, at);
	struct batv_citation c;
	bool is_short;
	size_t steps = 0, len = batv_citation_label(rest, &is_short, &steps);

	must(len <= rest.len && steps <= 200);
	if (len > 0) {
		reached(is_short ? SHORT_LABEL : LABEL);
		cite(text, at + len, false);
	}
	cite(text, at, false);
	cite(text, at, true);
	steps = 0;
	for (unsigned i = 0; i < 2; i++) {
		rest = text;
		while (batv_citation_next_id(rest, i == 1, &c, &steps)) {
			check_citation(&c, rest);
			rest = batv_span_between(c.end, text.p + text.len);
			reached(NEXT_ID);
		}
	}
	/* an id that begins at each byte is read up to its limit */
	must(steps <= 4100 * (text.len + 1));
}

static void count_mailbox(void *ctx, const struct batv_addr *addr)
{
	++*(size_t *)ctx;
	must(addr->text.len <= BATV_PATH_MAX);
	reached(MAILBOXES);
}

static const char *recipient(void *ctx, size_t i)
{
	(void)ctx;
	return i == 0 ? "alice@ours.test" : "not an address";
}

static void read_addresses(struct batv_span text)
{
	const struct batv_recipients recipients = {2, recipient, NULL};
	char first[BATV_ADDR_SIZE];
	size_t n = 0, found = batv_mailbox_each(text, 3, count_mailbox, &n);

	must(n == found && n <= 3);
	must(batv_mailbox_first(text, first) == (n > 0) && (*first != '\0') == (n > 0));
	if (batv_returned_to(text, &recipients)) {
		must(memmem(text.p, text.len, ":", 1));
		reached(RETURNED);
	}
	if (batv_codes_in(text)) {
		must(memchr(text.p, '4', text.len) || memchr(text.p, '5', text.len));
		reached(CODE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* not a NUL after it: none of these needs one */
	struct batv_span text = {copy, size > 0 ? size - 1 : 0};

	must(copy);
	if (size > 1)
		memcpy(copy, data + 1, size - 1);
	copy = realloc(copy, text.len ? text.len : 1);
	text.p = copy;
	read_words(text);
	read_fields(text);
	read_parts(text);
	read_encodings(text);
	read_addresses(text);
	if (text.len > 0)
		read_citations(text, data[0] % text.len);
	free(copy);
	return 0;
}
