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
bool batv_is_digit(char c);
int batv_hex_value(char c); /* 0..15, either case; -1: no hex digit */
bool batv_span_equal(struct batv_span a, struct batv_span b);
bool batv_span_equal_fold(struct batv_span a, struct batv_span b);

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
