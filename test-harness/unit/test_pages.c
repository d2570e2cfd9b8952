/* links: core/base/pages */
/*
 * test_pages.c - which pages are touched, and how a time becomes a day.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/days.h"
#include "base/pages.h"
#include "unit.h"

#define PAGE 4096
#define PAGES 16

#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static const struct {
	size_t at, len, first, last; /* bytes; pages */
} touches[] = {
	{0, 1, 0, 0},
	{PAGE, PAGE, 1, 1},
	{PAGE + 4095, 1, 1, 1},
	{PAGE + 4095, 2, 1, 2},
	{2 * PAGE + 100, 3 * PAGE, 2, 5},
	{PAGE + 4095, PAGE + 1, 1, 2},
};

static char *map(void)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	ck_assert(at != MAP_FAILED);
	(void)madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
	return at;
}

START_TEST(pages_are_touched)
{
	char *at = map(), *other = map();
	const bool known = madvise(other, PAGE, MADV_POPULATE_WRITE) == 0;
	unsigned char there[PAGES];

	errno = ENOENT;
	batv_pages_touch(at + touches[_i].at, touches[_i].len);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(mincore(at, PAGES * PAGE, there), 0);
	for (size_t i = 0; i < PAGES; i++)
		ck_assert_int_eq(there[i] & 1,
				 known && i >= touches[_i].first && i <= touches[_i].last);
	(void)munmap(at, PAGES * PAGE);
	(void)munmap(other, PAGES * PAGE);
}
END_TEST

/* Where nothing is mapped, nothing happens. */
START_TEST(nothing_to_touch)
{
	char *at = map();

	(void)munmap(at, PAGES * PAGE);
	errno = 0;
	batv_pages_touch(at, PAGE);
	ck_assert_int_eq(errno, 0);
}
END_TEST

static const struct {
	int64_t when;
	uint64_t day;
} days[] = {
	{INT64_MIN, 0},
	{-1, 0},
	{0, 0},
	{86399, 0},
	{86400, 1},
	{INT64_C(1795348800), 20779},
	{INT64_C(0xfffffe) * 86400, 0xfffffe},
	{INT64_C(0xffffff) * 86400, 0xffffff},
	{INT64_C(0x1000000) * 86400, 0xffffff},
	{INT64_MAX, 0xffffff},
};

START_TEST(the_day_of_a_time)
{
	ck_assert_uint_eq(batv_day_of(days[_i].when), days[_i].day);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("pages");
	TCase *tc = tcase_create("pages");

	tcase_add_loop_test(tc, pages_are_touched, 0, (int)(sizeof touches / sizeof touches[0]));
	tcase_add_test(tc, nothing_to_touch);
	tcase_add_loop_test(tc, the_day_of_a_time, 0, (int)(sizeof days / sizeof days[0]));
	suite_add_tcase(s, tc);
	return s;
}
