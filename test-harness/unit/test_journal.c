/* links: core/memory/journal core/memory/sent core/memory/counters core/memory/domains core/memory/slots core/memory/access */
/* links: core/memory/header core/memory/tallies core/memory/sending core/base/safefile core/base/span core/base/hmac */
/* links: core/base/network core/tag/addr admin/memory_file admin/replace */
/*
 * test_journal.c - the journal of the memory file: what is in it, the ring that comes round, many
 * writers, writers that are killed at each point, and files, limits and disks that fail.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "memory/journal.h"
#include "sent_lab.h"

#define SMALL 64 /* items a day: a ring of one page */
#define ROOM 128
#define BATCH_MAX 300

/* ---- pwrite(), as the disk or the end of a process makes it ---- */

static enum { WORKS, KILLED_BEFORE, KILLED_AFTER, TORN, NO_SPACE, SHORT } disk;
static unsigned pwrites; /* of the journal */

static void end_here(void)
{
	(void)kill(getpid(), SIGKILL);
}

/* Instead of libc's. */
ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	pwrites++;
	if (disk == KILLED_BEFORE)
		end_here();
	if (disk == NO_SPACE) {
		errno = ENOSPC;
		return -1;
	}
	if (disk == TORN || disk == SHORT)
		len = 40; /* one record, and a part of the second one */
	ssize_t done = syscall(SYS_pwrite64, fd, from, len, at);
	if (disk == TORN || disk == KILLED_AFTER)
		end_here();
	return done;
}

/* ---- a memory with a journal ---- */

static struct batv_journal_head head(void)
{
	struct batv_journal_head h = {0};

	ck_assert(batv_journal_head(&memory, &h));
	return h;
}

static enum batv_journal_answer at(uint64_t position)
{
	struct batv_journal_entry entry;

	return batv_journal_read(&memory, position, &entry);
}

static void expect(uint64_t position, struct batv_item item, int64_t day)
{
	struct batv_journal_entry entry = {0};

	ck_assert_int_eq(batv_journal_read(&memory, position, &entry), BATV_JOURNAL_WHOLE);
	ck_assert_uint_eq(entry.position, position);
	ck_assert_uint_eq(entry.day, (uint64_t)day / D);
	ck_assert_uint_eq(entry.topic, 0);
	ck_assert_uint_eq(entry.kind,
			  item.kind == BATV_ITEM_ID ? BATV_JOURNAL_ID : BATV_JOURNAL_PAIR);
	ck_assert_mem_eq(entry.name, item.name, sizeof item.name);
}

/* Records items `first` to first + n - 1 together; every third one is a pair. */
static struct batv_item nth(uint64_t n)
{
	return numbered(n % 3 == 0 ? BATV_ITEM_PAIR : BATV_ITEM_ID, n);
}

