/* links: admin/fleet_block core/base/span */
/*
 * test_fleet_block.c - the lines of a fleet in exim-batv.conf: put in, replaced, taken out.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_block.h"
#include "unit.h"

static const struct batv_fleet_block one = {"f", "a:1, b:2", "batv", "/etc/p"},
				     two = {"g", "c:3", "", ""};

static void expect(const char *text, const struct batv_fleet_block *block, const char *wanted)
{
	unsigned line = 99;
	char *got = batv_fleet_block_put(text, block, &line);

	ck_assert_msg(got != NULL, "line %u is in the way", line);
	ck_assert_str_eq(got, wanted);
	ck_assert_uint_eq(line, 0);
	free(got);
}

#define BEGIN                                                                                      \
 "# batvctl fleet join wrote the lines down to the next comment; batvctl fleet leave "             \
 "removes them.\n"
#define END "# End of the lines of batvctl fleet join.\n"
#define ONE                                                                                        \
 BEGIN "fleet = f\nfleet_servers = a:1, b:2\nfleet_user = batv\n"                                  \
       "fleet_password_file = /etc/p\n" END
#define TWO BEGIN "fleet = g\nfleet_servers = c:3\n" END

START_TEST(put_replace_and_take_out)
{
	expect("", &one, ONE);
	expect("domains = a : \\\n  b\n", &one, "domains = a : \\\n  b\n" ONE);
	/* Before the first section: there an option would be the section's. */
	expect("x = 1\n[shop]\ny = 2\n[more]\n", &one, "x = 1\n" ONE "[shop]\ny = 2\n[more]\n");
	expect("x = 1\n" ONE "[shop]\n", &two, "x = 1\n" TWO "[shop]\n");
	expect("x = 1\n" ONE "[shop]\n", NULL, "x = 1\n[shop]\n");
	expect("x = 1\n", NULL, "x = 1\n");
	/* A last line without an end gets one. */
	expect("x = 1", &two, "x = 1\n" TWO);
	/* Comments, and options that begin alike, are no options of the block. */
	expect("#fleet = h\nfleet_patience = 2h\nfleet_host = h\n", &two,
	       "#fleet = h\nfleet_patience = 2h\nfleet_host = h\n" TWO);
}
END_TEST

/* A person's line is not changed, and not contradicted. */
START_TEST(a_line_in_the_way)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {{"x = 1\nfleet = h\n", 2},
		    {"fleet_servers=h\n", 1},
		    {"\n\nfleet_user   = h\n" ONE, 3},
		    {ONE "fleet_password_file = /x\n", 7}};
	unsigned line = 0;

	ck_assert_ptr_null(batv_fleet_block_put(rows[_i].text, &one, &line));
	ck_assert_uint_eq(line, rows[_i].line);
	/* To take the block out, it does not matter. */
	free(batv_fleet_block_put(rows[_i].text, NULL, &line));
	ck_assert_uint_eq(line, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fleet_block");
	TCase *t = tcase_create("fleet_block");

	tcase_add_test(t, put_replace_and_take_out);
	tcase_add_loop_test(t, a_line_in_the_way, 0, 4);
	suite_add_tcase(s, t);
	return s;
}
