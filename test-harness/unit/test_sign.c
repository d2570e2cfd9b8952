/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/state core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_sign.c - what is signed, with which key, and the whole list of what is never signed.
 */
#include <stdlib.h>

#include "judge_lab.h"
#include "decide/sign.h"

static struct batv_signing s;

static void sign(const char *address, const char *recipient, int64_t arrival)
{
	memset(&asked, 0, sizeof asked);
	memset(&s, 0x5a, sizeof s);
	batv_sign_address(&context, address, recipient, arrival, &s);
	ck_assert(s.address[0] ? s.answer == BATV_SIGNED || s.answer == BATV_LEFT_HOST ||
					 s.answer == BATV_LEFT_DOUBT
			       : s.answer != BATV_SIGNED);
}

static void left(enum batv_sign_answer want)
{
	ck_assert_str_eq(batv_sign_answer_name(s.answer), batv_sign_answer_name(want));
}

START_TEST(signs_ours)
{
	origin.authenticated = true;
	sign("Alice@Ours.example", "bob@else.example", 0);
	left(BATV_SIGNED);
	ck_assert_str_eq(s.address, tagged_with(1, "Alice@Ours.example"));
	ck_assert_str_eq(s.domain, "ours.example");
	ck_assert_ptr_eq(s.key, &state.ring.keys[1]);
	ck_assert_ptr_eq(s.policy, policy);
	sign("\"a b\"@ours.example", "", 0);
	left(BATV_SIGNED);
	ck_assert_int_eq(strncmp(s.address, "\"prvs=4", 7), 0);
	policy->tag_style = BATV_STYLE_SUBADDRESS;
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	ck_assert_int_eq(strncmp(s.address, "alice+prvs=4", 12), 0);
}
END_TEST

/* A tag of reception, in a message that waits: when a retry would get another key, so does it. */
START_TEST(a_tag_that_the_queue_outlives)
{
	const int64_t change = state.ring.keys[1].from;
	char tagged[BATV_ADDR_SIZE];

	origin.authenticated = true;
	context.now = change - 5;
	sign("alice@ours.example", "", 0);
	ck_assert_ptr_eq(s.key, &state.ring.keys[0]);
	memcpy(tagged, s.address, sizeof tagged);
	context.now = change + DAY(1) - 1;
	origin.own_address = true;
	sign(tagged, "", change - 5);
	left(BATV_LEFT_TAGGED);
	ck_assert(s.carries_valid_tag);
	context.now++;
	sign(tagged, "", change - 5);
	left(BATV_SIGNED);
	ck_assert_str_eq(s.address, tagged_with(1, "alice@ours.example"));
	ck_assert(!s.carries_valid_tag);
	/* the sender's own, a verification, and mail that is not signed any more stay as they are
	 */
	origin.own_address = false;
	sign(tagged, "", change - 5);
	left(BATV_LEFT_TAGGED);
	origin.own_address = true;
	origin.has_id = false;
	sign(tagged, "", change - 5);
	left(BATV_LEFT_TAGGED);
	origin.has_id = true;
	policy->signing = false;
	sign(tagged, "", change - 5);
	left(BATV_LEFT_TAGGED);
	ck_assert(s.carries_valid_tag);
	policy->signing = true;
	context.now = state.ring.keys[0].destroy; /* the tag is dead: the other key signs */
	state.ring.keys[1].until = context.now + 5;
	sign(tagged, "", change - 5);
	left(BATV_SIGNED);
}
END_TEST

/* A transport does not know the recipients of a batch; one that must get no tag decides. */
START_TEST(a_batch)
{
	static const char *const both[] = {"x@else.example", "list@club.example", "y@more.example",
					   "list@club.example"};

	origin.authenticated = true;
	origin.recipient = recipient_at;
	origin.n_recipients = 3;
	recipients = both;
	policy->unsigned_destinations = "list@club.example";
	sign("alice@ours.example", "", 0); /* the recipient is just not known */
	left(BATV_SIGNED);
	origin.batch = true;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DESTINATION);
	sign("alice@ours.example", "@Club.example", 0);
	left(BATV_LEFT_DESTINATION);
	sign("alice@ours.example", "@else.example", 0); /* that one cannot be in it */
	left(BATV_SIGNED);
	recipients = both + 1; /* the first one of the batch, and the last */
	origin.n_recipients = 2;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DESTINATION);
	recipients = both + 2;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DESTINATION);
	origin.n_recipients = 1; /* list@club.example is not in it */
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	policy->unsigned_destinations = "?";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DOUBT);
	ck_assert(!s.own_doubt); /* it is about the recipient */
	policy->unsigned_destinations = "";
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	ck_assert_uint_eq(asked.address, 0);
}
END_TEST

