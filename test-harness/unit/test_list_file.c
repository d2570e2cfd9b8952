/* links: core/decide/list_file core/decide/exim_list core/base/span */
/*
 * test_list_file.c - which files our look-ups may use.  Root tests in a directory in /run or
 * /var/lib that belongs to root all the way up; another user tests only the system's own files.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decide/list_file.h"
#include "unit.h"

#define EXIM 3u /* a group, and a user that is not root */
#define NO_GROUP ((gid_t)-1)

static char lab[64], path[256], why[1500];
static struct batv_list_trouble trouble;

static void setup(void)
{
	strcpy(lab, "/run/batv-list-XXXXXX");
	if (!mkdtemp(lab)) {
		strcpy(lab, "/var/lib/batv-list-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(lab));
	}
	ck_assert_int_eq(chmod(lab, 0755), 0);
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(p);
}

static void teardown(void)
{
	(void)nftw(lab, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_lab(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", lab, name);
	return path;
}

static void put(const char *name, const char *text, size_t len)
{
	int fd = open(in_lab(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	ck_assert_int_eq(chmod(path, 0644), 0);
}

static bool good(const char *name, enum batv_content content)
{
	bool ok = batv_list_file(in_lab(name), content, EXIM, &trouble);

	batv_list_file_why(path, &trouble, why, sizeof why);
	ck_assert(ok == (trouble.fault == BATV_LIST_GOOD));
	return ok;
}

#define BAD(name, wanted)                                                                          \
 do {                                                                                              \
  ck_assert(!good(name, BATV_CONTENT_KEYS));                                                       \
  ck_assert_int_eq(trouble.fault, wanted);                                                         \
 } while (0)

START_TEST(owner_and_mode_of_the_file)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		enum batv_list_fault want;
	} cases[] = {
		{0, 0, 0644, BATV_LIST_GOOD},          {0, 0, 0444, BATV_LIST_GOOD},
		{0, 0, 0604, BATV_LIST_GOOD},          {0, EXIM, 0640, BATV_LIST_GOOD},
		{0, 0, 0640, BATV_LIST_UNREADABLE},    {0, 0, 0600, BATV_LIST_UNREADABLE},
		{0, EXIM, 0604, BATV_LIST_UNREADABLE}, /* the kernel uses the group's bits */
		{0, 4, 0640, BATV_LIST_UNREADABLE},    {0, 0, 0664, BATV_LIST_WRITABLE},
		{0, 0, 0646, BATV_LIST_WRITABLE},      {0, EXIM, 0660, BATV_LIST_WRITABLE},
		{EXIM, 0, 0644, BATV_LIST_OWNER},      {1, EXIM, 0444, BATV_LIST_OWNER},
	};

	put("x", "a\n", 2);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		in_lab("x");
		ck_assert_int_eq(chown(path, cases[i].uid, cases[i].gid), 0);
		ck_assert_int_eq(chmod(path, cases[i].mode), 0);
		(void)good("x", BATV_CONTENT_KEYS);
		ck_assert_msg(trouble.fault == cases[i].want, "case %zu: %s", i, why);
		ck_assert_uint_eq(trouble.mode, cases[i].mode);
		if (cases[i].want == BATV_LIST_UNREADABLE)
			ck_assert_ptr_nonnull(strstr(why, "must be able to read it"));
	}
}
END_TEST

/* The same for each directory on the way. */
START_TEST(directories)
{
	ck_assert_int_eq(mkdir(in_lab("d"), 0755), 0);
	ck_assert_int_eq(mkdir(in_lab("d/e"), 0755), 0);
	put("d/e/x", "a\n", 2);
	ck_assert(good("d/e/x", BATV_CONTENT_KEYS));

	ck_assert_int_eq(chown(in_lab("d"), 1, 0), 0);
	BAD("d/e/x", BATV_LIST_OWNER);
	ck_assert_str_eq(strstr(why, "/d: "), "/d: owner is 1, must be root");
	ck_assert_int_eq(chown(in_lab("d"), 0, 0), 0);
	ck_assert_int_eq(chmod(in_lab("d"), 0775), 0);
	BAD("d/e/x", BATV_LIST_WRITABLE);
	ck_assert_int_eq(chmod(in_lab("d"), 01777), 0); /* like /tmp */
	BAD("d/e/x", BATV_LIST_WRITABLE);
	ck_assert_int_eq(chmod(in_lab("d"), 0754), 0);
	BAD("d/e/x", BATV_LIST_UNREADABLE);
	ck_assert_ptr_nonnull(strstr(why, "must be able to search it"));
	ck_assert_int_eq(chmod(in_lab("d"), 0711), 0);
	ck_assert(good("d/e/x", BATV_CONTENT_KEYS));
	ck_assert_int_eq(chown(in_lab("d"), 0, EXIM), 0);
	ck_assert_int_eq(chmod(in_lab("d"), 0710), 0);
	ck_assert(good("d/e/x", BATV_CONTENT_KEYS));
	ck_assert(!batv_list_file(path, BATV_CONTENT_KEYS, NO_GROUP, &trouble));
}
END_TEST

START_TEST(links)
{
	char target[256];

	ck_assert_int_eq(mkdir(in_lab("d"), 0755), 0);
	put("d/x", "a\n", 2);
	strcpy(target, in_lab("d"));
	ck_assert_int_eq(symlink(target, in_lab("half")), 0);
	ck_assert_int_eq(symlink("x", in_lab("d/end")), 0);
	BAD("half/x", BATV_LIST_LINK);
	ck_assert_ptr_nonnull(strstr(why, "/half: is a symbolic link"));
	BAD("d/end", BATV_LIST_LINK);
	ck_assert_ptr_nonnull(strstr(why, "/d/end: is a symbolic link"));
}
END_TEST

START_TEST(types)
{
	alarm(5); /* opening a fifo would wait for ever */
	ck_assert_int_eq(mkfifo(in_lab("fifo"), 0644), 0);
	ck_assert_int_eq(mkdir(in_lab("d"), 0755), 0);
	put("x", "a\n", 2);
	BAD("fifo", BATV_LIST_TYPE);
	ck_assert(!good("fifo", BATV_CONTENT_PATTERNS));
	BAD("d", BATV_LIST_TYPE);
	ck_assert_ptr_nonnull(strstr(why, "/d: is not a regular file"));
	BAD("x/y", BATV_LIST_TYPE);
	ck_assert_ptr_nonnull(strstr(why, "/x: is not a directory"));
	if (mknod(in_lab("null"), S_IFCHR | 0644, 0x103) == 0)
		BAD("null", BATV_LIST_TYPE);
	BAD("nothing", BATV_LIST_ERRNO);
	ck_assert_int_eq(trouble.error, ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "/nothing: No such file or directory"));
	BAD("no/thing", BATV_LIST_ERRNO);
	ck_assert_ptr_nonnull(strstr(why, "/no: No such file or directory"));
}
END_TEST

/* A file that Exim reads as items must not have any that a list may not have. */
/* A hole of any size costs nothing on the disk; Exim would read all of it. */
START_TEST(size)
{
	put("x", "a\n", 2);
	ck_assert_int_eq(truncate(path, (off_t)1 << 30), 0);
	ck_assert(good("x", BATV_CONTENT_KEYS));
	ck_assert_int_eq(truncate(path, ((off_t)1 << 30) + 1), 0);
	BAD("x", BATV_LIST_SIZE);
	ck_assert_str_eq(strstr(why, "/x: "), "/x: expected at most 1 GiB");
	ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
	ck_assert(!good("x", BATV_CONTENT_PATTERNS));
	ck_assert_int_eq(trouble.fault, BATV_LIST_SIZE);
}
END_TEST

START_TEST(content)
{
	static const struct {
		const char *text;
		bool patterns, expanded;
	} cases[] = {
		{"", true, true},
		{"a\n*.b : data\n!c\n^x+y: /etc/z\n", true, true},
		{"# sqlite;/f $x \\\na\n", true, true},
		{"a/b\n", true, true},
		{"sqlite;/f x\n", false, false},
		{"a: x;y\n", false, false},
		{"a : b\n sqlite;/f\n", false, false},
		{"/etc/shadow\n", false, false},
		{"a\n/etc/shadow", false, false},
		{"!/etc/shadow\n", false, false},
		{"! ! /etc/shadow\n", false, false},
		{"\"/etc/shadow\"\n", false, false},
		{"\"! /etc/shadow\"\n", false, false},
		{"\"sqlite\\x3b/f\"\n", false, false},
		{"\"\\057etc\"\n", false, false},
		{"^\\d+x\n", true, false},
		{"a", true, true},
		{";", false, false},
		{"\t/etc/x\n", false, false},
		{"^x$\n", true, false},
		{"${run{x}}\n", true, false},
		{"sqlite\\x3b/f\n", true, false},
		{"\\N^x\\N\n", true, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put("x", cases[i].text, strlen(cases[i].text));
		ck_assert(good("x", BATV_CONTENT_KEYS));
		ck_assert_msg(good("x", BATV_CONTENT_PATTERNS) == cases[i].patterns, "%zu: %s", i,
			      why);
		ck_assert_msg(good("x", BATV_CONTENT_EXPANDED) == cases[i].expanded, "%zu: %s", i,
			      why);
	}
	put("x", "a\nb\0\n", 5);
	ck_assert(!good("x", BATV_CONTENT_PATTERNS));
	ck_assert_uint_eq(trouble.line, 2);
	ck_assert_ptr_nonnull(strstr(why, "line 2: "));
}
END_TEST

/* Beyond the first read. */
START_TEST(long_content)
{
	static char text[10000];

	for (size_t at = 4080; at < 4110; at++) {
		memset(text, 'a', sizeof text);
		text[at - 1] = '\n';
		put("x", text, sizeof text);
		ck_assert(good("x", BATV_CONTENT_PATTERNS));
		text[at] = '/';
		put("x", text, sizeof text);
		ck_assert(!good("x", BATV_CONTENT_PATTERNS));
	}
}
END_TEST

/* Without root's rights: the system's own files. */
START_TEST(of_the_system)
{
	char longest[BATV_LIST_ITEM_MAX + 10];
	struct stat st;

	ck_assert(batv_list_file("/etc/passwd", BATV_CONTENT_KEYS, NO_GROUP, &trouble));
	ck_assert(!batv_list_file("/etc/shadow", BATV_CONTENT_KEYS, NO_GROUP, &trouble));
	ck_assert_int_eq(trouble.fault, BATV_LIST_UNREADABLE);
	if (lstat("/proc/self", &st) == 0)
		ck_assert(!batv_list_file("/proc/self/environ", BATV_CONTENT_KEYS, NO_GROUP,
					  &trouble));
	if (lstat("/tmp", &st) == 0) {
		ck_assert(!batv_list_file("/tmp/x", BATV_CONTENT_KEYS, NO_GROUP, &trouble));
		ck_assert_uint_eq(trouble.len, 4);
	}
	memset(longest, 'a', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	ck_assert(!batv_list_file(longest, BATV_CONTENT_KEYS, NO_GROUP, &trouble));
	batv_list_file_why(longest, &trouble, why, sizeof why);
	longest[BATV_LIST_ITEM_MAX + 1] = '\0'; /* a byte too long */
	ck_assert(!batv_list_file(longest, BATV_CONTENT_KEYS, NO_GROUP, &trouble));
	ck_assert_uint_eq(trouble.len, BATV_LIST_ITEM_MAX + 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("list_file");
	TCase *system = tcase_create("system"), *tc = tcase_create("lab");

	tcase_add_test(system, of_the_system);
	suite_add_tcase(s, system);
	if (geteuid() == 0) {
		tcase_add_checked_fixture(tc, setup, teardown);
		tcase_add_test(tc, owner_and_mode_of_the_file);
		tcase_add_test(tc, directories);
		tcase_add_test(tc, links);
		tcase_add_test(tc, types);
		tcase_add_test(tc, size);
		tcase_add_test(tc, content);
		tcase_add_test(tc, long_content);
		suite_add_tcase(s, tc);
	} else {
		puts("skip: only root can make files that are root's");
	}
	return s;
}
