/*
 * ctl_message.c - reads the messages of a file: one as in RFC 5322, or those of an mbox.
 *
 * Empty lines and mbox's "From " line before the header are skipped.  A line that is not a field
 * ends the header, as in Exim.  Invariant: the text is not changed, so a pointer into it gives the
 * offset in the file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_message.h"

/* Returns the start of the line after the one at p. */
static const char *next_line(const char *p, const char *end)
{
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	return nl ? nl + 1 : end;
}

static bool is_empty(const char *p, const char *end)
{
	return p == end || *p == '\n' || (*p == '\r' && end - p > 1 && p[1] == '\n');
}

/* Returns the colon of a field, or NULL if the line is not a field. */
static const char *colon_of(const char *p, const char *end)
{
	const char *at = p;

	while (at<end && * at> ' ' && *at != 0x7f && *at != ':')
		at++;
	if (at == p)
		return NULL;
	while (at < end && batv_is_wsp(*at))
		at++;
	return at < end && *at == ':' ? at : NULL;
}

static bool is_mbox_line(const char *p, const char *end)
{
	return (end - p > 5 && memcmp(p, "From ", 5) == 0) ||
	       (end - p > 6 && memcmp(p, ">From ", 6) == 0);
}

static const char *field_end(const char *p, const char *end)
{
	do
		p = next_line(p, end);
	while (p < end && batv_is_wsp(*p));
	return p;
}

void batv_ctl_message_split(char *text, size_t len, size_t body_max, struct batv_ctl_message *m)
{
	const char *p = text, *end = p + len, *begin;

	m->text = text;
	m->at = 0;
	while (p < end && is_empty(p, end))
		p = next_line(p, end);
	while (p < end && is_mbox_line(p, end))
		p = next_line(p, end);
	for (begin = p; p < end && !is_empty(p, end) && colon_of(p, end);)
		p = field_end(p, end);
	m->header = batv_span_between(begin, p);
	if (p < end && is_empty(p, end))
		p = next_line(p, end);
	m->body = batv_span_cut(batv_span_between(p, end), body_max);
}

/* ---- files ---- */

/* A line while it is read: enough of its beginning. */
struct line {
	char head[200];
	size_t n;
	bool after_empty; /* the line before it was empty, or there was none */
};

/* "From alice@example.org Thu Nov 26 09:14:07 2026" */
static bool is_separator(const struct line *l)
{
	struct batv_span s = {l->head, l->n};

	if (!batv_span_begins(s, "From ") || !l->after_empty)
		return false;
	for (size_t i = 6; i + 4 < s.len; i++)
		if (s.p[i] == ':' && batv_is_digit(s.p[i - 1]) && batv_is_digit(s.p[i + 1]) &&
		    batv_is_digit(s.p[i + 2]))
			return true;
	return false;
}

static bool is_empty_line(const struct line *l)
{
	return l->n == 1 || (l->n == 2 && l->head[0] == '\r');
}

/*
 * Copies until the next message or the end, and returns how many bytes are kept.  Of a message that
 * is longer than `max`, the rest is passed over.
 */
static size_t copy_message(struct batv_ctl_messages *all, char *text, size_t max)
{
	struct line line = {.after_empty = true};
	const bool first = all->pos == 0;
	bool any = !first; /* a line with content was there */
	size_t len = 0, begin = 0;
	int c;

	all->more = false;
	while (!all->more && (c = getc_unlocked(all->f)) != EOF) {
		all->pos++;
		if (len < max)
			text[len++] = (char)c;
		if (line.n < sizeof line.head)
			line.head[line.n++] = (char)c;
		if (c != '\n')
			continue;
		if (is_separator(&line) && !any)
			all->mbox = true;
		else if (is_separator(&line) && all->mbox)
			all->more = true;
		any = any || !is_empty_line(&line);
		if (!all->more)
			begin = len;
		line = (struct line){.after_empty = is_empty_line(&line)};
	}
	return all->more ? begin : len;
}

int batv_ctl_message_open(const char *path, size_t body_max, struct batv_ctl_messages *all)
{
	const bool is_stdin = strcmp(path, "-") == 0;

	*all = (struct batv_ctl_messages){
		.f = is_stdin ? stdin : fopen(path, "rb"), .path = path, .body_max = body_max};
	return all->f ? BATV_CTL_YES
		      : batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", path, strerror(errno));
}

int batv_ctl_message_read(struct batv_ctl_messages *all, struct batv_ctl_message *m)
{
	const size_t max = BATV_CTL_HEADER_MAX + all->body_max;
	const uint64_t at = all->pos;
	size_t len;

	m->text = malloc(max);
	if (!m->text)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	errno = 0;
	len = copy_message(all, m->text, max);
	if (ferror(all->f)) {
		all->more = false;
		free(m->text);
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", all->path, strerror(errno));
	}
	batv_ctl_message_split(m->text, len, all->body_max, m);
	m->at = at;
	return BATV_CTL_YES;
}

void batv_ctl_message_close(struct batv_ctl_messages *all)
{
	if (all->f && all->f != stdin)
		fclose(all->f);
	all->f = NULL;
}

/* ---- fields ---- */

bool batv_ctl_message_field(const struct batv_ctl_message *m, size_t *at, struct batv_header *out)
{
	const char *p = m->header.p + *at, *end = m->header.p + m->header.len, *colon, *stop;

	if (p >= end)
		return false;
	colon = colon_of(p, end);
	stop = field_end(p, end);
	*at = (size_t)(stop - m->header.p);
	*out = (struct batv_header){batv_span_between(p, colon),
				    batv_span_between(colon + 1, stop)};
	while (out->name.len > 0 && out->name.p[out->name.len - 1] <= ' ')
		out->name.len--;
	return true;
}

struct batv_span batv_ctl_message_find(const struct batv_ctl_message *m, const char *name)
{
	struct batv_header h;
	size_t at = 0;

	while (batv_ctl_message_field(m, &at, &h))
		if (batv_span_equal_fold(h.name, batv_span_of(name)))
			return h.value;
	return batv_span_of("");
}
