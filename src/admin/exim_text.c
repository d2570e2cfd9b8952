/*
 * exim_text.c - reads what Exim prints about its configuration.
 */
#include <string.h>

#include "exim_text.h"

static struct batv_span trim(struct batv_span s)
{
	while (s.len && strchr(" \t\r", s.p[0]))
		s.p++, s.len--;
	while (s.len && strchr(" \t\r", s.p[s.len - 1]))
		s.len--;
	return s;
}

static bool next_line(struct batv_span *rest, struct batv_span *line)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memchr(rest->p, '\n', rest->len);
	line->p = rest->p;
	line->len = end ? (size_t)(end - rest->p) : rest->len;
	rest->p += line->len + (end ? 1 : 0);
	rest->len -= line->len + (end ? 1 : 0);
	return true;
}

static bool ends_with(struct batv_span s, const char *end)
{
	size_t len = strlen(end);

	return s.len >= len && memcmp(s.p + s.len - len, end, len) == 0;
}

static bool copy(struct batv_span s, char *out, size_t size)
{
	if (s.len >= size)
		return false;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

void batv_exim_text_start(struct batv_exim_options *options, const char *text)
{
	*options = (struct batv_exim_options){.rest = batv_span_of(text)};
}

bool batv_exim_text_next(struct batv_exim_options *options, struct batv_exim_option *option)
{
	struct batv_span line;
	const char *equals;

	while (next_line(&options->rest, &line)) {
		if (ends_with(line, " router:") || ends_with(line, " transport:")) {
			options->driver = line;
			options->driver.len =
				(size_t)((const char *)memchr(line.p, ' ', line.len) - line.p);
			continue;
		}
		line = trim(line);
		if (line.len && line.p[0] == '*')
			line.p++, line.len--;
		if (!line.len)
			continue;
		equals = memchr(line.p, '=', line.len);
		option->driver = options->driver;
		option->name = trim(
			(struct batv_span){line.p, equals ? (size_t)(equals - line.p) : line.len});
		option->value =
			equals ? trim((struct batv_span){equals + 1,
							 line.len - (size_t)(equals + 1 - line.p)})
			       : (struct batv_span){line.p + line.len, 0};
		return true;
	}
	return false;
}

bool batv_exim_text_value(const char *text, const char *name, char *out, size_t size)
{
	struct batv_span rest = batv_span_of(text), line;
	const size_t len = strlen(name);

	while (next_line(&rest, &line)) {
		const char *equals = memchr(line.p, '=', line.len);
		struct batv_span left;

		if (!equals)
			continue;
		left = trim((struct batv_span){line.p, (size_t)(equals - line.p)});
		if (!ends_with(left, name) || (left.len > len && left.p[left.len - len - 1] != ' '))
			continue;
		return copy(trim((struct batv_span){equals + 1,
						    line.len - (size_t)(equals + 1 - line.p)}),
			    out, size);
	}
	return false;
}

bool batv_exim_text_after(const char *text, const char *start, char *out, size_t size)
{
	struct batv_span rest = batv_span_of(text), line;
	const size_t len = strlen(start);

	while (next_line(&rest, &line))
		if (line.len >= len && memcmp(line.p, start, len) == 0)
			return copy(trim((struct batv_span){line.p + len, line.len - len}), out,
				    size);
	return false;
}

bool batv_exim_text_error(const char *text, char *out, size_t size)
{
	static const char start[] = "Exim configuration error";
	const char *at = strstr(text, start), *end;
	size_t n = 0;

	if (!at)
		return false;
	at += strlen("Exim ");
	end = strchr(at, '\n');
	end = end ? end + 1 + strcspn(end + 1, "\n") : at + strlen(at);
	for (; at < end && n + 1 < size; at++)
		if (*at == '\n' || *at == '\r')
			out[n++] = ' ';
		else if (*at != ' ' || (n && out[n - 1] != ' '))
			out[n++] = (unsigned char)*at < 0x20 ? '?' : *at;
	out[n] = '\0';
	return true;
}

bool batv_exim_text_supports(const char *text, const char *word)
{
	const size_t len = strlen(word);
	char list[4000];

	if (!batv_exim_text_after(text, "Support for:", list, sizeof list))
		return false;
	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}
