/*
 * legacy.c - reads the keys of an older ${prvs} or batv-tools installation.  They verify, but never
 * sign.
 *
 * Invariant: the ring is written only if every line is correct.  No error shows a key.
 */
#include "legacy.h"

#include <string.h>

#include "base/days.h"
#include "base/hmac.h"

#define EXPECTED "expected \"until YYYY-MM-DD text SECRET\" or \"until YYYY-MM-DD hex DIGITS\""

static bool number_at(struct batv_span s, size_t at, size_t n, int64_t *out)
{
	return batv_span_to_i64((struct batv_span){s.p + at, n}, out);
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_days(int64_t year, int64_t month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Converts YYYY-MM-DD to the first second after that day. */
static bool end_of_day(struct batv_span s, int64_t *out)
{
	int64_t year, month, day, n = 0;

	if (s.len != 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	if (!number_at(s, 0, 4, &year) || !number_at(s, 5, 2, &month) || !number_at(s, 8, 2, &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	for (int64_t y = 1970; y < year; y++)
		n += is_leap(y) ? 366 : 365;
	for (int64_t m = 1; m < month; m++)
		n += month_days(year, m);
	*out = (n + day) * BATV_DAY;
	return true;
}

/* Returns NULL, or the text that was expected. */
static const char *read_key(struct batv_span line, struct batv_legacy_key *key)
{
	struct batv_span until = batv_span_next_word(&line), date = batv_span_next_word(&line);
	struct batv_span form = batv_span_next_word(&line);

	line = batv_span_trim(line);
	if (!batv_span_equal(until, batv_span_of("until")) || line.len == 0)
		return EXPECTED;
	if (!end_of_day(date, &key->until))
		return "expected a day such as 2026-12-31 after \"until\"";
	if (batv_span_equal(form, batv_span_of("text"))) {
		if (line.len > sizeof key->bytes)
			return "expected a key of at most 64 characters";
		memcpy(key->bytes, line.p, line.len);
		key->len = (uint8_t)line.len;
		return NULL;
	}
	if (!batv_span_equal(form, batv_span_of("hex")))
		return EXPECTED;
	if (line.len % 2 != 0 || line.len > 2 * sizeof key->bytes ||
	    !batv_span_to_bytes(line, (uint8_t *)key->bytes, line.len / 2))
		return "expected an even number of hex digits, at most 128";
	key->len = (uint8_t)(line.len / 2);
	return NULL;
}

static enum batv_err read_lines(struct batv_span text, struct batv_keyring *ring, unsigned *line,
				const char **why)
{
	struct batv_span s;

	for (*line = 1; batv_span_next_line(&text, &s); ++*line) {
		s = batv_span_trim(s);
		if (s.len == 0 || s.p[0] == '#')
			continue;
		if (ring->n_legacy == BATV_LEGACY_MAX) {
			*why = "expected at most 8 keys";
			return BATV_E_FULL;
		}
		*why = read_key(s, &ring->legacy[ring->n_legacy]);
		if (*why)
			return BATV_E_SYNTAX;
		ring->n_legacy++;
	}
	return BATV_OK;
}

enum batv_err batv_legacy_parse(const char *text, size_t len, struct batv_keyring *ring,
				unsigned *line, const char **why)
{
	struct batv_keyring fresh = {0};
	enum batv_err err = read_lines((struct batv_span){text, len}, &fresh, line, why);

	if (err == BATV_OK) {
		ring->n_legacy = fresh.n_legacy;
		memcpy(ring->legacy, fresh.legacy, sizeof ring->legacy);
	}
	batv_wipe(&fresh, sizeof fresh);
	return err;
}
