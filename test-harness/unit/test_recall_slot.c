/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/tallies core/base/hmac core/memory/recall */
/* links: core/base/network core/tag/addr core/memory/sent core/memory/journal */
/* links: core/memory/sending */
/*
 * test_recall_slot.c - the words of a slot that are measured: what counts, what a sample changes,
 * and what the next generation takes.
 */
#include "memory/recall.h"
#include "memory/tallies.h"
#include "memory_lab.h"

#define RETENTION (15 * D)
#define TODAY ((uint64_t)(NOW / D))
#define WORD(day, low) ((uint64_t)(day) << 48 | (low))

static struct batv_recall recall;

static void make_recall_named(const char *file, struct batv_memory *m)
{
	const struct batv_memory_wish wish = {.generation = 7,
					      .now = NOW,
					      .capacity = 1000,
					      .retention = RETENTION,
					      .since = NOW};

	ck_assert_int_eq(batv_memory_file_create(dir, file, &wish), BATV_OK);
	ck_assert_int_eq(batv_memory_open(m, dir, file), BATV_OK);
}

static void make_recall(void)
{
	sandbox_make();
	make_recall_named("memory", &whole);
	open_memory();
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
}

static void make_recall_with_windows(void)
{
	with_windows = true;
	make_recall();
}

static struct batv_domain_slot *slot_in(struct batv_memory *m, const char *name)
{
	struct batv_domain_slot *first = (void *)((char *)m->base + m->sections.domains_at);

	return &first[batv_slot_home(name, strlen(name), m->sections.domain_slots)];
}

static struct batv_domain_slot *slot(void)
{
	return slot_in(&whole, "a.example");
}

static bool take_at(enum batv_recall_kind kind, const char *host, unsigned number, int64_t now)
{
	static struct batv_addr addr;
	struct batv_item id = {.kind = BATV_ITEM_ID};
	struct batv_recall_sample s = {.domain = "a.example",
				       .rcpt = &addr,
				       .host = host,
				       .key = batv_span_of("key"),
				       .retention = RETENTION,
				       .now = now};

	ck_assert_int_eq(batv_addr_parse("x@a.example", 11, &addr), BATV_OK);
	memset(id.name, (int)number, sizeof id.name);
	return batv_recall_take(&memory, &s, kind, &id);
}

static bool wanted_at(int64_t now)
{
	static struct batv_addr addr;
	struct batv_recall_sample s = {.domain = "a.example",
				       .rcpt = &addr,
				       .host = "192.0.2.1",
				       .key = batv_span_of("key"),
				       .retention = RETENTION,
				       .now = now};

	ck_assert_int_eq(batv_addr_parse("x@a.example", 11, &addr), BATV_OK);
	return batv_recall_wants(&memory, &s);
}

static void read_at(int64_t retention, int64_t now)
{
	ck_assert(batv_recall_read(&memory, "a.example", retention, now, &recall));
}

/* 48 bits of a hash under the memory's key; computed by hand. */
START_TEST(the_form_of_a_sample)
{
	ck_assert(take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, NOW));
	ck_assert_uint_eq(slot()->known_networks[0], WORD(TODAY, UINT64_C(0xa105d29d4926)));
	ck_assert_uint_eq(slot()->recall_known, WORD(TODAY, 1));
}
END_TEST

/* Until tomorrow, by another clock; and from the day on which the retention begins. */
static const struct {
	int64_t day;
	unsigned counts;
} days[] = {{-16, 0}, {-15, 1}, {0, 1}, {1, 1}, {2, 0}};

START_TEST(which_days_count)
{
	const uint64_t word = WORD((int64_t)TODAY + days[_i].day, 1);

	slot()->recall_known = slot()->recall_missed = word;
	slot()->known_networks[1] = slot()->missed_networks[2] = word;
	slot()->missed_days = word;
	read_at(RETENTION, NOW);
	ck_assert_uint_eq(recall.known, days[_i].counts);
	ck_assert_uint_eq(recall.missed, days[_i].counts);
	ck_assert_uint_eq(recall.known_samples, days[_i].counts);
	ck_assert_uint_eq(recall.known_networks, days[_i].counts);
	ck_assert_uint_eq(recall.missed_networks, days[_i].counts);
	ck_assert_uint_eq(recall.missed_days, days[_i].counts);
}
END_TEST

