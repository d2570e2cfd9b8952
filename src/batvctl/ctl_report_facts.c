/*
 * ctl_report_facts.c - what both printers of batvctl report ask.
 */
#include "base/days.h"
#include "ctl_report.h"
#include "memory/counters.h"

bool batv_ctl_report_signed(struct batv_report *r, int64_t day, uint64_t *out)
{
	int64_t ago = (int64_t)batv_day_of(r->ctl->clock) - day;

	if (!r->source.own || !r->asked || !r->asking.memory.base ||
	    !batv_counters_there(&r->asking.memory) || ago < 0 || ago >= BATV_COUNTER_DAYS)
		return false;
	*out = batv_counted(&r->asking.memory, BATV_COUNT_SIGNED, 1,
			    r->ctl->clock - ago * BATV_DAY);
	return true;
}

const char *batv_ctl_report_doubt_name(enum batv_log_doubt why)
{
	static const char *const names[] = {[BATV_LOG_DOUBT_EXPIRED] = "expired",
					    [BATV_LOG_DOUBT_FORGED] = "forged",
					    [BATV_LOG_DOUBT_MAILED] = "mailed"};

	return names[why];
}
