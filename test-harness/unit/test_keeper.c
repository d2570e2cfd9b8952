/* links: admin/fleet_share admin/acl admin/fleet_known admin/fleet_row admin/fleet_said admin/fleet_view admin/fleet_arming */
/* links: core/memory/doors */
/* links: admin/keeper admin/overrides admin/generation admin/memory_move admin/store core/base/fault admin/plan admin/publish admin/timeline admin/hkdf */
/* links: admin/secret admin/arming core/decide/override admin/memory_file admin/replace core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/names core/memory/access core/memory/forged core/memory/sent core/memory/journal core/tag/key core/decide/state */
/* links: core/base/network */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/tag/addr core/base/span core/base/hmac */
/* links: core/base/err core/memory/header admin/notices core/memory/recall core/memory/tallies */
/* links: core/memory/sending */
/*
 * test_keeper.c - looks at a real directory: what is published, when domains arm, what survives.
 */
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper_lab.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory_file.h"
#include "plan.h"
#include "unit.h"

static void setup(void)
{
	make_config();
	config.n_policies = 2;
	batv_policy_init(&config.policies[1], "shop");
	config.policies[1].domains = "shop.test";
	start();
}

static void teardown(void)
{
	batv_keeper_free(&keeper);
	sandbox_remove();
}

static void expect_trouble(enum batv_trouble kind, const char *word)
{
	ck_assert_msg(strstr(keeper.notices.trouble[kind], word) != NULL, "%s",
		      keeper.notices.trouble[kind]);
}

static bool is_armed(const char *name)
{
	struct batv_domain d;

	return batv_domain_find(&keeper.generation.memory, name, &d) &&
	       (d.flags & BATV_DOMAIN_ARMED);
}

static void note_signed(const char *name, int64_t now)
{
	ck_assert_int_eq(batv_domain_note(&keeper.generation.memory, name, "default",
					  BATV_EVIDENCE_SIGNED, NULL, now),
			 BATV_OK);
}

/* A domain that has signed for eight days, and refuses. */
static void arm(const char *name)
{
	look(T0);
	note_signed(name, T0);
	look(T0 + 60);
	ck_assert(!is_armed(name));
	note_signed(name, T0 + 3 * D);
	note_signed(name, T0 + 6 * D);
	look(T0 + 8 * D);
	ck_assert(is_armed(name));
}

START_TEST(the_first_look)
{
	look(T0);
	ck_assert(looked.published);
	ck_assert_uint_eq(sandbox_count(), 4); /* lock, secret, memory, state */
	look(T0 + 20);
	ck_assert(!looked.published);
	ck_assert_str_eq(said, "");
	look_as(&(struct batv_look){.now = T0 + 40, .publish_always = true});
	ck_assert(looked.published);
	ck_assert_uint_eq(keeper.have.state.serial, 2);
	/* The next thing that happens by itself. */
	ck_assert_int_gt(looked.next, T0 + 40);
	ck_assert_int_le(looked.next, T0 + 7 * D);
	look(looked.next);
	ck_assert(looked.published);
}
END_TEST

START_TEST(a_restart_finds_everything)
{
	look(T0);
	batv_keeper_free(&keeper);
	start();
	look(T0 + 60);
	ck_assert(!looked.published);
	ck_assert_uint_eq(keeper.have.state.n_breaks, 0);
}
END_TEST

START_TEST(domains_arm)
{
	arm("a.test");
	ck_assert(strstr(said, "domain a.test begins to refuse: refusing"));
	ck_assert(!is_armed("b.test"));
}
END_TEST

/* Valid bounces to three tags from three networks: enough evidence in one second. */
static void note_bounces(const char *name, int64_t now)
{
	for (unsigned i = 1; i <= BATV_DOMAIN_HASHES; i++)
		ck_assert_int_eq(
			batv_domain_note(&keeper.generation.memory, name, "default",
					 BATV_EVIDENCE_VALID,
					 &(struct batv_sending_clues){.tag = i, .network = i}, now),
			BATV_OK);
}

