/* links: core/memory core/memory_domain core/memory_guard core/safefile core/span admin/memory_file admin/replace */
/*
 * test_memory.c - the memory file: what is refused at opening, a mapping that breaks under use,
 * many processes at once, and processes that are killed at any instruction.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "memory_file.h"
#include "memory_layout.h"
#include "sandbox.h"

/* The process's own SIGBUS action is a subject of these tests: AddressSanitizer's is not wanted. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_sigbus=0:allow_user_segv_handler=1";
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW INT64_C(1795348800)	/* 2026-11-22 12:00 UTC */
#define D INT64_C(86400)
#define WORKERS 24

static struct batv_memory memory;	/* zero at the start of each test: Check forks */

static enum batv_err make_file(const char *name, uint64_t generation, int64_t now)
{
	return batv_memory_create(dir, name,
				  &(struct batv_memory_wish){ .generation = generation,
							      .now = now });
}

static void make_memory(void)
{
	sandbox_make();
	ck_assert_int_eq(make_file("memory", 7, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
}

static void drop_memory(void)
{
	batv_memory_close(&memory);
	sandbox_remove();
}

static struct batv_domain_slot *slots(void)
{
	return (struct batv_domain_slot *)(void *)((char *)memory.base + memory.domains_at);
}

static struct batv_counter_row *row(size_t counter)
{
	return (struct batv_counter_row *)(void *)((char *)memory.base + memory.counters_at) +
	       counter;
}

static enum batv_err note(const char *domain, int64_t now)
{
	return batv_domain_note(&memory, domain, "default", BATV_EVIDENCE_SIGNED, now);
}

/* How many slots of the table hold the name. */
static unsigned slots_with(const char *name)
{
	struct batv_domain d;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < memory.domain_slots; i++)
		n += batv_domain_at(&memory, i, &d) && strcmp(d.name, name) == 0;
	return n;
}

static unsigned slots_in_use(void)
{
	struct batv_domain d;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < memory.domain_slots; i++)
		n += batv_domain_at(&memory, i, &d);
	return n;
}

/* Runs fn in n processes that start together; all have to end with 0. */
static void in_processes(unsigned n, void (*fn)(unsigned))
{
	int go[2], status;
	unsigned i;
	char c;

	ck_assert_int_eq(pipe(go), 0);
	for (i = 0; i < n; i++) {
		if (fork() != 0)
			continue;
		(void)close(go[1]);
		(void)!read(go[0], &c, 1);	/* returns when the parent closes */
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

/* ---- Opening ---- */

START_TEST(a_new_file_is_empty)
{
	struct stat st;
	struct batv_domain d;
	size_t i;

	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_msg(st.st_blocks * 512 >= st.st_size, "blocks are missing");
	ck_assert_uint_eq((uint64_t)st.st_size, memory.size);
	ck_assert_uint_eq(memory.generation, 7);
	ck_assert(memory.writable);
	ck_assert_uint_eq(memory.counters_count, BATV_COUNTERS_ROOM);
	ck_assert_uint_eq(memory.domain_slots, BATV_DOMAIN_SLOTS);
	ck_assert_int_eq(batv_memory_created(&memory), NOW);
	ck_assert_int_eq(batv_memory_bare_last(&memory), 0);
	for (i = 0; i < BATV_COUNTERS_ROOM; i++)
		ck_assert_uint_eq(
			batv_counted(&memory, i, 0, NOW) + batv_counted(&memory, i, 32, NOW), 0);
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		ck_assert(!batv_domain_at(&memory, i, &d));
	ck_assert_uint_eq(sandbox_count(), 1);
}
END_TEST

START_TEST(the_same_file_stays_mapped_a_new_one_is_taken)
{
	void *base = memory.base;

	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert_ptr_eq(memory.base, base);
	ck_assert_int_eq(make_file("memory", 8, NOW + 5), BATV_OK);
	batv_count(&memory, 0, NOW);	/* into the old one, which is still there */
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 2);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(memory.generation, 8);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_NO_FILE);
	ck_assert_ptr_null(memory.base);
}
END_TEST

/* Every function does without. */
static void expect_no_memory(void)
{
	struct batv_domain d = { .name = "untouched" };

	ck_assert_ptr_null(memory.base);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	ck_assert_uint_eq(batv_counted(&memory, 0, 32, NOW), 0);
	batv_memory_bare_now(&memory, NOW);
	ck_assert_int_eq(batv_memory_bare_last(&memory), 0);
	ck_assert_int_eq(batv_memory_created(&memory), 0);
	ck_assert_int_eq(note("example.com", NOW), BATV_E_NO_FILE);
	ck_assert(!batv_domain_find(&memory, "example.com", &d));
	ck_assert(!batv_domain_at(&memory, 0, &d));
	ck_assert_int_eq(batv_domain_set_flags(&memory, 0, 1, NOW), BATV_E_NO_FILE);
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW), 0);
	ck_assert_str_eq(d.name, "untouched");
	batv_memory_close(&memory);
	batv_memory_close(&memory);
}

START_TEST(no_memory_is_no_trouble)
{
	batv_memory_close(&memory);
	expect_no_memory();
}
END_TEST

START_TEST(unsafe_files_are_refused)
{
	ck_assert_int_eq(fchmodat(dir, "memory", 0666, 0), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_UNSAFE_FILE);
	expect_no_memory();
	ck_assert_int_eq(fchmodat(dir, "memory", 0660, 0), 0);
	ck_assert_int_eq(symlinkat("memory", dir, "other"), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "other"), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
}
END_TEST

/* Whoever may only read sees everything and changes nothing. */
START_TEST(a_file_that_may_only_be_read)
{
	struct batv_domain d;
	size_t i;

	batv_count(&memory, 3, NOW);
	ck_assert_int_eq(note("example.com", NOW), BATV_OK);
	batv_memory_close(&memory);
	if (geteuid() == 0) {
		ck_assert_int_eq(fchmodat(dir, "memory", 0644, 0), 0);
		ck_assert_int_eq(fchmod(dir, 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	} else {
		ck_assert_int_eq(fchmodat(dir, "memory", 0440, 0), 0);
	}
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert(!memory.writable);
	batv_count(&memory, 3, NOW);
	batv_memory_bare_now(&memory, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 3, 1, NOW), 1);
	ck_assert_int_eq(batv_memory_bare_last(&memory), 0);
	ck_assert_int_eq(note("example.net", NOW), BATV_E_NO_FILE);
	ck_assert(batv_domain_find(&memory, "example.com", &d));
	for (i = 0; !batv_domain_at(&memory, i, &d); i++)
		;
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, 1, NOW), BATV_E_NO_FILE);
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW), 0);
	if (geteuid() != 0)
		(void)!seteuid(0);
}
END_TEST

