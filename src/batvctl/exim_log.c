/*
 * exim_log.c - reads "<=" lines of Exim's main log.
 *
 *	2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 <= ann@example.org H=pc (helo) [192.0.2.1]
 *	P=esmtpsa X=... A=plain:ann S=512 id=a@b T="..." for bob@example.net
 *
 * Invariant: H=, U=, P= and A= count only in front of S=, which Exim writes behind them and before
 * Message-ID and subject; A= not behind DN= or SNI=, which are the client's own text; and a quoted
 * sender, which may hold blanks, is not read at all.
 */
#include <string.h>
#include <time.h>

#include "exim_log.h"

/* The next word of *rest; len 0: no more. */
static struct batv_span word(struct batv_span *rest)
{
	struct batv_span w;

	while (rest->len > 0 && *rest->p == ' ')
		rest->p++, rest->len--;
	w = (struct batv_span){rest->p, 0};
	while (w.len < rest->len && w.p[w.len] != ' ')
		w.len++;
	rest->p += w.len;
	rest->len -= w.len;
	return w;
}

static bool starts(struct batv_span s, const char *with)
{
	return s.len >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

static struct batv_span behind(struct batv_span s, size_t n)
{
	return (struct batv_span){s.p + n, s.len - n};
}

static bool number(struct batv_span s, size_t at, size_t len, int *out)
{
	uint64_t n;

	if (at + len > s.len || !batv_span_to_u64((struct batv_span){s.p + at, len}, &n))
		return false;
	*out = (int)n;
	return true;
}

/* 2026-11-22, 20:00:00 or 20:00:00.123 */
static bool read_date(struct batv_span date, struct batv_span clock, struct tm *tm)
{
	*tm = (struct tm){.tm_isdst = -1};
	if (date.len != 10 || date.p[4] != '-' || date.p[7] != '-' || clock.len < 8 ||
	    clock.p[2] != ':' || clock.p[5] != ':' || (clock.len > 8 && clock.p[8] != '.'))
		return false;
	if (!number(date, 0, 4, &tm->tm_year) || !number(date, 5, 2, &tm->tm_mon) ||
	    !number(date, 8, 2, &tm->tm_mday) || !number(clock, 0, 2, &tm->tm_hour) ||
	    !number(clock, 3, 2, &tm->tm_min) || !number(clock, 6, 2, &tm->tm_sec))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

/* +0100 */
static bool read_zone(struct batv_span s, int64_t *seconds)
{
	int hours, minutes;

	if (s.len != 5 || (s.p[0] != '+' && s.p[0] != '-') || !number(s, 1, 2, &hours) ||
	    !number(s, 3, 2, &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * INT64_C(60) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

/* Date, zone, process, the message's own name, "<=". */
static bool read_head(struct batv_span *rest, int64_t *when)
{
	struct batv_span date = word(rest), clock = word(rest), w = word(rest);
	int64_t zone;
	struct tm tm;

	if (!read_date(date, clock, &tm))
		return false;
	if (read_zone(w, &zone)) {
		*when = (int64_t)timegm(&tm) - zone;
		w = word(rest);
	} else {
		*when = (int64_t)mktime(&tm);
	}
	if (w.len > 0 && w.p[0] == '[')
		w = word(rest);
	return (w.len == 16 || w.len == 23) && w.p[6] == '-' &&
	       batv_span_equal(word(rest), batv_span_of("<="));
}

static void read_address(struct batv_span w, struct batv_arrival *a)
{
	const char *end = memchr(w.p, ']', w.len);

	if (end)
		a->host_address = (struct batv_span){w.p + 1, (size_t)(end - w.p) - 1};
}

/* Where it came from, up to S=. */
static bool read_origin(struct batv_span *rest, struct batv_arrival *a)
{
	bool host = false, strange = false, ended = false;
	struct batv_span w;

	while (!ended && (w = word(rest)).len > 0) {
		if (starts(w, "H=")) {
			host = true;
			w = behind(w, 2);
			if (w.len > 0 && w.p[0] != '[' && w.p[0] != '(')
				a->host_name = w;
		}
		if (w.len > 0 && w.p[0] == '[' && host)
			read_address(w, a);
		strange = strange || starts(w, "DN=") || starts(w, "SNI=");
		a->authenticated = a->authenticated || (starts(w, "A=") && !strange);
		ended = starts(w, "S=");
	}
	return ended && (!host || a->host_address.len > 0);
}

/* Behind T=": up to the quote that ends it. */
static void skip_quoted(struct batv_span *rest, struct batv_span w)
{
	const char *p = w.p + 3, *end = rest->p + rest->len;

	while (p < end && *p != '"')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	if (p < end)
		p++;
	*rest = (struct batv_span){p, (size_t)(end - p)};
}

static void read_rest(struct batv_span rest, struct batv_arrival *a)
{
	struct batv_span w;

	while ((w = word(&rest)).len > 0 && !batv_span_equal(w, batv_span_of("for"))) {
		if (starts(w, "id=") && a->id.len == 0)
			a->id = behind(w, 3);
		else if (starts(w, "T=\""))
			skip_quoted(&rest, w);
	}
	while (a->n_recipients < BATV_ARRIVAL_RCPTS && (w = word(&rest)).len > 0)
		a->recipients[a->n_recipients++] = w;
}

bool batv_exim_log_arrival(struct batv_span line, struct batv_arrival *out)
{
	struct batv_span rest = line;
	struct batv_arrival a;

	memset(&a, 0, sizeof a);
	if (!read_head(&rest, &a.when))
		return false;
	a.sender = word(&rest);
	if (a.sender.len == 0 || a.sender.p[0] == '"' || a.sender.p[0] == '<')
		return false;
	if (!read_origin(&rest, &a))
		return false;
	read_rest(rest, &a);
	*out = a;
	return true;
}