/* The client counts for the sender of its message; the next hop is known at a transport. */
START_TEST(hosts_that_get_no_tag)
{
	policy->trusted_hosts = STRANGER;
	policy->unsigned_hosts = STRANGER;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_HOST);
	ck_assert(!s.by_next_hop && !*s.address);
	origin.own_address = true; /* a list's owner: the client did not choose it */
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	origin.own_address = false;
	policy->unsigned_hosts = "192.0.2.44 mx.else.example";
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	origin.next_address = "192.0.2.44";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_HOST);
	ck_assert(s.by_next_hop && !*s.address);
	origin.next_address = "192.0.2.45";
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	origin.next_name = "mx.else.example";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_HOST);
	policy->unsigned_hosts = "?";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DOUBT);
	ck_assert(!s.own_doubt && !s.by_next_hop);
	policy->unsigned_hosts = "";
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	ck_assert_uint_eq(asked.host, 1); /* trusted_hosts */
}
END_TEST

/* The tag of reception is removed once the next hop is known. */
START_TEST(a_tag_that_the_next_hop_must_not_get)
{
	char tagged[BATV_ADDR_SIZE], old[BATV_ADDR_SIZE];

	(void)snprintf(tagged, sizeof tagged, "%s", tagged_with(1, "alice@ours.example"));
	(void)snprintf(old, sizeof old, "prvs=7123abcdef=alice@ours.example");
	policy->unsigned_hosts = "192.0.2.44";
	origin.authenticated = origin.own_address = true;
	origin.next_address = "192.0.2.44";
	sign(tagged, "", NOW);
	left(BATV_LEFT_HOST);
	ck_assert_str_eq(s.address, "alice@ours.example");
	ck_assert(s.by_next_hop && !s.carries_valid_tag && !s.key);
	ck_assert_ptr_eq(s.policy, policy);
	sign(old, "", NOW); /* a dead tag of ours must not leave either */
	left(BATV_LEFT_HOST);
	policy->unsigned_hosts = "?";
	sign(tagged, "", NOW);
	left(BATV_LEFT_DOUBT);
	ck_assert_str_eq(s.address, "alice@ours.example");
	policy->unsigned_hosts = "192.0.2.45"; /* another host, or none */
	sign(tagged, "", NOW);
	left(BATV_LEFT_TAGGED);
	ck_assert(s.carries_valid_tag);
	policy->unsigned_hosts = "192.0.2.44";
	origin.next_address = NULL;
	sign(tagged, "", NOW);
	left(BATV_LEFT_TAGGED);
	origin.next_address = "192.0.2.44";
	origin.own_address = false; /* it came with this tag */
	sign(tagged, "", NOW);
	left(BATV_LEFT_TAGGED);
	origin.own_address = true;
	sign("prvs=7123abcdef=bob@else.example", "", NOW); /* not ours */
	left(BATV_LEFT_TAGGED);
}
END_TEST

