/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_memory_file.c - a new memory file has all its blocks, however the system allocates them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "memory_lab.h"

#define CAPACITY 1000

static int answer; /* of posix_fallocate(); -1: the file grows without blocks, as a sparse one */
static unsigned asked, interrupted;

/* Instead of libc's: a file system that cannot allocate ahead. */
int posix_fallocate(int fd, off_t at, off_t size)
{
	asked++;
	if (interrupted > 0) {
		interrupted--;
		return EINTR;
	}
	if (answer >= 0)
		return answer;
	return ftruncate(fd, at + size) == 0 ? 0 : errno;
}

/* Instead of libc's: of a write that is interrupted, or takes less, or fails. */
static struct {
	unsigned interrupted, fails; /* the n-th one fails */
	size_t most;                 /* 0: as much as there is */
} writes;

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);

	*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	errno = writes.interrupted > 0 ? EINTR : EIO;
	if (writes.interrupted > 0) {
		writes.interrupted--;
		return -1;
	}
	if (writes.fails > 0 && --writes.fails == 0)
		return -1;
	return real(fd, data, writes.most && writes.most < len ? writes.most : len, at);
}

static unsigned fails_to_sync; /* the n-th fsync() */

int fsync(int fd)
{
	static int (*real)(int);

	*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	errno = EIO;
	return fails_to_sync > 0 && --fails_to_sync == 0 ? -1 : real(fd);
}

static enum batv_err make_with(uint64_t capacity, int64_t retention)
{
	return batv_memory_file_create(dir, "memory",
				       &(struct batv_memory_wish){.generation = 1,
								  .now = NOW,
								  .capacity = capacity,
								  .retention = retention,
								  .since = NOW - D});
}

static enum batv_err make(void)
{
	return make_with(CAPACITY, 14 * D);
}

static void expect_all_blocks(bool want)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), 0);
	ck_assert_uint_gt((uint64_t)st.st_size, (uint64_t)CAPACITY);
	ck_assert(((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size) == want);
}

START_TEST(blocks_are_written_where_they_cannot_be_allocated)
{
	static const int answers[] = {EOPNOTSUPP, ENOSYS, EINVAL};

	sandbox_make();
	answer = answers[_i];
	ck_assert_int_eq(make(), BATV_OK);
	ck_assert_uint_eq(asked, 1);
	expect_all_blocks(true);
	open_memory();
	batv_count(&memory, BATV_COUNT_SIGNED, NOW);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_SIGNED, 0, NOW), 1);
	close_memory();
}
END_TEST

/* Room for a day's Message-IDs and pairs, before the end; without capacity there is nothing to
 * tell. */
START_TEST(a_journal_only_if_it_is_wanted)
{
	struct batv_memory_wish wish = {.generation = 1,
					.now = NOW,
					.capacity = _i == 2 ? 0 : CAPACITY,
					.retention = 14 * D,
					.since = NOW,
					.journal = _i > 0};

	sandbox_make();
	answer = -1;
	ck_assert_int_eq(batv_memory_file_create(dir, "memory", &wish), BATV_OK);
	open_memory();
	ck_assert_uint_eq(memory.sections.journal_records, _i == 1 ? 2048 : 0);
	ck_assert_int_eq(memory.sections.journal_at != 0, _i == 1);
	if (_i == 1)
		ck_assert_uint_eq(memory.sections.journal_at + 2048 * 32 + BATV_END_SIZE,
				  memory.file_size);
	close_memory();
}
END_TEST

/* That the first test can tell: a file without blocks is seen as such. */
START_TEST(a_sparse_file_would_be_seen)
{
	sandbox_make();
	answer = -1;
	ck_assert_int_eq(make(), BATV_OK);
	expect_all_blocks(false);
}
END_TEST

START_TEST(writes_that_do_less)
{
	sandbox_make();
	answer = EOPNOTSUPP;
	interrupted = 2;
	writes.interrupted = 3;
	writes.most = 60000;
	ck_assert_int_eq(make(), BATV_OK);
	ck_assert_uint_eq(asked, 3);
	expect_all_blocks(true);
	open_memory();
	close_memory();
}
END_TEST

/* While zeros are written, while the sum is written at the end, and when all is to be on the disk.
 */
START_TEST(steps_that_fail)
{
	sandbox_make();
	answer = EOPNOTSUPP;
	writes.fails = 2;
	ck_assert_int_eq(make(), BATV_E_IO);
	ck_assert_int_eq(errno, EIO);
	answer = -1;
	writes.fails = 1;
	ck_assert_int_eq(make(), BATV_E_IO);
	fails_to_sync = 1;
	ck_assert_int_eq(make(), BATV_E_IO);
	writes.most = 7; /* of the sum only a part */
	ck_assert_int_eq(make(), BATV_E_IO);
	ck_assert_uint_eq(sandbox_count(), 0);
	writes.most = 0;
	ck_assert_int_eq(make(), BATV_OK);
}
END_TEST

/* One line for each day of the retention, one for today, and one to be emptied. */
START_TEST(lines_of_a_retention)
{
	static const struct {
		int64_t retention;
		unsigned lines;
	} table[] = {{D, 4},          {2 * D, 4},    {2 * D + 1, 8},   {6 * D, 8},
		     {6 * D + 1, 16}, {14 * D, 16},  {30 * D, 32},     {30 * D + 1, 64},
		     {62 * D, 64},    {900 * D, 64}, {14 * D + 1, 32}, {1, 4}};

	for (size_t i = 0; i < COUNT(table); i++)
		ck_assert_uint_eq(batv_memory_file_lines(table[i].retention), table[i].lines);
}
END_TEST

