/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/tag/key core/base/span core/decide/lists core/decide/sign */
/*
 * test_kind.c - the answer about a recipient before DATA.  It never depends on a MAC, and none is
 * even computed.  It agrees with the decision after DATA.
 *
 * The test has its own MAC function, which counts its calls.
 */
#include <check.h>
#include <string.h>

#include "base/hmac.h"
#include "decide/sign.h"
#include "judge_lab.h"

#define ROUNDS 100000

/* ---- the MAC ---- */

static unsigned macs; /* how many were computed */

bool batv_hmac_sha1(struct batv_span key, struct batv_span a, struct batv_span b,
		    uint8_t mac[static BATV_HMAC_LEN])
{
	uint64_t sum = batv_fnv64(BATV_FNV_START, key.p, key.len);

	macs++;
	sum = batv_fnv64(sum, a.p, a.len);
	sum = batv_fnv64(sum, b.p, b.len);
	memset(mac, 0, BATV_HMAC_LEN);
	memcpy(mac, &sum, sizeof sum);
	return true;
}

bool batv_equal_secret(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

void batv_wipe(void *p, size_t len)
{
	memset(p, 0, len);
}

/* ---- the world ---- */

#define ALICE "alice@ours.example"
#define NO_ONE "nobody"
#define ALL_OF_IT "ours.example " ALICE " " STRANGER /* whatever the list is of */

static struct batv_key dead;

static void setup_with_dead_key(void)
{
	setup();
	fill_key(&dead, 'c', 5, NOW - DAY(30));
}

static unsigned look_ups(void)
{
	return asked.domain + asked.address + asked.host;
}

/* One address with tags of every worth; all have the same shape. */
enum { RIGHT, RETAINED, DEAD, WRONG, NO_KEY, WORTHS };
static char tagged[2][WORTHS][BATV_ADDR_SIZE];

static void make_tags(const char *bare)
{
	struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(bare, strlen(bare), &addr), BATV_OK);
	for (int style = 0; style < 2; style++) {
		const struct batv_key *keys[] = {&state.ring.keys[1], &state.ring.keys[0], &dead,
						 &state.ring.keys[1], &state.ring.keys[1]};
		char *k;

		for (int i = 0; i < WORTHS; i++)
			ck_assert_int_eq(batv_tag_make(&addr, keys[i], (enum batv_tag_style)style,
						       tagged[style][i], BATV_ADDR_SIZE),
					 BATV_OK);
		k = strstr(tagged[style][WRONG], "prvs=") + 5;
		k[9] = k[9] == '0' ? '1' : '0';
		k = strstr(tagged[style][NO_KEY], "prvs=") + 5;
		k[0] = '9';
	}
}

static bool proven, cites_nothing;

static bool prove(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer)
{
	(void)ctx, (void)bare;
	answer->cites_nothing = cites_nothing;
	return proven;
}

/* Is a message of some class refused for this recipient? */
static bool some_refused(const char *rcpt)
{
	bool refused = false;

	for (int class = 0; class < BATV_CLASS_COUNT; class ++) {
		struct batv_context after = context;

		after.class = (enum batv_class) class;
		after.prove = prove;
		batv_judge_recipient(&after, rcpt, &j);
		refused |= j.finding.action == BATV_ACTION_REJECT;
	}
	return refused;
}

/* The kind, which must be found without a MAC. */
static enum batv_kind kind_of(const char *rcpt)
{
	unsigned before = macs;
	enum batv_kind kind = batv_judge_kind(&context, rcpt);

	ck_assert_uint_eq(macs, before);
	return kind;
}

/* ---- tests ---- */

START_TEST(three_kinds)
{
	make_tags("alice@ours.example");
	for (int style = 0; style < 2; style++)
		for (int i = 0; i < WORTHS; i++)
			ck_assert_int_eq(kind_of(tagged[style][i]), BATV_KIND_TAGGED);
	ck_assert_int_eq(kind_of("PRVS=4123ABCDEF=alice@OURS.example"), BATV_KIND_TAGGED);
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_BARE);
	ck_assert_int_eq(kind_of("alice@theirs.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of("prvs=4123abcdef=alice@theirs.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of("srs0=a=b=c=d@ours.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of("no address"), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of(""), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of(NULL), BATV_KIND_SPARED);
	ck_assert_str_eq(batv_judge_kind_name(BATV_KIND_SPARED), "spared");
	ck_assert_str_eq(batv_judge_kind_name(BATV_KIND_TAGGED), "tagged");
	ck_assert_str_eq(batv_judge_kind_name(BATV_KIND_BARE), "bare");
	ck_assert_str_eq(batv_judge_kind_name(BATV_KIND_DOUBT), "doubt");
	ck_assert_str_eq(batv_judge_kind_name((enum batv_kind)9), "spared");
}
END_TEST

/* A class that is refused only with a complete memory makes no difference without one. */
START_TEST(any_class)
{
	for (int class = 0; class < BATV_CLASS_COUNT; class ++)
		policy->unproven[class] = BATV_ACTION_MARK;
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_SPARED);
	policy->unproven[BATV_CLASS_OTHER] = BATV_ACTION_REJECT;
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_SPARED);
	context.lacks = lacks_nothing;
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_BARE);
}
END_TEST

