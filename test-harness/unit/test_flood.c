/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac core/decide/flood */
/* links: core/memory/tag_use core/memory/refused core/memory/sent core/memory/journal core/base/network core/tag/addr core/tag/tag core/tag/key core/decide/state */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class */
/* links: core/evidence/mailbox core/base/err */
/* links: core/memory/sending */
/*
 * test_flood.c - the limits of proofs: by network, by tag over all networks, by id and pair.
 */
#include "decide/flood.h"
#include "memory/tag_use.h"
#include "sent_lab.h"

#define BASE 16 /* so that a network's part of the count over all networks is 2 */
#define DAY_OF_TAG 789

static struct batv_state state;
static struct batv_policy policy = {.flood_base = BASE, .flood_share = 500};
static struct batv_addr bare;
static const struct batv_tag tag = {.number = 3, .day = DAY_OF_TAG};

static void prepare(void)
{
	bare = address("alice@example.com");
	memcpy(state.memory_key, key.p, sizeof state.memory_key);
	state.has_memory_key = true;
	state.global.memory_retention = RETENTION;
	ck_assert_uint_eq(NOW / D % 1000, 779); /* the tag lives for ten days more */
}

static void make_flood(void)
{
	setup();
	prepare();
}

static void make_flood_with_windows(void)
{
	setup_windows();
	prepare();
}

static struct batv_flood_context from(const char *host, int64_t now)
{
	return (struct batv_flood_context){.memory = &memory,
					   .state = &state,
					   .policy = &policy,
					   .host = host,
					   .bare = &bare,
					   .now = now};
}

static struct batv_flood bounce_at(const char *host, int64_t now)
{
	const struct batv_flood_context context = from(host, now);
	struct batv_flood flood;

	batv_flood_tag(&context, &tag, &flood);
	return flood;
}

static struct batv_flood bounce(const char *host)
{
	return bounce_at(host, NOW);
}

static struct batv_flood reply_at(const char *host, struct batv_item item, int64_t now)
{
	const struct batv_flood_context context = from(host, now);
	struct batv_flood flood;

	batv_flood_item(&context, &item, &flood);
	return flood;
}

static struct batv_flood reply(const char *host, struct batv_item item)
{
	return reply_at(host, item, NOW);
}

static void send_to(uint32_t recipients, unsigned number, unsigned day, int64_t now)
{
	const struct batv_tag_use use = {.key = key, .bare = &bare, .number = number, .day = day};

	batv_tag_use_sent(&memory, &use, recipients, now);
}

/* How many pass before one is over?  At most 1000. */
static unsigned passes(struct batv_flood (*one)(const char *), const char *host,
		       struct batv_flood *over)
{
	unsigned n = 0;

	for (; n < 1000; n++) {
		*over = one(host);
		if (over->over != BATV_FLOOD_NONE)
			break;
	}
	return n;
}

static struct batv_flood cite(const char *host)
{
	return reply(host, id("one@example.com", "alice@example.com"));
}

static struct batv_flood answer(const char *host)
{
	return reply(host, pair("alice@example.com", "bob@example.net"));
}

/* ---- the limit ---- */

static const struct {
	uint64_t base, share, recipients;
	uint32_t limit;
} limits[] = {
	{500, 1000, 0, 500},
	{500, 1000, 140, 640},
	{500, 0, UINT64_MAX, 500},
	{1, 100, 9, 1},
	{1, 100, 10, 2},
	{1, 1, 999, 1},
	{1, 1, 1000, 2},
	{1, 125, 80, 11},
	{0, 0, 0, 0},
	{UINT32_MAX - 1, 1000, 1, UINT32_MAX},
	{UINT32_MAX, 1000, 1, UINT32_MAX},
	{UINT64_MAX, 1000, 1, UINT32_MAX},
	{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX},
	{1, 100000, UINT32_MAX, UINT32_MAX},
	{1, UINT64_MAX, 2, UINT32_MAX},
	{100000000, 100000, 1000000, 200000000},
};

START_TEST(a_limit_never_overflows)
{
	ck_assert_uint_eq(
		batv_flood_limit(limits[_i].base, limits[_i].share, limits[_i].recipients),
		limits[_i].limit);
}
END_TEST

/* ---- networks ---- */

