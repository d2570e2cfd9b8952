/* links: fleet/capture core/memory/journal core/memory/sent core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/access core/memory/header core/memory/tallies core/memory/sending core/base/safefile core/base/span */
/* links: core/base/hmac core/base/network core/tag/addr admin/memory_file admin/replace */
/*
 * test_capture_files.c - following two journals: generations, files that go and come, and a reader
 * that stops and starts again.
 */
#include "capture_lab.h"

/* ---- files ---- */

static struct batv_memory old;

/* What batvd does: the memory in use becomes the one before. */
static void next_generation(const char *name)
{
	old = memory;
	memset(&memory, 0, sizeof memory);
	ck_assert_int_eq(make_sized(name, CAPACITY + 1, RETENTION), BATV_OK);
	ck_assert_int_eq(batv_memory_open_windows(&memory, dir, name), BATV_OK);
	before = &old;
}

START_TEST(two_generations)
{
	look(10);
	record(1, 1);
	record_on(HELD, 2, 1);
	look(30);
	expect(10, 0, 0);
	record(3, 1);
	next_generation("memory.2");
	record(4, 1);
	record_in(&old, 5, 1); /* a process that has the old file open */
	ck_assert_uint_eq(look(50), 3);
	expect_entry(0, 3);
	expect_entry(1, 5);
	expect_entry(2, 4);
	expect(10, 0, 0); /* the old one still lacks a record */
	let_go(0);
	ck_assert_uint_eq(look(70), 1);
	expect_entry(0, 2);
	expect(70, 0, 0);
	record_in(&old, 6, 1);
	record_on(HELD, 7, 1);
	ck_assert_uint_eq(look(90), 1);
	expect(70, 0, 0); /* the new one */
	look(1090);
	expect(1090, 1, 0);
	batv_memory_close(&old);
	look(1100); /* named, and not open: it may have something */
	expect(1090, 1, 0);
	ck_assert_int_eq(batv_memory_open_windows(&old, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(look(1105), 0); /* nothing of it twice */
	expect(1105, 1, 0);
	before = NULL;
	record(8, 1);
	ck_assert_uint_eq(look(1110), 1);
	expect(1110, 1, 0);
}
END_TEST

/* From before the fleet. */
START_TEST(a_generation_before_without_a_journal)
{
	with_journal = false;
	close_memory();
	open_sized(CAPACITY, RETENTION);
	look(10);
	expect(0, 0, 0);
	with_journal = true;
	next_generation("memory.2");
	record(1, 1);
	ck_assert_uint_eq(look(30), 1);
	expect(30, 0, 0);
}
END_TEST

START_TEST(a_memory_that_is_not_there)
{
	look(10);
	record(1, 1);
	batv_memory_close(&memory);
	ck_assert_uint_eq(look(30), 0);
	expect(10, 0, 0);
	ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(look(50), 1);
	expect(50, 0, 0);
}
END_TEST

/* Made in place of one that was damaged: nobody knows what that one had. */
START_TEST(a_memory_that_was_damaged)
{
	look(10);
	record(1, 1);
	look(30);
	truncate_memory(100);
	ck_assert_uint_eq(look(50), 0);
	expect(30, 0, 0);
	ck_assert_int_eq(make_sized("memory", CAPACITY, RETENTION + D), BATV_OK);
	ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_OK);
	record(2, 1);
	ck_assert_uint_eq(look(70), 1);
	expect(70, 0, 1);
}
END_TEST

/* A file is no longer followed while a record of it is waited for. */
START_TEST(a_record_of_a_file_that_goes)
{
	look(10);
	next_generation("memory.2");
	look(30);
	disk = HELD;
	record_in(&old, 1, 1);
	disk = WORKS;
	look(50);
	expect(30, 0, 0);
	before = NULL;
	look(70);
	expect(70, 0, 1);
}
END_TEST

/* ---- stopping and starting ---- */

static void start_again(bool again)
{
	const int64_t gap = capture.gap, began = capture.began;
	struct batv_capture_place place[2];

	batv_capture_save(&capture, place);
	batv_capture_resume(&capture, place, again);
	ck_assert_int_eq(capture.gap, 0); /* the caller sets them */
	capture.gap = gap;
	capture.began = began;
}

static void restart(void)
{
	start_again(false);
}

START_TEST(stopped_and_started)
{
	look(10);
	record(1, 2);
	look(30);
	restart();
	expect(0, 0, 0);
	ck_assert_uint_eq(look(50), 0);
	expect(50, 0, 0);
	record_on(HELD, 3, 1);
	record(4, 2);
	ck_assert_uint_eq(look(70), 2);
	restart();
	let_go(0);
	ck_assert_uint_eq(look(90), 3); /* two of them twice, and the one that was waited for */
	expect_entry(0, 3);
	expect(90, 0, 0);
	memset(&capture, 0, sizeof capture);
	ck_assert_uint_eq(look(110), 5); /* without a place: all that is there */
	expect(110, 0, 0);
}
END_TEST

START_TEST(stopped_for_too_long)
{
	small_ring();
	look(10);
	record(1, 2);
	look(30);
	restart();
	record(100, ROOM + 7);
	ck_assert_uint_eq(look(50), ROOM);
	expect(50, 0, 7);
	memset(&capture, 0, sizeof capture);
	ck_assert_uint_eq(look(70), ROOM);
	expect(70, 0, 0); /* it was never followed */
}
END_TEST

START_TEST(stopped_while_a_write_fails)
{
	record_on(FAILS, 1, 1);
	look(10);
	look(1010);
	expect(1010, 1, 0); /* nobody followed it yet */
	record_on(FAILS, 2, 1);
	record(3, 1);
	look(1030);
	look(2030);
	expect(2030, 2, 1);
	restart();
	ck_assert_uint_eq(look(2050), 0); /* nothing is handed out again for the sake of a hole */
	expect(2050, 0, 0);
	restart();
	record_on(FAILS, 4, 1);
	look(2070);
	expect(0, 0, 1);
	look(3070);
	expect(3070, 1, 1);
}
END_TEST

/* The machine was started again: the ring is read again, and what it has lost is known. */
START_TEST(another_start_of_the_machine)
{
	small_ring();
	record(1, 4);
	look(10);
	start_again(true);
	ck_assert_uint_eq(look(30), 4);
	ck_assert_uint_eq(look(40), 0);
	expect(40, 0, 0);
	ck_assert_int_eq(capture.gap, 0);
	start_again(true);
	record(100, ROOM);
	ck_assert_uint_eq(look(50), ROOM);
	expect(50, 0, 0); /* it has come round, but that had been read */
	ck_assert_int_eq(capture.gap, 0);
	start_again(true);
	record(300, ROOM + 3);
	look(70);
	expect(70, 0, 3);
	ck_assert_int_eq(capture.gap, T0 + 70);
}
END_TEST

/* ---- gaps ---- */

START_TEST(a_gap_is_when_a_loss_was_noticed)
{
	small_ring();
	look(10);
	record(1, ROOM + 1);
	look(30);
	expect(30, 0, 1);
	ck_assert_int_eq(capture.gap, T0 + 30);
	record(500, 1);
	look(50);
	restart();
	look(70);
	ck_assert_int_eq(capture.gap, T0 + 30);
}
END_TEST

/* As a file that has taken over from another one. */
static void began_before(void)
{
	for (size_t i = 0; i < BATV_FILTERS; i++)
		memory.sections.filters[i].since = NOW - 5 * D;
}

/* The journal has all since the memory began. */
START_TEST(from_the_beginning)
{
	struct batv_item pair = numbered(BATV_ITEM_PAIR, 7);

	began_before();
	record(1, 3);
	(void)batv_sent_note(&memory, &pair, NOW);
	look(10);
	ck_assert_int_eq(capture.began, T0 - 5 * D * 1000);
	ck_assert_int_eq(capture.gap, 0);
}
END_TEST

/* What others sent, or what was recorded before there was a journal, is not in it. */
START_TEST(what_the_journal_never_had)
{
	const struct batv_item item = numbered(BATV_ITEM_ID, 1);
	enum batv_sent_answer answer;

	began_before();
	record(2, 1);
	batv_sent_merge_all(&memory, &item, 1, NOW / D, &answer);
	look(10);
	ck_assert_int_eq(capture.began, batv_counters_created(&memory) * 1000);
	batv_sent_merge_all(&memory, &item, 1, NOW / D - 1, &answer);
	look(20); /* once is enough */
	ck_assert_int_eq(capture.began, batv_counters_created(&memory) * 1000);
}
END_TEST

START_TEST(a_ring_that_came_round_before)
{
	small_ring();
	record(1, ROOM + 1);
	look(10);
	expect(10, 0, 0);
	ck_assert_int_eq(capture.began, T0 + 10);
}
END_TEST

START_TEST(a_write_that_failed_before)
{
	record_on(FAILS, 1, 1);
	look(10);
	ck_assert_int_eq(capture.began, T0 + 10);
}
END_TEST

START_TEST(mail_without_a_state)
{
	batv_counters_bare_now(&memory, NOW - 100);
	look(10);
	ck_assert_int_eq(capture.gap, T0 - 99000); /* its second is over */
	batv_counters_bare_now(&memory, NOW);
	look(20);
	ck_assert_int_eq(capture.gap, T0 + 20);
	look(30); /* the same one */
	ck_assert_int_eq(capture.gap, T0 + 20);
	batv_counters_bare_now(&memory, NOW + D); /* by a clock that is ahead */
	look(40);
	look(50);
	ck_assert_int_eq(capture.gap, T0 + 40);
	batv_counters_bare_now(&memory, NOW - 50); /* and earlier than what is known */
	look(60);
	ck_assert_int_eq(capture.gap, T0 + 40);
}
END_TEST

/* In both generations, each from its own place. */
START_TEST(both_places_are_kept)
{
	record(1, 3);
	look(10);
	next_generation("memory.2");
	record(4, 2);
	look(30);
	restart();
	record(6, 1);
	record_in(&old, 7, 1);
	ck_assert_uint_eq(look(50), 2);
	expect_entry(0, 7);
	expect_entry(1, 6);
	expect(50, 0, 0);
}
END_TEST

/* The machine crashed, and the word of the head is an older one. */
START_TEST(a_head_that_goes_back)
{
	record(1, 6);
	look(10);
	row(BATV_COUNT_IDS)->journal = 4;
	ck_assert_uint_eq(look(30), 4);
	expect(30, 0, 0);
	record(7, 1);
	ck_assert_uint_eq(look(50), 1);
	expect_entry(0, 7);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("capture_files");
	TCase *tc = tcase_create("all");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup_capture, drop_memory);
	tcase_add_test(tc, two_generations);
	tcase_add_test(tc, a_generation_before_without_a_journal);
	tcase_add_test(tc, a_memory_that_is_not_there);
	tcase_add_test(tc, a_memory_that_was_damaged);
	tcase_add_test(tc, a_record_of_a_file_that_goes);
	tcase_add_test(tc, stopped_and_started);
	tcase_add_test(tc, stopped_for_too_long);
	tcase_add_test(tc, stopped_while_a_write_fails);
	tcase_add_test(tc, another_start_of_the_machine);
	tcase_add_test(tc, a_gap_is_when_a_loss_was_noticed);
	tcase_add_test(tc, from_the_beginning);
	tcase_add_test(tc, what_the_journal_never_had);
	tcase_add_test(tc, a_ring_that_came_round_before);
	tcase_add_test(tc, a_write_that_failed_before);
	tcase_add_test(tc, mail_without_a_state);
	tcase_add_test(tc, both_places_are_kept);
	tcase_add_test(tc, a_head_that_goes_back);
	return s;
}
