/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac */
/* links: core/memory/sending core/base/network core/memory/sent core/memory/journal core/memory/tag_use core/tag/addr */
/*
 * test_tag_use.c - how a tag is named for the tallies, how long it counts, and whose mail it was.
 */
#include "memory/tag_use.h"
#include "sent_lab.h"

static struct batv_addr bare;

static struct batv_tag_use use_of(const char *ours, unsigned number, unsigned day)
{
	bare = address(ours);
	return (struct batv_tag_use){.key = key, .bare = &bare, .number = number, .day = day};
}

/* HMAC-SHA-1 of "tag 3123 user@example.com", computed by hand. */
START_TEST(the_name_of_a_tag)
{
	static const uint8_t want[BATV_ITEM_LEN] = {0xa9, 0xa3, 0x68, 0x34, 0x31, 0x1b, 0xfd,
						    0xef, 0x04, 0x81, 0xf8, 0xd9, 0xf4, 0xde,
						    0xbc, 0x37, 0xeb, 0xcf, 0xad, 0x8e};
	struct batv_tag_use use = use_of("User@Example.COM", 3, 123);
	uint8_t name[BATV_ITEM_LEN], other[BATV_ITEM_LEN];

	ck_assert(batv_tag_use_name(&use, name));
	ck_assert_mem_eq(name, want, sizeof want);
	use.day += 1000; /* a tag has three digits of it */
	ck_assert(batv_tag_use_name(&use, other));
	ck_assert_mem_eq(other, want, sizeof want);
	use.number += 10;
	ck_assert(batv_tag_use_name(&use, other));
	ck_assert_mem_eq(other, want, sizeof want);
	use = use_of("user@example.org", 3, 123);
	ck_assert(batv_tag_use_name(&use, other));
	ck_assert_mem_ne(other, want, sizeof want);
}
END_TEST

START_TEST(what_has_no_name)
{
	struct batv_tag_use use = use_of("user@example.com", 3, 123);
	uint8_t name[BATV_ITEM_LEN];

	use.key.len = 0;
	ck_assert(!batv_tag_use_name(&use, name));
	use.key = key;
	bare.domain.len = 0;
	ck_assert(!batv_tag_use_name(&use, name));
	batv_tag_use_sent(&memory, &use, 5, NOW);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW), 0);
}
END_TEST

START_TEST(recipients_are_counted_until_the_day_of_the_tag)
{
	struct batv_tag_use use = use_of("user@example.com", 3, (unsigned)(NOW / D + 7) % 1000);
	struct batv_tag_use other = use_of("user@example.com", 4, use.day);

	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW), 0);
	batv_tag_use_sent(&memory, &use, 0, NOW);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW), 0);
	batv_tag_use_sent(&memory, &use, 1, NOW);
	batv_tag_use_sent(&memory, &use, 5, NOW + D);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW + 7 * D), 6);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW + 8 * D), 0);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &other, NOW + D), 0);
}
END_TEST

/* A file of version 1 has counts for the day only. */
START_TEST(a_file_of_version_1)
{
	struct batv_tag_use use = use_of("user@example.com", 3, (unsigned)(NOW / D + 7) % 1000);

	memory.sections.version = BATV_MEMORY_VERSION_1;
	batv_tag_use_sent(&memory, &use, 5, NOW);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW), 5);
	ck_assert_uint_eq(batv_tag_use_recipients(&memory, &use, NOW + 2 * D), 0);
}
END_TEST

/* Of a thousand days, it is the next one with these digits. */
static const struct {
	int64_t today;
	unsigned digits;
	uint64_t until;
} ends[] = {
	{20000, 0, 20000}, {20000, 999, 20999}, {20000, 1, 20001},    {20779, 778, 21778},
	{20999, 0, 21000}, {5, 3, 1003},        {20000, 1001, 20001}, {20001, 2000, 21000},
};

START_TEST(the_last_day_of_a_tag)
{
	ck_assert_uint_eq(batv_tag_use_until(ends[_i].digits, ends[_i].today * D + 5),
			  ends[_i].until);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, the_name_of_a_tag);
	tcase_add_test(tc, what_has_no_name);
	tcase_add_test(tc, recipients_are_counted_until_the_day_of_the_tag);
	tcase_add_test(tc, a_file_of_version_1);
	tcase_add_loop_test(tc, the_last_day_of_a_tag, 0, (int)COUNT(ends));
}

Suite *unit_suite(void)
{
	return memory_suite("tag_use", add_tests, setup, setup_windows);
}
