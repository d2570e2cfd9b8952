/*
 * log_line.c - the head of a line of Exim's main log.
 *
 * Invariant: a text from a stranger never comes before what is taken here.
 */
#include <string.h>

#include "base/days.h"
#include "log_line.h"

static bool is_date_and_clock(const char *p)
{
	return p[4] == '-' && p[7] == '-' && p[10] == ' ' && p[13] == ':' && p[16] == ':' &&
	       batv_is_digit(p[0]) && batv_is_digit(p[9]) && batv_is_digit(p[11]);
}

/* ".123", " +0100", " [4711]": each may be missing.  Returns where the text after them begins. */
static size_t after_clock(struct batv_span line)
{
	const char *p = line.p;
	size_t at = 19;

	if (at < line.len && p[at] == '.')
		for (at++; at < line.len && batv_is_digit(p[at]); at++)
			;
	if (at + 7 < line.len && (p[at + 1] == '+' || p[at + 1] == '-') && p[at + 6] == ' ')
		at += 6;
	if (at + 2 < line.len && p[at + 1] == '[') {
		size_t end = at + 2;

		while (end < line.len && batv_is_digit(p[end]))
			end++;
		if (end < line.len && p[end] == ']')
			at = end + 1;
	}
	return at < line.len && p[at] == ' ' ? at + 1 : line.len;
}

static size_t id_len(struct batv_span s)
{
	if (s.len > 17 && s.p[6] == '-' && s.p[13] == '-' && s.p[16] == ' ')
		return 16;
	if (s.len > 24 && s.p[6] == '-' && s.p[18] == '-' && s.p[23] == ' ')
		return 23;
	return 0;
}

static enum batv_log_mark take_mark(struct batv_span *rest)
{
	static const char decided[] = "batv: verdict=";
	const char *p = rest->p;

	if (rest->len < 4)
		return BATV_LOG_ELSE;
	if (p[2] == ' ' && (p[1] == '=' || p[1] == '>')) {
		enum batv_log_mark mark =
			p[0] == '<' && p[1] == '=' ? BATV_LOG_ARRIVED
			: p[1] == '>' && (p[0] == '=' || p[0] == '-' || p[0] == '>')
				? BATV_LOG_DELIVERED
				: BATV_LOG_ELSE;
		*rest = batv_span_after(*rest, 3);
		return mark;
	}
	if (p[0] == 'b' && batv_span_begins(*rest, decided)) {
		*rest = batv_span_after(*rest, sizeof decided - 1 - strlen("verdict="));
		return BATV_LOG_DECIDED;
	}
	return BATV_LOG_ELSE;
}

/* At RCPT a message has no id, and our ACL's line has nothing before it (acl-rcpt.conf). */
static void take_unread(struct batv_log_line *out)
{
	static const char unread[] = "batv: flood=";

	if (out->rest.len == 0 || out->rest.p[0] != 'b' || !batv_span_begins(out->rest, unread))
		return;
	out->rest = batv_span_after(out->rest, strlen("batv: "));
	out->mark = BATV_LOG_UNREAD;
}

void batv_log_line_read(struct batv_span line, struct batv_log_line *out)
{
	size_t at, id;

	*out = (struct batv_log_line){.mark = BATV_LOG_NO_LINE,
				      .id = batv_span_cut(line, 0),
				      .rest = batv_span_cut(line, 0)};
	if (line.len < 20 || !is_date_and_clock(line.p))
		return;
	out->date = (struct batv_span){line.p, 10};
	out->clock = (struct batv_span){line.p + 11, 8};
	at = line.len > 20 && line.p[19] == ' ' && line.p[20] != '[' && line.p[20] != '+' &&
			     line.p[20] != '-'
		     ? 20
		     : after_clock(line);
	out->rest = batv_span_after(line, at);
	id = id_len(out->rest);
	out->mark = BATV_LOG_ELSE;
	if (id == 0) {
		take_unread(out);
		return;
	}
	out->id = batv_span_cut(out->rest, id);
	out->rest = batv_span_after(out->rest, id + 1);
	out->mark = take_mark(&out->rest);
}

/* ---- times ---- */

