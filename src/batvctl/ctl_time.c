/*
 * ctl_time.c - parses and prints batvctl's times.
 *
 * This is pure: "now" is an argument.  Invariant: batv_ctl_time_format() prints the same second
 * that was parsed.  A day that is not in the calendar is refused, not moved.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/days.h"
#include "ctl_time.h"
#include "decide/policy.h"

/* Exactly n digits; moves on. */
static bool take_digits(const char **p, int n, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (!batv_is_digit(**p))
			return false;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return true;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool parse_clock(const char **p, struct tm *tm)
{
	if (**p != ' ' && **p != 'T')
		return **p == '\0';
	(*p)++;
	if (!take_digits(p, 2, &tm->tm_hour) || !take_char(p, ':') ||
	    !take_digits(p, 2, &tm->tm_min))
		return false;
	if (take_char(p, ':') && !take_digits(p, 2, &tm->tm_sec))
		return false;
	take_char(p, 'Z');
	return **p == '\0';
}

static bool parse_date(const char *p, int64_t *out)
{
	struct tm tm = {0}, back;
	time_t when;

	if (!take_digits(&p, 4, &tm.tm_year) || !take_char(&p, '-') ||
	    !take_digits(&p, 2, &tm.tm_mon) || !take_char(&p, '-') ||
	    !take_digits(&p, 2, &tm.tm_mday) || !parse_clock(&p, &tm))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	when = timegm(&back); /* moves a date that does not exist, so that it differs */
	if (when < 0 || back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon ||
	    back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min ||
	    back.tm_sec != tm.tm_sec)
		return false;
	*out = (int64_t)when;
	return true;
}

bool batv_ctl_time_parse(const char *text, int64_t now, int64_t *out)
{
	struct batv_span rest = batv_span_of(*text ? text + 1 : text);
	int64_t value;

	if (strcmp(text, "now") == 0)
		value = now;
	else if (*text == '+') {
		if (!batv_duration_parse(rest, &value) || value > BATV_TIME_MAX - now)
			return false;
		value += now;
	} else if (*text == '-') {
		if (!batv_duration_parse(rest, &value) || value > now)
			return false;
		value = now - value;
	} else if (*text == '@') {
		if (!batv_span_to_i64(rest, &value))
			return false;
	} else if (!parse_date(text, &value))
		return false;
	if (value < 0 || value > BATV_TIME_MAX)
		return false;
	*out = value;
	return true;
}

void batv_ctl_time_format(int64_t when, char *out, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (when <= 0 || when > BATV_TIME_MAX || !gmtime_r(&t, &tm) ||
	    !strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, size, "never");
}