START_TEST(grace_is_the_next_event)
{
	look(T0);
	note_bounces("a.test", T0);
	config.policies[0].grace = 3600;
	look(T0 + 60);
	ck_assert_int_eq(looked.next, T0 + 3600);
	look(T0 + 3599);
	ck_assert(!is_armed("a.test"));
	look(T0 + 3600);
	ck_assert(is_armed("a.test"));
}
END_TEST

/* Grace is over, but there is too little evidence: the domain arms on the day it is complete. */
START_TEST(evidence_comes_late)
{
	look(T0);
	note_signed("a.test", T0);
	look(T0 + 8 * D);
	ck_assert(!is_armed("a.test"));
	note_signed("a.test", T0 + 9 * D);
	look(T0 + 9 * D);
	ck_assert(!is_armed("a.test"));
	note_signed("a.test", T0 + 10 * D);
	look(T0 + 10 * D);
	ck_assert(is_armed("a.test"));
}
END_TEST

/* An armed domain stays so when its evidence is too old. */
START_TEST(evidence_falls_out)
{
	arm("a.test");
	for (int64_t now = T0 + 10 * D; now < T0 + 70 * D; now += 5 * D) {
		look(now);
		ck_assert(is_armed("a.test"));
	}
}
END_TEST

START_TEST(a_doubt_breaks_one_domain)
{
	look(T0);
	note_bounces("b.test", T0);
	arm("a.test");
	ck_assert(is_armed("b.test"));
	batv_domain_break(&keeper.generation.memory, "a.test", BATV_DOMAIN_DOUBT, T0 + 8 * D + 60);
	ck_assert(!is_armed("a.test")); /* at once, with no look of batvd */
	look(T0 + 8 * D + 80);
	ck_assert(!is_armed("a.test") && is_armed("b.test"));
	note_signed("a.test", T0 + 9 * D);
	look(T0 + 15 * D + 59);
	ck_assert(!is_armed("a.test"));
	look(T0 + 15 * D + 60);
	ck_assert(is_armed("a.test"));
	batv_domain_break(&keeper.generation.memory, "c.test", BATV_DOMAIN_DOUBT, T0 + 16 * D);
	look(T0 + 16 * D);
	ck_assert(is_armed("a.test") && is_armed("b.test"));
}
END_TEST

START_TEST(unseen_mail_breaks)
{
	int64_t now = T0 + 10 * D;

	arm("a.test");
	for (unsigned i = 0; i < 10; i++)
		batv_sending_accepted(&keeper.generation.memory, "a.test", i % 3 + 1,
				      T0 + 8 * D + (int64_t)(i % 2) * D);
	look(now - 12 * 3600 - 20);
	ck_assert(is_armed("a.test"));
	look(now);
	ck_assert(!is_armed("a.test"));
	ck_assert(
		strstr(said, "domain a.test no longer refuses: observing: 10 messages on 2 days"));
	ck_assert_int_eq(batv_domain_note(&keeper.generation.memory, "a.test", "default",
					  BATV_EVIDENCE_SIGNED,
					  &(struct batv_sending_clues){.sender = 1}, now + 3600),
			 BATV_OK);
	look(now + 7 * D - 1);
	ck_assert(!is_armed("a.test"));
	look(now + 7 * D);
	ck_assert(is_armed("a.test"));
}
END_TEST

START_TEST(bare_mail_disarms)
{
	int64_t now = T0 + 8 * D;

	arm("a.test");
	batv_counters_bare_now(&keeper.generation.memory, now + 100);
	look(now + 110);
	ck_assert(looked.published && !is_armed("a.test"));
	ck_assert(strstr(said, "all domains: observing again: mail left unsigned"));
	look(now + 130);
	ck_assert(!looked.published);
	note_signed("a.test", now + 2 * D);
	look(now + 2 * D);
	ck_assert(!is_armed("a.test"));
	look(now + 100 + 7 * D);
	ck_assert(is_armed("a.test"));
}
END_TEST

