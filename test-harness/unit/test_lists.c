/* links: core/decide/judge core/decide/verdict core/decide/policy core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_lists.c - whom we trust: the sender's host, and the recipients that it is let through for.
 */
#include "judge_lab.h"

static void trusted(enum batv_match want)
{
	ck_assert_int_eq(batv_lists_trust(policy, &matcher, &origin), want);
}

START_TEST(trust)
{
	const char *const inside[] = {"bob@ours.example", "nonsense", "carol@relay.example", NULL};
	const char *const outside[] = {"bob@ours.example", "dave@ELSE.example"};
	const char *many[150];

	trusted(BATV_NO);
	origin.authenticated = true;
	trusted(BATV_YES);
	origin.authenticated = false;

	origin.own_address = true;
	trusted(BATV_YES);
	origin.own_address = false;

	origin.host_address = NULL;
	trusted(BATV_YES);
	origin.has_id = false; /* exim -bt */
	trusted(BATV_NO);
	origin.has_id = true;

	origin.host_address = STRANGER;
	policy->trusted_hosts = STRANGER;
	trusted(BATV_YES);
	policy->trusted_hosts = "?";
	trusted(BATV_MAYBE);
	policy->trusted_hosts = "192.0.2.1";

	policy->inbound_domains = "ours.example relay.example";
	origin.recipient = recipient_at;
	recipients = inside;
	origin.n_recipients = 4;
	trusted(BATV_NO);
	recipients = outside;
	origin.n_recipients = 2;
	trusted(BATV_YES);
	policy->trusted_hosts = "?";
	trusted(BATV_YES); /* proven otherwise */
	policy->trusted_hosts = "";
	policy->inbound_domains = "ours.example ?";
	trusted(BATV_MAYBE);
	policy->inbound_domains = ""; /* then nothing follows from a recipient */
	trusted(BATV_NO);

	policy->inbound_domains = "ours.example";
	for (size_t i = 0; i < 150; i++)
		many[i] = i == 100 ? "dave@else.example" : "bob@ours.example";
	recipients = many;
	origin.n_recipients = 150;
	memset(&asked, 0, sizeof asked);
	trusted(BATV_NO);
	ck_assert_uint_eq(asked.domain, 100); /* no more are looked at */
	many[99] = "dave@else.example";
	trusted(BATV_YES);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("lists");
	TCase *tc = tcase_create("lists");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, trust);
	suite_add_tcase(suite, tc);
	return suite;
}
