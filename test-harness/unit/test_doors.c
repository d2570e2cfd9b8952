/* links: core/memory/doors core/memory/counters core/memory/domains core/memory/sending core/memory/slots core/memory/access core/base/safefile */
/* links: core/base/span admin/memory_file admin/replace core/memory/header core/base/network core/base/hmac */
/*
 * test_doors.c - when Exim last called, by door.
 */
#include "memory/doors.h"
#include "memory_lab.h"

static int64_t last(enum batv_door door)
{
	return batv_door_last(&whole, door);
}

START_TEST(doors_are_noted)
{
	ck_assert_int_eq(last(BATV_DOOR_LOCAL_SCAN), 0);
	batv_door_note(&memory, BATV_DOOR_LOCAL_SCAN, NOW);
	batv_door_note(&memory, BATV_DOOR_TRANSPORT, NOW + 3 * D);
	ck_assert_int_eq(last(BATV_DOOR_LOCAL_SCAN), NOW);
	ck_assert_int_eq(last(BATV_DOOR_ACL), 0);
	ck_assert_int_eq(last(BATV_DOOR_ROUTER), 0);
	ck_assert_int_eq(last(BATV_DOOR_TRANSPORT), NOW + 3 * D);
	/* at most once a minute */
	batv_door_note(&memory, BATV_DOOR_LOCAL_SCAN, NOW + 59);
	ck_assert_int_eq(last(BATV_DOOR_LOCAL_SCAN), NOW);
	batv_door_note(&memory, BATV_DOOR_LOCAL_SCAN, NOW + 60);
	ck_assert_int_eq(last(BATV_DOOR_LOCAL_SCAN), NOW + 60);
	/* a clock was wrong */
	batv_door_note(&memory, BATV_DOOR_LOCAL_SCAN, NOW - D);
	ck_assert_int_eq(last(BATV_DOOR_LOCAL_SCAN), NOW - D);
}
END_TEST

/* Another process has noted it meanwhile. */
START_TEST(a_process_that_runs_for_long)
{
	struct batv_memory other = {0};

	ck_assert_int_eq(batv_memory_open_windows(&other, dir, "memory"), BATV_OK);
	batv_door_note(&memory, BATV_DOOR_ACL, NOW + 30);
	batv_door_note(&other, BATV_DOOR_ACL, NOW + 60);
	ck_assert_int_eq(last(BATV_DOOR_ACL), NOW + 30);
	batv_memory_close(&other);
}
END_TEST

START_TEST(without_a_memory)
{
	struct batv_memory none = {0};

	batv_door_note(&none, BATV_DOOR_ACL, NOW);
	ck_assert_int_eq(batv_door_last(&none, BATV_DOOR_ACL), 0);
}
END_TEST

START_TEST(a_memory_that_may_only_be_read)
{
	memory.writable = false;
	batv_door_note(&memory, BATV_DOOR_ACL, NOW);
	ck_assert_int_eq(last(BATV_DOOR_ACL), 0);
}
END_TEST

START_TEST(the_next_file_takes_them)
{
	struct batv_memory next = {0};
	struct batv_memory_head *head = whole.base;

	make_file("next", 2, NOW);
	ck_assert_int_eq(batv_memory_open(&next, dir, "next"), BATV_OK);
	batv_door_note(&whole, BATV_DOOR_ACL, NOW);
	batv_door_note(&whole, BATV_DOOR_LOCAL_SCAN, NOW);
	batv_door_note(&next, BATV_DOOR_ACL, NOW + D);
	head->unread = NOW; /* what follows the doors is no door */
	batv_door_copy(&whole, &next);
	ck_assert_int_eq(((struct batv_memory_head *)next.base)->unread, 0);
	ck_assert_int_eq(batv_door_last(&next, BATV_DOOR_ACL), NOW + D);
	ck_assert_int_eq(batv_door_last(&next, BATV_DOOR_LOCAL_SCAN), NOW);
	batv_memory_close(&next);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, doors_are_noted);
	tcase_add_test(tc, a_process_that_runs_for_long);
	tcase_add_test(tc, without_a_memory);
	tcase_add_test(tc, a_memory_that_may_only_be_read);
	tcase_add_test(tc, the_next_file_takes_them);
}

Suite *unit_suite(void)
{
	return memory_suite("doors", add_tests, make_memory, make_memory_with_windows);
}
