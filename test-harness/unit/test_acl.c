/* links: admin/acl */
/*
 * test_acl.c - one more user of a file, by its access control list.
 */
#include "../../src/admin/acl.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "sandbox.h"
#include "unit.h"

#define ATTRIBUTE "system.posix_acl_access"

static int file = -1;

static void setup(void)
{
	sandbox_make();
	sandbox_file("file", 0640, "x", 1);
	file = openat(dir, "file", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
}

static void teardown(void)
{
	(void)close(file);
	sandbox_remove();
}

/* As the kernel's header has it: version, then tag, permissions and number of each entry. */
static const char *list(void)
{
	static char text[2000];
	unsigned char raw[4096];
	ssize_t n = fgetxattr(file, ATTRIBUTE, raw, sizeof raw);
	int at = 0;

	text[0] = '\0';
	for (ssize_t i = 4; i + 8 <= n; i += 8) {
		const int id = raw[i + 4] | raw[i + 5] << 8 | raw[i + 6] << 16;

		at += snprintf(text + at, sizeof text - (size_t)at, "%s%02x:%d", at ? " " : "",
			       raw[i], raw[i + 2]);
		if (id != 0xffffff)
			at += snprintf(text + at, sizeof text - (size_t)at, ":%d", id);
	}
	return text;
}

static unsigned mode(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(file, &st), 0);
	return st.st_mode & 07777;
}

static bool has_lists(void)
{
	return batv_acl_allow(file, 4711, 0) == BATV_OK || errno != ENOTSUP;
}

START_TEST(a_user_is_let_in_and_out)
{
	if (!has_lists())
		return;
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_str_eq(list(), "");
	ck_assert_int_eq(batv_acl_allow(file, 4711, 4), BATV_OK);
	ck_assert_str_eq(list(), "01:6 02:4:4711 04:4 10:4 20:0");
	ck_assert_uint_eq(mode(), 0640);
	ck_assert(batv_acl_allows(file, 4711, 4) && !batv_acl_allows(file, 4711, 2));
	ck_assert(!batv_acl_allows(file, 4712, 4) && !batv_acl_allows(-1, 4711, 4));
	ck_assert_int_eq(fchmod(file, 0600), 0); /* the mask */
	ck_assert(!batv_acl_allows(file, 4711, 4));
	ck_assert_int_eq(fchmod(file, 0640), 0);
	ck_assert_int_eq(batv_acl_allow(file, 4711, 2), BATV_OK); /* adds */
	ck_assert_str_eq(list(), "01:6 02:6:4711 04:4 10:6 20:0");
	ck_assert_uint_eq(mode(), 0660); /* the mask; the group has what it had */
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_str_eq(list(), "");
	ck_assert_uint_eq(mode(), 0640);
}
END_TEST

/* Where the group has nothing, it gets nothing. */
START_TEST(a_file_of_the_owner_alone)
{
	if (!has_lists())
		return;
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_int_eq(fchmod(file, 0400), 0);
	ck_assert_int_eq(batv_acl_allow(file, 4711, 4), BATV_OK);
	ck_assert_str_eq(list(), "01:4 02:4:4711 04:0 10:4 20:0");
}
END_TEST

START_TEST(entries_of_others_stay)
{
	struct stat before, after;

	if (!has_lists())
		return;
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_int_eq(batv_acl_allow(file, 5000, 4), BATV_OK);
	ck_assert_int_eq(batv_acl_allow(file, 100, 1), BATV_OK);
	ck_assert_int_eq(batv_acl_allow(file, 4711, 2), BATV_OK);
	ck_assert_str_eq(list(), "01:6 02:1:100 02:2:4711 02:4:5000 04:4 10:7 20:0");
	ck_assert_int_eq(fstat(file, &before), 0);
	ck_assert_int_eq(batv_acl_allow(file, 4711, 2), BATV_OK); /* nothing is written */
	ck_assert_int_eq(fstat(file, &after), 0);
	ck_assert_mem_eq(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_int_eq(batv_acl_forbid(file, 4711), BATV_OK);
	ck_assert_str_eq(list(), "01:6 02:1:100 02:4:5000 04:4 10:7 20:0");
}
END_TEST

START_TEST(too_many)
{
	uid_t user = 1000;
	enum batv_err err;

	if (!has_lists())
		return;
	while ((err = batv_acl_allow(file, user, 4)) == BATV_OK)
		ck_assert_uint_lt(user++, 2000);
	ck_assert_int_eq(err, BATV_E_FULL);
	ck_assert_int_eq(batv_acl_forbid(file, 1000), BATV_OK); /* one less */
	ck_assert_int_eq(batv_acl_allow(file, user, 4), BATV_OK);
}
END_TEST

START_TEST(without_lists)
{
	int fd = memfd_create("x", MFD_CLOEXEC); /* or with them: either way it says the truth */
	enum batv_err err;

	errno = 0;
	err = batv_acl_allow(fd, 4711, 4);
	ck_assert(err == BATV_OK || (err == BATV_E_IO && errno == ENOTSUP));
	(void)close(fd);
	ck_assert_int_eq(batv_acl_allow(fd, 4711, 4), BATV_E_IO);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(batv_acl_forbid(fd, 4711), BATV_E_IO);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("acl");
	TCase *tc = tcase_create("acl");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_user_is_let_in_and_out);
	tcase_add_test(tc, a_file_of_the_owner_alone);
	tcase_add_test(tc, entries_of_others_stay);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, without_lists);
	return s;
}
