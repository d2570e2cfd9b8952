/* links: batvctl/ctl_diff */
/*
 * test_ctl_diff.c - the diff that puts exim-batv into a configuration.  That patch(1) takes it and
 * Exim reads the result is in e2e/test_enable.py.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/batvctl/ctl_enable.h"
#include "unit.h"

static char why[500];

static char *diff(const char *text, bool main, bool unsign, const char *transports)
{
	const struct batv_diff_wanted wanted = {.snippets = "/s",
						.module = "/m.so",
						.local_scan = main,
						.main = main,
						.unsign = unsign,
						.transports = transports};

	return batv_ctl_diff("/c", text, &wanted, why, sizeof why);
}

START_TEST(all_of_it)
{
	char *out =
		diff("a = b\n\nbegin acl\nx:\n  accept\n\nbegin routers\n# r\nr:\n  driver = x\n"
		     "\nbegin transports\nt:\n\tdriver = smtp\n\thosts = x\n",
		     true, true, "t ");

	ck_assert_ptr_nonnull(out);
	ck_assert_str_eq(out,
			 "--- /c\n+++ /c\n"
			 "@@ -1,10 +1,15 @@\n a = b\n \n"
			 "+BATV_SO = /m.so\n+.include /s/main.conf\n+local_scan_path = /m.so\n+\n"
			 " begin acl\n x:\n   accept\n \n begin routers\n"
			 "+.include /s/router-unsign.conf\n # r\n r:\n   driver = x\n"
			 "@@ -12,4 +17,5 @@\n begin transports\n t:\n \tdriver = smtp\n"
			 "+\t.include /s/transport-sign.conf\n \thosts = x\n");
	free(out);
}
END_TEST

START_TEST(hunks_apart)
{
	char *out =
		diff("begin routers\n1\n2\n3\n4\n5\n6\n7\nbegin transports\nt:\n driver = smtp\n",
		     false, true, "t ");

	ck_assert_ptr_nonnull(out);
	ck_assert_str_eq(out, "--- /c\n+++ /c\n@@ -1,4 +1,5 @@\n begin routers\n"
			      "+.include /s/router-unsign.conf\n 1\n 2\n 3\n"
			      "@@ -9,3 +10,4 @@\n begin transports\n t:\n  driver = smtp\n"
			      "+ .include /s/transport-sign.conf\n");
	free(out);
}
END_TEST

START_TEST(nothing_is_missing)
{
	char *out = diff("begin routers\n", false, false, "");

	ck_assert_str_eq(out, "");
	free(out);
}
END_TEST

START_TEST(impossible)
{
	ck_assert_ptr_null(diff("a = b\n", true, false, ""));
	ck_assert_str_eq(why,
			 "/c has no line \"begin ...\"; add the lines that docs/install.md names "
			 "yourself");
	ck_assert_ptr_null(diff("begin acl\n", false, true, ""));
	ck_assert_ptr_nonnull(strstr(why, "no line \"begin routers\""));
	/* of another transport, or in another section */
	ck_assert_ptr_null(
		diff("begin routers\nt:\n driver = x\nbegin transports\nu:\n driver = smtp\n",
		     false, false, "t "));
	ck_assert_ptr_nonnull(strstr(why, "/c does not have the transport t itself"));
}
END_TEST

/* None is left out silently: mail by that transport would leave unsigned. */
START_TEST(more_transports_than_there_is_room_for)
{
	char text[4000] = "begin transports\n", names[400] = "", *out;

	for (unsigned i = 0; i < 40; i++) {
		sprintf(text + strlen(text), "t%u:\n driver = smtp\n", i);
		sprintf(names + strlen(names), "t%u ", i);
	}
	out = diff(text, false, false, names);
	ck_assert_ptr_nonnull(out);
	ck_assert_ptr_nonnull(strstr(out, " t0:\n  driver = smtp\n+ .include"));
	ck_assert_ptr_nonnull(strstr(out, " t39:\n  driver = smtp\n+ .include"));
	free(out);
	strcat(text, "u:\n driver = smtp\n");
	strcat(names, "u ");
	ck_assert_ptr_null(diff(text, false, false, names));
	ck_assert_ptr_nonnull(strstr(why, "/c has too many transports"));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("ctl_diff");
	TCase *tc = tcase_create("ctl_diff");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, all_of_it);
	tcase_add_test(tc, hunks_apart);
	tcase_add_test(tc, nothing_is_missing);
	tcase_add_test(tc, impossible);
	tcase_add_test(tc, more_transports_than_there_is_room_for);
	return s;
}
