/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_access.c - the memory file through windows: what is mapped, what is held, what is lost.
 * That everything works through them as well is what the other tests of the memory show, which run
 * twice.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory_lab.h"

static enum batv_err again(void)
{
	return batv_memory_open_windows(&memory, dir, "memory");
}

START_TEST(nothing_is_mapped_to_read)
{
	struct batv_domain d;

	ck_assert(batv_memory_there(&memory));
	ck_assert_int_eq(batv_counters_created(&memory), NOW);
	ck_assert_uint_eq(batv_counted(&memory, 3, 32, NOW), 0);
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_ptr_null(memory.base);
	batv_count(&memory, 3, NOW);
	ck_assert_ptr_nonnull(memory.base);
	ck_assert_uint_eq(batv_counted(&memory, 3, 32, NOW), 1);
	ck_assert_uint_eq(batv_counted(&whole, 3, 32, NOW), 1);
}
END_TEST

/* A note of the same hour is read, and not written again. */
START_TEST(evidence_is_written_when_it_is_new)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	batv_memory_close(&memory);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert_int_eq(note("a.example", NOW + 3599), BATV_OK);
	ck_assert_ptr_null(memory.base);
	ck_assert_int_eq(note("a.example", NOW + 3600), BATV_OK);
	ck_assert_ptr_nonnull(memory.base);
	batv_domain_left_bare(&memory, "b.example", NULL);
}
END_TEST

static int open_descriptors(void)
{
	int n = 0, fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(a_descriptor_is_held_until_release)
{
	int before = open_descriptors();

	batv_memory_release(&memory);
	batv_memory_release(&memory);
	ck_assert_int_eq(open_descriptors(), before - 1);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert_int_eq(again(), BATV_OK); /* the last one was left behind */
	ck_assert_int_eq(open_descriptors(), before);
	ck_assert(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC);
	batv_memory_close(&memory);
	ck_assert_int_eq(open_descriptors(), before - 1);
}
END_TEST

/* Exim closed it, and the number is somebody else's by now. */
START_TEST(a_descriptor_of_somebody_else_is_let_alone)
{
	int theirs, number = memory.fd;

	ck_assert_int_eq(close(number), 0);
	theirs = openat(dir, "theirs", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (theirs != number)
		ck_assert_int_eq(dup2(theirs, number), number);
	if (_i)
		batv_memory_release(&memory);
	else
		ck_assert_int_eq(again(), BATV_OK);
	ck_assert_int_ge(fcntl(number, F_GETFD), 0);
}
END_TEST

START_TEST(the_same_file_stays_mapped)
{
	void *base;

	batv_count(&memory, 0, NOW);
	base = memory.base;
	batv_memory_release(&memory);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert_ptr_eq(memory.base, base);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&whole, 0, 0, NOW), 2);
}
END_TEST

START_TEST(another_file_is_taken_anew)
{
	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(make_file("other", 8, NOW), BATV_OK);
	ck_assert_int_eq(renameat(dir, "other", dir, "memory"), 0);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert_uint_eq(memory.sections.generation, 8);
	ck_assert_ptr_null(memory.base);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
	ck_assert_uint_eq(batv_counted(&whole, 0, 0, NOW), 1); /* the one that was replaced */
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	ck_assert_int_eq(again(), BATV_E_NO_FILE);
	expect_no_memory();
}
END_TEST

/* The inode of a file that is gone, with the next one in it: its header and end are others. */
START_TEST(an_inode_that_is_used_again)
{
	struct batv_memory_head head;
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);

	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(pread(fd, &head, sizeof head, 0), sizeof head);
	head.generation = 8;
	head.section[1] = head.section[--head.n_sections]; /* and it has no domains */
	head.sum = batv_header_sum(&head);
	ck_assert_int_eq(pwrite(fd, &head, sizeof head, 0), sizeof head);
	ck_assert_int_eq(pwrite(fd, &head.sum, sizeof head.sum, (off_t)whole.sections.end_at),
			 sizeof head.sum);
	(void)close(fd);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert_uint_eq(memory.sections.generation, 8);
	ck_assert_uint_eq(memory.sections.domains_at, 0);
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(whole.sections.generation, 8);
	ck_assert_uint_eq(whole.sections.domains_at, 0);
}
END_TEST

