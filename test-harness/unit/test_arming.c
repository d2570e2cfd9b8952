/* links: admin/arming core/decide/override core/tag/addr core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_arming.c - when a domain begins to refuse: tables that walk along each boundary.
 */
#include "arming_lab.h"

/* Breaks of the default policy's domain; when 0: none.  until 0: none. */
static const struct {
	const char *name;
	struct evidence e;
	int64_t broken, until, now;
	enum batv_arm_why why;
	int64_t since, when; /* relative to T0; 0: 0 */
} table[] = {
	{"nothing at all", {0, 0, 0, 0}, 0, 0, D, BATV_ARM_NO_EVIDENCE, 0, 0},
	{"nothing since a break", {0, 0, 0, 0}, 5, 0, D, BATV_ARM_NO_EVIDENCE, 5, 0},
	{"first second", {H, H, 0, 0}, 0, 0, H, BATV_ARM_GRACE, H, H + GRACE},
	{"last second of grace", {H, H, 0, 0}, 0, 0, H + GRACE - 1, BATV_ARM_GRACE, H, H + GRACE},
	{"grace is over", {H, H, 0, 0}, 0, 0, H + GRACE, BATV_ARM_ARMED, H, H + GRACE},
	{"the last quiet day", {H, H, 0, 0}, 0, 0, 32 * D, BATV_ARM_ARMED, H, H + GRACE},
	{"quiet for too long", {H, H, 0, 0}, 0, 0, 33 * D, BATV_ARM_NO_EVIDENCE, 0, 0},
	{"an MX, quiet for long", {0, 0, H, H}, 0, 0, 33 * D, BATV_ARM_NO_EVIDENCE, 0, 0},
	{"an MX that never sends", {0, 0, H, H}, 0, 0, H + GRACE, BATV_ARM_ARMED, H, H + GRACE},
	{"valid before signed",
	 {8 * D, 8 * D, H, H},
	 0,
	 0,
	 H + GRACE,
	 BATV_ARM_ARMED,
	 H,
	 H + GRACE},
	{"signed before valid",
	 {H, H, 8 * D, 8 * D},
	 0,
	 0,
	 H + GRACE - 1,
	 BATV_ARM_GRACE,
	 H,
	 H + GRACE},
	{"a break, nothing after",
	 {H, D, 0, 0},
	 D + 1,
	 0,
	 30 * D,
	 BATV_ARM_STALE,
	 D + 1,
	 D + 1 + GRACE},
	{"a break in that second", {H, D, 0, 0}, D, 0, D, BATV_ARM_GRACE, D, D + GRACE},
	{"evidence after it", {H, 2 * D, 0, 0}, D, 0, D + GRACE - 1, BATV_ARM_GRACE, D, D + GRACE},
	{"grace after it", {H, 2 * D, 0, 0}, D, 0, D + GRACE, BATV_ARM_ARMED, D, D + GRACE},
	{"valid bounce after it",
	 {H, H, 2 * D, 2 * D},
	 D,
	 0,
	 D + GRACE,
	 BATV_ARM_ARMED,
	 D,
	 D + GRACE},
	{"a break before it all",
	 {3 * D, 3 * D, 0, 0},
	 D,
	 0,
	 3 * D + GRACE,
	 BATV_ARM_ARMED,
	 3 * D,
	 3 * D + GRACE},
	{"tags still come back",
	 {H, 2 * D, 0, 0},
	 D,
	 30 * D,
	 30 * D - 1,
	 BATV_ARM_GRACE,
	 D,
	 30 * D},
	{"no tag comes back", {H, 2 * D, 0, 0}, D, 30 * D, 30 * D, BATV_ARM_ARMED, D, 30 * D},
	{"until before grace ends",
	 {H, 2 * D, 0, 0},
	 D,
	 2 * D,
	 D + GRACE - 1,
	 BATV_ARM_GRACE,
	 D,
	 D + GRACE},
	{"a day in the future", {H, H + D, 0, 0}, 0, 0, H, BATV_ARM_GRACE, H, H + GRACE},
	{"more than a day", {H, H + D + 1, 0, 0}, 0, 0, H, BATV_ARM_CLOCK, 0, H + D + 1},
	{"first in the future", {5 * D, 5 * D, 0, 0}, 0, 0, H, BATV_ARM_CLOCK, 0, 5 * D},
	{"the clock is back in 1970", {H, H, 0, 0}, 0, 0, 60 - T0, BATV_ARM_CLOCK, 0, H},
	{"one kind in the future",
	 {H, 2 * D, D, 90 * D},
	 0,
	 0,
	 2 * D,
	 BATV_ARM_GRACE,
	 H,
	 H + GRACE},
	{"the other one", {D, 90 * D, H, 2 * D}, 0, 0, H + GRACE, BATV_ARM_ARMED, H, H + GRACE},
	{"both", {H, 80 * D, H, 90 * D}, 0, 0, 2 * D, BATV_ARM_CLOCK, 0, 90 * D},
	{"and a break", {H, 80 * D, 0, 0}, D, 0, 2 * D, BATV_ARM_CLOCK, D, 80 * D},
	{"a break in the future",
	 {H, H, 0, 0},
	 9 * D,
	 0,
	 8 * D,
	 BATV_ARM_STALE,
	 9 * D,
	 9 * D + GRACE},
};

