/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/decide/verdict core/memory/header */
/* links: core/evidence/class core/decide/policy core/decide/servers core/decide/exim_list */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_counters.c - counters for life and for each day, their rows, and when mail last left bare.
 * Run from the top of the tree.
 */
#include <ctype.h>

#include "decide/policy.h"
#include "decide/verdict.h"
#include "memory_lab.h"

START_TEST(counters_do_not_mix)
{
	bool used[BATV_COUNT_JUDGED_END] = {false};
	unsigned v, c, a;
	size_t i;

	for (v = 0; v < BATV_VERDICT_COUNT; v++)
		for (c = 0; c < BATV_CLASS_COUNT; c++)
			for (a = 0; a < BATV_ACTION_COUNT; a++) {
				i = batv_counter_of((enum batv_verdict)v, (enum batv_class)c,
						    (enum batv_action)a);
				ck_assert_uint_lt(i, BATV_COUNT_JUDGED_END);
				ck_assert(!used[i]);
				used[i] = true;
			}
	for (i = 0; i < BATV_COUNT_END; i++)
		for (a = 0; a <= i % 5; a++)
			batv_count(&memory, i, NOW);
	for (i = 0; i < BATV_COUNT_END; i++) {
		ck_assert_uint_eq(batv_counted(&memory, i, 0, NOW), i % 5 + 1);
		ck_assert_uint_eq(batv_counted(&memory, i, 1, NOW), i % 5 + 1);
	}
	batv_count(&memory, BATV_COUNTERS_ROOM, NOW); /* no such row: nothing happens */
	batv_count(&memory, SIZE_MAX, NOW);
	ck_assert_uint_eq(batv_counted(&memory, SIZE_MAX, 0, NOW), 0);
	ck_assert_int_eq(batv_domain_find(&memory, "", NULL), false);
}
END_TEST

/* Numbers in files that exist.  None of them may ever be changed here. */
static const struct {
	const char *name;
	size_t row, pinned;
} rows[] = {
	{"signed", BATV_COUNT_SIGNED, 192},
	{"left_no_state", BATV_COUNT_LEFT_NO_STATE, 193},
	{"left_untrusted", BATV_COUNT_LEFT_UNTRUSTED, 194},
	{"left_destination", BATV_COUNT_LEFT_DESTINATION, 195},
	{"left_other", BATV_COUNT_LEFT_OTHER, 196},
	{"doubt", BATV_COUNT_DOUBT, 197},
	{"ids", BATV_COUNT_IDS, 198},
	{"pairs", BATV_COUNT_PAIRS, 199},
	{"lookups", BATV_COUNT_LOOKUPS, 200},
	{"hits", BATV_COUNT_HITS, 201},
	{"full", BATV_COUNT_FULL, 202},
	{"clock", BATV_COUNT_CLOCK, 203},
	{"forged", BATV_COUNT_FORGED, 204},
	{"mixed", BATV_COUNT_MIXED, 205},
	{"recall_known", BATV_COUNT_RECALL_KNOWN, 206},
	{"recall_missed", BATV_COUNT_RECALL_MISSED, 207},
	{"spared", BATV_COUNT_SPARED, 208},
	{"deferred", BATV_COUNT_DEFERRED, 220},
	{"more", BATV_COUNT_MORE, 224},
	{"flood_host", BATV_COUNT_FLOOD_HOST, 256},
	{"flood_rcpt", BATV_COUNT_FLOOD_RCPT, 257},
	{"fleet_behind", BATV_COUNT_FLEET_BEHIND, 258},
};

static const char *const words[][8] = {
	{"valid", "remembered", "exempt", "unsignable", "not-ours", "missing", "expired", "forged"},
	{"dsn", "mdn", "autoreply", "calendar", "report", "other"},
	{"accept", "mark", "remove", "reject"},
};
static const char *const subjects[] = {"verdict", "class", "action"};

/* How often the documentation has this line, which begins as given. */
static unsigned documented(const char *begin)
{
	FILE *f = fopen("docs/formats.md", "re");
	char line[2048];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f))
		n += strncmp(line, begin, strlen(begin)) == 0;
	(void)fclose(f);
	return n;
}

/* How many lines of the documentation begin like a row of the table. */
static unsigned documented_rows(void)
{
	FILE *f = fopen("docs/formats.md", "re");
	char line[2048];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f))
		n += strncmp(line, "| ", 2) == 0 && isdigit((unsigned char)line[2]) &&
		     strstr(line, " | `") == line + 5;
	(void)fclose(f);
	return n;
}

