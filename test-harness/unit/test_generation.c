/* links: admin/fleet_share admin/acl admin/fleet_known admin/fleet_row admin/fleet_said admin/fleet_view admin/fleet_arming core/memory/doors */
/* links: admin/keeper admin/overrides admin/generation admin/memory_move admin/store core/base/fault admin/plan admin/publish admin/timeline admin/hkdf */
/* links: admin/secret admin/arming core/decide/override admin/memory_file admin/replace core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/names core/memory/access core/memory/forged core/memory/sent core/memory/journal core/tag/key core/decide/state */
/* links: core/base/network */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/tag/addr core/base/span core/base/hmac */
/* links: core/base/err core/decide/verdict core/memory/header admin/notices core/memory/recall core/memory/tallies */
/* links: core/memory/sending */
/*
 * test_generation.c - the memory over several files: what is asked, what moves, what goes, and
 * processes that still write into the old one.
 */
#include <inttypes.h>
#include <unistd.h>

#include "keeper_lab.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/forged.h"
#include "memory/layout.h"
#include "memory/sent.h"
#include "memory_file.h"
#include "unit.h"

static struct batv_memory exim; /* as a process of Exim has it mapped */

static void setup(void)
{
	make_config();
	config.global.memory_retention = 14 * D; /* the days of these tests follow from it */
	start();
}

static void teardown(void)
{
	batv_memory_close(&exim);
	batv_keeper_free(&keeper);
	sandbox_remove();
}

static void restart(void)
{
	batv_keeper_free(&keeper);
	start();
}

static void expect_names(const char *memory, const char *before)
{
	ck_assert_str_eq(keeper.generation.memory_name, memory);
	ck_assert_str_eq(keeper.generation.before_name, before);
	ck_assert_str_eq(keeper.have.state.memory, memory);
	ck_assert_str_eq(keeper.have.state.memory_before, before);
	ck_assert_ptr_nonnull(keeper.generation.memory.base);
	ck_assert((keeper.generation.before.base != NULL) == (*before != '\0'));
}

static bool is_there(const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

static struct batv_item item(const char *text)
{
	struct batv_addr a;
	struct batv_item it;

	ck_assert_int_eq(batv_addr_parse("a@b.test", 8, &a), BATV_OK);
	ck_assert(batv_sent_id(batv_state_memory_key(&keeper.have.state), batv_span_of(text), &a,
			       &it));
	return it;
}

static bool known(const char *text, int64_t now)
{
	struct batv_item it = item(text);
	int64_t retention = keeper.have.state.global.memory_retention;

	return batv_sent_known(&keeper.generation.memory, &it, retention, now) ||
	       batv_sent_known(&keeper.generation.before, &it, retention, now);
}

static void remember(struct batv_memory *memory, const char *text, int64_t now)
{
	struct batv_item it = item(text);

	ck_assert_int_eq(batv_sent_note(memory, &it, now), BATV_SENT_DONE);
}

static void note(struct batv_memory *memory, const char *domain, int64_t now)
{
	ck_assert_int_eq(
		batv_domain_note(memory, domain, "default", BATV_EVIDENCE_SIGNED, NULL, now),
		BATV_OK);
}

static struct batv_domain domain(const char *name)
{
	struct batv_domain d;

	ck_assert(batv_domain_find(&keeper.generation.memory, name, &d));
	return d;
}

START_TEST(the_key_is_in_the_state)
{
	const struct batv_state *st = &keeper.have.state;
	uint8_t first[BATV_MEMORY_KEY_LEN];

	look(T0);
	expect_names("memory", "");
	ck_assert(st->has_memory_key);
	ck_assert_mem_eq(st->memory_key, keeper.secrets->memory_key, sizeof first);
	ck_assert_int_eq(st->global.memory_retention, 14 * D);
	memcpy(first, st->memory_key, sizeof first);
	restart();
	look(T0 + 20);
	ck_assert(!looked.published);
	ck_assert_mem_eq(st->memory_key, first, sizeof first);
}
END_TEST

/* A secret file of an older version. */
START_TEST(a_missing_key_is_made)
{
	struct batv_secrets set;
	char why[BATV_MESSAGE_SIZE];

	look(T0);
	set = *keeper.secrets;
	set.has_memory_key = false;
	ck_assert_int_eq(batv_store_write_secret(&keeper.store, &set, why, sizeof why), BATV_OK);
	restart();
	look(T0 + 20);
	ck_assert(strstr(said, "made a key for the sent-mail memory"));
	ck_assert(keeper.have.state.has_memory_key);
	expect_names("memory.2", "memory"); /* what the old key named is lost */
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0 + 20);
	restart();
	look(T0 + 40);
	ck_assert(!looked.published);
	look(T0 + 2 * D); /* nobody can ask the old one */
	expect_names("memory.2", "");
}
END_TEST