static void put_batch(uint64_t first, size_t n, int64_t now)
{
	enum batv_sent_answer answers[BATCH_MAX];
	struct batv_item items[BATCH_MAX];

	ck_assert_uint_le(n, BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		items[i] = nth(first + i);
	batv_sent_note_all(&memory, items, n, now, answers);
}

static void make_ring(uint64_t capacity)
{
	close_memory();
	open_sized(capacity, RETENTION);
	ck_assert_uint_ge(batv_journal_room(&memory), 2 * capacity);
	pwrites = 0;
}

static void setup_journal(void)
{
	with_journal = true;
	setup();
	pwrites = 0;
}

static void setup_journal_windows(void)
{
	with_windows = true;
	setup_journal();
}

static struct batv_journal_record *record(uint64_t position)
{
	return (struct batv_journal_record *)(void *)((char *)whole.base +
						      whole.sections.journal_at) +
	       position % whole.sections.journal_records;
}

/* ---- what is in it ---- */

START_TEST(what_is_recorded_is_in_the_journal)
{
	ck_assert(batv_journal_there(&memory));
	ck_assert_uint_eq(batv_journal_room(&memory), 2048); /* 2 * 1000, in whole pages */
	ck_assert_uint_eq(head().next, 0);
	ck_assert_int_eq(at(0), BATV_JOURNAL_MISSING);

	ck_assert_int_eq(put(nth(1), NOW), BATV_SENT_DONE);
	put_batch(2, 5, NOW);
	put_batch(100, 0, NOW);
	ck_assert_int_eq(put(nth(7), NOW + D), BATV_SENT_DONE);
	ck_assert_uint_eq(head().next, 7);
	for (uint64_t i = 0; i < 6; i++)
		expect(i, nth(i + 1), NOW);
	expect(6, nth(7), NOW + D);
	ck_assert_int_eq(at(7), BATV_JOURNAL_MISSING);
	ck_assert_uint_eq(head().failed, 0);
	ck_assert_uint_eq(pwrites, with_windows ? 3 : 0);
}
END_TEST

/* Reception records; routing and the transport find it known.  Tomorrow it is new again. */
START_TEST(what_is_known_is_not_written_again)
{
	put_batch(1, 4, NOW);
	put_batch(1, 4, NOW);
	ck_assert_uint_eq(head().next, 4);
	put_batch(3, 4, NOW); /* two of them are known */
	ck_assert_uint_eq(head().next, 6);
	expect(4, nth(5), NOW);
	expect(5, nth(6), NOW);
	put_batch(1, 4, NOW + D);
	ck_assert_uint_eq(head().next, 10);
}
END_TEST

START_TEST(again_it_is_written_although_it_is_known)
{
	struct batv_item item = nth(1);

	ck_assert_int_eq(batv_sent_note_again(&memory, &item, NOW), BATV_SENT_DONE);
	ck_assert_int_eq(batv_sent_note_again(&memory, &item, NOW), BATV_SENT_KNOWN);
	ck_assert_int_eq(put(item, NOW), BATV_SENT_KNOWN);
	ck_assert_uint_eq(head().next, 2);
	expect(0, item, NOW);
	expect(1, item, NOW);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_IDS, 0, NOW), 1);
}
END_TEST

START_TEST(what_others_sent_is_recorded_but_not_in_the_journal)
{
	const struct batv_item items[] = {nth(1), nth(2), nth(3)};
	enum batv_sent_answer answers[3];

	batv_sent_merge_all(&memory, items, 3, NOW / D, answers);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(answers[i], BATV_SENT_DONE);
		ck_assert(has(items[i], NOW));
	}
	batv_sent_merge_all(&memory, items, 3, NOW / D - 1, answers);
	ck_assert_int_eq(answers[0], BATV_SENT_DONE); /* another day */
	batv_sent_merge_all(&memory, items, 3, NOW / D, answers);
	ck_assert_int_eq(answers[2], BATV_SENT_KNOWN);
	batv_sent_merge_all(&memory, items, 3, 0, answers);
	ck_assert_int_eq(answers[2], BATV_SENT_CLOCK);
	batv_sent_merge_all(&memory, items, 3, 0x10000, answers);
	ck_assert_int_eq(answers[0], BATV_SENT_CLOCK);
	ck_assert_uint_eq(head().next, 0);
	ck_assert_uint_eq(pwrites, 0);
	ck_assert_int_eq(put(nth(1), NOW), BATV_SENT_KNOWN); /* its sender has told the fleet */
	ck_assert_uint_eq(head().next, 0);
}
END_TEST

/* This file is too small, or a clock was wrong here: another server's may not be. */
START_TEST(what_finds_no_room_is_in_the_journal)
{
	struct batv_item item = numbered(BATV_ITEM_PAIR, 9000), late = nth(9001);

	make_ring(1);
	ck_assert_int_eq(put(numbered(BATV_ITEM_PAIR, 8999), NOW), BATV_SENT_DONE);
	ck_assert_int_eq(put(item, NOW), BATV_SENT_FULL);
	expect(1, item, NOW);
	ck_assert_int_eq(put(late, NOW + 16 * D), BATV_SENT_DONE);
	ck_assert_int_eq(put(late, NOW), BATV_SENT_CLOCK);
	expect(3, late, NOW);
}
END_TEST

/* ---- the ring ---- */

