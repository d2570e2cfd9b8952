/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_slots.c - who gets which slot of the domain table: the order of a walk, claims, many
 * processes at once, and processes that are killed at any instruction.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "memory_lab.h"

static void numbered(char out[static 40], unsigned i)
{
	(void)snprintf(out, 40, "domain-%u.example", i);
}

static struct batv_domain_slot *home_slot(const char *name, size_t further)
{
	size_t home = batv_slot_home(name, strlen(name), BATV_DOMAIN_SLOTS);

	return &slots()[batv_slot_probe(&whole, home, further)];
}

/* ---- One slot ---- */

/* FNV-1a, folded; computed by hand. */
START_TEST(the_home_of_a_name)
{
	ck_assert_uint_eq(batv_slot_home("a.example", 9, BATV_DOMAIN_SLOTS), 3065);
	ck_assert_uint_eq(batv_slot_home("a.example", 9, 8), 1);
}
END_TEST

/* The first page of four in a circle, then the next one; in a file of version 1 slot after slot. */
START_TEST(the_order_of_a_walk)
{
	static const size_t order[] = {6, 7, 4, 5, 10, 11, 8, 9, 14};

	for (size_t i = 0; i < COUNT(order); i++)
		ck_assert_uint_eq(batv_slot_probe(&memory, 6, i), order[i]);
	memory.sections.version = BATV_MEMORY_VERSION_1;
	for (size_t i = 0; i < 9; i++)
		ck_assert_uint_eq(batv_slot_probe(&memory, 6, i), 6 + i);
	ck_assert_uint_eq(batv_slot_probe(&memory, BATV_DOMAIN_SLOTS - 1, 2), 1);
}
END_TEST

static const struct {
	int64_t now;
	uint32_t stamp;
} stamps[] = {
	{INT64_MIN, 1},
	{-1, 1},
	{0, 1},
	{1, 1},
	{2, 2},
	{NOW, (uint32_t)NOW},
	{UINT32_MAX, UINT32_MAX},
	{INT64_C(1) << 32, UINT32_MAX},
	{INT64_MAX, UINT32_MAX},
};

START_TEST(seconds_in_32_bits)
{
	ck_assert_uint_eq(batv_slot_stamp(stamps[_i].now), stamps[_i].stamp);
}
END_TEST

static struct batv_slot_name named(const char *text)
{
	struct batv_slot_name name;

	ck_assert_int_eq(batv_slot_name(text, &name), BATV_OK);
	return name;
}

static void claim_body(struct batv_memory *m, void *arg)
{
	struct batv_slot_name name = named(arg);

	ck_assert_ptr_nonnull(batv_slot_claim(m, &name, (uint32_t)NOW));
}

static void claim_in_vain_body(struct batv_memory *m, void *arg)
{
	struct batv_slot_name name = named(arg);

	ck_assert_ptr_null(batv_slot_claim(m, &name, (uint32_t)NOW));
}

static void claim(const char *text)
{
	ck_assert(batv_memory_guard(&memory, claim_body, (void *)(uintptr_t)text));
}

static bool find(const char *text)
{
	struct batv_slot_name name = named(text);
	struct batv_domain_slot slot;
	size_t index;

	return batv_slot_find(&memory, &name, &index, &slot);
}

START_TEST(a_claim)
{
	claim("A.example");
	ck_assert_uint_eq(home_slot("a.example", 0)->claim, (uint64_t)NOW << 32 | BATV_SLOT_READY);
	ck_assert_str_eq(home_slot("a.example", 0)->name, "a.example");
	ck_assert(find("a.EXAMPLE"));
	claim("a.example");
	ck_assert_uint_eq(slots_in_use(), 1);
	claim("x");
	ck_assert(find("x"));
}
END_TEST

START_TEST(the_longest_name)
{
	char text[BATV_DOMAIN_NAME_MAX + 1];

	memset(text, 'n', sizeof text);
	text[BATV_DOMAIN_NAME_MAX] = '\0';
	claim(text);
	ck_assert(find(text));
	ck_assert_uint_eq(home_slot(text, 0)->senders[0], 0); /* which follows the name */
}
END_TEST

