/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/sending core/base/network core/base/hmac */
/*
 * test_sending.c - how a domain's mail leaves and comes back: what is kept, what falls out, and
 * what a wrong clock does.
 */
#include "memory_lab.h"

#define KEY ((struct batv_span){"a key of the memory, of 32 bytes", 32})

static struct batv_domain d; /* of the last reading */

static const struct batv_sending *reading(void)
{
	size_t first = 0;

	memset(&d, 0, sizeof d);
	ck_assert(batv_domain_next(&whole, &first, &d));
	return &d.sending;
}

static struct batv_sending_evidence evidence_at(int64_t now)
{
	struct batv_sending_evidence e;

	batv_sending_evidence(reading(), 0, now, &e);
	return e;
}

static void note_signed(uint64_t sender, uint64_t domain, int64_t now)
{
	const struct batv_sending_clues clues = {.sender = sender, .domain = domain};

	ck_assert_int_eq(batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_SIGNED,
					  &clues, now),
			 BATV_OK);
}

static void note_valid(uint64_t tag, uint64_t network, int64_t now)
{
	const struct batv_sending_clues clues = {.tag = tag, .network = network};

	ck_assert_int_eq(
		batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_VALID, &clues, now),
		BATV_OK);
}

static uint64_t hash(enum batv_sending_part part, const char *text)
{
	return batv_sending_hash(KEY, part, batv_span_of(text));
}

START_TEST(hashes)
{
	uint64_t h = hash(BATV_SENDING_SENDER, "Alice");

	ck_assert_uint_ne(h, 0);
	ck_assert_uint_eq(h >> 48, 0);
	ck_assert_uint_eq(h, hash(BATV_SENDING_SENDER, "aLICE"));
	ck_assert_uint_ne(h, hash(BATV_SENDING_DOMAIN, "alice"));
	ck_assert_uint_ne(h, hash(BATV_SENDING_SENDER, "alicf"));
	ck_assert_uint_ne(hash(BATV_SENDING_ID, "A@b"), hash(BATV_SENDING_ID, "a@b"));
	ck_assert_uint_ne(hash(BATV_SENDING_DOMAIN, ""), 0);
	ck_assert_uint_eq(batv_sending_hash((struct batv_span){"", 0}, BATV_SENDING_SENDER,
					    batv_span_of("alice")),
			  0);
	ck_assert_uint_eq(batv_sending_network(KEY, "192.0.2.1"),
			  batv_sending_network(KEY, "192.0.2.254"));
	ck_assert_uint_ne(batv_sending_network(KEY, "192.0.2.1"),
			  batv_sending_network(KEY, "192.0.3.1"));
	ck_assert_uint_eq(batv_sending_network(KEY, "nobody"), 0);
	ck_assert_uint_eq(batv_sending_network(KEY, NULL), 0);
}
END_TEST

START_TEST(different_ones_are_counted)
{
	struct batv_sending_evidence e;

	for (unsigned i = 0; i < 6; i++)
		note_signed(1 + i % 2, 7, NOW + i);
	e = evidence_at(NOW);
	ck_assert_uint_eq(e.days, 1);
	ck_assert_uint_eq(e.senders, 2);
	ck_assert_uint_eq(e.domains, 1);
	ck_assert_uint_eq(e.tags | e.networks, 0);
	for (unsigned i = 1; i < 9; i++) {
		note_signed(i, i, NOW + 60);
		note_valid(i, 5, NOW + 60);
	}
	e = evidence_at(NOW);
	ck_assert_uint_eq(e.senders, 3);
	ck_assert_uint_eq(e.domains, 3);
	ck_assert_uint_eq(e.tags, 3);
	ck_assert_uint_eq(e.networks, 1);
}
END_TEST

/* Three stay three, however many come after them, and they are as new as they can be. */
START_TEST(places_are_never_lost)
{
	for (unsigned day = 0; day < 100; day++) {
		note_signed(1 + day, 1 + day % 2, NOW + day * D);
		ck_assert_uint_eq(evidence_at(NOW + day * D).senders, day < 2 ? day + 1 : 3);
	}
	ck_assert_uint_eq(evidence_at(NOW + 99 * D).domains, 2);
	ck_assert_uint_eq(evidence_at(NOW + 129 * D).senders, 3);
	ck_assert_uint_eq(evidence_at(NOW + 130 * D).senders, 2);
	ck_assert_uint_eq(evidence_at(NOW + 132 * D).senders, 0);
}
END_TEST