START_TEST(a_network_has_a_limit_of_its_own)
{
	struct batv_flood over;

	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	ck_assert_uint_eq(over.count, BASE + 1);
	ck_assert_uint_eq(over.limit, BASE);
	ck_assert_uint_eq(passes(bounce, "192.0.2.255", &over), 0); /* the same network */
	ck_assert_uint_eq(passes(bounce, "192.0.3.1", &over), BASE);
	ck_assert_uint_eq(passes(bounce, "2001:db8:1::1", &over), BASE);
	ck_assert_uint_eq(passes(bounce, "2001:db8:1:2::1", &over), 0);
	ck_assert_uint_eq(passes(bounce, "2001:db8:2::1", &over), BASE);
	/* what is not an address is one network more */
	ck_assert_uint_eq(passes(bounce, "", &over), BASE);
	ck_assert_uint_eq(passes(bounce, NULL, &over), 0);
	ck_assert_uint_eq(passes(bounce, "host.example", &over), 0);
}
END_TEST

START_TEST(ids_and_pairs_have_limits_of_their_own)
{
	struct batv_flood over;

	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	ck_assert_uint_eq(passes(cite, "192.0.2.1", &over), BASE);
	ck_assert_int_eq(over.over, BATV_FLOOD_ID);
	ck_assert_uint_eq(passes(answer, "192.0.2.1", &over), BASE);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	ck_assert_uint_eq(passes(cite, "192.0.3.1", &over), BASE);
	ck_assert_int_eq(reply("192.0.2.1", id("two@example.com", "alice@example.com")).over,
			 BATV_FLOOD_NONE);
	ck_assert_int_eq(reply("192.0.2.1", pair("alice@example.com", "eve@example.net")).over,
			 BATV_FLOOD_NONE);
}
END_TEST

/* Another key's tag, and another address's, are others; another style of the same one is not. */
START_TEST(tags_have_limits_of_their_own)
{
	const struct batv_tag others[] = {{.number = 4, .day = DAY_OF_TAG},
					  {.number = 3, .day = DAY_OF_TAG - 1},
					  {.number = 3, .day = DAY_OF_TAG + 10},
					  {.number = 3, .day = DAY_OF_TAG + 100}};
	const struct batv_tag same = {
		.style = BATV_STYLE_SUBADDRESS, .number = 3, .day = DAY_OF_TAG, .mac = {1, 2, 3}};
	struct batv_flood_context context = from("192.0.2.1", NOW);
	struct batv_flood over;

	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	for (size_t i = 0; i < COUNT(others); i++) {
		batv_flood_tag(&context, &others[i], &over);
		ck_assert_int_eq(over.over, BATV_FLOOD_NONE);
	}
	batv_flood_tag(&context, &same, &over);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	bare = address("Alice@EXAMPLE.com");
	ck_assert_int_eq(bounce("192.0.2.1").over, BATV_FLOOD_NETWORK);
	bare = address("alice@example.net");
	ck_assert_int_eq(bounce("192.0.2.1").over, BATV_FLOOD_NONE);
}
END_TEST

/* ---- what was sent ---- */

START_TEST(the_limit_follows_what_was_sent)
{
	struct batv_flood over;

	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	send_to(9, 3, DAY_OF_TAG, NOW);
	send_to(1, 3, DAY_OF_TAG, NOW - D);
	send_to(100, 4, DAY_OF_TAG, NOW); /* another key's */
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 5);
	ck_assert_uint_eq(over.limit, BASE + 5);
	ck_assert_uint_eq(passes(bounce, "192.0.3.1", &over), BASE + 5);
	send_to(2, 3, DAY_OF_TAG, NOW);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 1);
}
END_TEST

