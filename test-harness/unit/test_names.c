/* links: core/memory/names core/base/span */
/*
 * test_names.c - which names are memory files, and which are the newest two.
 */
#include <fcntl.h>

#include "memory/names.h"
#include "sandbox.h"
#include "unit.h"

static const struct {
	const char *name;
	uint64_t number;
} names[] = {
	{"memory", 1},
	{"memory.2", 2},
	{"memory.10", 10},
	{"memory.18446744073709551615", UINT64_MAX},
	{"memory.18446744073709551616", 0},
	{"memory.000000000000000000000000000000000000000000000000000000000000000002", 0},
	{"", 0},
	{"memor", 0},
	{"memory.", 0},
	{"memory.0", 0},
	{"memory.1", 0}, /* that one has no number */
	{"memory.02", 0},
	{"memory.2x", 0},
	{"memory.-2", 0},
	{"memory.2.new", 0},
	{"memory-2", 0},
	{"memory2", 0},
	{"Memory.2", 0},
	{"state", 0},
};

START_TEST(which_names_are_memory_files)
{
	char text[BATV_MEMORY_NAME_SIZE];

	ck_assert_uint_eq(batv_names_number(names[_i].name), names[_i].number);
	if (names[_i].number) {
		batv_names_write(names[_i].number, text);
		ck_assert_str_eq(text, names[_i].name);
	}
}
END_TEST

/* In whatever order the directory has them. */
static const struct {
	const char *files[4], *newest, *before;
} dirs[] = {
	{{NULL}, "", ""},
	{{"state", "memory.x"}, "", ""},
	{{"memory"}, "memory", ""},
	{{"memory.7"}, "memory.7", ""},
	{{"memory", "memory.2"}, "memory.2", "memory"},
	{{"memory.2", "memory"}, "memory.2", "memory"},
	{{"memory.2", "memory.3", "memory.10", "lock"}, "memory.10", "memory.3"},
	{{"memory.10", "memory.3", "memory.2", "lock"}, "memory.10", "memory.3"},
	{{"memory.3", "memory.10", "memory.2", "lock"}, "memory.10", "memory.3"},
};

static void find_newest(char newest[static BATV_MEMORY_NAME_SIZE],
			char before[static BATV_MEMORY_NAME_SIZE])
{
	memset(newest, 'x', BATV_MEMORY_NAME_SIZE);
	memset(before, 'x', BATV_MEMORY_NAME_SIZE);
	batv_names_newest(dir, newest, before);
}

static int free_descriptor(void)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);

	(void)close(fd);
	return fd;
}

START_TEST(the_newest_two)
{
	char newest[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE];
	int spare;

	for (size_t i = 0; i < 4 && dirs[_i].files[i]; i++)
		sandbox_file(dirs[_i].files[i], 0600, "", 0);
	spare = free_descriptor();
	find_newest(newest, before);
	ck_assert_str_eq(newest, dirs[_i].newest);
	ck_assert_str_eq(before, dirs[_i].before);
	ck_assert_int_eq(free_descriptor(), spare);
}
END_TEST

/* Even if the directory's descriptor becomes number 0. */
START_TEST(no_other_descriptor_is_open)
{
	char newest[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE];
	const int saved = fcntl(0, F_DUPFD_CLOEXEC, 3);

	sandbox_file("memory.7", 0600, "", 0);
	(void)close(0);
	find_newest(newest, before);
	ck_assert_str_eq(newest, "memory.7");
	ck_assert_int_eq(free_descriptor(), 0);
	if (saved >= 0)
		(void)dup2(saved, 0);
}
END_TEST

START_TEST(a_directory_that_cannot_be_read)
{
	char newest[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE];
	const int good = dir, spare = free_descriptor();

	dir = -1;
	find_newest(newest, before);
	dir = good;
	ck_assert_str_eq(newest, "");
	ck_assert_str_eq(before, "");
	ck_assert_int_eq(free_descriptor(), spare);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("names");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_loop_test(tc, which_names_are_memory_files, 0,
			    (int)(sizeof names / sizeof *names));
	tcase_add_loop_test(tc, the_newest_two, 0, (int)(sizeof dirs / sizeof *dirs));
	tcase_add_test(tc, no_other_descriptor_is_open);
	tcase_add_test(tc, a_directory_that_cannot_be_read);
	suite_add_tcase(s, tc);
	return s;
}
