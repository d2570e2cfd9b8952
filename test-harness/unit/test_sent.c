/* links: core/memory/sent core/memory/journal core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile */
/* links: core/base/span core/tag/addr core/base/hmac admin/memory_file admin/replace admin/memory_fill */
/* links: core/memory/header core/memory/tallies */
/* links: core/memory/sending core/base/network */
/*
 * test_sent.c - the sent-mail memory: what is found and for how long, clocks that jump, a day that
 * is full, and fifty processes at once of which some are killed.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "memory/tallies.h"
#include "memory_fill.h"
#include "sent_lab.h"

/* ---- Names ---- */

START_TEST(what_was_sent_is_found)
{
	ck_assert(!has(id("a@b", "ann@example.org"), NOW));
	ck_assert_int_eq(put(id("a@b", "ann@example.org"), NOW), BATV_SENT_DONE);
	ck_assert_int_eq(put(id("a@b", "ann@example.org"), NOW + 3600), BATV_SENT_KNOWN);
	ck_assert(has(id("a@b", "ann@example.org"), NOW));
	ck_assert(has(id("a@B", "Ann@EXAMPLE.org"), NOW));
	ck_assert(has(id("a@b", "\"ann\"@example.org"), NOW));
	ck_assert(!has(id("A@b", "ann@example.org"), NOW));
	ck_assert(!has(id("a@b", "bob@example.org"), NOW)); /* another user's */
	ck_assert(!has(id("a@c", "ann@example.org"), NOW));

	ck_assert_int_eq(put(pair("ann@example.org", "x@example.net"), NOW), BATV_SENT_DONE);
	ck_assert(has(pair("ann@example.org", "X@example.NET"), NOW));
	ck_assert(!has(pair("x@example.net", "ann@example.org"), NOW));
	ck_assert(!has(id("x@example.net", "ann@example.org"), NOW));
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_IDS, 1, NOW), 1);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_PAIRS, 1, NOW), 1);
}
END_TEST

static struct batv_item hint(const char *message_id, const char *ours)
{
	struct batv_addr a = address(ours);
	struct batv_item item;

	ck_assert(batv_sent_hint(key, batv_span_of(message_id), &a, &item));
	return item;
}

/* Neither is taken for the other, though both are in the filter of the ids. */
START_TEST(a_hint_is_not_an_id)
{
	ck_assert_int_eq(put(hint("a@b", "ann@example.org"), NOW), BATV_SENT_DONE);
	ck_assert(has(hint("a@B", "Ann@example.org"), NOW));
	ck_assert(!has(id("a@b", "ann@example.org"), NOW));
	ck_assert(!has(hint("a@b", "bob@example.org"), NOW));
	ck_assert_int_eq(put(id("c@d", "ann@example.org"), NOW), BATV_SENT_DONE);
	ck_assert(!has(hint("c@d", "ann@example.org"), NOW));
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_IDS, 1, NOW), 2);
}
END_TEST

START_TEST(several_at_once)
{
	enum batv_sent_answer answers[60];
	struct batv_item items[60];

	for (unsigned i = 0; i < 60; i++)
		items[i] = numbered(i % 2 ? BATV_ITEM_ID : BATV_ITEM_PAIR, i);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 60, RETENTION, NOW), 60);
	batv_sent_note_all(&memory, items + 50, 10, NOW, answers);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(answers[i], BATV_SENT_DONE);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 60, RETENTION, NOW), 50);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 50, RETENTION, NOW), 50);
	batv_sent_note_all(&memory, items, 60, NOW, answers);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_int_eq(answers[i], i < 50 ? BATV_SENT_DONE : BATV_SENT_KNOWN);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 60, RETENTION, NOW), 0);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 0, RETENTION, NOW), 0);
	batv_sent_note_all(&memory, items, 60, 0, answers);
	ck_assert_int_eq(answers[59], BATV_SENT_CLOCK);
	batv_memory_close(&memory);
	batv_sent_note_all(&memory, items, 60, NOW, answers);
	ck_assert_int_eq(answers[0], BATV_SENT_NONE);
	ck_assert_int_eq(answers[59], BATV_SENT_NONE);
	ck_assert_uint_eq(batv_sent_known_any(&memory, items, 60, RETENTION, NOW), 60);
}
END_TEST

