/*
 * ctl_report_html.c - batvctl report --html: one file that opens from the disk.
 *
 * It loads nothing and runs nothing; its Content-Security-Policy says so, too.  Whatever the log
 * is, the page is smaller than MAX: it is made again with less in its lists until it is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/days.h"
#include "ctl_html.h"
#include "ctl_output.h"
#include "ctl_report.h"

#define MAX 99000 /* bytes */

#define TEXT BATV_REPORT_TEXT_SIZE

static bool before_us(const struct batv_report *r)
{
	return r->log.decisions == 0;
}

static uint64_t ours_back(const uint64_t figures[BATV_LOG_FIGURES])
{
	return figures[BATV_LOG_BACK_BY_TAG] + figures[BATV_LOG_BACK_BY_MEMORY];
}

/* Mail that left signed in these days; false: of none of them it is known. */
static bool signed_in_all(struct batv_report *r, uint64_t *sum)
{
	bool known = false;
	uint64_t n;

	*sum = 0;
	for (size_t i = 0; i < r->log.n_days; i++)
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n)) {
			known = true;
			*sum += n;
		}
	return known;
}

/* ---- head ---- */

static void put_period(FILE *out, const struct batv_report *r)
{
	struct tm tm = batv_ctl_log_tm(r->log.last);
	char from[TEXT], to[TEXT], year[8] = "";

	if (!r->log.first) {
		fputs("nothing to tell", out);
		return;
	}
	(void)strftime(year, sizeof year, " %Y", &tm);
	batv_ctl_log_date(r->log.first, from);
	batv_ctl_log_date(r->log.last, to);
	if (strcmp(from, to) != 0)
		fprintf(out, "%s to ", from);
	fprintf(out, "%s%s", to, year);
}

static void put_head(FILE *out, const struct batv_report *r)
{
	fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n"
	      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=color-scheme content=\"light dark\">\n"
	      "<meta name=robots content=noindex>\n<title>Backscatter at ",
	      out);
	batv_ctl_html_name(out, r->host);
	fputs(", ", out);
	put_period(out, r);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n",
		batv_ctl_report_style);
}

/* One sentence for those who read nothing else. */
static void put_lead(FILE *out, const struct batv_report *r)
{
	const uint64_t *n = r->log.figures;
	char a[TEXT], b[TEXT];

	fputs("<p class=lead>", out);
	if (before_us(r))
		fprintf(out,
			"No line of exim-batv is in these logs; they show what it would meet. %s "
			"bounces came from other hosts, %s of them from hosts that nobody here had "
			"written to in the 7 days before. Those are most likely backscatter.",
			batv_ctl_report_number(n[BATV_LOG_BOUNCES], a),
			batv_ctl_report_number(n[BATV_LOG_STRANGERS], b));
	else
		fprintf(out,
			"%s forged bounces were refused, and %s bounces and replies to our own "
			"mail "
			"came through.",
			batv_ctl_report_number(batv_log_report_refused(n), a),
			batv_ctl_report_number(ours_back(n), b));
	fputs("</p>\n", out);
}

static void put_figure(FILE *out, const char *tone, const char *name, const uint64_t *n,
		       const char *rest)
{
	char text[TEXT];

	fprintf(out, "<div class=t-%s><dt>%s</dt><dd class=n>%s</dd><dd>%s</dd></div>\n", tone,
		name, n ? batv_ctl_report_number(*n, text) : "\u2013", rest);
}