START_TEST(the_ring_comes_round)
{
	make_ring(SMALL);
	ck_assert_uint_eq(batv_journal_room(&memory), ROOM);
	for (uint64_t n = 0; n < 3 * ROOM; n += 7)
		put_batch(n, 7, NOW);
	ck_assert_uint_eq(head().next, 385);
	for (uint64_t n = 0; n < 385 - ROOM; n++)
		ck_assert_int_eq(at(n), BATV_JOURNAL_GONE);
	for (uint64_t n = 385 - ROOM; n < 385; n++)
		expect(n, nth(n), NOW);
	ck_assert_int_eq(at(385), BATV_JOURNAL_MISSING); /* the record of position 257 is there */
	ck_assert_int_eq(at(386), BATV_JOURNAL_MISSING);
	record(385 - ROOM)->check++;
	ck_assert_int_eq(at(385 - ROOM), BATV_JOURNAL_MISSING); /* its place is still its own */
	if (with_windows)
		ck_assert_uint_eq(pwrites, 55 + 3); /* three of 55 batches cross the end */
}
END_TEST

/* More than one write takes, and more than the ring has. */
START_TEST(large_batches)
{
	make_ring(SMALL);
	put_batch(1000, 64, NOW);
	ck_assert_uint_eq(pwrites, with_windows ? 1 : 0);
	make_ring(SMALL);
	put_batch(0, 105, NOW);
	ck_assert_uint_eq(pwrites, with_windows ? 2 : 0);
	for (uint64_t n = 0; n < 105; n++)
		expect(n, nth(n), NOW);
	put_batch(105, BATCH_MAX, NOW);
	ck_assert_uint_eq(head().next, 405);
	for (uint64_t n = 405 - ROOM; n < 405; n++)
		expect(n, nth(n), NOW);
	ck_assert_int_eq(at(405 - ROOM - 1), BATV_JOURNAL_GONE);
}
END_TEST

/* A position has 64 bits, of which a record shows the lower half and checks all. */
START_TEST(positions_beyond_32_bits)
{
	const uint64_t far = (UINT64_C(1) << 32) - 2;

	make_ring(SMALL);
	row(BATV_COUNT_IDS)->journal = far;
	put_batch(1, 4, NOW);
	ck_assert_uint_eq(head().next, far + 4);
	for (uint64_t i = 0; i < 4; i++)
		expect(far + i, nth(i + 1), NOW);
	ck_assert_int_eq(at(0), BATV_JOURNAL_GONE);
	row(BATV_COUNT_IDS)->journal = 0;
	ck_assert_int_eq(at(0), BATV_JOURNAL_MISSING); /* although 2^32 is there, and ends alike */
	ck_assert_int_eq(at(far), BATV_JOURNAL_WHOLE);
}
END_TEST

/* Of a record of zeros at position 0, which would be in order but for its kind. */
static uint32_t empty_check(void)
{
	static const uint8_t zeros[8 + 4 + BATV_ITEM_LEN];
	uint64_t sum = batv_fnv64(BATV_FNV_START, zeros, sizeof zeros);

	return (uint32_t)(sum ^ sum >> 32);
}

START_TEST(any_bit_that_differs_is_seen)
{
	unsigned char *bytes = (unsigned char *)record(0);

	ck_assert_int_eq(put(nth(1), NOW), BATV_SENT_DONE);
	for (unsigned bit = 0; bit < 8 * sizeof *record(0); bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		ck_assert_msg(at(0) == BATV_JOURNAL_MISSING, "bit %u", bit);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	expect(0, nth(1), NOW);
	*record(0) = (struct batv_journal_record){.check = empty_check()};
	ck_assert_int_eq(at(0), BATV_JOURNAL_MISSING);
}
END_TEST

/* ---- many writers, and those that are killed ---- */

#define EACH 40 /* batches of a process, of 1 to 5 items */

static uint64_t item_of(unsigned process, unsigned batch, unsigned i)
{
	return process * UINT64_C(1000) + batch * UINT64_C(10) + i;
}

static void write_many(unsigned process)
{
	for (unsigned b = 0; b < EACH; b++)
		put_batch(item_of(process, b, 0), 1 + (process + b) % 5, NOW);
}

START_TEST(many_writers_at_once)
{
	static uint8_t names[WORKERS * EACH * 5][BATV_ITEM_LEN];
	struct batv_journal_entry entry;
	uint64_t n;
	size_t expected = 0;

	make_ring(10000);
	in_processes(WORKERS, write_many);
	n = head().next;
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_int_eq(batv_journal_read(&memory, i, &entry), BATV_JOURNAL_WHOLE);
		memcpy(names[i], entry.name, sizeof names[i]);
	}
	for (unsigned p = 0; p < WORKERS; p++)
		for (unsigned b = 0; b < EACH; b++)
			for (unsigned i = 0; i < 1 + (p + b) % 5; i++, expected++) {
				struct batv_item item = nth(item_of(p, b, i));
				unsigned found = 0;

				for (uint64_t at = 0; at < n; at++)
					found +=
						memcmp(names[at], item.name, sizeof item.name) == 0;
				ck_assert_uint_eq(found, 1);
			}
	ck_assert_uint_eq(expected, n);
}
END_TEST