START_TEST(what_is_no_item)
{
	static char text[BATV_ID_MAX + 1];
	struct batv_addr a = address("ann@example.org"),
			 none = {{NULL, 0}, {NULL, 0}, {NULL, 0}, false};
	struct batv_item item = numbered(BATV_ITEM_ID, 1), before = item;

	memset(text, 'x', sizeof text);
	ck_assert(!batv_sent_id(key, (struct batv_span){text, sizeof text}, &a, &item));
	ck_assert(!batv_sent_id(key, batv_span_of(""), &a, &item));
	ck_assert(!batv_sent_id((struct batv_span){"", 0}, batv_span_of("a@b"), &a, &item));
	ck_assert(!batv_sent_id(key, batv_span_of("a@b"), &none, &item));
	ck_assert(!batv_sent_hint(key, batv_span_of(""), &a, &item));
	ck_assert(!batv_sent_hint(key, batv_span_of("a@b"), &none, &item));
	ck_assert(!batv_sent_pair(key, &a, &none, &item));
	ck_assert(!batv_sent_pair(key, &none, &a, &item));
	ck_assert_mem_eq(&item, &before, sizeof item);
	ck_assert(batv_sent_id(key, (struct batv_span){text, BATV_ID_MAX}, &a, &item));
}
END_TEST

START_TEST(another_key_knows_nothing)
{
	struct batv_addr a = address("ann@example.org");
	struct batv_item mine, other;

	ck_assert(batv_sent_id(key, batv_span_of("a@b"), &a, &mine));
	ck_assert(batv_sent_id(batv_span_of("another"), batv_span_of("a@b"), &a, &other));
	ck_assert_int_eq(put(mine, NOW), BATV_SENT_DONE);
	ck_assert(has(mine, NOW) && !has(other, NOW));
	ck_assert_uint_ne(batv_sent_key_check(key), batv_sent_key_check(batv_span_of("another")));
	ck_assert_uint_eq(batv_sent_key_check(batv_span_of("")), 0);
}
END_TEST

/* ---- Where it lies ---- */

START_TEST(an_item_touches_one_page)
{
	static const int64_t retentions[] = {D, 5 * D, 14 * D, 30 * D, 62 * D};
	static const unsigned lines[] = {4, 8, 16, 32, 64};
	const struct batv_filter *f = &memory.sections.filters[0];

	batv_memory_close(&memory);
	open_sized(CAPACITY, retentions[_i]);
	ck_assert_uint_eq(f->lines, lines[_i]);
	for (uint64_t n = 0; n < 20000; n++) {
		struct batv_item item = numbered(BATV_ITEM_ID, n);
		struct batv_pattern p;
		size_t at;

		batv_sent_pattern(item.name, f, &p);
		ck_assert_uint_lt(p.block, f->blocks);
		at = f->at + (size_t)p.block * f->lines * BATV_LINE_SIZE;
		ck_assert_uint_eq(at / 4096, (at + f->lines * BATV_LINE_SIZE - 1) / 4096);
		ck_assert_uint_le(at + f->lines * BATV_LINE_SIZE, memory.sections.filters[1].at);
	}
}
END_TEST

/* ---- Days ---- */

static const struct {
	int64_t sent, asked, retention;
	bool found;
} borders[] = {
	{NOW, NOW, 14 * D, true},
	{NOW, NOW + 14 * D, 14 * D, true},
	{NOW, NOW + 14 * D + 43199, 14 * D, true}, /* its day, whenever in it */
	{NOW, NOW + 14 * D + 43200, 14 * D, false},
	{NOW, NOW + 13 * D, 13 * D, true},
	{NOW, NOW + 14 * D, 13 * D, false},
	{NOW, NOW + D, D, true},
	{NOW, NOW + 2 * D, D, false},
	{NOW, NOW + 43200, 0, false},
	{NOW, NOW - D, 14 * D, true}, /* a clock that is a day slow */
	{NOW, NOW - 2 * D, 14 * D, false},
	{NOW, NOW + 365 * D, 400 * D, false},
	{NOW, NOW + 15 * D, 62 * D, false}, /* more than the file keeps: its line is tomorrow's */
	{D, D, 14 * D, true},
	{D, 2 * D, 14 * D, true},
	{INT64_C(65535) * D, INT64_C(65534) * D, 14 * D, true},
};

