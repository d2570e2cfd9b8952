/* links: fleet/roster fleet/roster_text fleet/saved fleet/payload core/base/span */
/*
 * test_roster_text.c - a roster as text and back, and texts that are wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster_lab.h"
#include "roster_text.h"
#include "unit.h"

static void write_text(char **text, size_t *len)
{
	ck_assert_int_eq(batv_roster_text_write(&roster, text, len), BATV_OK);
}

static bool same_roster(const struct batv_roster *a, const struct batv_roster *b)
{
	char *x, *y;
	size_t n, m;
	bool same;

	ck_assert_int_eq(batv_roster_text_write(a, &x, &n), BATV_OK);
	ck_assert_int_eq(batv_roster_text_write(b, &y, &m), BATV_OK);
	same = n == m && memcmp(x, y, n) == 0;
	free(x);
	free(y);
	return same;
}

static void fill_roster(void)
{
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 5), T0 + 5);
	hear_again(1, P(1, 9), T0 + 9, P(1, 8), P(1, 2), P(1, 3));
	hear_leave(7, P(2, 1), T0 + 5);
	hear_members(3, P(1, 1), T0, T0 - 9,
		     (struct batv_payload_member){8, 7, T0, BATV_ROSTER_HEARD});
	hear_forget(3, P(1, 2), T0, (struct batv_payload_forget){4, P(1, 3), T0 + 3, T0 + 2});
}

START_TEST(a_text_comes_back)
{
	static struct batv_roster_member other[ROOM];
	struct batv_roster read;
	const char *why = "";
	unsigned line = 9;
	char *text;
	size_t len;

	fill_roster();
	write_text(&text, &len);
	batv_roster_start(&read, OWN, 0, other, ROOM);
	ck_assert_int_eq(batv_roster_text_read(text, len, &read, &line, &why), BATV_OK);
	ck_assert_uint_eq(line, 0);
	ck_assert_ptr_null(why);
	ck_assert(same_roster(&roster, &read));
	ck_assert_uint_eq(read.n, roster.n);
	ck_assert_uint_eq(batv_roster_find(&read, 1)->n, 3);
	ck_assert(!batv_roster_find(&read, 1)->sampled); /* the clock may be another */
	free(text);
}
END_TEST

/* Any text that is cut off or changed somewhere is refused as a whole, or is a good one. */
START_TEST(a_cut_text_is_refused)
{
	static struct batv_roster_member other[ROOM];
	struct batv_roster read;
	char *text;
	size_t len;

	fill_roster();
	write_text(&text, &len);
	batv_roster_start(&read, OWN, 5, other, ROOM);
	for (size_t n = 0; n + 1 < len; n++) { /* the last byte is only the LF */
		const char *why = NULL;

		ck_assert_int_eq(batv_roster_text_read(text, n, &read, NULL, &why), BATV_E_SYNTAX);
		ck_assert_ptr_nonnull(why);
		ck_assert(read.n == 0 && read.since == 0 && read.own == OWN);
	}
	free(text);
}
END_TEST

#define HEAD_LINES "exim-batv roster 1\nroster 500 0 0 0\n"
#define MEMBER "member 1 2 0 0 0 0 0 0 0 0 0 0 1\n"