static void put_figures(FILE *out, struct batv_report *r)
{
	const uint64_t *n = r->log.figures;
	uint64_t back = ours_back(n), refused = batv_log_report_refused(n), sent,
		 known = n[BATV_LOG_BOUNCES] - n[BATV_LOG_STRANGERS];
	bool sent_known = signed_in_all(r, &sent);
	char rest[128], a[TEXT], b[TEXT];

	fputs("<dl class=figures>\n", out);
	if (before_us(r)) {
		put_figure(out, "look", "Bounces", &n[BATV_LOG_BOUNCES], "from other hosts");
		put_figure(out, "would", "From strangers", &n[BATV_LOG_STRANGERS],
			   "nobody here had written to them");
		put_figure(out, "ours", "From others", &known, "somebody here had written to them");
	} else {
		put_figure(out, "refused", "Refused", &refused,
			   "bounces of mail that was not sent from here");
		put_figure(out, "would", "Would be refused", &n[BATV_LOG_WOULD],
			   "delivered, because the domain only observes");
		snprintf(rest, sizeof rest, "%s by tag, %s by memory",
			 batv_ctl_report_number(n[BATV_LOG_BACK_BY_TAG], a),
			 batv_ctl_report_number(n[BATV_LOG_BACK_BY_MEMORY], b));
		put_figure(out, "ours", "Ours back", &back, rest);
		put_figure(out, "signed", "Left signed", sent_known ? &sent : NULL,
			   sent_known ? "messages of ours" : "not known from these files");
		put_figure(out, "look", "Look at these", &r->log.doubtful,
			   "refused, but perhaps real");
	}
	fputs("</dl>\n", out);
}

static void put_top(FILE *out, struct batv_report *r)
{
	fputs("<header>\n<p>Backscatter report</p>\n<h1>", out);
	batv_ctl_html_name(out, r->host);
	fputs("</h1>\n<p>", out);
	put_period(out, r);
	fputs("</p>\n", out);
	put_lead(out, r);
	fputs("</header>\n", out);
	put_figures(out, r);
}

/* ---- days ---- */

static void put_cell(FILE *out, uint64_t n)
{
	char text[TEXT];

	fprintf(out, "<td class=n>%s", batv_ctl_report_number(n, text));
}

/* A column of noughts says nothing, but for the four that the page is about. */
static bool has_column(const struct batv_report *r, int figure)
{
	static const bool always[BATV_LOG_FIGURES] = {
		[BATV_LOG_BACK_BY_TAG] = true,
		[BATV_LOG_BACK_BY_MEMORY] = true,
		[BATV_LOG_REFUSED] = true,
		[BATV_LOG_WOULD] = true,
	};

	if (before_us(r))
		return figure == BATV_LOG_BOUNCES || figure == BATV_LOG_STRANGERS;
	return always[figure] || r->log.figures[figure] > 0;
}

static void put_columns(FILE *out, const struct batv_report *r,
			const uint64_t figures[BATV_LOG_FIGURES])
{
	for (int i = 0; i < BATV_LOG_FIGURES; i++)
		if (has_column(r, i))
			put_cell(out, figures[i]);
	fputs("</tr>\n", out);
}

static void put_signed(FILE *out, bool known, uint64_t n)
{
	if (known)
		put_cell(out, n);
	else
		fputs("<td class=n>\u2013", out);
}

static void put_table_of_days(FILE *out, struct batv_report *r)
{
	static const char *const heads[BATV_LOG_FIGURES] = {
		[BATV_LOG_BACK_BY_TAG] = "Ours,<br>by tag",
		[BATV_LOG_BACK_BY_MEMORY] = "Ours, by<br>memory",
		[BATV_LOG_REFUSED] = "Refused",
		[BATV_LOG_WOULD] = "Would be<br>refused",
		[BATV_LOG_SPARED] = "Failed, but<br>delivered",
		[BATV_LOG_DEFERRED] = "Put off",
		[BATV_LOG_BOUNCES] = "Bounces<br>from outside",
		[BATV_LOG_STRANGERS] = "of them from<br>strangers",
		[BATV_LOG_UNREAD_REFUSED] = "Refused<br>at RCPT",
		[BATV_LOG_UNREAD_DEFERRED] = "Put off<br>at RCPT"};
	char text[TEXT];
	uint64_t n;
	bool known;

	fputs("<div class=scroll role=region tabindex=0 aria-label=\"Day by day\">"
	      "<table class=days>\n<thead><tr><th scope=col>Day<th scope=col "
	      "class=n>Left<br>signed",
	      out);
	for (int i = 0; i < BATV_LOG_FIGURES; i++)
		if (has_column(r, i))
			fprintf(out, "<th scope=col class=n>%s", heads[i]);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = batv_ctl_report_first_day(r); i < r->log.n_days; i++) {
		const struct batv_log_day *day = &r->log.days[i];

		fprintf(out, "<tr><th scope=row>%s", batv_ctl_report_weekday(day->day, text));
		known = batv_ctl_report_signed(r, day->day, &n);
		put_signed(out, known, n);
		put_columns(out, r, day->figures);
	}
	fputs("</tbody>\n<tfoot><tr><th scope=row>All", out);
	known = signed_in_all(r, &n);
	put_signed(out, known, n);
	put_columns(out, r, r->log.figures);
	fputs("</tfoot></table></div>\n", out);
}