START_TEST(boundaries)
{
	struct batv_arm arm;
	int64_t since = table[_i].since ? T0 + table[_i].since : 0;
	int64_t when = table[_i].when ? T0 + table[_i].when : 0;

	make_state();
	if (table[_i].broken)
		add_break("*", table[_i].broken, table[_i].until);
	arm = decide("default", table[_i].e, table[_i].now);
	ck_assert_msg(arm.why == table[_i].why, "%s: why %d", table[_i].name, (int)arm.why);
	ck_assert_msg(arm.armed == (arm.why == BATV_ARM_ARMED), "%s", table[_i].name);
	ck_assert_msg(arm.since == since, "%s: since %+lld", table[_i].name,
		      (long long)(arm.since - T0));
	ck_assert_msg(arm.when == when, "%s: when %+lld", table[_i].name,
		      (long long)(arm.when - T0));
	ck_assert_ptr_eq(arm.policy, &state.policies[0]);
	ck_assert_int_eq(arm.last_break != NULL, table[_i].broken != 0);
}
END_TEST

/* A domain that has signed since H, up to now. */
static struct batv_arm steady(const char *policy, int64_t now)
{
	return decide(policy, (struct evidence){H, now, 0, 0}, now);
}

START_TEST(which_breaks_concern_a_domain)
{
	make_state();
	add_break("off", 30 * D, 90 * D);
	ck_assert(steady("default", 31 * D).armed);
	add_break("default", 25 * D, 0);
	ck_assert_int_eq(steady("default", 31 * D).why, BATV_ARM_GRACE);
	ck_assert_ptr_eq(steady("default", 31 * D).last_break, &state.breaks[1]);
	ck_assert(steady("default", 32 * D).armed);
	add_break("*", 28 * D, 0);
	ck_assert_ptr_eq(steady("default", 32 * D).last_break, &state.breaks[2]);
	ck_assert(!steady("default", 35 * D - 1).armed);
	ck_assert(steady("default", 35 * D).armed);
	ck_assert(steady("short", 28 * D).armed);
	add_break("short", 29 * D, 0);
	ck_assert(steady("default", 35 * D).armed);
}
END_TEST

/* Revoked tags come back for as long as they do, whatever breaks after that. */
START_TEST(a_later_break_does_not_lift_until)
{
	make_state();
	add_break("*", 20 * D, 60 * D);
	add_break("default", 21 * D, 0);
	ck_assert_int_eq(steady("default", 60 * D - 1).why, BATV_ARM_GRACE);
	ck_assert_int_eq(steady("default", 60 * D - 1).when, T0 + 60 * D);
	ck_assert_ptr_eq(steady("default", 60 * D).last_break, &state.breaks[1]);
	ck_assert(steady("default", 60 * D).armed);
}
END_TEST

