/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_domains_move.c - what ends, what starts again, and what the daemon takes out of a file and
 * merges into the next one.
 */
#include <stddef.h>

#include "memory_lab.h"

#define SEEN_DAYS 32 /* a valid bounce counts for so long */

static struct batv_domain_slot *slot_of(const char *name)
{
	for (size_t i = 0; i < whole.sections.domain_slots; i++)
		if ((uint32_t)slots()[i].claim == BATV_SLOT_READY &&
		    strcmp(slots()[i].name, name) == 0)
			return &slots()[i];
	ck_abort_msg("%s is not in the table", name);
	return NULL;
}

static size_t index_of(const char *name)
{
	return (size_t)(slot_of(name) - slots());
}

static void note_valid(int64_t now)
{
	ck_assert_int_eq(
		batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_VALID, NULL, now),
		BATV_OK);
}

/* Computed by hand: FNV-1a, folded.  The second one would be 0, which means "not known". */
START_TEST(the_sum_of_a_policy)
{
	ck_assert_uint_eq(batv_domain_policy_sum("default"), UINT32_C(1837981928));
	ck_assert_uint_eq(batv_domain_policy_sum("p876010274"), 1);
}
END_TEST

/* Seconds after the first valid bounce -> what first_valid is then.  A clock may go back. */
static const struct {
	int64_t first, later, then;
} pauses[] = {
	{0, D, 0},
	{0, SEEN_DAYS *D, 0},
	{0, SEEN_DAYS *D + 1, SEEN_DAYS *D + 1},
	{0, 400 * D, 400 * D},
	{100, 0, 100},
	{1 - NOW, 0, 0}, /* the first second of all */
	{-2 - NOW, 0, 0},
};

START_TEST(a_valid_bounce_after_a_long_pause)
{
	note_valid(NOW + pauses[_i].first);
	note_valid(NOW + pauses[_i].later);
	ck_assert_int_eq((int64_t)slot_of("a.example")->first_valid - NOW, pauses[_i].then);
}
END_TEST

START_TEST(a_clock_of_1970)
{
	ck_assert_int_eq(note("a.example", -1), BATV_OK);
	ck_assert_uint_eq(slot_of("a.example")->first_signed, 1);
	ck_assert_uint_eq(slot_of("a.example")->last_signed, 1);
	batv_domain_left_bare(&memory, "a.example", NULL);
	ck_assert_uint_eq(slot_of("a.example")->first_signed, 0);
	ck_assert_uint_eq(slot_of("a.example")->last_signed, 0);
}
END_TEST

/* Within the hour, only what is new is written. */
START_TEST(news_of_the_same_hour)
{
	const struct batv_sending_clues clues = {.sender = 77, .domain = 78};
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_SIGNED,
					  &clues, NOW + 1),
			 BATV_OK);
	ck_assert(batv_domain_at(&memory, index_of("a.example"), &d));
	ck_assert_uint_eq(d.sending.senders[0] & 0xffff, 77);
	ck_assert_int_eq(batv_domain_note(&memory, "a.example", "other", BATV_EVIDENCE_SIGNED,
					  &clues, NOW + 2),
			 BATV_OK);
	ck_assert_uint_eq(slot_of("a.example")->policy_sum, batv_domain_policy_sum("other"));
}
END_TEST

/* ---- Breaks ---- */

static void break_it(int64_t now)
{
	batv_domain_break(&memory, "a.example", BATV_DOMAIN_UNSEEN, now);
}

START_TEST(a_break_that_a_slower_clock_dates)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	break_it(NOW);
	ck_assert_uint_eq(slot_of("a.example")->broken, NOW);
	break_it(NOW - 899);
	ck_assert_uint_eq(slot_of("a.example")->broken, NOW);
	break_it(NOW - 900);
	ck_assert_uint_eq(slot_of("a.example")->broken, NOW - 900);
}
END_TEST

START_TEST(what_has_signed_nothing_does_not_break)
{
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	batv_domain_left_bare(&memory, "a.example", NULL);
	break_it(NOW);
	ck_assert_uint_eq(slot_of("a.example")->broken, 0);
	note_valid(NOW); /* it has: a tag came back */
	break_it(NOW);
	ck_assert_uint_eq(slot_of("a.example")->broken, NOW);
}
END_TEST