/* A clock that begins in 1970: the words that nobody wrote are of day 0, and never count. */
START_TEST(the_first_days_of_all)
{
	read_at(NOW, NOW);
	ck_assert_uint_eq(recall.known_samples + recall.missed_networks, 0);
	ck_assert(!wanted_at(5));
	ck_assert(!take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, 5));
	ck_assert(wanted_at(D + 5));
	ck_assert(take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, D + 5));
	read_at(RETENTION, 2 * D);
	ck_assert_uint_eq(recall.known, 1);
	ck_assert_uint_eq(recall.known_samples, 1);
	ck_assert(!wanted_at(BATV_DAY_MAX * D));
	ck_assert(!take_at(BATV_RECALL_KNOWN, "192.0.2.1", 2, BATV_DAY_MAX * D));
	ck_assert(take_at(BATV_RECALL_KNOWN, "192.0.2.1", 2, BATV_DAY_MAX * D - 1));
}
END_TEST

/* The bit after the 48 days is the day itself. */
START_TEST(a_long_retention)
{
	slot()->missed_days = WORD(TODAY | 1, 1);
	read_at(90 * D, (int64_t)(TODAY | 1) * D);
	ck_assert_uint_eq(recall.missed_days, 1);
	slot()->missed_days = WORD(TODAY, UINT64_C(1) << 47 | 1);
	read_at(90 * D, NOW);
	ck_assert_uint_eq(recall.missed_days, 2);
	ck_assert(take_at(BATV_RECALL_MISSED, "192.0.2.1", 1, NOW + D));
	ck_assert_uint_eq(slot()->missed_days, WORD(TODAY + 1, 3));
}
END_TEST

START_TEST(a_count_of_tomorrow_goes_on)
{
	slot()->recall_known = WORD(TODAY + 1, 5);
	ck_assert(take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, NOW));
	ck_assert_uint_eq(slot()->recall_known, WORD(TODAY + 1, 6));
	slot()->recall_known = WORD(TODAY - 1, 5);
	ck_assert(take_at(BATV_RECALL_KNOWN, "192.0.3.1", 2, NOW));
	ck_assert_uint_eq(slot()->recall_known, WORD(TODAY, 6));
}
END_TEST

START_TEST(a_memory_that_may_only_be_read)
{
	memory.writable = false;
	ck_assert(!wanted_at(NOW));
	ck_assert(!take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, NOW));
	ck_assert_uint_eq(slot()->recall_known, 0);
}
END_TEST

/* A slot of version 1 has no room for it. */
START_TEST(short_slots)
{
	memory.sections.domain_size = BATV_DOMAIN_SLOT_SIZE_1;
	ck_assert(!wanted_at(NOW));
	ck_assert(!take_at(BATV_RECALL_KNOWN, "192.0.2.1", 1, NOW));
	ck_assert(!batv_recall_read(&memory, "a.example", RETENTION, NOW, &recall));
}
END_TEST

START_TEST(without_tallies)
{
	memory.sections.tally_at[BATV_TALLY_TAG_BOUNCES] = 0;
	ck_assert(!wanted_at(NOW));
}
END_TEST

/* ---- The next generation ---- */

#define A WORD(10, 1) /* of day 10 and network 1 */
#define X WORD(20, 7)

static const struct {
	uint64_t from[3], to[3], known[3], missed[3];
} copies[] = {
	/* all of them into an empty slot, though two look the same */
	{{A, A, WORD(11, 2)}, {0, 0, 0}, {A, A, WORD(11, 2)}, {A, A, WORD(11, 2)}},
	{{A, A, A}, {X, 0, 0}, {X, A, 0}, {X, A, 0}},
	{{A, A, A}, {0, X, 0}, {A, X, 0}, {A, X, 0}},
	{{A, A, A}, {0, 0, X}, {A, 0, X}, {A, 0, X}},
	/* nothing takes the place of one of the same day */
	{{WORD(10, 4), 0, 0},
	 {A, WORD(10, 2), WORD(10, 3)},
	 {A, WORD(10, 2), WORD(10, 3)},
	 {A, WORD(10, 2), WORD(10, 3)}},
	{{WORD(11, 4), 0, 0},
	 {WORD(12, 5), A, WORD(12, 6)},
	 {WORD(12, 5), WORD(11, 4), WORD(12, 6)},
	 {WORD(12, 5), WORD(11, 4), WORD(12, 6)}},
	{{A, 0, 0}, {A, WORD(5, 2), 0}, {A, WORD(5, 2), 0}, {A, WORD(5, 2), 0}},
	/* of missed networks only the last sample counts */
	{{A, 0, 0}, {WORD(12, 1), 0, 0}, {WORD(12, 1), A, 0}, {WORD(12, 1), 0, 0}},
	{{WORD(13, 1), 0, 0},
	 {WORD(12, 1), 0, 0},
	 {WORD(12, 1), WORD(13, 1), 0},
	 {WORD(12, 1), WORD(13, 1), 0}},
	{{WORD(10, 2), 0, 0},
	 {WORD(12, 1), 0, 0},
	 {WORD(12, 1), WORD(10, 2), 0},
	 {WORD(12, 1), WORD(10, 2), 0}},
};

