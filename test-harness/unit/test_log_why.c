/* links: log/log_anonymous log/log_why log/log_line log/log_decision core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class core/tag/tag core/tag/key core/tag/addr core/base/network core/base/hmac core/base/span */
/*
 * test_log_why.c - what matches a question, what is kept of it, and that strangers' text matches
 * nothing.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_why.h"
#include "unit.h"

static struct batv_log_why why;

static void ask(enum batv_log_why_kind kind, const char *text)
{
	why = (struct batv_log_why){.kind = kind, .until = INT64_MAX, .top = 3};
	snprintf(why.text, sizeof why.text, "%s", text);
	ck_assert(batv_log_why_start(&why));
}

static void ask_address(const char *address)
{
	why = (struct batv_log_why){.until = INT64_MAX, .top = 3};
	ck_assert(batv_log_why_address(&why, address));
	ck_assert(batv_log_why_start(&why));
}

static void ask_host(const char *address)
{
	why = (struct batv_log_why){.kind = BATV_LOG_WHY_HOST, .until = INT64_MAX, .top = 3};
	snprintf(why.hosts[0], sizeof why.hosts[0], "%s", address);
	why.n_hosts = 1;
	ck_assert(batv_log_why_start(&why));
}

static void end(void)
{
	batv_log_why_end(&why);
}

static void take(const char *text)
{
	batv_log_why_lines(&why, batv_span_of(text));
}

#define ID(n) "1vMabc-000000001ab-000" #n
#define AT "2026-11-22 20:00:00 "
#define DECIDED(id, rcpt, host)                                                                    \
 AT id " batv: verdict=missing action=reject mode=reject rcpt=<" rcpt "> class=dsn host=[" host    \
       "] key=- msgid=- reason=- policy=default\n"

static const struct batv_log_message *kept(size_t i)
{
	ck_assert_uint_lt(i, batv_log_why_kept(&why));
	return batv_log_why_message(&why, i);
}

static const char *lines_of[] = {
	DECIDED(ID(1), "ann@test", "192.0.2.1"),
	DECIDED(ID(2), "Ann@Test", "2001:db8::1"),
	DECIDED(ID(3), "prvs=6123abcdef=ann@test", "192.0.2.2"),
	DECIDED(ID(4), "prvs=7123abcdef=ann@test", "192.0.2.2"),
	DECIDED(ID(5), "joann@test", "192.0.2.22"),
};

static const struct {
	enum batv_log_why_kind kind;
	const char *text;
	uint64_t found;
} questions[] = {
	{BATV_LOG_WHY_ADDRESS, "ann@test", 4},
	{BATV_LOG_WHY_ADDRESS, "ANN@TEST", 4},
	{BATV_LOG_WHY_ADDRESS, "nn@test", 0},
	{BATV_LOG_WHY_TAGGED, "PRVS=6123abcdef=ann@test", 1},
	{BATV_LOG_WHY_TAGGED, "prvs=6123abcde0=ann@test", 0},
	{BATV_LOG_WHY_ID, ID(5), 1},
	{BATV_LOG_WHY_ID, ID(6), 0},
	{BATV_LOG_WHY_HOST, "192.0.2.2", 2},
	{BATV_LOG_WHY_HOST, "2001:0DB8:0:0::1", 1},
	{BATV_LOG_WHY_HOST, "192.0.2", 0},
};

START_TEST(what_matches)
{
	if (questions[_i].kind == BATV_LOG_WHY_ID)
		ask(BATV_LOG_WHY_ID, questions[_i].text);
	else if (questions[_i].kind == BATV_LOG_WHY_HOST)
		ask_host(questions[_i].text);
	else
		ask_address(questions[_i].text);
	ck_assert_int_eq(why.kind, questions[_i].kind);
	for (size_t i = 0; i < sizeof lines_of / sizeof lines_of[0]; i++)
		take(lines_of[i]);
	ck_assert_uint_eq(why.found, questions[_i].found);
	ck_assert_uint_eq(batv_log_why_kept(&why),
			  questions[_i].found > 3 ? 3 : questions[_i].found);
	ck_assert_uint_eq(why.decisions, sizeof lines_of / sizeof lines_of[0]);
	end();
}
END_TEST

START_TEST(newest_are_kept)
{
	ask_address("ann@test");
	for (size_t i = 0; i < sizeof lines_of / sizeof lines_of[0]; i++)
		take(lines_of[i]);
	take(AT ID(1) " Completed\n"); /* it is no longer kept */
	take(AT ID(4) " Completed\n");
	ck_assert_str_eq(kept(0)->id, ID(2));
	ck_assert_str_eq(kept(2)->id, ID(4));
	ck_assert_uint_eq(kept(0)->lines + kept(1)->lines, 0);
	ck_assert_str_eq(kept(2)->line[0], AT "Completed");
	end();
}
END_TEST

