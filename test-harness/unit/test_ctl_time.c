/* links: batvctl/ctl_time core/decide/policy core/decide/servers core/decide/exim_list core/base/span */
/*
 * test_ctl_time.c - TIME on the command line: every form, and what looks like one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/batvctl/ctl_time.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW INT64_C(1795348800) /* 2026-11-22 12:00 UTC */

static const struct {
	const char *text;
	int64_t want;
} good[] = {
	{"now", NOW},
	{"2026-11-22", NOW - 43200},
	{"2026-11-22 12:00", NOW},
	{"2026-11-22 12:00Z", NOW},
	{"2026-11-22 12:00:01", NOW + 1},
	{"2026-11-22T12:00:59Z", NOW + 59},
	{"1970-01-01", 0},
	{"2028-02-29", 1835395200},
	{"9999-12-31 23:59:59", INT64_C(253402300799)},
	{"+3d", NOW + 3 * 86400},
	{"+1d12h", NOW + 129600},
	{"+90s", NOW + 90},
	{"-1d", NOW - 86400},
	{"-90s", NOW - 90},
	{"@0", 0},
	{"@1796126400", 1796126400},
};

static const char *const bad[] = {
	"",
	" ",
	"Now",
	"now ",
	"tomorrow",
	"3d",
	"-",
	"-3",
	"--3d",
	"-99999d",
	"+",
	"+3",
	"+3x",
	"+99999999999999d",
	"@",
	"@-1",
	"@1.5",
	"@99999999999999999999",
	"@253402300800",
	"2026",
	"2026-11",
	"2026-1-1",
	"26-11-22",
	"2026-00-10",
	"2026-13-01",
	"2026-02-29",
	"2026-11-31",
	"2026-11-00",
	"2026-11-22 ",
	"2026-11-22 24:00",
	"2026-11-22 12",
	"2026-11-22 12:60",
	"2026-11-22 12:00:60",
	"2026-11-22 12:00:00ZZ",
	"2026-11-22Z",
	"2026-11-22  12:00",
	"1969-12-31",
	"2026/11/22",
	"2026-11-22 12:00 +01:00",
	"2026-11-22\n",
};

START_TEST(accepts)
{
	int64_t got = -1;

	ck_assert_msg(batv_ctl_time_parse(good[_i].text, NOW, &got), "%s", good[_i].text);
	ck_assert_int_eq(got, good[_i].want);
}
END_TEST

START_TEST(refuses)
{
	int64_t got = -1;

	ck_assert_msg(!batv_ctl_time_parse(bad[_i], NOW, &got), "%s", bad[_i]);
	ck_assert_int_eq(got, -1);
}
END_TEST

/* What is printed can be typed: without " UTC" it is read back as the same second. */
START_TEST(round_trip)
{
	for (int64_t t = 1; t < INT64_C(253402300799); t += INT64_C(77777777777) / 1000) {
		char text[BATV_TIME_SIZE];
		int64_t back;

		batv_ctl_time_format(t, text, sizeof text);
		ck_assert_str_eq(text + 19, " UTC");
		text[19] = '\0';
		ck_assert(batv_ctl_time_parse(text, NOW, &back));
		ck_assert_int_eq(back, t);
	}
}
END_TEST

START_TEST(no_time)
{
	char text[BATV_TIME_SIZE];

	batv_ctl_time_format(0, text, sizeof text);
	ck_assert_str_eq(text, "never");
	batv_ctl_time_format(INT64_MAX, text, sizeof text);
	ck_assert_str_eq(text, "never");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("ctl_time");
	TCase *tc = tcase_create("ctl_time");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, accepts, 0, COUNT(good));
	tcase_add_loop_test(tc, refuses, 0, COUNT(bad));
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, no_time);
	return s;
}
