/*
 * ctl_report.c - batvctl report: reads Exim's log and adds up what exim-batv did.
 *
 * Times of the log are shown as they are in the log.  A zone in its lines is ignored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_report.h"

#define TOP 10
#define PROGRESS_AFTER 1.0 /* seconds */

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- times ---- */

/* What a local clock shows, as if it were UTC. */
static int64_t local_clock(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int64_t)timegm(&tm) : when;
}

/* 7d (ago), or a date and time by the log's clock. */
static bool parse_time(const struct batv_ctl *ctl, const char *text, int64_t *out)
{
	char ago[64];

	if (snprintf(ago, sizeof ago, "-%s", text) < (int)sizeof ago && text[0] != '+' &&
	    text[0] != '-' && batv_ctl_time_parse(ago, local_clock(ctl->clock), out))
		return true;
	return batv_ctl_time_parse(text, local_clock(ctl->clock), out);
}

static int take_times(struct batv_report *r)
{
	const char *since = r->ctl->since ? r->ctl->since : r->own ? "7d" : NULL;

	r->log.since = 0;
	r->log.until = INT64_MAX;
	if (since && !parse_time(r->ctl, since, &r->log.since))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "report: --since: expected 7d, 12h, 2026-12-01 or "
				     "\"2026-12-01 12:00\", not %s",
				     since);
	if (r->ctl->until && !parse_time(r->ctl, r->ctl->until, &r->log.until))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "report: --until: expected 7d, 12h, 2026-12-01 or "
				     "\"2026-12-01 12:00\", not %s",
				     r->ctl->until);
	return BATV_CTL_YES;
}

/* ---- files ---- */

static int find_own(struct batv_report *r)
{
	char list[4096], spool[4096], path[4096];
	struct batv_matcher unused;
	struct batv_asker asker;

	batv_ask_exim_init(&asker, r->ctl->config.global.exim, r->ctl->config_path, &unused);
	if (!batv_ask_exim_option(&asker, "log_file_path", list, sizeof list) ||
	    !batv_ask_exim_option(&asker, "spool_directory", spool, sizeof spool))
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "Exim does not say where its log is: %s; name the files: "
				     "batvctl report FILE...",
				     asker.why);
	if (!batv_log_files_main(list, spool, path, sizeof path))
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "Exim's log_file_path names syslog, or a file for each day; "
				     "name the files: batvctl report FILE...");
	if (!batv_log_files_find(&r->files, path,
				 r->ctl->clock - (local_clock(r->ctl->clock) - r->log.since)))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", r->files.why);
	return BATV_CTL_YES;
}

/* On a terminal, if it takes long: how much of the files is read. */
static void show_progress(const struct batv_report *r, const struct batv_log_input *in, size_t file,
			  double started, unsigned *shown)
{
	unsigned percent = in->size ? (unsigned)(in->taken * 100 / in->size) : 0;

	if (!isatty(STDERR_FILENO) || seconds_now() - started < PROGRESS_AFTER || percent == *shown)
		return;
	*shown = percent;
	fprintf(stderr, "\r%zu of %zu files, %3u %% of %.60s\033[K", file + 1, r->files.n, percent,
		in->path);
}

static void end_progress(unsigned shown)
{
	if (shown)
		fputs("\r\033[K", stderr);
}

static bool read_file(struct batv_report *r, size_t i, double started)
{
	struct batv_log_input in;
	struct batv_span lines;
	unsigned shown = 0;
	bool good;

	if (!batv_log_input_open(&in, r->files.paths[i])) {
		(void)batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", in.path, in.why);
		return false;
	}
	while (batv_log_input_next(&in, &lines)) {
		batv_log_report_lines(&r->log, lines);
		show_progress(r, &in, i, started, &shown);
	}
	end_progress(shown);
	r->log.files++;
	r->log.bytes += in.size ? in.size : in.text;
	r->log.text += in.text;
	r->log.odd += in.cut;
	good = batv_log_input_close(&in);
	if (!good)
		(void)batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s; the rest of it is missing here",
				    in.path, in.why);
	return good;
}

static bool read_files(struct batv_report *r)
{
	double started = seconds_now();
	bool good = true;

	for (size_t i = 0; i < r->files.n; i++)
		good = read_file(r, i, started) && good;
	r->took = seconds_now() - started;
	return good;
}

/* ---- what else is known here ---- */

/* The published keys and the counters; a report can do without. */
static void ask(struct batv_report *r)
{
	if (access(r->ctl->config_path, R_OK) != 0)
		return;
	r->asked = batv_ctl_ask(r->ctl, &r->asking) == BATV_CTL_YES;
	if (r->asked)
		r->log.keys = &r->asking.context.state->ring;
}

static int prepare(struct batv_report *r, char **args, int n)
{
	char *end = NULL;
	int code;

	r->own = n == 0;
	r->top = TOP;
	(void)gethostname(r->host, sizeof r->host - 1);
	if (r->ctl->top) {
		r->top = strtoul(r->ctl->top, &end, 10);
		if (!batv_is_digit(r->ctl->top[0]) || *end || r->top == 0 || r->top > 1000)
			return batv_ctl_fail(BATV_CTL_USAGE,
					     "report: --top: expected a number from 1 to 1000, not "
					     "%s",
					     r->ctl->top);
	}
	code = take_times(r);
	if (code)
		return code;
	ask(r);
	if (r->own)
		return find_own(r);
	if (!batv_log_files_take(&r->files, args, (size_t)n))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "report: %s", r->files.why);
	return BATV_CTL_YES;
}

static int run(struct batv_report *r, char **args, int n)
{
	int code = prepare(r, args, n);
	bool whole;

	if (code)
		return code;
	r->log.anonymous = r->ctl->anonymous;
	if (!batv_log_report_start(&r->log))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	whole = read_files(r);
	if (r->ctl->json) {
		if (!batv_ctl_print_json(batv_ctl_report_json(r)))
			return BATV_CTL_TROUBLE;
	} else if (r->ctl->csv) {
		batv_ctl_report_csv(r);
	} else {
		batv_ctl_report_page(r);
	}
	return whole ? BATV_CTL_YES : BATV_CTL_TROUBLE;
}

int batv_ctl_report(struct batv_ctl *ctl, char **args, int n)
{
	static struct batv_report report;
	int code;

	if (ctl->csv && ctl->json)
		return batv_ctl_fail(BATV_CTL_USAGE, "report: expected --csv or --json, not both");
	report.ctl = ctl;
	code = run(&report, args, n);
	batv_log_report_end(&report.log);
	batv_log_files_free(&report.files);
	if (report.asked)
		batv_ctl_ask_end(&report.asking);
	return code;
}
