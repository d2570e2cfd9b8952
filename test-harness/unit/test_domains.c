/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_domains.c - the domain table: evidence, claims, many processes at once, and processes that
 * are killed at any instruction.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "memory_lab.h"

START_TEST(evidence_is_kept)
{
	struct batv_domain d = {.name = ""};

	ck_assert(!batv_domain_find(&memory, "example.com", &d));
	ck_assert_int_eq(note("Example.COM", NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, "eXample.com", &d));
	ck_assert_str_eq(d.name, "example.com");
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.last_signed, NOW);
	ck_assert_uint_eq(d.first_valid | d.last_valid | d.flags | d.decided, 0);
	ck_assert_int_eq(batv_domain_note(&memory, "example.com", "other", BATV_EVIDENCE_VALID,
					  NULL, NOW + 9),
			 BATV_OK);
	ck_assert(batv_domain_find(&memory, "example.com", &d));
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("other"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.first_valid, NOW + 9);
	ck_assert_uint_eq(d.last_valid, NOW + 9);
	ck_assert_uint_eq(slots_with("example.com"), 1);
	ck_assert(!batv_domain_find(&memory, "example.co", &d));
	ck_assert(!batv_domain_find(&memory, "example.com.", &d));
}
END_TEST

/* Seconds later (or, below zero, before) -> what last_signed is then, as seconds after NOW. */
static const struct {
	int64_t later, last;
} hours[] = {
	{0, 0},         {1, 0},     {3599, 0},      {3600, 3600},
	{90000, 90000}, {-3599, 0}, {-3600, -3600}, {-80000, -80000},
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

/* A clock that was a month ahead: what it dated counts from the next mail on, a day of it does no
 * harm. */
static const struct {
	int64_t first, later, then;
} heals[] = {
	{0, D, 0}, {30 * D, 0, 0}, {D, 0, D}, {D + 1, 0, 0}, {30 * D, 30 * D, 30 * D},
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
		ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED | 4, NOW),
				 BATV_OK);
}

START_TEST(bare_mail_ends_the_evidence)
{
	struct batv_domain d;

	batv_domain_left_bare(&memory, "a.example", "off");
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(note("b.example", NOW), BATV_OK);
	ck_assert_int_eq(
		batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_VALID, NULL, NOW),
		BATV_OK);
	arm_all();
	batv_domain_left_bare(&memory, "A.example", "off");
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, 4); /* what else the daemon will set stays */
	ck_assert_uint_eq(d.first_signed | d.last_signed | d.first_valid | d.last_valid, 0);
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("off"));
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert(d.flags & BATV_DOMAIN_ARMED);
	batv_domain_left_bare(&memory, "b.example", NULL);
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, 0);
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
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

	for (i = 0; i < memory.sections.domain_slots; i++)
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

static struct batv_domain_slot *home_slot(const char *name, size_t further)
{
	size_t home = batv_slot_home(name, strlen(name), BATV_DOMAIN_SLOTS);

	return &slots()[batv_slot_probe(&whole, home, further)];
}

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
	slots()[0].claim = UINT64_C(1) << 32; /* empty, but not quite */
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

static void add_domains(TCase *tc, bool windows)
{
	tcase_add_test(tc, evidence_is_kept);
	tcase_add_loop_test(tc, the_last_time_moves_in_hours, 0, (int)COUNT(hours));
	tcase_add_loop_test(tc, a_first_time_from_the_future_is_set_anew, 0, (int)COUNT(heals));
	tcase_add_test(tc, bare_mail_ends_the_evidence);
	tcase_add_test(tc, times_outside_of_32_bits);
	tcase_add_test(tc, names_that_do_not_fit);
	tcase_add_test(tc, flags_are_the_daemons);
	if (!windows) /* thousands of pages, one by one */
		tcase_add_test(tc, ten_thousand_domains_fit);
	tcase_add_test(tc, a_full_table);
	tcase_add_test(tc, runs_wrap_around);
	tcase_add_loop_test(tc, a_run_stays_in_its_page, 0, 5);
	tcase_add_test(tc, an_abandoned_claim_stops_nobody);
	tcase_add_test(tc, the_daemon_ends_old_claims);
	tcase_add_test(tc, a_walk_along_the_table);
	tcase_add_test(tc, junk_in_slots);
	tcase_add_test(tc, one_name_claimed_by_all_is_one_slot);
	tcase_add_test(tc, killed_at_random);
	tcase_add_loop_test(tc, a_claimer_that_slept, 0, 2);
	tcase_add_test(tc, killed_at_every_instruction);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_domains", add_domains, make_memory, make_memory_with_windows);
}
