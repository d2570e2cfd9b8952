/* links: admin/root_path */
/*
 * test_root_path.c - which paths root may trust.  What needs other owners: test_batvctl.py.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root_path.h"
#include "sandbox.h"
#include "unit.h"

static const struct {
	const char *path;
	const char *why; /* NULL: trusted */
} paths[] = {
	{"/", NULL},
	{"/bin/sh", NULL},
	{"//usr/./bin/../bin///env", NULL},
	{"/nowhere/exim", "/nowhere: No such file or directory"},
	{"/tmp", "/tmp: users other than root may write to it"},
	{"/tmp/../bin/sh", "/tmp: users other than root may write to it"},
	{"/dev/null", "/dev/null: users other than root may write to it"},
};

START_TEST(known_paths)
{
	char why[300] = "";
	bool ok = batv_root_path(paths[_i].path, why, sizeof why);

	ck_assert_msg(ok == !paths[_i].why, "%s: %s", paths[_i].path, why);
	ck_assert_str_eq(why, paths[_i].why ? paths[_i].why : "");
}
END_TEST

START_TEST(relative_paths)
{
	char why[300] = "";

	ck_assert_int_eq(chdir("/usr/bin"), 0);
	ck_assert_msg(batv_root_path("env", why, sizeof why), "%s", why);
	ck_assert_int_eq(fchdir(dir), 0);
	ck_assert(!batv_root_path("env", why, sizeof why));
}
END_TEST

START_TEST(long_paths)
{
	static char path[9000];
	char why[300] = "";

	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	ck_assert(!batv_root_path(path, why, sizeof why) && strlen(why) < sizeof why);
	for (size_t i = 0; i < sizeof path - 1; i++)
		path[i] = "/."[i % 2];
	ck_assert(!batv_root_path(path, why, sizeof why));
}
END_TEST

START_TEST(commands)
{
	char why[400] = "";

	ck_assert_msg(batv_root_path_may_run("/bin/sh", "/usr/bin/env -x", why, sizeof why), "%s",
		      why);
	ck_assert(!batv_root_path_may_run("/tmp/conf", "/usr/bin/env", why, sizeof why));
	ck_assert_str_eq(why, "not run as root: /tmp: users other than root may write to it");
	ck_assert(!batv_root_path_may_run("/bin/sh", "/tmp/exim", why, sizeof why));
	ck_assert(!batv_root_path_may_run("/bin/sh", "/usr/bin/env -C /tmp/exim.conf", why,
					  sizeof why));
	ck_assert(!batv_root_path_may_run("/bin/sh", "/usr/bin/env -C/tmp/exim.conf", why,
					  sizeof why));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("root_path");
	TCase *tc = tcase_create("root_path");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_loop_test(tc, known_paths, 0, (int)(sizeof paths / sizeof paths[0]));
	tcase_add_test(tc, relative_paths);
	tcase_add_test(tc, long_paths);
	tcase_add_test(tc, commands);
	return s;
}