/* Items that overrides add, to the second; the lists of the policy are asked first. */
START_TEST(overrides_add_items)
{
	static const struct {
		enum batv_override_key key;
		const char *item;
		enum batv_sign_answer want;
	} items[] = {
		{BATV_OVERRIDE_UNSIGNED_SENDER, "alice@ours.example", BATV_LEFT_UNSIGNED_SENDER},
		{BATV_OVERRIDE_UNSIGNED_DESTINATION, "bob@else.example", BATV_LEFT_DESTINATION},
		{BATV_OVERRIDE_UNSIGNED_HOST, STRANGER, BATV_LEFT_HOST},
		{BATV_OVERRIDE_UNSIGNED_HOST, "192.0.2.44", BATV_LEFT_HOST},
		{BATV_OVERRIDE_EXEMPT_HOST, STRANGER, BATV_SIGNED},
	};

	origin.authenticated = true;
	origin.next_address = "192.0.2.44";
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		state.overrides[0] = (struct batv_override){.domain = "no@else.example",
							    .key = (uint8_t)items[i].key};
		state.overrides[1] = (struct batv_override){
			.domain = items[i].item, .until = NOW + 5, .key = (uint8_t)items[i].key};
		state.n_overrides = 2;
		batv_state_apply_overrides(&state);
		context.now = NOW + 4;
		sign("alice@ours.example", "bob@else.example", 0);
		left(items[i].want);
		context.now = NOW + 5;
		sign("alice@ours.example", "bob@else.example", 0);
		left(BATV_SIGNED);
	}
}
END_TEST

START_TEST(retries_keep_their_key)
{
	const int64_t change = state.ring.keys[1].from;

	origin.authenticated = true;
	context.now = change + DAY(1) - 1;
	sign("alice@ours.example", "", change - 5);
	ck_assert_ptr_eq(s.key, &state.ring.keys[0]);
	sign("alice@ours.example", "", 0);
	ck_assert_ptr_eq(s.key, &state.ring.keys[1]);
	context.now++;
	sign("alice@ours.example", "", change - 5);
	ck_assert_ptr_eq(s.key, &state.ring.keys[1]);
	context.now--;
	origin.has_id = false; /* $received_time may be another message's */
	sign("alice@ours.example", "", change - 5);
	ck_assert_ptr_eq(s.key, &state.ring.keys[1]);
}
END_TEST

START_TEST(never_signed)
{
	origin.authenticated = true;
	sign("", "", 0);
	left(BATV_LEFT_NULL_SENDER);
	sign(NULL, "", 0);
	left(BATV_LEFT_NULL_SENDER);
	sign("alice", "", 0);
	left(BATV_LEFT_NO_ADDRESS);
	ck_assert_str_eq(s.domain, "");
	sign("prvs=0123456789=alice@ours.example", "", 0);
	left(BATV_LEFT_TAGGED);
	ck_assert(!s.carries_valid_tag && !s.key);
	sign("alice+prvs=0123456789@else.example", "", 0);
	left(BATV_LEFT_TAGGED);
	ck_assert_uint_eq(asked.domain + asked.address + asked.host, 0);
	sign(tagged_with(0, "alice@Ours.example"), "", 0);
	left(BATV_LEFT_TAGGED);
	ck_assert(s.carries_valid_tag);
	ck_assert_ptr_eq(s.key, &state.ring.keys[0]);
	ck_assert_ptr_eq(s.policy, policy);
	ck_assert_str_eq(s.domain, "ours.example");

	sign("alice@else.example", "", 0);
	left(BATV_LEFT_NOT_OURS);
	ck_assert_ptr_null(s.policy);
	sign("SRS0=abcd=tt=else.example=bob@ours.example", "", 0);
	left(BATV_LEFT_SRS);
	sign("SRS1+abcd=x==tt=else.example=bob@ours.example", "", 0);
	left(BATV_LEFT_SRS);
	sign(LOCAL_48 "x@ours.example", "", 0);
	left(BATV_LEFT_UNSIGNABLE);
	sign(LOCAL_48 "@ours.example", "", 0);
	left(BATV_SIGNED);
	sign("\303\244@ours.example", "", 0);
	left(BATV_LEFT_UNSIGNABLE);
	policy->unsigned_senders = "News@ours.example";
	sign("News@OURS.example", "", 0);
	left(BATV_LEFT_UNSIGNED_SENDER);
	policy->unsigned_destinations = "list@else.example";
	sign("alice@ours.example", "list@else.example", 0);
	left(BATV_LEFT_DESTINATION);
	sign("alice@ours.example", "bob@else.example", 0);
	left(BATV_SIGNED);
	sign("alice@ours.example", NULL, 0);
	left(BATV_SIGNED);
	origin.authenticated = false;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_UNTRUSTED);
	policy->signing = false;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_OFF);
	ck_assert_ptr_eq(s.policy, policy);
}
END_TEST