/* Damage: what to change in the header, is the checksum made right again, what comes of it. */
static void foreign_magic(struct batv_memory_head *h) { h->magic[0] = 'b'; }
static void foreign_order(struct batv_memory_head *h) { h->order = UINT64_C(0x0807060504030201); }
static void next_version(struct batv_memory_head *h) { h->version = 2; }
static void no_version(struct batv_memory_head *h) { h->version = 0; }
static void other_generation(struct batv_memory_head *h) { h->generation++; }
static void wrong_size(struct batv_memory_head *h) { h->size -= BATV_MEMORY_PAGE; }
static void many_sections(struct batv_memory_head *h)
{
	h->n_sections = BATV_MEMORY_SECTIONS_MAX + 1;
}
static void huge_sections(struct batv_memory_head *h) { h->n_sections = UINT32_MAX; }
static void on_the_header(struct batv_memory_head *h) { h->section[0].offset = 0; }
static void unaligned(struct batv_memory_head *h) { h->section[0].offset += 8; }
static void unaligned_size(struct batv_memory_head *h) { h->section[0].size -= 8; }
static void behind_the_end(struct batv_memory_head *h) { h->section[1].offset = h->size; }
static void over_the_end(struct batv_memory_head *h) { h->section[1].size += BATV_MEMORY_PAGE; }
static void wraps(struct batv_memory_head *h) { h->section[1].size = UINT64_MAX - 4095; }
static void far_away(struct batv_memory_head *h) { h->section[1].offset = UINT64_MAX - 4095; }
static void overlap(struct batv_memory_head *h) { h->section[1].offset = h->section[0].offset; }
static void empty_section(struct batv_memory_head *h) { h->section[0].size = 0; }
static void no_type(struct batv_memory_head *h) { h->section[0].type = 0; }
static void twice(struct batv_memory_head *h)
{
	h->section[1].type = BATV_SECTION_COUNTERS;
	memcpy(h->section[1].param, h->section[0].param, sizeof h->section[1].param);
}
static void many_rows(struct batv_memory_head *h) { h->section[0].param[0] = 257; }
static void no_rows(struct batv_memory_head *h) { h->section[0].param[0] = 0; }
static void wrapping_rows(struct batv_memory_head *h)
{
	h->section[0].param[0] = UINT64_MAX / 512 + 2;
}
static void other_days(struct batv_memory_head *h) { h->section[0].param[1] = 31; }
static void other_rows(struct batv_memory_head *h) { h->section[0].param[2] = 256; }
static void odd_slots(struct batv_memory_head *h) { h->section[1].param[0] = 16383; }
static void no_slots(struct batv_memory_head *h) { h->section[1].param[0] = 0; }
static void many_slots(struct batv_memory_head *h) { h->section[1].param[0] = 32768; }
static void other_slots(struct batv_memory_head *h) { h->section[1].param[1] = 512; }
static void other_probes(struct batv_memory_head *h) { h->section[1].param[2] = 64; }
static void a_later_type(struct batv_memory_head *h) { h->section[0].type = 4711; }
static void later_overlaps(struct batv_memory_head *h)
{
	h->section[2] = h->section[0];
	h->section[2].type = 4711;
	h->n_sections = 3;
}
static void nothing_in_it(struct batv_memory_head *h) { h->n_sections = 0; }

static const struct {
	void (*damage)(struct batv_memory_head *);
	bool sum_too;
	enum batv_err want;
} damages[] = {
	{ foreign_magic, true, BATV_E_DAMAGED }, { foreign_order, true, BATV_E_DAMAGED },
	{ next_version, true, BATV_E_VERSION }, { next_version, false, BATV_E_VERSION },
	{ no_version, true, BATV_E_VERSION }, { other_generation, false, BATV_E_DAMAGED },
	{ other_generation, true, BATV_OK }, { wrong_size, true, BATV_E_DAMAGED },
	{ many_sections, true, BATV_E_DAMAGED }, { huge_sections, true, BATV_E_DAMAGED },
	{ on_the_header, true, BATV_E_DAMAGED }, { unaligned, true, BATV_E_DAMAGED },
	{ unaligned_size, true, BATV_E_DAMAGED }, { behind_the_end, true, BATV_E_DAMAGED },
	{ over_the_end, true, BATV_E_DAMAGED }, { wraps, true, BATV_E_DAMAGED },
	{ far_away, true, BATV_E_DAMAGED }, { overlap, true, BATV_E_DAMAGED },
	{ empty_section, true, BATV_E_DAMAGED }, { no_type, true, BATV_E_DAMAGED },
	{ twice, true, BATV_E_DAMAGED }, { many_rows, true, BATV_E_DAMAGED },
	{ no_rows, true, BATV_E_DAMAGED }, { wrapping_rows, true, BATV_E_DAMAGED },
	{ other_days, true, BATV_E_DAMAGED }, { other_rows, true, BATV_E_DAMAGED },
	{ odd_slots, true, BATV_E_DAMAGED }, { no_slots, true, BATV_E_DAMAGED },
	{ many_slots, true, BATV_E_DAMAGED }, { other_slots, true, BATV_E_DAMAGED },
	{ other_probes, true, BATV_E_DAMAGED }, { later_overlaps, true, BATV_E_DAMAGED },
	{ a_later_type, true, BATV_OK }, { nothing_in_it, true, BATV_OK },
};

START_TEST(damaged_headers)
{
	struct batv_memory_head *head = memory.base;
	struct batv_memory again = { 0 };

	damages[_i].damage(head);
	if (damages[_i].sum_too)
		head->sum = batv_memory_sum(head);
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), damages[_i].want);
	ck_assert_int_eq(again.base != NULL, damages[_i].want == BATV_OK);
	if (again.base && !again.counters_at) {
		batv_count(&again, 0, NOW);
		ck_assert_uint_eq(batv_counted(&again, 0, 0, NOW), 0);
		ck_assert_int_eq(
			batv_domain_note(&again, "a.example", "p", BATV_EVIDENCE_VALID, NOW),
			again.domains_at ? BATV_OK : BATV_E_NO_FILE);
	}
	batv_memory_close(&again);
}
END_TEST

