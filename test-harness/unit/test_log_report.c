/* links: log/log_anonymous log/log_report log/log_line log/log_decision log/log_mailed log/log_ranking core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class core/tag/tag core/tag/key core/tag/addr core/base/network core/base/hmac core/base/span */
/*
 * test_log_report.c - what is added up, what is called doubtful, and the bounds of the tables.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/days.h"
#include "log_report.h"
#include "unit.h"

#define HEAD "2026-11-22 20:00:00 "
#define DAY_OF_HEAD (INT64_C(1795377600) / 86400)

static struct batv_log_report report;

static void begin(void)
{
	report = (struct batv_log_report){.until = INT64_MAX};
	ck_assert(batv_log_report_start(&report));
}

static void end(void)
{
	batv_log_report_end(&report);
}

static void take(const char *text)
{
	batv_log_report_lines(&report, batv_span_of(text));
}

static void decided(const char *head, const char *verdict, const char *action, const char *rcpt,
		    const char *host)
{
	char line[600];

	snprintf(line, sizeof line,
		 "%s 1vMabc-000000001ab-1Ab2 batv: verdict=%s action=%s mode=reject rcpt=<%s> "
		 "class=dsn host=[%s] key=- msgid=- reason=%s policy=default\n",
		 head, verdict, action, rcpt, host,
		 strcmp(verdict, "remembered") == 0 ? "pair"
		 : strcmp(action, "mark")           ? "-"
						    : "not-armed");
	take(line);
}

START_TEST(sums)
{
	decided("2026-11-22 20:00:00", "missing", "reject", "Ann@Test", "192.0.2.1");
	decided("2026-11-23 20:00:00", "missing", "reject", "ann@test", "192.0.2.1");
	decided("2026-11-21 20:00:00", "forged", "reject", "prvs=6123abcdef=ann@test", "192.0.2.2");
	decided("2026-11-21 20:00:00", "missing", "mark", "bob@test", "192.0.2.2");
	decided("2026-11-21 20:00:00", "valid", "accept", "prvs=6123abcdef=ann@test", "192.0.2.2");
	decided("2026-11-21 20:00:00", "remembered", "accept", "ann@test", "192.0.2.2");
	decided("2026-11-21 20:00:00", "missing", "defer", "ann@test", "192.0.2.2");
	decided("2026-11-21 20:00:00", "missing", "sing", "ann@test", "192.0.2.2");
	ck_assert_uint_eq(report.odd, 1);
	take("nonsense\n");
	ck_assert_uint_eq(report.n_days, 3);
	ck_assert_int_eq(report.days[0].day, DAY_OF_HEAD - 1);
	ck_assert_int_eq(report.days[2].day, DAY_OF_HEAD + 1);
	ck_assert_uint_eq(report.days[0].figures[BATV_LOG_REFUSED], 1);
	ck_assert_uint_eq(report.figures[BATV_LOG_REFUSED], 3);
	ck_assert_uint_eq(report.figures[BATV_LOG_WOULD], 1);
	ck_assert_uint_eq(report.figures[BATV_LOG_BACK_BY_TAG], 1);
	ck_assert_uint_eq(report.figures[BATV_LOG_BACK_BY_MEMORY], 1);
	ck_assert_uint_eq(report.figures[BATV_LOG_DEFERRED], 1);
	ck_assert_uint_eq(report.verdicts[BATV_MISSING], 2);
	ck_assert_uint_eq(report.verdicts[BATV_FORGED], 1);
	ck_assert_uint_eq(report.odd, 2);
	ck_assert_uint_eq(report.lines, 9);
	ck_assert_uint_eq(batv_log_ranking_count(&report.rcpts, batv_span_of("ann@test")), 3);
	ck_assert_uint_eq(batv_log_ranking_count(&report.hosts, batv_span_of("192.0.2.1")), 2);
	ck_assert_int_eq(report.first, (DAY_OF_HEAD - 1) * 86400 + 20 * 3600);
}
END_TEST

START_TEST(a_part_of_the_time)
{
	report.since = DAY_OF_HEAD * 86400;
	report.until = (DAY_OF_HEAD + 1) * 86400;
	decided("2026-11-21 23:59:59", "missing", "reject", "a@test", "192.0.2.1");
	decided("2026-11-22 00:00:00", "missing", "reject", "a@test", "192.0.2.1");
	decided("2026-11-22 23:59:59", "missing", "reject", "a@test", "192.0.2.1");
	decided("2026-11-23 00:00:00", "missing", "reject", "a@test", "192.0.2.1");
	ck_assert_uint_eq(report.figures[BATV_LOG_REFUSED], 2);
	ck_assert_uint_eq(report.n_days, 1);
}
END_TEST

static void sent(const char *when, const char *id, const char *from, const char *host)
{
	char lines[600];

	snprintf(lines, sizeof lines,
		 "%s %s <= %s U=a P=local S=1\n%s %s => b@theirs.test R=r T=t H=mx.test [%s]\n",
		 when, id, from, when, id, host);
	take(lines);
}

START_TEST(mail_to_that_host)
{
	sent("2026-11-20 08:00:00", "1vMabc-000000001ab-0001", "prvs=6123abcdef=Ann@test",
	     "192.0.2.1");
	sent("2026-11-10 08:00:00", "1vMabc-000000001ab-0002", "bob@test", "192.0.2.1");
	decided("2026-11-22 20:00:00", "missing", "reject", "ann@test", "192.0.2.1"); /* 2 days */
	decided("2026-11-22 20:00:00", "missing", "reject", "ann@test",
		"192.0.2.2"); /* not there */
	decided("2026-11-22 20:00:00", "missing", "reject", "bob@test", "192.0.2.1"); /* 12 days */
	decided("2026-11-22 20:00:00", "missing", "mark", "ann@test", "192.0.2.1"); /* delivered */
	sent("2026-11-22 21:30:00", "1vMabc-000000001ab-0003", "cee@test", "192.0.2.3");
	decided("2026-11-22 20:00:00", "missing", "reject", "cee@test",
		"192.0.2.3"); /* before it */
	ck_assert_uint_eq(report.doubtful, 1);
	decided("2026-11-22 20:40:00", "missing", "reject", "cee@test",
		"192.0.2.3"); /* clocks went back */
	ck_assert_uint_eq(report.doubtful, 2);
	ck_assert_uint_eq(batv_log_report_looks(&report), 2);
	ck_assert_int_eq(batv_log_report_look(&report, 0)->why, BATV_LOG_DOUBT_MAILED);
	ck_assert_str_eq(batv_log_report_look(&report, 0)->rcpt, "ann@test");
	ck_assert_int_eq(batv_log_report_look(&report, 0)->mailed,
			 (DAY_OF_HEAD - 2) * 86400 + 8 * 3600);
}
END_TEST