START_TEST(a_clock_that_jumps_disarms)
{
	arm("a.test");
	look_as(&(struct batv_look){.now = T0 + 20 * D, .jumped = 12 * D});
	ck_assert(!is_armed("a.test"));
}
END_TEST

/* Exim would not use a state of the future: it is written again, and nothing else happens. */
START_TEST(a_clock_that_is_set_back_a_little)
{
	int64_t now = T0 + 8 * D;

	arm("a.test");
	for (int64_t back = 1; back < D; back *= 7) {
		look_as(&(struct batv_look){.now = now - back, .jumped = -back});
		ck_assert(looked.published && looked.usable && is_armed("a.test"));
		ck_assert_int_eq(keeper.have.state.written, now - back);
		look_as(&(struct batv_look){.now = now - back});
		ck_assert(!looked.published);
		look_as(&(struct batv_look){.now = now, .jumped = back, .publish_always = true});
	}
	ck_assert_uint_eq(keeper.have.state.n_breaks, 0);
}
END_TEST

START_TEST(signing_off_disarms)
{
	arm("a.test");
	config.policies[0].signing = false;
	look(T0 + 8 * D + 20);
	ck_assert(!is_armed("a.test"));
	config.policies[0].signing = true;
	look(T0 + 8 * D + 40);
	note_signed("a.test", T0 + 9 * D);
	look(T0 + 9 * D);
	ck_assert(!is_armed("a.test"));
	look(T0 + 15 * D + 40);
	ck_assert(is_armed("a.test"));
}
END_TEST

/* The state that disarms cannot be written: the domain is disarmed all the same, once. */
START_TEST(disarms_although_the_disk_is_full)
{
	arm("a.test");
	ck_assert_int_eq(mkdirat(dir, ".state.new", 0700), 0);
	config.policies[0].signing = false;
	look_as(&(struct batv_look){.now = T0 + 8 * D + 20});
	expect_trouble(BATV_TROUBLE_STATE, "cannot write the state");
	ck_assert(!looked.published && looked.usable);
	ck_assert(!is_armed("a.test"));
	look_as(&(struct batv_look){.now = T0 + 8 * D + 40});
	ck_assert(!is_armed("a.test"));
	ck_assert_str_eq(said, "");
	ck_assert_int_eq(unlinkat(dir, ".state.new", AT_REMOVEDIR), 0);
	look(T0 + 8 * D + 60);
	ck_assert(looked.published);
}
END_TEST

START_TEST(a_lost_secret)
{
	look(T0);
	ck_assert_int_eq(unlinkat(dir, BATV_SECRET_NAME, 0), 0);
	look_as(&(struct batv_look){.now = T0 + 20});
	ck_assert(looked.secret_gone && looked.usable && !looked.published);
	expect_trouble(BATV_TROUBLE_SECRET, "is missing");
	look(T0 + 40);
	ck_assert(looked.published && keeper.have.state.n_breaks == 1);
	ck_assert_ptr_nonnull(strstr(keeper.have.state.breaks[0].why, "was lost"));
	ck_assert_int_gt(keeper.have.state.lost_until, T0 + 8 * D);
	/* The memory goes on: its key is in the state, too. */
	ck_assert_str_eq(keeper.generation.memory_name, "memory");
	ck_assert_str_eq(keeper.generation.before_name, "");
	ck_assert_int_eq(keeper.generation.memory.sections.filters[0].since, T0);
}
END_TEST

/* Of a fleet that nothing is known of. */
static void look_alone(int64_t now)
{
	look_as(&(struct batv_look){.now = now, .make_secret = true});
}

