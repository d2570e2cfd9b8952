/*
 * ctl_report.h - what batvctl report has gathered, and its printers.
 */
#ifndef BATV_CTL_REPORT_H
#define BATV_CTL_REPORT_H

#include "ctl_ask.h"
#include "ctl_log.h"
#include "log_report.h"

struct batv_report {
	struct batv_ctl *ctl;
	struct batv_ctl_log source;
	struct batv_log_report log;
	struct batv_asking asking;
	bool asked; /* `asking` is open */
	size_t top; /* how much of each list is shown */
	char host[256];
};

/* How much mail left signed on that day, by the memory's count; false: not known. */
bool batv_ctl_report_signed(struct batv_report *r, int64_t day, uint64_t *out);

void batv_ctl_report_page(struct batv_report *r);
json_t *batv_ctl_report_json(struct batv_report *r);
void batv_ctl_report_csv(struct batv_report *r);

/* "expired", "forged", "mailed": why a refusal is doubtful. */
const char *batv_ctl_report_doubt_name(enum batv_log_doubt why);

#endif