/* A new file begins with no counts; the mails are in the one before. */
START_TEST(the_file_before_knows_what_was_sent)
{
	struct batv_memory before = {0};
	struct batv_flood over = {.over = BATV_FLOOD_NONE};
	struct batv_flood_context context;
	unsigned n = 0;

	send_to(10, 3, DAY_OF_TAG, NOW);
	ck_assert_int_eq(make_sized("memory.2", CAPACITY, RETENTION), BATV_OK);
	batv_memory_close(&memory);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory.2"), BATV_OK);
	ck_assert_int_eq(batv_memory_open_windows(&before, dir, "memory"), BATV_OK);
	send_to(4, 3, DAY_OF_TAG, NOW);
	context = from("192.0.2.1", NOW);
	context.before = &before;
	for (; n < 100 && over.over == BATV_FLOOD_NONE; n++)
		batv_flood_tag(&context, &tag, &over);
	ck_assert_uint_eq(n, BASE + 7 + 1);
	ck_assert_uint_eq(over.limit, BASE + 7);
	batv_memory_close(&before);
	batv_flood_tag(&context, &tag, &over); /* it cannot be read: as if nobody had written */
	ck_assert_uint_eq(over.limit, BASE + 2);
}
END_TEST

/* A reply may answer mail of any key that still counts. */
START_TEST(replies_follow_the_mail_of_all_keys)
{
	struct batv_flood over;

	state.ring.n_keys = 5;
	state.ring.keys[0] = (struct batv_key){.number = 3,
					       .day = 789,
					       .from = NOW - 9 * D,
					       .until = NOW - 2 * D,
					       .destroy = NOW + 10 * D};
	state.ring.keys[1] = (struct batv_key){.number = 4,
					       .day = 796,
					       .from = NOW - 2 * D,
					       .until = NOW + 5 * D,
					       .destroy = NOW + 17 * D};
	state.ring.keys[2] = (struct batv_key){.number = 5,
					       .day = 803,
					       .from = NOW + 5 * D,
					       .until = NOW + 12 * D,
					       .destroy = NOW + 24 * D};
	state.ring.keys[3] = (struct batv_key){.number = 2,
					       .day = 778,
					       .from = NOW - 16 * D,
					       .until = NOW - 9 * D,
					       .destroy = NOW - D};
	state.ring.keys[4] = (struct batv_key){.number = 6,
					       .day = 797,
					       .from = NOW - D,
					       .until = NOW - D,
					       .destroy = NOW + 18 * D};
	send_to(160, 6, 797, NOW); /* it never signs */
	send_to(10, 3, 789, NOW - 3 * D);
	send_to(20, 4, 796, NOW);
	send_to(40, 5, 803, NOW); /* not in use yet: nothing left with it */
	send_to(80, 2, 778, NOW); /* destroyed */
	ck_assert_uint_eq(passes(cite, "192.0.2.1", &over), BASE + 15);
	ck_assert_uint_eq(passes(answer, "192.0.2.1", &over), BASE + 15);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE + 5);
}
END_TEST

/* A key counts from its first second until it is destroyed, and only if the ring has it. */
START_TEST(keys_at_the_ends_of_their_lives)
{
	struct batv_flood over;

	state.ring.n_keys = 2;
	state.ring.keys[0] = (struct batv_key){.number = 4,
					       .day = 796,
					       .from = NOW,
					       .until = NOW + 5 * D,
					       .destroy = NOW + 17 * D};
	state.ring.keys[1] = (struct batv_key){.number = 2,
					       .day = 778,
					       .from = NOW - 16 * D,
					       .until = NOW - 9 * D,
					       .destroy = NOW};
	state.ring.keys[2] = state.ring.keys[0];
	state.ring.keys[2].number = 5;
	send_to(20, 4, 796, NOW);
	send_to(80, 2, 778, NOW - D);
	send_to(160, 5, 796, NOW);
	ck_assert_uint_eq(passes(cite, "192.0.2.1", &over), BASE + 10);
}
END_TEST

/* ---- over all networks ---- */

static const char *host_number(unsigned n)
{
	static char host[32];

	(void)snprintf(host, sizeof host, "10.%u.%u.9", n / 256, n % 256);
	return host;
}

START_TEST(a_tag_has_a_limit_over_all_networks)
{
	struct batv_flood over = {.over = BATV_FLOOD_NONE};
	unsigned n = 0;

	for (; n < 100 && over.over == BATV_FLOOD_NONE; n++)
		over = bounce(host_number(n));
	ck_assert_uint_eq(n, BASE + 1);
	ck_assert_int_eq(over.over, BATV_FLOOD_TAG);
	ck_assert_uint_eq(over.count, BASE + 1);
	ck_assert_uint_eq(over.limit, BASE);
	ck_assert_int_eq(bounce(host_number(0)).over, BATV_FLOOD_TAG);
	/* it does not count for the network: an id still proves as often as elsewhere */
	ck_assert_uint_eq(passes(cite, host_number(0), &over), BASE);
	send_to(4, 3, DAY_OF_TAG, NOW);
	ck_assert_int_eq(bounce(host_number(200)).over, BATV_FLOOD_NONE);
	ck_assert_int_eq(bounce(host_number(201)).over, BATV_FLOOD_NONE);
	ck_assert_int_eq(bounce(host_number(202)).over, BATV_FLOOD_TAG);
}
END_TEST