START_TEST(another_capacity)
{
	uint64_t generation;

	look(T0);
	note(&keeper.generation.memory, "a.test", T0);
	look(T0 + 20);
	note(&keeper.generation.memory, "a.test", T0 + 3 * D);
	note(&keeper.generation.memory, "a.test", T0 + 6 * D);
	look(T0 + 8 * D);
	ck_assert(domain("a.test").flags & BATV_DOMAIN_ARMED);
	remember(&keeper.generation.memory, "before", T0 + 8 * D);
	batv_count(&keeper.generation.memory, BATV_COUNT_SIGNED, T0 + 8 * D);
	ck_assert_int_eq(batv_memory_open(&exim, dir, "memory"), BATV_OK);
	generation = keeper.generation.memory.sections.generation;

	config.global.memory_capacity = 5000;
	look(T0 + 8 * D + 20);
	ck_assert(strstr(said, "memory_capacity was changed"));
	ck_assert(!strstr(said, "domain"));
	expect_names("memory.2", "memory");
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].capacity, 5000);
	ck_assert_uint_gt(keeper.generation.memory.sections.generation, generation);
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0);
	ck_assert(domain("a.test").flags & BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(domain("a.test").first_signed, (uint64_t)T0);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_SIGNED, 1, T0 + 8 * D),
			  1);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_IDS, 0, T0 + 8 * D),
			  1);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_IDS, 1, T0 + 8 * D),
			  0);
	ck_assert(known("before", T0 + 8 * D + 20));
	ck_assert(batv_sent_complete(&keeper.generation.memory, 8 * D, T0 + 8 * D + 20));
	look(T0 + 8 * D + 40);
	ck_assert(!looked.published);

	/* a process that still has the old file */
	note(&exim, "late.test", T0 + 8 * D + 50);
	note(&exim, "a.test", T0 + 9 * D);
	batv_count(&exim, BATV_COUNT_SIGNED, T0 + 8 * D + 50);
	batv_counters_bare_now(&exim, T0 + 3);
	remember(&exim, "late", T0 + 8 * D + 50);
	restart();
	look(T0 + 8 * D + 60);
	ck_assert_uint_eq(domain("late.test").first_signed, (uint64_t)T0 + 8 * D + 50);
	ck_assert_uint_eq(domain("a.test").last_signed, (uint64_t)T0 + 9 * D);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_SIGNED, 0, T0), 2);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_SIGNED, 1, T0 + 8 * D),
			  2);
	ck_assert_int_eq(batv_counters_bare_last(&keeper.generation.memory), T0 + 3);
	ck_assert(known("late", T0 + 8 * D + 60));
	look(T0 + 8 * D + 80);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_SIGNED, 0, T0), 2);

	/* evidence that has ended does not come back out of the old file */
	batv_domain_left_bare(&keeper.generation.memory, "a.test", NULL);
	look(T0 + 9 * D);
	ck_assert_uint_eq(domain("a.test").first_signed | domain("a.test").last_signed, 0);
	ck_assert(!(domain("a.test").flags & BATV_DOMAIN_ARMED));
	expect_names("memory.2", "memory");
}
END_TEST

/* A file as an older version made it: a section that it did not know is of an unknown type. */
static void take_section_out(const char *name, uint32_t type)
{
	struct batv_memory_head head;
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	size_t i = 0;

	ck_assert_int_eq(pread(fd, &head, sizeof head, 0), sizeof head);
	while (head.section[i].type != type)
		ck_assert_uint_lt(++i, head.n_sections);
	head.section[i].type = 4711;
	head.sum = batv_header_sum(&head);
	ck_assert_int_eq(pwrite(fd, &head, sizeof head, 0), sizeof head);
	ck_assert_int_eq(
		pwrite(fd, &head.sum, sizeof head.sum, (off_t)(head.size - sizeof head.sum)),
		sizeof head.sum);
	(void)close(fd);
}

