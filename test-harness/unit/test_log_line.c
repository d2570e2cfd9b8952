/* links: log/log_line log/log_decision core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class core/tag/addr core/base/span */
/*
 * test_log_line.c - the head of a line of Exim's log, and our own line.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_decision.h"
#include "log_line.h"
#include "unit.h"

#define ID "1vMabc-000000001ab-1Ab2"
#define DECIDED                                                                                    \
 "verdict=missing action=reject mode=reject rcpt=<a@b.test> class=dsn host=[192.0.2.1] key=- "     \
 "msgid=- reason=- policy=default"

static const struct {
	const char *line;
	enum batv_log_mark mark;
	const char *id, *rest;
} heads[] = {
	{"2026-11-22 20:00:00 " ID " <= a@b H=x", BATV_LOG_ARRIVED, ID, "a@b H=x"},
	{"2026-11-22 20:00:00 " ID " => a@b R=x", BATV_LOG_DELIVERED, ID, "a@b R=x"},
	{"2026-11-22 20:00:00 " ID " -> a@b R=x", BATV_LOG_DELIVERED, ID, "a@b R=x"},
	{"2026-11-22 20:00:00 " ID " >> a@b R=x", BATV_LOG_DELIVERED, ID, "a@b R=x"},
	{"2026-11-22 20:00:00 " ID " == a@b R=x", BATV_LOG_ELSE, ID, NULL},
	{"2026-11-22 20:00:00 " ID " ** a@b R=x", BATV_LOG_ELSE, ID, NULL},
	{"2026-11-22 20:00:00 " ID " Completed", BATV_LOG_ELSE, ID, NULL},
	{"2026-11-22 20:00:00 1vMabc-0000ab-1A <= a@b", BATV_LOG_ARRIVED, "1vMabc-0000ab-1A",
	 "a@b"},
	{"2026-11-22 20:00:00.123 +0100 [47] " ID " <= a@b", BATV_LOG_ARRIVED, ID, "a@b"},
	{"2026-11-22 20:00:00 -0430 " ID " <= a@b", BATV_LOG_ARRIVED, ID, "a@b"},
	{"2026-11-22 20:00:00 [47] " ID " <= a@b", BATV_LOG_ARRIVED, ID, "a@b"},
	{"2026-11-22 20:00:00 " ID " batv: verdict=valid", BATV_LOG_DECIDED, ID, "verdict=valid"},
	{"2026-11-22 20:00:00 " ID " batv: trouble=state", BATV_LOG_ELSE, ID, NULL},
	{"2026-11-22 20:00:00 batv: verdict=valid", BATV_LOG_ELSE, "", NULL},
	{"2026-11-22 20:00:00 H=(" ID " <= a@b) [192.0.2.1]", BATV_LOG_ELSE, "", NULL},
	{"2026-11-22 20:00:00 " ID " H=x F=<> rejected: batv: verdict=valid", BATV_LOG_ELSE, ID,
	 NULL},
	{"2026-11-22 20:00:00", BATV_LOG_NO_LINE, "", NULL},
	{"2026-11-22 20:00:00 ", BATV_LOG_ELSE, "", NULL},
	{"2026-11-22 20:00:00 [", BATV_LOG_ELSE, "", NULL},
	{"batv: verdict=valid and more text here", BATV_LOG_NO_LINE, "", NULL},
	{"", BATV_LOG_NO_LINE, "", NULL},
};

START_TEST(a_head)
{
	struct batv_log_line line;

	batv_log_line_read(batv_span_of(heads[_i].line), &line);
	ck_assert_int_eq(line.mark, heads[_i].mark);
	ck_assert(batv_span_equal(line.id, batv_span_of(heads[_i].id)));
	if (heads[_i].rest)
		ck_assert(batv_span_equal(line.rest, batv_span_of(heads[_i].rest)));
}
END_TEST

/* Every beginning of a line, in memory that ends with it. */
START_TEST(cut_lines)
{
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		for (size_t n = 0; n <= strlen(heads[i].line); n++) {
			char *copy = malloc(n ? n : 1);
			struct batv_log_line line;
			struct batv_span host;

			ck_assert_ptr_nonnull(copy);
			memcpy(copy, heads[i].line, n);
			batv_log_line_read((struct batv_span){copy, n}, &line);
			(void)batv_log_line_host(line.rest, &host);
			ck_assert(line.rest.len <= n);
			free(copy);
		}
}
END_TEST

START_TEST(times)
{
	struct batv_log_line line;
	int64_t when;

	batv_log_line_read(batv_span_of("2026-11-22 20:00:07 " ID " Completed"), &line);
	ck_assert(batv_log_line_seconds(&line, &when));
	ck_assert_int_eq(when, INT64_C(1795377607));
	ck_assert(batv_log_line_day(batv_span_of("2000-02-29"), &when) && when == 11016);
	ck_assert(batv_log_line_day(batv_span_of("1970-01-01"), &when) && when == 0);
	ck_assert(!batv_log_line_day(batv_span_of("2026-13-01"), &when));
	ck_assert(!batv_log_line_day(batv_span_of("2026-1a-01"), &when));
}
END_TEST