static void make_slot(struct batv_domain_slot *slot, enum batv_slot_state state, const char *name)
{
	slot->claim = UINT64_C(7) << 32 | state;
	strcpy(slot->name, name);
}

/* A slot with nearly the same name, and one with the very name that nobody may use. */
START_TEST(the_slot_of_another)
{
	static const struct {
		enum batv_slot_state state;
		const char *name;
	} there[] = {{BATV_SLOT_READY, "a.exampld"},
		     {BATV_SLOT_READY, "a.examplee"},
		     {BATV_SLOT_READY, "a.exampl"},
		     {BATV_SLOT_GONE, "a.example"}};
	struct batv_domain_slot *first = home_slot("a.example", 0);

	for (size_t i = 0; i < COUNT(there); i++) {
		memset(home_slot("a.example", 1), 0, sizeof *first);
		make_slot(first, there[i].state, there[i].name);
		ck_assert(!find("a.example"));
		claim("a.example");
		ck_assert(find("a.example"));
		ck_assert_str_eq(first->name, there[i].name);
		ck_assert_str_eq(home_slot("a.example", 1)->name, "a.example");
	}
}
END_TEST

/* It ends after so many slots, whatever comes after them. */
START_TEST(the_end_of_a_run)
{
	struct batv_domain_slot *beyond = home_slot("a.example", BATV_DOMAIN_PROBES);

	for (size_t i = 0; i < BATV_DOMAIN_PROBES; i++)
		make_slot(home_slot("a.example", i), BATV_SLOT_READY, "taken.example");
	ck_assert(!find("a.example"));
	ck_assert(batv_memory_guard(&memory, claim_in_vain_body, (void *)(uintptr_t) "a.example"));
	ck_assert_uint_eq(beyond->claim, 0);
	make_slot(beyond, BATV_SLOT_READY, "a.example");
	ck_assert(!find("a.example"));
}
END_TEST

/* A table that has fewer slots than a run. */
START_TEST(a_small_table)
{
	memory.sections.domain_slots = 8;
	for (size_t i = 0; i < 8; i++)
		make_slot(&slots()[i], BATV_SLOT_READY, "taken.example");
	ck_assert(!find("a.example"));
	ck_assert(find("taken.example"));
	ck_assert(batv_memory_guard(&memory, claim_in_vain_body, (void *)(uintptr_t) "a.example"));
}
END_TEST

START_TEST(a_claim_that_was_ended_keeps_its_time)
{
	home_slot("a.example", 0)->claim = (uint64_t)(NOW - 9) << 32 | BATV_SLOT_CLAIMING;
	claim("a.example");
	ck_assert_uint_eq(home_slot("a.example", 0)->claim,
			  (uint64_t)(NOW - 9) << 32 | BATV_SLOT_GONE);
}
END_TEST

/* Slots of version 1 end after 256 bytes. */
START_TEST(a_short_slot_is_read)
{
	struct batv_domain_slot slot;

	memory.sections.domain_size = BATV_DOMAIN_SLOT_SIZE_1;
	memset(slots(), 7, sizeof *slots());
	ck_assert(batv_slot_read(&memory, 0, &slot));
	ck_assert_uint_eq(slot.decided, 0x07070707);
	for (size_t i = BATV_DOMAIN_SLOT_SIZE_1; i < sizeof slot; i++)
		ck_assert_int_eq(((const char *)&slot)[i], 0);
}
END_TEST