START_TEST(a_file_of_an_older_version)
{
	struct batv_forger most;

	look(T0);
	note(&keeper.generation.memory, "a.test", T0);
	note(&keeper.generation.memory, "a.test", T0 + 3 * D);
	note(&keeper.generation.memory, "a.test", T0 + 6 * D);
	look(T0 + 8 * D);
	ck_assert(domain("a.test").flags & BATV_DOMAIN_ARMED);
	remember(&keeper.generation.memory, "before", T0 + 8 * D);
	batv_count(&keeper.generation.memory, BATV_COUNT_SIGNED, T0 + 8 * D);
	batv_count(&keeper.generation.memory,
		   batv_counter_of(BATV_FORGED, BATV_CLASS_DSN, BATV_ACTION_REJECT), T0 + 8 * D);
	take_section_out("memory", BATV_SECTION_FORGED + (uint32_t)_i);
	restart();
	look(T0 + 8 * D + 20);
	ck_assert(strstr(said, "the current file is of an older version"));
	expect_names("memory.2", "memory");
	ck_assert(domain("a.test").flags & BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_SIGNED, 0, T0), 1);
	ck_assert_uint_eq(
		batv_counted(&keeper.generation.memory,
			     batv_counter_of(BATV_FORGED, BATV_CLASS_DSN, BATV_ACTION_REJECT), 1,
			     T0 + 8 * D),
		1);
	ck_assert(known("before", T0 + 8 * D + 20));
	ck_assert(batv_sent_complete(&keeper.generation.memory, 8 * D, T0 + 8 * D + 20));
	batv_forged_note(&keeper.generation.memory, "192.0.2.1", T0 + 8 * D + 30);
	ck_assert_uint_eq(batv_forged_most(&keeper.generation.memory, T0 + 8 * D + 30, &most, 1),
			  1);
	look(T0 + 8 * D + 40);
	ck_assert(!looked.published);
}
END_TEST

/* Counts go into the next file, once. */
START_TEST(forged_tags_are_taken_over)
{
	struct batv_forger most[2];

	look(T0);
	for (int i = 0; i < 5; i++)
		batv_forged_note(&keeper.generation.memory, "192.0.2.1", T0);
	config.global.memory_capacity = 5000;
	look(T0 + 20);
	look(T0 + 40);
	expect_names("memory.2", "memory");
	ck_assert_uint_eq(batv_forged_most(&keeper.generation.memory, T0, most, 2), 1);
	ck_assert_str_eq(most[0].network, "192.0.2.0/24");
	ck_assert_uint_eq(most[0].count, 5);
	ck_assert_uint_eq(batv_counted(&keeper.generation.memory, BATV_COUNT_FORGED, 1, T0), 5);
}
END_TEST

START_TEST(the_old_one_goes_when_it_is_no_longer_needed)
{
	look(T0);
	remember(&keeper.generation.memory, "before", T0 + 2 * D);
	config.global.memory_capacity = 5000;
	look(T0 + 2 * D);
	expect_names("memory.2", "memory");
	for (int64_t day = 3; day <= 16; day++) {
		look(T0 + day * D);
		expect_names("memory.2", "memory");
		ck_assert(known("before", T0 + day * D));
	}
	look(T0 + 17 * D);
	expect_names("memory.2", "");
	ck_assert(!is_there("memory") && is_there("memory.2"));
	look(T0 + 17 * D + 20);
	ck_assert(!looked.published);
}
END_TEST

START_TEST(a_second_change_waits)
{
	look(T0);
	remember(&keeper.generation.memory, "one", T0);
	config.global.memory_capacity = 5000;
	look(T0 + 20);
	remember(&keeper.generation.memory, "two", T0 + 20);
	config.global.memory_retention = 30 * D;
	look(T0 + 40);
	expect_names("memory.2", "memory");
	ck_assert_int_eq(keeper.have.state.global.memory_retention, 30 * D);
	look(T0 + 32 * D);
	expect_names("memory.3", "memory.2");
	ck_assert(!is_there("memory"));
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].lines, 32);
	/* the file before keeps fourteen days */
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0 + 18 * D);
}
END_TEST