/* Of each network an eighth of flood_base counts over all: it takes eight of them to fill it. */
START_TEST(a_flood_from_one_network_is_no_flood_from_all)
{
	struct batv_flood over;

	for (unsigned n = 0; n < 6; n++) {
		ck_assert_uint_eq(passes(bounce, host_number(n), &over), BASE);
		ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
		ck_assert_int_eq(bounce("192.0.2.1").over, BATV_FLOOD_NONE);
	}
	ck_assert_uint_eq(passes(bounce, host_number(99), &over), 2);
	ck_assert_int_eq(over.over, BATV_FLOOD_TAG);
}
END_TEST

START_TEST(the_least_limit_is_one)
{
	struct batv_flood over;

	policy.flood_base = 1;
	policy.flood_share = 0;
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 1);
	ck_assert_int_eq(over.over, BATV_FLOOD_TAG);
	policy.flood_base = 3;
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 2);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	ck_assert_uint_eq(passes(bounce, "192.0.3.1", &over), 3);
}
END_TEST

/* ---- time ---- */

START_TEST(it_counts_over_the_life_of_the_tag)
{
	for (unsigned n = 0; n < BASE; n++)
		ck_assert_int_eq(bounce_at("192.0.2.1", NOW + n % 10 * D).over, BATV_FLOOD_NONE);
	ck_assert_int_eq(bounce_at("192.0.2.1", NOW + 10 * D).over, BATV_FLOOD_NETWORK);
	ck_assert_int_eq(bounce_at("192.0.2.1", NOW + 11 * D).over, BATV_FLOOD_NONE);
}
END_TEST

START_TEST(replies_count_as_long_as_mail_is_remembered)
{
	const struct batv_item item = id("one@example.com", "alice@example.com");
	const unsigned days = RETENTION / D;

	for (unsigned n = 0; n < BASE; n++)
		ck_assert_int_eq(reply_at("192.0.2.1", item, NOW + n % days * D).over,
				 BATV_FLOOD_NONE);
	ck_assert_int_eq(reply_at("192.0.2.1", item, NOW + days * D).over, BATV_FLOOD_ID);
	/* the last one that counted was a day before */
	ck_assert_int_eq(reply_at("192.0.2.1", item, NOW + 2 * days * D).over, BATV_FLOOD_NONE);
}
END_TEST

START_TEST(the_last_day_of_a_tag)
{
	ck_assert_uint_eq(batv_tag_use_until(779, NOW), NOW / D);
	ck_assert_uint_eq(batv_tag_use_until(780, NOW), NOW / D + 1);
	ck_assert_uint_eq(batv_tag_use_until(778, NOW), NOW / D + 999);
	ck_assert_uint_eq(batv_tag_use_until(0, NOW), NOW / D + 221);
	ck_assert_uint_eq(batv_tag_use_until(5, -1), 5);
}
END_TEST

/* A wrong clock defers nobody for years, and no time at all is a crash. */
START_TEST(a_wrong_clock)
{
	struct batv_flood over;

	for (unsigned n = 0; n < 2 * BASE; n++)
		over = bounce_at("192.0.2.1", NOW + 3000 * D);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	ck_assert_int_eq(bounce_at("192.0.2.1", 0).over, BATV_FLOOD_NONE);
	ck_assert_int_eq(bounce_at("192.0.2.1", -1).over, BATV_FLOOD_NONE);
	ck_assert_int_eq(bounce_at("192.0.2.1", INT64_MAX).over, BATV_FLOOD_NONE);
}
END_TEST

/* ---- without ---- */

