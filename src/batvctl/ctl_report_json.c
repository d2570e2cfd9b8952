/*
 * ctl_report_json.c - batvctl report --json and --csv.  docs/formats.md describes both.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/days.h"
#include "ctl_report.h"

#define DATE_SIZE 16

/* The names of the figures in both formats; columns and members are only ever added. */
static const char *const names[BATV_LOG_FIGURES] = {
	[BATV_LOG_BACK_BY_TAG] = "ours_by_tag",
	[BATV_LOG_BACK_BY_MEMORY] = "ours_by_memory",
	[BATV_LOG_REFUSED] = "refused",
	[BATV_LOG_WOULD] = "would_be_refused",
	[BATV_LOG_SPARED] = "marked_otherwise",
	[BATV_LOG_DEFERRED] = "deferred",
	[BATV_LOG_BOUNCES] = "bounces_from_outside",
	[BATV_LOG_STRANGERS] = "bounces_from_strangers",
	[BATV_LOG_UNREAD_REFUSED] = "refused_unread",
	[BATV_LOG_UNREAD_DEFERRED] = "deferred_unread",
};

static void date_of(int64_t day, char out[static DATE_SIZE])
{
	time_t t = (time_t)(day * BATV_DAY);
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm))
		(void)strftime(out, DATE_SIZE, "%Y-%m-%d", &tm);
}

static json_t *json_figures(const uint64_t figures[BATV_LOG_FIGURES])
{
	json_t *o = json_object();

	for (int i = 0; i < BATV_LOG_FIGURES; i++)
		batv_ctl_put_number(o, names[i], figures[i]);
	return o;
}

static json_t *json_days(struct batv_report *r)
{
	json_t *days = json_array();

	for (size_t i = batv_ctl_report_first_day(r); i < r->log.n_days; i++) {
		json_t *o = json_figures(r->log.days[i].figures);
		char date[DATE_SIZE];
		uint64_t n;

		date_of(r->log.days[i].day, date);
		batv_ctl_put_text(o, "day", date);
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n))
			batv_ctl_put_number(o, "signed", n);
		else
			batv_ctl_put(o, "signed", json_null());
		json_array_append_new(days, o);
	}
	return days;
}

static json_t *json_ranking(const struct batv_report *r, const struct batv_log_ranking *ranking,
			    const char *name)
{
	struct batv_log_ranked top[1000];
	size_t n = batv_log_ranking_top(ranking, top, r->top);
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *item = json_object();

		batv_ctl_put_text(item, name, top[i].name);
		batv_ctl_put_number(item, "count", top[i].count);
		json_array_append_new(list, item);
	}
	batv_ctl_put_number(o, "different", ranking->n);
	batv_ctl_put_number(o, "count", ranking->sum);
	batv_ctl_put(o, "top", list);
	return o;
}

static json_t *json_looks(const struct batv_report *r)
{
	size_t n = batv_log_report_looks(&r->log);
	json_t *o = json_object(), *list = json_array();

	for (size_t i = batv_ctl_report_first_look(r); i < n; i++) {
		const struct batv_log_doubtful *d = batv_log_report_look(&r->log, i);
		json_t *item = json_object();

		batv_ctl_log_put(item, "when", d->when);
		batv_ctl_put_text(item, "id", d->id);
		batv_ctl_put_text(item, "recipient", d->rcpt);
		batv_ctl_put_text(item, "host", d->host);
		batv_ctl_put_text(item, "why", batv_ctl_report_doubt_name(d->why));
		batv_ctl_log_put(item, "mailed", d->mailed);
		json_array_append_new(list, item);
	}
	batv_ctl_put_number(o, "count", r->log.doubtful);
	batv_ctl_put(o, "last", list);
	return o;
}

static json_t *json_domains(struct batv_report *r)
{
	static struct batv_report_domain domains[BATV_REPORT_DOMAINS];
	size_t all, n = batv_ctl_report_domains(r, domains, &all);
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *item = json_object();

		batv_ctl_put_text(item, "domain", domains[i].name);
		batv_ctl_put_flag(item, "refuses", domains[i].refuses);
		batv_ctl_log_put(item, "signed_since", domains[i].since);
		batv_ctl_log_put(item, "grace_since", domains[i].grace);
		batv_ctl_log_put(item, domains[i].refuses ? "refuses_since" : "not_before",
				 domains[i].when);
		batv_ctl_put_text(item, "why", domains[i].why);
		json_array_append_new(list, item);
	}
	batv_ctl_put_number(o, "count", all);
	batv_ctl_put(o, "named", list);
	return o;
}

static json_t *json_read(const struct batv_report *r)
{
	json_t *o = json_object();

	batv_ctl_log_put_files(o, &r->source);
	batv_ctl_put_number(o, "bytes", r->source.bytes);
	batv_ctl_put_number(o, "lines", r->log.lines);
	batv_ctl_put_number(o, "not_understood", r->log.odd);
	return o;
}

json_t *batv_ctl_report_json(struct batv_report *r)
{
	json_t *o = json_object(), *verdicts = json_object();

	for (int v = BATV_MISSING; v < BATV_VERDICT_COUNT; v++)
		batv_ctl_put_number(verdicts, batv_verdict_name((enum batv_verdict)v),
				    r->log.verdicts[v]);
	batv_ctl_put_text(o, "host", r->host);
	batv_ctl_put(o, "read", json_read(r));
	batv_ctl_log_put(o, "first", r->log.first);
	batv_ctl_log_put(o, "last", r->log.last);
	batv_ctl_put_number(o, "decisions", r->log.decisions);
	batv_ctl_put(o, "figures", json_figures(r->log.figures));
	batv_ctl_put(o, "days", json_days(r));
	batv_ctl_put(o, "refused_verdicts", verdicts);
	batv_ctl_put(o, "refused_recipients", json_ranking(r, &r->log.rcpts, "recipient"));
	batv_ctl_put(o, "refused_hosts", json_ranking(r, &r->log.hosts, "host"));
	batv_ctl_put(o, "would_be_refused_recipients",
		     json_ranking(r, &r->log.would_rcpts, "recipient"));
	batv_ctl_put(o, "bounced_recipients", json_ranking(r, &r->log.bounced, "recipient"));
	batv_ctl_put(o, "look_at", json_looks(r));
	batv_ctl_put(o, "domains", json_domains(r));
	return o;
}

void batv_ctl_report_csv(struct batv_report *r)
{
	printf("day,signed");
	for (int i = 0; i < BATV_LOG_FIGURES; i++)
		printf(",%s", names[i]);
	printf("\r\n");
	for (size_t i = 0; i < r->log.n_days; i++) {
		char date[DATE_SIZE];
		uint64_t n;

		date_of(r->log.days[i].day, date);
		printf("%s,", date);
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n))
			printf("%" PRIu64, n);
		for (int j = 0; j < BATV_LOG_FIGURES; j++)
			printf(",%" PRIu64, r->log.days[i].figures[j]);
		printf("\r\n");
	}
}