static void put_days(FILE *out, struct batv_report *r)
{
	char text[TEXT];
	uint64_t sent;

	fputs("<section class=long><h2>Day by day</h2>\n", out);
	if (batv_ctl_report_first_day(r))
		fprintf(out, "<p>The last days; %s before them are only in the sums.</p>\n",
			batv_ctl_report_number(batv_ctl_report_first_day(r), text));
	fputs("<ul class=legend>", out);
	if (before_us(r))
		fputs("<li class=t-would>from strangers<li class=t-ours>from hosts that we wrote "
		      "to",
		      out);
	else
		fputs("<li class=t-refused>refused<li class=t-would>would be refused"
		      "<li class=t-ours>ours back",
		      out);
	fputs("</ul>\n", out);
	batv_ctl_report_chart_days(out, r);
	if (signed_in_all(r, &sent)) {
		fputs("<ul class=legend><li class=t-signed>mail that left signed</ul>\n", out);
		batv_ctl_report_chart_signed(out, r);
	}
	put_table_of_days(out, r);
	fputs("</section>\n", out);
}

/* ---- lists ---- */

static void put_ranking(FILE *out, const struct batv_report *r, const char *title,
			const char *things, const char *tone,
			const struct batv_log_ranking *ranking)
{
	struct batv_log_ranked top[1000];
	size_t n = batv_log_ranking_top(ranking, top, r->top);
	char a[TEXT], b[TEXT];

	if (ranking->sum == 0)
		return;
	fprintf(out,
		"<section><h2>%s</h2>\n<p>%s in all, %s %s</p>\n<table class=t-%s><thead><tr>"
		"<th scope=col>Name<th scope=col class=n>Count</tr></thead>\n<tbody>\n",
		title, batv_ctl_report_number(ranking->sum, a),
		batv_ctl_report_number(ranking->n, b), things, tone);
	for (size_t i = 0; i < n; i++) {
		fputs("<tr><td class=name>", out);
		batv_ctl_html_name(out, top[i].name);
		fprintf(out,
			"<svg height=4 aria-hidden=true><rect height=4 rx=2 width=\"%.1f%%\" "
			"/></svg>",
			(double)top[i].count * 100 / (double)top[0].count);
		put_cell(out, top[i].count);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}

static void put_rankings(FILE *out, const struct batv_report *r)
{
	const char *addresses = r->log.anonymous ? "domains" : "addresses";

	fputs("<div class=pair>\n", out);
	put_ranking(out, r, "Refused, most for", addresses, "refused", &r->log.rcpts);
	put_ranking(out, r, "Refused, most from", r->log.anonymous ? "networks" : "hosts",
		    "refused", &r->log.hosts);
	put_ranking(out, r, "Would be refused, most for", addresses, "would", &r->log.would_rcpts);
	put_ranking(out, r,
		    before_us(r) ? "Bounces, most for" : "Bounces before exim-batv, most for",
		    addresses, "ours", &r->log.bounced);
	fputs("</div>\n", out);
}

static void put_verdicts(FILE *out, const struct batv_report *r)
{
	static const char *const meanings[BATV_VERDICT_COUNT] = {
		[BATV_MISSING] = "no tag, and nothing in it was sent from here",
		[BATV_EXPIRED] = "the tag was ours, but its time is over",
		[BATV_FORGED] = "the tag is not one of ours"};

	if (batv_log_report_refused(r->log.figures) == 0)
		return;
	fputs("<section><h2>Why it was refused</h2>\n<table><thead><tr><th scope=col>Verdict"
	      "<th scope=col>Meaning<th scope=col class=n>Count</tr></thead>\n<tbody>\n",
	      out);
	for (int v = BATV_MISSING; v < BATV_VERDICT_COUNT; v++) {
		if (!meanings[v])
			continue;
		fprintf(out, "<tr><th scope=row>%s<td>%s", batv_verdict_name((enum batv_verdict)v),
			meanings[v]);
		put_cell(out, r->log.verdicts[v]);
		fputs("</tr>\n", out);
	}
	if (r->log.figures[BATV_LOG_UNREAD_REFUSED]) {
		fputs("<tr><th scope=row>unread<td>refused at RCPT, while too many forged ones "
		      "came to that address",
		      out);
		put_cell(out, r->log.figures[BATV_LOG_UNREAD_REFUSED]);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}

/* ---- look at these ---- */

static void put_look(FILE *out, const struct batv_log_doubtful *d)
{
	char when[TEXT], why[BATV_REPORT_WHY_SIZE];

	batv_ctl_report_doubt_why(d, why);
	fprintf(out, "<tr><td>%s<td class=name><strong>", batv_ctl_log_moment(d->when, when));
	batv_ctl_html_name(out, d->rcpt);
	fputs("</strong><br><span class=soft>from ", out);
	batv_ctl_html_name(out, d->host);
	fputs("</span><td class=name>", out);
	batv_ctl_html_text(out, why);
	fputs("<td><code>", out);
	batv_ctl_html_name(out, d->id);
	fputs("</code></tr>\n", out);
}

static void put_looks(FILE *out, const struct batv_report *r)
{
	size_t n = batv_log_report_looks(&r->log), first = batv_ctl_report_first_look(r);
	char text[TEXT];

	if (n == 0)
		return;
	fprintf(out,
		"<section class=long><h2>Look at these %s</h2>\n<p>They were refused, but are "
		"perhaps "
		"real.",
		batv_ctl_report_number(r->log.doubtful, text));
	if (r->log.doubtful > n - first)
		fprintf(out, " The last ones; %s came before them.",
			batv_ctl_report_number(r->log.doubtful - (n - first), text));
	fputs("</p>\n<table class=\"stack looks\"><thead><tr><th scope=col>When<th "
	      "scope=col>Recipient"
	      "<th scope=col>Why<th scope=col>Message</tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = first; i < n; i++)
		put_look(out, batv_log_report_look(&r->log, i));
	fputs("</tbody></table></section>\n", out);
}

/* ---- domains ---- */

static struct batv_report_axis axis_of(const struct batv_report_domain *d, size_t n, int64_t now)
{
	struct batv_report_axis axis = {.from = now - 7 * (int64_t)BATV_DAY, .now = now, .to = now};

	for (size_t i = 0; i < n; i++) {
		if (d[i].since && d[i].since < axis.from)
			axis.from = d[i].since;
		if (!d[i].refuses && d[i].when > axis.to)
			axis.to = d[i].when;
	}
	if (axis.from < now - 60 * (int64_t)BATV_DAY) /* the past must not press the present flat */
		axis.from = now - 60 * (int64_t)BATV_DAY;
	if (axis.to > now + 60 * (int64_t)BATV_DAY)
		axis.to = now + 60 * (int64_t)BATV_DAY;
	return axis;
}

static void put_domains(FILE *out, struct batv_report *r)
{
	static struct batv_report_domain domains[BATV_REPORT_DOMAINS];
	size_t all, n = batv_ctl_report_domains(r, domains, &all);
	struct batv_report_axis axis = axis_of(domains, n, batv_ctl_log_local(r->ctl->clock));
	char from[TEXT], to[TEXT];

	if (n == 0)
		return;
	fprintf(out,
		"<section class=long><h2>Domains</h2>\n<p>Each observes until it has armed itself; "
		"then it refuses. From %s to %s.</p>\n<ul class=legend><li class=t-would>observing"
		"<li class=t-signed>refusing</ul>\n<table class=\"stack lines\"><thead><tr>"
		"<th scope=col>Domain<th scope=col>Time line<th "
		"scope=col>Today</tr></thead>\n<tbody>\n",
		batv_ctl_log_date(axis.from, from), batv_ctl_log_date(axis.to, to));
	for (size_t i = 0; i < n; i++) {
		fputs("<tr><th scope=row class=name>", out);
		batv_ctl_html_text(out, domains[i].name);
		fputs("<td>", out);
		batv_ctl_report_chart_domain(out, &domains[i], &axis);
		fputs("<td>", out);
		batv_ctl_html_text(out, domains[i].why);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
	if (all > n)
		fprintf(out, "<p class=soft>and %s more: batvctl status --domains all</p>\n",
			batv_ctl_report_number(all - n, from));
	fputs("</section>\n", out);
}

/* ---- foot ---- */

static void put_files(FILE *out, const struct batv_report *r)
{
	size_t first = batv_ctl_report_first_file(r);
	char text[TEXT];

	fputs("<ul>", out);
	if (first)
		fprintf(out, "<li>%s older ones", batv_ctl_report_number(first, text));
	for (size_t i = first; i < r->source.files.n; i++) {
		fputs("<li><code>", out);
		batv_ctl_html_name(out, r->source.files.paths[i]);
		fputs("</code>", out);
	}
	fputs("</ul>\n", out);
}

static void put_foot(FILE *out, const struct batv_report *r)
{
	char when[64] = "", bytes[TEXT], exact[TEXT], lines[TEXT], ours[TEXT], odd[TEXT];
	time_t t = (time_t)r->ctl->clock;
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(when, sizeof when, "%a %-d %b %Y %H:%M %z", &tm);
	fprintf(out, "<footer>\n<p>Made by batvctl " BATV_VERSION " on ");
	batv_ctl_html_name(out, r->host);
	fprintf(out,
		", %s, from %zu file%s: %s (%s bytes), %s lines. %s of them are exim-batv\u2019s, "
		"and %s "
		"were not understood. Times and days are the log\u2019s.</p>\n",
		when, r->source.files.n, r->source.files.n == 1 ? "" : "s",
		batv_ctl_report_bytes(r->source.bytes, bytes),
		batv_ctl_report_number(r->source.bytes, exact),
		batv_ctl_report_number(r->log.lines, lines),
		batv_ctl_report_number(r->log.decisions, ours),
		batv_ctl_report_number(r->log.odd, odd));
	put_files(out, r);
	fputs("</footer>\n</main>\n", out);
}

static void put_page(FILE *out, struct batv_report *r)
{
	char *json = batv_ctl_dump_json(batv_ctl_report_json(r));

	put_head(out, r);
	put_top(out, r);
	put_days(out, r);
	put_looks(out, r);
	put_verdicts(out, r);
	put_rankings(out, r);
	put_domains(out, r);
	put_foot(out, r);
	fputs("<script type=\"application/json\" id=report>\n", out);
	if (json)
		batv_ctl_html_json(out, json);
	fputs("\n</script>\n</body>\n</html>\n", out);
	free(json);
}

/* ---- the file ---- */

/* The whole page, from malloc; NULL: no memory. */
static char *make_page(struct batv_report *r, size_t *len)
{
	char *page = NULL;
	FILE *out = open_memstream(&page, len);
	bool good;

	if (!out)
		return NULL;
	put_page(out, r);
	good = !ferror(out);
	if (fclose(out) == 0 && good)
		return page;
	free(page);
	return NULL;
}

/* Less of what is longest.  False: there is nothing left to take away. */
static bool show_less(struct batv_report *r)
{
	size_t days = r->log.n_days - batv_ctl_report_first_day(r);
	size_t files = r->source.files.n - batv_ctl_report_first_file(r);

	if (days > 62)
		r->last_days = days > 150 ? 124 : days / 2;
	else if (files > 10)
		r->last_files = 10;
	else if (r->top > 1)
		r->top = r->top > 200 ? 100 : r->top / 2;
	else if (days > 1)
		r->last_days = days / 2;
	else if (files > 1)
		r->last_files = 1;
	else
		return false;
	return true;
}

static char *make_small_page(struct batv_report *r, size_t *len)
{
	char *page = make_page(r, len);

	while (page && *len > MAX && show_less(r)) {
		free(page);
		page = make_page(r, len);
	}
	return page;
}

/* A new file is for its owner alone: it has addresses of people, unless they were left out. */
int batv_ctl_report_html(struct batv_report *r)
{
	size_t len;
	char *page = make_small_page(r, &len);
	int code;

	if (!page)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	code = batv_ctl_output("report", r->ctl->html, r->log.anonymous ? 0644 : 0600, true, page,
			       len);
	free(page);
	return code;
}