/* Two items in a process that ends there. */
static void die_writing(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		put_batch(1, 2, NOW);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static const struct {
	int disk;
	enum batv_journal_answer first, second;
} deaths[] = {
	{KILLED_BEFORE, BATV_JOURNAL_MISSING, BATV_JOURNAL_MISSING},
	{TORN, BATV_JOURNAL_WHOLE, BATV_JOURNAL_MISSING},
	{KILLED_AFTER, BATV_JOURNAL_WHOLE, BATV_JOURNAL_WHOLE},
};

/* No bit is set, so the next process of the message writes both again. */
START_TEST(a_writer_that_is_killed)
{
	if (!with_windows)
		return;
	disk = deaths[_i].disk;
	die_writing();
	disk = WORKS;
	ck_assert_uint_eq(head().next, 2);
	ck_assert_int_eq(at(0), deaths[_i].first);
	ck_assert_int_eq(at(1), deaths[_i].second);
	ck_assert(!has(nth(1), NOW) && !has(nth(2), NOW));
	put_batch(1, 2, NOW);
	expect(2, nth(1), NOW);
	expect(3, nth(2), NOW);
	ck_assert(has(nth(1), NOW) && has(nth(2), NOW));
	ck_assert_uint_eq(head().failed, 0);
}
END_TEST

/* Killed in the middle of anything: what has its bits set is in the journal. */
START_TEST(no_bit_without_a_record)
{
	unsigned known = 0;

	make_ring(10000);
	for (unsigned round = 0; round < 30; round++) {
		const uint64_t enough = head().next + 9 * round;
		pid_t pid = fork();

		if (pid == 0)
			for (uint64_t n = 0; n < 300; n++)
				(void)put(nth(1000 * (round + 1) + n), NOW);
		if (pid == 0)
			_exit(0);
		while (head().next < enough)
			;
		(void)kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		for (uint64_t n = 0; n < 300; n++) {
			struct batv_item item = nth(1000 * (round + 1) + n);
			struct batv_journal_entry e;
			uint64_t end = head().next, i = end > 310 ? end - 310 : 0;

			if (!has(item, NOW))
				break;
			while (i < end &&
			       (batv_journal_read(&memory, i, &e) != BATV_JOURNAL_WHOLE ||
				memcmp(e.name, item.name, sizeof item.name) != 0))
				i++;
			ck_assert_uint_lt(i, end);
			known++;
		}
	}
	ck_assert_uint_gt(known, 0);
}
END_TEST

/* ---- what fails ---- */

/* It is recorded; that the others of the fleet are not told is counted. */
START_TEST(a_disk_that_fails)
{
	if (!with_windows)
		return;
	disk = _i ? SHORT : NO_SPACE;
	put_batch(1, 2, NOW);
	disk = WORKS;
	ck_assert(has(nth(1), NOW) && has(nth(2), NOW));
	ck_assert_uint_eq(head().next, 2);
	ck_assert_uint_eq(head().failed, 2);
	ck_assert_int_eq(at(1), BATV_JOURNAL_MISSING);
	put_batch(3, 1, NOW);
	ck_assert_uint_eq(head().failed, 2);
	expect(2, nth(3), NOW);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_PAIRS, 0, NOW), 1);
}
END_TEST