START_TEST(every_bit_of_the_header_counts)
{
	unsigned char *bytes = memory.base;
	size_t i, end = offsetof(struct batv_memory_head, section) +
			2 * sizeof(struct batv_memory_section);
	struct batv_memory again = { 0 };

	for (i = 0; i < end; i++) {
		if (i >= 56 && i < 64)
			continue;	/* reserved, and not part of the sum */
		bytes[i] ^= (unsigned char)(1u << (i % 8));
		ck_assert_msg(batv_memory_open(&again, dir, "memory") != BATV_OK, "byte %zu", i);
		bytes[i] ^= (unsigned char)(1u << (i % 8));
	}
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), BATV_OK);
	batv_memory_close(&again);
}
END_TEST

START_TEST(truncated_at_every_size)
{
	static const off_t near[] = { 0, 1, 7, 8, 63, 64, 191, 192, 3071, 3072, 4095, 4096, 4097 };
	off_t full = (off_t)memory.size, size;
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);
	size_t i;

	batv_memory_close(&memory);
	for (size = full - 1; size > 4097; size -= 40961) {
		ck_assert_int_eq(ftruncate(fd, size), 0);
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	}
	for (i = COUNT(near); i-- > 0;) {
		ck_assert_int_eq(ftruncate(fd, near[i]), 0);
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	}
	ck_assert_int_eq(ftruncate(fd, full), 0);	/* the right size, nothing in it */
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	(void)close(fd);
	expect_no_memory();
}
END_TEST

START_TEST(creation_is_all_or_nothing)
{
	struct batv_memory again = { 0 };
	int status;
	pid_t pid;

	batv_count(&memory, 1, NOW);
	sandbox_file(".memory.new", 0600, "half", 4);
	pid = fork();
	if (pid == 0) {
		const struct rlimit limit = { 1 << 20, 1 << 20 };

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		if (make_file("memory", 9, NOW) != BATV_E_IO)
			_exit(99);
		_exit(errno == EFBIG ? 0 : errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(sandbox_count(), 1);
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(batv_counted(&again, 1, 0, NOW), 1);
	batv_memory_close(&again);
}
END_TEST

/* ---- The guard ---- */

static volatile sig_atomic_t bus_seen;
static sigjmp_buf bus_env;

static void bus_jump(int sig)
{
	(void)sig;
	bus_seen++;
	siglongjmp(bus_env, 1);
}

static void bus_count(int sig)
{
	(void)sig;
	bus_seen++;
}

static void truncate_file(const char *name, off_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, size), 0);
	(void)close(fd);
}

static void truncate_memory(off_t size)
{
	truncate_file("memory", size);
}

static void do_count(void) { batv_count(&memory, 200, NOW); }
static void do_counted(void) { (void)batv_counted(&memory, 200, 0, NOW); }
static void do_bare(void) { batv_memory_bare_now(&memory, NOW); }
static void do_bare_last(void) { (void)batv_memory_bare_last(&memory); }
static void do_created(void) { (void)batv_memory_created(&memory); }
static void do_note(void) { ck_assert_int_eq(note("example.com", NOW), BATV_E_NO_FILE); }
static void do_find(void)
{
	struct batv_domain d;

	ck_assert(!batv_domain_find(&memory, "example.com", &d));
}
static void do_at(void)
{
	struct batv_domain d;

	ck_assert(!batv_domain_at(&memory, 16383, &d));
}
static void do_set(void)
{
	ck_assert_int_eq(batv_domain_set_flags(&memory, 9, 1, NOW), BATV_E_NO_FILE);
}
static void do_reclaim(void) { ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW), 0); }

static void (*const operations[])(void) = {
	do_count, do_counted, do_bare, do_bare_last, do_created,
	do_note, do_find, do_at, do_set, do_reclaim,
};

/* Truncated while mapped: no memory; and the process's own action and signal mask are as before. */
START_TEST(truncated_in_use)
{
	struct sigaction mine = { 0 }, after;
	sigset_t mask, mask_after;

	mine.sa_handler = bus_count;
	mine.sa_flags = SA_RESTART | SA_NODEFER;
	(void)sigaddset(&mine.sa_mask, SIGUSR2);
	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &mask, NULL), 0);

	truncate_memory(0);
	operations[_i]();
	expect_no_memory();

	ck_assert_int_eq(bus_seen, 0);
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
	ck_assert(after.sa_handler == bus_count);
	ck_assert_int_eq(after.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO),
			 SA_RESTART | SA_NODEFER);
	ck_assert_int_eq(sigismember(&after.sa_mask, SIGUSR2), 1);
	ck_assert_int_eq(sigismember(&after.sa_mask, SIGTERM), 0);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask_after), 0);
	ck_assert_int_eq(sigismember(&mask_after, SIGUSR1), 1);
	ck_assert_int_eq(sigismember(&mask_after, SIGBUS), 0);
	ck_assert_int_eq(sigismember(&mask_after, SIGTERM), 0);
	ck_assert_int_eq(sigismember(&mask_after, SIGALRM), 0);
}
END_TEST

/* Half of it is gone: what is left goes on, until the first step beyond. */
START_TEST(truncated_in_part)
{
	truncate_memory((off_t)memory.domains_at);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
	ck_assert_ptr_nonnull(memory.base);
	do_note();
	ck_assert_ptr_null(memory.base);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	expect_no_memory();
}
END_TEST

/* A page of somebody else's that breaks inside of a guard. */
static volatile char *foreign;

