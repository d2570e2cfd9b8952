/* links: admin/plan admin/overrides admin/replace core/base/fault core/base/err admin/publish admin/timeline admin/hkdf admin/secret */
/* links: core/tag/key core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_plan.c - from one state to the next: what is a break, and what is not.
 */
#include "plan_lab.h"

START_TEST(first_start_is_no_break)
{
	const struct batv_state *st = step(T0);

	expect_no_break();
	ck_assert_uint_eq(st->serial, 1);
	ck_assert_int_eq(st->written, T0);
	ck_assert_uint_eq(st->n_policies, 3);
	ck_assert_str_eq(st->policies[1].name, "shop");
	ck_assert_str_eq(st->global.automatic_senders, "");
	ck_assert_ptr_nonnull(batv_key_current(&st->ring, T0));
}
END_TEST

START_TEST(state_lost_with_evidence)
{
	facts.has_evidence = true;
	step(T0);
	expect_break(T0, 0, "missing or damaged");
}
END_TEST

/* By batvctl disable: the same break as by the file, and the configuration is not forgotten. */
START_TEST(signing_off_by_an_override)
{
	static struct batv_overrides set;
	const struct batv_override off = {"*", 0, BATV_OVERRIDE_SIGNING, 0};
	const struct batv_state *st;

	config.policies[2].signing = false;
	facts.overrides = &set;
	set.n = 0;
	step(T0);
	ck_assert_int_eq(batv_overrides_set(&set, &off, "root", ""), BATV_OK);
	st = step(T0 + D);
	ck_assert(!st->policies[0].signing && !st->policies[1].signing);
	ck_assert_uint_eq(st->signing_configured, 3);
	ck_assert_str_eq(find("shop")->why, "signing was switched off");
	ck_assert_ptr_null(find("club"));
	step(T0 + 2 * D);
	expect_no_break();
	set.n = 0;
	st = step(T0 + 3 * D);
	ck_assert(st->policies[0].signing && st->policies[1].signing && !st->policies[2].signing);
	ck_assert_str_eq(find("default")->why, "signing was switched on again");
}
END_TEST

START_TEST(overrides_end_and_outlive_a_damaged_file)
{
	static struct batv_overrides set;
	const struct batv_override for_a_while = {"a.test", T0 + 2 * D, BATV_OVERRIDE_ENFORCEMENT,
						  BATV_ENFORCE_OBSERVE};

	set.n = 0;
	ck_assert_int_eq(batv_overrides_set(&set, &for_a_while, "root", ""), BATV_OK);
	facts.overrides = &set;
	ck_assert_uint_eq(step(T0)->n_overrides, 1);
	facts.overrides = NULL; /* it cannot be read */
	ck_assert_str_eq(step(T0 + D)->overrides[0].domain, "a.test");
	ck_assert_uint_eq(step(T0 + 2 * D)->n_overrides, 0);
	expect_no_break();
	facts.overrides = &set;
	ck_assert_uint_eq(step(T0 + 2 * D)->n_overrides, 0);
}
END_TEST

/* A year of daily and sometimes late looks, with a rotation planned ahead: never a break. */
START_TEST(plain_life_is_no_break)
{
	int64_t now = T0;

	add_secret(1001, T0 + 100 * D + 12345, 2);
	for (int i = 0; now < T0 + 366 * D; i++, now += i % 10 ? D : 9 * D) {
		const struct batv_state *st = step(now);

		expect_no_break();
		ck_assert_ptr_nonnull(batv_key_current(&st->ring, now));
		ck_assert_uint_eq(st->serial, (uint64_t)i + 1);
	}
	ck_assert_uint_eq(plans[turn].state.n_breaks, 0);
}
END_TEST

START_TEST(same_but_for_the_time)
{
	const struct batv_plan *before;

	step(T0);
	before = &plans[turn];
	step(T0 + 60);
	ck_assert(batv_plan_same(&before->state, &plans[turn].state));
	config.policies[1].signing = false;
	before = &plans[turn];
	step(T0 + 120);
	ck_assert(!batv_plan_same(&before->state, &plans[turn].state));
}
END_TEST

