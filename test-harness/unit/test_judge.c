/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/state core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_judge.c - gathering facts: which lists are asked, in which order and how often, and what
 * doubt does.
 */
#include "judge_lab.h"

/* ---- policies ---- */

START_TEST(named_policies_come_first)
{
	const struct batv_policy *p;

	state.n_policies = 3;
	state.policies[1] = state.policies[2] = *policy;
	state.policies[1].domains = "";
	state.policies[2].domains = "shop.example";
	policy->domains = "shop.example ours.example";
	ck_assert_int_eq(batv_lists_policy(&state, &matcher, "shop.example", &p), BATV_YES);
	ck_assert_ptr_eq(p, &state.policies[2]);
	ck_assert_uint_eq(asked.domain, 1); /* the empty list was not asked */
	ck_assert_int_eq(batv_lists_policy(&state, &matcher, "ours.example", &p), BATV_YES);
	ck_assert_ptr_eq(p, policy);
	ck_assert_int_eq(batv_lists_policy(&state, &matcher, "else.example", &p), BATV_NO);
	ck_assert_ptr_null(p);
	state.policies[1].domains = "?ldap"; /* it is not known which of them it is */
	ck_assert_int_eq(batv_lists_policy(&state, &matcher, "shop.example", &p), BATV_MAYBE);
	ck_assert_ptr_null(p);
	state.n_policies = 0;
	ck_assert_int_eq(batv_lists_policy(&state, &matcher, "shop.example", &p), BATV_NO);
}
END_TEST

/* ---- judging ---- */

