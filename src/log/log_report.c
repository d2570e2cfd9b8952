/*
 * log_report.c - adds up what Exim's log says.
 *
 * Nearly all lines of a busy log are not ours, so the work for one of them is its head and, of an
 * arrival or a delivery, an address and a host.
 */
#include <stdlib.h>
#include <string.h>

#include "base/days.h"
#include "base/network.h"
#include "log_report.h"
#include "tag/tag.h"

#define MAILED_DAYS 7 /* a refusal is doubtful that long after mail to that host */

/* ---- days ---- */

/* The day's place; NULL if there are too many. */
static struct batv_log_day *day_of(struct batv_log_report *r, int64_t day)
{
	size_t at = r->n_days;

	while (at > 0 && r->days[at - 1].day > day)
		at--;
	if (at > 0 && r->days[at - 1].day == day)
		return &r->days[at - 1];
	if (r->n_days == BATV_LOG_REPORT_DAYS)
		return NULL;
	memmove(&r->days[at + 1], &r->days[at], (r->n_days - at) * sizeof r->days[0]);
	r->n_days++;
	r->days[at] = (struct batv_log_day){.day = day};
	return &r->days[at];
}

/* The day of a line; most lines have that of the line before. */
static struct batv_log_day *today(struct batv_log_report *r, struct batv_span date)
{
	int64_t day;

	if (r->today && memcmp(r->today_text, date.p, sizeof r->today_text) == 0)
		return r->today;
	r->today = batv_log_line_day(date, &day) ? day_of(r, day) : NULL;
	memcpy(r->today_text, date.p, sizeof r->today_text);
	return r->today;
}

/* Is this time wanted?  Then it is noted. */
static bool is_in_time(struct batv_log_report *r, int64_t when)
{
	if (when < r->since || when >= r->until)
		return false;
	if (r->first == 0 || when < r->first)
		r->first = when;
	if (when > r->last)
		r->last = when;
	return true;
}

static bool is_wanted(struct batv_log_report *r, const struct batv_log_line *line, int64_t *when)
{
	return batv_log_line_seconds(line, when) && is_in_time(r, *when);
}

static void count(struct batv_log_report *r, const struct batv_log_line *line,
		  enum batv_log_figure figure)
{
	struct batv_log_day *day = today(r, line->date);

	r->figures[figure]++;
	if (day)
		day->figures[figure]++;
}

/* ---- names ---- */

static void copy(struct batv_span s, char *out, size_t size)
{
	s = batv_span_cut(s, size - 1);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
}

/* An address as people know it: without a tag, in lower case; or only its domain. */
static struct batv_span plain(const struct batv_log_report *r, struct batv_span address,
			      char text[static BATV_ADDR_SIZE])
{
	size_t len;

	if (r->anonymous)
		batv_log_anonymous_address(address, text);
	else if (batv_tag_bare(address.p, address.len, text, BATV_ADDR_SIZE) != BATV_OK)
		copy(address, text, BATV_ADDR_SIZE);
	for (len = 0; text[len]; len++)
		text[len] = batv_fold(text[len]);
	return (struct batv_span){text, len};
}

/* A host's address; or only its network. */
static struct batv_span host_of(const struct batv_log_report *r, struct batv_span host,
				char text[static BATV_LOG_HOST_SIZE])
{
	if (r->anonymous)
		batv_log_anonymous_host(host, text);
	else
		copy(host, text, BATV_LOG_HOST_SIZE);
	return batv_span_of(text);
}

/* ---- what may have been real ---- */

/* "prvs=KDDDSSSSSS=" in a tagged address: are K and DDD those of a key that lived then? */
static bool is_of_live_key(const struct batv_log_report *r, struct batv_span rcpt, int64_t when)
{
	const char *tag = memmem(rcpt.p, rcpt.len, "prvs=", 5);
	uint64_t number, day;
	struct batv_span digits;

	if (!r->keys || !tag)
		return false;
	digits = batv_span_cut(batv_span_between(tag + 5, rcpt.p + rcpt.len), 4);
	if (digits.len != 4 || !batv_span_to_u64(batv_span_cut(digits, 1), &number) ||
	    !batv_span_to_u64(batv_span_after(digits, 1), &day))
		return false;
	for (size_t i = 0; i < r->keys->n_keys; i++) {
		const struct batv_key *key = &r->keys->keys[i];

		if (key->number == number && key->day == day && key->from <= when + BATV_DAY &&
		    when < key->destroy)
			return true;
	}
	return false;
}

