/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac core/memory/recall */
/* links: core/base/network core/tag/addr core/memory/sent core/memory/journal */
/* links: core/memory/sending */
/*
 * test_recall.c - what is measured of a domain: samples, networks, days, and a wrong clock.
 */
#include "base/hmac.h"
#include "memory/recall.h"
#include "memory_lab.h"

#define RETENTION (15 * D)

static struct batv_recall recall;
static unsigned ids; /* so that each sample has a new one */

static void make_recall(void)
{
	const struct batv_memory_wish wish = {.generation = 7,
					      .now = NOW,
					      .capacity = 1000,
					      .retention = RETENTION,
					      .since = NOW};

	sandbox_make();
	ck_assert_int_eq(batv_memory_file_create(dir, "memory", &wish), BATV_OK);
	open_memory();
	ids = 0;
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
}

static void make_recall_with_windows(void)
{
	with_windows = true;
	make_recall();
}

static struct batv_item numbered(unsigned n)
{
	struct batv_item item = {.kind = BATV_ITEM_ID};
	char text[20];

	(void)snprintf(text, sizeof text, "%u", n);
	ck_assert(batv_hmac_sha1(batv_span_of("key"), batv_span_of("id "), batv_span_of(text),
				 item.name));
	return item;
}

static struct batv_recall_sample sample_of(const char *rcpt, const char *host, int64_t now)
{
	static struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(rcpt, strlen(rcpt), &addr), BATV_OK);
	return (struct batv_recall_sample){.domain = "a.example",
					   .rcpt = &addr,
					   .host = host,
					   .key = batv_span_of("key"),
					   .retention = RETENTION,
					   .now = now};
}

/* A sample of a new id, from the network 192.0.N.0/24. */
static bool take(enum batv_recall_kind kind, unsigned network, int64_t now)
{
	char host[40];
	struct batv_recall_sample s;
	struct batv_item id = numbered(++ids);

	(void)snprintf(host, sizeof host, "192.0.%u.%u", network, ids % 250 + 1);
	s = sample_of("prvs=1234abcdef=x@a.example", host, now);
	return batv_recall_take(&memory, &s, kind, &id);
}

static void expect(int64_t now, unsigned samples, unsigned networks, unsigned missed_networks,
		   unsigned missed_days)
{
	ck_assert(batv_recall_read(&memory, "a.example", RETENTION, now, &recall));
	ck_assert_uint_eq(recall.known_samples, samples);
	ck_assert_uint_eq(recall.known_networks, networks);
	ck_assert_uint_eq(recall.missed_networks, missed_networks);
	ck_assert_uint_eq(recall.missed_days, missed_days);
}

START_TEST(each_id_is_a_sample_once)
{
	struct batv_recall_sample s = sample_of("x@a.example", "192.0.2.1", NOW);
	struct batv_item id = numbered(7), other = numbered(8);

	expect(NOW, 0, 0, 0, 0);
	ck_assert(batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.host = "192.0.3.1";
	ck_assert(!batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.now += 14 * D;
	ck_assert(!batv_recall_take(&memory, &s, BATV_RECALL_MISSED, &id));
	s.now = NOW;
	ck_assert(batv_recall_take(&memory, &s, BATV_RECALL_CITED, &other));
	expect(NOW, 2, 2, 0, 0);
	ck_assert_uint_eq(recall.known, 1); /* what is cited is not among the bounces */
	ck_assert_uint_eq(recall.missed, 0);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_RECALL_KNOWN, 1, NOW), 1);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_RECALL_MISSED, 1, NOW), 0);
	ck_assert(take(BATV_RECALL_MISSED, 9, NOW));
	expect(NOW, 2, 2, 1, 1);
	ck_assert_uint_eq(recall.missed, 1);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_RECALL_MISSED, 1, NOW), 1);
}
END_TEST