static void make_foreign(void)
{
	int fd = openat(dir, "foreign", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	foreign = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(foreign != MAP_FAILED);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	(void)close(fd);
}

static void touch_foreign(struct batv_memory *m, void *arg)
{
	(void)m;
	*(char *)arg = *foreign;
}

/* As Exim does around local_scan(): the handler jumps out, over our frame. */
START_TEST(a_foreign_fault_goes_to_the_previous_handler)
{
	struct sigaction mine = { .sa_handler = bus_jump }, after;
	sigset_t mask;
	char c;
	int round;

	make_foreign();
	for (round = 1; round <= 3; round++) {
		ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
		if (sigsetjmp(bus_env, 1) == 0) {
			(void)batv_memory_guard(&memory, touch_foreign, &c);
			ck_abort_msg("came back");
		}
		ck_assert_int_eq(bus_seen, round);
		ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
		ck_assert(after.sa_handler == bus_jump);
		ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
		ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
		ck_assert_ptr_nonnull(memory.base);
		batv_count(&memory, 0, NOW);	/* and the guard still guards */
		ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), (uint64_t)round);
	}
	truncate_memory(0);
	do_count();
	expect_no_memory();
	ck_assert_int_eq(bus_seen, 3);
}
END_TEST

static void bus_repair(int sig)
{
	(void)sig;
	bus_seen++;
	(void)mmap((void *)(uintptr_t)foreign, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* A handler that mends what broke and returns. */
START_TEST(a_previous_handler_may_return)
{
	struct sigaction mine = { .sa_handler = bus_repair }, after;
	char c = 'x';

	make_foreign();
	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	ck_assert(batv_memory_guard(&memory, touch_foreign, &c));
	ck_assert_int_eq(bus_seen, 1);
	ck_assert_int_eq(c, '\0');
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
	ck_assert(after.sa_handler == bus_repair);
	truncate_memory(0);
	do_count();
	expect_no_memory();
	ck_assert_int_eq(bus_seen, 1);
}
END_TEST

/* With no handler of its own the process dies of it, as it would have without us. */
START_TEST(a_foreign_fault_without_handler_is_fatal)
{
	int status;
	pid_t pid;
	char c;

	make_foreign();
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGBUS, _i ? SIG_IGN : SIG_DFL);
		(void)batv_memory_guard(&memory, touch_foreign, &c);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
}
END_TEST

static void send_bus(struct batv_memory *m, void *arg)
{
	(void)m;
	(void)arg;
	(void)kill(getpid(), SIGBUS);
	ck_assert_int_eq(bus_seen, 0);
}

/* A SIGBUS sent by kill() says nothing about the mapping: it waits for the end of the guard. */
START_TEST(a_sent_signal_waits)
{
	struct sigaction mine = { .sa_handler = bus_count };

	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	ck_assert(batv_memory_guard(&memory, send_bus, NULL));
	ck_assert_int_eq(bus_seen, 1);
	(void)signal(SIGBUS, SIG_IGN);
	bus_seen = 0;
	ck_assert(batv_memory_guard(&memory, send_bus, NULL));
	ck_assert_int_eq(bus_seen, 0);
	ck_assert_ptr_nonnull(memory.base);
}
END_TEST

static void jump_out(struct batv_memory *m, void *arg)
{
	(void)m;
	(void)arg;
	siglongjmp(bus_env, 1);
}

static void abandon(int deeper)
{
	volatile char pad[256] = { 0 };	/* so that each call runs elsewhere on the stack */

	if (deeper > 0)
		abandon(deeper - 1);
	else
		(void)batv_memory_guard(&memory, jump_out, NULL);
	pad[0] = pad[1];
}

/* Exim's time limit for local_scan(): SIGALRM, and its handler jumps out of whatever runs. */
START_TEST(an_abandoned_guard_does_no_harm)
{
	struct sigaction mine = { .sa_handler = bus_jump };
	volatile int round;
	char c;

	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	make_foreign();
	for (round = 0; round < 100; round++) {
		if (sigsetjmp(bus_env, 1) == 0)
			abandon(round % 10);
		batv_count(&memory, 0, NOW);
		ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), (uint64_t)round + 1);
	}
	if (sigsetjmp(bus_env, 1) == 0) { /* the handler that was there before gets what is its */
		c = *foreign;
		ck_abort_msg("read %d", c);
	}
	ck_assert_int_eq(bus_seen, 1);
	if (sigsetjmp(bus_env, 1) == 0)
		abandon(3);
	truncate_memory(0);
	do_note();
	expect_no_memory();
	ck_assert_int_eq(bus_seen, 1);
}
END_TEST

struct nest {
	struct batv_memory *inner;
	bool touch_inner, touch_outer, inner_result;
	volatile char c;
};

static void nest_inner(struct batv_memory *m, void *arg)
{
	struct nest *n = arg;

	if (n->touch_inner)
		n->c = *((volatile char *)m->base + 8192);
	if (n->touch_outer)
		n->c = *((volatile char *)memory.base + 8192);
}

static void nest_outer(struct batv_memory *m, void *arg)
{
	struct nest *n = arg;
	volatile char *base = m->base;

	n->inner_result = batv_memory_guard(n->inner, nest_inner, n);
	if (n->inner == m)
		n->c = *base;		/* the outer body's pointer still leads somewhere */
}