/* Where some mail leaves untagged, an untagged bounce is refused only if the memory disproves it.
 */
START_TEST(unsigned_destinations)
{
	make_tags("alice@ours.example");
	policy->unsigned_destinations = "x.example";
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(kind_of(tagged[0][RIGHT]), BATV_KIND_TAGGED);
	context.lacks = lacks_nothing;
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_BARE);
}
END_TEST

/* A list that could not be looked up defers nobody.  Where nothing is refused it makes no
 * difference. */
START_TEST(doubt)
{
	const char **lists[] = {&policy->domains,           &policy->own_hosts,
				&policy->exempt_hosts,      &policy->relay_in_hosts,
				&policy->exempt_recipients, &policy->unsigned_senders};

	make_tags("alice@ours.example");
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const char *before = *lists[i];

		*lists[i] = "?";
		ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_DOUBT);
		for (int worth = 0; worth < WORTHS; worth++)
			ck_assert_int_eq(kind_of(tagged[0][worth]), BATV_KIND_DOUBT);
		policy->enforcement = BATV_ENFORCE_OBSERVE;
		ck_assert_int_eq(kind_of("alice@ours.example"),
				 i == 0 ? BATV_KIND_DOUBT : BATV_KIND_SPARED);
		policy->enforcement = BATV_ENFORCE_REJECT;
		*lists[i] = before;
	}
	context.now += DAY(6); /* no key is current */
	ck_assert_int_eq(kind_of("alice@ours.example"), BATV_KIND_DOUBT);
}
END_TEST

/* The kind of a sender, which must be found without a MAC. */
static enum batv_kind sender_kind(const char *sender)
{
	unsigned before = macs;
	enum batv_kind kind = batv_judge_sender(&context, sender);

	ck_assert_uint_eq(macs, before);
	return kind;
}

/* Only an untagged address of a domain that refuses bounces now, from a host that is none of ours.
 */
START_TEST(senders)
{
	const char **ours[] = {&policy->own_hosts, &policy->exempt_hosts, &policy->relay_in_hosts,
			       &policy->trusted_hosts};
	const char **some_untagged[] = {&policy->unsigned_senders, &policy->unsigned_destinations,
					&policy->unsigned_hosts};

	make_tags(ALICE);
	ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_BARE);
	for (int i = 0; i < 2 * WORTHS; i++)
		ck_assert_int_eq(sender_kind(tagged[i / WORTHS][i % WORTHS]), BATV_KIND_TAGGED);
	ck_assert_int_eq(sender_kind("alice@theirs.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(sender_kind("prvs=4123abcdef=alice@theirs.example"), BATV_KIND_SPARED);
	ck_assert_int_eq(sender_kind(""), BATV_KIND_SPARED);
	ck_assert_int_eq(sender_kind(NULL), BATV_KIND_SPARED);
	for (size_t i = 0; i < 4; i++) {
		*ours[i] = STRANGER;
		ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
		*ours[i] = "?";
		ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_DOUBT);
		*ours[i] = "";
	}
	for (size_t i = 0; i < 2; i++) {
		*some_untagged[i] = "bob@ours.example";
		ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
		*some_untagged[i] = "";
	}
	policy->signing = false;
	ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
	policy->signing = true;
	policy->enforcement = BATV_ENFORCE_AUTO;
	ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
	policy->enforcement = BATV_ENFORCE_REJECT;
	origin.authenticated = true;
	ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
	origin.authenticated = false;
	context.observe_file = true;
	ck_assert_int_eq(sender_kind(ALICE), BATV_KIND_SPARED);
}
END_TEST

static unsigned pick(unsigned n)
{
	static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (unsigned)((x >> 33) % n);
}

/* Mostly "no", so that many recipients can be refused. */
static const char *any_list(void)
{
	static const char *const lists[] = {NO_ONE, NO_ONE, NO_ONE,    NO_ONE, NO_ONE,
					    NO_ONE, NO_ONE, ALL_OF_IT, "?",    ""};

	return lists[pick(10)];
}

static void any_world(void)
{
	setup();
	policy->domains = pick(8) ? "ours.example" : any_list();
	policy->enforcement = (int)pick(3);
	policy->signing = pick(4) != 0;
	policy->own_hosts = any_list();
	policy->exempt_hosts = any_list();
	policy->relay_in_hosts = any_list();
	policy->trusted_hosts = any_list();
	policy->mark_trusted_hosts = pick(2);
	policy->exempt_recipients = any_list();
	policy->unsigned_senders = any_list();
	policy->exempt_acl = pick(2);
	policy->exempt_authenticated = pick(2);
	for (int class = 0; class < BATV_CLASS_COUNT; class ++)
		policy->unproven[class] = (int)pick(BATV_ACTION_COUNT + 1);
	policy->unsigned_destinations = pick(2) ? "" : any_list();
	armed_domain = pick(2) ? "ours.example" : "";
	context.observe_file = pick(8) == 0;
	context.acl_exempt = pick(8) == 0;
	context.lacks = pick(2) ? lacks_nothing : NULL;
	origin.authenticated = pick(8) == 0;
	if (pick(8) == 0)
		origin.host_address = "";
	if (pick(8) == 0)
		context.now += DAY(6); /* no key is current */
}

