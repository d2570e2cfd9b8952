/*
 * ctl_report.c - batvctl report: reads Exim's log and adds up what exim-batv did.
 */
#include <unistd.h>

#include "ctl_report.h"

#define TOP 10

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
	int code;

	r->top = TOP;
	r->last_days = r->last_files = SIZE_MAX;
	(void)gethostname(r->host, sizeof r->host - 1);
	code = batv_ctl_log_top(r->ctl, "report", &r->top);
	if (code)
		return code;
	ask(r);
	code = batv_ctl_log_start(&r->source, "7d", args, n);
	r->log.since = r->source.since;
	r->log.until = r->source.until;
	r->log.anonymous = r->ctl->anonymous;
	return code;
}

static void take_lines(void *ctx, struct batv_span lines)
{
	batv_log_report_lines(ctx, lines);
}

/* With --html, the terminal's page would be too much. */
static int print(struct batv_report *r)
{
	if (r->ctl->json && !batv_ctl_print_json(batv_ctl_report_json(r)))
		return BATV_CTL_TROUBLE;
	if (r->ctl->csv)
		batv_ctl_report_csv(r);
	if (r->ctl->html)
		return batv_ctl_report_html(r);
	if (!r->ctl->json && !r->ctl->csv)
		batv_ctl_report_page(r);
	return BATV_CTL_YES;
}

static int run(struct batv_report *r, char **args, int n)
{
	int code = prepare(r, args, n);
	bool whole;

	if (code)
		return code;
	if (!batv_log_report_start(&r->log))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	whole = batv_ctl_log_read(&r->source, take_lines, &r->log);
	r->log.odd += r->source.cut;
	code = print(r);
	return code || whole ? code : BATV_CTL_TROUBLE;
}

int batv_ctl_report(struct batv_ctl *ctl, char **args, int n)
{
	static struct batv_report report;
	int code;

	if (ctl->csv && ctl->json)
		return batv_ctl_fail(BATV_CTL_USAGE, "report: expected --csv or --json, not both");
	report.ctl = ctl;
	report.source = (struct batv_ctl_log){.ctl = ctl, .command = "report"};
	code = run(&report, args, n);
	batv_log_report_end(&report.log);
	batv_ctl_log_end(&report.source);
	if (report.asked)
		batv_ctl_ask_end(&report.asking);
	return code;
}
