/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac */
/*
 * test_tallies.c - counts by name: for a day, and over the life of a name.
 */
#include "base/hmac.h"
#include "memory/tallies.h"
#include "memory_lab.h"

struct name {
	uint8_t bytes[BATV_ITEM_LEN];
};

static struct name numbered(unsigned n)
{
	struct name name;
	char text[20];

	(void)snprintf(text, sizeof text, "%u", n);
	ck_assert(batv_hmac_sha1(batv_span_of("key"), batv_span_of("tag "), batv_span_of(text),
				 name.bytes));
	return name;
}

static void make_tallies(void)
{
	const struct batv_memory_wish wish = {
		.generation = 7, .now = NOW, .capacity = 1000, .retention = 14 * D, .since = NOW};

	sandbox_make();
	ck_assert_int_eq(batv_memory_file_create(dir, "memory", &wish), BATV_OK);
	open_memory();
}

static void make_tallies_with_windows(void)
{
	with_windows = true;
	make_tallies();
}

/* Of a name that lives for two weeks. */
static struct batv_tallied tally(enum batv_tally which, unsigned n, int64_t now)
{
	return batv_tally(&memory, which, numbered(n).bytes, (uint64_t)(now / D) + 14, now);
}

START_TEST(tallies_never_count_too_little)
{
	uint64_t over = 0;

	for (unsigned round = 1; round <= 20; round++)
		for (unsigned n = 0; n < 300; n++) {
			struct batv_tallied t = tally(BATV_TALLY_TAG_MAILS, n, NOW);

			ck_assert_uint_ge(t.day, round);
			ck_assert_uint_eq(t.life, t.day);
			over += t.day - round;
		}
	ck_assert_uint_le(over, 5 * 190); /* few share both of their places */
	ck_assert_uint_eq(tally(BATV_TALLY_ID_HITS, 1, NOW).day, 1);
	/* around midnight with two clocks */
	ck_assert_uint_eq(tally(BATV_TALLY_ID_HITS, 9, NOW + D).day, 1);
	ck_assert_uint_eq(tally(BATV_TALLY_ID_HITS, 9, NOW).day, 2);
	/* a new day, and a clock that was wrong */
	ck_assert_uint_eq(tally(BATV_TALLY_TAG_MAILS, 1, NOW + D).day, 1);
	ck_assert_uint_eq(tally(BATV_TALLY_TAG_MAILS, 1, NOW + 99 * D).day, 1);
	ck_assert_uint_eq(tally(BATV_TALLY_TAG_MAILS, 1, NOW + D).day, 1);
}
END_TEST

static struct batv_tallied tally_until(uint64_t until, int64_t now)
{
	return batv_tally(&memory, BATV_TALLY_TAG_BOUNCES, numbered(1).bytes, until, now);
}

/* What comes on Monday and on Saturday adds up, until the last day; the day counts by itself. */
START_TEST(a_tally_counts_over_a_life)
{
	const uint64_t until = (uint64_t)(NOW / D) + 14;
	struct batv_tallied t;

	for (unsigned day = 0; day <= 14; day++)
		for (unsigned n = 1; n <= 3; n++) {
			t = tally_until(until, NOW + day * D);
			ck_assert_uint_eq(t.day, n);
			ck_assert_uint_eq(t.life, day * 3 + n);
		}
	t = tally_until(until + 14, NOW + 15 * D); /* another life */
	ck_assert_uint_eq(t.day, 1);
	ck_assert_uint_eq(t.life, 1);
	/* one that ends earlier and shares its place does not shorten it */
	ck_assert_uint_eq(tally_until(until + 1, NOW + 15 * D).life, 2);
	ck_assert_uint_eq(tally_until(until + 14, NOW + 28 * D).life, 3);
	/* an end that has passed: this day counts all the same */
	ck_assert_uint_eq(tally_until(0, NOW + 29 * D).life, 1);
	ck_assert_uint_eq(tally_until(0, NOW + 29 * D).life, 2);
	ck_assert_uint_eq(tally_until(0, NOW + 30 * D).life, 1);
}
END_TEST

/* A clock that was years ahead leaves no count that stays for years. */
START_TEST(a_tally_of_a_wrong_clock_ends)
{
	const uint64_t until = (uint64_t)(NOW / D) + 14;

	ck_assert_uint_eq(tally_until(UINT64_MAX, NOW).life, 1);
	ck_assert_uint_eq(tally_until(until, NOW + BATV_TALLY_DAYS_MAX * D).life, 2);
	ck_assert_uint_eq(tally_until(until, NOW + (BATV_TALLY_DAYS_MAX + 1) * D).life, 1);
	ck_assert_uint_eq(tally_until(UINT64_MAX, NOW + 9000 * D).life, 1);
	ck_assert_uint_eq(tally_until(until, NOW).life, 1);
	ck_assert_uint_eq(tally_until(until, NOW + D).life, 2);
	ck_assert_uint_eq(tally_until(until, INT64_MAX).life, 0);
	ck_assert_uint_eq(tally_until(until, 0).life, 0);
	ck_assert_uint_eq(tally_until(until, -1).day, 0);
}
END_TEST

static void count_many(unsigned worker)
{
	(void)worker;
	for (unsigned i = 0; i < 1000; i++)
		(void)tally_until((uint64_t)(NOW / D) + 14, NOW + i % 2 * D);
}

START_TEST(many_processes_tally_exactly)
{
	in_processes(WORKERS, count_many);
	ck_assert_uint_eq(tally_until((uint64_t)(NOW / D) + 14, NOW + 2 * D).life,
			  WORKERS * 1000 + 1);
}
END_TEST

static void add_tallies(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, tallies_never_count_too_little);
	tcase_add_test(tc, a_tally_counts_over_a_life);
	tcase_add_test(tc, a_tally_of_a_wrong_clock_ends);
	tcase_add_test(tc, many_processes_tally_exactly);
}

Suite *unit_suite(void)
{
	return memory_suite("tallies", add_tallies, make_tallies, make_tallies_with_windows);
}
