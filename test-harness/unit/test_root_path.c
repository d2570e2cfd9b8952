/* links: admin/root_path */
/*
 * test_root_path.c - which paths root may trust.  What needs other owners: test_batvctl.py.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
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

/* ---- paths that a test cannot make: below /fake, and all that is longer than 2000 bytes ---- */

static const struct {
	const char *path, *target; /* NULL: a directory */
	uid_t uid;
	mode_t mode;
} fakes[] = {
	{"/fake", NULL, 0, 0755},
	{"/fake/dir", NULL, 0, 0755},
	{"/fake/dir/x", NULL, 0, 0644},
	{"/fake/0dir", NULL, 0, 0755},
	{"/fake/0dir/x", NULL, 0, 0644},
	{"/fake/mine", NULL, 5, 0755},
	{"/fake/group", NULL, 0, 0775},
	{"/fake/all", NULL, 0, 0757},
	{"/fake/absolute", "/fake/dir", 0, 0777},
	{"/fake/relative", "dir", 0, 0777},
	{"/fake/zero", "0dir", 0, 0777},
	{"/fake/dir/up", "../dir/x", 0, 0777},
	{"/fake/my_link", "dir", 5, 0777},
	{"/fake/to_mine", "mine", 0, 0777},
	{"/fake/loop", "loop", 0, 0777},
	{"/fake/unreadable", "", 0, 0777},
};
static char long_target[PATH_MAX + 1]; /* of links whose name ends in "link" */

static const char *fake_target(const char *path, struct stat *st)
{
	const size_t len = strlen(path);

	*st = (struct stat){.st_mode = S_IFDIR | 0755};
	for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++)
		if (strcmp(path, fakes[i].path) == 0) {
			st->st_uid = fakes[i].uid;
			st->st_mode = (fakes[i].target ? S_IFLNK : S_IFDIR) | fakes[i].mode;
			return fakes[i].target;
		}
	/* each link of a chain leads to the next one, and the last one to dir */
	if (strncmp(path, "/fake/", 6) == 0 && strspn(path + 6, "c") == len - 6) {
		st->st_mode = S_IFLNK | 0777;
		return len == 7 ? "dir" : path + 7;
	}
	if (len > 4 && strcmp(path + len - 4, "link") == 0) {
		st->st_mode = S_IFLNK | 0777;
		return long_target;
	}
	st->st_nlink = len < 2000; /* is not there */
	return NULL;
}

static bool is_fake(const char *path)
{
	return strncmp(path, "/fake", 5) == 0 || strlen(path) > 2000;
}

/* In the place of libc's. */
int lstat(const char *restrict path, struct stat *restrict st)
{
	if (!is_fake(path))
		return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
	(void)fake_target(path, st);
	errno = ENOENT;
	return st->st_nlink ? -1 : 0;
}

ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
	struct stat st;
	const char *target;
	size_t len;

	if (!is_fake(path))
		return readlinkat(AT_FDCWD, path, out, size);
	target = fake_target(path, &st);
	errno = EIO;
	if (!target || !*target)
		return -1;
	len = strlen(target) < size ? strlen(target) : size;
	memcpy(out, target, len);
	return (ssize_t)len;
}

/* The same, as a fortified program calls it. */
ssize_t __readlink_chk(const char *path, char *out, size_t size, size_t room);
ssize_t __readlink_chk(const char *path, char *out, size_t size, size_t room)
{
	ck_assert_uint_le(size, room);
	return readlink(path, out, size);
}

#define CHAIN "cccccccccccccccccccccccccccccccccccccccc" /* 40 */