/* Whose claim is so old, or so far ahead, is ended. */
static const struct {
	size_t index;
	int64_t since;
	enum batv_slot_state state, then;
} olds[] = {
	{0, -BATV_CLAIM_SECONDS, BATV_SLOT_CLAIMING, BATV_SLOT_GONE},
	{0, 1 - BATV_CLAIM_SECONDS, BATV_SLOT_CLAIMING, BATV_SLOT_CLAIMING},
	{0, 0, BATV_SLOT_CLAIMING, BATV_SLOT_CLAIMING},
	{5, BATV_CLAIM_SECONDS - 1, BATV_SLOT_CLAIMING, BATV_SLOT_CLAIMING},
	{5, BATV_CLAIM_SECONDS, BATV_SLOT_CLAIMING, BATV_SLOT_GONE},
	{5, -9 * D, BATV_SLOT_READY, BATV_SLOT_READY},
	{BATV_DOMAIN_SLOTS - 1, -9 * D, BATV_SLOT_CLAIMING, BATV_SLOT_GONE},
	{BATV_DOMAIN_SLOTS, -9 * D, BATV_SLOT_CLAIMING, BATV_SLOT_CLAIMING}, /* another section */
};

START_TEST(which_claims_are_ended)
{
	struct batv_domain_slot *slot = &slots()[olds[_i].index];
	const uint64_t since = (uint64_t)(NOW + olds[_i].since) << 32;

	slot->claim = since | olds[_i].state;
	memory.writable = false;
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW), 0);
	ck_assert_uint_eq(slot->claim, since | olds[_i].state);
	memory.writable = true;
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW), olds[_i].then != olds[_i].state);
	ck_assert_uint_eq(slot->claim, since | olds[_i].then);
}
END_TEST

/* ---- Many of them ---- */

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
	for (; i < 30000; i++) { /* beyond: refused, and what is there stays there */
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
		if (batv_slot_home(name, strlen(name), BATV_DOMAIN_SLOTS) < BATV_DOMAIN_SLOTS - 2)
			continue;
		ck_assert_int_eq(note(name, NOW), BATV_OK);
		ck_assert(batv_domain_find(&memory, name, &d));
		ck_assert_uint_eq(slots_with(name), 1);
		found++;
	}
	for (i = 0; !batv_domain_at(&memory, i, &d); i++)
		ck_assert_uint_lt(i, 3); /* one of the first page's four */
}
END_TEST

/* The walk takes each slot once, and leaves a page only after all of its slots. */
START_TEST(a_run_stays_in_its_page)
{
	static const size_t homes[] = {0, 1, 6, 4711, BATV_DOMAIN_SLOTS - 1};
	const size_t home = homes[_i];
	size_t first = batv_slot_probe(&memory, home, 0);
	bool met[BATV_DOMAIN_SLOTS] = {false};

	ck_assert_uint_eq(first, home);
	for (size_t i = 0; i < BATV_DOMAIN_PROBES; i++) {
		size_t index = batv_slot_probe(&memory, home, i);

		ck_assert_uint_eq(index / 4, (home / 4 + i / 4) % (BATV_DOMAIN_SLOTS / 4));
		ck_assert(!met[index]);
		met[index] = true;
	}
}
END_TEST

/* A claim that nobody finishes: the next one who needs to pass ends it, and goes on after it. */
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
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW + BATV_CLAIM_SECONDS - 1), 1);
	ck_assert_uint_eq((uint32_t)home_slot("b.example", 0)->claim, BATV_SLOT_CLAIMING);
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW + BATV_CLAIM_SECONDS), 1);
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW + D), 0);
	ck_assert(!batv_domain_at(&memory, (size_t)(home_slot("b.example", 0) - slots()), &d));
	ck_assert_int_eq(note("b.example", NOW), BATV_OK); /* after the one that is gone */
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert(batv_domain_find(&memory, "a.example", &d));
}
END_TEST