START_TEST(a_full_table_breaks_nobody)
{
	for (size_t i = 0; i < whole.sections.domain_slots; i++) {
		slots()[i].claim = BATV_SLOT_READY;
		slots()[i].first_signed = (uint32_t)NOW;
		strcpy(slots()[i].name, "taken.example");
	}
	break_it(NOW);
	for (size_t i = 0; i < whole.sections.domain_slots; i++)
		ck_assert_uint_eq(slots()[i].broken, 0);
}
END_TEST

/* ---- Merging ---- */

static const struct {
	uint32_t have, other, first, last;
} merges[] = {
	{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 5, 5, 5}, {5, 0, 5, 5}, {1, 0, 1, 1},
	{5, 9, 5, 9}, {9, 5, 5, 9}, {5, 5, 5, 5}, {9, 1, 1, 9},
};

static struct batv_domain known(void)
{
	struct batv_domain d = {.policy_sum = 4711};

	strcpy(d.name, "a.example");
	return d;
}

START_TEST(the_earliest_and_the_latest_time)
{
	struct batv_domain d = known();
	struct batv_domain_slot *slot;
	const uint32_t have = merges[_i].have, other = merges[_i].other;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	slot = slot_of("a.example");
	slot->first_signed = slot->last_signed = slot->first_valid = slot->last_valid = have;
	d.first_signed = d.last_signed = d.first_valid = d.last_valid = other;
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
		ck_assert_uint_eq(slot->first_signed, merges[_i].first);
		ck_assert_uint_eq(slot->first_valid, merges[_i].first);
		ck_assert_uint_eq(slot->last_signed, merges[_i].last);
		ck_assert_uint_eq(slot->last_valid, merges[_i].last);
	}
	ck_assert_uint_eq(slot->policy_sum,
			  other >= have ? 4711 : batv_domain_policy_sum("default"));
}
END_TEST

/* A claim is as old as the evidence, so that nobody ends it as a forgotten one of another day. */
START_TEST(a_merged_domain_is_claimed_at_its_time)
{
	struct batv_domain d = known();

	d.last_signed = (uint32_t)NOW;
	ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
	ck_assert_uint_eq(slot_of("a.example")->claim >> 32, NOW);
	strcpy(d.name, "b.example");
	d.last_signed = 0;
	ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
	ck_assert_uint_eq(slot_of("b.example")->claim >> 32, 1);
}
END_TEST

START_TEST(the_later_break_is_kept)
{
	struct batv_domain d = known();
	static const struct {
		int64_t broken, then;
		unsigned why;
	} breaks[] = {{-1, 0, 2}, {0, 0, 2}, {1, 1, 1}};

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	break_it(NOW);
	d.broken_why = BATV_DOMAIN_DOUBT;
	for (size_t i = 0; i < COUNT(breaks); i++) {
		d.broken = (uint32_t)(NOW + breaks[i].broken);
		ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
		ck_assert_int_eq(slot_of("a.example")->broken - NOW, breaks[i].then);
		ck_assert_uint_eq(slot_of("a.example")->broken_why, breaks[i].why);
	}
}
END_TEST

/* Only the first decision is taken over; 1 is a time like any other. */
START_TEST(flags_are_merged_once)
{
	struct batv_domain d = known();
	struct batv_domain_slot *slot;

	d.flags = 4;
	ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
	slot = slot_of("a.example");
	ck_assert_uint_eq(slot->flags | slot->decided, 0);
	d.decided = 1;
	ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
	ck_assert_uint_eq(slot->flags, 4);
	ck_assert_uint_eq(slot->decided, 1);
	d.flags = 8;
	d.decided = 2;
	ck_assert_int_eq(batv_domain_merge(&memory, &d), BATV_OK);
	ck_assert_uint_eq(slot->flags, 4);
	ck_assert_uint_eq(slot->decided, 1);
}
END_TEST

/* ---- Taking out ---- */