START_TEST(a_bare_address_is_missing)
{
	judge_it("Alice@OURS.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	ck_assert(j.finding.rejecting && !j.finding.doubt && !j.tagged);
	ck_assert_str_eq(j.bare, "Alice@OURS.example");
	ck_assert_str_eq(j.domain, "ours.example");
	ck_assert_ptr_eq(j.policy, policy);
	ck_assert_ptr_null(j.key);
	ck_assert_uint_eq(asked.domain + asked.address + asked.host, 1);
}
END_TEST

START_TEST(a_valid_tag_asks_one_list)
{
	policy->own_hosts = policy->exempt_hosts = policy->relay_in_hosts = "?dns";
	policy->exempt_recipients = policy->unsigned_senders = "?file";
	for (size_t key = 0; key < 2; key++) {
		judge_it(tagged_with(key, "alice@Ours.example"));
		expect(BATV_VALID, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
		ck_assert_ptr_eq(j.key, &state.ring.keys[key]);
		ck_assert(j.tagged && !j.finding.doubt);
		ck_assert_str_eq(j.bare, "alice@Ours.example");
		ck_assert_uint_eq(asked.domain, 1);
		ck_assert_uint_eq(asked.address + asked.host, 0);
	}
}
END_TEST

START_TEST(bad_tags)
{
	char forged[BATV_ADDR_SIZE];

	(void)snprintf(forged, sizeof forged, "%s", tagged_with(1, "alice@ours.example"));
	forged[10] = forged[10] == '0' ? '1' : '0';
	judge_it(forged);
	expect(BATV_FORGED, BATV_WHY_NONE, BATV_ACTION_REJECT);
	ck_assert_ptr_null(j.key);
	ck_assert_str_eq(j.bare, "alice@ours.example");
	fill_key(&state.ring.keys[0], 'a', 3, NOW - DAY(40));
	(void)snprintf(forged, sizeof forged, "%s", tagged_with(0, "alice@ours.example"));
	state.ring.keys[0] = state.ring.keys[1];
	state.ring.n_keys = 1;
	judge_it(forged);
	expect(BATV_EXPIRED, BATV_WHY_NONE, BATV_ACTION_REJECT);
	/* we do not judge another domain */
	judge_it("prvs=4815abcdef=alice@else.example");
	expect(BATV_NOT_OURS, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert(j.tagged);
}
END_TEST

/* Until its last tag expires, no tagged recipient is refused; untagged ones may be. */
START_TEST(a_lost_secret)
{
	static const struct {
		int64_t later;
		enum batv_reason why;
	} times[] = {{1, BATV_WHY_LOST_SECRET}, {0, BATV_WHY_NONE}, {-1, BATV_WHY_NONE}};
	enum batv_action refused;

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		state.lost_until = context.now + times[i].later;
		refused = times[i].why == BATV_WHY_NONE ? BATV_ACTION_REJECT : BATV_ACTION_MARK;
		judge_it("prvs=0123abcdef=alice@ours.example");
		expect(BATV_FORGED, times[i].why, refused);
		judge_it("alice@ours.example");
		expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
		judge_it(tagged_with(0, "alice@ours.example"));
		expect(BATV_VALID, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	}
}
END_TEST

/* Mail leaves untagged now, and so do its bounces return: nothing is refused until there are keys
 * again. */
START_TEST(keys_that_ran_out)
{
	context.now = state.ring.keys[1].until - 1;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	context.now++;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_DOUBT, BATV_ACTION_MARK);
	judge_it(tagged_with(1, "alice@ours.example"));
	expect(BATV_VALID, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert(!j.finding.doubt);
}
END_TEST

START_TEST(what_is_no_address_is_let_through)
{
	const char *const odd[] = {
		NULL, "", "alice", "@ours.example", "alice@", "a b@ours.example"};
	static char longer[2000];

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		judge_it(odd[i]);
		expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
		ck_assert_ptr_null(j.policy);
		ck_assert_uint_eq(asked.domain + asked.address + asked.host, 0);
	}
	memset(longer, 'a', sizeof longer - 1);
	memcpy(longer, "alice@", 6);
	judge_it(longer); /* longer than any input */
	expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	longer[300] = '\0'; /* a domain that is too long to be looked up */
	judge_it(longer);
	expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	memcpy(longer + 280, "@ours.example", 14);
	longer[5] = 'x'; /* a local part that is too long to tag, in our own domain */
	judge_it(longer);
	expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert_ptr_eq(j.policy, policy);
	ck_assert_str_eq(j.bare, "");
}
END_TEST

START_TEST(exemptions_of_the_message)
{
	struct batv_origin local = {.has_id = true};

	context.origin = &local;
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_LOCAL, BATV_ACTION_ACCEPT);
	context.origin = &origin;

	origin.authenticated = true;
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_AUTHENTICATED, BATV_ACTION_ACCEPT);
	policy->exempt_authenticated = false;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);

	context.acl_exempt = true;
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_ACL, BATV_ACTION_ACCEPT);
	ck_assert_uint_eq(asked.host + asked.address, 0);
	policy->exempt_acl = false;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);

	policy->own_hosts = STRANGER;
	policy->exempt_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_OWN_HOST, BATV_ACTION_ACCEPT);
	ck_assert_uint_eq(asked.host, 1);
	policy->own_hosts = "192.0.2.1";
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_HOST, BATV_ACTION_ACCEPT);
	ck_assert_uint_eq(asked.host, 2);
	policy->exempt_hosts = "mx.partner.example";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	origin.host_name = "mx.partner.example";
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_HOST, BATV_ACTION_ACCEPT);
}
END_TEST