START_TEST(expired_and_forged)
{
	struct batv_keyring ring = {.n_keys = 1};

	ring.keys[0] = (struct batv_key){.number = 6,
					 .day = 123,
					 .from = DAY_OF_HEAD * 86400,
					 .destroy = (DAY_OF_HEAD + 14) * 86400};
	decided("2026-11-22 20:00:00", "forged", "reject", "prvs=6123abcdef=a@test", "192.0.2.1");
	ck_assert_uint_eq(report.doubtful, 0); /* no keys are known */
	report.keys = &ring;
	decided("2026-11-22 20:00:00", "forged", "reject", "prvs=6123abcdef=a@test", "192.0.2.1");
	ck_assert_uint_eq(report.doubtful, 1);
	decided("2026-11-22 20:00:00", "forged", "reject", "prvs=6124abcdef=a@test", "192.0.2.1");
	decided("2026-11-22 20:00:00", "forged", "reject", "prvs=5123abcdef=a@test", "192.0.2.1");
	decided("2027-11-22 20:00:00", "forged", "reject", "prvs=6123abcdef=a@test", "192.0.2.1");
	ck_assert_uint_eq(report.doubtful, 1);
	decided("2026-11-22 20:00:00", "expired", "reject", "prvs=6123abcdef=a@test", "192.0.2.1");
	ck_assert_uint_eq(report.doubtful, 2);
	ck_assert_int_eq(batv_log_report_look(&report, 0)->why, BATV_LOG_DOUBT_FORGED);
	ck_assert_int_eq(batv_log_report_look(&report, 1)->why, BATV_LOG_DOUBT_EXPIRED);
}
END_TEST