START_TEST(modes_answer_first)
{
	const struct evidence none = {0, 0, 0, 0};
	struct batv_policy *p = &state.policies[0];

	make_state();
	p->enforcement = BATV_ENFORCE_OBSERVE;
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_MODE_OBSERVE);
	ck_assert(!steady("default", 90 * D).armed);
	p->enforcement = BATV_ENFORCE_REJECT;
	ck_assert_int_eq(decide("default", none, 90 * D).why, BATV_ARM_MODE_REJECT);
	ck_assert(!decide("default", none, 90 * D).armed);
	p->signing = false;
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_MODE_REJECT);
	p->enforcement = 77; /* what nobody understands observes */
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_MODE_OBSERVE);
	p->enforcement = BATV_ENFORCE_AUTO;
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_SIGNING_OFF);
	ck_assert_int_eq(decide("off", none, 90 * D).why, BATV_ARM_SIGNING_OFF);
}
END_TEST

/* observe and reject of batvctl leave the flag as it would be; auto decides by evidence. */
START_TEST(overrides_of_the_mode)
{
	const struct batv_override observe = {"example.com", T0 + 99 * D, BATV_OVERRIDE_ENFORCEMENT,
					      BATV_ENFORCE_OBSERVE};
	struct batv_arm arm;
	char text[BATV_ARM_TEXT_SIZE];

	make_state();
	state.overrides[0] = observe;
	state.n_overrides = 1;
	arm = steady("default", 90 * D);
	ck_assert(arm.armed && arm.mode == BATV_ENFORCE_OBSERVE);
	batv_arming_explain(&arm, text, sizeof text);
	ck_assert_msg(strncmp(text,
			      "observing until 2027-03-01 12:00 UTC, by batvctl enforce; then: "
			      "refusing since ",
			      78) == 0,
		      "%s", text);
	ck_assert_int_eq(steady("default", 99 * D).mode, BATV_ENFORCE_OBSERVE); /* in doubt */
	state.overrides[0].mode = BATV_ENFORCE_REJECT;
	ck_assert_int_eq(steady("default", 90 * D).mode, BATV_ENFORCE_REJECT);
	ck_assert_int_eq(steady("default", 99 * D).mode, BATV_ENFORCE_AUTO);
	state.policies[0].enforcement = BATV_ENFORCE_OBSERVE;
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_MODE_OBSERVE);
	state.overrides[0].mode = BATV_ENFORCE_AUTO;
	ck_assert(steady("default", 90 * D).armed);
	state.overrides[0].domain = "*";
	ck_assert(steady("default", 90 * D).armed);
	state.overrides[0].domain = "other.example";
	ck_assert(!steady("default", 90 * D).armed);
}
END_TEST

/* A policy that was renamed: the default one must not stand in for it. */
START_TEST(an_unknown_policy_observes)
{
	struct batv_arm arm;

	make_state();
	state.policies[0].enforcement = BATV_ENFORCE_REJECT;
	arm = steady("gone", 90 * D);
	ck_assert_int_eq(arm.why, BATV_ARM_NO_POLICY);
	ck_assert_ptr_null(arm.policy);
	ck_assert(!arm.armed);
	state.n_policies = 0;
	ck_assert_int_eq(steady("default", 90 * D).why, BATV_ARM_NO_POLICY);
}
END_TEST

START_TEST(no_grace_and_endless_grace)
{
	make_state();
	ck_assert(steady("short", H).armed);
	ck_assert(!steady("short", H - 1).armed);
	state.policies[2].grace = INT64_MAX;
	ck_assert_int_eq(steady("short", 9000 * (int64_t)D).why, BATV_ARM_GRACE);
}
END_TEST

/* Once armed it stays so, as long as nothing breaks: for every hour of a year.  As batvd does it.
 */
START_TEST(arming_is_monotonic)
{
	const struct evidence e = {H, 400 * D, 0, 0};
	uint32_t flags = 0, decided = 0;
	int64_t t;

	make_state();
	for (t = 300 * D; t < 700 * D; t += H) {
		struct batv_domain d = domain_of("default", e, t);
		bool armed;

		d.flags = flags;
		d.decided = decided;
		armed = batv_arming_decide(&state, &d, T0 + t).armed;
		ck_assert(armed == (400 * D <= t + D));
		if (armed != (flags != 0))
			decided = at(t);
		flags = armed ? BATV_DOMAIN_ARMED : 0;
	}
}
END_TEST