START_TEST(exemptions_of_the_recipient)
{
	policy->exempt_recipients = "Abuse@ours.example";
	judge_it("Abuse@OURS.EXAMPLE");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_RECIPIENT, BATV_ACTION_ACCEPT);
	ck_assert_str_eq(asked.last_address, "Abuse@ours.example");
	judge_it("prvs=4815abcdef=Abuse@Ours.Example"); /* the untagged address counts */
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_RECIPIENT, BATV_ACTION_ACCEPT);
	ck_assert_uint_eq(asked.address, 1);

	judge_it("SRS0=abcd=tt=else.example=bob@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_SRS, BATV_ACTION_ACCEPT);
	policy->unsigned_senders = "news@ours.example";
	judge_it("news@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_UNSIGNED_SENDER, BATV_ACTION_ACCEPT);
	judge_it(LOCAL_48 "x@ours.example");
	expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	judge_it(LOCAL_48 "@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	judge_it("\303\244@ours.example");
	expect(BATV_UNSIGNABLE, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
}
END_TEST

START_TEST(doubt_accepts)
{
	policy->domains = "?";
	judge_it("alice@ours.example");
	expect(BATV_NOT_OURS, BATV_WHY_DOUBT, BATV_ACTION_ACCEPT);
	ck_assert(j.finding.doubt);
	policy->domains = "ours.example";

	for (size_t i = 0; i < 4; i++) {
		const char **const lists[] = {&policy->own_hosts, &policy->exempt_hosts,
					      &policy->exempt_recipients,
					      &policy->unsigned_senders};

		*lists[i] = "?";
		judge_it("alice@ours.example");
		expect(BATV_MISSING, BATV_WHY_DOUBT, BATV_ACTION_MARK);
		ck_assert(j.finding.doubt);
		judge_it("SRS0=abcd=tt=else.example=bob@ours.example"); /* exempt either way */
		expect(BATV_EXEMPT, BATV_WHY_SRS, BATV_ACTION_ACCEPT);
		ck_assert(!j.finding.doubt);
		*lists[i] = "";
	}
	policy->relay_in_hosts = "?";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_DOUBT, BATV_ACTION_MARK);
	ck_assert(j.finding.doubt);
}
END_TEST

START_TEST(the_relay_list_is_asked_last)
{
	policy->relay_in_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_RELAY_HOST, BATV_ACTION_MARK);
	ck_assert_uint_eq(asked.host, 1);
	context.observe_file = true; /* nothing is refused anyway */
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_OBSERVE_FILE, BATV_ACTION_MARK);
	ck_assert_uint_eq(asked.host, 0);
}
END_TEST

/* A host that may relay through us would drop what we refuse. */
START_TEST(a_trusted_host_is_not_refused)
{
	policy->trusted_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_TRUSTED_HOST, BATV_ACTION_MARK);
	policy->relay_in_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_RELAY_HOST, BATV_ACTION_MARK);
	policy->relay_in_hosts = "";
	policy->mark_trusted_hosts = false;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	context.passed_before = true; /* it was accepted when it first came */
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_TRUSTED_HOST, BATV_ACTION_MARK);
	context.passed_before = false;
	policy->mark_trusted_hosts = true;
	policy->trusted_hosts = "?";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_DOUBT, BATV_ACTION_MARK);
	policy->trusted_hosts = "192.0.2.1"; /* an inner host counts, a permission to relay not */
	policy->inbound_domains = "ours.example";
	origin.own_address = true;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
}
END_TEST

/* Fetched mail is judged whatever its host is, and only hosts of ours are spared. */
START_TEST(fetched_mail)
{
	context.fetched = true;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT); /* POP3 says nothing there */
	policy->relay_in_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_FETCHED, BATV_ACTION_MARK);
	policy->relay_in_hosts = "";
	policy->trusted_hosts = STRANGER;
	policy->mark_trusted_hosts = false;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_FETCHED, BATV_ACTION_MARK);
	policy->trusted_hosts = "";
	policy->own_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_FETCHED, BATV_ACTION_MARK);
	policy->own_hosts = "";
	origin.host_address = "";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_FETCHED, BATV_ACTION_MARK);
	judge_it(tagged_with(1, "alice@ours.example"));
	expect(BATV_VALID, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	policy->exempt_recipients = "alice@ours.example";
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_RECIPIENT, BATV_ACTION_ACCEPT);
}
END_TEST

