/* links: core/memory/fleet core/memory/counters core/memory/domains core/memory/sending core/memory/slots core/memory/access core/base/safefile */
/* links: core/base/span admin/memory_file admin/replace core/memory/header core/base/network core/base/hmac */
/*
 * test_fleet.c - the words of the header page that batv-fleet writes.
 */
#include "memory/fleet.h"
#include "memory_lab.h"

#define MS (NOW * 1000)

START_TEST(until_goes_forward_or_to_0)
{
	ck_assert_int_eq(batv_fleet_until(&memory), 0);
	batv_fleet_set_until(&whole, MS);
	ck_assert_int_eq(batv_fleet_until(&memory), MS);
	batv_fleet_set_until(&whole, MS - 1);
	ck_assert_int_eq(batv_fleet_until(&memory), MS);
	batv_fleet_set_until(&whole, MS + 1);
	ck_assert_int_eq(batv_fleet_until(&memory), MS + 1);
	ck_assert_int_eq(batv_fleet_since(&memory), 0);
	batv_fleet_set_until(&whole, 0);
	ck_assert_int_eq(batv_fleet_until(&memory), 0);
	batv_fleet_set_until(&whole, 5);
	ck_assert_int_eq(batv_fleet_until(&memory), 5);
}
END_TEST

START_TEST(since_is_what_was_said_last)
{
	ck_assert_int_eq(batv_fleet_since(&memory), 0);
	batv_fleet_set_since(&whole, NOW);
	ck_assert_int_eq(batv_fleet_since(&memory), NOW);
	batv_fleet_set_since(&whole, NOW - D);
	ck_assert_int_eq(batv_fleet_since(&memory), NOW - D);
	batv_fleet_set_since(&whole, 0);
	ck_assert_int_eq(batv_fleet_since(&memory), 0);
	ck_assert_int_eq(batv_fleet_until(&memory), 0);
}
END_TEST

START_TEST(without_a_memory)
{
	struct batv_memory none = {0};

	batv_fleet_set_until(&none, MS);
	batv_fleet_set_since(&none, NOW);
	ck_assert_int_eq(batv_fleet_until(&none), 0);
	ck_assert_int_eq(batv_fleet_since(&none), 0);
}
END_TEST

/* One that may only be read is left as it is. */
START_TEST(nothing_is_written_to_one_that_is_read_only)
{
	whole.writable = false;
	batv_fleet_set_until(&whole, MS);
	batv_fleet_set_since(&whole, NOW);
	ck_assert_int_eq(batv_fleet_until(&memory), 0);
	ck_assert_int_eq(batv_fleet_since(&memory), 0);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, until_goes_forward_or_to_0);
	tcase_add_test(tc, since_is_what_was_said_last);
	tcase_add_test(tc, without_a_memory);
	tcase_add_test(tc, nothing_is_written_to_one_that_is_read_only);
}

Suite *unit_suite(void)
{
	return memory_suite("fleet", add_tests, make_memory, make_memory_with_windows);
}
