/*
 * span.h - a piece of somebody else's text: pointer and length, and the few
 * things that are done with it.  Nothing here allocates or needs a NUL.
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

/* ASCII only, whatever the locale. */
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

/* May it stand in an address without quotes?  "." may, and so may bytes above 127: RFC 6531. */
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
 * Three sets of white space, each larger than the one before.  None has the vertical tab and the
 * form feed, which the locale's isspace() has.
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

int batv_hex_value(char c); /* 0..15, either case; -1: no hex digit */
bool batv_span_equal(struct batv_span a, struct batv_span b);
bool batv_span_equal_fold(struct batv_span a, struct batv_span b);

/* Does s begin with the text?  The second one takes letters in either case, in both. */
bool batv_span_begins(struct batv_span s, const char *text);
bool batv_span_begins_fold(struct batv_span s, const char *text);

/* Is there a control character in it?  A NUL is one. */
bool batv_span_has_control(struct batv_span s);

/* What lies from begin up to end; end itself is not part of it. */
static inline struct batv_span batv_span_between(const char *begin, const char *end)
{
	return (struct batv_span){begin, (size_t)(end - begin)};
}

/* At most the first max bytes. */
static inline struct batv_span batv_span_cut(struct batv_span s, size_t max)
{
	if (s.len > max)
		s.len = max;
	return s;
}

/* Without white space (batv_is_space()) at both ends. */
struct batv_span batv_span_trim(struct batv_span s);

/*
 * The next word of a line: up to the next blank (batv_is_blank()), without the blanks before it.
 * *rest then begins right after the word.  At the end of the line the word has length 0.
 */
struct batv_span batv_span_next_word(struct batv_span *rest);

/*
 * The next line, without its LF; a CR before that is part of the line.  *rest then begins after the
 * LF.  False, with *line untouched, when nothing is left; so no empty line follows the last LF.
 */
bool batv_span_next_line(struct batv_span *rest, struct batv_span *line);

/*
 * How many bytes the comment has that s begins with, its parentheses included.  Comments nest, and
 * after a backslash a character has no meaning (RFC 5322).  One that is never closed goes to the
 * end. s.p[0] must be '('.
 */
size_t batv_span_comment_len(struct batv_span s);

/* The whole span or nothing: decimal digits only, no sign; *out is written on success only. */
bool batv_span_to_u64(struct batv_span s, uint64_t *out);
bool batv_span_to_i64(struct batv_span s, int64_t *out); /* "-" allowed in front */

/* 2 * n hex digits in either case to n bytes; false (out untouched) for anything else. */
bool batv_span_to_bytes(struct batv_span s, uint8_t *out, size_t n);
/* n bytes as 2 * n lower-case hex digits and a NUL. */
void batv_bytes_to_hex(const uint8_t *bytes, size_t n, char *out);

/* A number of up to 8 bytes, the lowest first. */
uint64_t batv_number_at(const uint8_t *p, unsigned bytes);

/*
 * Copy untrusted text for a log line or a header: bytes outside 0x21..0x7e and
 * '\\', '<', '>' become \xNN; what does not fit is cut and ends in "...".  out is always
 * NUL-terminated; size >= 8.
 */
void batv_printable(struct batv_span s, char *out, size_t size);

/* FNV-1a, 64 bits.  Any change of one byte changes the result: every step is a bijection. */
#define BATV_FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t batv_fnv64(uint64_t start, const void *data, size_t len);

#endif
