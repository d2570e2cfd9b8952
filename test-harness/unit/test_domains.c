/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_domains.c - the domain table: evidence, flags, bare mail, names and junk.  test_slots.c has
 * who gets which slot.
 */
#include "memory_lab.h"

START_TEST(evidence_is_kept)
{
	struct batv_domain d = {.name = ""};

	ck_assert(!batv_domain_find(&memory, "example.com", &d));
	ck_assert_int_eq(note("Example.COM", NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, "eXample.com", &d));
	ck_assert_str_eq(d.name, "example.com");
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.last_signed, NOW);
	ck_assert_uint_eq(d.first_valid | d.last_valid | d.flags | d.decided, 0);
	ck_assert_int_eq(batv_domain_note(&memory, "example.com", "other", BATV_EVIDENCE_VALID,
					  NULL, NOW + 9),
			 BATV_OK);
	ck_assert(batv_domain_find(&memory, "example.com", &d));
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("other"));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert_uint_eq(d.first_valid, NOW + 9);
	ck_assert_uint_eq(d.last_valid, NOW + 9);
	ck_assert_uint_eq(slots_with("example.com"), 1);
	ck_assert(!batv_domain_find(&memory, "example.co", &d));
	ck_assert(!batv_domain_find(&memory, "example.com.", &d));
}
END_TEST

/* Seconds later (or, below zero, before) -> what last_signed is then, as seconds after NOW. */
static const struct {
	int64_t later, last;
} hours[] = {
	{0, 0},         {1, 0},     {3599, 0},      {3600, 3600},
	{90000, 90000}, {-3599, 0}, {-3600, -3600}, {-80000, -80000},
};

START_TEST(the_last_time_moves_in_hours)
{
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(note("a.example", NOW + hours[_i].later), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq((int64_t)d.last_signed - NOW, hours[_i].last);
	ck_assert_uint_eq(d.first_signed, NOW);
}
END_TEST

/* A clock that was a month ahead: what it dated counts from the next mail on, a day of it does no
 * harm. */
static const struct {
	int64_t first, later, then;
} heals[] = {
	{0, D, 0}, {30 * D, 0, 0}, {D, 0, D}, {D + 1, 0, 0}, {30 * D, 30 * D, 30 * D},
};

START_TEST(a_first_time_from_the_future_is_set_anew)
{
	struct batv_domain d;

	ck_assert_int_eq(note("a.example", NOW + heals[_i].first), BATV_OK);
	ck_assert_int_eq(note("a.example", NOW + heals[_i].later), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq((int64_t)d.first_signed - NOW, heals[_i].then);
}
END_TEST

static void arm_all(void)
{
	struct batv_domain d;

	for (size_t i = 0; batv_domain_next(&memory, &i, &d); i++)
		ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED | 4, NOW),
				 BATV_OK);
}

START_TEST(bare_mail_ends_the_evidence)
{
	struct batv_domain d;

	batv_domain_left_bare(&memory, "a.example", "off");
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	ck_assert_int_eq(note("b.example", NOW), BATV_OK);
	ck_assert_int_eq(
		batv_domain_note(&memory, "a.example", "default", BATV_EVIDENCE_VALID, NULL, NOW),
		BATV_OK);
	arm_all();
	batv_domain_left_bare(&memory, "A.example", "off");
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, 4); /* what else the daemon will set stays */
	ck_assert_uint_eq(d.first_signed | d.last_signed | d.first_valid | d.last_valid, 0);
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("off"));
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, NOW);
	ck_assert(d.flags & BATV_DOMAIN_ARMED);
	batv_domain_left_bare(&memory, "b.example", NULL);
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, 0);
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
	ck_assert_int_eq(note("b.example", NOW + D), BATV_OK);
	ck_assert(batv_domain_find(&memory, "b.example", &d));
	ck_assert_uint_eq(d.first_signed, NOW + D);
}
END_TEST

START_TEST(times_outside_of_32_bits)
{
	struct batv_domain d;

	ck_assert_int_eq(note("old.example", -1), BATV_OK);
	ck_assert_int_eq(note("late.example", INT64_MAX), BATV_OK);
	ck_assert(batv_domain_find(&memory, "old.example", &d));
	ck_assert_uint_eq(d.first_signed, 1);
	ck_assert(batv_domain_find(&memory, "late.example", &d));
	ck_assert_uint_eq(d.last_signed, UINT32_MAX);
}
END_TEST