START_TEST(modes)
{
	policy->enforcement = BATV_ENFORCE_OBSERVE;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_OBSERVE, BATV_ACTION_MARK);
	ck_assert(!j.finding.rejecting);
	policy->enforcement = BATV_ENFORCE_AUTO;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NOT_ARMED, BATV_ACTION_MARK);
	armed_domain = "ours.example";
	judge_it("alice@OURS.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	policy->signing = false; /* it moved here, and its mail leaves untagged */
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NOT_ARMED, BATV_ACTION_MARK);
	policy->signing = true;
	context.memory = NULL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NOT_ARMED, BATV_ACTION_MARK);
}
END_TEST

/* The message, as the proof sees it. */
static struct {
	bool proves, cites;
	enum batv_proof_kind hint;
	unsigned asked;
} message;

static bool prove(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer)
{
	ck_assert_ptr_eq(ctx, &message);
	ck_assert(batv_span_equal(bare->text, batv_span_of("alice@ours.example")));
	message.asked++;
	*answer = (struct batv_proof_answer){.cites_nothing = !message.cites};
	if (message.proves)
		answer->kind = BATV_PROOF_ID;
	else
		answer->kind = message.hint;
	return message.proves;
}

static void use_proof(bool proves, bool cites)
{
	message.proves = proves;
	message.cites = cites;
	message.hint = BATV_PROOF_NONE;
	message.asked = 0;
	context.prove = prove;
	context.prove_ctx = &message;
}

START_TEST(the_message_is_asked_only_if_it_would_fail)
{
	use_proof(true, true);
	judge_it("alice@ours.example");
	expect(BATV_REMEMBERED, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert_int_eq(j.proof.kind, BATV_PROOF_ID);
	judge_it("prvs=0123abcdef=alice@ours.example");
	expect(BATV_REMEMBERED, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert_uint_eq(message.asked, 2);
	judge_it(tagged_with(0, "alice@ours.example"));
	judge_it("alice@else.example");
	policy->unsigned_senders = "alice@ours.example";
	judge_it("alice@ours.example");
	policy->exempt_recipients = "alice@ours.example";
	judge_it("alice@ours.example");
	policy->exempt_hosts = STRANGER;
	judge_it("alice@ours.example");
	ck_assert_uint_eq(message.asked, 2);
}
END_TEST

/* Only what cites can be disproved, and only by a complete memory. */
START_TEST(what_cites_nothing)
{
	context.class = BATV_CLASS_AUTOREPLY;
	context.lacks = lacks_nothing;
	judge_it("alice@ours.example"); /* nobody has looked into the message */
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	use_proof(false, true);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	context.lacks = NULL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	use_proof(false, false);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_CITES_NOTHING, BATV_ACTION_MARK);
	context.lacks = lacks_nothing;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_CITES_NOTHING, BATV_ACTION_MARK);
	judge_it("prvs=0123abcdef=alice@ours.example");
	expect(BATV_FORGED, BATV_WHY_CITES_NOTHING, BATV_ACTION_MARK);
	policy->unproven[BATV_CLASS_AUTOREPLY] = BATV_UNPROVEN_REJECT_ALL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	context.lacks = NULL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
}
END_TEST