/* A list of the sender's own policy that cannot be asked says so, and only that. */
START_TEST(own_doubt)
{
	origin.authenticated = true;
	sign("alice@ours.example", "", 0);
	left(BATV_SIGNED);
	ck_assert(!s.own_doubt);
	policy->unsigned_senders = "?";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DOUBT);
	ck_assert(s.own_doubt);
	policy->unsigned_senders = "";
	policy->signing = false;
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_OFF);
	ck_assert(!s.own_doubt);
	policy->domains = "?";
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_DOUBT);
	ck_assert(s.own_doubt);
}
END_TEST

START_TEST(without_a_key)
{
	origin.authenticated = true;
	context.now = NOW + DAY(30);
	sign("alice@ours.example", "", 0);
	left(BATV_LEFT_NO_KEY);
	ck_assert_ptr_null(s.key);
	sign("alice@ours.example", "", NOW);
	left(BATV_LEFT_NO_KEY);
}
END_TEST

START_TEST(doubt_does_not_sign)
{
	const char **const lists[] = {&policy->domains, &policy->unsigned_senders,
				      &policy->unsigned_destinations, &policy->unsigned_hosts,
				      &policy->trusted_hosts};

	policy->trusted_hosts = STRANGER;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const char *before = *lists[i];

		sign("alice@ours.example", "bob@else.example", 0);
		left(BATV_SIGNED);
		*lists[i] = "?";
		sign("alice@ours.example", "bob@else.example", 0);
		left(BATV_LEFT_DOUBT);
		*lists[i] = before;
	}
	policy->unsigned_senders = "?"; /* could not be signed in any case */
	sign(LOCAL_48 "x@ours.example", "", 0);
	left(BATV_LEFT_UNSIGNABLE);
}
END_TEST

/* What the signer leaves bare for its own sake is never missing, and the other way round. */
START_TEST(signer_and_verifier_agree)
{
	const char *const addresses[] = {
		"alice@ours.example",   "News@ours.example",       "SRS0=a=b=c=d@ours.example",
		"srs1-x@ours.example",  LOCAL_48 "@ours.example",  LOCAL_48 "x@ours.example",
		"\"a b\"@ours.example", "\"a\\\"b\"@ours.example", "\303\244@ours.example",
		"\"\"@ours.example",    "a..b@ours.example",       "news@ours.example",
		"prvs@ours.example",    "SRS0@ours.example"};

	origin.authenticated = true;
	policy->exempt_authenticated = false;
	policy->unsigned_senders = "News@ours.example";
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		sign(addresses[i], "", 0);
		judge_it(addresses[i]);
		ck_assert_msg((s.answer == BATV_SIGNED) == (j.finding.verdict == BATV_MISSING),
			      "%s", addresses[i]);
		if (s.answer != BATV_SIGNED)
			continue;
		judge_it(s.address);
		expect(BATV_VALID, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
		ck_assert_str_eq(j.bare, addresses[i]);
	}
}
END_TEST

START_TEST(names)
{
	for (int i = 0; i < BATV_SIGN_COUNT; i++)
		ck_assert_ptr_nonnull(batv_sign_answer_name((enum batv_sign_answer)i));
	ck_assert_str_eq(batv_sign_answer_name(BATV_LEFT_DESTINATION), "left:destination");
	ck_assert_str_eq(batv_sign_answer_name((enum batv_sign_answer)99), "?");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("sign");
	TCase *tc = tcase_create("sign");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, signs_ours);
	tcase_add_test(tc, a_tag_that_the_queue_outlives);
	tcase_add_test(tc, a_batch);
	tcase_add_test(tc, hosts_that_get_no_tag);
	tcase_add_test(tc, a_tag_that_the_next_hop_must_not_get);
	tcase_add_test(tc, overrides_add_items);
	tcase_add_test(tc, retries_keep_their_key);
	tcase_add_test(tc, never_signed);
	tcase_add_test(tc, own_doubt);
	tcase_add_test(tc, without_a_key);
	tcase_add_test(tc, doubt_does_not_sign);
	tcase_add_test(tc, signer_and_verifier_agree);
	tcase_add_test(tc, names);
	suite_add_tcase(suite, tc);
	return suite;
}
