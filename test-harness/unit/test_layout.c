/* links: batvctl/ctl_layout */
/*
 * test_layout.c - wrapped lines, rows, numbers and bars, at several widths.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/batvctl/ctl_layout.h"
#include "unit.h"

static char *text;
static size_t size;

static FILE *begin(void)
{
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	return out;
}

static void is(FILE *out, const char *expected)
{
	(void)fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

static const char sentence[] =
	"batvd is not running; start it (systemctl start batvd). Mail leaves signed until "
	"2030-04-04 00:00:00 UTC";

START_TEST(a_sentence_is_wrapped)
{
	static const unsigned widths[] = {60, 80, 200};

	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
		FILE *out = begin();

		(void)fputs("! ", out);
		batv_ctl_layout_wrap(out, sentence, 2, 2, widths[i]);
		(void)fclose(out);
		for (char *line = text, *end; *line; line = end + 1) {
			end = strchr(line, '\n');
			ck_assert_ptr_nonnull(end);
			ck_assert_uint_le((size_t)(end - line), widths[i]);
			ck_assert(line == text || strncmp(line, "  ", 2) == 0);
		}
		ck_assert_int_eq(strchr(text, '\n')[1] == '\0', widths[i] == 200);
		free(text);
	}
}
END_TEST

START_TEST(a_long_word_is_not_broken)
{
	FILE *out = begin();

	batv_ctl_layout_wrap(out, "see /var/lib/exim-batv/a/very/long/path now", 0, 2, 20);
	is(out, "see\n  /var/lib/exim-batv/a/very/long/path\n  now\n");
	out = begin();
	batv_ctl_layout_wrap(out, "", 0, 2, 20);
	is(out, "\n");
}
END_TEST

START_TEST(a_row_fits_or_is_put_below)
{
	FILE *out = begin();

	batv_ctl_layout_row(out, "Signing", "on since 20 Nov", "key 4711.2968 until Thu 3 Dec", 80);
	is(out, "Signing   on since 20 Nov       key 4711.2968 until Thu 3 Dec\n");
	out = begin();
	batv_ctl_layout_row(out, "Signing", "on since 20 Nov", "key 4711.2968 until Thu 3 Dec", 60);
	is(out, "Signing   on since 20 Nov\n          key 4711.2968 until Thu 3 Dec\n");
	out = begin();
	batv_ctl_layout_row(out, "Memory", "cannot be read", "", 80);
	is(out, "Memory    cannot be read\n");
}
END_TEST

/* Columns, not bytes. */
START_TEST(utf8_is_counted_by_characters)
{
	FILE *out = begin();

	ck_assert_uint_eq(batv_ctl_layout_columns("bücher"), 6);
	batv_ctl_layout_wrap(out, "bücher bücher", 0, 0, 13);
	is(out, "bücher bücher\n");
}
END_TEST

START_TEST(numbers_have_commas)
{
	static const struct {
		uint64_t n;
		const char *text;
	} some[] = {{0, "0"},
		    {999, "999"},
		    {1000, "1,000"},
		    {9877, "9,877"},
		    {1234567, "1,234,567"},
		    {UINT64_MAX, "18,446,744,073,709,551,615"}};
	char out[BATV_LAYOUT_NUMBER];

	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		batv_ctl_layout_number(some[i].n, out, sizeof out);
		ck_assert_str_eq(out, some[i].text);
	}
}
END_TEST

START_TEST(bars)
{
	static const uint64_t days[] = {0, 1, 12, 700, 8204, 600, 30}, none[7];
	char out[BATV_LAYOUT_BARS_SIZE];

	batv_ctl_layout_bars(days, 7, true, out, sizeof out);
	ck_assert_str_eq(out, "▁▂▂▂█▂▂");
	batv_ctl_layout_bars(days, 7, false, out, sizeof out);
	ck_assert_str_eq(out, "_...#..");
	batv_ctl_layout_bars(none, 7, false, out, sizeof out);
	ck_assert_str_eq(out, "_______");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("layout");
	TCase *tc = tcase_create("layout");

	tcase_add_test(tc, a_sentence_is_wrapped);
	tcase_add_test(tc, a_long_word_is_not_broken);
	tcase_add_test(tc, a_row_fits_or_is_put_below);
	tcase_add_test(tc, utf8_is_counted_by_characters);
	tcase_add_test(tc, numbers_have_commas);
	tcase_add_test(tc, bars);
	suite_add_tcase(s, tc);
	return s;
}
