/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/tag/tag core/tag/addr */
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

/* What the test's message is by its trace, and what was asked. */
static struct {
	enum batv_match answer;
	unsigned asked;
	bool traced;
} past;

static enum batv_match strangers(const struct batv_origin *of, const struct batv_policy *by,
				 bool traced)
{
	ck_assert(of == &origin && by == policy);
	past.asked++;
	past.traced = traced;
	return past.answer;
}

static void past_asked(enum batv_match want, unsigned times, bool traced)
{
	past.asked = 0;
	past.traced = false;
	trusted(want);
	ck_assert_uint_eq(past.asked, times);
	ck_assert_int_eq(past.traced, traced);
}

START_TEST(the_past_is_asked_last_and_only_if_it_matters)
{
	const char *const outside[] = {"dave@else.example"};

	past.answer = BATV_NO;
	origin.strangers = strangers;
	past_asked(BATV_NO, 0, false); /* mail from outside */
	policy->trusted_hosts = "?";
	past_asked(BATV_MAYBE, 1, false);
	policy->trusted_hosts = STRANGER;
	past_asked(BATV_YES, 1, true);
	policy->trusted_hosts = "";
	policy->inbound_domains = "ours.example";
	origin.recipient = recipient_at;
	recipients = outside;
	origin.n_recipients = 1;
	past_asked(BATV_YES, 1, false);
	policy->own_hosts = STRANGER;
	past_asked(BATV_YES, 1, true);
	policy->own_hosts = "?";
	past_asked(BATV_YES, 1, true);
	origin.authenticated = true;
	past_asked(BATV_YES, 1, false);
	origin.own_address = true;
	past_asked(BATV_YES, 0, false);
	origin.authenticated = origin.own_address = false;
	origin.host_address = "";
	past_asked(BATV_YES, 1, true);
	origin.has_id = false;
	past_asked(BATV_NO, 0, false);
}
END_TEST

START_TEST(a_strangers_past_takes_trust_away)
{
	origin.strangers = strangers;
	past.answer = BATV_YES;
	origin.authenticated = true; /* an ACL said so */
	past_asked(BATV_NO, 1, false);
	past.answer = BATV_MAYBE;
	past_asked(BATV_MAYBE, 1, false);
	origin.authenticated = false;
	policy->trusted_hosts = STRANGER;
	past_asked(BATV_MAYBE, 1, true);
	past.answer = BATV_YES;
	past_asked(BATV_NO, 1, true);
	policy->trusted_hosts = "?";
	past_asked(BATV_NO, 1, false);
	origin.own_address = true;
	past_asked(BATV_YES, 0, false);
}
END_TEST

/* An MX that may relay through us brings mail of strangers. */
START_TEST(a_relay_is_not_trusted)
{
	const char *const outside[] = {"dave@else.example"};
	enum batv_trust why;

	policy->trusted_hosts = STRANGER;
	policy->relay_in_hosts = STRANGER;
	trusted(BATV_NO);
	policy->relay_in_hosts = "?";
	trusted(BATV_MAYBE);
	policy->relay_in_hosts = STRANGER;
	policy->inbound_domains = "ours.example";
	origin.recipient = recipient_at;
	recipients = outside;
	origin.n_recipients = 1;
	ck_assert_int_eq(batv_lists_trust_why(policy, &matcher, &origin, &why), BATV_NO);
	ck_assert_int_eq(why, BATV_TRUST_RELAY_IN);
	policy->relay_in_hosts = "";
	ck_assert_int_eq(batv_lists_trust_why(policy, &matcher, &origin, &why), BATV_YES);
	ck_assert_int_eq(why, BATV_TRUST_OTHER);
	policy->trusted_hosts = "";
	ck_assert_int_eq(batv_lists_trust_why(policy, &matcher, &origin, &why), BATV_YES);
	ck_assert_int_eq(why, BATV_TRUST_RELAYING);
	policy->relay_in_hosts = STRANGER;
	origin.authenticated = true;
	ck_assert_int_eq(batv_lists_trust_why(policy, &matcher, &origin, &why), BATV_YES);
	ck_assert_int_eq(why, BATV_TRUST_OTHER);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("lists");
	TCase *tc = tcase_create("lists");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, trust);
	tcase_add_test(tc, the_past_is_asked_last_and_only_if_it_matters);
	tcase_add_test(tc, a_strangers_past_takes_trust_away);
	tcase_add_test(tc, a_relay_is_not_trusted);
	suite_add_tcase(suite, tc);
	return suite;
}
