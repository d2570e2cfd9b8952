/* links: admin/plan admin/overrides admin/replace core/base/fault core/base/err admin/publish admin/timeline admin/hkdf admin/secret */
/* links: core/tag/key core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_plan_edges.c - from one state to the next, to the second: where a rule begins and ends.
 */
#include "plan_lab.h"

/* Keys of the secret 1000 change at T0 - 84 h and every 7 days; one that has signed lives for 8
 * days after that. */
#define H 3600
#define CHANGE (T0 + 84 * H)
#define OLD_ENDS (CHANGE - 7 * D + 8 * D) /* of the key that signed until T0 - 84 h */

START_TEST(the_times_are_as_said)
{
	const struct batv_key *key = batv_key_current(&step(T0)->ring, T0);

	ck_assert_int_eq(key->from, CHANGE - 7 * D);
	ck_assert_int_eq(key->until, CHANGE);
	ck_assert_int_eq(key->destroy, CHANGE + 8 * D);
}
END_TEST

/* A key ends while the clock jumps, or seems to. */
static const struct {
	int64_t jumped;
	bool careful, lost;
} jumps[] = {
	{0, true, false},
	{BATV_JUMP, true, false},
	{BATV_JUMP + 1, true, true},
	{-BATV_JUMP, true, false},
	{-BATV_JUMP - 1, true, true},
	{BATV_JUMP + 1, false, false},
	{-BATV_JUMP - 1, false, false},
};

START_TEST(keys_that_end_in_a_jump)
{
	step(OLD_ENDS - 1);
	facts.jumped = jumps[_i].jumped;
	facts.careful = jumps[_i].careful;
	step(OLD_ENDS + 1);
	expect_lost(jumps[_i].lost ? OLD_ENDS + 2 : 0, 0);
	if (jumps[_i].jumped == BATV_JUMP || jumps[_i].jumped == -BATV_JUMP)
		expect_no_break();
}
END_TEST

/* What the keys of the other time had to live is what their tags are spared. */
START_TEST(keys_of_another_time)
{
	secrets.list[0].start = T0 - 1000 * D;
	step(T0);
	facts.careful = true;
	step(T0 + 365 * D);
	expect_lost(T0 + 365 * D + 84 * H + 8 * D, 0);
	step(T0); /* set right, it is as long by the right clock */
	expect_lost(T0 + 84 * H + 8 * D, 0);
	setup();
	step(CHANGE); /* in the first second of a key */
	facts.careful = true;
	step(CHANGE + 365 * D);
	expect_lost(CHANGE + 365 * D + 15 * D, 0);
	setup();
	secrets.list[0].start = T0 - 1000 * D;
	step(T0);
	facts.careful = true;
	step(T0 - 60 * D);
	expect_lost(T0 - 60 * D + 84 * H + 8 * D, 0);
}
END_TEST