START_TEST(how_long_it_is_remembered)
{
	struct batv_item item = numbered(BATV_ITEM_PAIR, 5);

	ck_assert_int_eq(put(item, borders[_i].sent), BATV_SENT_DONE);
	ck_assert(batv_sent_known(&memory, &item, borders[_i].retention, borders[_i].asked) ==
		  borders[_i].found);
}
END_TEST

START_TEST(days_that_have_no_stamp)
{
	static const int64_t days[] = {0, D - 1, -1, INT64_MIN, 65536 * D, INT64_MAX};

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		ck_assert_int_eq(put(numbered(BATV_ITEM_ID, i), days[i]), BATV_SENT_CLOCK);
		ck_assert(!has(numbered(BATV_ITEM_ID, i), days[i]));
		ck_assert_uint_eq(batv_tally(&memory, BATV_TALLY_ID_HITS,
					     numbered(BATV_ITEM_ID, i).name, 30000, days[i])
					  .day,
				  0);
	}
}
END_TEST

/* Two hundred days, each with items of its own, in every size of a ring. */
START_TEST(the_ring_goes_round)
{
	static const int64_t keeps[] = {1, 6, 14, 30, 62};
	int64_t keep = keeps[_i];

	batv_memory_close(&memory);
	open_sized(CAPACITY, keep * D);
	for (int64_t day = 0; day < 200; day++) {
		int64_t now = NOW + day * D;
		unsigned stale = 0;

		for (uint64_t n = 0; n < 20; n++)
			ck_assert_int_eq(put(numbered(BATV_ITEM_ID, (uint64_t)day * 20 + n), now),
					 BATV_SENT_DONE);
		for (int64_t old = 0; old <= day; old += old < day - keep - 2 ? 7 : 1)
			for (uint64_t n = 0; n < 20; n++) {
				struct batv_item it =
					numbered(BATV_ITEM_ID, (uint64_t)old * 20 + n);
				bool found = batv_sent_known(&memory, &it, keep * D, now);

				ck_assert(found || old < day - keep);
				stale += found && old < day - keep;
			}
		ck_assert_uint_le(stale, 1); /* by chance */
	}
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_IDS, 0, NOW), 200 * 20);
}
END_TEST

/* ---- Clocks ---- */

static void fill_fourteen_days(unsigned n)
{
	for (unsigned day = 0; day <= 14; day++)
		for (unsigned i = 0; i < n; i++)
			ck_assert_int_eq(put(numbered(BATV_ITEM_ID, day * n + i), NOW + day * D),
					 BATV_SENT_DONE);
}

static unsigned found_of_day(unsigned day, unsigned n, int64_t now)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += has(numbered(BATV_ITEM_ID, day * n + i), now);
	return found;
}

/* Far back: nothing can be written, nothing is lost.  A little: all goes on. */
START_TEST(a_clock_that_goes_back)
{
	static const struct {
		int64_t by;
		enum batv_sent_answer answer;
	} backs[] = {
		{1, BATV_SENT_DONE},   {5, BATV_SENT_DONE},      {16, BATV_SENT_CLOCK},
		{40, BATV_SENT_CLOCK}, {20000, BATV_SENT_CLOCK},
	};
	int64_t now = NOW + 14 * D, wrong = now - backs[_i].by * D;
	unsigned n = 500, refused = 0;

	fill_fourteen_days(n);
	for (unsigned i = 0; i < n; i++) {
		enum batv_sent_answer a = put(numbered(BATV_ITEM_ID, 100000 + i), wrong);

		ck_assert(a == BATV_SENT_DONE || a == backs[_i].answer);
		ck_assert(has(numbered(BATV_ITEM_ID, 100000 + i), wrong) == (a == BATV_SENT_DONE));
		refused += a == BATV_SENT_CLOCK;
	}
	ck_assert((refused > n / 2) == (backs[_i].answer == BATV_SENT_CLOCK));
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_CLOCK, 0, now), refused);
	for (unsigned day = 0; day <= 14; day++)
		ck_assert_uint_eq(found_of_day(day, n, now), n);
	ck_assert(batv_sent_complete(&memory, RETENTION, now) == (refused == 0));
}
END_TEST

