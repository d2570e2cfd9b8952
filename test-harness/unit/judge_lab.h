/*
 * judge_lab.h - the world of the tests of lists, judging and signing: a state with two keys, one
 * policy, an origin, and a matcher whose answers the test sets.
 */
#ifndef JUDGE_LAB_H
#define JUDGE_LAB_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "decide/judge.h"
#include "memory/domains.h"
#include "unit.h"

#define NOW INT64_C(1800000000)
#define DAY(n) ((int64_t)(n)*BATV_DAY)
#define STRANGER "192.0.2.66"
#define LOCAL_48 "0123456789abcdef0123456789abcdef0123456789abcdef"

/* The domain table, as judge.c sees it. */
static const char *armed_domain = "";

bool batv_domain_find(struct batv_memory *memory, const char *domain, struct batv_domain *out)
{
	memset(out, 0, sizeof *out);
	if (!memory || strcmp(domain, armed_domain) != 0)
		return false;
	out->flags = BATV_DOMAIN_ARMED;
	return true;
}

/* The memory is complete for every domain. */
__attribute__((unused)) static enum batv_lack lacks_nothing(void *ctx, const char *domain,
							    bool for_dsn)
{
	(void)ctx, (void)domain, (void)for_dsn;
	return BATV_LACK_NOTHING;
}

/*
 * A list is words separated by spaces; the name that is asked about matches an equal word. A word
 * that begins with "?" cannot be asked: MAYBE, whatever comes after it.
 */
static struct {
	unsigned domain, address, host;
	char last_address[BATV_ADDR_SIZE];
} asked;

__attribute__((unused)) static enum batv_match look(const char *name, const char *list)
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

__attribute__((unused)) static enum batv_match match_domain(void *ctx, const char *domain,
							    const char *list)
{
	(void)ctx;
	asked.domain++;
	return look(domain, list);
}

__attribute__((unused)) static enum batv_match match_address(void *ctx, const char *address,
							     const char *list)
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

/* The world of a test, new for each. */
static struct batv_state state;
static struct batv_memory memory;
static struct batv_origin origin;
static struct batv_context context;
static struct batv_policy *policy;
static struct batv_judgement j;
static const char *const *recipients;

__attribute__((unused)) static const char *recipient_at(void *ctx, size_t i)
{
	(void)ctx;
	return recipients[i];
}

__attribute__((unused)) static void fill_key(struct batv_key *key, char digit, uint8_t number,
					     int64_t from)
{
	key->number = number;
	key->secret = 4711;
	key->from = from;
	key->until = from + DAY(7);
	key->destroy = from + DAY(15);
	key->day = (uint16_t)(key->destroy / BATV_DAY % 1000);
	memset(key->text, digit, sizeof key->text);
}

__attribute__((unused)) static void setup(void)
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
	policy->unsigned_senders = policy->unsigned_destinations = policy->unsigned_hosts = "";
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

__attribute__((unused)) static void judge_it(const char *rcpt)
{
	memset(&asked, 0, sizeof asked);
	memset(&j, 0x5a, sizeof j);
	batv_judge_recipient(&context, rcpt, &j);
}

__attribute__((unused)) static void expect(enum batv_verdict verdict, enum batv_reason reason,
					   enum batv_action action)
{
	ck_assert_str_eq(batv_verdict_name(j.finding.verdict), batv_verdict_name(verdict));
	ck_assert_str_eq(batv_reason_name(j.finding.reason), batv_reason_name(reason));
	ck_assert_str_eq(batv_action_name(j.finding.action), batv_action_name(action));
}

__attribute__((unused)) static const char *tagged_with(size_t key, const char *address)
{
	static char out[BATV_ADDR_SIZE];
	struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(address, strlen(address), &addr), BATV_OK);
	ck_assert_int_eq(
		batv_tag_make(&addr, &state.ring.keys[key], BATV_STYLE_PRVS, out, sizeof out),
		BATV_OK);
	return out;
}

#endif