/* It stopped before the key of that week signed anything. */
START_TEST(keys_that_never_signed)
{
	secrets.list[0].retired = T0;
	step(T0);
	ck_assert_uint_eq(step(CHANGE + 9 * D)->ring.n_keys, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(plans[turn].state.ring.keys[i].until,
				 plans[turn].state.ring.keys[i].from);
	facts.careful = true, facts.jumped = 365 * D;
	step(CHANGE + 365 * D);
	expect_lost(0, 0);
	setup();
	secrets.list[0].retired = T0;
	add_secret(1001, T0, 2);
	step(T0);
	step(CHANGE + 9 * D);
	memmove(&secrets.list[0], &secrets.list[1], sizeof secrets.list[0]);
	secrets.n = 1;
	step(CHANGE + 9 * D + 60);
	expect_no_break();
}
END_TEST

/* A secret goes when the last of its tags dies: in the second before, then, and after it. */
START_TEST(a_secret_goes_with_its_last_tag)
{
	const int64_t last = CHANGE + 8 * D;

	for (int64_t now = last - 1; now <= last + 1; now++) {
		setup();
		secrets.list[0].retired = T0;
		add_secret(1001, T0, 2);
		step(T0);
		step(last - 2);
		memmove(&secrets.list[0], &secrets.list[1], sizeof secrets.list[0]);
		secrets.n = 1;
		step(now);
		if (now < last)
			expect_break(now, last, "1000 was lost");
		else
			expect_no_break();
		expect_lost(now < last ? last : 0, now < last ? 1000 : 0);
	}
}
END_TEST

/* Without a state, only the file of secrets says that tags of a revoked one may come back. */
START_TEST(what_the_file_says_of_revoked_secrets)
{
	const int64_t last = CHANGE + 8 * D;

	secrets.list[0].revoked = T0;
	add_secret(1001, T0, 2);
	step(T0);
	expect_break(T0, last, "1000 was revoked");
	has_state = false;
	step(last - 1);
	expect_break(last - 1, last, "1000 was revoked");
	has_state = false;
	step(last);
	expect_no_break();
	has_state = false;
	step(T0 - 1); /* not yet */
	expect_no_break();
	/* revoked before it began; and nothing follows the last secret */
	setup();
	add_secret(1001, T0 + 10 * D, 2);
	secrets.list[1].revoked = T0 - D;
	step(T0);
	expect_no_break();
	secrets.n = 1;
	secrets.list[1] = secrets.list[0];
	secrets.list[1].revoked = T0;
	step(T0);
	expect_no_break();
}
END_TEST

START_TEST(a_reason_is_given_once)
{
	step(T0);
	secrets.list[0].revoked = T0 + 60;
	add_secret(1001, T0 + 60, 2);
	step(T0 + 60);
	ck_assert_str_eq(find("*")->why, "secret 1000 was revoked");
	expect_lost(0, 0);
	/* in its first second: only the state knows that it signed */
	setup();
	secrets.list[0].start = T0;
	step(T0);
	secrets.list[0].revoked = T0;
	add_secret(1001, T0, 2);
	step(T0);
	ck_assert_str_eq(find("*")->why, "secret 1000 was revoked");
	expect_lost(0, 0);
}
END_TEST

/* As many policies go as there are: what does not fit is cut, and no other reason is touched. */
START_TEST(reasons_that_do_not_fit)
{
	static char names[BATV_POLICIES_MAX][BATV_POLICY_NAME_MAX + 1];

	facts.jumped = 2 * D;
	step(T0);
	config.policies[0].signing = false;
	step(T0 + 1);
	config.n_policies = BATV_POLICIES_MAX;
	for (size_t i = 1; i < BATV_POLICIES_MAX; i++) {
		memset(names[i], 'a' + (int)i, BATV_POLICY_NAME_MAX);
		batv_policy_init(&config.policies[i], names[i]);
		config.policies[i].signing = false;
	}
	step(T0 + 2);
	config.n_policies = 1;
	step(T0 + 3);
	ck_assert_uint_eq(strlen(find("*")->why), BATV_BREAK_WHY_SIZE - 1);
	ck_assert_int_eq(find("*")->until, 0);
	ck_assert_str_eq(find("default")->why, "signing was switched off");
	ck_assert_int_eq(find("default")->until, 0);
}
END_TEST

/* The longest life of a tag is waited for, and no longer one is believed. */
START_TEST(the_longest_wait)
{
	int64_t last;

	secrets.list[0].start = 0;
	secrets.list[0].rotation = secrets.list[0].retention = BATV_PERIOD_MAX;
	step(T0 - T0 % BATV_PERIOD_MAX); /* in the first second of a key */
	last = batv_key_current(&plans[turn].state.ring, T0 - T0 % BATV_PERIOD_MAX)->destroy;
	secrets.n = 0;
	add_secret(7777, T0 - 1000 * D, 9);
	step(T0 - T0 % BATV_PERIOD_MAX);
	ck_assert_int_eq(find("*")->until, last);
	step(T0 - T0 % BATV_PERIOD_MAX);
	ck_assert_int_eq(find("*")->until, last);
	plans[turn].state.breaks[0].until = last + D;
	step(T0 - T0 % BATV_PERIOD_MAX);
	ck_assert_int_eq(find("*")->until, last);
}
END_TEST

/* A jump is told to the minute. */
START_TEST(jumps_in_words)
{
	static const struct {
		int64_t jumped;
		const char *why;
	} told[] = {
		{BATV_JUMP, NULL},
		{-BATV_JUMP, NULL},
		{2 * D - 31, "the clock jumped forward by 1d23h59m"},
		{2 * D - 30, "the clock jumped forward by 2d"},
		{2 * D + 29, "the clock jumped forward by 2d"},
		{2 * D + 30, "the clock jumped forward by 2d1m"},
		{-2 * D - 29, "the clock jumped back by 2d"},
		{-2 * D - 30, "the clock jumped back by 2d1m"},
	};

	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		setup();
		step(T0);
		facts.jumped = told[i].jumped;
		step(T0 + 1);
		if (told[i].why)
			ck_assert_str_eq(find("*")->why, told[i].why);
		else
			expect_no_break();
	}
}
END_TEST