START_TEST(the_last_looks_are_kept)
{
	for (int i = 0; i < BATV_LOG_REPORT_DOUBTFUL + 5; i++) {
		char rcpt[40];

		snprintf(rcpt, sizeof rcpt, "u%d@test", i);
		decided("2026-11-22 20:00:00", "expired", "reject", rcpt, "192.0.2.1");
	}
	ck_assert_uint_eq(report.doubtful, BATV_LOG_REPORT_DOUBTFUL + 5);
	ck_assert_uint_eq(batv_log_report_looks(&report), BATV_LOG_REPORT_DOUBTFUL);
	ck_assert_str_eq(batv_log_report_look(&report, 0)->rcpt, "u5@test");
	ck_assert_str_eq(batv_log_report_look(&report, BATV_LOG_REPORT_DOUBTFUL - 1)->rcpt,
			 "u1004@test");
}
END_TEST

START_TEST(before_exim_batv)
{
	sent("2026-11-20 08:00:00", "1vMabc-000000001ab-0001", "ann@test", "192.0.2.1");
	take(HEAD "1vMabc-000000001ab-0002 <= <> H=x [192.0.2.1] P=esmtp S=1\n" HEAD
		  "1vMabc-000000001ab-0002 => ann <Ann@test> R=local T=local\n" HEAD
		  "1vMabc-000000001ab-0003 <= <> H=x [192.0.2.2] P=esmtp S=1\n" HEAD
		  "1vMabc-000000001ab-0003 => carl@test R=local T=local\n" HEAD
		  "1vMabc-000000001ab-0004 <= <> R=1vMabc-000000001ab-0001 U=e P=local S=1\n" HEAD
		  "1vMabc-000000001ab-0004 => dan@test R=local T=local\n");
	ck_assert_uint_eq(report.figures[BATV_LOG_BOUNCES], 2);
	ck_assert_uint_eq(report.figures[BATV_LOG_STRANGERS], 1);
	ck_assert_uint_eq(report.bounced.n, 2);
	ck_assert_uint_eq(batv_log_ranking_count(&report.bounced, batv_span_of("ann@test")), 1);
	ck_assert_uint_eq(batv_log_ranking_count(&report.bounced, batv_span_of("carl@test")), 1);
}
END_TEST

START_TEST(domains_and_networks)
{
	report.anonymous = true;
	decided("2026-11-22 20:00:00", "missing", "reject", "ann@test.example", "192.0.2.1");
	decided("2026-11-22 20:00:00", "expired", "reject", "prvs=6123abcdef=bob@test.example",
		"192.0.2.9");
	ck_assert_uint_eq(batv_log_ranking_count(&report.rcpts, batv_span_of("test.example")), 2);
	ck_assert_uint_eq(batv_log_ranking_count(&report.hosts, batv_span_of("192.0.2.0/24")), 2);
	ck_assert_str_eq(batv_log_report_look(&report, 0)->rcpt, "test.example");
	ck_assert_str_eq(batv_log_report_look(&report, 0)->host, "192.0.2.0/24");
}
END_TEST

START_TEST(a_ranking_has_bounds)
{
	struct batv_log_ranking r = {0};
	struct batv_log_ranked top[3];
	char name[32];

	for (uint64_t i = 0; i < BATV_LOG_RANKING_MAX + 100; i++) {
		snprintf(name, sizeof name, "n%llu", (unsigned long long)i);
		batv_log_ranking_add(&r, batv_span_of(name), 1);
	}
	batv_log_ranking_add(&r, batv_span_of("n7"), 5);
	batv_log_ranking_add(&r, batv_span_of("n9"), 2);
	batv_log_ranking_add(&r, batv_span_of("n8"), 2);
	ck_assert_uint_eq(r.n, BATV_LOG_RANKING_MAX);
	ck_assert_uint_eq(r.others, 100);
	ck_assert_uint_eq(r.sum, BATV_LOG_RANKING_MAX + 109);
	ck_assert_uint_eq(batv_log_ranking_top(&r, top, 3), 3);
	ck_assert_str_eq(top[0].name, "n7");
	ck_assert_str_eq(top[1].name, "n8");
	ck_assert_str_eq(top[2].name, "n9");
	ck_assert_uint_eq(top[0].count, 6);
	batv_log_ranking_free(&r);
}
END_TEST