START_TEST(days_fall_out)
{
	struct batv_sending_evidence e;

	note_signed(1, 1, NOW);
	note_signed(1, 1, NOW + 2 * D);
	note_signed(1, 1, NOW + 31 * D);
	e = evidence_at(NOW + 32 * D);
	ck_assert_uint_eq(e.days, 3);
	ck_assert_int_eq(e.since, NOW / D * D);
	e = evidence_at(NOW + 33 * D);
	ck_assert_uint_eq(e.days, 2);
	ck_assert_int_eq(e.since, NOW / D * D + 2 * D);
	ck_assert_uint_eq(evidence_at(NOW + 63 * D).days, 1);
	ck_assert_uint_eq(evidence_at(NOW + 64 * D).days, 0);
	note_signed(1, 1, NOW + 400 * D); /* after a pause nothing of before is left */
	ck_assert_uint_eq(evidence_at(NOW + 400 * D).days, 1);
}
END_TEST

/* What a clock that was ahead has written does not count, and does not stay. */
START_TEST(a_wrong_clock)
{
	note_signed(1, 1, NOW);
	note_signed(2, 2, NOW + 10 * D);
	ck_assert_uint_eq(evidence_at(NOW).days, 1);
	ck_assert_uint_eq(evidence_at(NOW).senders, 1);
	note_signed(3, 3, NOW); /* the clock is right again */
	ck_assert_uint_eq(evidence_at(NOW).days, 1);
	ck_assert_uint_eq(evidence_at(NOW).senders, 2);
	ck_assert_uint_eq(evidence_at(NOW + 10 * D).days, 1);
	note_signed(3, 3, NOW + 3000 * D);
	note_signed(3, 3, NOW);
	ck_assert_uint_eq(evidence_at(NOW).days, 1);
	note_signed(3, 3, NOW + D); /* a day ahead is a clock's error */
	note_signed(3, 3, NOW);
	ck_assert_uint_eq(evidence_at(NOW).days, 2);
}
END_TEST

START_TEST(a_fresh_note_writes_nothing)
{
	static struct batv_domain_slot before;

	note_signed(1, 1, NOW);
	note_valid(2, 2, NOW);
	before = *slots();
	for (size_t i = 0; i < memory.sections.domain_slots; i++)
		if (slots()[i].name[0])
			before = slots()[i];
	note_signed(1, 1, NOW + 60);
	note_valid(2, 2, NOW + 60);
	for (size_t i = 0; i < memory.sections.domain_slots; i++)
		if (slots()[i].name[0])
			ck_assert_mem_eq(&before, &slots()[i], sizeof before);
}
END_TEST

START_TEST(bounces_after_a_day)
{
	struct batv_sending_evidence e;

	for (unsigned i = 1; i <= 3; i++)
		note_valid(i, i, NOW + i * D);
	batv_sending_evidence(reading(), NOW, NOW + 4 * D, &e);
	ck_assert_uint_eq(e.tags, 3);
	batv_sending_evidence(reading(), NOW + 2 * D, NOW + 4 * D, &e);
	ck_assert_uint_eq(e.tags, 1);
	ck_assert_uint_eq(e.networks, 1);
}
END_TEST

static struct batv_sending_unseen unseen_at(int64_t now)
{
	struct batv_sending_unseen u;

	batv_sending_unseen(reading(), now, &u);
	return u;
}

START_TEST(accepted_and_seen)
{
	batv_sending_accepted(&memory, "a.example", 1, NOW); /* not in the table: nothing */
	ck_assert_uint_eq(slots_with("a.example"), 0);
	note_valid(1, 1, NOW); /* in the table, and no transport has seen its mail */
	for (unsigned i = 0; i < 6; i++)
		for (int64_t day = 0; day < 2; day++)
			batv_sending_accepted(&memory, "A.example", i, NOW + day * D);
	ck_assert(!unseen_at(NOW + D).broken);
	ck_assert_uint_eq(unseen_at(NOW + D).accepted, 6);
	ck_assert(unseen_at(NOW + 2 * D).broken);
	ck_assert_uint_eq(unseen_at(NOW + 2 * D).accepted, 12);
	ck_assert_uint_eq(unseen_at(NOW + 2 * D).senders, 3);
	for (unsigned i = 0; i < 3; i++)
		batv_sending_failed(&memory, "a.example", NOW + D);
	ck_assert_uint_eq(unseen_at(NOW + 2 * D).accepted, 9);
	ck_assert(!unseen_at(NOW + 2 * D).broken);
	for (unsigned i = 0; i < 20; i++) /* never below nothing */
		batv_sending_failed(&memory, "a.example", NOW + D);
	ck_assert_uint_eq(unseen_at(NOW + 2 * D).accepted, 0);
	ck_assert_uint_eq(unseen_at(NOW + 2 * D).days, 0);
}
END_TEST