static void note_the_same(unsigned worker)
{
	char name[40];
	unsigned i;

	for (i = 0; i < 500; i++) {
		numbered(name, i);
		if (batv_domain_note(&memory, name, "default",
				     worker % 2 ? BATV_EVIDENCE_SIGNED : BATV_EVIDENCE_VALID, NULL,
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
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW + D), 0);
}
END_TEST

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_no_name_twice(void)
{
	char(*names)[BATV_DOMAIN_NAME_MAX + 1] = malloc(BATV_DOMAIN_SLOTS * sizeof *names);
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
	struct {
		unsigned done[WORKERS];
	} * log;
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
	(void)batv_slot_reclaim(&memory, NOW + D);
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
	if (_i) /* the daemon does it, instead of one who wants the same name */
		ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW + D), 1);
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
	struct batv_memory left = {0}, saved = memory, saved_whole = whole;
	struct batv_domain d;

	sandbox_file("left", 0660, bytes, whole.size);
	ck_assert_int_eq(batv_memory_open(&left, dir, "left"), BATV_OK);
	memory = whole = left;
	ck_assert_int_eq(note(name, NOW + 5), BATV_OK);
	ck_assert_uint_eq(slots_with(name), 1);
	ck_assert_uint_eq(slots_in_use(), 1); /* none with half a name */
	ck_assert(batv_domain_find(&memory, name, &d));
	ck_assert(d.first_signed == NOW || d.first_signed == NOW + 5);
	ck_assert(d.last_signed == NOW || d.last_signed == NOW + 5);
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
	ck_assert_uint_le(batv_slot_reclaim(&memory, NOW + D), 1);
	ck_assert_uint_eq(slots_with(name), 1);
	batv_memory_close(&memory);
	memory = saved;
	whole = saved_whole;
	return 1;
}

START_TEST(killed_at_every_instruction)
{
	static const char name[] = "stepped.example";
	const size_t size = whole.size;
	unsigned long steps = 0;
	unsigned states = 0;
	unsigned char *before = malloc(size);
	int status;
	pid_t pid;

	ck_assert_ptr_nonnull(before);
	memcpy(before, whole.base, size);
	pid = stepper(name);
	status = step(pid, 0);
	while (WIFSTOPPED(status)) {
		struct batv_domain_slot *slot = home_slot(name, 0);
		size_t at = (size_t)((unsigned char *)slot - (unsigned char *)whole.base);

		if (memcmp(before + at, slot, sizeof *slot) != 0) {
			memcpy(before + at, slot, sizeof *slot);
			states += check_as_left(before, name);
		}
		status = step(pid, PTRACE_SINGLESTEP);
		steps++;
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ge(steps, 300);
	ck_assert_uint_ge(states, 6);               /* claim, name, ready, policy, first, last */
	ck_assert_mem_eq(before, whole.base, size); /* and nothing else was touched */
	free(before);
}
END_TEST

static void add_slots(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, the_home_of_a_name);
	tcase_add_test(tc, the_order_of_a_walk);
	tcase_add_loop_test(tc, seconds_in_32_bits, 0, (int)COUNT(stamps));
	tcase_add_test(tc, a_claim);
	tcase_add_test(tc, the_longest_name);
	tcase_add_test(tc, the_slot_of_another);
	tcase_add_test(tc, the_end_of_a_run);
	tcase_add_test(tc, a_small_table);
	tcase_add_test(tc, a_claim_that_was_ended_keeps_its_time);
	tcase_add_test(tc, a_short_slot_is_read);
	tcase_add_loop_test(tc, which_claims_are_ended, 0, (int)COUNT(olds));
	tcase_add_test(tc, a_full_table);
	tcase_add_test(tc, runs_wrap_around);
	tcase_add_loop_test(tc, a_run_stays_in_its_page, 0, 5);
	tcase_add_test(tc, an_abandoned_claim_stops_nobody);
	tcase_add_test(tc, the_daemon_ends_old_claims);
	tcase_add_loop_test(tc, a_claimer_that_slept, 0, 2);
}

static void add_slow(TCase *tc, bool windows)
{
	if (!windows) /* thousands of pages, one by one */
		tcase_add_test(tc, ten_thousand_domains_fit);
	tcase_add_test(tc, one_name_claimed_by_all_is_one_slot);
	tcase_add_test(tc, killed_at_random);
	tcase_add_test(tc, killed_at_every_instruction);
}

Suite *unit_suite(void)
{
	return with_slow_tests(
		memory_suite("memory_slots", add_slots, make_memory, make_memory_with_windows),
		add_slow);
}