/* Two files; the fault leaves the guard that it belongs to, and only that one. */
START_TEST(guards_nest)
{
	struct batv_memory other = { 0 };
	struct nest n = { .inner = &other, .touch_inner = true, .inner_result = true };
	struct sigaction after;

	ck_assert_int_eq(make_file("other", 8, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&other, dir, "other"), BATV_OK);
	ck_assert(batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(n.inner_result);

	truncate_file("other", 0);
	ck_assert(batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(!n.inner_result);
	ck_assert_ptr_null(other.base);
	ck_assert_ptr_nonnull(memory.base);

	ck_assert_int_eq(make_file("other", 8, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&other, dir, "other"), BATV_OK);
	truncate_memory(4096);
	n = (struct nest){ .inner = &other, .touch_outer = true, .inner_result = true };
	ck_assert(!batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(n.inner_result);	/* the inner guard was left by the jump, without a result */
	ck_assert_ptr_null(memory.base);
	ck_assert_ptr_nonnull(other.base);
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
	ck_assert(after.sa_handler == SIG_DFL);
	batv_memory_close(&other);
}
END_TEST

START_TEST(guards_of_one_file_nest)
{
	struct nest n = { .inner = &memory, .touch_inner = true, .inner_result = true };

	ck_assert(batv_memory_guard(&memory, nest_outer, &n));
	truncate_memory(4096);
	ck_assert(!batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(!n.inner_result);
	expect_no_memory();
}
END_TEST

/* ---- Counters ---- */

START_TEST(counters_do_not_mix)
{
	bool used[BATV_COUNT_JUDGED_END] = { false };
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
	batv_count(&memory, BATV_COUNTERS_ROOM, NOW);	/* no such row: nothing happens */
	batv_count(&memory, SIZE_MAX, NOW);
	ck_assert_uint_eq(batv_counted(&memory, SIZE_MAX, 0, NOW), 0);
	ck_assert_int_eq(batv_domain_find(&memory, "", NULL), false);
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
	batv_memory_bare_now(&memory, NOW);
	batv_memory_bare_now(&memory, NOW + 10);
	ck_assert_int_eq(batv_memory_bare_last(&memory), NOW + 10);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_LEFT_NO_STATE, 1, NOW), 2);
	batv_memory_bare_now(&memory, NOW - 10);	/* the last one, whatever the clock */
	ck_assert_int_eq(batv_memory_bare_last(&memory), NOW - 10);
}
END_TEST

#define EACH 10000

static void count_many(unsigned worker)
{
	unsigned i;

	for (i = 0; i < EACH; i++)	/* over a change of the day, in and out of step */
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

/* ---- The domain table ---- */

START_TEST(evidence_is_kept)
{
	struct batv_domain d = { .name = "" };

	ck_assert(!batv_domain_find(&memory, "example.com", &d));
	ck_assert_int_eq(note("Example.COM", NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, "eXample.com", &d));
	ck_assert_str_eq(d.name, "example.com");
	ck_assert_uint_eq(d.policy_sum, batv_policy_sum("default"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.last_signed, NOW);
	ck_assert_uint_eq(d.first_valid | d.last_valid | d.flags | d.decided, 0);
	ck_assert_int_eq(
		batv_domain_note(&memory, "example.com", "other", BATV_EVIDENCE_VALID, NOW + 9),
		BATV_OK);
	ck_assert(batv_domain_find(&memory, "example.com", &d));
	ck_assert_uint_eq(d.policy_sum, batv_policy_sum("other"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.first_valid, NOW + 9);
	ck_assert_uint_eq(d.last_valid, NOW + 9);
	ck_assert_uint_eq(slots_with("example.com"), 1);
	ck_assert(!batv_domain_find(&memory, "example.co", &d));
	ck_assert(!batv_domain_find(&memory, "example.com.", &d));
}
END_TEST

/* Seconds later (or, below zero, before) -> what last_signed is then, as seconds after NOW. */
static const struct { int64_t later, last; } hours[] = {
	{ 0, 0 }, { 1, 0 }, { 3599, 0 }, { 3600, 3600 }, { 90000, 90000 },
	{ -3599, 0 }, { -3600, -3600 }, { -80000, -80000 },
};

START_TEST(the_last_time_moves_in_hours)
{
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(note("a.example", NOW + hours[_i].later), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq((int64_t)d.last_signed - NOW, hours[_i].last);
	ck_assert_uint_eq(d.first_signed, NOW);
}
END_TEST

/* A clock that was a month ahead: what it dated counts from the next mail on, a day of it does no harm. */
static const struct { int64_t first, later, then; } heals[] = {
	{ 0, D, 0 }, { 30 * D, 0, 0 }, { D, 0, D }, { D + 1, 0, 0 }, { 30 * D, 30 * D, 30 * D },
};

START_TEST(a_first_time_from_the_future_is_set_anew)
{
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW + heals[_i].first), BATV_OK);
	ck_assert_int_eq(note("a.example", NOW + heals[_i].later), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq((int64_t)d.first_signed - NOW, heals[_i].then);
}
END_TEST

static void arm_all(void)
{
	struct batv_domain d;

	for (size_t i = 0; batv_domain_next(&memory, &i, &d); i++)
		ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED | 4, NOW), BATV_OK);
}

START_TEST(bare_mail_ends_the_evidence)
{
	struct batv_domain d;

	batv_domain_left_bare(&memory, "a.example", "off");
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(note("b.example", NOW), BATV_OK);
	ck_assert_int_eq(batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_VALID, NOW),
			 BATV_OK);
	arm_all();
	batv_domain_left_bare(&memory, "A.example", "off");
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, 4);		/* what else the daemon will set stays */
	ck_assert_uint_eq(d.first_signed | d.last_signed | d.first_valid | d.last_valid, 0);
	ck_assert_uint_eq(d.policy_sum, batv_policy_sum("off"));
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert(d.flags & BATV_DOMAIN_ARMED);
	batv_domain_left_bare(&memory, "b.example", NULL);
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, 0);
	ck_assert_uint_eq(d.policy_sum, batv_policy_sum("default"));
	ck_assert_int_eq(note("b.example", NOW + D), BATV_OK);
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, NOW + D);
}
END_TEST

START_TEST(times_outside_of_32_bits)
{
	struct batv_domain d;

	ck_assert_int_eq(note("old.example", -1), BATV_OK);
	ck_assert_int_eq(note("late.example", INT64_MAX), BATV_OK);
	ck_assert(batv_domain_find(&memory, "old.example", &d));
	ck_assert_uint_eq(d.first_signed, 1);
	ck_assert(batv_domain_find(&memory, "late.example", &d));
	ck_assert_uint_eq(d.last_signed, UINT32_MAX);
}
END_TEST