START_TEST(rows_have_their_documented_numbers)
{
	char line[100];

	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_uint_eq(rows[i].row, rows[i].pinned);
		(void)snprintf(line, sizeof line, "| %zu | `%s` | ", rows[i].pinned, rows[i].name);
		ck_assert_msg(documented(line) == 1, "%s", line);
	}
	ck_assert_uint_eq(documented_rows(), COUNT(rows));
	ck_assert_uint_eq(BATV_COUNTERS_ROOM, 264);
	for (size_t s = 0; s < COUNT(subjects); s++)
		for (size_t i = 0; i < COUNT(words[s]) && words[s][i]; i++) {
			(void)snprintf(line, sizeof line, "| %s `%s` | %zu |", subjects[s],
				       words[s][i], i);
			ck_assert_msg(documented(line) == 1, "%s", line);
		}
}
END_TEST

/* The words have the numbers of the documentation, and those make the row. */
START_TEST(judged_rows_have_their_documented_numbers)
{
	for (unsigned v = 0; v < 8; v++)
		for (unsigned c = 0; c < 6; c++)
			for (unsigned a = 0; a < 4; a++)
				ck_assert_uint_eq(batv_counter_of((enum batv_verdict)v,
								  (enum batv_class)c,
								  (enum batv_action)a),
						  v * 24 + c * 4 + a);
	for (unsigned v = 0; v < 8; v++)
		ck_assert_str_eq(batv_verdict_name((enum batv_verdict)v), words[0][v]);
	for (unsigned c = 0; c < 6; c++)
		ck_assert_str_eq(batv_class_name((enum batv_class)c), words[1][c]);
	for (unsigned a = 0; a < 4; a++)
		ck_assert_str_eq(batv_action_name((enum batv_action)a), words[2][a]);
}
END_TEST

/* Each reason that is counted has a row of the twelve, or the later one, as documented. */
START_TEST(spared_rows_have_their_documented_numbers)
{
	bool used[BATV_COUNTERS_ROOM - BATV_COUNT_SPARED] = {false};
	unsigned counted_reasons = 0;
	char line[100];
	size_t row;

	for (unsigned why = 0; why < BATV_WHY_COUNT; why++) {
		if (!batv_verdict_spared_row((enum batv_reason)why, &row))
			continue;
		ck_assert_uint_ge(row, BATV_COUNT_SPARED);
		ck_assert(row < BATV_COUNT_SPARED_END || row == BATV_COUNT_FLEET_BEHIND);
		row -= BATV_COUNT_SPARED;
		/* the file `observe` counts with the option */
		ck_assert(!used[row] || why == BATV_WHY_OBSERVE_FILE);
		used[row] = true;
		(void)snprintf(line, sizeof line, "| reason `%s` | %zu |",
			       batv_reason_name((enum batv_reason)why), row);
		ck_assert_msg(documented(line) == 1, "%s", line);
		counted_reasons++;
	}
	ck_assert_uint_eq(documented("| reason `"), counted_reasons);
	ck_assert(batv_verdict_spared_row(BATV_WHY_NO_MEMORY, &row) && row == 208);
	ck_assert(batv_verdict_spared_row(BATV_WHY_LOST_SECRET, &row) && row == 211);
	ck_assert(!batv_verdict_spared_row(BATV_WHY_NONE, &row));
	ck_assert(batv_verdict_spared_row(BATV_WHY_NOT_ARMED, &row) && row == 218);
	ck_assert(!batv_verdict_spared_row(BATV_WHY_CLASS, &row));
	ck_assert(!batv_verdict_spared_row(BATV_WHY_COUNT, &row));
	ck_assert(!batv_verdict_spared_row((enum batv_reason) - 1, &row));
}
END_TEST

/* Day i of 100 counts i + 1; every window of every day adds up. */
START_TEST(a_hundred_days)
{
	uint64_t day, n, want;
	unsigned days;

	for (day = 0; day < 100; day++) {
		int64_t now = NOW + (int64_t)day * D;

		for (n = 0; n <= day; n++)
			batv_count(&memory, 5, now);
		for (days = 1; days <= 40; days++) {
			for (want = 0, n = 0; n < days && n < 32 && n <= day; n++)
				want += day - n + 1;
			ck_assert_uint_eq(batv_counted(&memory, 5, days, now), want);
		}
		ck_assert_uint_eq(batv_counted(&memory, 5, 0, now), (day + 1) * (day + 2) / 2);
	}
	/* and after 32 days of silence nothing is left of them but the sum */
	ck_assert_uint_eq(batv_counted(&memory, 5, 32, NOW + 130 * D), 100);
	ck_assert_uint_eq(batv_counted(&memory, 5, 32, NOW + 131 * D), 0);
	ck_assert_uint_eq(batv_counted(&memory, 5, 0, NOW + 131 * D), 5050);
}
END_TEST