/* What counts as evidence; the first four are moved. */
static const size_t fields[] = {
	offsetof(struct batv_domain_slot, first_signed),
	offsetof(struct batv_domain_slot, first_valid),
	offsetof(struct batv_domain_slot, last_signed),
	offsetof(struct batv_domain_slot, last_valid),
	offsetof(struct batv_domain_slot, broken),
	offsetof(struct batv_domain_slot, signed_days),
};

static uint32_t *field(struct batv_domain_slot *slot, size_t i)
{
	return (uint32_t *)(void *)((char *)slot + fields[i]);
}

static void make_slot(size_t i, const char *name)
{
	memset(&slots()[i], 0, sizeof slots()[i]);
	slots()[i].claim = UINT64_C(9) << 32 | BATV_SLOT_READY;
	strcpy(slots()[i].name, name);
}

START_TEST(evidence_is_moved_out)
{
	struct batv_domain d;

	for (size_t i = 0; i < COUNT(fields); i++) {
		make_slot(3, "a.example");
		ck_assert(!batv_domain_take(&memory, 3, &d));
		*field(&slots()[3], i) = 7;
		ck_assert(batv_domain_take(&memory, 3, &d));
		ck_assert_str_eq(d.name, "a.example");
		ck_assert_uint_eq(d.first_signed, i == 0 ? 7 : 0);
		ck_assert_uint_eq(d.first_valid, i == 1 ? 7 : 0);
		ck_assert_uint_eq(d.last_signed, i == 2 ? 7 : 0);
		ck_assert_uint_eq(d.last_valid, i == 3 ? 7 : 0);
		ck_assert_uint_eq(d.broken, i == 4 ? 7 : 0);
		ck_assert_uint_eq(d.sending.signed_days, i == 5 ? 7 : 0);
		ck_assert_uint_eq(*field(&slots()[3], i), i < 4 ? 0 : 7);
	}
}
END_TEST

START_TEST(nothing_to_take)
{
	struct batv_domain d = {.name = "untouched"};

	slots()[3].first_signed = 7; /* and no claim */
	ck_assert(!batv_domain_take(&memory, 3, &d));
	ck_assert_uint_eq(slots()[3].first_signed, 7);
	make_slot(3, "a.example");
	slots()[3].first_signed = 7;
	memory.writable = false;
	ck_assert(!batv_domain_take(&memory, 3, &d));
	ck_assert_uint_eq(slots()[3].first_signed, 7);
	ck_assert_str_eq(d.name, "untouched");
}
END_TEST

/* What follows the table is another section. */
START_TEST(a_slot_beyond_the_last)
{
	const size_t n = whole.sections.domain_slots;
	struct batv_domain d = {.name = "untouched"};
	size_t i = n;

	make_slot(n, "beyond.example");
	slots()[n].first_signed = 7;
	ck_assert(!batv_domain_take(&memory, n, &d));
	ck_assert(!batv_domain_at(&memory, n, &d));
	ck_assert(!batv_domain_next(&memory, &i, &d));
	ck_assert_int_eq(batv_domain_set_flags(&memory, n, 1, NOW), BATV_E_SYNTAX);
	ck_assert_uint_eq(slots()[n].flags, 0);
	ck_assert_str_eq(d.name, "untouched");
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, the_sum_of_a_policy);
	tcase_add_loop_test(tc, a_valid_bounce_after_a_long_pause, 0, (int)COUNT(pauses));
	tcase_add_test(tc, a_clock_of_1970);
	tcase_add_test(tc, news_of_the_same_hour);
	tcase_add_test(tc, a_break_that_a_slower_clock_dates);
	tcase_add_test(tc, what_has_signed_nothing_does_not_break);
	tcase_add_test(tc, a_full_table_breaks_nobody);
	tcase_add_loop_test(tc, the_earliest_and_the_latest_time, 0, (int)COUNT(merges));
	tcase_add_test(tc, a_merged_domain_is_claimed_at_its_time);
	tcase_add_test(tc, the_later_break_is_kept);
	tcase_add_test(tc, flags_are_merged_once);
	tcase_add_test(tc, evidence_is_moved_out);
	tcase_add_test(tc, nothing_to_take);
	tcase_add_test(tc, a_slot_beyond_the_last);
}

Suite *unit_suite(void)
{
	return memory_suite("domains_move", add_tests, make_memory, make_memory_with_windows);
}