static const struct {
	const char *text;
	unsigned line;
	const char *why;
} bad_texts[] = {
	{"", 1, "first line"},
	{"exim-batv roster 2\nend 0\n", 1, "first line"},
	{"exim-batv roster 1\nend 0\n", 2, "roster line"},
	{"exim-batv roster 1\nroster 501 0 0 0\nend 1\n", 2, "another host"},
	{"exim-batv roster 1\nroster 500 0 0\nend 1\n", 2, "count"},
	{"exim-batv roster 1\nroster 500 9999999999999999999 0 0\nend 1\n", 2, "too large"},
	{HEAD_LINES, 3, "end line is missing"},
	{HEAD_LINES "end 2\n", 3, "end line counts"},
	{HEAD_LINES "end 1\nend 1\n", 3, "after the end"},
	{HEAD_LINES "range 1 2 3\nend 2\n", 3, "unknown line"},
	{HEAD_LINES "member 1\nend 2\n", 3, "count"},
	{HEAD_LINES "member 1 2 0 0 0 0 0 0 0 0 0 0 x\nend 2\n", 3, "not a number"},
	{HEAD_LINES "member 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\nend 2\n", 3, "too many"},
	{HEAD_LINES "member 1 2 0 0 0 0 0 0 0 0 0 0 16777216\nend 2\n", 3, "does not exist"},
	{HEAD_LINES "member 1 2 0 0 0 0 0 0 2305843009213693952 0 0 0 1\nend 2\n", 3, "exist"},
	{HEAD_LINES "member 1 2 0 0 0 0 0 0 0 2305843009213693952 0 0 1\nend 2\n", 3, "exist"},
	{HEAD_LINES "member 1 0 0 0 0 0 0 0 0 0 0 0 1\nend 2\n", 3, "does not exist"},
	{HEAD_LINES "member 1 5 0 0 0 0 0 0 0 0 0 0 1\nend 2\n", 3, "does not exist"},
	{HEAD_LINES "member 0 2 0 0 0 0 0 0 0 0 0 0 1\nend 2\n", 3, "not in order"},
	{HEAD_LINES "member 500 2 0 0 0 0 0 0 0 0 0 0 1\nend 2\n", 3, "not in order"},
	{HEAD_LINES MEMBER MEMBER "end 3\n", 4, "not in order"},
	{HEAD_LINES MEMBER "range 3 2 0\nend 3\n", 4, "not in order"},
	{HEAD_LINES MEMBER "range 3 18446744073709551615 0\nend 3\n", 4, "not in order"},
	{HEAD_LINES MEMBER "range 3 4 0\nrange 4 6 0\nend 4\n", 5, "not in order"},
	{HEAD_LINES MEMBER "range 3 4 0\nrange 5 6 0\nend 4\n", 5, "not in order"},
	{HEAD_LINES MEMBER "range 3 4 9999999999999999999\nend 3\n", 4, "too large"},
	{HEAD_LINES MEMBER "again 5 4 1 2\nend 3\n", 4, "something else"},
	{HEAD_LINES MEMBER "again 5 6 3 2\nend 3\n", 4, "something else"},
	{HEAD_LINES MEMBER "again 5 6 1 5\nend 3\n", 4, "something else"},
	{HEAD_LINES MEMBER "again 5 18446744073709551615 1 4\nend 3\n", 4, "something else"},
	{HEAD_LINES MEMBER "again 5 6 1 4\nagain 5 6 1 4\nagain 5 6 1 4\nagain 5 6 1 4\n"
			   "again 5 6 1 4\nend 7\n",
	 8, "too many"},
	{HEAD_LINES "member 1 2 5 0 0 0 0 0 0 0 0 0 1\nrange 3 4 0\nend 3\n", 5, "floor"},
	{HEAD_LINES "member 1 2 5 0 0 0 0 0 0 0 0 0 1\nmember 2 2 0 0 0 0 0 0 0 0 0 0 1\nend 3\n",
	 4, "floor"},
};

START_TEST(a_wrong_text_is_refused_with_its_line)
{
	const char *why = NULL;
	unsigned line = 0;

	ck_assert_int_eq(batv_roster_text_read(bad_texts[_i].text, strlen(bad_texts[_i].text),
					       &roster, &line, &why),
			 BATV_E_SYNTAX);
	ck_assert_msg(why && strstr(why, bad_texts[_i].why), "%s", why);
	ck_assert_msg(line == bad_texts[_i].line, "line %u: %s", line, why);
	ck_assert_uint_eq(roster.n, 0);
}
END_TEST

START_TEST(a_text_of_more_members_than_room_is_refused)
{
	char *text;
	size_t len;

	for (unsigned i = 1; i <= ROOM; i++)
		hear(i, P(1, 1), T0);
	write_text(&text, &len);
	ck_assert_int_eq(batv_roster_text_read(text, len, &roster, NULL, NULL), BATV_OK);
	roster.room--;
	ck_assert_int_eq(batv_roster_text_read(text, len, &roster, NULL, NULL), BATV_E_SYNTAX);
	free(text);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("roster_text");
	TCase *tc = tcase_create("text");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_text_comes_back);
	tcase_add_test(tc, a_cut_text_is_refused);
	tcase_add_loop_test(tc, a_wrong_text_is_refused_with_its_line, 0,
			    sizeof bad_texts / sizeof bad_texts[0]);
	tcase_add_test(tc, a_text_of_more_members_than_room_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
