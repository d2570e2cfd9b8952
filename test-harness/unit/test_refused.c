/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/memory/refused core/base/safefile */
/* links: core/base/span admin/memory_file admin/replace core/memory/header core/base/network */
/* links: core/memory/sending core/base/hmac */
/*
 * test_refused.c - refused bounces of the last hour: steps of ten minutes, clocks, who stays when
 * there are too many, many processes at once, killed ones, and files that are broken or lack the
 * section.
 */
#include <signal.h>
#include <stdio.h>

#include "base/span.h"
#include "memory/refused.h"
#include "memory_lab.h"

#define HOUR BATV_REFUSED_PERIOD_MAX
#define MINUTE INT64_C(60)
#define ROUND (NOW / 600 * 600) /* a step begins */

static const uint8_t *name_of(unsigned number)
{
	static uint8_t name[BATV_ITEM_LEN];

	memset(name, 0, sizeof name);
	for (unsigned i = 0; i < sizeof name; i++)
		name[i] = (uint8_t)((number + 1) * 2654435761u >> (i % 4 * 8)) ^ (uint8_t)(i * 37);
	memcpy(name, &number, sizeof number);
	return name;
}

static void refuse(unsigned number, unsigned times, int64_t now)
{
	while (times-- > 0)
		batv_refused_note(&memory, name_of(number), now);
}

static uint32_t count(unsigned number, int64_t now)
{
	return batv_refused_count(&memory, name_of(number), HOUR, now);
}

static struct batv_refused_slot *table(void)
{
	return (struct batv_refused_slot *)(void *)((char *)whole.base + whole.sections.refused_at);
}

static struct batv_refused_slot *slot_of(unsigned number)
{
	size_t i;
	uint64_t who;

	who = batv_number_at(name_of(number), 8);
	for (i = 0; i < (size_t)BATV_REFUSED_PAGES * BATV_REFUSED_SLOTS; i++)
		if (table()[i].who == who)
			return &table()[i];
	return NULL;
}

START_TEST(each_name_has_its_own_count)
{
	ck_assert_uint_eq(count(1, ROUND), 0);
	refuse(1, 7, ROUND);
	refuse(2, 3, ROUND);
	ck_assert_uint_eq(count(1, ROUND), 7);
	ck_assert_uint_eq(count(2, ROUND), 3);
	ck_assert_uint_eq(count(3, ROUND), 0);
}
END_TEST

/* What was counted in one step leaves the window within the ten minutes after the hour. */
START_TEST(it_goes_down_within_an_hour)
{
	refuse(1, 600, ROUND + 5 * MINUTE);
	ck_assert_uint_eq(count(1, ROUND + 5 * MINUTE), 600);
	ck_assert_uint_eq(count(1, ROUND + 30 * MINUTE), 600);
	ck_assert_uint_eq(count(1, ROUND + 60 * MINUTE), 600);
	ck_assert_uint_eq(count(1, ROUND + 62 * MINUTE), 480);
	ck_assert_uint_eq(count(1, ROUND + 65 * MINUTE), 300);
	ck_assert_uint_eq(count(1, ROUND + 70 * MINUTE - 1), 1);
	ck_assert_uint_eq(count(1, ROUND + 70 * MINUTE), 0);
	ck_assert_uint_eq(count(1, ROUND + 700 * MINUTE), 0);
}
END_TEST

START_TEST(steps_are_added)
{
	for (int64_t i = 0; i < 12; i++)
		refuse(1, 10, ROUND + i * 10 * MINUTE);
	ck_assert_uint_eq(count(1, ROUND + 110 * MINUTE), 70);
	ck_assert_uint_eq(count(1, ROUND + 115 * MINUTE), 65);
	ck_assert_uint_eq(batv_refused_count(&memory, name_of(1), 600, ROUND + 110 * MINUTE), 20);
	ck_assert_uint_eq(batv_refused_count(&memory, name_of(1), 600, ROUND + 115 * MINUTE), 15);
	ck_assert_uint_eq(batv_refused_count(&memory, name_of(1), 900, ROUND + 115 * MINUTE), 20);
}
END_TEST