static const struct {
	struct evidence e;
	int64_t broken, until, now;
	const char *says[4];
} texts[] = {
	{{H, H, 0, 0},
	 0,
	 0,
	 D,
	 {"observing until 2026-11-29 13:00 UTC", "grace of 7d", "2026-11-22 13:00 UTC",
	  "refuses"}},
	{{H, H, 0, 0},
	 0,
	 0,
	 9 * D,
	 {"refusing since 2026-11-29 13:00 UTC", "2026-11-22 13:00 UTC", "break", NULL}},
	{{H, 3 * D, 0, 0},
	 2 * D,
	 0,
	 3 * D,
	 {"observing until 2026-12-01 12:00 UTC", "the break of 2026-11-24 12:00 UTC (a test)",
	  NULL}},
	{{H, 3 * D, 0, 0},
	 2 * D,
	 30 * D,
	 20 * D,
	 {"observing until 2026-12-22 12:00 UTC", "tags whose keys are gone", NULL}},
	{{H, D, 0, 0},
	 2 * D,
	 0,
	 3 * D,
	 {"observing: no signed mail has left", "since the break of 2026-11-24",
	  "it refuses after the next one, but not before 2026-12-01 12:00 UTC", NULL}},
	{{0, 0, 0, 0},
	 0,
	 0,
	 3 * D,
	 {"observing: no signed mail has left", " yet", "7d after", NULL}},
	{{9 * D, 9 * D, 0, 0},
	 0,
	 0,
	 D,
	 {"dated 2026-12-01 12:00 UTC", "clock", "the next signed mail", NULL}},
};

START_TEST(sentences)
{
	struct batv_arm arm;

	make_state();
	if (texts[_i].broken)
		add_break("*", texts[_i].broken, texts[_i].until);
	arm = decide("default", texts[_i].e, texts[_i].now);
	expect_sentence(&arm, texts[_i].says, 4);
}
END_TEST

START_TEST(sentences_of_modes)
{
	static const struct {
		int enforcement;
		bool signing;
		const char *says[2];
	} modes[] = {
		{BATV_ENFORCE_OBSERVE, true, {"observing: policy default", "= observe"}},
		{BATV_ENFORCE_REJECT, true, {"refusing: policy default", "= reject"}},
		{BATV_ENFORCE_AUTO, false, {"observing: policy default", "signing = off"}},
	};
	static const char *const gone[] = {"observing: the policy", "next signed mail"};
	struct batv_arm arm;
	size_t i;

	make_state();
	for (i = 0; i < COUNT(modes); i++) {
		state.policies[0].enforcement = modes[i].enforcement;
		state.policies[0].signing = modes[i].signing;
		arm = steady("default", 90 * D);
		expect_sentence(&arm, modes[i].says, 2);
	}
	arm = steady("gone", 90 * D);
	expect_sentence(&arm, gone, 2);
}
END_TEST

/* An endless grace, a break from nowhere and a text that is far too long still make a sentence. */
START_TEST(sentences_of_odd_values)
{
	static const char *const says[] = {"observing until the end of time", "..."};
	static char why[2000];
	struct batv_arm arm;

	memset(why, '.', sizeof why - 1);
	make_state();
	state.policies[0].grace = INT64_MAX;
	add_break("*", 80 * D, 0);
	state.breaks[0].why = why;
	arm = steady("default", 90 * D);
	expect_sentence(&arm, says, 2);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("arming");
	TCase *tc = tcase_create("arming");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, boundaries, 0, (int)COUNT(table));
	tcase_add_test(tc, which_breaks_concern_a_domain);
	tcase_add_test(tc, a_later_break_does_not_lift_until);
	tcase_add_test(tc, modes_answer_first);
	tcase_add_test(tc, overrides_of_the_mode);
	tcase_add_test(tc, an_unknown_policy_observes);
	tcase_add_test(tc, no_grace_and_endless_grace);
	tcase_add_test(tc, arming_is_monotonic);
	tcase_add_loop_test(tc, sentences, 0, (int)COUNT(texts));
	tcase_add_test(tc, sentences_of_modes);
	tcase_add_test(tc, sentences_of_odd_values);
	return s;
}
