/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_no_idn.c - an Exim without SUPPORT_I18N: nothing converts internationalised domains, so one
 * with bytes above 127 may be any.  Nothing is signed or refused for it.
 */
#include "judge_lab.h"
#include "decide/sign.h"

#define U_LABEL                                                                                    \
 "b\xc3\xbc"                                                                                       \
 "cher.example"

static struct batv_signing s;

START_TEST(signing)
{
	origin.authenticated = true;
	policy->domains = U_LABEL; /* not even if the list seems to know it */
	batv_sign_address(&context, "alice@" U_LABEL, "", 0, &s);
	ck_assert_int_eq(s.answer, BATV_LEFT_DOUBT);
	ck_assert_str_eq(s.address, "");
	/* an A-label needs no conversion */
	policy->domains = "xn--bcher-kva.example";
	batv_sign_address(&context, "alice@xn--bcher-kva.example", "", 0, &s);
	ck_assert_int_eq(s.answer, BATV_SIGNED);
}
END_TEST

START_TEST(judging)
{
	policy->domains = U_LABEL;
	policy->enforcement = BATV_ENFORCE_REJECT;
	origin.host_address = STRANGER;
	batv_judge_recipient(&context, "alice@" U_LABEL, &j);
	ck_assert(j.finding.doubt);
	ck_assert_int_eq(j.finding.reason, BATV_WHY_DOUBT);
	ck_assert_int_eq(j.finding.action, BATV_ACTION_ACCEPT);
}
END_TEST

START_TEST(text_as_it_is)
{
	const char *text = "alice@B\xc3\xbc"
			   "CHER.example";
	char out[BATV_ADDR_SIZE];
	struct batv_addr a;
	size_t len;

	ck_assert_int_eq(batv_addr_parse(text, strlen(text), &a), BATV_OK);
	ck_assert_int_eq(batv_addr_domain(&a, out), BATV_E_NO_IDN);
	ck_assert_str_eq(out, U_LABEL);
	ck_assert_int_eq(batv_addr_canon(&a, out, sizeof out, &len), BATV_OK);
	ck_assert_str_eq(out, "alice@" U_LABEL);
	ck_assert(!batv_tag_fits(&a));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("no_idn");
	TCase *tc = tcase_create("no_idn");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, signing);
	tcase_add_test(tc, judging);
	tcase_add_test(tc, text_as_it_is);
	suite_add_tcase(suite, tc);
	return suite;
}
