/* links: core/decide/override */
/*
 * test_override.c - which mode holds for a domain.
 */
#include <check.h>
#include <string.h>

#include "decide/override.h"
#include "unit.h"

#define NOW 1000
enum { A = BATV_ENFORCE_AUTO, O = BATV_ENFORCE_OBSERVE, R = BATV_ENFORCE_REJECT, NONE = 9 };

static const struct {
	int policy; /* its number; 1 is a named one */
	int configured, all, own;
	bool ended;
	int want;
} cases[] = {
	{0, A, NONE, NONE, false, A},
	{0, R, NONE, NONE, false, R},
	{0, R, O, NONE, false, O},
	{1, R, O, NONE, false, O},
	{0, A, R, NONE, false, R},
	{1, A, R, NONE, false, A},
	{0, A, R, O, false, O},
	{0, A, A, R, false, R},
	{1, O, A, R, false, R},
	{1, R, O, R, false, O}, /* observe for all stops each refusal */
	{0, O, NONE, A, false, A},
	{0, R, NONE, A, false, A},
	{0, R, R, A, false, A},
	/* ended, and batvd has not noticed: the more lenient mode */
	{0, A, NONE, R, true, A},
	{0, A, NONE, O, true, O},
	{0, R, NONE, A, true, A},
	{0, O, NONE, R, true, O},
	{0, O, NONE, A, true, O},
	{0, R, NONE, R, true, R},
	{1, R, O, NONE, true, O},
};

START_TEST(modes)
{
	static struct batv_state st; /* large */
	const int64_t until = cases[_i].ended ? NOW : NOW + 1;

	memset(&st, 0, sizeof st);
	st.n_policies = 2;
	st.policies[cases[_i].policy].enforcement = cases[_i].configured;
	st.overrides[st.n_overrides++] =
		(struct batv_override){"other.test", 0, BATV_OVERRIDE_ENFORCEMENT, R};
	st.overrides[st.n_overrides++] =
		(struct batv_override){"a.test", 0, BATV_OVERRIDE_ANYWAY, 0};
	if (cases[_i].all != NONE)
		st.overrides[st.n_overrides++] = (struct batv_override){
			"*", until, BATV_OVERRIDE_ENFORCEMENT, (uint8_t)cases[_i].all};
	if (cases[_i].own != NONE)
		st.overrides[st.n_overrides++] = (struct batv_override){
			"a.test", until, BATV_OVERRIDE_ENFORCEMENT, (uint8_t)cases[_i].own};
	ck_assert_int_eq(batv_override_mode(&st, &st.policies[cases[_i].policy], "a.test", NOW),
			 cases[_i].want);
}
END_TEST

START_TEST(anyway)
{
	static struct batv_state st;

	ck_assert(!batv_override_anyway(&st, "a.test", NOW));
	st.overrides[0] = (struct batv_override){"a.test", 0, BATV_OVERRIDE_ANYWAY, 0};
	st.n_overrides = 1;
	ck_assert(batv_override_anyway(&st, "a.test", NOW));
	ck_assert(!batv_override_anyway(&st, "b.test", NOW));
	st.overrides[0].until = NOW;
	ck_assert(!batv_override_anyway(&st, "a.test", NOW));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("override");
	TCase *tc = tcase_create("override");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, modes, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(tc, anyway);
	return s;
}
