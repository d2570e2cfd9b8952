/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac */
/* links: core/memory/sending core/base/network */
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

START_TEST(mails_are_added_in_one_step)
{
	const uint64_t until = (uint64_t)(NOW / D) + 14;
	const uint8_t *name = numbered(1).bytes;
	struct batv_tallied t;

	t = batv_tally_add(&memory, BATV_TALLY_TAG_MAILS, name, until, NOW, 2000);
	ck_assert_uint_eq(t.day, 2000);
	t = batv_tally_add(&memory, BATV_TALLY_TAG_MAILS, name, until, NOW + D, 1);
	ck_assert_uint_eq(t.day, 1);
	ck_assert_uint_eq(t.life, 2001);
	t = batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, name, NOW + 2 * D);
	ck_assert_uint_eq(t.day, 0);
	ck_assert_uint_eq(t.life, 2001);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, name, NOW + 15 * D).life,
			  0);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, name, NOW).life, 0);
	/* as much as a word holds, and no more */
	for (unsigned i = 0; i < 66000; i++)
		t = batv_tally_add(&memory, BATV_TALLY_TAG_MAILS, name, until, NOW, UINT32_MAX);
	ck_assert_uint_eq(t.life, UINT32_MAX);
	ck_assert_uint_eq(t.day, UINT32_MAX);
	/* a clock that is wrong counts nothing and finds nothing */
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, name, -1).life, 0);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, name, INT64_MAX).life, 0);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, name, NOW - 900 * D).life,
			  0);
}
END_TEST

#define W(day, low) ((uint64_t)(day) << 48 | (low))
#define TODAY ((uint64_t)(NOW / D))

/* The two words of a place. */
static uint64_t *place(enum batv_tally which, size_t page, size_t at)
{
	return (uint64_t *)(void *)((char *)whole.base + whole.sections.tally_at[which] +
				    page * BATV_MEMORY_PAGE) +
	       2 * at;
}

/* How many words of a section are not 0. */
static unsigned words_in(enum batv_tally which)
{
	unsigned n = 0;

	for (size_t i = 0; i < whole.sections.tally_pages[which] * 512; i++)
		n += place(which, 0, 0)[i] != 0;
	return n;
}

/* Byte for byte as formats.md says. */
START_TEST(the_places_of_a_name)
{
	static const uint8_t name[BATV_ITEM_LEN] = {0, 0, 0, 0x80, 5, 1, 7,  2,
						    0, 0, 0, 0x40, 9, 1, 11, 2};
	static const unsigned words_of[BATV_TALLIES] = {8, 8, 4};

	for (int which = 0; which < BATV_TALLIES; which++) {
		const size_t pages = whole.sections.tally_pages[which];

		(void)batv_tally(&memory, (enum batv_tally)which, name, TODAY + 14, NOW);
		ck_assert_uint_eq(place((enum batv_tally)which, pages / 2, 5)[0], W(TODAY, 1));
		ck_assert_uint_eq(place((enum batv_tally)which, pages / 2, 5)[1], W(TODAY + 14, 1));
		ck_assert_uint_eq(place((enum batv_tally)which, pages / 2, 7)[0], W(TODAY, 1));
		if (words_of[which] == 8) {
			ck_assert_uint_eq(place((enum batv_tally)which, pages / 4, 9)[0],
					  W(TODAY, 1));
			ck_assert_uint_eq(place((enum batv_tally)which, pages / 4, 11)[1],
					  W(TODAY + 14, 1));
		}
		ck_assert_uint_eq(words_in((enum batv_tally)which), words_of[which]);
	}
}
END_TEST

static const uint8_t first[BATV_ITEM_LEN];

START_TEST(a_full_word_keeps_its_day)
{
	uint64_t *words = place(BATV_TALLY_TAG_MAILS, 0, 0);

	words[0] = W(TODAY, W(1, 0) - 2);
	(void)batv_tally_add(&memory, BATV_TALLY_TAG_MAILS, first, TODAY + 14, NOW, 5);
	ck_assert_uint_eq(words[0], W(TODAY, W(1, 0) - 1));
	ck_assert_uint_eq(words[1], W(TODAY + 14, 5));
}
END_TEST

/* Tomorrow's, by another clock, counts; that of the day after does not. */
START_TEST(words_of_the_days_ahead)
{
	uint64_t *words = place(BATV_TALLY_TAG_MAILS, 0, 0);

	for (unsigned ahead = 0; ahead < 3; ahead++) {
		words[0] = W(TODAY + ahead, 5);
		ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, first, NOW).day,
				  ahead < 2 ? 5 : 0);
	}
}
END_TEST