/* Lines of the same message before the decision, after it, and of others; in one block. */
START_TEST(exims_lines)
{
	char text[2000];

	ask_address("ann@test");
	snprintf(text, sizeof text, "%s", AT ID(9) " H=x [192.0.2.1] Warning: before another\n");
	strcat(text, AT ID(1) " H=x [192.0.2.1] Warning: before\n");
	strcat(text, DECIDED(ID(1), "ann@test", "192.0.2.1"));
	strcat(text, DECIDED(ID(1), "bob@test", "192.0.2.1"));
	strcat(text, AT ID(9) " Completed\n");
	strcat(text,
	       "2026-11-22 20:00:01.250 +0100 [77] " ID(1) " <= <> T=\"a\033[31mb\xc3\xa9\x7f\"\n");
	take(text);
	ck_assert_uint_eq(kept(0)->n_decisions, 1); /* bob's is not asked for */
	ck_assert_uint_eq(kept(0)->n_lines, 2);
	ck_assert_str_eq(kept(0)->line[0], AT "H=x [192.0.2.1] Warning: before");
	ck_assert_str_eq(kept(0)->line[1], "2026-11-22 20:00:01 <= <> T=\"a?[31mb???\"");
	end();
}
END_TEST

START_TEST(bounds)
{
	char line[2000], rcpts[30][200];

	ask(BATV_LOG_WHY_ID, ID(1));
	for (int i = 0; i < 30; i++) {
		snprintf(rcpts[i], sizeof rcpts[i], DECIDED(ID(1), "a%d@test", "192.0.2.1"), i);
		take(rcpts[i]);
	}
	snprintf(line, sizeof line, AT ID(1) " ** %01000d\n", 0);
	for (int i = 0; i < 30; i++)
		take(line);
	ck_assert_uint_eq(why.found, 1);
	ck_assert_uint_eq(kept(0)->decisions, 30);
	ck_assert_uint_eq(kept(0)->n_decisions, BATV_LOG_WHY_DECISIONS);
	ck_assert_uint_eq(kept(0)->lines, 30);
	ck_assert_uint_eq(kept(0)->n_lines, BATV_LOG_WHY_LINES);
	ck_assert_uint_eq(strlen(kept(0)->line[0]), BATV_LOG_WHY_LINE - 1);
	ck_assert_str_eq(kept(0)->line[0] + BATV_LOG_WHY_LINE - 4, "...");
	end();
}
END_TEST

/* A host's name is in Exim's line after the decision; a HELO counts, too. */
START_TEST(by_name)
{
	ask(BATV_LOG_WHY_HOST, "MX.theirs.test");
	take(DECIDED(ID(1), "ann@test", "192.0.2.1"));
	take(DECIDED(ID(2), "ann@test", "192.0.2.1"));
	take(AT ID(2) " <= <> H=mx.theirs.test (helo) [192.0.2.1] P=esmtp S=1\n");
	take(AT ID(
		1) " F=<> H=(mx.Theirs.test) [192.0.2.1] P=esmtp rejected by local_scan(): no\n");
	take(AT ID(1) " Completed\n");
	take(DECIDED(ID(3), "ann@test", "192.0.2.1"));
	take(AT ID(3) " <= <> H=mx.theirs.test.evil.test [192.0.2.1] P=esmtp S=1 T=\" "
		      "H=mx.theirs.test [192.0.2.1]\"\n");
	take(AT ID(4) " <= ann@test H=mx.theirs.test [192.0.2.1] P=esmtp S=1\n"); /* not judged */
	ck_assert_uint_eq(why.found, 2);
	ck_assert_str_eq(kept(0)->id, ID(2));
	ck_assert_uint_eq(kept(0)->n_decisions, 1);
	ck_assert_str_eq(kept(1)->id, ID(1));
	ck_assert_uint_eq(kept(1)->n_lines, 2);
	end();
}
END_TEST

/* A host that only takes the message did not send it; and one that did is found once. */
START_TEST(hosts_of_deliveries)
{
	ask(BATV_LOG_WHY_HOST, "mx.theirs.test");
	take(DECIDED(ID(1), "ann@test", "192.0.2.1"));
	take(AT ID(1) " <= <> H=other.test [192.0.2.1] P=esmtp S=1\n");
	take(AT ID(1) " => x@theirs.test R=r T=t H=mx.theirs.test [192.0.2.9]\n");
	take(AT ID(1) " == x@theirs.test R=r T=t defer (-53) H=mx.theirs.test [192.0.2.9]: no\n");
	take(AT ID(1) " ** x@theirs.test R=r T=t H=mx.theirs.test [192.0.2.9]: no\n");
	ck_assert_uint_eq(why.found, 0);
	for (char n = '2'; n < '7'; n++) {
		char line[] = DECIDED(ID(1), "ann@test", "192.0.2.1");
		char named[] = AT ID(1) " <= <> H=mx.theirs.test [192.0.2.1] P=esmtp S=1\n";

		line[strlen(AT ID(1)) - 1] = named[strlen(AT ID(1)) - 1] = n;
		take(line);
		take(named);
		take(named);
	}
	ck_assert_uint_eq(why.found, 5);
	take(AT ID(2) " F=<> H=mx.theirs.test [192.0.2.1] more\n"); /* it is no longer kept */
	ck_assert_uint_eq(why.found, 5);
	ck_assert_str_eq(kept(0)->id, ID(4));
	ck_assert_uint_eq(kept(0)->n_lines, 2);
	end();
}
END_TEST