START_TEST(signing_off_and_on)
{
	const struct batv_break *b;

	step(T0);
	config.policies[1].signing = false;
	step(T0 + D);
	b = find("shop");
	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(b->when, T0 + D);
	ck_assert_ptr_null(find("*"));
	step(T0 + 2 * D);
	expect_no_break();
	ck_assert_int_eq(find("shop")->when, T0 + D);
	config.policies[1].signing = true;
	step(T0 + 3 * D);
	ck_assert_int_eq(find("shop")->when, T0 + 3 * D); /* grace begins when it is on again */
	config.policies[0].signing = false;
	step(T0 + 4 * D);
	ck_assert_int_eq(find("default")->when, T0 + 4 * D);
	ck_assert_ptr_nonnull(strstr(find("default")->why, "switched off"));
	ck_assert_int_eq(find("shop")->when, T0 + 3 * D); /* it signs on */
	ck_assert_ptr_null(find("*"));
}
END_TEST

START_TEST(policies_that_go)
{
	step(T0);
	config.policies[2].signing = false;
	step(T0 + 1);
	config.n_policies = 2; /* club goes, off as it was: its domains are somebody else's */
	step(T0 + 2);
	expect_break(T0 + 2, 0, "club");
	ck_assert_ptr_null(find("club"));
	config.n_policies = 1; /* shop goes, and was on */
	step(T0 + 3);
	expect_no_break();
}
END_TEST