/* The last day that a word holds. */
START_TEST(the_end_of_all_days)
{
	struct batv_tallied t;

	t = batv_tally(&memory, BATV_TALLY_TAG_MAILS, first, UINT64_MAX, (BATV_DAY_MAX - 10) * D);
	ck_assert_uint_eq(t.life, 1);
	ck_assert_uint_eq(place(BATV_TALLY_TAG_MAILS, 0, 0)[1], W(BATV_DAY_MAX, 1));
	t = batv_tally(&memory, BATV_TALLY_TAG_MAILS, first, UINT64_MAX, BATV_DAY_MAX * D);
	ck_assert_uint_eq(t.day | t.life, 0);
	t = batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, first, BATV_DAY_MAX * D);
	ck_assert_uint_eq(t.day | t.life, 0);
}
END_TEST

START_TEST(no_such_tally)
{
	struct batv_tallied t = batv_tally(&memory, BATV_TALLIES, first, TODAY, NOW);

	ck_assert_uint_eq(t.day | t.life, 0);
	memory.sections.tally_at[BATV_TALLY_TAG_MAILS] = 0;
	t = batv_tally(&memory, BATV_TALLY_TAG_MAILS, first, TODAY, NOW);
	ck_assert_uint_eq(t.day | t.life, 0);
	t = batv_tally_read(&memory, BATV_TALLY_TAG_MAILS, first, NOW);
	ck_assert_uint_eq(t.day | t.life, 0);
	ck_assert_mem_eq(whole.base, BATV_MEMORY_MAGIC, 8);
}
END_TEST

/* Two places of a name may be one: it counts once. */
START_TEST(a_place_counts_once)
{
	static const uint8_t names[][BATV_ITEM_LEN] = {
		{0}, {0, 0, 0, 128, 5, 0, 5, 1, 255, 255, 255, 255, 7, 0, 7, 0}};

	for (unsigned n = 1; n <= 3; n++)
		for (size_t i = 0; i < COUNT(names); i++)
			ck_assert_uint_eq(
				batv_tally(&memory, BATV_TALLY_TAG_BOUNCES, names[i], NOW / D, NOW)
					.life,
				n);
}
END_TEST

static struct batv_tallied up_to(uint32_t limit, int64_t now)
{
	return batv_tally_up_to(&memory, BATV_TALLY_TAG_BOUNCES, numbered(1).bytes,
				(uint64_t)(NOW / D) + 14, now, limit);
}

/* A use that is turned away does not count: when the limit rises, the next ones pass. */
START_TEST(a_limit_stops_the_count)
{
	for (unsigned i = 1; i <= 5; i++)
		ck_assert_uint_eq(up_to(5, NOW + i % 3 * D).life, i);
	for (unsigned i = 0; i < 9; i++)
		ck_assert_uint_eq(up_to(5, NOW + D).life, 6);
	ck_assert_uint_eq(
		batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, numbered(1).bytes, NOW + 2 * D)
			.day,
		1); /* nor for the day */
	for (unsigned i = 0; i < 3; i++)
		(void)up_to(5, NOW + 2 * D);
	ck_assert_uint_eq(
		batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, numbered(1).bytes, NOW + 2 * D)
			.day,
		1);
	ck_assert_uint_gt(up_to(0, NOW).life, 0);
	ck_assert_uint_eq(up_to(6, NOW + D).life, 6);
	ck_assert_uint_eq(up_to(6, NOW + D).life, 7);
	ck_assert_uint_eq(up_to(UINT32_MAX, NOW + D).life, 7);
	ck_assert_uint_eq(up_to(0, NOW + 15 * D).life,
			  1); /* another life, and a limit of nothing */
	ck_assert_uint_eq(up_to(1, NOW + 15 * D).life, 1);
}
END_TEST

/*
 * A flood to some names never makes the count of another one so high that it is deferred.  Here the
 * file has its least size, and far more floods than any server sees.
 */
START_TEST(floods_leave_others_alone)
{
	const uint64_t until = (uint64_t)(NOW / D) + 14;
	unsigned high = 0;

	for (unsigned n = 0; n < 200; n++)
		(void)batv_tally_add(&memory, BATV_TALLY_TAG_BOUNCES, numbered(n).bytes, until, NOW,
				     500);
	for (unsigned n = 1000; n < 21000; n++)
		high += batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, numbered(n).bytes, NOW)
				.life > 0;
	ck_assert_uint_eq(high, 0);
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
	tcase_add_test(tc, the_places_of_a_name);
	tcase_add_test(tc, a_full_word_keeps_its_day);
	tcase_add_test(tc, words_of_the_days_ahead);
	tcase_add_test(tc, the_end_of_all_days);
	tcase_add_test(tc, no_such_tally);
	tcase_add_test(tc, a_place_counts_once);
	tcase_add_test(tc, a_limit_stops_the_count);
}

static void add_slow(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, mails_are_added_in_one_step);
	tcase_add_test(tc, floods_leave_others_alone);
	tcase_add_test(tc, many_processes_tally_exactly);
}

Suite *unit_suite(void)
{
	Suite *s = memory_suite("tallies", add_tallies, make_tallies, make_tallies_with_windows);

	add_case(s, "slow, whole", false, make_tallies, add_slow);
	add_case(s, "slow, windows", true, make_tallies_with_windows, add_slow);
	return s;
}