static struct batv_memory_head head;

static void read_head(void)
{
	int fd = openat(dir, "memory", O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(pread(fd, &head, sizeof head, 0), sizeof head);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, head.size);
	ck_assert_int_eq(close(fd), 0);
}

/* Sections follow one another on whole pages, and the last one ends with the file. */
START_TEST(sections_in_their_order)
{
	static const uint32_t types[] = {BATV_SECTION_COUNTERS,  BATV_SECTION_DOMAINS,
					 BATV_SECTION_IDS,       BATV_SECTION_PAIRS,
					 BATV_SECTION_ID_HITS,   BATV_SECTION_TAG_BOUNCES,
					 BATV_SECTION_TAG_MAILS, BATV_SECTION_FORGED,
					 BATV_SECTION_REFUSED,   BATV_SECTION_END};

	sandbox_make();
	answer = -1;
	for (int with = 0; with < 2; with++) {
		uint64_t at = BATV_MEMORY_PAGE;
		size_t n = 0;

		ck_assert_int_eq(make_with(with ? CAPACITY : 0, 14 * D), BATV_OK);
		read_head();
		for (uint32_t i = 0; i < head.n_sections; i++) {
			ck_assert_uint_eq(head.section[i].offset, at);
			ck_assert_uint_gt(head.section[i].size, 0);
			ck_assert_uint_eq(head.section[i].size % BATV_MEMORY_PAGE, 0);
			at += head.section[i].size;
			if (n < COUNT(types) && head.section[i].type == types[n])
				n++;
			if (n == 2 && !with)
				n = 7; /* without ids, pairs and tallies */
		}
		ck_assert_uint_eq(n, COUNT(types));
		ck_assert_uint_eq(at, head.size);
		ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	}
}
END_TEST

/* Items in a line at full capacity, as docs/formats.md says, and pages of a tally. */
static const struct {
	uint64_t capacity;
	int64_t days;
	double load;
	uint64_t pages;
} sizes[] = {
	{20000, 1, 7.75, 78},     {20000, 4, 7, 78},        {20000, 14, 6.25, 78},
	{20000, 30, 5.75, 78},    {20000, 62, 5.25, 78},    {16384, 14, 6.25, 64},
	{16640, 14, 6.25, 65},    {1000, 14, 6.25, 64},     {1048576, 1, 7.75, 4096},
	{1048320, 1, 7.75, 4095}, {2000000, 1, 7.75, 4096},
};

START_TEST(sizes_of_sections)
{
	const unsigned lines = batv_memory_file_lines(sizes[_i].days * D);

	sandbox_make();
	answer = -1;
	ck_assert_int_eq(make_with(sizes[_i].capacity, sizes[_i].days * D), BATV_OK);
	read_head();
	for (uint32_t i = 0; i < head.n_sections; i++) {
		const struct batv_memory_section *s = &head.section[i];
		const bool filter = s->type == BATV_SECTION_IDS || s->type == BATV_SECTION_PAIRS;
		const bool tally =
			s->type >= BATV_SECTION_ID_HITS && s->type <= BATV_SECTION_TAG_MAILS;
		const uint64_t bytes = s->param[0] * lines * BATV_LINE_SIZE;
		const double load = (double)sizes[_i].capacity / (double)s->param[0];

		if (tally)
			ck_assert_uint_eq(s->size, s->param[0] * BATV_MEMORY_PAGE);
		if (tally)
			ck_assert_uint_eq(s->param[0], sizes[_i].pages);
		if (!filter)
			continue;
		ck_assert(load < sizes[_i].load && load > sizes[_i].load * 0.88);
		ck_assert(sizes[_i].capacity < 5000 || load > sizes[_i].load * 0.985);
		ck_assert_uint_eq(s->param[1], lines);
		ck_assert_uint_eq(s->param[2], 14);
		ck_assert_uint_eq(s->param[3], sizes[_i].capacity);
		ck_assert_uint_eq(s->param[4], (uint64_t)(NOW - D));
		ck_assert_uint_eq(s->param[0] % (BATV_LINES_MAX / lines), 0);
		ck_assert_uint_ge(s->size, bytes);
		ck_assert_uint_lt(s->size - bytes, BATV_MEMORY_PAGE);
	}
}
END_TEST

START_TEST(no_room_is_an_error_and_leaves_nothing)
{
	struct stat st;

	sandbox_make();
	answer = ENOSPC;
	ck_assert_int_eq(make(), BATV_E_IO);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(no_room_while_zeros_are_written)
{
	const struct rlimit little = {100000, 100000};
	struct stat st;

	sandbox_make();
	answer = EOPNOTSUPP;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
	ck_assert_int_eq(make(), BATV_E_IO);
	ck_assert_int_eq(errno, EFBIG);
	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), -1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("memory_file");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, blocks_are_written_where_they_cannot_be_allocated, 0, 3);
	tcase_add_test(tc, a_sparse_file_would_be_seen);
	tcase_add_loop_test(tc, a_journal_only_if_it_is_wanted, 0, 3);
	tcase_add_test(tc, no_room_is_an_error_and_leaves_nothing);
	tcase_add_test(tc, no_room_while_zeros_are_written);
	tcase_add_test(tc, writes_that_do_less);
	tcase_add_test(tc, steps_that_fail);
	tcase_add_test(tc, lines_of_a_retention);
	tcase_add_test(tc, sections_in_their_order);
	tcase_add_loop_test(tc, sizes_of_sections, 0, (int)COUNT(sizes));
	suite_add_tcase(s, tc);
	return s;
}