/* Mail to a host in the days before; in autumn, clocks go back by an hour. */
static bool is_recent(int64_t mailed, int64_t when)
{
	return mailed > 0 && mailed <= when + 3600 && when - mailed <= MAILED_DAYS * BATV_DAY;
}

static bool is_doubtful(const struct batv_log_report *r, const struct batv_log_decision *d,
			int64_t when, struct batv_log_doubtful *out)
{
	switch (d->verdict) {
	case BATV_EXPIRED: out->why = BATV_LOG_DOUBT_EXPIRED; return true;
	case BATV_FORGED: out->why = BATV_LOG_DOUBT_FORGED; return is_of_live_key(r, d->rcpt, when);
	case BATV_MISSING:
		out->why = BATV_LOG_DOUBT_MAILED;
		out->mailed = batv_log_mailed_last(&r->mailed, d->rcpt, d->host);
		return is_recent(out->mailed, when);
	default: return false;
	}
}

static void look(struct batv_log_report *r, const struct batv_log_line *line,
		 const struct batv_log_decision *d, int64_t when)
{
	struct batv_log_doubtful found = {.when = when};

	if (!is_doubtful(r, d, when, &found))
		return;
	copy(line->id, found.id, sizeof found.id);
	if (r->anonymous)
		(void)plain(r, d->rcpt, found.rcpt);
	else
		copy(d->rcpt, found.rcpt, sizeof found.rcpt);
	(void)host_of(r, d->host, found.host);
	r->looks[r->doubtful++ % BATV_LOG_REPORT_DOUBTFUL] = found;
}

size_t batv_log_report_looks(const struct batv_log_report *r)
{
	return r->doubtful < BATV_LOG_REPORT_DOUBTFUL ? (size_t)r->doubtful
						      : BATV_LOG_REPORT_DOUBTFUL;
}

const struct batv_log_doubtful *batv_log_report_look(const struct batv_log_report *r, size_t i)
{
	return &r->looks[(r->doubtful - batv_log_report_looks(r) + i) % BATV_LOG_REPORT_DOUBTFUL];
}

/* ---- lines ---- */

static void take_refusal(struct batv_log_report *r, const struct batv_log_line *line,
			 const struct batv_log_decision *d, int64_t when)
{
	char text[BATV_ADDR_SIZE], host[BATV_LOG_HOST_SIZE];

	count(r, line, BATV_LOG_REFUSED);
	r->verdicts[d->verdict]++;
	batv_log_ranking_add(&r->rcpts, plain(r, d->rcpt, text), 1);
	batv_log_ranking_add(&r->hosts, host_of(r, d->host, host), 1);
	look(r, line, d, when);
}

static void take_unread(struct batv_log_report *r, const struct batv_log_line *line)
{
	char text[BATV_ADDR_SIZE], host[BATV_LOG_HOST_SIZE];
	struct batv_log_unread u;
	int64_t when;

	if (!batv_log_decision_unread(line->rest, &u)) {
		r->odd++;
		return;
	}
	if (!is_wanted(r, line, &when))
		return;
	r->decisions++;
	count(r, line, u.refused ? BATV_LOG_UNREAD_REFUSED : BATV_LOG_UNREAD_DEFERRED);
	if (!u.refused)
		return;
	batv_log_ranking_add(&r->rcpts, plain(r, u.rcpt, text), 1);
	batv_log_ranking_add(&r->hosts, host_of(r, u.host, host), 1);
}

static void take_decision(struct batv_log_report *r, const struct batv_log_line *line)
{
	struct batv_log_decision d;
	char text[BATV_ADDR_SIZE];
	int64_t when;

	if (!batv_log_decision_read(line->rest, &d)) {
		r->odd++;
		return;
	}
	if (!is_wanted(r, line, &when))
		return;
	r->decisions++;
	if (d.action == BATV_ACTION_COUNT) {
		count(r, line, BATV_LOG_DEFERRED);
	} else if (batv_log_decision_refused(&d)) {
		take_refusal(r, line, &d, when);
	} else if (batv_log_decision_would(&d)) {
		count(r, line, BATV_LOG_WOULD);
		batv_log_ranking_add(&r->would_rcpts, plain(r, d.rcpt, text), 1);
	} else if (batv_verdict_failed(d.verdict)) {
		count(r, line, BATV_LOG_SPARED);
	} else if (d.verdict == BATV_VALID) {
		count(r, line, BATV_LOG_BACK_BY_TAG);
	} else if (d.verdict == BATV_REMEMBERED) {
		count(r, line, BATV_LOG_BACK_BY_MEMORY);
	}
}