START_TEST(times_of_bare_mail)
{
	facts.bare_last = 1; /* one second after there were times */
	step(T0);
	expect_break(1, 0, "unsigned");
	setup();
	facts.bare_last = T0 + BATV_STATE_SKEW; /* as far as a clock may be ahead */
	step(T0);
	expect_break(T0, 0, "unsigned");
	setup();
	facts.bare_last = T0 + BATV_STATE_SKEW + 1;
	step(T0);
	expect_no_break();
	setup();
	step(T0);
	facts.jumped = 2 * D;
	step(T0 + 1);
	facts.bare_last = T0 + 1; /* in the second of another break */
	step(T0 + 2);
	expect_no_break();
}
END_TEST

/* A state that cannot be written differs from all. */
START_TEST(states_that_cannot_be_written)
{
	struct batv_state *bad = malloc(sizeof *bad);

	step(T0);
	*bad = plans[turn].state;
	bad->memory = "a/b";
	ck_assert(batv_plan_same(&plans[turn].state, &plans[turn].state));
	ck_assert(!batv_plan_same(bad, &plans[turn].state));
	ck_assert(!batv_plan_same(&plans[turn].state, bad));
	ck_assert(!batv_plan_same(bad, bad));
	free(bad);
}
END_TEST

/* Does the secret that would be added fit?  Only if the configuration differs is one added. */
START_TEST(what_would_be_added)
{
	config.global.key_rotation = D;
	config.global.key_retention = 60 * D;
	secrets.list[0].start = T0 - 1000 * D;
	secrets.list[0].retention = 60 * D;
	ck_assert(!batv_plan_fits(&config, &secrets, T0)); /* its rotation differs */
	secrets.list[0].rotation = D;
	secrets.list[0].retention = 7 * D;
	ck_assert(!batv_plan_fits(&config, &secrets, T0)); /* its retention differs */
	config.global.key_retention = 7 * D;
	ck_assert(batv_plan_fits(&config, &secrets, T0));
	/* a full file: nothing can be added */
	while (secrets.n < BATV_SECRETS_MAX) {
		add_secret(1000 + (uint32_t)secrets.n, T0 - 3000 * D, 2);
		secrets.list[secrets.n - 1].retired = T0 - 2900 * D;
	}
	config.global.key_retention = 60 * D;
	ck_assert(batv_plan_fits(&config, &secrets, T0));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("plan_edges");
	TCase *tc = tcase_create("plan_edges");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_times_are_as_said);
	tcase_add_loop_test(tc, keys_that_end_in_a_jump, 0, sizeof jumps / sizeof jumps[0]);
	tcase_add_test(tc, keys_of_another_time);
	tcase_add_test(tc, keys_that_never_signed);
	tcase_add_test(tc, a_secret_goes_with_its_last_tag);
	tcase_add_test(tc, what_the_file_says_of_revoked_secrets);
	tcase_add_test(tc, a_reason_is_given_once);
	tcase_add_test(tc, reasons_that_do_not_fit);
	tcase_add_test(tc, the_longest_wait);
	tcase_add_test(tc, jumps_in_words);
	tcase_add_test(tc, times_of_bare_mail);
	tcase_add_test(tc, states_that_cannot_be_written);
	tcase_add_test(tc, what_would_be_added);
	return s;
}
