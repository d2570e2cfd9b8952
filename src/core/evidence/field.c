/*
 * field.c - takes headers apart into fields, and the values of structured fields into words.
 *
 * Pure, no allocation, and the work is linear.  Invariant: a word never holds more than
 * BATV_WORD_MAX bytes, and what is left is always the end of what was given.
 */
#include "evidence/field.h"

#include <string.h>

#define PARAMETERS_MAX 32 /* of a Content-Type */

bool batv_field_next(struct batv_span *rest, struct batv_span *field)
{
	struct batv_span line;

	*field = (struct batv_span){rest->p, 0};
	if (!batv_span_next_line(rest, &line))
		return false;
	while (rest->len > 0 && batv_is_wsp(rest->p[0]))
		(void)batv_span_next_line(rest, &line);
	field->len = (size_t)(rest->p - field->p);
	return true;
}

static bool is_text(struct batv_span s, const char *text)
{
	return batv_span_equal_fold(s, batv_span_of(text));
}

static void skip(struct batv_span *rest, size_t n)
{
	rest->p += n, rest->len -= n;
}

static void skip_blank(struct batv_span *rest)
{
	while (rest->len > 0 && (batv_is_space(rest->p[0]) || rest->p[0] == '('))
		skip(rest, rest->p[0] == '(' ? batv_span_comment_len(*rest) : 1);
}

/* Too long a word is no word that we know: what does not fit is dropped. */
static void add_char(struct batv_word *w, char c)
{
	if (w->len < sizeof w->text)
		w->text[w->len++] = c;
}

struct batv_span batv_field_span(const struct batv_word *w)
{
	return (struct batv_span){w->text, w->len};
}

static void take_quoted(struct batv_span *rest, struct batv_word *w)
{
	rest->p++, rest->len--;
	while (rest->len > 0 && rest->p[0] != '"') {
		if (rest->p[0] == '\\' && rest->len > 1)
			rest->p++, rest->len--;
		if (rest->p[0] != '\r' && rest->p[0] != '\n')
			add_char(w, rest->p[0]);
		rest->p++, rest->len--;
	}
	if (rest->len > 0)
		rest->p++, rest->len--;
}

void batv_field_word(struct batv_span *rest, const char *ends, struct batv_word *w)
{
	w->len = 0;
	skip_blank(rest);
	if (rest->len > 0 && rest->p[0] == '"')
		take_quoted(rest, w);
	else
		while (rest->len > 0 && !batv_is_space(rest->p[0]) && rest->p[0] != '(' &&
		       (rest->p[0] == '\0' || !strchr(ends, rest->p[0]))) {
			add_char(w, rest->p[0]);
			rest->p++, rest->len--;
		}
	skip_blank(rest);
}

static bool take_char(struct batv_span *rest, char c)
{
	if (rest->len == 0 || rest->p[0] != c)
		return false;
	rest->p++, rest->len--;
	return true;
}

static void skip_to(struct batv_span *rest, char c)
{
	while (rest->len > 0 && rest->p[0] != c)
		if (rest->p[0] == '"') {
			struct batv_word ignored = {.len = 0};

			take_quoted(rest, &ignored);
		} else if (rest->p[0] == '(') {
			skip(rest, batv_span_comment_len(*rest));
		} else {
			skip(rest, 1);
		}
}

/* The first one counts. */
static void take_value(struct batv_word *to, struct batv_span value)
{
	if (to->len > 0)
		return;
	memcpy(to->text, value.p, value.len);
	to->len = value.len;
}

/* RFC 2231: name*, name*0, name*0*; the value may begin with charset'language'. */
static void keep_parameter(struct batv_content_type *ct, const struct batv_word *name,
			   const struct batv_word *value)
{
	struct batv_span n = batv_field_span(name), v = batv_field_span(value);
	const char *star = memchr(n.p, '*', n.len);
	const char *quote;

	if (star) {
		n.len = (size_t)(star - n.p);
		while ((quote = memchr(v.p, '\'', v.len)) != NULL) {
			v.len -= (size_t)(quote + 1 - v.p);
			v.p = quote + 1;
		}
	}
	if (is_text(n, "report-type"))
		take_value(&ct->report_type, v);
	else if (is_text(n, "boundary"))
		take_value(&ct->boundary, v);
}

void batv_field_content_type(struct batv_span value, struct batv_content_type *ct)
{
	struct batv_word name, text;

	ct->subtype.len = ct->report_type.len = ct->boundary.len = 0;
	batv_field_word(&value, "/;", &ct->type);
	if (take_char(&value, '/'))
		batv_field_word(&value, ";", &ct->subtype);
	for (unsigned i = 0; i < PARAMETERS_MAX && value.len > 0; i++) {
		skip_to(&value, ';');
		if (!take_char(&value, ';'))
			break;
		batv_field_word(&value, "=;", &name);
		if (!take_char(&value, '='))
			continue;
		batv_field_word(&value, ";", &text);
		keep_parameter(ct, &name, &text);
	}
}