/* Forward and back again: of the days that are kept one is damaged, and only where was written. */
START_TEST(a_clock_that_goes_forward)
{
	static const int64_t jumps[] = {3, 15, 16, 365, 20000};
	int64_t now = NOW + 14 * D, wrong = now + jumps[_i] * D;
	unsigned n = 500, damaged = 0;

	fill_fourteen_days(n);
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(put(numbered(BATV_ITEM_ID, 100000 + i), wrong), BATV_SENT_DONE);
	for (unsigned day = 0; day <= 14; day++) {
		bool same_line = (now / D - 14 + day) % 16 == (wrong / D) % 16;
		unsigned found = found_of_day(day, n, now);

		ck_assert(same_line || found == n);
		damaged += found < n;
	}
	ck_assert_uint_le(damaged, 1);
	ck_assert(!has(numbered(BATV_ITEM_ID, 100000), now));
}
END_TEST

/* ---- Full ---- */

START_TEST(a_day_that_is_full)
{
	uint64_t n = 0;

	for (; n < CAPACITY; n++)
		ck_assert_int_eq(put(numbered(BATV_ITEM_PAIR, n), NOW), BATV_SENT_DONE);
	ck_assert_int_eq(put(numbered(BATV_ITEM_PAIR, n), NOW), BATV_SENT_FULL);
	ck_assert(!has(numbered(BATV_ITEM_PAIR, n), NOW));
	ck_assert_int_eq(put(numbered(BATV_ITEM_PAIR, 0), NOW), BATV_SENT_KNOWN);
	for (n = 0; n < 2 * CAPACITY; n++)
		ck_assert_int_ne(put(numbered(BATV_ITEM_ID, n), NOW), BATV_SENT_FULL);
	for (; batv_counted(&memory, BATV_COUNT_IDS, 1, NOW) < 2 * CAPACITY; n++)
		(void)put(numbered(BATV_ITEM_ID, n), NOW); /* for those known by chance */
	ck_assert_int_eq(put(numbered(BATV_ITEM_ID, n), NOW), BATV_SENT_FULL);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_FULL, 1, NOW), 2);
	for (n = 0; n < CAPACITY; n++)
		ck_assert(has(numbered(BATV_ITEM_PAIR, n), NOW) &&
			  has(numbered(BATV_ITEM_ID, n), NOW));
	n = 5 * CAPACITY;
	ck_assert_int_eq(put(numbered(BATV_ITEM_PAIR, n), NOW + D), BATV_SENT_DONE);
	ck_assert_int_eq(put(numbered(BATV_ITEM_ID, n), NOW + D), BATV_SENT_DONE);
}
END_TEST

START_TEST(the_generation_before_counts_while_it_is_named)
{
	struct batv_memory before = {0}; /* cannot be read */
	const int64_t when = NOW + 14 * D;

	ck_assert(batv_sent_complete_with(&memory, NULL, RETENTION, when));
	ck_assert(!batv_sent_complete_with(&memory, &before, RETENTION, when));
	ck_assert(batv_sent_complete_with(&memory, &memory, RETENTION, when));
	ck_assert(!batv_sent_complete_with(&memory, &memory, RETENTION, when - 1));
}
END_TEST

START_TEST(when_it_is_complete)
{
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW + 14 * D - 1));
	ck_assert(batv_sent_complete(&memory, RETENTION, NOW + 14 * D));
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW - D));
	batv_counters_bare_now(&memory, NOW + 14 * D);
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW + 20 * D));
	ck_assert(batv_sent_complete(&memory, RETENTION, NOW + 28 * D));
	batv_count(&memory, BATV_COUNT_FULL, NOW + 28 * D);
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW + 42 * D));
	ck_assert(batv_sent_complete(&memory, RETENTION, NOW + 44 * D));
	batv_memory_close(&memory);
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW + 44 * D));
}
END_TEST

/* ---- Many processes ---- */

#define WRITERS 50
#define EACH 1000
#define VICTIM_EACH (3 * EACH)

/* The promises to each worker, written after every answer. */
static uint32_t *promised;

/* Those that are to be killed have more to do, and never come to an end by themselves. */
static bool is_victim(unsigned w)
{
	return w % 3 == 0;
}

static struct batv_item of_worker(unsigned w, uint64_t i)
{
	return numbered(BATV_ITEM_ID, (uint64_t)w * VICTIM_EACH + i);
}