START_TEST(another_key_is_taken_at_once)
{
	struct batv_secrets set;
	char why[BATV_MESSAGE_SIZE];

	look(T0);
	config.global.memory_capacity = 5000;
	look(T0 + 20);
	note(&keeper.generation.before, "a.test", T0 + 30);
	set = *keeper.secrets;
	set.memory_key[0] ^= 1;
	ck_assert_int_eq(batv_store_write_secret(&keeper.store, &set, why, sizeof why), BATV_OK);
	look(T0 + 40);
	expect_names("memory.3", "memory.2");
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0 + 40);
	ck_assert_uint_eq(domain("a.test").first_signed, (uint64_t)T0 + 30);
	ck_assert_mem_eq(keeper.have.state.memory_key, set.memory_key, sizeof set.memory_key);
}
END_TEST

START_TEST(days_to_come_make_a_new_file)
{
	struct batv_item it;

	look(T0);
	it = item("a@b");
	ck_assert_int_eq(batv_sent_note(&keeper.generation.memory, &it, T0), BATV_SENT_DONE);
	ck_assert_int_eq(batv_sent_note(&keeper.generation.memory, &it, T0 + 160 * D),
			 BATV_SENT_DONE);
	ck_assert_int_eq(batv_sent_note(&keeper.generation.memory, &it, T0), BATV_SENT_CLOCK);
	look(T0 + 20);
	expect_names("memory.2", "memory");
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0 + 20);
	ck_assert_int_eq(batv_sent_note(&keeper.generation.memory, &it, T0), BATV_SENT_DONE);
	look(T0 + 40);
	expect_names("memory.2", "memory");
}
END_TEST

START_TEST(a_state_that_is_lost)
{
	look(T0);
	remember(&keeper.generation.memory, "one", T0);
	config.global.memory_capacity = 5000;
	look(T0 + 20);
	ck_assert_int_eq(unlinkat(dir, "state", 0), 0);
	restart();
	look(T0 + 40);
	expect_names("memory.2", "memory");
	remember(&keeper.generation.memory, "two", T0 + 40);
	ck_assert(known("one", T0 + 40) && known("two", T0 + 40));
}
END_TEST

/* The state can't be published: the old memory stays in use, and the new one is not lost. */
START_TEST(a_state_that_cannot_be_written)
{
	struct stat a, b;

	look(T0);
	ck_assert_int_eq(mkdirat(dir, ".state.new", 0700), 0);
	config.global.memory_capacity = 5000;
	for (int i = 0; i < 3; i++) {
		batv_keeper_look(&keeper, &config, &(struct batv_look){.now = T0 + 20 + i},
				 &looked);
		ck_assert(!looked.published);
		ck_assert_int_eq(fstatat(dir, "memory.2", i ? &b : &a, 0), 0);
		ck_assert(is_there("memory"));
	}
	ck_assert_int_eq((int64_t)a.st_ino, (int64_t)b.st_ino);
	ck_assert_int_eq(unlinkat(dir, ".state.new", AT_REMOVEDIR), 0);
	look(T0 + 40);
	expect_names("memory.2", "memory");
}
END_TEST

START_TEST(no_room_for_a_new_file)
{
	look(T0);
	remember(&keeper.generation.memory, "one", T0);
	ck_assert_int_eq(mkdirat(dir, ".memory.2.new", 0700), 0);
	config.global.memory_capacity = 5000;
	batv_keeper_look(&keeper, &config, &(struct batv_look){.now = T0 + 20}, &looked);
	ck_assert(strstr(keeper.notices.trouble[BATV_TROUBLE_MEMORY],
			 "the current one stays in use"));
	ck_assert(looked.usable && known("one", T0 + 20));
	ck_assert_str_eq(keeper.generation.memory_name, "memory");
	ck_assert_int_eq(unlinkat(dir, ".memory.2.new", AT_REMOVEDIR), 0);
	look(T0 + 40);
	expect_names("memory.2", "memory");
}
END_TEST

#define YEAR (365 * D)

/* Two files; the older one holds an id of T0 + 2 D, and is needed until T0 + 17 D. */
static void two_files(void)
{
	look(T0);
	remember(&keeper.generation.memory, "before", T0 + 2 * D);
	config.global.memory_capacity = 5000;
	look(T0 + 2 * D);
	expect_names("memory.2", "memory");
}

static void expect_careful(int64_t now)
{
	look(now);
	ck_assert(keeper.generation.careful && is_there("memory"));
	expect_names("memory.2", "memory");
}

/* The clock is put right: what was remembered still proves, and goes when it is no longer needed.
 */
