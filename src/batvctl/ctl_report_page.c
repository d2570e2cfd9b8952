/*
 * ctl_report_page.c - batvctl report, for a terminal.
 *
 * Names come from strangers; batv_printable() shows them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/days.h"
#include "ctl_layout.h"
#include "ctl_report.h"

#define BAR 20 /* columns of the longest */

/* ---- head ---- */

static void print_head(const struct batv_report *r)
{
	char from[BATV_REPORT_TEXT_SIZE], to[BATV_REPORT_TEXT_SIZE], size[BATV_REPORT_TEXT_SIZE],
		lines[BATV_REPORT_TEXT_SIZE], text[400];
	unsigned used, width = r->ctl->terminal.width;

	batv_ctl_report_bytes(r->source.bytes, size);
	if (r->log.first)
		snprintf(text, sizeof text, "%s to %s", batv_ctl_log_date(r->log.first, from),
			 batv_ctl_log_date(r->log.last, to));
	else
		snprintf(text, sizeof text, "nothing to tell");
	used = (unsigned)strlen(text);
	snprintf(text + used, sizeof text - used, ", %" PRIu64 " file%s, %s, %s lines in %.1f s",
		 r->source.n_read, r->source.n_read == 1 ? "" : "s", size,
		 batv_ctl_report_number(r->log.lines, lines), (double)r->source.took / 1000);
	used = (unsigned)(strlen(text) + strlen(r->host));
	printf("%s%*s%s\n", text, used + 2 < width ? (int)(width - used) : 2, "", r->host);
}

/* ---- days ---- */

/* Eighths of a column; at least one, if there is something. */
static void print_bar(const struct batv_ctl_terminal *terminal, uint64_t n, uint64_t most)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	uint64_t length = most ? (n * BAR * 8 + most - 1) / most : 0;
	unsigned columns = (unsigned)(length / 8);

	for (unsigned i = 0; i < columns; i++)
		fputs(terminal->utf8 ? "█" : "#", stdout);
	if (length % 8) {
		fputs(terminal->utf8 ? eighths[length % 8] : "#", stdout);
		columns++;
	}
	printf("%*s", (int)(BAR + 1 - columns), "");
}

static void print_day(struct batv_report *r, const struct batv_log_day *day, uint64_t most)
{
	char name[BATV_REPORT_TEXT_SIZE], text[4][BATV_REPORT_TEXT_SIZE];
	uint64_t signed_mail;
	bool known = batv_ctl_report_signed(r, day->day, &signed_mail);

	printf("%-8s %9s %10s %8s ", batv_ctl_report_weekday(day->day, name),
	       known ? batv_ctl_report_number(signed_mail, text[0]) : "-",
	       batv_ctl_report_number(day->figures[BATV_LOG_BACK_BY_TAG] +
					      day->figures[BATV_LOG_BACK_BY_MEMORY],
				      text[1]),
	       batv_ctl_report_number(batv_log_report_refused(day->figures), text[2]));
	print_bar(&r->ctl->terminal, batv_log_report_refused(day->figures), most);
	printf("%8s\n", batv_ctl_report_number(day->figures[BATV_LOG_WOULD], text[3]));
}

static void print_days(struct batv_report *r)
{
	uint64_t most = 0;

	for (size_t i = 0; i < r->log.n_days; i++)
		if (batv_log_report_refused(r->log.days[i].figures) > most)
			most = batv_log_report_refused(r->log.days[i].figures);
	printf("%-8s %9s %10s %8s %*s%s\n", "", "signed", "ours back", "refused", BAR - 7, "",
	       "would be refused");
	for (size_t i = 0; i < r->log.n_days; i++)
		print_day(r, &r->log.days[i], most);
}

/* ---- lists ---- */

static void print_top(const struct batv_report *r, const char *label,
		      const struct batv_log_ranking *ranking)
{
	struct batv_log_ranked top[1000];
	size_t n = batv_log_ranking_top(ranking, top, r->top), at = 0;
	char text[8192] = "", name[BATV_REPORT_NAME_SIZE], count[BATV_REPORT_TEXT_SIZE];

	for (size_t i = 0; i < n && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s\u00a0%s  ",
				       batv_ctl_report_name(top[i].name, name),
				       batv_ctl_report_number(top[i].count, count));
	if (ranking->n > n && at < sizeof text)
		snprintf(text + at, sizeof text - at, "and %s more",
			 batv_ctl_report_number(ranking->n - n, count));
	printf("  %-10s", label);
	batv_ctl_layout_wrap(stdout, text, 12, 12, r->ctl->terminal.width);
}