/* A bounce that a host sent: what is known of backscatter before exim-batv was there. */
static void take_bounce(struct batv_log_report *r, const struct batv_log_line *line)
{
	struct batv_span host;
	int64_t when, wrote;

	if (!batv_log_line_host(line->rest, &host))
		return; /* made here */
	batv_log_mailed_from(&r->mailed, line->id, batv_span_of("<>"));
	if (!is_wanted(r, line, &when))
		return;
	count(r, line, BATV_LOG_BOUNCES);
	wrote = batv_log_mailed_anybody(&r->mailed, host);
	if (!is_recent(wrote, when))
		count(r, line, BATV_LOG_STRANGERS);
}

static void take_arrival(struct batv_log_report *r, struct batv_log_line *line)
{
	struct batv_span sender;

	if (batv_span_begins(line->rest, "<> ")) {
		take_bounce(r, line);
		return;
	}
	sender = batv_log_line_address(&line->rest);
	batv_log_mailed_from(&r->mailed, line->id, sender);
}

static void take_delivery(struct batv_log_report *r, struct batv_log_line *line)
{
	struct batv_span rcpt = batv_log_line_address(&line->rest), host, rest;
	bool remote = batv_log_line_host(line->rest, &host);
	bool bounce = r->decisions == 0 && batv_log_mailed_null(&r->mailed, line->id);
	char text[BATV_ADDR_SIZE];
	int64_t when;

	if ((!remote && !bounce) || !batv_log_line_seconds(line, &when))
		return;
	if (remote)
		batv_log_mailed_to(&r->mailed, line->id, host, when);
	if (!bounce || !is_in_time(r, when))
		return;
	rest = line->rest;
	if (rest.len > 2 && rest.p[0] == '<') { /* the address as it came: "=> alice <alice@x>" */
		rcpt = batv_log_line_address(&rest);
		rcpt = (struct batv_span){rcpt.p + 1, rcpt.len - 1};
		if (rcpt.len > 0 && rcpt.p[rcpt.len - 1] == '>')
			rcpt.len--;
	}
	batv_log_ranking_add(&r->bounced, plain(r, rcpt, text), 1);
}

static void take_line(struct batv_log_report *r, struct batv_span text)
{
	struct batv_log_line line;

	batv_log_line_read(text, &line);
	switch (line.mark) {
	case BATV_LOG_ARRIVED: take_arrival(r, &line); break;
	case BATV_LOG_DELIVERED: take_delivery(r, &line); break;
	case BATV_LOG_DECIDED: take_decision(r, &line); break;
	case BATV_LOG_UNREAD: take_unread(r, &line); break;
	case BATV_LOG_NO_LINE: r->odd++; break;
	case BATV_LOG_ELSE: break;
	}
}

void batv_log_report_lines(struct batv_log_report *r, struct batv_span lines)
{
	struct batv_span line;

	while (batv_span_next_line(&lines, &line)) {
		r->lines++;
		take_line(r, line);
	}
}

/* ---- begin and end ---- */

bool batv_log_report_start(struct batv_log_report *r)
{
	r->days = calloc(BATV_LOG_REPORT_DAYS, sizeof *r->days);
	r->looks = calloc(BATV_LOG_REPORT_DOUBTFUL, sizeof *r->looks);
	if (r->days && r->looks && batv_log_mailed_new(&r->mailed))
		return true;
	batv_log_report_end(r);
	return false;
}

void batv_log_report_end(struct batv_log_report *r)
{
	batv_log_mailed_free(&r->mailed);
	batv_log_ranking_free(&r->rcpts);
	batv_log_ranking_free(&r->hosts);
	batv_log_ranking_free(&r->would_rcpts);
	batv_log_ranking_free(&r->bounced);
	free(r->looks);
	free(r->days);
	r->looks = NULL;
	r->days = NULL;
}
