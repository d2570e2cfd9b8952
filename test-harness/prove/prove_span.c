/*
 * prove_span.c - base/span.c and base/days.h.
 */
#include <stdlib.h>

#include "base/days.h"
#include "prove.h"

static void one_text(size_t len)
{
	char text[PROVE_BYTES + 1], other[PROVE_BYTES + 1], out[4 * PROVE_BYTES + 16], small[9];
	struct batv_span s, o, rest, line;
	uint8_t bytes[PROVE_BYTES];
	uint64_t n;
	int64_t i;

	s = any_text(text, len);
	o = any_text(other, len);
	(void)batv_span_equal(s, o);
	MERGE(void) batv_span_equal_fold(s, o);
	MERGE(void) batv_span_begins(s, "prvs=");
	MERGE(void) batv_span_begins_fold(s, "prvs=");
	MERGE(void) batv_span_begins_any(s, "re\0aw\0");
	MERGE(void) batv_span_is_any(s, "yes\0no\0");
	MERGE(void) batv_span_has_control(s);
	MERGE(void) batv_span_trim(s);
	MERGE(void) batv_span_comment_len(s);
	MERGE(void) batv_span_to_u64(s, &n);
	MERGE(void) batv_span_to_i64(s, &i);
	MERGE(void) batv_fnv64(BATV_FNV_START, text, len);
	MERGE
	if (batv_span_to_bytes(s, bytes, len / 2))
		batv_bytes_to_hex(bytes, len / 2, out);
	MERGE(void) batv_number_at((const uint8_t *)text, (unsigned)(len < 8 ? len : 8));
	MERGE
	rest = s;
	(void)batv_span_next_word(&rest);
	MERGE
	rest = s;
	(void)batv_span_field(&rest);
	MERGE
	rest = s;
	(void)batv_span_next_line(&rest, &line);
	MERGE
	for (size_t size = 8; size < 12; size++) {
		batv_printable(s, out, size);
		MERGE
	}
	batv_printable(s, small, sizeof small);
	MERGE
	batv_printable(s, out, sizeof out);
	MERGE
}

int main(void)
{
	int64_t when = Frama_C_long_long_interval(INT64_MIN, INT64_MAX);

	(void)batv_day_of(when);
	for (size_t len = 0; len <= PROVE_BYTES; len++)
		one_text(len);
	return 0;
}