static void print_refused(const struct batv_report *r)
{
	char n[3][BATV_REPORT_TEXT_SIZE];
	const char *comma = "";

	if (batv_log_report_refused(r->log.figures) == 0)
		return;
	printf("Refused %s: ",
	       batv_ctl_report_number(batv_log_report_refused(r->log.figures), n[0]));
	for (int v = BATV_MISSING; v < BATV_VERDICT_COUNT; v++)
		if (r->log.verdicts[v]) {
			printf("%s%s %s", comma, batv_verdict_name((enum batv_verdict)v),
			       batv_ctl_report_number(r->log.verdicts[v], n[0]));
			comma = ", ";
		}
	if (r->log.figures[BATV_LOG_UNREAD_REFUSED])
		printf("%sunread, at RCPT %s", comma,
		       batv_ctl_report_number(r->log.figures[BATV_LOG_UNREAD_REFUSED], n[0]));
	printf("; from %s %s, for %s %s\n", batv_ctl_report_number(r->log.hosts.n, n[1]),
	       r->log.anonymous ? "networks" : "hosts",
	       batv_ctl_report_number(r->log.rcpts.n, n[2]),
	       r->log.anonymous ? "domains" : "addresses");
	print_top(r, "most for", &r->log.rcpts);
	print_top(r, "most from", &r->log.hosts);
}

static void print_would(const struct batv_report *r)
{
	char n[BATV_REPORT_TEXT_SIZE];

	if (r->log.figures[BATV_LOG_WOULD] == 0)
		return;
	printf("Would be refused, once its domain refuses: %s\n",
	       batv_ctl_report_number(r->log.figures[BATV_LOG_WOULD], n));
	print_top(r, "most for", &r->log.would_rcpts);
}

static void print_others(const struct batv_report *r)
{
	char n[BATV_REPORT_TEXT_SIZE];

	if (r->log.figures[BATV_LOG_SPARED])
		printf("Failed, but delivered for another reason: %s; see reason= in the log\n",
		       batv_ctl_report_number(r->log.figures[BATV_LOG_SPARED], n));
	if (r->log.figures[BATV_LOG_DEFERRED])
		printf("Put off by a limit (flood): %s\n",
		       batv_ctl_report_number(r->log.figures[BATV_LOG_DEFERRED], n));
	if (r->log.figures[BATV_LOG_UNREAD_DEFERRED])
		printf("Put off at RCPT, because of their host (flood): %s\n",
		       batv_ctl_report_number(r->log.figures[BATV_LOG_UNREAD_DEFERRED], n));
	if (r->log.odd)
		printf("Not understood: %s lines\n", batv_ctl_report_number(r->log.odd, n));
}

/* ---- look at these ---- */

static void print_looks(const struct batv_report *r)
{
	size_t n = batv_log_report_looks(&r->log), skip = batv_ctl_report_first_look(r);
	char why[BATV_REPORT_WHY_SIZE], count[BATV_REPORT_TEXT_SIZE], when[BATV_REPORT_TEXT_SIZE],
		rcpt[BATV_REPORT_NAME_SIZE], host[BATV_REPORT_NAME_SIZE];

	if (n == 0)
		return;
	printf("Look at these %s (refused, but perhaps real)\n",
	       batv_ctl_report_number(r->log.doubtful, count));
	for (size_t i = skip; i < n; i++) {
		const struct batv_log_doubtful *d = batv_log_report_look(&r->log, i);

		printf("  %s  %s  from %s   ", batv_ctl_log_moment(d->when, when),
		       batv_ctl_report_name(d->rcpt, rcpt), batv_ctl_report_name(d->host, host));
		batv_ctl_report_doubt_why(d, why);
		printf("%s   %s\n", why, d->id);
	}
	if (r->log.doubtful > n - skip)
		printf("  and %s before them: --top %" PRIu64 "\n",
		       batv_ctl_report_number(r->log.doubtful - (n - skip), count),
		       r->log.doubtful < 1000 ? r->log.doubtful : 1000);
}

/* ---- before exim-batv ---- */

static void print_estimate(const struct batv_report *r)
{
	char all[BATV_REPORT_TEXT_SIZE], strangers[BATV_REPORT_TEXT_SIZE];

	printf("No line of exim-batv is in these logs. They show what it would meet:\n"
	       "%s bounces came from other hosts, %s of them from hosts that nobody here had\n"
	       "written to in the 7 days before. Those are most likely backscatter.\n",
	       batv_ctl_report_number(r->log.figures[BATV_LOG_BOUNCES], all),
	       batv_ctl_report_number(r->log.figures[BATV_LOG_STRANGERS], strangers));
	if (r->log.bounced.n)
		print_top(r, "most for", &r->log.bounced);
	for (size_t i = 0; i < r->log.n_days; i++) {
		const struct batv_log_day *day = &r->log.days[i];
		char name[BATV_REPORT_TEXT_SIZE];

		printf("%-8s %9s bounces, %s from strangers\n",
		       batv_ctl_report_weekday(day->day, name),
		       batv_ctl_report_number(day->figures[BATV_LOG_BOUNCES], all),
		       batv_ctl_report_number(day->figures[BATV_LOG_STRANGERS], strangers));
	}
}

void batv_ctl_report_page(struct batv_report *r)
{
	print_head(r);
	if (r->log.decisions == 0) {
		print_estimate(r);
		return;
	}
	print_days(r);
	print_refused(r);
	print_would(r);
	print_others(r);
	print_looks(r);
}