static const struct {
	const char *path;
	const char *why; /* NULL: trusted */
} fake_paths[] = {
	{"/fake/dir/x", NULL},
	{"/fake/absolute/x", NULL},
	{"/fake/relative/x", NULL},
	{"/fake/zero/x", NULL},
	{"/fake/dir/up", NULL},
	{"/fake/relative//up", NULL},
	{"/fake/dir/../../../fake//dir/./x/", NULL},
	{"/fake/nothing", "/fake/nothing: No such file or directory"},
	{"/fake/absolute/y", "/fake/dir/y: No such file or directory"},
	{"/fake/mine", "/fake/mine: it does not belong to root"},
	{"/fake/mine/x", "/fake/mine: it does not belong to root"},
	{"/fake/my_link", "/fake/my_link: it does not belong to root"},
	{"/fake/to_mine/x", "/fake/mine: it does not belong to root"},
	{"/fake/group", "/fake/group: users other than root may write to it"},
	{"/fake/all", "/fake/all: users other than root may write to it"},
	{"/fake/loop/x", "/fake/loop: Too many levels of symbolic links"},
	{"/fake/unreadable", "/fake/unreadable: Input/output error"},
	{"/fake/" CHAIN, NULL},
	{"/fake/" CHAIN "/x", NULL},
	{"/fake/c" CHAIN, "/fake/c: Too many levels of symbolic links"},
};

START_TEST(owners_and_links)
{
	char why[300] = "";
	bool ok = batv_root_path(fake_paths[_i].path, why, sizeof why);

	ck_assert_msg(ok == !fake_paths[_i].why, "%s: %s", fake_paths[_i].path, why);
	ck_assert_str_eq(why, fake_paths[_i].why ? fake_paths[_i].why : "");
}
END_TEST

static void long_path(char *out, const char *start, size_t len)
{
	memset(out, 'x', len);
	memcpy(out, start, strlen(start));
	out[len] = '\0';
}

/* The longest path has 4095 bytes: as it is given, where a link leads to, and on the way. */
START_TEST(the_longest_paths)
{
	char path[PATH_MAX + 1], why[300] = "";
	static const char *const too_long = "File name too long";

	for (size_t len = PATH_MAX - 3; len <= PATH_MAX; len++) {
		long_path(path, "/", len);
		ck_assert_int_eq(batv_root_path(path, why, sizeof why), len < PATH_MAX);
		for (size_t i = 0; i < len; i++)
			path[i] = "/."[i % 2];
		ck_assert_int_eq(batv_root_path(path, why, sizeof why), len < PATH_MAX);
		/* with the slash after it */
		long_path(long_target, "/", len);
		strcpy(path, "/fake/link");
		ck_assert_int_eq(batv_root_path(path, why, sizeof why), len + 1 < PATH_MAX);
		ck_assert(len + 1 < PATH_MAX || strstr(why, too_long));
		/* it comes after 2006 bytes */
		long_path(path, "/", 2005);
		strcat(path, "/link");
		long_path(long_target, "y", len - 2006);
		ck_assert_int_eq(batv_root_path(path, why, sizeof why), len < PATH_MAX);
		ck_assert(len < PATH_MAX || strstr(why, too_long));
	}
}
END_TEST

START_TEST(long_commands)
{
	static char command[PATH_MAX + 900];
	char why[400] = "";

	ck_assert(!batv_root_path_may_run("/bin/sh", "/usr/bin/env /fake/all", why, sizeof why));
	ck_assert_str_eq(why, "not run as root: /fake/all: users other than root may write to it");
	memset(command, ' ', PATH_MAX - 1);
	memcpy(command, "/usr/bin/env", 12);
	ck_assert(batv_root_path_may_run("/bin/sh", command, why, sizeof why));
	for (size_t len = PATH_MAX; len < sizeof command - 1; len += 800) {
		memset(command + 12, ' ', len - 12);
		ck_assert(!batv_root_path_may_run("/bin/sh", command, why, sizeof why));
		ck_assert_str_eq(why, "not run as root: the command is too long");
	}
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
	tcase_add_loop_test(tc, owners_and_links, 0,
			    (int)(sizeof fake_paths / sizeof fake_paths[0]));
	tcase_add_test(tc, the_longest_paths);
	tcase_add_test(tc, long_commands);
	return s;
}
