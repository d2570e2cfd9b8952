/*
 * exim_text.c - reads what Exim prints about its configuration.
 */
#include <string.h>

#include "exim_text.h"

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

	while (batv_span_next_line(&options->rest, &line)) {
		if (ends_with(line, " router:") || ends_with(line, " transport:")) {
			options->driver = line;
			options->driver.len =
				(size_t)((const char *)memchr(line.p, ' ', line.len) - line.p);
			continue;
		}
		line = batv_span_trim(line);
		if (line.len && line.p[0] == '*')
			line.p++, line.len--;
		if (!line.len)
			continue;
		equals = memchr(line.p, '=', line.len);
		option->driver = options->driver;
		option->name = batv_span_trim(
			(struct batv_span){line.p, equals ? (size_t)(equals - line.p) : line.len});
		option->value =
			equals ? batv_span_trim((struct batv_span){
					 equals + 1, line.len - (size_t)(equals + 1 - line.p)})
			       : (struct batv_span){line.p + line.len, 0};
		return true;
	}
	return false;
}

bool batv_exim_text_value(const char *text, const char *name, char *out, size_t size)
{
	struct batv_span rest = batv_span_of(text), line;
	const size_t len = strlen(name);

	while (batv_span_next_line(&rest, &line)) {
		const char *equals = memchr(line.p, '=', line.len);
		struct batv_span left;

		if (!equals)
			continue;
		left = batv_span_trim((struct batv_span){line.p, (size_t)(equals - line.p)});
		if (!ends_with(left, name) || (left.len > len && left.p[left.len - len - 1] != ' '))
			continue;
		return copy(batv_span_trim((struct batv_span){
				    equals + 1, line.len - (size_t)(equals + 1 - line.p)}),
			    out, size);
	}
	return false;
}

bool batv_exim_text_after(const char *text, const char *start, char *out, size_t size)
{
	struct batv_span rest = batv_span_of(text), line;
	const size_t len = strlen(start);

	while (batv_span_next_line(&rest, &line))
		if (line.len >= len && memcmp(line.p, start, len) == 0)
			return copy(
				batv_span_trim((struct batv_span){line.p + len, line.len - len}),
				out, size);
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
		if (!batv_is_space(*at))
			out[n++] = batv_is_control(*at) ? '?' : *at;
		else if (out[n - 1] != ' ') /* the first character is a letter */
			out[n++] = ' ';
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