static void work(unsigned w)
{
	for (uint32_t i = 0; i < (is_victim(w) ? VICTIM_EACH : EACH); i++) {
		if (put(of_worker(w, i), NOW) > BATV_SENT_KNOWN ||
		    put(numbered(BATV_ITEM_PAIR, i % EACH), NOW) > BATV_SENT_KNOWN)
			_exit(1);
		__atomic_store_n(&promised[w], i + 1, __ATOMIC_RELEASE);
	}
	while (is_victim(w))
		(void)pause();
}

/* Until the worker has been promised so much: the moment of its death is its own progress. */
static void await_promise(unsigned w, uint32_t n)
{
	while (__atomic_load_n(&promised[w], __ATOMIC_ACQUIRE) < n)
		(void)sched_yield();
}

/* Each id is of one worker alone, all write the same pairs; a third of the workers is killed. */
START_TEST(fifty_processes_some_killed)
{
	pid_t pids[WRITERS];
	uint64_t sum = 0, counted;
	unsigned killed = 0;
	int status;

	batv_memory_close(&memory);
	open_sized(WRITERS * EACH, RETENTION);
	promised = mmap(NULL, WRITERS * sizeof *promised, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(promised, MAP_FAILED);
	for (unsigned w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] == 0) {
			work(w);
			_exit(0);
		}
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		if (!is_victim(w))
			continue;
		await_promise(w, (uint32_t)(mix((uint64_t)getpid() + w) % VICTIM_EACH));
		(void)kill(pids[w], SIGKILL);
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		ck_assert_int_eq(waitpid(pids[w], &status, 0), pids[w]);
		killed += WIFSIGNALED(status);
		ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		ck_assert(WIFSIGNALED(status) || promised[w] == EACH);
		sum += promised[w];
	}
	for (unsigned w = 0; w < WRITERS; w++)
		for (uint64_t i = 0; i < promised[w]; i++) {
			ck_assert(has(of_worker(w, i), NOW));
			ck_assert(has(numbered(BATV_ITEM_PAIR, i % EACH), NOW));
		}
	counted = batv_counted(&memory, BATV_COUNT_IDS, 0, NOW);
	printf("%u of %d killed; %llu promised, none lost, %llu counted\n", killed, WRITERS,
	       (unsigned long long)sum, (unsigned long long)counted);
	ck_assert_uint_ge(counted + 3, sum); /* three may be known by chance */
	ck_assert_uint_le(counted, sum + killed);
	ck_assert_uint_eq(killed, 17);
}
END_TEST

/* ---- Files ---- */

START_TEST(a_file_that_is_truncated_under_use)
{
	struct batv_memory_fill fill;
	struct batv_item item = numbered(BATV_ITEM_ID, 7);
	off_t keep = _i == 0 ? 0 : (off_t)memory.sections.filters[0].at;
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(put(item, NOW), BATV_SENT_DONE);
	ck_assert_int_eq(ftruncate(fd, keep), 0);
	ck_assert_int_eq(close(fd), 0);
	if (_i < 2)
		ck_assert_int_eq(put(item, NOW), BATV_SENT_NONE);
	else if (_i == 2)
		ck_assert(!has(item, NOW));
	else
		ck_assert_uint_eq(
			batv_tally(&memory, BATV_TALLY_ID_HITS, item.name, 30000, NOW).day, 0);
	ck_assert(!batv_memory_there(&memory));
	ck_assert(!has(item, NOW) && !batv_sent_complete(&memory, 0, NOW + D));
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	ck_assert_int_eq(put(item, NOW), BATV_SENT_NONE);
}
END_TEST

START_TEST(a_file_without_the_sections)
{
	struct batv_memory_fill fill;

	batv_memory_close(&memory);
	open_sized(0, RETENTION);
	ck_assert_int_eq(put(numbered(BATV_ITEM_ID, 1), NOW), BATV_SENT_NONE);
	ck_assert(!has(numbered(BATV_ITEM_ID, 1), NOW));
	ck_assert(!batv_memory_fill(&memory, BATV_ITEM_ID, NOW, &fill));
	ck_assert(!batv_sent_complete(&memory, RETENTION, NOW + 30 * D));
	ck_assert_uint_eq(
		batv_tally(&memory, BATV_TALLY_ID_HITS, numbered(BATV_ITEM_ID, 1).name, 30000, NOW)
			.day,
		0);
}
END_TEST