START_TEST(names_that_do_not_fit)
{
	char name[BATV_DOMAIN_NAME_MAX + 2];
	struct batv_domain d;

	memset(name, 'N', sizeof name);
	name[BATV_DOMAIN_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(note(name, NOW), BATV_E_TOO_LONG);
	ck_assert(!batv_domain_find(&memory, name, &d));
	ck_assert_int_eq(note("", NOW), BATV_E_SYNTAX);
	ck_assert_int_eq(note(NULL, NOW), BATV_E_SYNTAX);
	name[BATV_DOMAIN_NAME_MAX] = '\0';
	ck_assert_int_eq(note(name, NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, name, &d));
	ck_assert_uint_eq(strlen(d.name), BATV_DOMAIN_NAME_MAX);
	name[BATV_DOMAIN_NAME_MAX - 1] = '\0';
	ck_assert(!batv_domain_find(&memory, name, &d));
}
END_TEST

static size_t index_of(const char *name)
{
	struct batv_domain d;
	size_t i;

	for (i = 0; i < memory.sections.domain_slots; i++)
		if (batv_domain_at(&memory, i, &d) && strcmp(d.name, name) == 0)
			return i;
	ck_abort_msg("%s is not in the table", name);
	return 0;
}

START_TEST(flags_are_the_daemons)
{
	struct batv_domain d;
	size_t i;

	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	i = index_of("a.example");
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED, NOW + 5), BATV_OK);
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, BATV_DOMAIN_ARMED, NOW + 9), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(d.decided, NOW + 5);
	ck_assert_int_eq(note("a.example", NOW + D), BATV_OK);
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, 0, NOW + 2 * D), BATV_OK);
	ck_assert(batv_domain_find(&memory, "a.example", &d));
	ck_assert_uint_eq(d.flags, 0);
	ck_assert_uint_eq(d.decided, NOW + 2 * D);
	ck_assert_int_eq(batv_domain_set_flags(&memory, (i + 1) % BATV_DOMAIN_SLOTS, 1, NOW),
			 BATV_E_SYNTAX);
	ck_assert_int_eq(batv_domain_set_flags(&memory, BATV_DOMAIN_SLOTS, 1, NOW), BATV_E_SYNTAX);
	ck_assert(!batv_domain_at(&memory, BATV_DOMAIN_SLOTS, &d));
}
END_TEST

static void numbered(char out[static 40], unsigned i)
{
	(void)snprintf(out, 40, "domain-%u.example", i);
}

/* The walk meets what looking at each slot meets, and no more. */
START_TEST(a_walk_along_the_table)
{
	struct batv_domain walked, d;
	size_t at, i = 0, met = 0;
	char name[40];

	ck_assert(!batv_domain_next(&memory, &i, &walked));
	for (i = 0; i < 100; i++) {
		numbered(name, (unsigned)i);
		ck_assert_int_eq(note(name, NOW), BATV_OK);
	}
	slots()[0].claim = BATV_SLOT_READY;
	slots()[BATV_DOMAIN_SLOTS - 1].claim = BATV_SLOT_READY;
	for (at = 0, i = 0; batv_domain_next(&memory, &i, &walked); at = ++i, met++) {
		for (; at < i; at++)
			ck_assert(!batv_domain_at(&memory, at, &d));
		ck_assert(batv_domain_at(&memory, i, &d));
		ck_assert_str_eq(walked.name, d.name);
	}
	ck_assert_uint_ge(met, 101);
	ck_assert_uint_eq(at, BATV_DOMAIN_SLOTS);
	ck_assert(!batv_domain_next(&memory, &at, &walked));
	batv_memory_close(&memory);
	i = 0;
	ck_assert(!batv_domain_next(&memory, &i, &walked));
}
END_TEST

/* What a stranger wrote into a slot is not believed further than it is long. */
START_TEST(junk_in_slots)
{
	struct batv_domain d;
	size_t i;

	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		memset(&slots()[i], (int)(i * 37 % 255 + 1), sizeof slots()[i]);
	ck_assert_int_eq(note("a.example", NOW), BATV_E_FULL);
	ck_assert(!batv_domain_find(&memory, "a.example", &d));
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		slots()[i].claim = BATV_SLOT_READY;
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++) {
		ck_assert(batv_domain_at(&memory, i, &d));
		ck_assert_uint_eq(strlen(d.name), BATV_DOMAIN_NAME_MAX);
	}
	slots()[0].claim = UINT64_C(1) << 32; /* empty, but not quite */
	ck_assert_int_eq(note("a.example", NOW), BATV_E_FULL);
}
END_TEST

static void add_domains(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, evidence_is_kept);
	tcase_add_loop_test(tc, the_last_time_moves_in_hours, 0, (int)COUNT(hours));
	tcase_add_loop_test(tc, a_first_time_from_the_future_is_set_anew, 0, (int)COUNT(heals));
	tcase_add_test(tc, bare_mail_ends_the_evidence);
	tcase_add_test(tc, times_outside_of_32_bits);
	tcase_add_test(tc, names_that_do_not_fit);
	tcase_add_test(tc, flags_are_the_daemons);
	tcase_add_test(tc, a_walk_along_the_table);
	tcase_add_test(tc, junk_in_slots);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_domains", add_domains, make_memory, make_memory_with_windows);
}