/* A hint is no proof: the verdict stays, and the message is delivered and marked whatever it is. */
START_TEST(what_has_a_hint)
{
	context.lacks = lacks_nothing;
	for (int c = 0; c < BATV_CLASS_COUNT; c++)
		for (int a = BATV_ACTION_ACCEPT; a <= BATV_UNPROVEN_REJECT_ALL; a++)
			for (int e = BATV_ENFORCE_AUTO; e <= BATV_ENFORCE_REJECT; e++) {
				use_proof(false, true);
				message.hint = BATV_PROOF_HINT_ID;
				context.class = (enum batv_class)c;
				policy->unproven[c] = a;
				policy->enforcement = e;
				judge_it("alice@ours.example");
				expect(BATV_MISSING, BATV_WHY_HINT_ID, BATV_ACTION_MARK);
				judge_it("prvs=0123abcdef=alice@ours.example");
				expect(BATV_FORGED, BATV_WHY_HINT_ID, BATV_ACTION_MARK);
				message.hint = BATV_PROOF_HINT_FORWARDED;
				judge_it("alice@ours.example");
				expect(BATV_MISSING, BATV_WHY_HINT_FORWARDED, BATV_ACTION_MARK);
			}
	ck_assert_uint_eq(asked.host, 0); /* it is not refused, so no list is asked */
	use_proof(true, true);
	message.hint = BATV_PROOF_HINT_ID;
	judge_it("alice@ours.example");
	expect(BATV_REMEMBERED, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
}
END_TEST

/* Mail to an unsigned destination leaves untagged, and so do its bounces come back. */
START_TEST(bounces_where_some_mail_leaves_untagged)
{
	use_proof(false, false);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	policy->unsigned_destinations = "*@lists.example";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_CITES_NOTHING, BATV_ACTION_MARK);
	judge_it("prvs=0123abcdef=alice@ours.example"); /* tagged mail does not */
	expect(BATV_FORGED, BATV_WHY_NONE, BATV_ACTION_REJECT);
	use_proof(false, true);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	context.lacks = lacks_nothing;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	/* the list is not asked: it knows recipients, which a bounce need not tell */
	ck_assert_uint_eq(asked.address, 0);
	policy->unsigned_destinations = "";
	policy->unsigned_hosts = "192.0.2.44";
	context.lacks = NULL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	policy->unsigned_hosts = "";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	state.overrides[0] =
		(struct batv_override){.domain = "192.0.2.44", .key = BATV_OVERRIDE_UNSIGNED_HOST};
	state.n_overrides = 1;
	batv_state_apply_overrides(&state);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
}
END_TEST

/* batvctl exempt, until its time. */
START_TEST(overrides_exempt)
{
	use_proof(false, false);
	state.overrides[0] = (struct batv_override){
		.domain = STRANGER, .until = NOW + 1, .key = BATV_OVERRIDE_EXEMPT_HOST};
	state.n_overrides = 1;
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_HOST, BATV_ACTION_ACCEPT);
	state.overrides[0].key = BATV_OVERRIDE_EXEMPT_RECIPIENT;
	state.overrides[0].domain = "alice@ours.example";
	judge_it("alice@ours.example");
	expect(BATV_EXEMPT, BATV_WHY_EXEMPT_RECIPIENT, BATV_ACTION_ACCEPT);
	state.overrides[0].domain = "bob@ours.example";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	state.overrides[0].domain = "alice@ours.example";
	context.now++;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
}
END_TEST

static struct {
	unsigned times;
	bool for_dsn;
	enum batv_lack answer;
} completeness;

static enum batv_lack ask_completeness(void *ctx, const char *domain, bool for_dsn)
{
	ck_assert_ptr_eq(ctx, &completeness);
	ck_assert_str_eq(domain, "ours.example");
	completeness.times++;
	completeness.for_dsn = for_dsn;
	return completeness.answer;
}

/* Completeness costs pages, so it is asked last, and only if a refusal depends on it. */
START_TEST(completeness_is_asked_last)
{
	context.lacks = ask_completeness;
	context.lacks_ctx = &completeness;
	use_proof(false, true);
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT); /* a bounce does not need it */
	ck_assert_uint_eq(completeness.times, 0);
	context.class = BATV_CLASS_AUTOREPLY;
	policy->relay_in_hosts = STRANGER;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_RELAY_HOST, BATV_ACTION_MARK);
	policy->relay_in_hosts = "";
	policy->enforcement = BATV_ENFORCE_OBSERVE;
	judge_it("alice@ours.example");
	ck_assert_uint_eq(completeness.times, 0);
	policy->enforcement = BATV_ENFORCE_REJECT;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	ck_assert(completeness.times == 1 && !completeness.for_dsn);
	for (int lack = 1; lack < BATV_LACK_COUNT; lack++) {
		completeness.answer = (enum batv_lack)lack;
		judge_it("alice@ours.example");
		expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	}
	context.class = BATV_CLASS_DSN;
	policy->unsigned_destinations = "*@lists.example";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	ck_assert(completeness.for_dsn);
}
END_TEST

