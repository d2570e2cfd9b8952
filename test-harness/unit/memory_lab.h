/*
 * memory_lab.h - what the tests of the memory file share: a file in a sandbox, its slots and rows,
 * many processes at once, and the suite.
 */
#ifndef MEMORY_LAB_H
#define MEMORY_LAB_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "memory/access.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/slots.h"
#include "memory/layout.h"
#include "memory_file.h"
#include "sandbox.h"
#include "unit.h"

/* The process's own SIGBUS action is a subject of these tests: AddressSanitizer's is not wanted. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_sigbus=0:allow_user_segv_handler=1";
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW INT64_C(1795348800) /* 2026-11-22 12:00 UTC */
#define D INT64_C(86400)
#define WORKERS 24

static struct batv_memory memory; /* zero at the start of each test: Check forks */
static struct batv_memory whole; /* the same file mapped whole: to look into it, and to damage it */
static bool with_windows;        /* memory is used as Exim's processes use it, or as batvd does */

/* dir/memory. */
__attribute__((unused)) static void open_memory(void)
{
	ck_assert_int_eq(batv_memory_open(&whole, dir, "memory"), BATV_OK);
	if (with_windows)
		ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_OK);
	else
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
}

__attribute__((unused)) static void close_memory(void)
{
	batv_memory_close(&memory);
	batv_memory_close(&whole);
}

__attribute__((unused)) static enum batv_err make_file(const char *name, uint64_t generation,
						       int64_t now)
{
	return batv_memory_file_create(
		dir, name, &(struct batv_memory_wish){.generation = generation, .now = now});
}

__attribute__((unused)) static void make_memory(void)
{
	sandbox_make();
	ck_assert_int_eq(make_file("memory", 7, NOW), BATV_OK);
	open_memory();
}

__attribute__((unused)) static void make_memory_with_windows(void)
{
	with_windows = true;
	make_memory();
}

__attribute__((unused)) static void drop_memory(void)
{
	close_memory();
	sandbox_remove();
}

__attribute__((unused)) static struct batv_domain_slot *slots(void)
{
	return (struct batv_domain_slot *)(void *)((char *)whole.base + whole.sections.domains_at);
}

__attribute__((unused)) static struct batv_counter_row *row(size_t counter)
{
	return (struct batv_counter_row *)(void *)((char *)whole.base +
						   whole.sections.counters_at) +
	       counter;
}

__attribute__((unused)) static enum batv_err note(const char *domain, int64_t now)
{
	return batv_domain_note(&memory, domain, "default", BATV_EVIDENCE_SIGNED, NULL, now);
}

/* How many slots of the table hold the name. */
__attribute__((unused)) static unsigned slots_with(const char *name)
{
	struct batv_domain d;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < whole.sections.domain_slots; i++)
		n += batv_domain_at(&whole, i, &d) && strcmp(d.name, name) == 0;
	return n;
}

__attribute__((unused)) static unsigned slots_in_use(void)
{
	struct batv_domain d;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < whole.sections.domain_slots; i++)
		n += batv_domain_at(&whole, i, &d);
	return n;
}

/* Runs fn in n processes that start together; all must end with 0. */
__attribute__((unused)) static void in_processes(unsigned n, void (*fn)(unsigned))
{
	int go[2], status;
	unsigned i;
	char c;

	ck_assert_int_eq(pipe(go), 0);
	for (i = 0; i < n; i++) {
		if (fork() != 0)
			continue;
		(void)close(go[1]);
		(void)!read(go[0], &c, 1); /* returns when the parent closes */
		fn(i);
		_exit(0);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	for (i = 0; i < n; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	}
}

__attribute__((unused)) static void truncate_file(const char *name, off_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, size), 0);
	(void)close(fd);
}

__attribute__((unused)) static void truncate_memory(off_t size)
{
	truncate_file("memory", size);
}

/* Every function does without. */
__attribute__((unused)) static void expect_no_memory(void)
{
	struct batv_domain d = {.name = "untouched"};

	ck_assert(!batv_memory_there(&memory));
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW), 0);
	batv_counters_bare_now(&memory, NOW);
	ck_assert_int_eq(batv_counters_bare_last(&memory), 0);
	ck_assert_int_eq(batv_counters_created(&memory), 0);
	ck_assert_int_eq(note("example.com", NOW), BATV_E_NO_FILE);
	ck_assert(!batv_domain_find(&memory, "example.com", &d));
	ck_assert(!batv_domain_at(&memory, 0, &d));
	ck_assert_int_eq(batv_domain_set_flags(&memory, 0, 1, NOW), BATV_E_NO_FILE);
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW), 0);
	ck_assert_str_eq(d.name, "untouched");
	batv_memory_close(&memory);
	batv_memory_close(&memory);
}

/* Each test with a memory of its own; `make` makes it. */
__attribute__((unused)) static void add_case(Suite *s, const char *name, bool windows,
					     void (*make)(void), void (*add)(TCase *, bool))
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, make, drop_memory);
	add(tc, windows);
}

/* One suite: all tests with the file mapped whole, with windows, or both: as they are made. */
__attribute__((unused)) static Suite *memory_suite(const char *name, void (*add)(TCase *, bool),
						   void (*whole_maker)(void),
						   void (*windows_maker)(void))
{
	Suite *s = suite_create(name);

	if (whole_maker)
		add_case(s, "whole", false, whole_maker, add);
	if (windows_maker)
		add_case(s, "windows", true, windows_maker, add);
	return s;
}

/* The tests that take long are cases of their own, so that the others can be run without them. */
__attribute__((unused)) static Suite *with_slow_tests(Suite *s, void (*add)(TCase *, bool))
{
	add_case(s, "slow, whole", false, make_memory, add);
	add_case(s, "slow, windows", true, make_memory_with_windows, add);
	return s;
}

#endif