static const struct {
	const char *line;
	enum batv_log_figure figure; /* BATV_LOG_FIGURES: none */
} unread[] = {
#define UNREAD(flood, action, rcpt, host)                                                          \
 "batv: flood=" flood " count=6 limit=5 action=" action " rcpt=" rcpt " host=" host " period=1h"
	{UNREAD("rcpt", "refused", "<Ann@test>", "[192.0.2.1]"), BATV_LOG_UNREAD_REFUSED},
	{UNREAD("host", "deferred", "<ann@test>", "[2001:db8::1]"), BATV_LOG_UNREAD_DEFERRED},
	{UNREAD("rcpt", "deferred", "<ann@test>", "[192.0.2.1]"), BATV_LOG_FIGURES},
	{UNREAD("host", "refused", "<ann@test>", "[192.0.2.1]"), BATV_LOG_FIGURES},
	{UNREAD("tag", "deferred", "<ann@test>", "[192.0.2.1]"), BATV_LOG_FIGURES},
	{UNREAD("rcpt", "refused", "ann@test", "[192.0.2.1]"), BATV_LOG_FIGURES},
	{UNREAD("rcpt", "refused", "<ann@test>", "192.0.2.1"), BATV_LOG_FIGURES},
	{"batv: flood=rcpt count=6 limit=x action=refused rcpt=<a> host=[x] period=1h",
	 BATV_LOG_FIGURES},
	{"batv: flood=rcpt count= limit=5 action=refused rcpt=<a> host=[x] period=1h",
	 BATV_LOG_FIGURES},
	{"batv: flood=rcpt count=6 limit=5 action=refused rcpt=<a> host=[x]", BATV_LOG_FIGURES},
};

/* What is turned away at RCPT has no id; with one, the line is another one of ours. */
START_TEST(turned_away)
{
	char text[300];

	snprintf(text, sizeof text, "2026-11-22 20:00:00 %s\n", unread[_i].line);
	take(text);
	for (int f = 0; f < BATV_LOG_FIGURES; f++)
		ck_assert_uint_eq(report.figures[f], f == (int)unread[_i].figure);
	ck_assert_uint_eq(report.odd, unread[_i].figure == BATV_LOG_FIGURES);
	ck_assert_uint_eq(report.rcpts.sum, unread[_i].figure == BATV_LOG_UNREAD_REFUSED);
	ck_assert_uint_eq(report.hosts.sum, unread[_i].figure == BATV_LOG_UNREAD_REFUSED);
	snprintf(text, sizeof text, "2026-11-22 20:00:00 1vMabc-000000001ab-0001 %s\n",
		 unread[_i].line);
	take(text);
	ck_assert_uint_eq(report.decisions, unread[_i].figure != BATV_LOG_FIGURES);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("log_report");
	TCase *tc = tcase_create("log_report"), *alone = tcase_create("ranking");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, sums);
	tcase_add_test(tc, a_part_of_the_time);
	tcase_add_test(tc, mail_to_that_host);
	tcase_add_test(tc, expired_and_forged);
	tcase_add_test(tc, the_last_looks_are_kept);
	tcase_add_test(tc, before_exim_batv);
	tcase_add_test(tc, domains_and_networks);
	tcase_add_loop_test(tc, turned_away, 0, sizeof unread / sizeof unread[0]);
	suite_add_tcase(s, tc);
	tcase_add_test(alone, a_ranking_has_bounds);
	suite_add_tcase(s, alone);
	return s;
}