/* ulimit -f: pwrite() would end the process by SIGXFSZ. */
START_TEST(a_process_that_may_not_write_long_files)
{
	const struct rlimit little = {4096, 4096};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)setrlimit(RLIMIT_FSIZE, &little);
		put_batch(1, 130, NOW); /* several pages */
		_exit(pwrites == 0 && memory.base ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (uint64_t n = 0; n < 130; n++)
		expect(n, nth(n + 1), NOW);
	ck_assert(has(nth(1), NOW) && has(nth(130), NOW));
	ck_assert_uint_eq(head().failed, 0);
}
END_TEST

/* Nobody dies of it, it does not grow, and the damage is seen when it is opened next. */
START_TEST(a_file_that_is_cut)
{
	const off_t cuts[] = {(off_t)whole.sections.journal_at + 4096,
			      (off_t)whole.sections.journal_at, (off_t)whole.sections.end_at - 100};
	struct stat st;

	put_batch(1, 3, NOW);
	truncate_memory(cuts[_i]);
	put_batch(200, 3, NOW);
	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), 0);
	ck_assert_int_eq(st.st_size, cuts[_i]);
	ck_assert_uint_eq(pwrites, with_windows ? 1 : 0);
	batv_memory_close(&memory);
	if (with_windows)
		ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_E_DAMAGED);
	else
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
}
END_TEST

START_TEST(no_journal)
{
	struct batv_journal_head h;
	struct batv_item item = nth(2);

	with_journal = false;
	close_memory();
	open_sized(CAPACITY, RETENTION);
	ck_assert(!batv_journal_there(&memory));
	ck_assert_uint_eq(batv_journal_room(&memory), 0);
	ck_assert(!batv_journal_head(&memory, &h));
	ck_assert_int_eq(at(0), BATV_JOURNAL_NO_MEMORY);
	ck_assert_int_eq(put(nth(1), NOW), BATV_SENT_DONE);
	ck_assert_int_eq(batv_sent_note_again(&memory, &item, NOW), BATV_SENT_DONE);
	ck_assert_uint_eq(row(BATV_COUNT_IDS)->journal, 0);
	batv_memory_close(&memory);
	ck_assert(!batv_journal_head(&memory, &h));
	ck_assert_int_eq(at(0), BATV_JOURNAL_NO_MEMORY);
}
END_TEST

/* One who may only read writes nothing; one who may not read any more is told. */
START_TEST(only_reading)
{
	put_batch(1, 1, NOW);
	memory.writable = false;
	put_batch(2, 1, NOW);
	ck_assert_uint_eq(head().next, 1);
	truncate_memory(0);
	ck_assert_int_eq(at(0), BATV_JOURNAL_NO_MEMORY);
	ck_assert_int_eq(at(0), BATV_JOURNAL_NO_MEMORY);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, what_is_recorded_is_in_the_journal);
	tcase_add_test(tc, what_is_known_is_not_written_again);
	tcase_add_test(tc, again_it_is_written_although_it_is_known);
	tcase_add_test(tc, what_others_sent_is_recorded_but_not_in_the_journal);
	tcase_add_test(tc, what_finds_no_room_is_in_the_journal);
	tcase_add_test(tc, the_ring_comes_round);
	tcase_add_test(tc, large_batches);
	tcase_add_test(tc, positions_beyond_32_bits);
	tcase_add_test(tc, any_bit_that_differs_is_seen);
	tcase_add_test(tc, many_writers_at_once);
	tcase_add_loop_test(tc, a_writer_that_is_killed, 0, (int)COUNT(deaths));
	tcase_add_test(tc, no_bit_without_a_record);
	tcase_add_loop_test(tc, a_disk_that_fails, 0, 2);
	tcase_add_test(tc, a_process_that_may_not_write_long_files);
	tcase_add_loop_test(tc, a_file_that_is_cut, 0, 3);
	tcase_add_test(tc, no_journal);
	tcase_add_test(tc, only_reading);
}

Suite *unit_suite(void)
{
	return memory_suite("journal", add_tests, setup_journal, setup_journal_windows);
}