static const struct {
	const char *fields, *host; /* NULL: none */
} hosts[] = {
	{"R=x T=y H=mx.test [192.0.2.1]:25 X=z", "192.0.2.1"},
	{"H=mx.test (helo) [2001:db8::1] P=esmtp", "2001:db8::1"},
	{"H=(helo) [192.0.2.1]", "192.0.2.1"},
	{"H=[192.0.2.1] P=smtp", "192.0.2.1"},
	{"F=<\"x H=evil [192.0.2.66] \"@z.test> R=x H=mx.test [192.0.2.1]", "192.0.2.1"},
	{"R=x T=local_delivery", NULL},
	{"R=x H=mx.test", NULL},
	{"R=x H=mx.test 192.0.2.1", NULL},
	{"C=\"250 H=evil [192.0.2.66]\"", NULL},
};

START_TEST(a_host)
{
	struct batv_span host;

	ck_assert(batv_log_line_host(batv_span_of(hosts[_i].fields), &host) ==
		  (hosts[_i].host != NULL));
	if (hosts[_i].host)
		ck_assert(batv_span_equal(host, batv_span_of(hosts[_i].host)));
}
END_TEST

START_TEST(a_decision)
{
	struct batv_log_decision d;

	ck_assert(batv_log_decision_read(batv_span_of(DECIDED " more=1"), &d));
	ck_assert_int_eq(d.verdict, BATV_MISSING);
	ck_assert_int_eq(d.action, BATV_ACTION_REJECT);
	ck_assert(batv_span_equal(d.rcpt, batv_span_of("a@b.test")));
	ck_assert(batv_span_equal(d.host, batv_span_of("192.0.2.1")));
	ck_assert(batv_log_decision_refused(&d) && !batv_log_decision_would(&d));
}
END_TEST

static const struct {
	const char *verdict, *action, *reason;
	bool refused, would;
} kinds[] = {
	{"missing", "mark", "not-armed", false, true},
	{"forged", "mark", "observe", false, true},
	{"expired", "accept", "observe-file", false, true},
	{"missing", "mark", "mixed", false, false},
	{"missing", "remove", "-", true, false},
	{"valid", "accept", "-", false, false},
	{"missing", "defer", "-", false, false},
	{"exempt", "accept", "own-host", false, false},
};

START_TEST(refused_or_not)
{
	struct batv_log_decision d;
	char line[300];

	snprintf(line, sizeof line,
		 "verdict=%s action=%s mode=reject rcpt=<a@b> class=dsn host=- key=- msgid=- "
		 "reason=%s policy=default",
		 kinds[_i].verdict, kinds[_i].action, kinds[_i].reason);
	ck_assert(batv_log_decision_read(batv_span_of(line), &d));
	ck_assert(batv_log_decision_refused(&d) == kinds[_i].refused);
	ck_assert(batv_log_decision_would(&d) == kinds[_i].would);
	ck_assert(d.host.len == 0);
}
END_TEST

static const char *const wrong[] = {
	"verdict=missing",
	"verdict=sure action=reject mode=reject rcpt=<a@b> class=dsn host=- key=- msgid=- reason=- "
	"policy=-",
	"verdict=missing action=burn mode=reject rcpt=<a@b> class=dsn host=- key=- msgid=- "
	"reason=- policy=-",
	"verdict=missing action=reject mode=reject rcpt=a@b class=dsn host=- key=- msgid=- "
	"reason=- policy=-",
	"action=reject verdict=missing mode=reject rcpt=<a@b> class=dsn host=- key=- msgid=- "
	"reason=- policy=-",
	"verdict=missing action=reject mode=reject rcpt=<a@b> class=dsn host=- key=- msgid=- "
	"reason=why policy=-",
};

START_TEST(no_decision)
{
	struct batv_log_decision d;

	ck_assert(!batv_log_decision_read(batv_span_of(wrong[_i]), &d));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("log_line");
	TCase *tc = tcase_create("log_line");

	tcase_add_loop_test(tc, a_head, 0, sizeof heads / sizeof heads[0]);
	tcase_add_test(tc, cut_lines);
	tcase_add_test(tc, times);
	tcase_add_loop_test(tc, a_host, 0, sizeof hosts / sizeof hosts[0]);
	tcase_add_test(tc, a_decision);
	tcase_add_loop_test(tc, refused_or_not, 0, sizeof kinds / sizeof kinds[0]);
	tcase_add_loop_test(tc, no_decision, 0, sizeof wrong / sizeof wrong[0]);
	suite_add_tcase(s, tc);
	return s;
}