/* A day on which transports see mail costs few writes, and is never "few seen". */
START_TEST(a_healthy_day)
{
	for (unsigned i = 0; i < 500; i++) {
		batv_sending_accepted(&memory, "a.example", i % 40, NOW);
		note_signed(i % 40, i, NOW);
	}
	ck_assert_uint_le(reading()->days[NOW / D % BATV_DOMAIN_DAYS].accepted & 0xffff, 80);
	ck_assert_uint_eq(reading()->days[NOW / D % BATV_DOMAIN_DAYS].seen & 0xffff, 8);
	ck_assert_uint_eq(unseen_at(NOW + D).few_accepted, 0);
	ck_assert_uint_eq(unseen_at(NOW + D).accepted, 0);
}
END_TEST

START_TEST(the_longest_wait)
{
	const struct batv_sending_clues late = {.sender = 1, .waited = 5 * 3600 + 100};

	note_signed(1, 1, NOW);
	ck_assert_int_eq(
		batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_SIGNED, &late, NOW),
		BATV_OK);
	note_signed(1, 1, NOW);
	for (unsigned i = 0; i < 12; i++)
		batv_sending_accepted(&memory, "a.example", i, NOW + (1 + i % 2) * D);
	ck_assert(!unseen_at((NOW / D + 3) * D + 5 * 3600 - 1).broken);
	ck_assert(unseen_at((NOW / D + 3) * D + 5 * 3600).broken);
}
END_TEST

static unsigned counted_at(int64_t now)
{
	struct batv_sending_foreign f;

	batv_sending_foreign(reading(), now, &f);
	return f.recent;
}

/* A day counts once ids of two networks came within 14 days. */
START_TEST(sent_elsewhere)
{
	struct batv_sending_foreign f;

	ck_assert(!batv_sending_elsewhere(&memory, "a.example", 1, 1, NOW));
	ck_assert_uint_eq(slots_with("a.example"), 0);
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 1, 1, NOW));
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 2, 1, NOW + D));
	ck_assert_uint_eq(counted_at(NOW + D), 0); /* one network */
	ck_assert(!batv_sending_elsewhere(&memory, "a.example", 1, 2, NOW + 2 * D));
	ck_assert_uint_eq(counted_at(NOW + 2 * D), 0); /* an id that is known */
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 3, 2, NOW + 3 * D));
	ck_assert_uint_eq(counted_at(NOW + 3 * D), 3);
	batv_sending_foreign(reading(), NOW + 4 * D, &f);
	ck_assert_int_eq(f.last, (NOW / D + 4) * D);
	ck_assert_uint_eq(counted_at(NOW + 13 * D), 3);
	ck_assert_uint_eq(counted_at(NOW + 14 * D), 2);
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 4, 3, NOW + 40 * D));
	ck_assert_uint_eq(counted_at(NOW + 40 * D), 0); /* the others are too old */
	ck_assert(!batv_sending_elsewhere(&memory, "a.example", 0, 3, NOW + 40 * D));
}
END_TEST

/* The places of the days are used again and again, in any order. */
START_TEST(sent_elsewhere_for_long)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	for (unsigned day = 0; day < 50; day++) {
		for (unsigned i = 1; i < 5; i++)
			ck_assert(batv_sending_elsewhere(&memory, "a.example", day * 8 + i, i,
							 NOW + day * D));
		ck_assert_uint_eq(counted_at(NOW + day * D), day < 14 ? day + 1 : 14);
	}
}
END_TEST

