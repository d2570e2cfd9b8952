/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_access_guard.c - a mapping that breaks under use is "no memory", and nobody else's business.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "memory_lab.h"

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

static void do_count(void)
{
	batv_count(&memory, 200, NOW);
}
static void do_counted(void)
{
	(void)batv_counted(&memory, 200, 0, NOW);
}
static void do_bare(void)
{
	batv_counters_bare_now(&memory, NOW);
}
static void do_bare_last(void)
{
	(void)batv_counters_bare_last(&memory);
}
static void do_created(void)
{
	(void)batv_counters_created(&memory);
}
static void do_note(void)
{
	ck_assert_int_eq(note("example.com", NOW), BATV_E_NO_FILE);
}
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
static void do_reclaim(void)
{
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW), 0);
}

static void (*const operations[])(void) = {
	do_count, do_counted, do_bare, do_bare_last, do_created,
	do_note,  do_find,    do_at,   do_set,       do_reclaim,
};

static void expect_unmapped(void *base)
{
	ck_assert_int_eq(msync(base, BATV_MEMORY_PAGE, MS_ASYNC), -1);
	ck_assert_int_eq(errno, ENOMEM);
}

/* Truncated while mapped: no memory; and the process's own action and signal mask are as before. */
START_TEST(truncated_in_use)
{
	struct sigaction mine = {0}, after;
	sigset_t mask, mask_after;
	void *base = memory.base;

	mine.sa_handler = bus_count;
	mine.sa_flags = SA_RESTART | SA_NODEFER;
	(void)sigaddset(&mine.sa_mask, SIGUSR2);
	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &mask, NULL), 0);

	truncate_memory(0);
	operations[_i]();
	expect_unmapped(base);
	expect_no_memory();

	ck_assert_int_eq(bus_seen, 0);
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
	ck_assert(after.sa_handler == bus_count);
	ck_assert_int_eq(after.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO),
			 SA_RESTART | SA_NODEFER);
	ck_assert_int_eq(sigismember(&after.sa_mask, SIGUSR2), 1);
	ck_assert_int_eq(sigismember(&after.sa_mask, SIGTERM), 0);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask_after), 0);
	for (int sig = 1; sig <= SIGSYS; sig++)
		ck_assert_int_eq(sigismember(&mask_after, sig), sig == SIGUSR1);
}
END_TEST

/* Half of it is gone: what is left goes on, until the first step beyond. */
START_TEST(truncated_in_part)
{
	truncate_memory((off_t)memory.sections.domains_at);
	batv_count(&memory, 0, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 1);
	ck_assert_ptr_nonnull(memory.base);
	do_note();
	ck_assert_ptr_null(memory.base);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	expect_no_memory();
}
END_TEST

START_TEST(closing_unmaps)
{
	void *base = memory.base;

	batv_memory_close(&memory);
	expect_unmapped(base);
}
END_TEST

/* A file that was lost, and has its bytes again, is opened again. */
START_TEST(put_back_in_place)
{
	const size_t size = whole.file_size;
	char *copy = malloc(size);
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, copy, size, 0), (ssize_t)size);
	truncate_memory(0);
	do_count();
	ck_assert(!batv_memory_there(&memory));
	ck_assert_int_eq(pwrite(fd, copy, size, 0), (ssize_t)size);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert(batv_memory_there(&memory));
	do_count();
	ck_assert_uint_eq(batv_counted(&memory, 200, 0, NOW), 1);
	(void)close(fd);
	free(copy);
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
	struct sigaction mine = {.sa_handler = bus_jump}, after;
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
		batv_count(&memory, 0, NOW); /* and the guard still guards */
		ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), (uint64_t)round);
	}
	truncate_memory(0);
	do_count();
	expect_no_memory();
	ck_assert_int_eq(bus_seen, 3);
}
END_TEST