/*
 * A refusal because the memory does not know it is told apart: only that waits for the fleet.
 * If the fleet is behind, it is not refused.
 */
START_TEST(what_is_refused_by_memory)
{
	context.lacks = lacks_nothing;
	use_proof(false, true);
	judge_it("alice@ours.example"); /* for its missing tag */
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	ck_assert(!j.by_memory);
	context.fleet_behind = true;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	policy->unsigned_destinations = "*@lists.example";
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_FLEET_BEHIND, BATV_ACTION_MARK);
	ck_assert(!j.by_memory);
	context.fleet_behind = false;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
	ck_assert(j.by_memory);
	context.class = BATV_CLASS_AUTOREPLY;
	for (int i = 0; i < 2; i++) { /* a tagged one, too */
		const char *rcpt[] = {"alice@ours.example", "prvs=0123abcdef=alice@ours.example"};

		context.fleet_behind = false;
		judge_it(rcpt[i]);
		ck_assert(j.by_memory && j.finding.action == BATV_ACTION_REJECT);
		context.fleet_behind = true;
		judge_it(rcpt[i]);
		ck_assert(!j.by_memory && j.finding.reason == BATV_WHY_FLEET_BEHIND);
	}
	context.lacks = NULL;
	judge_it("alice@ours.example"); /* the other reason comes first */
	expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
	ck_assert(!j.by_memory);
	use_proof(true, true);
	judge_it("alice@ours.example");
	ck_assert(!j.by_memory && j.finding.verdict == BATV_REMEMBERED);
}
END_TEST

/* Without a complete sent-mail memory only dsn is ever refused. */
START_TEST(classes)
{
	for (int c = 0; c < BATV_CLASS_COUNT; c++) {
		context.class = (enum batv_class)c;
		policy->unproven[c] = BATV_ACTION_REJECT;
		judge_it("alice@ours.example");
		if (c == BATV_CLASS_DSN)
			expect(BATV_MISSING, BATV_WHY_NONE, BATV_ACTION_REJECT);
		else
			expect(BATV_MISSING, BATV_WHY_NO_MEMORY, BATV_ACTION_MARK);
		policy->unproven[c] = BATV_ACTION_MARK;
		judge_it("alice@ours.example");
		expect(BATV_MISSING, BATV_WHY_CLASS, BATV_ACTION_MARK);
		policy->unproven[c] = BATV_ACTION_ACCEPT;
		judge_it("alice@ours.example");
		expect(BATV_MISSING, BATV_WHY_CLASS, BATV_ACTION_ACCEPT);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("judge");
	TCase *tc = tcase_create("judge");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, named_policies_come_first);
	tcase_add_test(tc, a_bare_address_is_missing);
	tcase_add_test(tc, a_valid_tag_asks_one_list);
	tcase_add_test(tc, bad_tags);
	tcase_add_test(tc, a_lost_secret);
	tcase_add_test(tc, keys_that_ran_out);
	tcase_add_test(tc, what_is_no_address_is_let_through);
	tcase_add_test(tc, exemptions_of_the_message);
	tcase_add_test(tc, exemptions_of_the_recipient);
	tcase_add_test(tc, doubt_accepts);
	tcase_add_test(tc, the_relay_list_is_asked_last);
	tcase_add_test(tc, a_trusted_host_is_not_refused);
	tcase_add_test(tc, fetched_mail);
	tcase_add_test(tc, modes);
	tcase_add_test(tc, classes);
	tcase_add_test(tc, the_message_is_asked_only_if_it_would_fail);
	tcase_add_test(tc, what_cites_nothing);
	tcase_add_test(tc, what_has_a_hint);
	tcase_add_test(tc, bounces_where_some_mail_leaves_untagged);
	tcase_add_test(tc, overrides_exempt);
	tcase_add_test(tc, completeness_is_asked_last);
	tcase_add_test(tc, what_is_refused_by_memory);
	suite_add_tcase(suite, tc);
	return suite;
}
