/*
 * ctl_report.h - what batvctl report has gathered, and its printers.
 */
#ifndef BATV_CTL_REPORT_H
#define BATV_CTL_REPORT_H

#include <stdio.h>

#include "arming.h"
#include "ctl_ask.h"
#include "ctl_log.h"
#include "log_report.h"

struct batv_report {
	struct batv_ctl *ctl;
	struct batv_ctl_log source;
	struct batv_log_report log;
	struct batv_asking asking;
	bool asked; /* `asking` is open */
	char host[256];
	/* how much is shown */
	size_t top;        /* of each list */
	size_t last_days;  /* of the days */
	size_t last_files; /* of the files' names */
};

/* How much mail left signed on that day, by the memory's count; false: not known. */
bool batv_ctl_report_signed(struct batv_report *r, int64_t day, uint64_t *out);

/* The first of the days, files and doubtful refusals that are shown. */
size_t batv_ctl_report_first_day(const struct batv_report *r);
size_t batv_ctl_report_first_file(const struct batv_report *r);
size_t batv_ctl_report_first_look(const struct batv_report *r);

/* "expired", "forged", "mailed": why a refusal is doubtful. */
const char *batv_ctl_report_doubt_name(enum batv_log_doubt why);
/* The same as a sentence. */
#define BATV_REPORT_WHY_SIZE 400
void batv_ctl_report_doubt_why(const struct batv_log_doubtful *d,
			       char out[static BATV_REPORT_WHY_SIZE]);

/* Texts.  They return `out`. */
#define BATV_REPORT_TEXT_SIZE BATV_CTL_LOG_TIME
const char *batv_ctl_report_weekday(int64_t day, char out[static BATV_REPORT_TEXT_SIZE]);
const char *batv_ctl_report_number(uint64_t n, char out[static BATV_REPORT_TEXT_SIZE]);
const char *batv_ctl_report_bytes(uint64_t bytes, char out[static BATV_REPORT_TEXT_SIZE]);
/* A name that a stranger may have chosen, printable and not too long. */
#define BATV_REPORT_NAME_SIZE 200
const char *batv_ctl_report_name(const char *name, char out[static BATV_REPORT_NAME_SIZE]);

/* ctl_report_arming.c: since when each domain has signed and refused, as far as it is known. */
struct batv_report_domain {
	char name[BATV_DOMAIN_NAME_MAX + 32]; /* printable */
	bool refuses;
	/* By the log's clock; 0: not known. */
	int64_t since; /* it signs */
	int64_t grace; /* the last beginning of grace */
	int64_t when;  /* it has armed, or will not before */
	char why[BATV_ARM_TEXT_SIZE];
};
/* Writes at most r->top, those that do not refuse first; returns how many; *all: all there are. */
#define BATV_REPORT_DOMAINS 20
size_t batv_ctl_report_domains(struct batv_report *r,
			       struct batv_report_domain out[static BATV_REPORT_DOMAINS],
			       size_t *all);

/* The printers.  HTML goes to the file of --html. */
void batv_ctl_report_page(struct batv_report *r);
json_t *batv_ctl_report_json(struct batv_report *r);
void batv_ctl_report_csv(struct batv_report *r);
int batv_ctl_report_html(struct batv_report *r);

/* ctl_report_chart.c: SVG without a scale of its own, so that texts keep their size. */
void batv_ctl_report_chart_days(FILE *out, struct batv_report *r);
void batv_ctl_report_chart_signed(FILE *out, struct batv_report *r);
struct batv_report_axis {
	int64_t from, now, to;
};
void batv_ctl_report_chart_domain(FILE *out, const struct batv_report_domain *d,
				  const struct batv_report_axis *axis);

extern const char batv_ctl_report_style[]; /* ctl_report_style.c: the page's CSS */

#endif