START_TEST(without_a_memory_nothing_is_over)
{
	struct batv_flood over;

	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	ck_assert_uint_eq(passes(cite, "192.0.2.1", &over), BASE);
	state.has_memory_key = false;
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 1000);
	ck_assert_uint_eq(passes(cite, "192.0.2.1", &over), 1000);
	state.has_memory_key = true;
	truncate_memory(BATV_MEMORY_PAGE);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 1000);
	batv_memory_close(&memory);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 1000);
	ck_assert_uint_eq(passes(answer, "192.0.2.1", &over), 1000);
	ck_assert_uint_eq(batv_flood_deferred(&memory, &over, NOW), 0);
}
END_TEST

/* A file of version 1 has no count for life: the limit is one for a day. */
START_TEST(in_a_file_of_version_1)
{
	struct batv_flood over;

	memory.sections.version = BATV_MEMORY_VERSION_1;
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), BASE);
	send_to(4, 3, DAY_OF_TAG, NOW);
	ck_assert_uint_eq(passes(bounce, "192.0.2.1", &over), 2);
	ck_assert_int_eq(over.over, BATV_FLOOD_NETWORK);
	ck_assert_uint_eq(over.limit, BASE + 2);
	ck_assert_int_eq(bounce_at("192.0.2.1", NOW + D).over, BATV_FLOOD_NONE);
}
END_TEST

/* ---- what was deferred ---- */

START_TEST(deferrals_are_news_now_and_then)
{
	struct batv_flood over, other;
	char news[100] = "";

	(void)passes(bounce, "192.0.2.1", &over);
	(void)passes(bounce, "192.0.3.1", &other);
	for (uint32_t n = 1; n <= 1000; n++) {
		ck_assert_uint_eq(batv_flood_deferred(&memory, &over, NOW), n);
		if (batv_flood_is_news(n))
			(void)snprintf(news + strlen(news), sizeof news - strlen(news), " %u",
				       (unsigned)n);
	}
	ck_assert_str_eq(news, " 1 10 100 1000");
	ck_assert(batv_flood_is_news(0));
	ck_assert(!batv_flood_is_news(20));
	ck_assert(!batv_flood_is_news(UINT32_MAX));
	ck_assert_uint_eq(batv_flood_deferred(&memory, &other, NOW), 1);
	ck_assert_uint_eq(batv_flood_deferred(&memory, &over, NOW + D), 1);
	/* that was counted apart from what was accepted */
	ck_assert_uint_eq(bounce("192.0.2.1").count, BASE + 1);
}
END_TEST

static const struct {
	const char *text;
	uint32_t limit; /* 0: not a limit */
	int64_t period;
} rates[] = {
	{"100 / 1h", 100, 3600}, {"100/1h", 100, 3600},
	{" 7 / 10m ", 7, 600},   {"100", 100, 3600},
	{"1 / 30m", 1, 1800},    {"65535 / 1h", 65535, 3600},
	{"65536 / 1h", 0, 0},    {"0 / 1h", 0, 0},
	{"100 / 9m", 0, 0},      {"100 / 61m", 0, 0},
	{"100 / 1d", 0, 0},      {"100 /", 0, 0},
	{"/ 1h", 0, 0},          {"", 0, 0},
	{"many", 0, 0},          {"100 / 1h / strict", 0, 0},
	{"1e3", 0, 0},           {"-1", 0, 0},
	{"100 / 1", 0, 0},
};

START_TEST(rates_of_forged_bounces)
{
	struct batv_flood_rate rate = {9, 9};
	const bool good = batv_flood_rate(batv_span_of(rates[_i].text), &rate);

	ck_assert_int_eq(good, rates[_i].limit > 0);
	ck_assert_uint_eq(rate.limit, good ? rates[_i].limit : 9);
	ck_assert_int_eq(rate.period, good ? rates[_i].period : 9);
}
END_TEST

static uint32_t refused(enum batv_flood_subject subject, const char *host, const char *rcpt)
{
	struct batv_flood_context context = from(host, NOW);
	const struct batv_addr addr = address(rcpt);

	context.bare = &addr;
	return batv_flood_count(&context, subject, 3600);
}

