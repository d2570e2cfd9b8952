/* links: admin/find_exim */
/*
 * test_find_exim.c - which command the option exim stands for.
 */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "find_exim.h"
#include "unit.h"

START_TEST(a_command_is_itself)
{
	static const char command[] = "/opt/exim -C /x";

	ck_assert_ptr_eq(batv_find_exim(command), command);
	ck_assert_str_eq(batv_find_exim("/nowhere"),
			 "/nowhere"); /* that it is missing shows when it is run */
	ck_assert_str_eq(batv_find_exim("none"), "");
}
END_TEST

START_TEST(empty_is_what_is_there)
{
	const char *found = batv_find_exim("");

	if (*found)
		ck_assert_int_eq(access(found, X_OK), 0);
	else
		ck_assert(access("/usr/sbin/exim4", X_OK) && access("/usr/sbin/exim", X_OK) &&
			  access("/usr/exim/bin/exim", X_OK));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("find_exim");
	TCase *tc = tcase_create("find_exim");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_command_is_itself);
	tcase_add_test(tc, empty_is_what_is_there);
	return s;
}