/* A clock that went back sees nothing of later steps, and the count goes on. */
START_TEST(clocks)
{
	refuse(1, 5, ROUND);
	ck_assert_uint_eq(count(1, ROUND - 30 * MINUTE), 0);
	refuse(1, 2, ROUND - 30 * MINUTE);
	ck_assert_uint_eq(count(1, ROUND - 30 * MINUTE), 2);
	ck_assert_uint_eq(count(1, ROUND), 7);
	refuse(1, 1, ROUND + 70 * MINUTE); /* the place of the first five */
	ck_assert_uint_eq(count(1, ROUND + 70 * MINUTE), 1);
	refuse(1, 1, 0);
	refuse(1, 1, -5);
	refuse(1, 1, INT64_MAX);
	ck_assert_uint_eq(count(1, -5), 0);
	ck_assert_uint_eq(count(1, 0), 0);
	ck_assert_uint_eq(count(1, INT64_MAX), 1);
}
END_TEST

/* A name that goes on stays, however many others come once; and nobody's count is too high. */
START_TEST(too_many_names)
{
	for (unsigned i = 10; i < 40010; i++) {
		refuse(i, 1, NOW);
		if (i % 10 == 0)
			refuse(1, 1, NOW);
	}
	ck_assert_uint_eq(count(1, NOW), 4000);
	for (unsigned i = 10; i < 40010; i++)
		ck_assert_uint_le(count(i, NOW), 1);
	/* after the hour their places are free, one after the other */
	for (unsigned i = 50000; i < 50100; i++) {
		refuse(i, 2, NOW + 2 * HOUR);
		ck_assert_uint_eq(count(i, NOW + 2 * HOUR), 2);
	}
}
END_TEST

/* The clock of another process may be one step ahead: its counts are not the first to go. */
START_TEST(a_step_ahead_is_not_old)
{
	refuse(1, 9, ROUND + 10 * MINUTE);
	for (unsigned i = 10; i < 40010; i++)
		refuse(i, 1, ROUND);
	ck_assert_uint_eq(count(1, ROUND + 10 * MINUTE), 9);
}
END_TEST

static void work(unsigned number)
{
	open_memory();
	for (unsigned i = 0; i < 500; i++) {
		refuse(1, 1, NOW);
		refuse(100 + number, 1, NOW);
	}
}

START_TEST(many_processes)
{
	in_processes(WORKERS, work);
	ck_assert_uint_eq(count(1, NOW), WORKERS * 500);
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_uint_eq(count(100 + i, NOW), 500);
}
END_TEST

static void crowd(unsigned number)
{
	open_memory();
	for (unsigned i = 0; i < 3000; i++)
		refuse(1000 + number * 3000 + i, 1, NOW);
}

/* Places change hands all the time: no count is ever too high. */
START_TEST(many_processes_and_names)
{
	unsigned found = 0;

	in_processes(WORKERS, crowd);
	for (unsigned i = 0; i < WORKERS * 3000; i++) {
		uint32_t n = count(1000 + i, NOW);

		ck_assert_uint_le(n, 1);
		found += n;
	}
	ck_assert_uint_gt(found, BATV_REFUSED_SLOTS);
}
END_TEST

START_TEST(killed_processes)
{
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				work(i);
		while (count(100 + i, NOW) < 100)
			;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	ck_assert_uint_ge(count(1, NOW), 2000);
}
END_TEST

/* A process that was killed between the two words left the counts of the name before. */
START_TEST(half_taken)
{
	refuse(1, 50, NOW);
	slot_of(1)->who += 2;
	ck_assert_uint_eq(count(1, NOW), 0);
	refuse(1, 1, NOW); /* that place is free again, and what the name had counted there holds */
	ck_assert_uint_eq(count(1, NOW), 51);
}
END_TEST

START_TEST(two_places_are_added)
{
	struct batv_refused_slot *first;

	refuse(1, 50, NOW);
	first = slot_of(1);
	ck_assert_uint_eq(first[1].who, 0);
	first[1] = first[0];
	ck_assert_uint_eq(count(1, NOW), 100);
}
END_TEST

START_TEST(a_full_count)
{
	uint64_t *word;

	refuse(1, 1, NOW);
	word = &slot_of(1)->step[NOW / 600 % BATV_REFUSED_STEPS];
	*word |= 0xffff;
	refuse(1, 2, NOW);
	ck_assert_uint_eq(count(1, NOW), 0xffff);
	ck_assert_uint_eq(*word >> 16 & 0xffff, NOW / 600 % 65536);
}
END_TEST

/* Byte for byte as formats.md says. */
START_TEST(the_form_of_a_slot)
{
	static const uint8_t name[BATV_ITEM_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0x80, 9};
	const struct batv_refused_slot *slot =
		&table()[BATV_REFUSED_PAGES / 2 * BATV_REFUSED_SLOTS];

	batv_refused_note(&memory, name, NOW);
	ck_assert_uint_eq(slot->who, UINT64_C(0x0807060504030201));
	ck_assert_uint_eq(slot->step[0], UINT64_C(0x0c040404a8780001));
}
END_TEST