/* Without a fleet no file has a journal; one that was made for a fleet keeps it. */
START_TEST(a_fleet_needs_a_journal)
{
	const struct batv_generation *g = &keeper.generation;

	look(T0);
	ck_assert(!g->memory.sections.journal_at);
	config.global.fleet = "mail.example";
	look_alone(T0 + 20);
	ck_assert_ptr_nonnull(strstr(said, "because a fleet needs a journal, and the current file "
					   "has none"));
	ck_assert_str_eq(g->memory_name, "memory.2");
	ck_assert_str_eq(g->before_name, "memory");
	ck_assert(g->memory.sections.journal_at);
	look_alone(T0 + 40);
	ck_assert(!looked.published);
	config.global.fleet = "";
	look(T0 + 60);
	ck_assert_str_eq(g->memory_name, "memory.2");
	ck_assert(g->memory.sections.journal_at);
}
END_TEST

START_TEST(the_first_file_of_a_fleet)
{
	config.global.fleet = "mail.example";
	look_alone(T0);
	ck_assert_str_eq(keeper.generation.memory_name, "memory");
	ck_assert(keeper.generation.memory.sections.journal_at);
}
END_TEST

/* A full disk, and then the power: the loss is told by the first state that is written. */
START_TEST(a_lost_secret_and_a_lost_state)
{
	look(T0);
	note_signed("a.test", T0);
	ck_assert_int_eq(unlinkat(dir, BATV_SECRET_NAME, 0), 0);
	ck_assert_int_eq(unlinkat(dir, BATV_STATE_NAME, 0), 0);
	batv_keeper_free(&keeper);
	start();
	ck_assert_int_eq(mkdirat(dir, ".state.new", 0700), 0);
	look_as(&(struct batv_look){.now = T0 + D, .make_secret = true});
	ck_assert(!looked.published);
	ck_assert_int_eq(unlinkat(dir, ".state.new", AT_REMOVEDIR), 0);
	look(T0 + D + 20);
	ck_assert_int_eq(keeper.have.state.lost_until, T0 + 16 * D + 20);
	look(T0 + D + 40);
	ck_assert(!looked.published);
}
END_TEST

START_TEST(a_damaged_secret)
{
	look(T0);
	sandbox_file(BATV_SECRET_NAME, 0600, "rubbish\n", 8);
	look_as(&(struct batv_look){.now = T0 + 6 * D, .make_secret = true});
	expect_trouble(BATV_TROUBLE_SECRET, "secret:1:");
	/* The keys go on with the set that was read before. */
	ck_assert(looked.usable);
	look_as(&(struct batv_look){.now = T0 + 30 * D, .make_secret = true});
	ck_assert(looked.usable);
	/* Nobody knows it after a restart: nothing is made in its place, the state stays. */
	batv_keeper_free(&keeper);
	start();
	look_as(&(struct batv_look){.now = T0 + 31 * D, .make_secret = true});
	ck_assert(looked.usable && !looked.published);
}
END_TEST

/* Truncated at every length, the state is replaced, and nothing that it said is forgotten. */
START_TEST(a_damaged_state)
{
	char *text;
	size_t len;

	look(T0);
	config.policies[0].signing = false;
	look(T0 + 20);
	ck_assert_int_eq(batv_slurp(dir, BATV_STATE_NAME, BATV_STATE_MAX, &text, &len), BATV_OK);
	for (size_t cut = 0; cut < len; cut += 1 + len / 100) {
		sandbox_file(BATV_STATE_NAME, 0640, text, cut);
		look(T0 + 40);
		ck_assert(looked.published);
		ck_assert_uint_eq(keeper.have.state.n_breaks, 1);
		ck_assert_int_eq(keeper.have.state.breaks[0].when, T0 + 20);
	}
	free(text);
}
END_TEST

/* The descriptors that are free now, and no more: with 1 the lock can be opened, and then nothing.
 */
