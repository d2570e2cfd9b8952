/*
 * ctl_pasted.c - takes an address out of the form in which people paste it.
 *
 * Invariant: it never guesses.  Text that could be read in two ways is not an address.
 */
#include <stdio.h>
#include <string.h>

#include "ctl_pasted.h"
#include "tag/addr.h"

/* Finds a character outside quotes.  A backslash quotes the next one, inside and outside of them.
 */
static const char *find_unquoted(struct batv_span s, char c)
{
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == c && !quoted)
			return s.p + i;
		else if (s.p[i] == '"')
			quoted = !quoted;
	}
	return NULL;
}

/* "Name <a@b>": what is between the only pair of angle brackets.  Without any, the whole text. */
static bool take_brackets(struct batv_span *s)
{
	const char *open = find_unquoted(*s, '<'), *close;
	struct batv_span inner, rest;

	if (!open)
		return true;
	inner = batv_span_between(open + 1, s->p + s->len);
	close = find_unquoted(inner, '>');
	if (!close)
		return false;
	rest = batv_span_between(close + 1, inner.p + inner.len);
	inner.len = (size_t)(close - inner.p);
	if (find_unquoted(rest, '<') || find_unquoted(rest, '@') ||
	    find_unquoted(batv_span_between(s->p, open), '@'))
		return false; /* a second address */
	*s = batv_span_trim(inner);
	return true;
}

/* "a@b (Name)", the form of old mail programs. */
static void drop_comment(struct batv_span *s)
{
	const char *open = find_unquoted(*s, '(');
	struct batv_span comment;

	if (!open || open == s->p)
		return;
	comment = batv_span_between(open, s->p + s->len);
	if (batv_span_comment_len(comment) == comment.len)
		*s = batv_span_trim(batv_span_between(s->p, open));
}

/* What ends a sentence, or separates addresses.  A domain cannot end in any of these. */
static void drop_punctuation(struct batv_span *s)
{
	while (s->len && strchr(".,;", s->p[s->len - 1]))
		*s = batv_span_trim((struct batv_span){s->p, s->len - 1});
}

/* Copies the address of a mailto: link, without its headers, and decodes %40 and the like. */
static bool take_link(struct batv_span s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && s.p[i] != '?'; i++) {
		uint8_t byte = (uint8_t)s.p[i];

		if (s.p[i] == '%') {
			if (s.len - i < 3 ||
			    !batv_span_to_bytes((struct batv_span){s.p + i + 1, 2}, &byte, 1) ||
			    !byte)
				return false;
			i += 2;
		}
		out[n++] = (char)byte;
	}
	out[n] = '\0';
	return true;
}

bool batv_ctl_pasted(const char *text, char out[static BATV_PASTED_SIZE])
{
	struct batv_span s = batv_span_trim(batv_span_of(text));
	struct batv_addr addr;

	if (s.len >= BATV_PASTED_SIZE)
		return false;
	if (!take_brackets(&s))
		return false;
	drop_comment(&s);
	drop_punctuation(&s);
	if (!batv_span_begins_fold(s, "mailto:"))
		snprintf(out, BATV_PASTED_SIZE, "%.*s", (int)s.len, s.p);
	else if (!take_link(batv_span_after(s, strlen("mailto:")), out))
		return false;
	return batv_addr_parse(out, strlen(out), &addr) == BATV_OK;
}

int batv_ctl_pasted_argument(const char *command, const char **text,
			     char out[static BATV_PASTED_SIZE])
{
	if (!*text || !**text || strcmp(*text, "<>") == 0)
		return BATV_CTL_YES;
	if (!batv_ctl_pasted(*text, out))
		return batv_ctl_fail(BATV_CTL_USAGE, "%s: not an address: %s", command, *text);
	*text = out;
	return BATV_CTL_YES;
}
