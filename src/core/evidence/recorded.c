/*
 * recorded.c - reads the recipient out of a header field of a server before us.
 *
 * Pure.  The work is linear, and at most BATV_RECORDED_MAX bytes of a field are read.
 */
#include "evidence/recorded.h"

/* Returns the length of the quoted string at the start of s, with its quotes. */
static size_t quoted_len(struct batv_span s)
{
	size_t i = 1;

	while (i < s.len && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.len ? i + 1 : s.len;
}

/* Takes the next word of a Received field.  Comments and quoted strings are no words. */
static struct batv_span next_word(struct batv_span *rest)
{
	size_t i = 0, begin;

	while (i < rest->len) {
		struct batv_span here = {rest->p + i, rest->len - i};

		if (*here.p == '(')
			i += batv_span_comment_len(here);
		else if (*here.p == '"')
			i += quoted_len(here);
		else if (batv_is_space(*here.p))
			i++;
		else
			break;
	}
	begin = i;
	while (i < rest->len && !batv_is_space(rest->p[i]) && rest->p[i] != '(' &&
	       rest->p[i] != ';') {
		struct batv_span here = {rest->p + i, rest->len - i};

		i += *here.p == '"' ? quoted_len(here) : 1;
	}
	struct batv_span word = {rest->p + begin, i - begin};

	rest->p += i, rest->len -= i;
	return word;
}

/* The part before the date is words in pairs: from, by, via, with, id, for. */
static bool find_for(struct batv_span value, struct batv_span *recipient)
{
	struct batv_span word;

	do {
		word = next_word(&value);
		if (batv_span_equal_fold(word, batv_span_of("for"))) {
			*recipient = next_word(&value);
			return recipient->len > 0;
		}
	} while (word.len > 0);
	return false;
}

enum batv_recorded batv_recorded_in(struct batv_header field, struct batv_span *recipient)
{
	static const struct {
		char name[16];
		enum batv_recorded which;
	} fields[] = {
		{"Delivered-To", BATV_RECORDED_DELIVERED_TO},
		{"X-Original-To", BATV_RECORDED_X_ORIGINAL_TO},
		{"Envelope-To", BATV_RECORDED_ENVELOPE_TO},
	};
	struct batv_span value = batv_span_cut(field.value, BATV_RECORDED_MAX), found;

	if (batv_span_equal_fold(field.name, batv_span_of("Received"))) {
		if (!find_for(value, &found))
			return BATV_RECORDED_NO;
		*recipient = found;
		return BATV_RECORDED_FOR;
	}
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (batv_span_equal_fold(field.name, batv_span_of(fields[i].name))) {
			*recipient = value;
			return fields[i].which;
		}
	return BATV_RECORDED_NO;
}