START_TEST(names_that_do_not_fit)
{
	char name[BATV_DOMAIN_NAME_MAX + 2];
	struct batv_domain d;

	memset(name, 'N', sizeof name);
	name[BATV_DOMAIN_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(note(name, NOW), BATV_E_TOO_LONG);
	ck_assert(!batv_domain_find(&memory, name, &d));
	ck_assert_int_eq(note("", NOW), BATV_E_SYNTAX);
	ck_assert_int_eq(note(NULL, NOW), BATV_E_SYNTAX);
	name[BATV_DOMAIN_NAME_MAX] = '\0';
	ck_assert_int_eq(note(name, NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, name, &d));
	ck_assert_uint_eq(strlen(d.name), BATV_DOMAIN_NAME_MAX);
	name[BATV_DOMAIN_NAME_MAX - 1] = '\0';
	ck_assert(!batv_domain_find(&memory, name, &d));
}
END_TEST

static size_t index_of(const char *name)
{
	struct batv_domain d;
	size_t i;

	for (i = 0; i < memory.domain_slots; i++)
		if (batv_domain_at(&memory, i, &d) && strcmp(d.name, name) == 0)
			return i;
	ck_abort_msg("%s is not in the table", name);
	return 0;
}

START_TEST(flags_are_the_daemons)
{
	struct batv_domain d;
	size_t i;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	i = index_of("a.example");
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED, NOW + 5), BATV_OK);
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED, NOW + 9), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(d.decided, NOW + 5);
	ck_assert_int_eq(note("a.example", NOW + D), BATV_OK);
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, 0, NOW + 2 * D), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, 0);
	ck_assert_uint_eq(d.decided, NOW + 2 * D);
	ck_assert_int_eq(batv_domain_set_flags(&memory, (i + 1) % BATV_DOMAIN_SLOTS, 1, NOW),
			 BATV_E_SYNTAX);
	ck_assert_int_eq(batv_domain_set_flags(&memory, BATV_DOMAIN_SLOTS, 1, NOW), BATV_E_SYNTAX);
	ck_assert(!batv_domain_at(&memory, BATV_DOMAIN_SLOTS, &d));
}
END_TEST

static void numbered(char out[static 40], unsigned i)
{
	(void)snprintf(out, 40, "domain-%u.example", i);
}

START_TEST(ten_thousand_domains_fit)
{
	char name[40];
	struct batv_domain d;
	unsigned i, full = 0;

	for (i = 0; i < 12000; i++) {
		numbered(name, i);
		ck_assert_int_eq(note(name, NOW + i), BATV_OK);
	}
	for (i = 0; i < 12000; i++) {
		numbered(name, i);
		ck_assert(batv_domain_find(&memory, name, &d));
		ck_assert_str_eq(d.name, name);
		ck_assert_uint_eq(d.first_signed, NOW + i);
	}
	for (; i < 30000; i++) {	/* beyond: refused, and what is there stays there */
		numbered(name, i);
		full += note(name, NOW) == BATV_E_FULL;
	}
	ck_assert_uint_ge(full, 30000 - BATV_DOMAIN_SLOTS);
	for (i = 0; i < 12000; i++) {
		numbered(name, i);
		ck_assert(batv_domain_find(&memory, name, &d));
	}
	ck_assert_int_eq(note("domain-0.example", NOW + D), BATV_OK);
}
END_TEST

START_TEST(a_full_table)
{
	struct batv_domain d;
	size_t i;

	for (i = 0; i < BATV_DOMAIN_SLOTS; i++) {
		slots()[i].claim = BATV_SLOT_READY;
		strcpy(slots()[i].name, "taken.example");
	}
	ck_assert_int_eq(note("a.example", NOW), BATV_E_FULL);
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq(note("taken.example", NOW), BATV_OK);
}
END_TEST

/* The end of the table is followed by its begin. */
START_TEST(runs_wrap_around)
{
	char name[40];
	struct batv_domain d;
	unsigned i, found = 0;

	for (i = 0; found < 5; i++) {
		numbered(name, i);
		if (batv_domain_home(name, strlen(name), BATV_DOMAIN_SLOTS) < BATV_DOMAIN_SLOTS - 2)
			continue;
		ck_assert_int_eq(note(name, NOW), BATV_OK);
		ck_assert(batv_domain_find(&memory, name, &d));
		ck_assert_uint_eq(slots_with(name), 1);
		found++;
	}
	ck_assert(batv_domain_at(&memory, 0, &d));
}
END_TEST

static struct batv_domain_slot *home_slot(const char *name, size_t further)
{
	size_t home = batv_domain_home(name, strlen(name), BATV_DOMAIN_SLOTS);

	return &slots()[(home + further) & (BATV_DOMAIN_SLOTS - 1)];
}

/* A claim that nobody finishes: the next one who needs to pass ends it, and goes on behind it. */
START_TEST(an_abandoned_claim_stops_nobody)
{
	struct batv_domain d;

	home_slot("a.example", 0)->claim = (uint64_t)NOW << 32 | BATV_SLOT_CLAIMING;
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_uint_eq((uint32_t)home_slot("a.example", 0)->claim, BATV_SLOT_GONE);
	ck_assert_uint_eq((uint32_t)home_slot("a.example", 1)->claim, BATV_SLOT_READY);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(slots_with("a.example"), 1);
	ck_assert_int_eq(note("a.example", NOW + D), BATV_OK);
	ck_assert_uint_eq(slots_with("a.example"), 1);
}
END_TEST

START_TEST(the_daemon_ends_old_claims)
{
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	home_slot("b.example", 0)->claim = (uint64_t)NOW << 32 | BATV_SLOT_CLAIMING;
	home_slot("c.example", 0)->claim = (uint64_t)(NOW + D) << 32 | BATV_SLOT_CLAIMING;
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW + BATV_CLAIM_SECONDS - 1), 1);
	ck_assert_uint_eq((uint32_t)home_slot("b.example", 0)->claim, BATV_SLOT_CLAIMING);
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW + BATV_CLAIM_SECONDS), 1);
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW + D), 0);
	ck_assert(!batv_domain_at(&memory, (size_t)(home_slot("b.example", 0) - slots()), &d));
	ck_assert_int_eq(note("b.example", NOW), BATV_OK);	/* behind the one that is gone */
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert(batv_domain_find(&memory, "a.example", &d));
}
END_TEST

/* The walk meets what looking at each slot meets, and no more. */
START_TEST(a_walk_along_the_table)
{
	struct batv_domain walked, d;
	size_t at, i = 0, met = 0;
	char name[40];

	ck_assert(!batv_domain_next(&memory, &i, &walked));
	for (i = 0; i < 100; i++) {
		numbered(name, (unsigned)i);
		ck_assert_int_eq(note(name, NOW), BATV_OK);
	}
	slots()[0].claim = BATV_SLOT_READY;
	slots()[BATV_DOMAIN_SLOTS - 1].claim = BATV_SLOT_READY;
	for (at = 0, i = 0; batv_domain_next(&memory, &i, &walked); at = ++i, met++) {
		for (; at < i; at++)
			ck_assert(!batv_domain_at(&memory, at, &d));
		ck_assert(batv_domain_at(&memory, i, &d));
		ck_assert_str_eq(walked.name, d.name);
	}
	ck_assert_uint_ge(met, 101);
	ck_assert_uint_eq(at, BATV_DOMAIN_SLOTS);
	ck_assert(!batv_domain_next(&memory, &at, &walked));
	batv_memory_close(&memory);
	i = 0;
	ck_assert(!batv_domain_next(&memory, &i, &walked));
}
END_TEST