static bool two(const char *p, int64_t *out)
{
	*out = (p[0] - '0') * 10 + (p[1] - '0');
	return batv_is_digit(p[0]) && batv_is_digit(p[1]);
}

bool batv_log_line_day(struct batv_span date, int64_t *out)
{
	int64_t century, year, month, day;

	if (date.len != 10 || !two(date.p, &century) || !two(date.p + 2, &year) ||
	    !two(date.p + 5, &month) || !two(date.p + 8, &day) || month < 1 || month > 12 ||
	    day < 1 || day > 31)
		return false;
	/* Days in the years and months before, counted from a March (Howard Hinnant's algorithm).
	 */
	year += century * 100 - (month <= 2);
	*out = year * 365 + year / 4 - year / 100 + year / 400 +
	       (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
	return true;
}

bool batv_log_line_seconds(const struct batv_log_line *line, int64_t *out)
{
	int64_t day, hours, minutes, seconds;

	if (!batv_log_line_day(line->date, &day) || !two(line->clock.p, &hours) ||
	    !two(line->clock.p + 3, &minutes) || !two(line->clock.p + 6, &seconds))
		return false;
	*out = day * BATV_DAY + hours * 3600 + minutes * 60 + seconds;
	return true;
}

/* ---- fields ---- */

/* The end of a quoted string that begins at `at`, or the end of the text. */
static size_t after_quoted(struct batv_span s, size_t at)
{
	for (at++; at < s.len && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.len ? at + 1 : s.len;
}

struct batv_span batv_log_line_address(struct batv_span *rest)
{
	const char *blank = rest->len ? memchr(rest->p, ' ', rest->len) : NULL;
	size_t n = blank ? (size_t)(blank - rest->p) : rest->len;
	struct batv_span address = *rest;

	if (n > 0 && memchr(rest->p, '"', n))
		for (n = 0; n < rest->len && rest->p[n] != ' ';)
			n = rest->p[n] == '"' ? after_quoted(*rest, n) : n + 1;
	address.len = n;
	*rest = batv_span_after(*rest, n < rest->len ? n + 1 : n);
	return address;
}

/* Where the field H= begins; quoted strings are passed over.  Nearly all lines have none before it.
 */
static bool to_host(struct batv_span *fields)
{
	const char *at = memmem(fields->p, fields->len, " H=", 3);

	if (batv_span_begins(*fields, "H="))
		return true;
	if (!at)
		return false;
	if (!memchr(fields->p, '"', (size_t)(at - fields->p))) {
		*fields = batv_span_between(at + 1, fields->p + fields->len);
		return true;
	}
	while (fields->len > 0) {
		if (batv_span_begins(*fields, "H="))
			return true;
		(void)batv_log_line_address(fields);
	}
	return false;
}

bool batv_log_line_peer(struct batv_span fields, struct batv_log_peer *out)
{
	struct batv_log_peer peer = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct batv_span word;
	const char *end;

	if (!to_host(&fields))
		return false;
	word = batv_span_after(batv_log_line_address(&fields), 2);
	if (word.len > 0 && word.p[0] != '[' && word.p[0] != '(') {
		peer.name = word;
		word = batv_log_line_address(&fields);
	}
	while (word.len == 0 || word.p[0] == '(') {
		if (word.len > 2 && peer.helo.len == 0)
			peer.helo = (struct batv_span){word.p + 1, word.len - 2};
		if (fields.len == 0)
			return false;
		word = batv_log_line_address(&fields);
	}
	end = word.len > 2 && word.p[0] == '[' ? memchr(word.p, ']', word.len) : NULL;
	if (!end)
		return false;
	peer.address = batv_span_between(word.p + 1, end);
	*out = peer;
	return true;
}

bool batv_log_line_host(struct batv_span fields, struct batv_span *out)
{
	struct batv_log_peer peer;

	if (!batv_log_line_peer(fields, &peer))
		return false;
	*out = peer.address;
	return true;
}

bool batv_log_line_is_id(struct batv_span s)
{
	const size_t second = s.len == 16 ? 13 : 18;

	if (s.len != 16 && s.len != 23)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 6 || i == second;

		if (dash ? s.p[i] != '-' : !batv_is_alnum(s.p[i]))
			return false;
	}
	return true;
}