START_TEST(secret_lost)
{
	int64_t until;

	step(T0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	secrets.n = 0;
	add_secret(7777, T0 + 60, 9);
	step(T0 + 60);
	expect_break(T0 + 60, until, "1000 was lost");
	step(T0 + 120);
	expect_no_break(); /* once */
	ck_assert_int_eq(find("*")->until, until);
}
END_TEST

START_TEST(secret_replaced)
{
	int64_t until;

	step(T0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	memset(secrets.list[0].bytes, 5, BATV_SECRET_LEN);
	step(T0 + 60);
	expect_break(T0 + 60, until, "replaced");
}
END_TEST

/* Made new after a loss, in the place of 1000; returns until when its tags come back. */
static int64_t lose(void)
{
	int64_t until;

	step(T0);
	expect_lost(0, 0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	ck_assert_int_gt(until, T0 + 7 * D);
	secrets.n = 0;
	add_secret(7777, T0 + 60, 9);
	step(T0 + 60);
	expect_lost(until, 1000);
	return until;
}

START_TEST(a_loss_is_in_the_state_until_the_last_tag_is_dead)
{
	int64_t until = lose();

	step(T0 + 3 * D);
	step(until - 1);
	expect_lost(until, 1000);
	step(until);
	expect_lost(0, 0);
}
END_TEST

START_TEST(a_loss_that_is_put_right)
{
	lose();
	add_secret(1000, T0 - 30 * D, 1);
	step(T0 + D);
	expect_lost(0, 0);
}
END_TEST

START_TEST(two_losses)
{
	int64_t until = lose(), second;

	step(T0 + 5 * D);
	second = batv_key_current(&plans[turn].state.ring, T0 + 5 * D)->destroy;
	secrets.n = 0;
	add_secret(8888, T0 + 5 * D, 3);
	step(T0 + 5 * D);
	ck_assert_int_ge(second, until);
	ck_assert_int_eq(plans[turn].state.lost_until, second);
	step(second);
	expect_lost(0, 0);
}
END_TEST

START_TEST(a_replaced_secret_is_lost_too)
{
	int64_t until;

	step(T0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	memset(secrets.list[0].bytes, 5, BATV_SECRET_LEN);
	step(T0 + 60);
	expect_lost(until, 0);
	step(T0 + 120);
	expect_lost(until, 0);
}
END_TEST

START_TEST(a_revoked_secret_is_not_lost)
{
	step(T0);
	secrets.list[0].revoked = T0 + 60;
	add_secret(1001, T0 + 60, 2);
	step(T0 + 60);
	expect_lost(0, 0);
}
END_TEST

/* Neither is a loss missed under a clock that is ahead, nor does it end by it. */
START_TEST(a_loss_under_a_clock_ahead)
{
	int64_t until;

	step(T0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	secrets.n = 0;
	add_secret(7777, T0 - 40 * D, 9);
	facts.careful = true;
	/* Which of the keys have signed by then nobody knows: all of them may have. */
	ck_assert_int_ge(step(T0 + 365 * D)->lost_until, until);
	until = plans[turn].state.lost_until;
	expect_lost(until, 1000);
	step(T0 + 366 * D);
	expect_lost(until, 1000);
	step(T0 + D);
	facts.careful = false;
	step(T0 + 2 * D);
	expect_lost(until, 1000);
	ck_assert_int_ge(find("*")->until, until);
}
END_TEST

START_TEST(a_clock_that_jumps_spares_tags)
{
	step(T0);
	facts.careful = true, facts.jumped = _i ? 0 : 365 * D;
	ck_assert_int_gt(step(T0 + 365 * D)->lost_until, T0 + 372 * D);
	ck_assert_int_lt(step(T0)->lost_until, T0 + 16 * D);
}
END_TEST

/* State and secret are gone, and mail had left signed: it takes as long as tags may live. */
START_TEST(a_loss_of_both)
{
	int64_t until = T0 + 15 * D;

	facts.has_evidence = facts.made_secret = true;
	step(T0);
	expect_lost(until, 0);
	ck_assert_int_eq(find("*")->until, until);
	facts.has_evidence = facts.made_secret = false;
	step(until - 1);
	expect_lost(until, 0);
	step(until);
	expect_lost(0, 0);
}
END_TEST

START_TEST(a_first_secret_is_no_loss)
{
	facts.made_secret = true;
	step(T0);
	expect_lost(0, 0);
	expect_no_break();
}
END_TEST

/* A secret that never signed may go without a word; so may one whose tags are dead. */
START_TEST(secret_that_nobody_misses)
{
	add_secret(1001, T0 + 5 * D, 2);
	step(T0);
	secrets.n = 1;
	step(T0 + 60);
	expect_no_break();
	add_secret(1001, T0 + 5 * D, 2);
	for (int64_t day = 10; day < 40; day++)
		step(T0 + day * D);
	secrets.list[0] = secrets.list[1];
	secrets.n = 1;
	step(T0 + 40 * D);
	expect_no_break();
}
END_TEST

START_TEST(import_with_overlap)
{
	step(T0);
	secrets.list[0].retired = T0 + 60;
	add_secret(2000, T0 - 90 * D, 3);
	step(T0 + 60);
	expect_no_break();
}
END_TEST

START_TEST(secret_revoked)
{
	int64_t last;

	step(T0);
	secrets.list[0].revoked = T0 + 60;
	add_secret(1001, T0 + 60, 2);
	last = batv_secret_last_tag(&secrets, &secrets.list[0]);
	ck_assert_int_gt(last, T0 + 7 * D);
	step(T0 + 60);
	expect_break(T0 + 60, last, "1000 was revoked");
	step(T0 + 2 * D);
	expect_no_break();
	/* The state is lost: the secret file still knows until when tags may come back. */
	has_state = false;
	step(T0 + 3 * D);
	ck_assert_int_eq(find("*")->until, last);
	/* Another break does not shorten the wait. */
	facts.jumped = 2 * D;
	step(T0 + 4 * D);
	ck_assert_int_eq(find("*")->until, last);
	/* And when it is over, it is over. */
	has_state = false;
	step(last + 1);
	ck_assert_ptr_null(find("*"));
}
END_TEST

/* By the file alone it never signed; the state knows better. */
START_TEST(secret_revoked_in_its_first_second)
{
	int64_t until;

	secrets.list[0].start = T0;
	step(T0);
	until = batv_key_current(&plans[turn].state.ring, T0)->destroy;
	secrets.list[0].revoked = T0;
	add_secret(1001, T0, 2);
	step(T0);
	expect_break(T0, until, "1000 was revoked");
	step(T0 + 20);
	expect_no_break();
}
END_TEST

START_TEST(bare_mail_counts_once)
{
	step(T0);
	facts.bare_last = T0 + 100;
	step(T0 + 110);
	expect_break(T0 + 100, 0, "unsigned");
	step(T0 + 130);
	expect_no_break();
	facts.bare_last = T0 + 140; /* still going on: the same */
	step(T0 + 150);
	expect_no_break();
	facts.bare_last = T0 + 100 + BATV_BARE_AGAIN;
	step(T0 + 120 + BATV_BARE_AGAIN);
	expect_break(T0 + 100 + BATV_BARE_AGAIN, 0, "unsigned");
	facts.bare_last = T0 + 9 * D; /* of a clock that was wrong */
	step(T0 + 2 * D);
	expect_no_break();
}
END_TEST

START_TEST(bare_mail_before_another_break)
{
	step(T0);
	facts.jumped = 2 * D;
	step(T0 + 2 * D);
	facts.bare_last = T0 + D;
	step(T0 + 2 * D + 20);
	expect_no_break();
}
END_TEST

START_TEST(keys_ran_out)
{
	const struct batv_state *st = step(T0);
	int64_t last = 0;

	for (size_t i = 0; i < st->ring.n_keys; i++)
		if (st->ring.keys[i].until > last)
			last = st->ring.keys[i].until;
	ck_assert_int_ge(last, T0 + 14 * D); /* two weeks away do no harm */
	step(last);
	expect_break(last, 0, "ran out");
	setup();
	step(T0);
	step(last - 1);
	expect_no_break();
}
END_TEST

static const struct {
	int64_t jumped, back;
	bool breaks;
} jumps[] = {
	{0, 0, false},      {D, 0, false},      {D + 20, 0, false}, {D + 61, 0, true},
	{400 * D, 0, true}, {-D, 0, false},     {-D - 61, 0, true}, {0, D, false},
	{0, D + 1, true},   {0, 300 * D, true}, {20, D / 2, false},
};

START_TEST(clock_jumps)
{
	int64_t now = T0 + 60 - jumps[_i].back;

	secrets.list[0].start = T0 - 1000 * D;
	step(T0 + 60);
	facts.jumped = jumps[_i].jumped;
	step(now);
	if (jumps[_i].breaks)
		expect_break(now, 0, "clock jumped");
	else
		expect_no_break();
	step(now + 1);
	expect_no_break();
}
END_TEST

/* No break of a time to come survives a clock that is set right. */
START_TEST(breaks_of_a_wrong_clock)
{
	step(T0);
	facts.jumped = 3000 * D;
	step(T0 + 3000 * D);
	ck_assert_int_eq(find("*")->when, T0 + 3000 * D);
	step(T0 + 20);
	expect_break(T0 + 20, 0, "clock jumped back");
	ck_assert_ptr_null(strstr(find("*")->why, "ran out"));
}
END_TEST

START_TEST(several_reasons_at_once)
{
	step(T0);
	facts.jumped = 2 * D - 1;
	secrets.n = 0;
	add_secret(7777, T0, 9);
	step(T0 + 60);
	ck_assert_str_eq(find("*")->why, "the clock jumped forward by 2d; secret 1000 was lost");
}
END_TEST

/* Sixteen policies and everything at once: as many breaks as there is room for. */
START_TEST(breaks_always_fit)
{
	static char names[BATV_POLICIES_MAX][BATV_POLICY_NAME_MAX + 1];

	config.n_policies = BATV_POLICIES_MAX;
	for (size_t i = 0; i < BATV_POLICIES_MAX; i++) {
		memset(names[i], 'a' + (int)i, BATV_POLICY_NAME_MAX);
		batv_policy_init(&config.policies[i], i ? names[i] : "default");
	}
	for (int round = 0; round < 6; round++) {
		step(T0 + round);
		for (size_t i = 0; i < BATV_POLICIES_MAX; i++)
			config.policies[i].signing = !config.policies[i].signing;
		secrets.list[0].bytes[0] = (uint8_t)(secrets.list[0].bytes[0] + 1);
		facts.jumped = 2 * D;
	}
	ck_assert_uint_eq(plans[turn].state.n_breaks, BATV_BREAKS_MAX);
}
END_TEST

START_TEST(legacy_keys_end)
{
	config.legacy.n_legacy = 2;
	config.legacy.legacy[0] =
		(struct batv_legacy_key){.until = T0 + 10, .len = 1, .bytes = "a"};
	config.legacy.legacy[1] =
		(struct batv_legacy_key){.until = T0 + 99, .len = 1, .bytes = "b"};
	ck_assert_uint_eq(step(T0)->ring.n_legacy, 2);
	ck_assert_uint_eq(step(T0 + 10)->ring.n_legacy, 1);
	ck_assert_int_eq(plans[turn].state.ring.legacy[0].bytes[0], 'b');
}
END_TEST

/* configured, before, of the secret (days): is a secret added? */
static const struct {
	int configured, before, secret;
	bool adds;
} periods[] = {
	{7, 7, 7, false}, {3, 7, 7, true}, /* changed */
	{7, 7, 3, false},                  /* imported from a server with another configuration */
	{3, 7, 3, false},                  /* changed to what the set has already */
	{3, 0, 7, false},                  /* no state before: nothing was changed */
};

START_TEST(changed_periods)
{
	struct batv_state before = {.global.key_rotation = periods[_i].before * D,
				    .global.key_retention = 7 * D};

	config.global.key_rotation = periods[_i].configured * D;
	secrets.list[0].rotation = periods[_i].secret * D;
	ck_assert_int_eq(
		batv_plan_wants_secret(&config, periods[_i].before ? &before : NULL, &secrets, T0),
		periods[_i].adds);
	/* The same for the retention. */
	config.global.key_rotation = before.global.key_rotation = secrets.list[0].rotation = 7 * D;
	before.global.key_retention = periods[_i].before * D;
	config.global.key_retention = periods[_i].configured * D;
	secrets.list[0].retention = periods[_i].secret * D;
	ck_assert_int_eq(
		batv_plan_wants_secret(&config, periods[_i].before ? &before : NULL, &secrets, T0),
		periods[_i].adds);
}
END_TEST

START_TEST(too_many_keys)
{
	ck_assert(batv_plan_fits(&config, NULL, T0));
	ck_assert(batv_plan_fits(&config, &secrets, T0));
	config.global.key_rotation = D;
	config.global.key_retention = 30 * D;
	ck_assert(batv_plan_fits(&config, NULL, T0));
	config.global.key_retention = 60 * D;
	ck_assert(!batv_plan_fits(&config, NULL, T0));
	ck_assert(!batv_plan_fits(&config, &secrets, T0));
	secrets.list[0].start = T0 - 100 * D;
	secrets.list[0].rotation = D;
	secrets.list[0].retention = 60 * D;
	facts.now = T0;
	facts.previous = NULL;
	ck_assert_int_eq(batv_plan_next(&facts, &plans[0]), BATV_E_FULL);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("plan");
	TCase *tc = tcase_create("plan");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, first_start_is_no_break);
	tcase_add_test(tc, state_lost_with_evidence);
	tcase_add_test(tc, plain_life_is_no_break);
	tcase_add_test(tc, same_but_for_the_time);
	tcase_add_test(tc, signing_off_and_on);
	tcase_add_test(tc, signing_off_by_an_override);
	tcase_add_test(tc, overrides_end_and_outlive_a_damaged_file);
	tcase_add_test(tc, policies_that_go);
	tcase_add_test(tc, secret_lost);
	tcase_add_test(tc, a_loss_is_in_the_state_until_the_last_tag_is_dead);
	tcase_add_test(tc, a_loss_that_is_put_right);
	tcase_add_test(tc, two_losses);
	tcase_add_test(tc, a_replaced_secret_is_lost_too);
	tcase_add_loop_test(tc, a_clock_that_jumps_spares_tags, 0, 2);
	tcase_add_test(tc, a_revoked_secret_is_not_lost);
	tcase_add_test(tc, a_loss_under_a_clock_ahead);
	tcase_add_test(tc, a_loss_of_both);
	tcase_add_test(tc, a_first_secret_is_no_loss);
	tcase_add_test(tc, secret_replaced);
	tcase_add_test(tc, secret_that_nobody_misses);
	tcase_add_test(tc, import_with_overlap);
	tcase_add_test(tc, secret_revoked);
	tcase_add_test(tc, secret_revoked_in_its_first_second);
	tcase_add_test(tc, bare_mail_counts_once);
	tcase_add_test(tc, bare_mail_before_another_break);
	tcase_add_test(tc, keys_ran_out);
	tcase_add_loop_test(tc, clock_jumps, 0, sizeof jumps / sizeof jumps[0]);
	tcase_add_test(tc, breaks_of_a_wrong_clock);
	tcase_add_test(tc, several_reasons_at_once);
	tcase_add_test(tc, breaks_always_fit);
	tcase_add_test(tc, legacy_keys_end);
	tcase_add_loop_test(tc, changed_periods, 0, sizeof periods / sizeof periods[0]);
	tcase_add_test(tc, too_many_keys);
	return s;
}