static struct batv_memory next;

static struct batv_domain_slot *make_next(const char *domain)
{
	make_recall_named("memory.2", &next);
	ck_assert_int_eq(
		batv_domain_note(&next, domain, "default", BATV_EVIDENCE_SIGNED, NULL, NOW),
		BATV_OK);
	return slot_in(&next, domain);
}

START_TEST(samples_are_copied)
{
	struct batv_domain_slot *to = make_next("a.example");
	const size_t size = sizeof copies[_i].from;

	for (int missed = 0; missed < 2; missed++) {
		const uint64_t *want = missed ? copies[_i].missed : copies[_i].known;
		uint64_t *words = missed ? to->missed_networks : to->known_networks;

		memset(&slot()->known_networks, 0, 2 * size);
		memcpy(missed ? slot()->missed_networks : slot()->known_networks, copies[_i].from,
		       size);
		slot()->missed_days = WORD(30, 1); /* so that something was measured */
		memcpy(words, copies[_i].to, size);
		batv_recall_copy(&memory, &next);
		ck_assert_uint_eq(words[0], want[0]);
		ck_assert_uint_eq(words[1], want[1]);
		ck_assert_uint_eq(words[2], want[2]);
	}
	batv_memory_close(&next);
}
END_TEST

/* Each kind by itself. */
START_TEST(kinds_do_not_mix)
{
	struct batv_domain_slot *to = make_next("a.example");

	slot()->known_networks[0] = A;
	slot()->missed_networks[0] = X;
	batv_recall_copy(&memory, &next);
	ck_assert_uint_eq(to->known_networks[0], A);
	ck_assert_uint_eq(to->known_networks[1] | to->known_networks[2], 0);
	ck_assert_uint_eq(to->missed_networks[0], X);
	ck_assert_uint_eq(to->missed_networks[1] | to->missed_networks[2] | to->missed_days, 0);
	batv_memory_close(&next);
}
END_TEST

START_TEST(one_word_is_enough)
{
	struct batv_domain_slot *to = make_next("a.example");
	uint64_t *from[] = {&slot()->known_networks[0], &slot()->known_networks[1],
			    &slot()->known_networks[2], &slot()->missed_days};

	*from[_i] = A;
	slot()->recall_missed = WORD(10, 3);
	batv_recall_copy(&memory, &next);
	ck_assert_uint_eq(to->recall_missed, WORD(10, 3));
	ck_assert_uint_eq(to->known_networks[0] | to->known_networks[1] | to->known_networks[2] |
				  to->missed_days,
			  A);
	batv_memory_close(&next);
}
END_TEST

START_TEST(nothing_is_copied_into_what_may_only_be_read)
{
	struct batv_domain_slot *to = make_next("a.example");

	slot()->missed_days = A;
	next.writable = false;
	batv_recall_copy(&memory, &next);
	ck_assert_uint_eq(to->missed_days, 0);
	batv_memory_close(&next);
}
END_TEST

START_TEST(the_first_slot_is_copied_too)
{
	struct batv_domain_slot *to;
	char name[20];
	unsigned i = 0;

	do
		(void)snprintf(name, sizeof name, "d%u.example", i++);
	while (batv_slot_home(name, strlen(name), BATV_DOMAIN_SLOTS) != 0);
	to = make_next(name);
	ck_assert_int_eq(note(name, NOW), BATV_OK);
	slot_in(&whole, name)->missed_days = A;
	batv_recall_copy(&memory, &next);
	ck_assert_uint_eq(to->missed_days, A);
	batv_memory_close(&next);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, the_form_of_a_sample);
	tcase_add_loop_test(tc, which_days_count, 0, (int)COUNT(days));
	tcase_add_test(tc, the_first_days_of_all);
	tcase_add_test(tc, a_long_retention);
	tcase_add_test(tc, a_count_of_tomorrow_goes_on);
	tcase_add_test(tc, a_memory_that_may_only_be_read);
	tcase_add_test(tc, short_slots);
	tcase_add_test(tc, without_tallies);
	tcase_add_loop_test(tc, samples_are_copied, 0, (int)COUNT(copies));
	tcase_add_test(tc, kinds_do_not_mix);
	tcase_add_loop_test(tc, one_word_is_enough, 0, 4);
	tcase_add_test(tc, nothing_is_copied_into_what_may_only_be_read);
	tcase_add_test(tc, the_first_slot_is_copied_too);
}

Suite *unit_suite(void)
{
	return memory_suite("recall_slot", add_tests, make_recall, make_recall_with_windows);
}
