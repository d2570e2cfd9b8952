/* links: admin/leftovers core/memory/names core/base/span */
/*
 * test_leftovers.c - which files of the state directory count as left by a crash.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>

#include "leftovers.h"
#include "sandbox.h"
#include "unit.h"

static const struct {
	const char *name;
	bool goes;
} files[] = {
	{".overrides.new", true},  {".secret.new", true},     {".state.new", true},
	{".memory.new", true},     {".memory.2.new", true},   {".memory.987.new", true},
	{".memory.1.new", false},  {".memory.02.new", false}, {".memory..new", false},
	{".memory.2x.new", false}, {".secret.new.", false},   {"secret.new", false},
	{".new", false},           {"..new", false},          {".observe.new", false},
	{".lock.new", false},      {".secret", false},        {"secret", false},
	{".Secret.new", false},    {".manifest.new", true},   {".fleet.key.new", true},
	{".fleet.row.new", true},  {".fleet.said.new", true},
};

START_TEST(names)
{
	unsigned expected = 0;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		sandbox_file(files[i].name, 0600, "x", 1);
		expected += files[i].goes ? 1 : 0;
	}
	ck_assert_int_eq(mkdirat(dir, ".memory.3.new", 0700), 0);
	ck_assert_uint_eq(batv_leftovers_remove(dir), expected);
	ck_assert_uint_eq(batv_leftovers_remove(dir), 0);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		ck_assert_msg((faccessat(dir, files[i].name, F_OK, 0) != 0) == files[i].goes, "%s",
			      files[i].name);
}
END_TEST

static bool no_memory;

/* In the place of libc's. */
DIR *fdopendir(int fd)
{
	static DIR *(*real)(int);

	*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	errno = ENOMEM;
	return no_memory ? NULL : real(fd);
}

/* Descriptor 0 is as good as any; without a directory there is nothing to remove. */
START_TEST(descriptors)
{
	int kept = dup(0);

	sandbox_file(".state.new", 0600, "x", 1);
	close(0);
	ck_assert_uint_eq(batv_leftovers_remove(dir), 1);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1); /* it was closed again */
	ck_assert_uint_eq(batv_leftovers_remove(-1), 0);
	no_memory = true;
	ck_assert_uint_eq(batv_leftovers_remove(dir), 0);
	no_memory = false;
	ck_assert_int_eq(fcntl(0, F_GETFD), -1); /* and again */
	ck_assert_int_ge(fcntl(dir, F_GETFD), 0);
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("leftovers");
	TCase *tc = tcase_create("leftovers");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, names);
	tcase_add_test(tc, descriptors);
	return s;
}