/* What a stranger wrote into a slot is not believed further than it is long. */
START_TEST(junk_in_slots)
{
	struct batv_domain d;
	size_t i;

	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		memset(&slots()[i], (int)(i * 37 % 255 + 1), sizeof slots()[i]);
	ck_assert_int_eq(note("a.example", NOW), BATV_E_FULL);
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		slots()[i].claim = BATV_SLOT_READY;
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++) {
		ck_assert(batv_domain_at(&memory, i, &d));
		ck_assert_uint_eq(strlen(d.name), BATV_DOMAIN_NAME_MAX);
	}
	slots()[0].claim = UINT64_C(1) << 32;	/* empty, but not quite */
	ck_assert_int_eq(note("a.example", NOW), BATV_E_FULL);
}
END_TEST

static void note_the_same(unsigned worker)
{
	char name[40];
	unsigned i;

	for (i = 0; i < 500; i++) {
		numbered(name, i);
		if (batv_domain_note(&memory, name, "default",
				     worker % 2 ? BATV_EVIDENCE_SIGNED : BATV_EVIDENCE_VALID,
				     NOW + worker) != BATV_OK)
			_exit(1);
	}
}

START_TEST(one_name_claimed_by_all_is_one_slot)
{
	struct batv_domain d;
	char name[40];
	unsigned i, ready = 0;

	in_processes(WORKERS, note_the_same);
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		ready += batv_domain_at(&memory, i, &d);
	ck_assert_uint_eq(ready, 500);
	for (i = 0; i < 500; i++) {
		numbered(name, i);
		ck_assert(batv_domain_find(&memory, name, &d));
		ck_assert_uint_ge(d.first_signed, NOW);
		ck_assert_uint_ge(d.first_valid, NOW);
		ck_assert_uint_lt(d.first_valid, NOW + WORKERS);
	}
	ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW + D), 0);
}
END_TEST

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_no_name_twice(void)
{
	char (*names)[BATV_DOMAIN_NAME_MAX + 1] = malloc(BATV_DOMAIN_SLOTS * sizeof *names);
	struct batv_domain d;
	size_t i, n = 0;

	ck_assert_ptr_nonnull(names);
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		if (batv_domain_at(&memory, i, &d))
			memcpy(names[n++], d.name, sizeof d.name);
	qsort(names, n, sizeof *names, by_name);
	for (i = 1; i < n; i++)
		ck_assert_str_ne(names[i - 1], names[i]);
	free(names);
}

