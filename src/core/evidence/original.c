/*
 * original.c - reads the returned header around an id that the search has found.
 *
 * A header is the lines around the id up to the next empty one, on both sides.  Invariant: the work
 * is bounded by BATV_LOOKUPS_MAX headers.
 */
#include "evidence/original.h"

#include <string.h>

#include "evidence/field.h"
#include "evidence/mailbox.h"

#define AUTHORS_MAX 4 /* of a From field */

struct original {
	struct batv_span from;     /* the field's value; p NULL: not seen yet */
	bool has_id;               /* its Message-ID field is the one with our id */
	const char *domain;        /* whose signature is wanted; NULL: nobody's */
	struct batv_span selector; /* of that signature; p NULL: not seen yet */
};

static bool is_empty_line(struct batv_span line)
{
	return batv_span_trim(line).len == 0;
}

/* The start of the line that contains p. */
static const char *line_begin(const char *first, const char *p)
{
	while (p > first && p[-1] != '\n')
		p--;
	return p;
}

static struct batv_span until_empty_line(struct batv_span s)
{
	struct batv_span rest = s, line;

	while (batv_span_next_line(&rest, &line))
		if (is_empty_line(line))
			return batv_span_between(s.p, line.p);
	return s;
}

/* The header from its first line to its last.  It may be cut off at the end. */
static struct batv_span header_around(struct batv_span body, const char *id)
{
	const char *end = body.p + body.len, *first = body.p, *p;

	if (id - first > BATV_ORIGINAL_BYTES)
		first = id - BATV_ORIGINAL_BYTES;
	if (end - id > BATV_ORIGINAL_BYTES)
		end = id + BATV_ORIGINAL_BYTES;
	p = line_begin(first, id);
	while (p > first) {
		const char *before = line_begin(first, p - 1);

		if (is_empty_line(batv_span_between(before, p)))
			break;
		p = before;
	}
	return until_empty_line(batv_span_between(p, end));
}

/* The value of a tag of a signature; p NULL: it has none.  "=3D" is an undecoded "=". */
static struct batv_span tag_value(struct batv_span field, char name)
{
	while (field.len > 0) {
		const char *end = memchr(field.p, ';', field.len);
		struct batv_span tag =
			batv_span_trim(batv_span_between(field.p, end ? end : field.p + field.len));

		if (tag.len > 1 && batv_fold(tag.p[0]) == name && tag.p[1] == '=') {
			tag = batv_span_trim(batv_span_between(tag.p + 2, tag.p + tag.len));
			if (batv_span_begins_fold(tag, "3d"))
				tag = batv_span_between(tag.p + 2, tag.p + tag.len);
			return tag;
		}
		field = end ? batv_span_between(end + 1, field.p + field.len)
			    : (struct batv_span){NULL, 0};
	}
	return (struct batv_span){NULL, 0};
}

static void see_signature(struct original *o, struct batv_span value)
{
	struct batv_span domain = tag_value(value, 'd'), selector = tag_value(value, 's');

	if (domain.p && selector.p && batv_span_equal_fold(domain, batv_span_of(o->domain)))
		o->selector = selector;
}

static void see_original_field(struct original *o, struct batv_span field, const char *id)
{
	static const char from[] = "from:", message_id[] = "message-id:",
			  signature[] = "dkim-signature:";

	if (!o->from.p && batv_span_begins_fold(field, from))
		o->from = batv_span_between(field.p + sizeof from - 1, field.p + field.len);
	else if (batv_span_begins_fold(field, message_id))
		o->has_id = o->has_id || (id >= field.p && id < field.p + field.len);
	else if (o->domain && batv_span_begins_fold(field, signature))
		see_signature(
			o, batv_span_between(field.p + sizeof signature - 1, field.p + field.len));
}

static struct original read_original(struct batv_span header, const char *id, const char *domain)
{
	struct original o = {.from = {NULL, 0}, .domain = domain};
	struct batv_span field;

	while (batv_field_next(&header, &field))
		see_original_field(&o, field, id);
	return o;
}

struct wanted {
	const struct batv_addr *author;
	bool found;
};

static void compare_with_author(void *ctx, const struct batv_addr *addr)
{
	struct wanted *w = ctx;

	w->found = w->found || batv_addr_same(addr, w->author);
}

/* May the header around this id be that of the returned message, in plain text? */
static bool is_candidate(const struct batv_clue *clue, struct batv_span body)
{
	return (clue->kind == BATV_CLUE_RETURNED_ID || clue->kind == BATV_CLUE_INLINE_ID) &&
	       !clue->in_header && !clue->weak &&
	       (clue->encoding == BATV_ENCODING_NONE || clue->encoding == BATV_ENCODING_QP) &&
	       clue->raw.p >= body.p && clue->raw.p < body.p + body.len;
}

/* A walk over the candidates; begin with all bytes zero. */
struct candidates {
	size_t next;    /* clue */
	unsigned tried; /* headers read */
};

/* Reads the next header that has its id in its own Message-ID field.  Returns NULL at the end. */
static const struct batv_clue *next_original(const struct batv_search *search,
					     struct batv_span body, const char *domain,
					     struct candidates *at, struct original *o)
{
	while (at->next < search->found.n && at->tried < BATV_LOOKUPS_MAX) {
		const struct batv_clue *clue = &search->found.clues[at->next++];

		if (!is_candidate(clue, body))
			continue;
		at->tried++;
		*o = read_original(header_around(body, clue->raw.p), clue->raw.p, domain);
		if (o->has_id)
			return clue;
	}
	return NULL;
}

const struct batv_clue *batv_original_by(const struct batv_search *search, struct batv_span body,
					 const struct batv_addr *author)
{
	struct wanted wanted = {.author = author};
	struct candidates at = {0};
	const struct batv_clue *clue;
	struct original o;

	while ((clue = next_original(search, body, NULL, &at, &o))) {
		if (o.from.p)
			(void)batv_mailbox_each(o.from, AUTHORS_MAX, compare_with_author, &wanted);
		if (wanted.found)
			return clue;
	}
	return NULL;
}

bool batv_original_signed(const struct batv_search *search, struct batv_span body,
			  const char *domain, struct batv_original_signed *out)
{
	struct candidates at = {0};
	const struct batv_clue *clue;
	struct original o;

	while ((clue = next_original(search, body, domain, &at, &o)))
		if (o.selector.p) {
			*out = (struct batv_original_signed){clue, o.from, o.selector};
			return true;
		}
	return false;
}
