/*
 * span.c - text as pointer and length: comparing, reading numbers and hex, printing safely.
 *
 * ASCII only, and never the locale: an administrator's LANG must not change which addresses
 * are equal.  Invariant: a function that reads a value takes the whole span or nothing, and
 * leaves its result alone in the second case.
 */
#include <limits.h>
#include <string.h>

#include "base/span.h"

static const char lower_hex[] = "0123456789abcdef";

struct batv_span batv_span_of(const char *s)
{
	if (!s)
		s = "";
	return (struct batv_span){s, strlen(s)};
}

int batv_hex_value(char c)
{
	if (batv_is_digit(c))
		return c - '0';
	c = batv_fold(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool batv_span_equal(struct batv_span a, struct batv_span b)
{
	/* memcmp may not see a NULL, not even for no bytes */
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool batv_span_equal_fold(struct batv_span a, struct batv_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (batv_fold(a.p[i]) != batv_fold(b.p[i]))
			return false;
	return true;
}

/* Most texts differ in their first character, so no strlen() goes before the comparison. */
bool batv_span_begins(struct batv_span s, const char *text)
{
	for (size_t i = 0; text[i]; i++)
		if (i == s.len || s.p[i] != text[i])
			return false;
	return true;
}

bool batv_span_begins_fold(struct batv_span s, const char *text)
{
	for (size_t i = 0; text[i]; i++)
		if (i == s.len || batv_fold(s.p[i]) != batv_fold(text[i]))
			return false;
	return true;
}

bool batv_span_begins_any(struct batv_span s, const char *list)
{
	for (; *list; list += strlen(list) + 1)
		if (batv_span_begins_fold(s, list))
			return true;
	return false;
}

bool batv_span_is_any(struct batv_span s, const char *list)
{
	for (; *list; list += strlen(list) + 1)
		if (batv_span_equal_fold(s, batv_span_of(list)))
			return true;
	return false;
}

bool batv_span_has_control(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (batv_is_control(s.p[i]))
			return true;
	return false;
}

struct batv_span batv_span_trim(struct batv_span s)
{
	while (s.len > 0 && batv_is_space(s.p[0]))
		s.p++, s.len--;
	while (s.len > 0 && batv_is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct batv_span batv_span_next_word(struct batv_span *rest)
{
	struct batv_span word;

	while (rest->len > 0 && batv_is_blank(rest->p[0]))
		rest->p++, rest->len--;
	word = (struct batv_span){rest->p, 0};
	while (word.len < rest->len && !batv_is_blank(word.p[word.len]))
		word.len++;
	rest->p += word.len;
	rest->len -= word.len;
	return word;
}

bool batv_span_next_line(struct batv_span *rest, struct batv_span *line)
{
	const char *lf;
	size_t used;

	if (rest->len == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->len);
	*line = (struct batv_span){rest->p, lf ? (size_t)(lf - rest->p) : rest->len};
	used = line->len + (lf != NULL);
	rest->p += used;
	rest->len -= used;
	return true;
}

size_t batv_span_comment_len(struct batv_span s)
{
	size_t depth = 0, at = 0;

	while (at < s.len) {
		char c = s.p[at++];

		if (c == '\\' && at < s.len)
			at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			break;
	}
	return at;
}

/* Digits only, and not above max. */
static bool to_number(struct batv_span s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!batv_is_digit(s.p[i]))
			return false;
		unsigned digit = (unsigned)(s.p[i] - '0');
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

bool batv_span_to_u64(struct batv_span s, uint64_t *out)
{
	return to_number(s, UINT64_MAX, out);
}

bool batv_span_to_i64(struct batv_span s, int64_t *out)
{
	const uint64_t lowest = (uint64_t)INT64_MAX + 1; /* as a distance from zero */
	uint64_t value;

	if (s.len == 0 || s.p[0] != '-') {
		if (!to_number(s, INT64_MAX, &value))
			return false;
		*out = (int64_t)value;
		return true;
	}
	if (!to_number((struct batv_span){s.p + 1, s.len - 1}, lowest, &value))
		return false;
	*out = value == lowest ? INT64_MIN : -(int64_t)value;
	return true;
}

bool batv_span_to_bytes(struct batv_span s, uint8_t *out, size_t n)
{
	if (s.len / 2 != n || s.len % 2 != 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (batv_hex_value(s.p[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		out[i] =
			(uint8_t)(batv_hex_value(s.p[2 * i]) * 16 + batv_hex_value(s.p[2 * i + 1]));
	return true;
}

void batv_bytes_to_hex(const uint8_t *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		*out++ = lower_hex[bytes[i] >> 4];
		*out++ = lower_hex[bytes[i] & 15];
	}
	*out = '\0';
}

/* Can it stand in a log line between < and > without being mistaken for anything else? */
static bool is_shown_as_it_is(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '\\' && c != '<' && c != '>';
}

void batv_printable(struct batv_span s, char *out, size_t size)
{
	static const char dots[] = "...";
	size_t at = 0, cut = 0; /* cut: the last place where the dots still fit */

	if (size == 0)
		return;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		size_t width = is_shown_as_it_is(c) ? 1 : 4;

		if (at + sizeof dots <= size)
			cut = at;
		if (width > size - 1 - at) {
			for (at = cut; at - cut < sizeof dots - 1 && at < size - 1; at++)
				out[at] = dots[at - cut];
			break;
		}
		if (width == 1) {
			out[at++] = (char)c;
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = lower_hex[c >> 4];
		out[at++] = lower_hex[c & 15];
	}
	out[at] = '\0';
}

uint64_t batv_fnv64(uint64_t start, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t hash = start;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3); /* odd: a bijection */
	return hash;
}

uint64_t batv_number_at(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes > 0)
		n = n << 8 | p[--bytes];
	return n;
}

struct batv_span batv_span_field(struct batv_span *rest)
{
	const char *space = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
	struct batv_span f = *rest;

	if (!space) {
		*rest = (struct batv_span){rest->p + rest->len, 0};
		return f;
	}
	f.len = (size_t)(space - f.p);
	*rest = (struct batv_span){space + 1, rest->len - f.len - 1};
	return f;
}