START_TEST(by_name_or_address)
{
	ask(BATV_LOG_WHY_HOST, "mx.theirs.test");
	snprintf(why.hosts[0], sizeof why.hosts[0], "192.0.2.9");
	why.n_hosts = 1;
	take(DECIDED(ID(1), "ann@test", "192.0.2.9"));
	take(AT ID(1) " <= <> H=other.test [192.0.2.9] P=esmtp S=1\n");
	ck_assert_uint_eq(why.found, 1);
	ck_assert_uint_eq(kept(0)->n_lines, 1);
	end();
}
END_TEST

/* Decisions of a flood wait for their name, the last ones only. */
START_TEST(many_wait)
{
	char line[300];

	ask(BATV_LOG_WHY_HOST, "mx.theirs.test");
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line,
			 DECIDED("1vMabc-000000001ab-%04d", "ann@test", "192.0.2.1"), i);
		take(line);
	}
	take(AT "1vMabc-000000001ab-0000 <= <> H=mx.theirs.test [192.0.2.1] P=esmtp S=1\n");
	ck_assert_uint_eq(why.found, 0);
	take(AT "1vMabc-000000001ab-0999 <= <> H=mx.theirs.test [192.0.2.1] P=esmtp S=1\n");
	ck_assert_uint_eq(why.found, 1);
	end();
}
END_TEST

static const char *const strangers[] = {
	"H=(batv: verdict=missing) " DECIDED(ID(1), "ann@test", "192.0.2.1"),
	AT "H=(x) rejected EHLO " DECIDED(ID(1), "ann@test", "192.0.2.1"),
	AT ID(1) " <= <> T=\"batv: verdict=missing action=reject mode=reject rcpt=<ann@test> "
		 "class=dsn host=[192.0.2.1] key=- msgid=- reason=- policy=default\n",
	AT ID(1) " batv: verdict=missing action=reject\n",
	"2026-11-22 20:00:00 1vMabc batv: verdict=missing action=reject mode=reject "
	"rcpt=<ann@test> "
	"class=dsn host=[192.0.2.1] key=- msgid=- reason=- policy=default\n",
};

START_TEST(hostile_lines)
{
	ask_address("ann@test");
	take(strangers[_i]);
	ck_assert_uint_eq(why.found, 0);
	ck_assert_uint_eq(why.decisions, 0);
	end();
}
END_TEST

START_TEST(a_part_of_the_time)
{
	ask(BATV_LOG_WHY_ID, ID(1));
	why.since = INT64_C(1795377600) + 1; /* AT, and a second */
	take(DECIDED(ID(1), "ann@test", "192.0.2.1"));
	take(AT ID(1) " Completed\n");
	ck_assert_uint_eq(why.found, 0);
	take("2026-11-22 20:00:01 " ID(1) " Completed\n");
	ck_assert_uint_eq(why.found, 1);
	ck_assert_int_eq(why.first, INT64_C(1795377600));
	ck_assert_int_eq(why.last, INT64_C(1795377601));
	end();
}
END_TEST

START_TEST(no_address)
{
	why = (struct batv_log_why){0};
	ck_assert(!batv_log_why_address(&why, "ann"));
	ck_assert(!batv_log_why_address(&why, "@"));
}
END_TEST

/* The answer is the same, and names nobody. */
START_TEST(anonymous)
{
	const struct batv_log_message *m;

	ask_address("ann@test");
	why.anonymous = true;
	take(lines_of[2]);
	take(AT ID(3) " <= <> H=mx.theirs.test [192.0.2.2]\n");
	take(AT ID(3) " => ann <ann@test>\n");
	take(lines_of[1]);
	m = kept(0);
	ck_assert_uint_eq(why.found, 2);
	ck_assert_str_eq(m->told[0].rcpt, "test");
	ck_assert_str_eq(m->told[0].host, "192.0.2.0/24");
	ck_assert_str_eq(m->told[0].msgid, "-");
	ck_assert_uint_eq(m->lines, 2);
	ck_assert_uint_eq(m->n_lines, 0);
	ck_assert_str_eq(kept(1)->told[0].rcpt, "test");
	ck_assert_str_eq(kept(1)->told[0].host, "2001:db8:0::/48");
	end();
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("log_why");
	TCase *c = tcase_create("all");

	tcase_add_loop_test(c, what_matches, 0, sizeof questions / sizeof questions[0]);
	tcase_add_test(c, newest_are_kept);
	tcase_add_test(c, exims_lines);
	tcase_add_test(c, bounds);
	tcase_add_test(c, by_name);
	tcase_add_test(c, hosts_of_deliveries);
	tcase_add_test(c, by_name_or_address);
	tcase_add_test(c, many_wait);
	tcase_add_loop_test(c, hostile_lines, 0, sizeof strangers / sizeof strangers[0]);
	tcase_add_test(c, a_part_of_the_time);
	tcase_add_test(c, no_address);
	tcase_add_test(c, anonymous);
	suite_add_tcase(s, c);
	return s;
}
