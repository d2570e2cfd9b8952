/* links: core/memory/sent core/memory/journal core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile */
/* links: core/base/span core/tag/addr core/base/hmac admin/memory_file admin/replace admin/memory_fill */
/* links: core/memory/header core/memory/tallies */
/* links: core/memory/sending core/base/network */
/*
 * test_memory_fill.c - how full the sent-mail memory is, and how often it takes an unknown item for
 * a known one.
 */
#include <math.h>

#include "memory_fill.h"
#include "sent_lab.h"

START_TEST(how_full_it_is)
{
	struct batv_memory_fill fill;

	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	ck_assert_uint_eq(fill.capacity, CAPACITY);
	ck_assert_uint_eq(fill.today + fill.fullest, 0);
	ck_assert(fill.chance == 0);
	for (uint64_t n = 0; n < 1000; n++) {
		(void)put(numbered(BATV_ITEM_ID, n), NOW);
		if (n < 300)
			(void)put(numbered(BATV_ITEM_ID, 5000 + n), NOW + 2 * D);
	}
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW + 2 * D, &fill));
	ck_assert_uint_eq(fill.today, 300);
	ck_assert_uint_eq(fill.fullest, 1000);
	ck_assert(fill.chance > 1e-8 && fill.chance < 1e-6);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW + 2 * D, &fill));
	ck_assert_uint_eq(fill.fullest, 0);
}
END_TEST

/* Which days count, and which section is read. */
START_TEST(days_and_sections)
{
	struct batv_filter *filters = memory.sections.filters, pairs = filters[1];
	const unsigned lines = filters[0].lines;
	struct batv_memory_fill fill;
	uint64_t counters;

	for (uint64_t n = 0; n < 20; n++)
		(void)put(numbered(BATV_ITEM_ID, n), NOW);
	for (uint64_t n = 0; n < 7; n++)
		(void)put(numbered(BATV_ITEM_ID, 100 + n), NOW + D);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW + D, &fill));
	ck_assert_uint_eq(fill.today, 7);
	ck_assert_uint_eq(fill.fullest, 20);
	/* the last day on which the first one is kept, and the next one */
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW + (lines - 2) * D, &fill));
	ck_assert_uint_eq(fill.fullest, 20);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW + (lines - 1) * D, &fill));
	ck_assert_uint_eq(fill.fullest, 7);

	memset(&filters[1], 0, sizeof filters[1]);
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	filters[1] = pairs;
	memset(&filters[0], 0, sizeof filters[0]);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	counters = memory.sections.counters_at;
	memory.sections.counters_at = 0;
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
	memory.sections.counters_at = counters;
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
	truncate_memory(BATV_MEMORY_PAGE);
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
	ck_assert(!batv_memory_there(&memory));
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_PAIR, NOW, &fill));
}
END_TEST

/* Counts are kept of 32 days.  Of a day before that the fullest one is assumed. */
START_TEST(days_without_a_count)
{
	const struct batv_filter *f;
	struct batv_memory_fill fill;
	double one;

	batv_memory_close(&memory);
	batv_memory_close(&whole);
	open_sized(CAPACITY, 62 * D);
	f = &memory.sections.filters[0];
	for (uint64_t n = 0; n < 2000; n++)
		(void)put(numbered(BATV_ITEM_ID, n), NOW);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	one = 4 * batv_memory_fill_chance(2000.0 / f->blocks, f->bits);
	ck_assert(one > 0);
	ck_assert(fabs(fill.chance / one - (double)(f->lines - BATV_COUNTER_DAYS)) < 1e-6);
	/* of the last day with a count, and of the next one */
	ck_assert(
		batv_memory_fill(&memory, BATV_ITEM_ID, NOW + (BATV_COUNTER_DAYS - 1) * D, &fill));
	ck_assert_uint_eq(fill.fullest, 2000);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW + BATV_COUNTER_DAYS * D, &fill));
	ck_assert_uint_eq(fill.fullest, 0);
}
END_TEST

static void count_ids(uint64_t n)
{
	const size_t counter = batv_sent_counter(BATV_ITEM_ID);

	while (n-- > 0)
		batv_count(&memory, counter, NOW);
}

/* A chance is not more than one. */
START_TEST(more_than_certain)
{
	const struct batv_filter *f = &memory.sections.filters[0];
	struct batv_memory_fill fill;
	uint64_t n = f->blocks;

	while (4 * batv_memory_fill_chance((double)n / f->blocks, f->bits) <= 1)
		n += f->blocks;
	ck_assert(4 * batv_memory_fill_chance((double)n / f->blocks, f->bits) < 2);
	count_ids(n);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	ck_assert(fill.chance == 1);
}
END_TEST

/* The same without an approximation: the places of a line that n items leave empty, one by one. */
static double exact_chance(double load, unsigned bits)
{
	double taken[BATV_LINE_BITS + 1] = {1}, share = exp(-load), sum = 0;

	for (unsigned n = 0; n < 60; share *= load / ++n) {
		for (unsigned k = 0; k <= BATV_LINE_BITS; k++)
			sum += share * taken[k] * pow((double)k / BATV_LINE_BITS, bits);
		for (unsigned b = 0; b < bits; b++)
			for (unsigned k = BATV_LINE_BITS + 1; k-- > 0;)
				taken[k] = (taken[k] * k +
					    (k ? taken[k - 1] * (BATV_LINE_BITS + 1 - k) : 0)) /
					   BATV_LINE_BITS;
	}
	return sum;
}