/* Names of the first page. */
static void refuse_there(uint8_t number, unsigned times, int64_t now)
{
	const uint8_t name[BATV_ITEM_LEN] = {number};

	while (times-- > 0)
		batv_refused_note(&memory, name, now);
}

static uint32_t count_there(uint8_t number, int64_t now)
{
	const uint8_t name[BATV_ITEM_LEN] = {number};

	return batv_refused_count(&memory, name, HOUR, now);
}

/* A name of zeros is a name, and its place is not free. */
START_TEST(no_name)
{
	refuse_there(0, 1, NOW);
	ck_assert_uint_eq(count_there(0, NOW), 1);
	for (uint8_t i = 10; i < 20; i++)
		refuse_there(i, 2, NOW);
	ck_assert_uint_eq(count_there(0, NOW), 1);
}
END_TEST

/* All places of a page are used, and none of the next. */
START_TEST(a_full_page)
{
	for (uint8_t i = 10; i < 10 + BATV_REFUSED_SLOTS; i++)
		refuse_there(i, 1, NOW);
	for (uint8_t i = 10; i < 10 + BATV_REFUSED_SLOTS; i++)
		ck_assert_uint_eq(count_there(i, NOW), 1);
	refuse_there(1, 1, NOW);
	ck_assert_uint_eq(count_there(1, NOW), 1);
	for (size_t i = 0; i < BATV_REFUSED_SLOTS; i++)
		ck_assert_uint_eq(table()[BATV_REFUSED_SLOTS + i].who, 0);
}
END_TEST

/* A count of the beginning of the hour is kept when a place is needed. */
START_TEST(an_hour_old_is_not_old)
{
	refuse_there(1, 9, ROUND);
	for (uint8_t i = 10; i < 10 + BATV_REFUSED_SLOTS; i++)
		refuse_there(i, 1, ROUND + HOUR);
	ck_assert_uint_eq(count_there(1, ROUND + HOUR), 9);
}
END_TEST

START_TEST(the_first_seconds_of_all)
{
	refuse(1, 1, 0);
	ck_assert_uint_eq(count(1, 1), 0);
	refuse(1, 1, 1);
	ck_assert_uint_eq(count(1, 1), 1);
}
END_TEST

START_TEST(no_memory)
{
	batv_memory_close(&memory);
	refuse(1, 1, NOW);
	ck_assert_uint_eq(count(1, NOW), 0);
}
END_TEST

START_TEST(read_only)
{
	refuse(1, 1, NOW);
	memory.writable = false;
	refuse(1, 1, NOW);
	ck_assert_uint_eq(count(1, NOW), 1);
}
END_TEST

START_TEST(no_such_section)
{
	memory.sections.refused_at = 0;
	refuse(1, 1, NOW);
	ck_assert_uint_eq(count(1, NOW), 0);
	ck_assert(batv_memory_there(&memory));
}
END_TEST

START_TEST(truncated)
{
	refuse(1, 1, NOW);
	truncate_memory(0);
	refuse(1, 1, NOW);
	ck_assert_uint_eq(count(1, NOW), 0);
	expect_no_memory();
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, each_name_has_its_own_count);
	tcase_add_test(tc, it_goes_down_within_an_hour);
	tcase_add_test(tc, steps_are_added);
	tcase_add_test(tc, clocks);
	tcase_add_test(tc, half_taken);
	tcase_add_test(tc, two_places_are_added);
	tcase_add_test(tc, a_full_count);
	tcase_add_test(tc, the_form_of_a_slot);
	tcase_add_test(tc, no_name);
	tcase_add_test(tc, a_full_page);
	tcase_add_test(tc, an_hour_old_is_not_old);
	tcase_add_test(tc, the_first_seconds_of_all);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, read_only);
	tcase_add_test(tc, no_such_section);
	tcase_add_test(tc, truncated);
}

static void add_slow(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, too_many_names);
	tcase_add_test(tc, a_step_ahead_is_not_old);
	tcase_add_test(tc, many_processes);
	tcase_add_test(tc, many_processes_and_names);
	tcase_add_test(tc, killed_processes);
}

Suite *unit_suite(void)
{
	return with_slow_tests(
		memory_suite("refused", add_tests, make_memory, make_memory_with_windows),
		add_slow);
}
