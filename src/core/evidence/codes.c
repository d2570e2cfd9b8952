/*
 * codes.c - finds an SMTP reply code or a status in a line of text.
 *
 * Pure, no allocation, and linear: at each number a bounded number of bytes around it is examined.
 */
#include "evidence/codes.h"

#include <string.h>

#define BEFORE_MAX 100 /* bytes before a number that may name it */
#define WORD_MAX 16    /* bytes after a number that may be a word of mail servers */

static bool is_word_char(char c)
{
	return batv_is_name_char(c) || (unsigned char)c >= 0x80;
}

/* Does the text begin with "5yz" or "4yz", and not with a longer number or word? */
static bool is_reply(struct batv_span s)
{
	return s.len >= 3 && (s.p[0] == '4' || s.p[0] == '5') && s.p[1] >= '0' && s.p[1] <= '7' &&
	       batv_is_digit(s.p[2]) &&
	       (s.len == 3 || (!batv_is_alnum(s.p[3]) && !strchr(".,_%/", s.p[3])) ||
		(s.p[3] == '.' && (s.len == 4 || !batv_is_digit(s.p[4]))));
}

/* The length of a status "5.y.z" or "4.y.z" at the start of s; 0 if there is none. */
static size_t status_len(struct batv_span s)
{
	size_t len = 4;

	if (s.len < 5 || (s.p[0] != '4' && s.p[0] != '5') || s.p[1] != '.' || s.p[2] < '0' ||
	    s.p[2] > '7' || s.p[3] != '.')
		return 0;
	while (len < s.len && len < 8 && batv_is_digit(s.p[len]))
		len++;
	if (len == 4 || len == 8)
		return 0;
	if (len + 1 < s.len && s.p[len] == '.' && is_word_char(s.p[len + 1]))
		return 0;
	return len < s.len && is_word_char(s.p[len]) ? 0 : len;
}

static struct batv_span skip_any(struct batv_span s, const char *chars)
{
	while (s.len > 0 && s.p[0] != '\0' && strchr(chars, s.p[0]))
		s = batv_span_after(s, 1);
	return s;
}

/* Is the last word of s one of the list? */
static bool ends_with_any(struct batv_span s, const char *list)
{
	size_t begin = s.len;

	while (begin > 0 && is_word_char(s.p[begin - 1]))
		begin--;
	return batv_span_is_any(batv_span_after(s, begin), list);
}

/* "<bob@x>:", "mx.x [192.0.2.1]:", "mx.x:": an address or a host that answers. */
static bool ends_with_server(struct batv_span s)
{
	size_t begin = s.len;
	bool dot = false;

	if (s.len > 1 && (s.p[s.len - 1] == '>' || s.p[s.len - 1] == ']'))
		return true;
	while (begin > 0 && (is_word_char(s.p[begin - 1]) || strchr(".@", s.p[begin - 1])) &&
	       s.p[begin - 1] != '\0') {
		begin--;
		if (s.p[begin] == '@')
			return begin + 1 < s.len;
		dot = dot || (s.p[begin] == '.' && begin + 1 < s.len);
	}
	return dot && s.p[begin] != '.' && batv_is_letter(s.p[s.len - 1]);
}

/* Do the words before a number say that it is a code? */
static bool is_named(struct batv_span before, bool status)
{
	static const char words[] = "said\0error\0code\0returned\0response\0reply\0responded\0"
				    "answered\0smtp\0esmtp\0diagnostic-code\0";
	bool colon = false;

	if (before.len > BEFORE_MAX)
		before = batv_span_after(before, before.len - BEFORE_MAX);
	if (status && before.len > 0 && before.p[before.len - 1] == '#')
		return true;
	while (before.len > 0 && before.p[before.len - 1] != '\0' &&
	       strchr(" \t:;=,#(\"'", before.p[before.len - 1])) {
		colon = colon || before.p[before.len - 1] == ':';
		before.len--;
	}
	if (ends_with_any(before, words) || (status && ends_with_any(before, "status\0dsn\0")))
		return true;
	return colon && ends_with_server(before);
}

/* Does the text after a code begin as the answers of mail servers do? */
static bool is_answer(struct batv_span rest)
{
	static const char words[] =
		"user \0mailbox \0recipient \0address \0unknown \0relay\0no such \0not \0sorry\0"
		"invalid \0unrouteable \0unroutable \0unable \0requested \0permanent \0access \0"
		"account \0rejected\0sender \0service \0spam\0blocked\0quota \0denied\0"
		"delivery \0transaction \0verification \0over quota\0temporar\0<\0";
	size_t len = 0;

	rest = skip_any(rest, " \t-:)]");
	if (batv_span_begins_any(rest, words))
		return true;
	while (len < rest.len && len < 4 * WORD_MAX && !batv_is_space(rest.p[len]) &&
	       rest.p[len] != '@')
		len++;
	return len > 0 && len < rest.len && rest.p[len] == '@';
}

static bool begins_line(struct batv_span before)
{
	return skip_any(before, " \t<([*-\"'").len == 0;
}

static bool is_code(struct batv_span line, size_t at, size_t len, bool status)
{
	struct batv_span before = {line.p, at}, rest = batv_span_after(line, at + len);

	if (!status && status_len(skip_any(rest, " \t-#")) > 0)
		return true;
	return is_named(before, status) || (begins_line(before) && is_answer(rest));
}

bool batv_codes_in(struct batv_span line)
{
	for (size_t i = 0; i + 3 <= line.len; i++) {
		struct batv_span rest = batv_span_after(line, i);
		size_t status;

		if (rest.p[0] != '4' && rest.p[0] != '5')
			continue;
		if (i > 0 && (is_word_char(line.p[i - 1]) || strchr(".,/$", line.p[i - 1])) &&
		    line.p[i - 1] != '-')
			continue;
		status = status_len(rest);
		if (status > 0 ? is_code(line, i, status, true)
			       : is_reply(rest) && is_code(line, i, 3, false))
			return true;
	}
	return false;
}