START_TEST(midnight_is_a_boundary)
{
	const int64_t midnight = NOW - NOW % D + D;

	batv_count(&memory, 0, midnight - 1);
	batv_count(&memory, 0, midnight);
	ck_assert_uint_eq(batv_counted(&memory, 0, 1, midnight - 1), 1);
	ck_assert_uint_eq(batv_counted(&memory, 0, 1, midnight), 1);
	ck_assert_uint_eq(batv_counted(&memory, 0, 2, midnight), 2);
}
END_TEST

/* Back by less than 32 days: counted on that day.  Further: a newer day is never overwritten. */
START_TEST(a_clock_that_jumps_back)
{
	int back;

	batv_count(&memory, 0, NOW);
	for (back = 1; back < 32; back++)
		batv_count(&memory, 0, NOW - back * D);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW), 32);
	for (back = 32; back < 100; back++)
		batv_count(&memory, 0, NOW - back * D);
	batv_count(&memory, 0, 0);
	batv_count(&memory, 0, -5);
	batv_count(&memory, 0, INT64_MIN);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW), 32);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 32 + 68 + 3);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW - 40 * D), 0);
}
END_TEST

/* Forward and back again: the days of the false time are not today's. */
START_TEST(a_clock_that_jumps_forward)
{
	batv_count(&memory, 0, NOW);
	batv_count(&memory, 0, NOW + 3650 * D);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW + 3650 * D), 1);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_ge(batv_counted(&memory, 0, 32, NOW), 1);
	ck_assert_uint_le(batv_counted(&memory, 0, 32, NOW), 2);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 3);
	batv_count(&memory, 1, INT64_MAX);
	ck_assert_uint_eq(batv_counted(&memory, 1, 32, INT64_MAX), 1);
	ck_assert_uint_eq(batv_counted(&memory, 1, 32, NOW), 0);
}
END_TEST

START_TEST(a_full_day_stays_full)
{
	const uint64_t day = (uint64_t)(NOW / D);
	uint64_t *word = &row(9)->day[day % 32];

	*word = day << BATV_COUNT_BITS | (BATV_COUNT_MAX - 1);
	row(9)->life = UINT64_MAX - 1;
	batv_count(&memory, 9, NOW);
	batv_count(&memory, 9, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 9, 1, NOW), BATV_COUNT_MAX);
	ck_assert_uint_eq(*word >> BATV_COUNT_BITS, day);
	ck_assert_uint_eq(batv_counted(&memory, 9, 0, NOW), UINT64_MAX);
	batv_count(&memory, 9, NOW + 32 * D);
	ck_assert_uint_eq(batv_counted(&memory, 9, 1, NOW + 32 * D), 1);
}
END_TEST

START_TEST(bare_mail_is_remembered)
{
	batv_counters_bare_now(&memory, NOW);
	batv_counters_bare_now(&memory, NOW + 10);
	ck_assert_int_eq(batv_counters_bare_last(&memory), NOW + 10);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_LEFT_NO_STATE, 1, NOW), 2);
	batv_counters_bare_now(&memory, NOW - 10); /* the last one, whatever the clock */
	ck_assert_int_eq(batv_counters_bare_last(&memory), NOW - 10);
}
END_TEST

/* What follows the last row is another section's. */
START_TEST(a_row_beyond_the_last)
{
	const size_t count = whole.sections.counters_count;
	struct batv_counter_row before;

	row(count)->life = 7;
	before = *row(count);
	batv_count(&memory, count, NOW);
	ck_assert_mem_eq(row(count), &before, sizeof before);
	ck_assert_uint_eq(batv_counted(&memory, count, 0, NOW), 0);
	ck_assert_uint_eq(batv_counted(&memory, count - 1, 0, NOW), 0);
	batv_count(&memory, count - 1, NOW);
	ck_assert_uint_eq(batv_counted(&memory, count - 1, 0, NOW), 1);
}
END_TEST

/* A machine without a clock begins in 1970. */
START_TEST(the_first_day_of_all)
{
	batv_count(&memory, 2, 5);
	ck_assert_uint_eq(batv_counted(&memory, 2, 1, 5), 1);
	ck_assert_uint_eq(batv_counted(&memory, 2, 32, D + 5), 1);
}
END_TEST

