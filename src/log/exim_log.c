/*
 * exim_log.c - reads "<=" lines of Exim's main log.
 *
 *	2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 <= ann@example.org H=pc (helo) [192.0.2.1]
 *	P=esmtpsa X=... A=plain:ann S=512 id=a@b T="..." from <ann@example.org> for bob@example.net
 *
 * Senders, recipients, HELO names, idents, certificate names, Message-IDs and subjects are text
 * from strangers, and Exim escapes only some of them.  Two rules keep a stranger from ending one
 * field and starting another.  First, fields must come in Exim's order, each at most once, with
 * P= and S= present: a forged field is followed by the true one, which makes the line odd.  Second,
 * a quote or a backslash is allowed only where Exim writes quoted strings: an extra quote makes
 * all later quotes pair wrongly, and the last one is never closed.
 */
#include <string.h>
#include <time.h>

#include "exim_log.h"
#include "log_line.h"

static void skip(struct batv_span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

/* Up to the next blank; len 0: none.  The blank stays. */
static struct batv_span first_word(struct batv_span rest)
{
	const char *blank = rest.len ? memchr(rest.p, ' ', rest.len) : NULL;

	return (struct batv_span){rest.p, blank ? (size_t)(blank - rest.p) : rest.len};
}

/* Takes the next word, and the one blank after it. */
static struct batv_span next_word(struct batv_span *rest)
{
	struct batv_span w = first_word(*rest);

	skip(rest, w.len < rest->len ? w.len + 1 : w.len);
	return w;
}

/* ---- the head ---- */

static bool digits_at(struct batv_span s, size_t at, size_t len, int *out)
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
	if (!digits_at(date, 0, 4, &tm->tm_year) || !digits_at(date, 5, 2, &tm->tm_mon) ||
	    !digits_at(date, 8, 2, &tm->tm_mday) || !digits_at(clock, 0, 2, &tm->tm_hour) ||
	    !digits_at(clock, 3, 2, &tm->tm_min) || !digits_at(clock, 6, 2, &tm->tm_sec))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

/* +0100 */
static bool read_zone(struct batv_span s, int64_t *seconds)
{
	int hours, minutes;

	if (s.len != 5 || (s.p[0] != '+' && s.p[0] != '-') || !digits_at(s, 1, 2, &hours) ||
	    !digits_at(s, 3, 2, &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * INT64_C(60) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

static bool read_time(struct batv_span *rest, int64_t *when)
{
	struct batv_span date = next_word(rest), clock = next_word(rest);
	int64_t zone;
	struct tm tm;

	if (!read_date(date, clock, &tm))
		return false;
	if (read_zone(first_word(*rest), &zone)) {
		*when = (int64_t)timegm(&tm) - zone;
		next_word(rest);
	} else {
		*when = (int64_t)mktime(&tm);
	}
	return true;
}

/* [123] */
static bool is_process(struct batv_span w)
{
	uint64_t n;

	return w.len > 2 && w.p[0] == '[' && w.p[w.len - 1] == ']' &&
	       batv_span_to_u64((struct batv_span){w.p + 1, w.len - 2}, &n);
}

/*
 * Skips "Nov 22 20:00:00 host exim[123]: " or "2026-11-22T20:00:00+01:00 host exim[123]: ".  The
 * tag must be Exim's, because other programs log strangers' text to the same file.
 */
static void skip_syslog(struct batv_span *line)
{
	struct batv_span rest = *line, w = next_word(&rest), tag;

	if (w.len == 3) {
		if (rest.len > 0 && rest.p[0] == ' ') /* "Nov  2" */
			skip(&rest, 1);
		next_word(&rest);
		next_word(&rest);
	} else if (w.len < 19 || w.p[10] != 'T') {
		return;
	}
	next_word(&rest);
	tag = next_word(&rest);
	if (batv_span_begins(tag, "exim") && tag.p[tag.len - 1] == ':')
		*line = rest;
}

/* ---- texts ---- */

/* A quoted string, with its quotes; what `\` precedes is part of it if pairs.  0: none. */
static size_t quoted_len(struct batv_span s, bool pairs)
{
	size_t n = 1;

	if (s.len == 0 || s.p[0] != '"')
		return 0;
	while (n < s.len && s.p[n] != '"')
		n += pairs && s.p[n] == '\\' ? 2 : 1;
	return n < s.len ? n + 1 : 0;
}

/* What may stand in an address without quotes, on either side of "@". */
static size_t atoms_len(struct batv_span s)
{
	size_t n = 0;

	while (n < s.len && !strchr(" \"\\<>()[]@,;:", s.p[n]))
		n++;
	return n;
}

static size_t local_part(struct batv_span s)
{
	size_t n = 0, more;

	do {
		struct batv_span rest = {s.p + n, s.len - n};

		more = quoted_len(rest, true);
		if (more == 0)
			more = atoms_len(rest);
		else if (n > 0 && s.p[n - 1] != '.')
			return 0;
		else if (more < rest.len && !strchr(".@ >", rest.p[more]))
			return 0;
		n += more;
	} while (more > 0);
	return n;
}

static size_t domain_literal(struct batv_span s)
{
	size_t n = 1;

	while (n < s.len && !strchr(" \"\\[]", s.p[n]))
		n++;
	return n < s.len && s.p[n] == ']' ? n + 1 : 0;
}

/* local-part@domain; the domain may be missing if bare.  0: none. */
static size_t address_len(struct batv_span s, bool bare)
{
	size_t n = local_part(s), domain;
	struct batv_span rest;

	if (n == 0 || n == s.len || s.p[n] != '@')
		return bare ? n : 0;
	rest = (struct batv_span){s.p + n + 1, s.len - n - 1};
	domain = rest.len > 0 && rest.p[0] == '[' ? domain_literal(rest) : atoms_len(rest);
	return domain > 0 ? n + 1 + domain : 0;
}

/* n bytes that are a whole word; it and the blank after it are taken off. */
static bool take_bytes(struct batv_span *rest, size_t n, struct batv_span *out)
{
	if (n == 0 || (n < rest->len && rest->p[n] != ' '))
		return false;
	*out = (struct batv_span){rest->p, n};
	skip(rest, n < rest->len ? n + 1 : n);
	return true;
}

/* ---- fields ---- */

/* NAME=word.  False: the next one is another field. */
static bool take_plain_field(struct batv_span *rest, const char *name, struct batv_span *value)
{
	struct batv_span w = first_word(*rest);

	if (!batv_span_begins(w, name) || memchr(w.p, '"', w.len))
		return false;
	next_word(rest);
	skip(&w, strlen(name));
	*value = w;
	return true;
}

/* NAME=, then n bytes that are whole. */
static bool take_whole_field(struct batv_span *rest, const char *name,
			     size_t (*of)(struct batv_span), struct batv_span *value)
{
	struct batv_span at = *rest;

	if (!batv_span_begins(at, name))
		return false;
	skip(&at, strlen(name));
	if (!take_bytes(&at, of(at), value))
		return false;
	*rest = at;
	return true;
}

static size_t subject_len(struct batv_span s)
{
	return quoted_len(s, true);
}
static size_t peer_name(struct batv_span s)
{
	return quoted_len(s, false);
}
static size_t message_id(struct batv_span s)
{
	return address_len(s, true);
}

static bool take_flag(struct batv_span *rest, const char *name)
{
	if (!batv_span_equal(first_word(*rest), batv_span_of(name)))
		return false;
	next_word(rest);
	return true;
}

/* "[192.0.2.1]" or "[192.0.2.1]:4711" */
static bool read_host_address(struct batv_span *rest, struct batv_span *out)
{
	struct batv_span w = next_word(rest);
	size_t end = 1;
	uint64_t port;

	while (end < w.len && (batv_hex_value(w.p[end]) >= 0 || strchr(".:", w.p[end])))
		end++;
	if (w.len < 4 || w.p[0] != '[' || end >= w.len || w.p[end] != ']')
		return false;
	*out = (struct batv_span){w.p + 1, end - 1};
	skip(&w, end + 1);
	return w.len == 0 ||
	       (w.p[0] == ':' && batv_span_to_u64((struct batv_span){w.p + 1, w.len - 1}, &port));
}

/* H=name (helo) [address]; all but the last may be missing */
static bool read_host(struct batv_span *rest, struct batv_arrival *a)
{
	struct batv_span w, there;

	skip(rest, strlen("H="));
	w = first_word(*rest);
	if (w.len > 0 && !strchr("([", w.p[0]))
		a->host_name = next_word(rest);
	if (a->host_name.len > 0 && memchr(w.p, '"', w.len))
		return false;
	w = first_word(*rest);
	if (w.len > 2 && w.p[0] == '(' && w.p[w.len - 1] == ')' && !memchr(w.p, '"', w.len))
		next_word(rest);
	return read_host_address(rest, &a->host_address) &&
	       (!batv_span_begins(*rest, "I=") ||
		(skip(rest, strlen("I=")), read_host_address(rest, &there)));
}

/* Reads from R= to P=, and how the commands were pipelined. */
static bool read_origin(struct batv_span *rest, struct batv_arrival *a)
{
	static const char *const pipelined[] = {"L", "L-", "L*", "L*-", "L.", "L.-"};
	struct batv_span ignored;

	(void)take_plain_field(rest, "R=", &ignored);
	(void)take_flag(rest, "DS");
	if (batv_span_begins(*rest, "H=") && !read_host(rest, a))
		return false;
	(void)(take_flag(rest, "TFO") || take_flag(rest, "TFO*"));
	(void)take_plain_field(rest, "U=", &ignored); /* never a proof of anything */
	(void)take_plain_field(rest, "Ci=", &ignored);
	if (!take_plain_field(rest, "P=", &ignored))
		return false;
	for (size_t i = 0; i < sizeof pipelined / sizeof pipelined[0]; i++)
		if (take_flag(rest, pipelined[i]))
			break;
	return true;
}

/* Reads from X= to Q=: the session, what it proved, and the size. */
static bool read_session(struct batv_span *rest, struct batv_arrival *a)
{
	struct batv_span ignored;
	uint64_t size;

	(void)take_plain_field(rest, "X=", &ignored);
	(void)take_plain_field(rest, "CV=", &ignored);
	(void)take_whole_field(rest, "DN=", peer_name, &ignored);
	(void)take_plain_field(rest, "SNI=", &ignored);
	a->authenticated = take_plain_field(rest, "A=", &ignored) && ignored.len > 0;
	(void)take_flag(rest, "PRDR");
	(void)take_plain_field(rest, "PRX=", &ignored);
	(void)take_flag(rest, "K");
	if (!take_plain_field(rest, "S=", &ignored) || !batv_span_to_u64(ignored, &size))
		return false;
	(void)take_plain_field(rest, "M8S=", &ignored);
	(void)take_plain_field(rest, "DKIM=", &ignored);
	(void)take_flag(rest, "ARC");
	(void)take_plain_field(rest, "RT=", &ignored);
	(void)take_plain_field(rest, "Q=", &ignored);
	return true;
}

static bool read_recipients(struct batv_span *rest, struct batv_arrival *a)
{
	const bool bare = a->host_address.len == 0; /* then it comes from a command line */
	struct batv_span rcpt;

	while (rest->len > 0) {
		if (!take_bytes(rest, address_len(*rest, bare), &rcpt))
			return false;
		if (a->n_recipients < BATV_ARRIVAL_RCPTS)
			a->recipients[a->n_recipients++] = rcpt;
	}
	return a->n_recipients > 0;
}

static size_t in_brackets(struct batv_span s)
{
	size_t n;

	if (s.len < 2 || s.p[0] != '<')
		return 0;
	skip(&s, 1);
	n = address_len(s, true);
	return n < s.len && s.p[n] == '>' ? n + 2 : 0;
}

static bool read_message(struct batv_span *rest, struct batv_arrival *a)
{
	struct batv_span ignored;

	(void)(take_whole_field(rest, "id=", message_id, &a->id) ||
	       take_whole_field(rest, "id*=", message_id, &a->id));
	(void)take_whole_field(rest, "T=", subject_len, &ignored);
	(void)take_whole_field(rest, "from ", in_brackets, &ignored);
	return take_flag(rest, "for") ? read_recipients(rest, a) : rest->len == 0;
}

enum batv_exim_log_line batv_exim_log_read(struct batv_span line, struct batv_arrival *out)
{
	struct batv_arrival a;
	struct batv_span rest = line;

	memset(&a, 0, sizeof a);
	skip_syslog(&rest);
	if (!read_time(&rest, &a.when))
		return BATV_LOG_ODD;
	if (is_process(first_word(rest)))
		next_word(&rest);
	a.exim_id = next_word(&rest);
	if (!batv_log_line_is_id(a.exim_id) || !take_flag(&rest, "<="))
		return BATV_LOG_OTHER;
	if (take_flag(&rest, "<>"))
		return BATV_LOG_BOUNCE;
	if (batv_span_has_control(rest) ||
	    !take_bytes(&rest, address_len(rest, false), &a.sender) || !read_origin(&rest, &a) ||
	    !read_session(&rest, &a) || !read_message(&rest, &a))
		return BATV_LOG_ODD;
	*out = a;
	return BATV_LOG_ARRIVAL;
}