/* It has the size and the sum of the first one, and is another file all the same. */
START_TEST(a_copy_takes_its_place)
{
	int fd = openat(dir, "copy", O_RDWR | O_CREAT | O_CLOEXEC, 0660);

	ck_assert_int_eq(write(fd, whole.base, whole.file_size), (ssize_t)whole.file_size);
	ck_assert_int_eq(renameat(dir, "copy", dir, "memory"), 0);
	ck_assert_int_eq(again(), BATV_OK);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&whole, 0, 0, NOW), 0);
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(batv_counted(&whole, 0, 0, NOW), 1);
	(void)close(fd);
}
END_TEST

/* A memory that was lost by a missing descriptor, though the file is the same. */
START_TEST(lost_and_opened_again)
{
	batv_memory_release(&memory);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	ck_assert(!batv_memory_there(&memory));
	ck_assert(!batv_memory_whole(&memory));
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert(batv_memory_there(&memory));
	ck_assert(batv_memory_whole(&memory));
}
END_TEST

START_TEST(from_windows_to_the_whole_and_back)
{
	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert(!memory.windowed);
	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert(memory.windowed);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 3);
}
END_TEST

static enum batv_err (*const openers[])(struct batv_memory *, int, const char *) = {
	batv_memory_open_windows, batv_memory_open};

/* Even if its number would be 0. */
START_TEST(what_cannot_be_opened_holds_no_descriptor)
{
	struct batv_memory m = {0};
	int before;

	ck_assert_int_eq(openers[_i](&m, dir, "missing"), BATV_E_NO_FILE);
	before = open_descriptors();
	ck_assert_int_ge(fcntl(0, F_GETFD), 0);
	truncate_memory(BATV_MEMORY_PAGE);
	ck_assert_int_eq(openers[_i](&m, dir, "memory"), BATV_E_DAMAGED);
	ck_assert_int_eq(open_descriptors(), before);
	(void)close(0);
	ck_assert_int_eq(openers[_i](&m, dir, "memory"), BATV_E_DAMAGED);
	ck_assert_int_eq(open_descriptors(), before - 1);
}
END_TEST

/* An errno from before says nothing about this file. */
START_TEST(an_old_errno)
{
	batv_memory_close(&memory);
	errno = EACCES;
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert(memory.writable && !memory.sealed);
	errno = EACCES;
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_OK);
	ck_assert(whole.writable && !whole.sealed);
}
END_TEST

/*
 * Cut anywhere, and grown to its size again: what is gone reads as zeros, so it is no memory,
 * neither for those who have it open nor for those who open it.
 */
START_TEST(cut_and_grown)
{
	const off_t size = (off_t)whole.file_size;
	const off_t cuts[] = {0,           100,     4096, (off_t)whole.sections.domains_at,
			      size - 4096, size - 1};

	batv_count(&memory, 0, NOW);
	ck_assert(batv_memory_whole(&memory));
	ck_assert(batv_memory_whole(&whole));
	truncate_memory(cuts[_i]);
	truncate_memory(size);
	ck_assert(!batv_memory_whole(&memory));
	expect_no_memory();
	ck_assert(!batv_memory_whole(&whole));
	ck_assert(!batv_memory_there(&whole));
	ck_assert_int_eq(again(), BATV_E_DAMAGED);
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_E_DAMAGED);
}
END_TEST

/* The same between two openings, which would be cheap if it was still the same file. */
START_TEST(cut_and_grown_between)
{
	const off_t size = (off_t)whole.file_size;

	batv_count(&memory, 0, NOW);
	batv_memory_release(&memory);
	truncate_memory(size - 4096);
	truncate_memory(size);
	ck_assert_int_eq(again(), BATV_E_DAMAGED);
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_E_DAMAGED);
}
END_TEST

/* Pages far from each other, in one guard and in several. */
static void touch_many(struct batv_memory *m, void *arg)
{
	size_t pages = *(size_t *)arg, i;

	for (i = 0; i < pages; i++) {
		uint64_t *word = batv_memory_at(m, (1 + i) * BATV_MEMORY_PAGE + 8);

		__atomic_fetch_add(word, i + 1, __ATOMIC_RELAXED);
	}
}