START_TEST(untagged_bounces)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	for (unsigned i = 1; i < 400; i++) {
		batv_sending_untagged(&memory, "a.example", NOW);
		ck_assert_uint_eq(evidence_at(NOW).untagged, i < 255 ? i : 255);
	}
	ck_assert_uint_eq(evidence_at(NOW + 32 * D).untagged, 255);
	ck_assert_uint_eq(evidence_at(NOW + 33 * D).untagged, 0);
	batv_sending_untagged(&memory, "a.example", NOW + 33 * D);
	ck_assert_uint_eq(evidence_at(NOW + 33 * D).untagged, 1);
}
END_TEST

/* The next generation knows all of it; twice is the same as once. */
START_TEST(another_file_takes_it_over)
{
	struct batv_sending_evidence e;
	struct batv_domain old, now;

	for (unsigned i = 1; i <= 3; i++) {
		note_signed(i, i, NOW + i * D);
		note_valid(i, i, NOW + i * D);
		(void)batv_sending_elsewhere(&memory, "a.example", i, i, NOW + i * D);
		batv_sending_untagged(&memory, "a.example", NOW + i * D);
	}
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_DOUBT, NOW + 3 * D);
	(void)reading();
	old = d;
	ck_assert_uint_eq(old.broken, NOW + 3 * D);
	drop_memory();
	make_memory();
	note_signed(9, 9, NOW + 4 * D);
	for (unsigned twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(batv_domain_merge(&memory, &old), BATV_OK);
		e = evidence_at(NOW + 4 * D);
		now = d;
		ck_assert_uint_eq(e.days, 4);
		ck_assert_uint_eq(e.senders, 3);
		ck_assert_uint_eq(e.tags, 3);
		ck_assert_uint_eq(e.networks, 3);
		ck_assert_uint_eq(e.untagged, 3);
		ck_assert_uint_eq(counted_at(NOW + 4 * D), 3);
		ck_assert_uint_eq(now.broken, old.broken);
		ck_assert_uint_eq(now.broken_why, BATV_DOMAIN_DOUBT);
	}
}
END_TEST

START_TEST(breaks)
{
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_DOUBT, NOW);
	ck_assert_uint_eq(slots_with("a.example"), 0);
	note_signed(1, 1, NOW);
	(void)reading();
	ck_assert_uint_eq(d.broken, 0);
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_DOUBT, NOW);
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_DOUBT, NOW + 899);
	(void)reading();
	ck_assert_uint_eq(d.broken, NOW);
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_DOUBT, NOW + 900);
	(void)reading();
	ck_assert_uint_eq(d.broken, NOW + 900);
	ck_assert_int_eq(batv_domain_set_flags(&memory,
					       batv_slot_home("a.example", 9, BATV_DOMAIN_SLOTS),
					       BATV_DOMAIN_ARMED, NOW + 901),
			 BATV_OK);
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_UNSEEN, NOW + 902);
	(void)reading();
	ck_assert_uint_eq(d.broken_why, BATV_DOMAIN_UNSEEN);
	ck_assert_uint_eq(d.flags & BATV_DOMAIN_ARMED, 0);
}
END_TEST

static TCase *add_tests(TCase *tc)
{
	tcase_add_test(tc, different_ones_are_counted);
	tcase_add_test(tc, places_are_never_lost);
	tcase_add_test(tc, days_fall_out);
	tcase_add_test(tc, a_wrong_clock);
	tcase_add_test(tc, bounces_after_a_day);
	tcase_add_test(tc, accepted_and_seen);
	tcase_add_test(tc, a_healthy_day);
	tcase_add_test(tc, the_longest_wait);
	tcase_add_test(tc, sent_elsewhere);
	tcase_add_test(tc, sent_elsewhere_for_long);
	tcase_add_test(tc, untagged_bounces);
	tcase_add_test(tc, breaks);
	return tc;
}

Suite *unit_suite(void)
{
	Suite *s = suite_create("sending");
	TCase *tc = tcase_create("mapped"), *windows = tcase_create("windows");

	tcase_add_checked_fixture(tc, make_memory, drop_memory);
	tcase_add_test(tc, hashes);
	tcase_add_test(tc, another_file_takes_it_over);
	suite_add_tcase(s, add_tests(tc));
	tcase_add_checked_fixture(windows, make_memory_with_windows, drop_memory);
	tcase_add_test(windows, a_fresh_note_writes_nothing);
	suite_add_tcase(s, windows);
	return s;
}
