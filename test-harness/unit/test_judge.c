/* links: core/decide/judge core/decide/verdict core/decide/policy core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_judge.c - gathering facts: which lists are asked, in which order and how often, what doubt
 * does, and the whole list of what is never signed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/judge.h"
#include "decide/sign.h"
#include "memory/domains.h"
#include "unit.h"

#define NOW INT64_C(1800000000)
#define DAY(n) ((int64_t)(n)*BATV_DAY)
#define STRANGER "192.0.2.66"
#define LOCAL_48 "0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- the domain table, as judge.c sees it ---- */

static const char *armed_domain = "";

bool batv_domain_find(const struct batv_memory *memory, const char *domain, struct batv_domain *out)
{
	memset(out, 0, sizeof *out);
	if (!memory || strcmp(domain, armed_domain) != 0)
		return false;
	out->flags = BATV_DOMAIN_ARMED;
	return true;
}

/* ---- a matcher with programmed answers ---- */

/*
 * A list is words separated by spaces; the name that is asked about matches an equal word. A word
 * that begins with "?" cannot be asked: MAYBE, whatever comes behind it.
 */
static struct {
	unsigned domain, address, host;
	char last_address[BATV_ADDR_SIZE];
} asked;

static enum batv_match look(const char *name, const char *list)
{
	size_t len = strlen(name);

	ck_assert(list && *list);
	while (*list) {
		size_t word = strcspn(list, " ");

		if (*list == '?')
			return BATV_MAYBE;
		if (word == len && memcmp(list, name, len) == 0)
			return BATV_YES;
		list += word + (list[word] == ' ');
	}
	return BATV_NO;
}

static enum batv_match match_domain(void *ctx, const char *domain, const char *list)
{
	(void)ctx;
	asked.domain++;
	return look(domain, list);
}

static enum batv_match match_address(void *ctx, const char *address, const char *list)
{
	(void)ctx;
	asked.address++;
	(void)snprintf(asked.last_address, sizeof asked.last_address, "%s", address);
	return look(address, list);
}

static enum batv_match match_host(void *ctx, const char *name, const char *address,
				  const char *list)
{
	(void)ctx;
	ck_assert(!name || *name);
	asked.host++;
	return name && look(name, list) == BATV_YES ? BATV_YES : look(address, list);
}

static const struct batv_matcher matcher = {NULL, match_domain, match_address, match_host};

/* ---- the world of a test, made anew for each ---- */

static struct batv_state state;
static struct batv_memory memory;
static struct batv_origin origin;
static struct batv_context context;
static struct batv_policy *policy;
static struct batv_judgement j;
static struct batv_signing s;
static const char *const *recipients;

static const char *recipient_at(void *ctx, size_t i)
{
	(void)ctx;
	return recipients[i];
}

static void fill_key(struct batv_key *key, char digit, uint8_t number, int64_t from)
{
	key->number = number;
	key->secret = 4711;
	key->from = from;
	key->until = from + DAY(7);
	key->destroy = from + DAY(15);
	key->day = (uint16_t)(key->destroy / BATV_DAY % 1000);
	memset(key->text, digit, sizeof key->text);
}

static void setup(void)
{
	memset(&state, 0, sizeof state);
	memset(&origin, 0, sizeof origin);
	memset(&context, 0, sizeof context);
	memset(&asked, 0, sizeof asked);
	state.n_policies = 1;
	policy = &state.policies[0];
	batv_policy_init(policy, "default");
	policy->domains = "ours.example";
	policy->enforcement = BATV_ENFORCE_REJECT;
	policy->trusted_hosts = policy->inbound_domains = policy->own_hosts = "";
	policy->exempt_recipients = policy->exempt_hosts = policy->relay_in_hosts = "";
	policy->unsigned_senders = policy->unsigned_destinations = "";
	state.ring.n_keys = 2;
	fill_key(&state.ring.keys[0], 'a', 3, NOW - DAY(9));
	fill_key(&state.ring.keys[1], 'b', 4, NOW - DAY(2));
	origin.host_address = STRANGER;
	origin.has_id = true;
	context.state = &state;
	context.memory = &memory;
	context.matcher = &matcher;
	context.origin = &origin;
	context.now = NOW;
	context.class = BATV_CLASS_DSN;
	armed_domain = "";
}

static void judge_it(const char *rcpt)
{
	memset(&asked, 0, sizeof asked);
	memset(&j, 0x5a, sizeof j);
	batv_judge_recipient(&context, rcpt, &j);
}

static void expect(enum batv_verdict verdict, enum batv_reason reason, enum batv_action action)
{
	ck_assert_str_eq(batv_verdict_name(j.finding.verdict), batv_verdict_name(verdict));
	ck_assert_str_eq(batv_reason_name(j.finding.reason), batv_reason_name(reason));
	ck_assert_str_eq(batv_action_name(j.finding.action), batv_action_name(action));
}

static const char *tagged_with(size_t key, const char *address)
{
	static char out[BATV_ADDR_SIZE];
	struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(address, strlen(address), &addr), BATV_OK);
	ck_assert_int_eq(
		batv_tag_make(&addr, &state.ring.keys[key], BATV_STYLE_PRVS, out, sizeof out),
		BATV_OK);
	return out;
}

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
	state.policies[1].domains = "?ldap"; /* which of them it is, nobody knows */
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
	/* of another domain it is none of our business */
	judge_it("prvs=4815abcdef=alice@else.example");
	expect(BATV_NOT_OURS, BATV_WHY_NONE, BATV_ACTION_ACCEPT);
	ck_assert(j.tagged);
}
END_TEST

/* Until its last tag is dead nothing with a tag is refused; what is bare is judged as ever. */
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

/* Mail leaves bare now, and its bounces come back bare: nothing is refused until there are keys
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
	longer[5] = 'x'; /* a local part that nobody can tag, in a domain of ours */
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
	judge_it("prvs=4815abcdef=Abuse@Ours.Example"); /* the bare address counts */
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
	policy->signing = false; /* it moved here, and its mail leaves bare */
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NOT_ARMED, BATV_ACTION_MARK);
	policy->signing = true;
	context.memory = NULL;
	judge_it("alice@ours.example");
	expect(BATV_MISSING, BATV_WHY_NOT_ARMED, BATV_ACTION_MARK);
}
END_TEST

/* Without a complete memory nothing but dsn is ever refused. */
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

/* ---- trust ---- */

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

/* ---- signing ---- */

static void sign(const char *address, const char *recipient, int64_t arrival)
{
	memset(&asked, 0, sizeof asked);
	memset(&s, 0x5a, sizeof s);
	batv_sign_address(&context, address, recipient, arrival, &s);
	ck_assert_int_eq(s.answer == BATV_SIGNED, s.address[0] != '\0');
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
				      &policy->unsigned_destinations, &policy->trusted_hosts};

	policy->trusted_hosts = STRANGER;
	for (size_t i = 0; i < 4; i++) {
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
	tcase_add_test(tc, modes);
	tcase_add_test(tc, classes);
	tcase_add_test(tc, trust);
	tcase_add_test(tc, signs_ours);
	tcase_add_test(tc, retries_keep_their_key);
	tcase_add_test(tc, never_signed);
	tcase_add_test(tc, without_a_key);
	tcase_add_test(tc, doubt_does_not_sign);
	tcase_add_test(tc, signer_and_verifier_agree);
	tcase_add_test(tc, names);
	suite_add_tcase(suite, tc);
	return suite;
}