START_TEST(near_the_exact_chance)
{
	static const double loads[] = {1, 3.5, 7, 14, 21};

	for (size_t i = 0; i < COUNT(loads); i++) {
		double exact = exact_chance(loads[i], 14);

		ck_assert(fabs(batv_memory_fill_chance(loads[i], 14) / exact - 1) < 0.003);
	}
	ck_assert(batv_memory_fill_chance(0, 14) == 0);
	/* nobody would keep one that is so full */
	ck_assert(batv_memory_fill_chance(100, 14) < 0.99);
	ck_assert(batv_memory_fill_chance(100.5, 14) == 1);
	ck_assert(batv_memory_fill_chance(1e9, 14) == 1);
}
END_TEST

/*
 * What an unknown item meets, from the very bits of the file: an item's places are random, so a
 * line takes it with the probability (bits set / 384) ^ 14.  Four items, all days.
 */
static double chance_of_contents(int64_t now)
{
	const struct batv_filter *f = &memory.sections.filters[0];
	double sum = 0;

	for (uint32_t b = 0; b < f->blocks; b++)
		for (unsigned l = 0; l < f->lines; l++) {
			const uint64_t *line =
				(const uint64_t *)(void *)((char *)whole.base + f->at +
							   ((size_t)b * f->lines + l) *
								   BATV_LINE_SIZE);
			unsigned set = 0;

			for (unsigned w = 0; w < BATV_LINE_WORDS; w++)
				if ((int64_t)(line[w] >> 48) >= now / D - 14)
					set += (unsigned)__builtin_popcountll(line[w] << 16);
			sum += pow((double)set / BATV_LINE_BITS, f->bits);
		}
	return 4 * sum / f->blocks;
}

static const struct {
	unsigned percent;
	double limit;
	unsigned messages;
} fillings[] = {
	{50, 1e-4, 20000},
	{100, 1e-4, 20000},
	{200, 1e-3, 150000},
};

/* Fifteen days filled alike; then messages with four unknown ids each. */
START_TEST(false_acceptance)
{
	const uint64_t capacity = 10000, day_items = capacity * fillings[_i].percent / 100;
	const unsigned messages = fillings[_i].messages;
	double measured, expected;
	int64_t now = NOW + 14 * D;
	struct batv_memory_fill fill;
	unsigned passed = 0;

	batv_memory_close(&memory);
	open_sized(capacity, RETENTION);
	for (uint64_t day = 0; day <= 14; day++)
		for (uint64_t n = 0; n < day_items; n++)
			(void)put(numbered(BATV_ITEM_ID, day * day_items + n),
				  NOW + (int64_t)day * D);
	for (unsigned m = 0; m < messages; m++) {
		bool pass = false;

		for (uint64_t i = 0; i < 4 && !pass; i++)
			pass = has(numbered(BATV_ITEM_ID, (UINT64_C(1) << 40) + m * 4 + i), now);
		passed += pass;
	}
	measured = (double)passed / messages;
	expected = 60 * batv_memory_fill_chance(
				(double)day_items / memory.sections.filters[0].blocks, 14);
	ck_assert(batv_memory_fill(&memory, BATV_ITEM_ID, now, &fill));
	printf("at %u %%: expected %.2e, by the file's contents %.2e, measured %.2e (%u of %u); "
	       "status says %.2e\n",
	       fillings[_i].percent, expected, chance_of_contents(now), measured, passed, messages,
	       fill.chance);
	ck_assert(expected < fillings[_i].limit);
	ck_assert(measured < fillings[_i].limit);
	ck_assert(fabs(chance_of_contents(now) / expected - 1) < 0.25);
	ck_assert(fabs(fill.chance / expected - 1) < 0.05);
	/* within five standard deviations of what is expected */
	ck_assert(fabs(passed - expected * messages) < 5 * sqrt(expected * messages) + 1);
}
END_TEST

/* Every retention at its worst: the limits of the issue hold for each ring. */
START_TEST(the_limits_hold_for_every_retention)
{
	static const int64_t days[] = {1, 2, 3, 6, 14, 30, 62};

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		const struct batv_filter *f = &memory.sections.filters[0];
		double load, asked;

		batv_memory_close(&memory);
		open_sized(50000, days[i] * D);
		load = 50000.0 / f->blocks;
		asked = 4.0 * (double)(days[i] + 1);
		ck_assert_uint_ge(f->lines, (uint64_t)days[i] + 2);
		ck_assert(asked * batv_memory_fill_chance(load, f->bits) < 1e-4);
		ck_assert(asked * batv_memory_fill_chance(2 * load, f->bits) < 1e-3);
	}
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	tcase_add_test(tc, how_full_it_is);
	tcase_add_test(tc, days_and_sections);
	tcase_add_test(tc, days_without_a_count);
	tcase_add_test(tc, more_than_certain);
	tcase_add_test(tc, near_the_exact_chance);
	if (!windows) /* half a million items, each in another page */
		tcase_add_loop_test(tc, false_acceptance, 0, (int)COUNT(fillings));
	tcase_add_test(tc, the_limits_hold_for_every_retention);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_fill", add_tests, setup, setup_windows);
}
