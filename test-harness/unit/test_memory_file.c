/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_memory_file.c - a new memory file has all its blocks, however the system allocates them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "memory_lab.h"

#define CAPACITY 1000

static int answer; /* of posix_fallocate(); -1: the file grows without blocks, as a sparse one */
static unsigned asked;

/* Instead of libc's: a file system that cannot allocate ahead. */
int posix_fallocate(int fd, off_t at, off_t size)
{
	asked++;
	if (answer >= 0)
		return answer;
	return ftruncate(fd, at + size) == 0 ? 0 : errno;
}

static enum batv_err make(void)
{
	return batv_memory_file_create(dir, "memory",
				       &(struct batv_memory_wish){.generation = 1,
								  .now = NOW,
								  .capacity = CAPACITY,
								  .retention = 14 * D,
								  .since = NOW});
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
	suite_add_tcase(s, tc);
	return s;
}