/* The same at the very next byte after the file. */
START_TEST(a_fault_just_behind_the_mapping)
{
	struct sigaction mine = {.sa_handler = bus_jump};
	char *room = mmap(NULL, memory.size + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char c;

	ck_assert(room != MAP_FAILED);
	memory.base =
		mremap(memory.base, memory.size, memory.size, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	ck_assert_ptr_eq(memory.base, room);
	make_foreign();
	foreign = mremap((void *)(uintptr_t)foreign, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			 room + memory.size);
	ck_assert_ptr_eq((char *)(uintptr_t)foreign, room + memory.size);
	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	if (sigsetjmp(bus_env, 1) == 0)
		(void)batv_memory_guard(&memory, touch_foreign, &c);
	ck_assert_int_eq(bus_seen, 1);
	ck_assert_ptr_nonnull(memory.base);
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
	struct sigaction mine = {.sa_handler = bus_repair}, after;
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
	struct sigaction mine = {.sa_handler = bus_count};

	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	ck_assert(batv_memory_guard(&memory, send_bus, NULL));
	ck_assert_int_eq(bus_seen, 1);
	batv_count(&memory, 0, NOW); /* it comes once, not after every guard */
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

__attribute__((noinline)) static void abandon(int deeper)
{
	volatile char pad[256] = {0}; /* so that each call runs elsewhere on the stack */

	if (deeper > 0)
		abandon(deeper - 1);
	else
		(void)batv_memory_guard(&memory, jump_out, NULL);
	pad[0] = pad[1];
}

/* Exim's time limit for local_scan(): SIGALRM, and its handler jumps out of whatever runs. */
START_TEST(an_abandoned_guard_does_no_harm)
{
	struct sigaction mine = {.sa_handler = bus_jump}, after;
	volatile int round;
	char c;

	ck_assert_int_eq(sigaction(SIGBUS, &mine, NULL), 0);
	make_foreign();
	for (round = 0; round < 100; round++) {
		if (sigsetjmp(bus_env, 1) == 0)
			abandon(round % 10);
		batv_count(&memory, 0, NOW);
		ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), (uint64_t)round + 1);
		ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
		ck_assert(after.sa_handler == bus_jump);
	}
	for (round = 0; round < 10; round++) /* each one at the place of the one before */
		if (sigsetjmp(bus_env, 1) == 0) {
			abandon(5);
			ck_abort_msg("the guard did not run");
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
		n->c = *base; /* the outer body's pointer still leads somewhere */
}

/* Two files; the fault leaves the guard that it belongs to, and only that one. */
START_TEST(guards_nest)
{
	struct batv_memory other = {0};
	struct nest n = {.inner = &other, .touch_inner = true, .inner_result = true};
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
	n = (struct nest){.inner = &other, .touch_outer = true, .inner_result = true};
	ck_assert(!batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(n.inner_result); /* the inner guard was left by the jump, without a result */
	ck_assert_ptr_null(memory.base);
	ck_assert_ptr_nonnull(other.base);
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &after), 0);
	ck_assert(after.sa_handler == SIG_DFL);
	batv_memory_close(&other);
}
END_TEST

START_TEST(guards_of_one_file_nest)
{
	struct nest n = {.inner = &memory, .touch_inner = true, .inner_result = true};

	ck_assert(batv_memory_guard(&memory, nest_outer, &n));
	truncate_memory(4096);
	ck_assert(!batv_memory_guard(&memory, nest_outer, &n));
	ck_assert(!n.inner_result);
	expect_no_memory();
}
END_TEST

struct dive {
	int bodies, refused;
};

static void go_deeper(struct batv_memory *m, void *arg)
{
	struct dive *d = arg;

	if (++d->bodies < 10)
		d->refused += !batv_memory_guard(m, go_deeper, d);
}

/* The fifth does not run. */
START_TEST(guards_nest_four_deep)
{
	for (int i = 0; i < 2; i++) {
		struct dive d = {0, 0};

		ck_assert(batv_memory_guard(&memory, go_deeper, &d));
		ck_assert_int_eq(d.bodies, 4);
		ck_assert_int_eq(d.refused, 1);
	}
}
END_TEST

static void add_guard(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_loop_test(tc, truncated_in_use, 0, (int)COUNT(operations));
	tcase_add_test(tc, truncated_in_part);
	tcase_add_test(tc, closing_unmaps);
	tcase_add_test(tc, put_back_in_place);
	tcase_add_test(tc, a_fault_just_behind_the_mapping);
	tcase_add_test(tc, a_foreign_fault_goes_to_the_previous_handler);
	tcase_add_test(tc, a_previous_handler_may_return);
	tcase_add_loop_test(tc, a_foreign_fault_without_handler_is_fatal, 0, 2);
	tcase_add_test(tc, a_sent_signal_waits);
	tcase_add_test(tc, an_abandoned_guard_does_no_harm);
	tcase_add_test(tc, guards_nest);
	tcase_add_test(tc, guards_of_one_file_nest);
	tcase_add_test(tc, guards_nest_four_deep);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_guard", add_guard, make_memory, NULL);
}