/* A spared recipient is never refused after DATA, no matter what comes.  The others are refused if
 * nothing speaks for them. */
START_TEST(agrees_with_what_comes_after)
{
	static const char *const bare[] = {"alice@ours.example", "alice@theirs.example",
					   "\303\244@ours.example", "srs1=a@ours.example",
					   "\"a b\"@ours.example"};
	unsigned seen[4] = {0};

	for (int round = 0; round < ROUNDS; round++) {
		const char *address = bare[pick(8) ? 0 : pick(5)];
		enum batv_kind kind;

		any_world();
		proven = pick(4) == 0;
		cites_nothing = pick(4) == 0;
		kind = kind_of(address);
		seen[kind]++;
		ck_assert_int_ne(kind, BATV_KIND_TAGGED);
		if (!cites_nothing)
			ck_assert_int_eq(some_refused(address), kind == BATV_KIND_BARE && !proven);
		else if (some_refused(address))
			ck_assert(kind == BATV_KIND_BARE && !proven);
	}
	ck_assert_uint_gt(seen[BATV_KIND_SPARED], ROUNDS / 50);
	ck_assert_uint_gt(seen[BATV_KIND_BARE], ROUNDS / 50);
	ck_assert_uint_gt(seen[BATV_KIND_DOUBT], ROUNDS / 50);
}
END_TEST

/* Tags of every worth have the same kind, found by the same look-ups.  Only the judgement after
 * DATA tells them apart. */
START_TEST(every_tag_is_like_another)
{
	unsigned seen[4] = {0};

	for (int round = 0; round < ROUNDS / 10; round++) {
		int style = (int)pick(2);
		unsigned looks[WORTHS];
		enum batv_kind kind[WORTHS];

		any_world();
		proven = cites_nothing = false;
		make_tags("alice@ours.example");
		for (int i = 0; i < WORTHS; i++) {
			unsigned before = look_ups();

			kind[i] = kind_of(tagged[style][i]);
			looks[i] = look_ups() - before;
			ck_assert_int_eq(kind[i], kind[0]);
			ck_assert_uint_eq(looks[i], looks[0]);
		}
		seen[kind[0]]++;
		ck_assert_int_ne(kind[0], BATV_KIND_BARE);
		ck_assert(!some_refused(tagged[style][RIGHT]));
		ck_assert_int_eq(some_refused(tagged[style][WRONG]), kind[0] == BATV_KIND_TAGGED);
		ck_assert_int_eq(some_refused(tagged[style][NO_KEY]), kind[0] == BATV_KIND_TAGGED);
	}
	ck_assert_uint_gt(seen[BATV_KIND_SPARED], ROUNDS / 500);
	ck_assert_uint_gt(seen[BATV_KIND_TAGGED], ROUNDS / 500);
}
END_TEST

/* errors_to is expanded when a recipient is verified, before DATA.  So a tagged sender must cost
 * the same, whether its tag is right or wrong. */
START_TEST(signing_in_a_verification)
{
	struct batv_signing s;
	unsigned before, looks[WORTHS];

	make_tags("alice@ours.example");
	origin.has_id = false;
	before = macs;
	for (int i = 0; i < WORTHS; i++) {
		unsigned at = look_ups();

		batv_sign_address(&context, tagged[0][i], "x@theirs.example", 0, &s);
		ck_assert_int_eq(s.answer, BATV_LEFT_TAGGED);
		ck_assert(!s.carries_valid_tag && !s.key && !s.policy);
		looks[i] = look_ups() - at;
		ck_assert_uint_eq(looks[i], looks[0]);
	}
	ck_assert_uint_eq(macs, before);
	origin.has_id = true; /* a real message */
	batv_sign_address(&context, tagged[0][RIGHT], "x@theirs.example", 0, &s);
	ck_assert(s.carries_valid_tag);
	batv_sign_address(&context, tagged[0][WRONG], "x@theirs.example", 0, &s);
	ck_assert(!s.carries_valid_tag);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("kind");
	TCase *tc = tcase_create("kind");

	tcase_add_checked_fixture(tc, setup_with_dead_key, NULL);
	tcase_add_test(tc, three_kinds);
	tcase_add_test(tc, any_class);
	tcase_add_test(tc, unsigned_destinations);
	tcase_add_test(tc, doubt);
	tcase_add_test(tc, senders);
	tcase_add_test(tc, agrees_with_what_comes_after);
	tcase_add_test(tc, every_tag_is_like_another);
	tcase_add_test(tc, signing_in_a_verification);
	suite_add_tcase(suite, tc);
	return suite;
}