static void expect_nothing_lost(int64_t now)
{
	expect_careful(now);
	ck_assert(known("before", now));
	look(T0 + 17 * D);
	expect_names("memory.2", "");
	ck_assert(!is_there("memory"));
}

START_TEST(a_start_a_year_ahead)
{
	two_files();
	restart();
	expect_careful(T0 + YEAR);
	for (int hour = 1; hour < 72; hour++) { /* it ends again and again */
		restart();
		expect_careful(T0 + YEAR + hour * 3600);
	}
	restart();
	expect_nothing_lost(T0 + 3 * D);
}
END_TEST

static const struct {
	int64_t later;
	bool there;
} patience[] = {{3 * D - 1, true}, {3 * D, false}};

/* The server really was off for a year. */
START_TEST(three_days_after_a_start)
{
	two_files();
	restart();
	expect_careful(T0 + YEAR);
	look(T0 + YEAR + patience[_i].later);
	ck_assert_int_eq(is_there("memory"), patience[_i].there);
	ck_assert_int_eq(is_there("memory"), patience[_i].there);
}
END_TEST

START_TEST(three_days_go_on_over_a_restart)
{
	two_files();
	restart();
	expect_careful(T0 + YEAR);
	expect_careful(T0 + YEAR + 2 * D);
	restart();
	look(T0 + YEAR + patience[_i].later);
	ck_assert_int_eq(is_there("memory"), patience[_i].there);
}
END_TEST

/* Set back a little, and the three days begin again. */
START_TEST(a_step_back_within_the_three_days)
{
	two_files();
	restart();
	expect_careful(T0 + YEAR);
	restart();
	expect_careful(T0 + YEAR - D / 2);
	expect_careful(T0 + YEAR - D / 2 + 3 * D - 1);
	look(T0 + YEAR - D / 2 + 3 * D);
	expect_names("memory.2", "");
}
END_TEST

START_TEST(a_jump_of_a_year_while_it_runs)
{
	two_files();
	look_as(&(struct batv_look){.now = T0 + YEAR, .jumped = YEAR - 2 * D});
	expect_names("memory.2", "memory");
	expect_careful(T0 + YEAR + 3 * D - 1);
	look_as(&(struct batv_look){.now = T0 + 5 * D, .jumped = -YEAR});
	expect_nothing_lost(T0 + 5 * D + 20);
}
END_TEST

/* Both clocks went on together: the machine slept, as it says. */
START_TEST(a_year_of_sleep)
{
	two_files();
	look_as(&(struct batv_look){.now = T0 + YEAR, .slept = true});
	ck_assert(looked.usable);
	expect_nothing_lost(T0 + 4 * D);
}
END_TEST

START_TEST(a_start_a_year_behind)
{
	two_files();
	restart();
	look_as(&(struct batv_look){.now = T0 - YEAR}); /* no secret had begun: no key */
	ck_assert(!looked.usable);
	expect_names("memory.2", "memory");
	restart();
	expect_nothing_lost(T0 + 3 * D);
}
END_TEST

/* It stays behind for longer than batvd is careful: what it cannot know to be old is not. */
START_TEST(two_weeks_a_year_behind)
{
	two_files();
	restart();
	for (int64_t day = 0; day < 14; day++) {
		look_as(&(struct batv_look){.now = T0 - YEAR + day * D});
		expect_names("memory.2", "memory");
	}
	ck_assert(!keeper.generation.careful);
	restart();
	expect_nothing_lost(T0 + 3 * D);
}
END_TEST

/* The newer of the two files is of a time that has not come. */
START_TEST(a_next_file_made_by_a_clock_ahead)
{
	look(T0);
	remember(&keeper.generation.memory, "before", T0 + 2 * D);
	restart();
	look(T0 + YEAR);
	config.global.memory_capacity = 5000;
	look(T0 + YEAR + 20);
	expect_names("memory.2", "memory");
	restart();
	expect_careful(T0 + 3 * D);
	for (int64_t day = 4; day <= 16; day++) {
		look(T0 + day * D);
		ck_assert(is_there("memory") && known("before", T0 + day * D));
	}
	look(T0 + 17 * D);
	expect_names("memory.3", "memory.2");
	ck_assert(!is_there("memory"));
}
END_TEST

/* Keys of 300 days do not run out: that no look was noted for so long tells, too. */
START_TEST(a_start_ahead_with_keys_that_last)
{
	config.global.key_rotation = 300 * D;
	two_files();
	restart();
	look(T0 + 2 * D + 3600);

	restart();
	expect_careful(T0 + 100 * D);
	restart();
	expect_careful(T0 + 103 * D - 1);
	restart();
	expect_nothing_lost(T0 + 4 * D);
}
END_TEST