static void leave_descriptors(rlim_t n)
{
	struct rlimit limit;
	int fd = dup(dir);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n ? (rlim_t)fd + n : limit.rlim_max;
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Who starts and cannot read it this time leaves the state alone: it knows what a new one would
 * not. */
START_TEST(a_state_that_cannot_be_read_this_time)
{
	const struct batv_look again = {.now = T0 + 40};

	look(T0);
	config.policies[0].signing = false;
	look(T0 + 20);
	batv_keeper_free(&keeper);
	start();
	leave_descriptors(1);
	look_as(&again);
	leave_descriptors(0);
	ck_assert(strstr(keeper.notices.trouble[BATV_TROUBLE_STATE], "is left as it is for now"));
	ck_assert(!looked.published && looked.usable);
	look_as(&again);
	ck_assert(!looked.published);
	ck_assert_uint_eq(keeper.have.state.serial, 2);
	ck_assert_uint_eq(keeper.have.state.n_breaks, 1);
}
END_TEST

START_TEST(a_foreign_memory)
{
	look(T0);
	sandbox_file(BATV_MEMORY_NAME, 0660, "rubbish\n", 8);
	look(T0 + 20);
	ck_assert(strstr(said, "the old one was not usable"));
	ck_assert_ptr_nonnull(keeper.generation.memory.base);
	note_signed("a.test", T0 + 30);
}
END_TEST

START_TEST(somebody_holds_the_lock)
{
	int fd;

	look(T0);
	ck_assert_int_eq(batv_lock(dir, BATV_WRITER_LOCK, 0, &fd), BATV_OK);
	look_as(&(struct batv_look){.now = T0 + 20, .publish_always = true});
	expect_trouble(BATV_TROUBLE_LOCK, "holds this lock");
	ck_assert(!looked.published);
	close(fd);
	look(T0 + 40);
}
END_TEST

START_TEST(too_many_keys_are_refused)
{
	char before[4096] = "", after[4096] = "";

	look(T0);
	ck_assert_int_gt(pread(openat(dir, BATV_SECRET_NAME, O_RDONLY), before, 4095, 0), 0);
	config.global.key_rotation = D;
	config.global.key_retention = 90 * D;
	for (int i = 1; i < 3; i++) { /* at each look, until it is put right */
		look_as(&(struct batv_look){.now = T0 + 20 * i});
		expect_trouble(BATV_TROUBLE_KEYS, "more than 64 live keys");
		ck_assert(looked.usable);
	}
	ck_assert_int_gt(pread(openat(dir, BATV_SECRET_NAME, O_RDONLY), after, 4095, 0), 0);
	ck_assert_str_eq(before, after);
	config.global.key_rotation = config.global.key_retention = 7 * D;
	look(T0 + 80);
	config.global.key_rotation = 3 * D;
	look(T0 + 100);
	ck_assert(strstr(said, "because key_rotation or key_retention has changed"));
	look(T0 + 120);
	ck_assert_str_eq(said, "");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("keeper");
	TCase *tc = tcase_create("keeper");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_look);
	tcase_add_test(tc, a_fleet_needs_a_journal);
	tcase_add_test(tc, the_first_file_of_a_fleet);
	tcase_add_test(tc, a_restart_finds_everything);
	tcase_add_test(tc, domains_arm);
	tcase_add_test(tc, grace_is_the_next_event);
	tcase_add_test(tc, evidence_comes_late);
	tcase_add_test(tc, evidence_falls_out);
	tcase_add_test(tc, a_doubt_breaks_one_domain);
	tcase_add_test(tc, unseen_mail_breaks);
	tcase_add_test(tc, bare_mail_disarms);
	tcase_add_test(tc, a_clock_that_jumps_disarms);
	tcase_add_test(tc, a_clock_that_is_set_back_a_little);
	tcase_add_test(tc, signing_off_disarms);
	tcase_add_test(tc, disarms_although_the_disk_is_full);
	tcase_add_test(tc, a_lost_secret);
	tcase_add_test(tc, a_lost_secret_and_a_lost_state);
	tcase_add_test(tc, a_damaged_secret);
	tcase_add_test(tc, a_damaged_state);
	tcase_add_test(tc, a_state_that_cannot_be_read_this_time);
	tcase_add_test(tc, a_foreign_memory);
	tcase_add_test(tc, somebody_holds_the_lock);
	tcase_add_test(tc, too_many_keys_are_refused);
	return s;
}