START_TEST(refused_bounces_have_counts_of_their_own)
{
	const struct batv_addr upper = address("Alice@EXAMPLE.com");

	batv_flood_refused(&memory, &state, "192.0.2.1", NULL, NOW);
	batv_flood_refused(&memory, &state, "192.0.2.1", &bare, NOW);
	batv_flood_refused(&memory, &state, NULL, &upper, NOW);
	batv_flood_refused(&memory, &state, "2001:db8:0:1::7", NULL, NOW);
	batv_flood_refused(&memory, &state, "no address", NULL, NOW);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.1", "x@y.test"), 2);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.2", "x@y.test"), 0);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "2001:DB8:0:1:9::", "x@y.test"), 1);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "2001:db8:0:2::7", "x@y.test"), 0);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "no address", "x@y.test"), 0);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, NULL, "x@y.test"), 0);
	ck_assert_uint_eq(refused(BATV_FLOOD_RCPT, "192.0.2.9", "alice@example.com"), 2);
	ck_assert_uint_eq(refused(BATV_FLOOD_RCPT, "192.0.2.1", "bob@example.com"), 0);
	/* no key of the memory; nobody can write */
	memory.sealed = true;
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.1", "x@y.test"), 0);
	memory.sealed = false;
	state.has_memory_key = false;
	batv_flood_refused(&memory, &state, "192.0.2.1", NULL, NOW);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.1", "x@y.test"), 0);
	state.has_memory_key = true;
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.1", "x@y.test"), 2);
	batv_memory_close(&memory);
	batv_flood_refused(&memory, &state, "192.0.2.1", NULL, NOW);
	ck_assert_uint_eq(refused(BATV_FLOOD_HOST, "192.0.2.1", "x@y.test"), 0);
}
END_TEST

START_TEST(names_of_limits)
{
	ck_assert_str_eq(batv_flood_name(BATV_FLOOD_NETWORK), "network");
	ck_assert_str_eq(batv_flood_name(BATV_FLOOD_TAG), "tag");
	ck_assert_str_eq(batv_flood_name(BATV_FLOOD_ID), "id");
	ck_assert_str_eq(batv_flood_name((enum batv_flood_limit)3), "hint");
	ck_assert_str_eq(batv_flood_name(BATV_FLOOD_NONE), "-");
	ck_assert_str_eq(batv_flood_subject_name(BATV_FLOOD_HOST), "host");
	ck_assert_str_eq(batv_flood_subject_name(BATV_FLOOD_RCPT), "rcpt");
	/* they are rows of the file */
	ck_assert_int_eq(BATV_COUNT_DEFERRED + BATV_FLOOD_NONE, BATV_COUNT_DEFERRED_END);
}
END_TEST

static void add_floods(TCase *tc, bool windows)
{
	if (!windows)
		tcase_add_loop_test(tc, a_limit_never_overflows, 0, (int)COUNT(limits));
	tcase_add_test(tc, a_network_has_a_limit_of_its_own);
	tcase_add_test(tc, ids_and_pairs_have_limits_of_their_own);
	tcase_add_test(tc, tags_have_limits_of_their_own);
	tcase_add_test(tc, the_limit_follows_what_was_sent);
	tcase_add_test(tc, the_file_before_knows_what_was_sent);
	tcase_add_test(tc, replies_follow_the_mail_of_all_keys);
	tcase_add_test(tc, keys_at_the_ends_of_their_lives);
	tcase_add_test(tc, a_tag_has_a_limit_over_all_networks);
	tcase_add_test(tc, a_flood_from_one_network_is_no_flood_from_all);
	tcase_add_test(tc, the_least_limit_is_one);
	tcase_add_test(tc, it_counts_over_the_life_of_the_tag);
	tcase_add_test(tc, replies_count_as_long_as_mail_is_remembered);
	tcase_add_test(tc, the_last_day_of_a_tag);
	tcase_add_test(tc, a_wrong_clock);
	tcase_add_test(tc, without_a_memory_nothing_is_over);
	tcase_add_test(tc, in_a_file_of_version_1);
	tcase_add_test(tc, deferrals_are_news_now_and_then);
	if (!windows)
		tcase_add_loop_test(tc, rates_of_forged_bounces, 0, (int)COUNT(rates));
	tcase_add_test(tc, refused_bounces_have_counts_of_their_own);
	tcase_add_test(tc, names_of_limits);
}

Suite *unit_suite(void)
{
	return memory_suite("flood", add_floods, make_flood, make_flood_with_windows);
}
