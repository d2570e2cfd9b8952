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

static const char *const there[] = {"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim"};
static unsigned installed; /* a bit for each of them */

/* In the place of libc's. */
int access(const char *path, int mode)
{
	ck_assert_int_eq(mode, X_OK);
	for (size_t i = 0; i < 3; i++)
		if (strcmp(path, there[i]) == 0)
			return installed >> i & 1 ? 0 : -1;
	return -1;
}

/* The first one of those that are there. */
START_TEST(empty_is_what_is_there)
{
	for (installed = 0; installed < 8; installed++)
		ck_assert_str_eq(batv_find_exim(""), installed & 1   ? there[0]
						     : installed & 2 ? there[1]
						     : installed & 4 ? there[2]
								     : "");
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