START_TEST(all_pages_can_be_reached)
{
	size_t pages = memory.file_size / BATV_MEMORY_PAGE - 2, i;

	for (i = 0; i < 2; i++)
		ck_assert(batv_memory_guard(&memory, touch_many, &pages));
	ck_assert_uint_eq(memory.size, memory.file_size);
	for (i = 0; i < pages; i++)
		ck_assert_uint_eq(
			*(uint64_t *)(void *)((char *)whole.base + (1 + i) * BATV_MEMORY_PAGE + 8),
			2 * (i + 1));
}
END_TEST

START_TEST(a_file_that_may_only_be_read)
{
	batv_count(&memory, 0, NOW);
	batv_memory_close(&memory);
	ck_assert_int_eq(fchmodat(dir, "memory", 0464, 0), 0);
	ck_assert_int_eq(fchmod(dir, 0755), 0);
	if (geteuid() == 0) { /* who may write all the same: be nobody, and not of its group */
		ck_assert_int_eq(fchownat(dir, "memory", (uid_t)-1, 65533, 0), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	batv_memory_close(&whole);
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_OK);
	ck_assert(!whole.writable && whole.sealed);
	ck_assert_int_eq(again(), BATV_OK);
	ck_assert(!memory.writable && memory.sealed);
	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(note("a.example", NOW), BATV_E_NO_FILE);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
	ck_assert_ptr_null(memory.base);
	ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

/* ---- Lost ---- */

static void read_counter(void)
{
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
}

static void write_counter(void)
{
	batv_count(&memory, 0, NOW);
}

static void find_domain(void)
{
	struct batv_domain d;

	ck_assert(!batv_domain_find(&memory, "a.example", &d));
}

static void note_domain(void)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_E_NO_FILE);
}

static const struct {
	void (*use)(void);
	bool mapped; /* a page of it already, before it is truncated */
} uses[] = {
	{read_counter, false}, {write_counter, false}, {write_counter, true},
	{find_domain, false},  {note_domain, false},
};

START_TEST(a_file_that_is_truncated)
{
	int before = open_descriptors();

	void *base;

	if (uses[_i].mapped)
		batv_count(&memory, 0, NOW);
	base = memory.base;
	truncate_memory(BATV_MEMORY_PAGE);
	uses[_i].use();
	if (base)
		ck_assert_int_eq(msync(base, BATV_MEMORY_PAGE, MS_ASYNC), -1);
	expect_no_memory();
	ck_assert_int_eq(open_descriptors(), before - 1);
	ck_assert_int_eq(again(), BATV_E_DAMAGED);
	expect_no_memory();
}
END_TEST

/* Without the descriptor, or without address space, there is no memory; the process goes on. */
START_TEST(a_page_that_cannot_be_mapped)
{
	int closed = memory.fd;

	ck_assert_int_eq(close(closed), 0);
	batv_count(&memory, 0, NOW);
	expect_no_memory();
	ck_assert_int_eq(again(), BATV_OK);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
}
END_TEST

START_TEST(no_address_space)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = 1;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
}
END_TEST

static void add_windows(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, nothing_is_mapped_to_read);
	tcase_add_test(tc, evidence_is_written_when_it_is_new);
	tcase_add_test(tc, a_descriptor_is_held_until_release);
	tcase_add_loop_test(tc, a_descriptor_of_somebody_else_is_let_alone, 0, 2);
	tcase_add_test(tc, the_same_file_stays_mapped);
	tcase_add_test(tc, another_file_is_taken_anew);
	tcase_add_test(tc, an_inode_that_is_used_again);
	tcase_add_test(tc, a_copy_takes_its_place);
	tcase_add_test(tc, lost_and_opened_again);
	tcase_add_test(tc, from_windows_to_the_whole_and_back);
	tcase_add_loop_test(tc, what_cannot_be_opened_holds_no_descriptor, 0, 2);
	tcase_add_test(tc, an_old_errno);
	tcase_add_loop_test(tc, cut_and_grown, 0, 6);
	tcase_add_test(tc, cut_and_grown_between);
	tcase_add_test(tc, all_pages_can_be_reached);
	tcase_add_test(tc, a_file_that_may_only_be_read);
	tcase_add_loop_test(tc, a_file_that_is_truncated, 0, (int)COUNT(uses));
	tcase_add_test(tc, a_page_that_cannot_be_mapped);
	tcase_add_test(tc, no_address_space);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_window", add_windows, NULL, make_memory_with_windows);
}