/* Kills its workers at moments of their own choice; what they finished before is there. */
START_TEST(killed_at_random)
{
	struct { unsigned done[WORKERS]; } *log;
	pid_t pids[WORKERS];
	char name[40];
	struct batv_domain d;
	unsigned round, w, i;

	log = mmap(NULL, sizeof *log, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(log != MAP_FAILED);
	for (round = 0; round < 20; round++) {
		memset(log, 0, sizeof *log);
		for (w = 0; w < WORKERS; w++) {
			pids[w] = fork();
			for (i = 0; pids[w] == 0; i++) { /* four at a time want the same names */
				numbered(name, (round * 6 + w % 6) * 100000 + i % 30);
				(void)note(name, NOW);
				__atomic_store_n(&log->done[w], i + 1, __ATOMIC_RELEASE);
			}
		}
		while (__atomic_load_n(&log->done[round % WORKERS], __ATOMIC_ACQUIRE) <
		       3 + round % 11)
			(void)sched_yield();
		for (w = 0; w < WORKERS; w++)
			(void)kill(pids[(w * 7 + round) % WORKERS], SIGKILL);
		for (w = 0; w < WORKERS; w++)
			ck_assert_int_gt(wait(NULL), 0);
		for (w = 0; w < WORKERS; w++)
			for (i = 0; i < log->done[w] && i < 30; i++) {
				numbered(name, (round * 6 + w % 6) * 100000 + i);
				ck_assert(batv_domain_find(&memory, name, &d));
				ck_assert_uint_eq(d.first_signed, NOW);
			}
	}
	(void)batv_domain_reclaim(&memory, NOW + D);
	expect_no_name_twice();
	(void)munmap(log, sizeof *log);
}
END_TEST

/* A process that waits to be stepped through a note, and then ends with 0. */
static pid_t stepper(const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(97);
		(void)raise(SIGSTOP);
		_exit(note(name, NOW) == BATV_OK ? 0 : 96);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

/* how: PTRACE_SINGLESTEP, PTRACE_CONT, 0 (only wait).  The status that wait() gives. */
static int step(pid_t pid, int how)
{
	int status;

	if (how == PTRACE_SINGLESTEP)
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	else if (how == PTRACE_CONT)
		ck_assert_int_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* Stopped within its claim for so long that another one ended it; then it goes on. */
START_TEST(a_claimer_that_slept)
{
	static const char name[] = "slept.example";
	struct batv_domain d;
	pid_t pid = stepper(name);
	int status = step(pid, 0);

	while (WIFSTOPPED(status) && (uint32_t)home_slot(name, 0)->claim != BATV_SLOT_CLAIMING)
		status = step(pid, PTRACE_SINGLESTEP);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(note(_i ? "other.example" : name, NOW + 5), BATV_OK);
	if (_i)		/* the daemon does it, instead of one who wants the same name */
		ck_assert_uint_eq(batv_domain_reclaim(&memory, NOW + D), 1);
	ck_assert_int_eq(step(pid, PTRACE_CONT), 0);
	ck_assert_uint_eq(slots_with(name), 1);
	ck_assert_uint_eq(slots_in_use(), _i ? 2 : 1);
	ck_assert_uint_eq((uint32_t)home_slot(name, 0)->claim, BATV_SLOT_GONE);
	ck_assert(batv_domain_find(&memory, name, &d));
	ck_assert_uint_eq(d.first_signed, _i ? NOW : NOW + 5);
}
END_TEST

/*
 * A process steps through note instruction by instruction.  After each that changed the
 * file, a copy of the file is what a kill at that instruction would have left; there, another
 * process must be able to do the same, and there must be one slot with the whole name.
 */
static unsigned check_as_left(const void *bytes, const char *name)
{
	struct batv_memory left = { 0 }, saved = memory;
	struct batv_domain d;

	sandbox_file("left", 0660, bytes, memory.size);
	ck_assert_int_eq(batv_memory_open(&left, dir, "left"), BATV_OK);
	memory = left;
	ck_assert_int_eq(note(name, NOW + 5), BATV_OK);
	ck_assert_uint_eq(slots_with(name), 1);
	ck_assert_uint_eq(slots_in_use(), 1);	/* none with half a name */
	ck_assert(batv_domain_find(&memory, name, &d));
	ck_assert(d.first_signed == NOW || d.first_signed == NOW + 5);
	ck_assert(d.last_signed == NOW || d.last_signed == NOW + 5);
	ck_assert_uint_eq(d.policy_sum, batv_policy_sum("default"));
	ck_assert_uint_le(batv_domain_reclaim(&memory, NOW + D), 1);
	ck_assert_uint_eq(slots_with(name), 1);
	batv_memory_close(&memory);
	memory = saved;
	return 1;
}

START_TEST(killed_at_every_instruction)
{
	static const char name[] = "stepped.example";
	const size_t size = memory.size;
	unsigned long steps = 0;
	unsigned states = 0;
	unsigned char *before = malloc(size);
	int status;
	pid_t pid;

	ck_assert_ptr_nonnull(before);
	memcpy(before, memory.base, size);
	pid = stepper(name);
	status = step(pid, 0);
	while (WIFSTOPPED(status)) {
		struct batv_domain_slot *slot = home_slot(name, 0);
		size_t at = (size_t)((unsigned char *)slot - (unsigned char *)memory.base);

		if (memcmp(before + at, slot, sizeof *slot) != 0) {
			memcpy(before + at, slot, sizeof *slot);
			states += check_as_left(before, name);
		}
		status = step(pid, PTRACE_SINGLESTEP);
		steps++;
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ge(steps, 300);
	ck_assert_uint_ge(states, 6);	/* claim, name, ready, policy, first, last */
	ck_assert_mem_eq(before, memory.base, size);	/* and nothing else was touched */
	free(before);
}
END_TEST

static void add_opening(TCase *tc)
{
	tcase_add_test(tc, a_new_file_is_empty);
	tcase_add_test(tc, the_same_file_stays_mapped_a_new_one_is_taken);
	tcase_add_test(tc, no_memory_is_no_trouble);
	tcase_add_test(tc, unsafe_files_are_refused);
	tcase_add_test(tc, a_file_that_may_only_be_read);
	tcase_add_loop_test(tc, damaged_headers, 0, (int)COUNT(damages));
	tcase_add_test(tc, every_bit_of_the_header_counts);
	tcase_add_test(tc, truncated_at_every_size);
	tcase_add_test(tc, creation_is_all_or_nothing);
}

static void add_guard(TCase *tc)
{
	tcase_add_loop_test(tc, truncated_in_use, 0, (int)COUNT(operations));
	tcase_add_test(tc, truncated_in_part);
	tcase_add_test(tc, a_foreign_fault_goes_to_the_previous_handler);
	tcase_add_test(tc, a_previous_handler_may_return);
	tcase_add_loop_test(tc, a_foreign_fault_without_handler_is_fatal, 0, 2);
	tcase_add_test(tc, a_sent_signal_waits);
	tcase_add_test(tc, an_abandoned_guard_does_no_harm);
	tcase_add_test(tc, guards_nest);
	tcase_add_test(tc, guards_of_one_file_nest);
}

static void add_counters(TCase *tc)
{
	tcase_add_test(tc, counters_do_not_mix);
	tcase_add_test(tc, a_hundred_days);
	tcase_add_test(tc, midnight_is_a_boundary);
	tcase_add_test(tc, a_clock_that_jumps_back);
	tcase_add_test(tc, a_clock_that_jumps_forward);
	tcase_add_test(tc, a_full_day_stays_full);
	tcase_add_test(tc, bare_mail_is_remembered);
	tcase_add_test(tc, many_processes_count_exactly);
}

static void add_domains(TCase *tc)
{
	tcase_add_test(tc, evidence_is_kept);
	tcase_add_loop_test(tc, the_last_time_moves_in_hours, 0, (int)COUNT(hours));
	tcase_add_loop_test(tc, a_first_time_from_the_future_is_set_anew, 0, (int)COUNT(heals));
	tcase_add_test(tc, bare_mail_ends_the_evidence);
	tcase_add_test(tc, times_outside_of_32_bits);
	tcase_add_test(tc, names_that_do_not_fit);
	tcase_add_test(tc, flags_are_the_daemons);
	tcase_add_test(tc, ten_thousand_domains_fit);
	tcase_add_test(tc, a_full_table);
	tcase_add_test(tc, runs_wrap_around);
	tcase_add_test(tc, an_abandoned_claim_stops_nobody);
	tcase_add_test(tc, the_daemon_ends_old_claims);
	tcase_add_test(tc, a_walk_along_the_table);
	tcase_add_test(tc, junk_in_slots);
	tcase_add_test(tc, one_name_claimed_by_all_is_one_slot);
	tcase_add_test(tc, killed_at_random);
	tcase_add_loop_test(tc, a_claimer_that_slept, 0, 2);
	tcase_add_test(tc, killed_at_every_instruction);
}

int main(void)
{
	static const struct { const char *name; void (*add)(TCase *); } cases[] = {
		{ "opening", add_opening }, { "guard", add_guard },
		{ "counters", add_counters }, { "domains", add_domains },
	};
	Suite *s = suite_create("memory");
	SRunner *sr = srunner_create(s);
	size_t i;
	int failed;

	for (i = 0; i < COUNT(cases); i++) {
		TCase *tc = tcase_create(cases[i].name);

		suite_add_tcase(s, tc);
		tcase_set_timeout(tc, 120);
		tcase_add_checked_fixture(tc, make_memory, drop_memory);
		cases[i].add(tc);
	}
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
