/*
 * ctl_report_facts.c - what all printers of batvctl report ask, and the texts that they share.
 */
#include <string.h>
#include <time.h>

#include "base/days.h"
#include "ctl_layout.h"
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

void batv_ctl_report_doubt_why(const struct batv_log_doubtful *d,
			       char out[static BATV_REPORT_WHY_SIZE])
{
	char day[BATV_REPORT_TEXT_SIZE], rcpt[BATV_REPORT_NAME_SIZE];

	switch (d->why) {
	case BATV_LOG_DOUBT_EXPIRED:
		snprintf(out, BATV_REPORT_WHY_SIZE,
			 "expired: it answers mail that is older than key_retention");
		break;
	case BATV_LOG_DOUBT_FORGED:
		snprintf(out, BATV_REPORT_WHY_SIZE,
			 "forged, with number and day of a key that lives: a cut or changed tag?");
		break;
	case BATV_LOG_DOUBT_MAILED:
		snprintf(out, BATV_REPORT_WHY_SIZE, "%s had sent mail to that host on %s",
			 batv_ctl_report_name(d->rcpt, rcpt), batv_ctl_log_date(d->mailed, day));
		break;
	}
}

/* ---- how much is shown ---- */

static size_t first_of(size_t n, size_t wanted)
{
	return n > wanted ? n - wanted : 0;
}

size_t batv_ctl_report_first_day(const struct batv_report *r)
{
	return first_of(r->log.n_days, r->last_days);
}

size_t batv_ctl_report_first_file(const struct batv_report *r)
{
	return first_of(r->source.files.n, r->last_files);
}

size_t batv_ctl_report_first_look(const struct batv_report *r)
{
	return first_of(batv_log_report_looks(&r->log), r->top);
}

/* ---- texts ---- */

const char *batv_ctl_report_weekday(int64_t day, char out[static BATV_REPORT_TEXT_SIZE])
{
	struct tm tm = batv_ctl_log_tm(day * BATV_DAY);

	(void)strftime(out, BATV_REPORT_TEXT_SIZE, "%a %-d", &tm); /* Fri 20 */
	return out;
}

const char *batv_ctl_report_number(uint64_t n, char out[static BATV_REPORT_TEXT_SIZE])
{
	batv_ctl_layout_number(n, out, BATV_REPORT_TEXT_SIZE);
	return out;
}

const char *batv_ctl_report_bytes(uint64_t bytes, char out[static BATV_REPORT_TEXT_SIZE])
{
	static const char units[] = {'k', 'M', 'G', 'T'};
	double n = (double)bytes / 1000;
	size_t unit = 0;

	while (n >= 999.95 && unit + 1 < sizeof units) {
		n /= 1000;
		unit++;
	}
	snprintf(out, BATV_REPORT_TEXT_SIZE, "%.*f %cB", n < 10 ? 1 : 0, n, units[unit]);
	return out;
}

const char *batv_ctl_report_name(const char *name, char out[static BATV_REPORT_NAME_SIZE])
{
	batv_printable(batv_span_of(name), out, BATV_REPORT_NAME_SIZE);
	return out;
}