static void read_and_add(struct batv_memory *m, void *arg)
{
	const uint64_t day = (uint64_t)(NOW / D);
	uint64_t n = 77;

	(void)arg;
	ck_assert(batv_counter_read(m, 4, day, &n));
	ck_assert_uint_eq(n, 0);
	batv_counter_add(m, 4, day);
	batv_counter_add(m, 4, day);
	for (int i = 0; i < 2; i++) {
		ck_assert(batv_counter_read(m, 4, day, &n));
		ck_assert_uint_eq(n, 2);
	}
	ck_assert(!batv_counter_read(m, 4, day - 32, &n)); /* a later day is there already */
	ck_assert_uint_eq(n, 0);
	ck_assert(batv_counter_read(m, 4, day + 32, &n));
	ck_assert_uint_eq(n, 0);
}

START_TEST(a_row_within_a_guard)
{
	ck_assert(batv_memory_guard(&memory, read_and_add, NULL));
	ck_assert_uint_eq(batv_counted(&memory, 4, 1, NOW), 2);
}
END_TEST

static void expect_times(int64_t bare, int64_t lost, int64_t looked, int64_t doubted)
{
	ck_assert_int_eq(batv_counters_bare_last(&memory), bare);
	ck_assert_int_eq(batv_counters_lost(&memory), lost);
	ck_assert_int_eq(batv_counters_looked(&memory), looked);
	ck_assert_int_eq(batv_counters_doubted(&memory), doubted);
}

START_TEST(times_of_the_header_page)
{
	batv_counters_bare_since(&memory, NOW);
	batv_counters_bare_since(&memory, NOW - 1); /* the later one stays */
	expect_times(NOW, 0, 0, 0);
	batv_counters_bare_since(&memory, NOW + 1);
	batv_counters_note_lost(&memory, NOW + 2);
	batv_counters_note_look(&memory, NOW + 3, NOW + 4);
	expect_times(NOW + 1, NOW + 2, NOW + 3, NOW + 4);
	memory.writable = false;
	batv_counters_bare_since(&memory, NOW + D);
	batv_counters_note_lost(&memory, NOW + D);
	batv_counters_note_look(&memory, NOW + D, NOW + D);
	expect_times(NOW + 1, NOW + 2, NOW + 3, NOW + 4);
}
END_TEST

/* A file of another maker may have fewer rows. */
START_TEST(are_all_rows_there)
{
	struct batv_memory m = {0};

	ck_assert(!batv_counters_there(&m));
	m.sections = memory.sections;
	ck_assert(batv_counters_there(&m));
	m.sections.counters_count = BATV_COUNT_END;
	ck_assert(batv_counters_there(&m));
	m.sections.counters_count--;
	ck_assert(!batv_counters_there(&m));
}
END_TEST

#define EACH 10000

static void count_many(unsigned worker)
{
	unsigned i;

	for (i = 0; i < EACH; i++) /* over a change of the day, in and out of step */
		batv_count(&memory, i % 3, NOW + (int64_t)((i + worker) % 2) * D);
}

START_TEST(many_processes_count_exactly)
{
	uint64_t life = 0, days = 0;
	size_t i;

	in_processes(WORKERS, count_many);
	for (i = 0; i < 3; i++) {
		life += batv_counted(&memory, i, 0, NOW);
		days += batv_counted(&memory, i, 2, NOW + D);
	}
	ck_assert_uint_eq(life, (uint64_t)WORKERS * EACH);
	ck_assert_uint_eq(days, (uint64_t)WORKERS * EACH);
}
END_TEST

static void add_counters(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, counters_do_not_mix);
	tcase_add_test(tc, rows_have_their_documented_numbers);
	tcase_add_test(tc, judged_rows_have_their_documented_numbers);
	tcase_add_test(tc, spared_rows_have_their_documented_numbers);
	tcase_add_test(tc, midnight_is_a_boundary);
	tcase_add_test(tc, a_clock_that_jumps_back);
	tcase_add_test(tc, a_clock_that_jumps_forward);
	tcase_add_test(tc, a_full_day_stays_full);
	tcase_add_test(tc, bare_mail_is_remembered);
	tcase_add_test(tc, a_row_beyond_the_last);
	tcase_add_test(tc, the_first_day_of_all);
	tcase_add_test(tc, a_row_within_a_guard);
	tcase_add_test(tc, times_of_the_header_page);
	tcase_add_test(tc, are_all_rows_there);
}

static void add_slow(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, many_processes_count_exactly);
	tcase_add_test(tc, a_hundred_days);
}

Suite *unit_suite(void)
{
	return with_slow_tests(memory_suite("memory_counters", add_counters, make_memory,
					    make_memory_with_windows),
			       add_slow);
}
