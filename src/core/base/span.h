/*
 * span.h - a piece of text that belongs to somebody else: a pointer and a length, and a few
 * functions for it.  Nothing here allocates or needs a NUL.
 */
#ifndef BATV_BASE_SPAN_H
#define BATV_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batv_span {
	const char *p; /* borrowed; not NUL-terminated */
	size_t len;    /* bytes */
};

struct batv_span batv_span_of(const char *s); /* NULL counts as "" */

/* ASCII only, in every locale. */
static inline char batv_fold(char c) /* 'A'..'Z' to lower case */
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
static inline bool batv_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool batv_is_letter(char c) /* in either case */
{
	c = batv_fold(c);
	return c >= 'a' && c <= 'z';
}
static inline bool batv_is_alnum(char c) /* a letter or a digit */
{
	return batv_is_letter(c) || batv_is_digit(c);
}
static inline bool batv_is_control(char c) /* 0x00 to 0x1f, and 0x7f */
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}
static inline bool batv_is_name_char(char c) /* a letter, a digit, "-" or "_" */
{
	return batv_is_alnum(c) || c == '-' || c == '_';
}

/*
 * May the character appear in an address without quotes?  "." may.  So may bytes above 127, by RFC
 * 6531.
 */
static inline bool batv_is_atext(char c)
{
	switch (c) { /* strchr() would cost an eighth of a verification */
	case ' ':
	case '(':
	case ')':
	case '<':
	case '>':
	case '[':
	case ']':
	case ':':
	case ';':
	case '@':
	case '\\':
	case ',':
	case '"': return false;
	default: return !batv_is_control(c);
	}
}

/*
 * Three sets of white space, each larger than the one before.  Unlike the locale's isspace(), none
 * of them has the vertical tab or the form feed.
 */
static inline bool batv_is_wsp(char c) /* RFC 5322's WSP: space and tab */
{
	return c == ' ' || c == '\t';
}
static inline bool batv_is_blank(char c) /* and CR: within a line that may end in CRLF */
{
	return batv_is_wsp(c) || c == '\r';
}
static inline bool batv_is_space(char c) /* and LF: across lines */
{
	return batv_is_blank(c) || c == '\n';
}

int batv_hex_value(char c); /* 0..15, either case; -1: not a hex digit */
bool batv_span_equal(struct batv_span a, struct batv_span b);
bool batv_span_equal_fold(struct batv_span a, struct batv_span b);

/* Does s begin with the text?  The second function ignores case. */
bool batv_span_begins(struct batv_span s, const char *text);
bool batv_span_begins_fold(struct batv_span s, const char *text);

/*
 * The same for a list of texts, in lower case: each one ends in \0, and an empty one ends the list.
 * A list has no pointers, so nothing is relocated when a module is loaded.  Does s begin with any
 * of them?  Is it one of them?  Both ignore case.
 */
bool batv_span_begins_any(struct batv_span s, const char *list);
bool batv_span_is_any(struct batv_span s, const char *list);

/* Does it have a control character?  NUL counts as one. */
bool batv_span_has_control(struct batv_span s);

/* The text from begin up to, but not including, end. */
static inline struct batv_span batv_span_between(const char *begin, const char *end)
{
	return (struct batv_span){begin, (size_t)(end - begin)};
}

/* The first max bytes, or all if there are fewer. */
static inline struct batv_span batv_span_cut(struct batv_span s, size_t max)
{
	if (s.len > max)
		s.len = max;
	return s;
}

/* What comes after the first n bytes; there are that many. */
static inline struct batv_span batv_span_after(struct batv_span s, size_t n)
{
	return (struct batv_span){s.p + n, s.len - n};
}

/* The span without white space (batv_is_space()) at both ends. */
struct batv_span batv_span_trim(struct batv_span s);

/*
 * Returns the next word of a line.  Blanks (batv_is_blank()) before the word are skipped, and it
 * ends at the next blank.  *rest then begins right after the word.  At the end of the line the word
 * has length 0.
 */
struct batv_span batv_span_next_word(struct batv_span *rest);

/*
 * Takes the next line, without its LF; a CR before the LF is part of the line.  *rest then begins
 * after the LF.  Returns false, with *line untouched, if nothing is left; so no empty line follows
 * the last LF.
 */
bool batv_span_next_line(struct batv_span *rest, struct batv_span *line);

/*
 * Returns the length of the comment at the start of s, with its parentheses.  s.p[0] must be '('.
 * Comments nest, and a backslash quotes the next character (RFC 5322).  A comment that is never
 * closed ends with s.
 */
size_t batv_span_comment_len(struct batv_span s);

/* Read the whole span as decimal digits, without a sign.  They write *out on success only. */
bool batv_span_to_u64(struct batv_span s, uint64_t *out);
bool batv_span_to_i64(struct batv_span s, int64_t *out); /* may begin with "-" */

/*
 * Converts 2 * n hex digits in either case to n bytes.  Returns false for anything else, with out
 * untouched.
 */
bool batv_span_to_bytes(struct batv_span s, uint8_t *out, size_t n);
/* Writes n bytes as 2 * n lower-case hex digits and a NUL. */
void batv_bytes_to_hex(const uint8_t *bytes, size_t n, char *out);

/* A number of up to 8 bytes, lowest byte first. */
uint64_t batv_number_at(const uint8_t *p, unsigned bytes);

/*
 * Copies untrusted text for a log line or a header.  Bytes outside 0x21..0x7e and '\\', '<', '>'
 * become \xNN.  Text that does not fit is cut and ends in "...".  out is always NUL-terminated;
 * size must be at least 8.
 */
void batv_printable(struct batv_span s, char *out, size_t size);

/* FNV-1a, 64 bits.  Changing any one byte changes the result, because every step is a bijection. */
#define BATV_FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t batv_fnv64(uint64_t start, const void *data, size_t len);

/* Takes the next field of *rest, up to a single space or the end. */
struct batv_span batv_span_field(struct batv_span *rest);

#endif