/* A tag and network has a few tries a day, and none after its sample. */
START_TEST(one_for_a_tag_and_network_and_day)
{
	struct batv_recall_sample s = sample_of("prvs=1234abcdef=x@a.example", "192.0.2.1", NOW);
	struct batv_item id = numbered(1);

	for (unsigned i = 0; i < BATV_RECALL_TRIES; i++)
		ck_assert(batv_recall_wants(&memory, &s));
	ck_assert(!batv_recall_wants(&memory, &s));
	s.host = "192.0.2.99";
	ck_assert(!batv_recall_wants(&memory, &s));
	s.host = "192.0.3.1";
	ck_assert(batv_recall_wants(&memory, &s));
	ck_assert(batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	ck_assert(!batv_recall_wants(&memory, &s));
	s.now += D;
	ck_assert(batv_recall_wants(&memory, &s));
	s = sample_of("prvs=1234abcdef=y@a.example", "192.0.2.1", NOW);
	ck_assert(batv_recall_wants(&memory, &s));
}
END_TEST

START_TEST(what_is_no_sample)
{
	struct batv_recall_sample s = sample_of("x@a.example", "", NOW);
	struct batv_item id = numbered(1);

	ck_assert(!batv_recall_wants(&memory, &s) &&
		  !batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.host = "192.0.2.1";
	s.key.len = 0;
	ck_assert(!batv_recall_wants(&memory, &s) &&
		  !batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.key = batv_span_of("key");
	s.domain = "b.example"; /* has no slot */
	ck_assert(!batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.domain = "a.example";
	s.now = -1;
	ck_assert(!batv_recall_wants(&memory, &s) &&
		  !batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	s.now = NOW;
	ck_assert(batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	ck_assert(!batv_recall_read(&memory, "b.example", RETENTION, NOW, &recall));
}
END_TEST

/* Are there three known samples, and from two networks?  This is what is decided by. */
static bool enough(int64_t now)
{
	ck_assert(batv_recall_read(&memory, "a.example", RETENTION, now, &recall));
	return recall.known_samples == 3 && recall.known_networks >= 2;
}

/* Many networks and years: the answers are those of a list of all samples. */
#define SAMPLES 3000

static unsigned pick(unsigned n)
{
	static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (unsigned)((x >> 33) % n);
}

static unsigned at_most(unsigned n, unsigned max)
{
	return n < max ? n : max;
}

static unsigned bits_of(uint64_t word)
{
	unsigned n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

START_TEST(agrees_with_a_list_of_all_samples)
{
	struct {
		bool known, taken; /* not if its id shares places with others */
		unsigned network;
		int64_t now;
	} all[SAMPLES];
	const unsigned networks = 2 + (unsigned)_i, gap = 1 + 3 * (unsigned)_i;
	unsigned taken = 0, seen_enough = 0;
	int64_t now = NOW;

	for (size_t n = 0; n < SAMPLES; n++) {
		unsigned samples = 0;
		uint64_t known = 0, missed = 0, days = 0;

		all[n].known = pick(3) > 0;
		all[n].network = pick(networks);
		all[n].now = now += (int64_t)pick(gap) * D + pick(7) * 3600;
		all[n].taken = take(all[n].known ? BATV_RECALL_KNOWN : BATV_RECALL_MISSED,
				    all[n].network, now);
		taken += all[n].taken;
		for (size_t i = 0; i <= n; i++) {
			int64_t age = now / D - all[i].now / D;

			if (age > RETENTION / D || !all[i].taken)
				continue;
			samples += all[i].known;
			*(all[i].known ? &known : &missed) |= UINT64_C(1) << all[i].network;
			if (!all[i].known)
				days |= UINT64_C(1) << age;
		}
		ck_assert(enough(now) == (samples >= 3 && bits_of(known) >= 2));
		ck_assert_uint_eq(recall.missed_networks, at_most(bits_of(missed), 3));
		ck_assert_uint_eq(recall.missed_days, at_most(bits_of(days), 3));
		seen_enough += enough(now);
	}
	ck_assert_uint_gt(taken, SAMPLES / 2);
	ck_assert_uint_gt(seen_enough, 20);
}
END_TEST

/* The one sample of another network stays until it no longer counts. */
START_TEST(another_network_is_kept)
{
	ck_assert(take(BATV_RECALL_KNOWN, 1, NOW));
	for (unsigned i = 0; i < 30; i++)
		ck_assert(take(BATV_RECALL_KNOWN, 2, NOW + 3600 * (int64_t)i));
	ck_assert(enough(NOW + 2 * D));
	ck_assert_uint_eq(recall.known, 31);
	ck_assert(enough(NOW + RETENTION));
	ck_assert(!enough(NOW + RETENTION + D));
	ck_assert(take(BATV_RECALL_KNOWN, 3, NOW + RETENTION + D));
	ck_assert(enough(NOW + RETENTION + D));
	expect(NOW + 2 * RETENTION + 3 * D, 0, 0, 0, 0);
	ck_assert_uint_eq(recall.known, 0);
}
END_TEST

/* What a clock ahead has written does not count, and gives way. */
START_TEST(wrong_clock)
{
	int64_t ahead = NOW + 400 * D;

	for (unsigned i = 0; i < 6; i++) {
		ck_assert(take(BATV_RECALL_KNOWN, i, ahead + i * D));
		ck_assert(take(BATV_RECALL_MISSED, i, ahead + i * D));
	}
	expect(NOW, 0, 0, 0, 0);
	ck_assert_uint_eq(recall.known + recall.missed, 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(take(BATV_RECALL_KNOWN, i, NOW + i * D));
		ck_assert(take(BATV_RECALL_MISSED, i, NOW + i * D));
	}
	expect(NOW + 2 * D, 3, 3, 3, 3);
	ck_assert_uint_eq(recall.known, 3);
	/* an hour before midnight by another clock */
	ck_assert(take(BATV_RECALL_MISSED, 7, NOW + D));
	expect(NOW + D, 3, 3, 3, 3);
	ck_assert_uint_eq(recall.missed, 4);
}
END_TEST

START_TEST(counts_saturate)
{
	uint64_t *word = &slots()[batv_slot_home("a.example", 9, BATV_DOMAIN_SLOTS)].recall_known;

	ck_assert(take(BATV_RECALL_KNOWN, 1, NOW));
	ck_assert_uint_eq(*word & 0xffffffffffff, 1);
	*word |= 0xffffffffffff;
	ck_assert(take(BATV_RECALL_KNOWN, 1, NOW));
	ck_assert_uint_eq(*word, (uint64_t)(NOW / D) << 48 | 0xffffffffffff);
}
END_TEST

/* The next generation has the same, however often it is copied. */
START_TEST(copies)
{
	struct batv_memory to = {0};

	for (unsigned i = 0; i < 3; i++) {
		ck_assert(take(BATV_RECALL_KNOWN, i / 2, NOW));
		ck_assert(take(BATV_RECALL_MISSED, i, NOW + i * D));
	}
	ck_assert_int_eq(make_file("memory.2", 8, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&to, dir, "memory.2"), BATV_OK);
	batv_recall_copy(&memory, &to); /* the domain has no slot there */
	ck_assert(!batv_recall_read(&to, "a.example", RETENTION, NOW, &recall));
	ck_assert_int_eq(
		batv_domain_note(&to, "a.example", "default", BATV_EVIDENCE_SIGNED, NULL, NOW),
		BATV_OK);
	for (unsigned i = 0; i < 2; i++) {
		batv_recall_copy(&memory, &to);
		ck_assert(batv_recall_read(&to, "a.example", RETENTION, NOW + 2 * D, &recall));
		ck_assert_uint_eq(recall.known, 3);
		ck_assert_uint_eq(recall.missed, 3);
		ck_assert_uint_eq(recall.known_samples, 3);
		ck_assert_uint_eq(recall.known_networks, 2);
		ck_assert_uint_eq(recall.missed_networks, 3);
		ck_assert_uint_eq(recall.missed_days, 3);
	}
	batv_memory_close(&to);
}
END_TEST

static void add_tests(Suite *s, const char *name, const char *slow, void (*setup)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, drop_memory);
	tcase_add_test(tc, each_id_is_a_sample_once);
	tcase_add_test(tc, one_for_a_tag_and_network_and_day);
	tcase_add_test(tc, what_is_no_sample);
	tcase_add_test(tc, another_network_is_kept);
	tcase_add_test(tc, wrong_clock);
	tcase_add_test(tc, counts_saturate);
	tcase_add_test(tc, copies);
	suite_add_tcase(s, tc);
	tc = tcase_create(slow);
	tcase_add_checked_fixture(tc, setup, drop_memory);
	tcase_add_loop_test(tc, agrees_with_a_list_of_all_samples, 0, 5);
	suite_add_tcase(s, tc);
}

Suite *unit_suite(void)
{
	Suite *s = suite_create("recall");

	add_tests(s, "mapped", "slow, mapped", make_recall);
	add_tests(s, "windows", "slow, windows", make_recall_with_windows);
	return s;
}