/* The state is lost besides: nothing tells how old the files are. */
START_TEST(a_start_ahead_without_a_state)
{
	two_files();
	ck_assert_int_eq(unlinkat(dir, "state", 0), 0);
	restart();
	expect_careful(T0 + YEAR);
	restart();
	expect_nothing_lost(T0 + 3 * D);
}
END_TEST

/* Made while the clock was ahead, it would be complete in a year only, and keep the other one so
 * long. */
START_TEST(a_file_made_by_a_clock_ahead)
{
	look(T0);
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	look(T0 + YEAR);
	restart();
	look(T0 + 20); /* or is the clock slow now? */
	expect_names("memory", "");
	look(T0 + 3 * D + 20);
	expect_names("memory.2", "memory");
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0 + 3 * D + 20);
	look(T0 + 3 * D + 40);
	expect_names("memory.2", "memory");
	look(T0 + 5 * D);
	expect_names("memory.2", "");
}
END_TEST

static const struct {
	const char *name;
	bool memory;
} names[] = {
	{"memory", true},
	{"memory.2", true},
	{"memory.10", true},
	{"memory.1", false},
	{"memory.0", false},
	{"memory.02", false},
	{"memory.x", false},
	{"memory.2.old", false},
	{"memory.", false},
	{"memories", false},
	{".memory.3", false},
	{"memory.-2", false},
	{"memory.99999999999999999999", false},
};

START_TEST(which_files_are_ours)
{
	char first[BATV_MEMORY_NAME_SIZE], second[BATV_MEMORY_NAME_SIZE];

	sandbox_file(names[_i].name, 0600, "x", 1);
	batv_names_newest(dir, first, second);
	ck_assert_str_eq(first, names[_i].memory ? names[_i].name : "");
	ck_assert_str_eq(second, "");
}
END_TEST

START_TEST(the_newest_two)
{
	char first[BATV_MEMORY_NAME_SIZE], second[BATV_MEMORY_NAME_SIZE];

	sandbox_file("memory", 0600, "x", 1);
	sandbox_file("memory.9", 0600, "x", 1);
	sandbox_file("memory.10", 0600, "x", 1);
	batv_names_newest(dir, first, second);
	ck_assert_str_eq(first, "memory.10");
	ck_assert_str_eq(second, "memory.9");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("generation");
	TCase *tc = tcase_create("generation");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_key_is_in_the_state);
	tcase_add_test(tc, a_missing_key_is_made);
	tcase_add_test(tc, another_capacity);
	tcase_add_loop_test(tc, a_file_of_an_older_version, 0, 3);
	tcase_add_test(tc, forged_tags_are_taken_over);
	tcase_add_test(tc, the_old_one_goes_when_it_is_no_longer_needed);
	tcase_add_test(tc, a_second_change_waits);
	tcase_add_test(tc, another_key_is_taken_at_once);
	tcase_add_test(tc, days_to_come_make_a_new_file);
	tcase_add_test(tc, a_state_that_is_lost);
	tcase_add_test(tc, a_state_that_cannot_be_written);
	tcase_add_test(tc, no_room_for_a_new_file);
	tcase_add_test(tc, a_start_a_year_ahead);
	tcase_add_loop_test(tc, three_days_after_a_start, 0, 2);
	tcase_add_loop_test(tc, three_days_go_on_over_a_restart, 0, 2);
	tcase_add_test(tc, a_step_back_within_the_three_days);
	tcase_add_test(tc, a_jump_of_a_year_while_it_runs);
	tcase_add_test(tc, a_year_of_sleep);
	tcase_add_test(tc, a_start_a_year_behind);
	tcase_add_test(tc, two_weeks_a_year_behind);
	tcase_add_test(tc, a_next_file_made_by_a_clock_ahead);
	tcase_add_test(tc, a_start_ahead_with_keys_that_last);
	tcase_add_test(tc, a_start_ahead_without_a_state);
	tcase_add_test(tc, a_file_made_by_a_clock_ahead);
	tcase_add_loop_test(tc, which_files_are_ours, 0, (int)(sizeof names / sizeof names[0]));
	tcase_add_test(tc, the_newest_two);
	return s;
}