static const struct {
	unsigned section, param;
	uint64_t value;
	enum batv_err want;
} heads[] = {
	{2, 0, 0, BATV_E_DAMAGED}, /* blocks */
	{2, 0, UINT64_C(1) << 32, BATV_E_DAMAGED},
	{2, 0, 100000, BATV_E_DAMAGED}, /* more than the section has */
	{2, 0, 1, BATV_OK},
	{2, 1, 15, BATV_E_DAMAGED}, /* lines */
	{2, 1, 2, BATV_E_DAMAGED},
	{2, 1, 128, BATV_E_DAMAGED},
	{2, 1, 4, BATV_OK},
	{2, 2, 0, BATV_E_DAMAGED}, /* bits */
	{2, 2, 15, BATV_E_DAMAGED},
	{2, 2, 1, BATV_OK},
	{2, 3, 0, BATV_E_DAMAGED},          /* capacity */
	{2, 4, UINT64_MAX, BATV_E_DAMAGED}, /* since */
	{4, 0, 0, BATV_E_DAMAGED},          /* pages of a tally */
	{4, 0, 65, BATV_E_DAMAGED},
	{4, 0, 1, BATV_OK},
};

START_TEST(sections_that_contradict_themselves)
{
	struct batv_memory_head head;
	struct batv_memory m = {0};

	memcpy(&head, whole.base, sizeof head);
	ck_assert_int_eq(batv_header_check(&head, whole.size, &m.sections), BATV_OK);
	head.section[heads[_i].section].param[heads[_i].param] = heads[_i].value;
	head.sum = batv_header_sum(&head);
	ck_assert_int_eq(batv_header_check(&head, whole.size, &m.sections), heads[_i].want);
	head.section[3].type = BATV_SECTION_IDS; /* a type twice */
	head.sum = batv_header_sum(&head);
	ck_assert_int_eq(batv_header_check(&head, whole.size, &m.sections), BATV_E_DAMAGED);
}
END_TEST

START_TEST(the_default_file)
{
	struct timespec a, b;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &a);
	ck_assert_int_eq(make_sized("default", 100000, RETENTION), BATV_OK);
	clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	ck_assert_int_eq(batv_memory_open(&whole, dir, "default"), BATV_OK);
	printf("the default file: %zu bytes, made in %.3f s\n", whole.size, seconds);
	ck_assert_uint_lt(whole.size, 64 << 20);
	ck_assert(seconds < 1);
}
END_TEST

START_TEST(a_file_that_may_only_be_read)
{
	ck_assert_int_eq(put(numbered(BATV_ITEM_ID, 1), NOW), BATV_SENT_DONE);
	memory.writable = false;
	ck_assert_int_eq(put(numbered(BATV_ITEM_ID, 2), NOW), BATV_SENT_NONE);
	ck_assert(has(numbered(BATV_ITEM_ID, 1), NOW));
	ck_assert_uint_eq(
		batv_tally(&memory, BATV_TALLY_ID_HITS, numbered(BATV_ITEM_ID, 1).name, 30000, NOW)
			.day,
		0);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, what_was_sent_is_found);
	tcase_add_test(tc, a_hint_is_not_an_id);
	tcase_add_test(tc, several_at_once);
	tcase_add_test(tc, what_is_no_item);
	tcase_add_test(tc, another_key_knows_nothing);
	tcase_add_loop_test(tc, an_item_touches_one_page, 0, 5);
	tcase_add_loop_test(tc, how_long_it_is_remembered, 0, (int)COUNT(borders));
	tcase_add_test(tc, days_that_have_no_stamp);
	tcase_add_loop_test(tc, the_ring_goes_round, 0, 5);
	tcase_add_loop_test(tc, a_clock_that_goes_back, 0, 5);
	tcase_add_loop_test(tc, a_clock_that_goes_forward, 0, 5);
	tcase_add_test(tc, a_day_that_is_full);
	tcase_add_test(tc, when_it_is_complete);
	tcase_add_test(tc, the_generation_before_counts_while_it_is_named);
	tcase_add_test(tc, fifty_processes_some_killed);
	tcase_add_loop_test(tc, a_file_that_is_truncated_under_use, 0, 4);
	tcase_add_test(tc, a_file_without_the_sections);
	tcase_add_loop_test(tc, sections_that_contradict_themselves, 0, (int)COUNT(heads));
	tcase_add_test(tc, the_default_file);
	tcase_add_test(tc, a_file_that_may_only_be_read);
}

Suite *unit_suite(void)
{
	return memory_suite("remember", add_tests, setup, setup_windows);
}
