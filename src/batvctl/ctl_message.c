/*
 * ctl_message.c - reads a message from a file: RFC 5322, or one message from an mbox.
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

int batv_ctl_message_read(const char *path, size_t body_max, struct batv_ctl_message *m)
{
	size_t max = BATV_CTL_HEADER_MAX + body_max, len;
	bool is_stdin = strcmp(path, "-") == 0, bad;
	FILE *f = is_stdin ? stdin : fopen(path, "rb");

	if (!f)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", path, strerror(errno));
	m->text = malloc(max);
	if (!m->text) {
		fclose(f);
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	}
	errno = 0;
	len = fread(m->text, 1, max, f);
	bad = ferror(f) != 0;
	if (bad)
		(void)batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", path, strerror(errno));
	if (!is_stdin)
		fclose(f);
	if (bad) {
		free(m->text);
		return BATV_CTL_TROUBLE;
	}
	batv_ctl_message_split(m->text, len, body_max, m);
	return BATV_CTL_YES;
}

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
