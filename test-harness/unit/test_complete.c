/* links: core/decide/complete core/memory/recall core/memory/sent core/memory/journal core/memory/counters core/memory/domains */
/* links: core/memory/slots core/memory/access core/memory/header core/memory/tallies core/base/safefile core/base/span */
/* links: core/base/hmac core/base/network core/tag/addr admin/memory_file admin/replace core/decide/policy core/decide/servers */
/* links: core/decide/exim_list core/evidence/class core/evidence/decode */
/* links: core/memory/sending core/memory/fleet */
/*
 * test_complete.c - when the sent-mail memory is complete for a domain: the whole truth table, the
 * borders of its times, and the facts of real files.
 */
#include "decide/complete.h"
#include "memory/fleet.h"
#include "memory_lab.h"

#define RETENTION (15 * D)

/* All is in order for a server that is alone, and for one of a fleet. */
static struct batv_complete_facts all_good(bool fleet)
{
	if (fleet)
		return (struct batv_complete_facts){
			.sent = {.readable = true, .since = NOW}, /* a file that is new */
			.retention = RETENTION,
			.key_rotation = 7 * D,
			.key_retention = 7 * D,
			.shared = true,
			.fleet = true,
			.fleet_since = NOW - RETENTION,
			.lost = NOW - RETENTION,
			.fleet_sends = true,
			.measured = true,
			.recall = {.known_samples = 3, .known_networks = 2},
			.now = NOW,
		};
	return (struct batv_complete_facts){
		.sent = {.readable = true, .since = NOW - RETENTION},
		.retention = RETENTION,
		.key_rotation = 7 * D,
		.key_retention = 7 * D,
		.first_signed = NOW - RETENTION,
		.measured = true,
		.recall = {.known_samples = 3, .known_networks = 2},
		.now = NOW,
	};
}

/* Each makes one condition fail. */
#define SPOILS(name, statement)                                                                    \
 static void name(struct batv_complete_facts *f)                                                   \
 {                                                                                                 \
  statement;                                                                                       \
 }
SPOILS(unreadable, f->sent.readable = false)
SPOILS(without_the_one_before, f->before_lost = true)
SPOILS(short_retention, f->retention = RETENTION - 1)
SPOILS(young, f->sent.since = f->now - f->retention + 1)
SPOILS(with_gaps, f->sent.gaps = true)
SPOILS(shared, f->shared = true)
SPOILS(never_sent, f->first_signed = 0)
SPOILS(sent_since_yesterday, f->first_signed = f->now - f->retention + 1)
SPOILS(not_measured, f->measured = false)
SPOILS(few_samples, f->recall.known_samples = 2)
SPOILS(one_network, f->recall.known_networks = 1)
SPOILS(vetoed, (f->recall.missed_networks = 3, f->recall.missed_days = 3))
SPOILS(lost_since, f->lost = f->now - f->retention + 1)
SPOILS(cannot_record, f->sent.since = INT64_MAX)
SPOILS(fleet_unknown, f->fleet_since = 0)
SPOILS(fleet_young, f->fleet_since = f->now - f->retention + 1)
SPOILS(some_do_not_send, f->fleet_sends = false)

/* In the order in which they are reported. */
static const struct way {
	enum batv_lack lack;
	void (*spoil)(struct batv_complete_facts *f);
} alone[] = {
	{BATV_LACK_MEMORY, unreadable},
	{BATV_LACK_MEMORY, without_the_one_before},
	{BATV_LACK_RETENTION, short_retention},
	{BATV_LACK_AGE, young},
	{BATV_LACK_GAPS, with_gaps},
	{BATV_LACK_SHARED, shared},
	{BATV_LACK_SENDING, never_sent},
	{BATV_LACK_SENDING, sent_since_yesterday},
	{BATV_LACK_MEMORY, not_measured},
	{BATV_LACK_SAMPLES, few_samples},
	{BATV_LACK_SAMPLES, one_network},
	{BATV_LACK_RECALL, vetoed},
};

/* `shared` is none of them, nor is the age of the file, nor what was seen leaving here. */
static const struct way with_fleet[] = {
	{BATV_LACK_MEMORY, unreadable},
	{BATV_LACK_MEMORY, without_the_one_before},
	{BATV_LACK_RETENTION, short_retention},
	{BATV_LACK_AGE, lost_since},
	{BATV_LACK_AGE, cannot_record},
	{BATV_LACK_GAPS, with_gaps},
	{BATV_LACK_FLEET, fleet_unknown},
	{BATV_LACK_FLEET, fleet_young},
	{BATV_LACK_SENDING, some_do_not_send},
	{BATV_LACK_MEMORY, not_measured},
	{BATV_LACK_SAMPLES, few_samples},
	{BATV_LACK_SAMPLES, one_network},
	{BATV_LACK_RECALL, vetoed},
};

/* All 2^n ways to be wrong: the first one is reported.  The veto is not asked for a DSN. */
static void truth_table_of(bool fleet, const struct way *ways, size_t n)
{
	for (unsigned wrong = 0; wrong < 1u << n; wrong++)
		for (unsigned dsn = 0; dsn < 2; dsn++) {
			struct batv_complete_facts f = all_good(fleet);
			enum batv_lack lack = BATV_LACK_NOTHING;

			f.for_dsn = dsn;
			for (size_t i = n; i-- > 0;)
				if (wrong >> i & 1) {
					ways[i].spoil(&f);
					if (!dsn || ways[i].lack != BATV_LACK_RECALL)
						lack = ways[i].lack;
				}
			ck_assert_msg(batv_complete_decide(&f) == lack, "ways %x", wrong);
		}
}

START_TEST(truth_table)
{
	truth_table_of(false, alone, COUNT(alone));
	truth_table_of(true, with_fleet, COUNT(with_fleet));
}
END_TEST

/* What a fleet knows counts only for one that the state names. */
START_TEST(without_a_fleet_its_words_say_nothing)
{
	struct batv_complete_facts f = all_good(true);

	f.fleet = false;
	f.sent.since = f.first_signed = NOW - RETENTION;
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SHARED);
	f.shared = false;
	f.first_signed = 0;
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SENDING);
}
END_TEST

/* Misses from three networks on one day, or from two networks, are no veto. */
START_TEST(veto)
{
	for (unsigned networks = 0; networks <= 3; networks++)
		for (unsigned days = 0; days <= 3; days++) {
			struct batv_complete_facts f = all_good(networks % 2);

			f.recall.missed_networks = networks;
			f.recall.missed_days = days;
			ck_assert((batv_complete_decide(&f) == BATV_LACK_RECALL) ==
				  (networks == 3 && days == 3));
		}
}
END_TEST

/* The defaults fit together. */
START_TEST(default_retention)
{
	struct batv_global global;

	batv_policy_init_global(&global);
	ck_assert_int_ge(global.memory_retention,
			 batv_complete_retention(global.key_rotation, global.key_retention));
	ck_assert_int_eq(batv_complete_retention(7 * D, 7 * D), 15 * D);
}
END_TEST

static struct batv_state state;

static struct batv_complete_facts gather(struct batv_memory *m, struct batv_memory *before,
					 int64_t now)
{
	struct batv_complete_facts f;

	state.global.memory_retention = RETENTION;
	state.global.key_rotation = 7 * D;
	state.global.key_retention = 7 * D;
	batv_complete_gather(&state, m, before, "a.example", now, &f);
	return f;
}

static void make_sent_memory(void)
{
	const struct batv_memory_wish wish = {.generation = 7,
					      .now = NOW,
					      .capacity = 1000,
					      .retention = RETENTION,
					      .since = NOW};

	sandbox_make();
	ck_assert_int_eq(batv_memory_file_create(dir, "memory", &wish), BATV_OK);
	open_memory();
}

START_TEST(facts_of_a_file)
{
	struct batv_memory none = {0};
	struct batv_complete_facts f = gather(&memory, NULL, NOW + RETENTION);

	ck_assert(f.sent.readable && !f.sent.gaps && !f.before_lost && !f.measured);
	ck_assert_int_eq(f.sent.since, NOW);
	ck_assert_int_eq(f.first_signed, 0);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SENDING);
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	f = gather(&memory, &memory, NOW + RETENTION);
	ck_assert_int_eq(f.first_signed, NOW);
	ck_assert(f.measured);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SAMPLES);
	f = gather(&memory, &memory, NOW + RETENTION - 1);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_AGE);
	f = gather(&memory, &none, NOW + RETENTION);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_MEMORY);
	f = gather(&none, NULL, NOW + RETENTION);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_MEMORY);
	f = gather(NULL, NULL, NOW + RETENTION);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_MEMORY);
	batv_count(&memory, BATV_COUNT_FULL, NOW + RETENTION);
	f = gather(&memory, NULL, NOW + RETENTION);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_GAPS);
}
END_TEST

START_TEST(facts_of_a_fleet)
{
	struct batv_complete_facts f;

	batv_fleet_set_since(&whole, NOW - RETENTION);
	state.shared = true;
	state.global.fleet = "";
	f = gather(&memory, NULL, NOW);
	ck_assert(!f.fleet && f.shared && f.fleet_since == 0);
	state.global.fleet = "mail.example";
	f = gather(&memory, NULL, NOW);
	ck_assert(f.fleet && f.fleet_since == NOW - RETENTION && f.lost == 0 && !f.fleet_sends);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SENDING);
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	f = gather(&memory, NULL, NOW);
	ck_assert(!f.fleet_sends && f.first_signed == NOW);
	for (size_t i = 0; i < whole.sections.domain_slots; i++) /* the only slot in use */
		(void)batv_domain_set_flags(&whole, i, BATV_DOMAIN_FLEET_SENDS, NOW);
	f = gather(&memory, NULL, NOW);
	ck_assert(f.fleet_sends);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_SAMPLES);
	batv_counters_note_lost(&whole, NOW - 1);
	f = gather(&memory, NULL, NOW);
	ck_assert_int_eq(f.lost, NOW - 1);
	ck_assert_int_eq(batv_complete_decide(&f), BATV_LACK_AGE);
	batv_domain_left_bare(&memory, "a.example", NULL);
	f = gather(&memory, NULL, NOW);
	ck_assert(!f.fleet_sends);
}
END_TEST

START_TEST(names)
{
	for (int i = 0; i < BATV_LACK_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(batv_complete_lack_name((enum batv_lack)i),
					 batv_complete_lack_name((enum batv_lack)j));
	ck_assert_str_eq(batv_complete_lack_name(BATV_LACK_NOTHING), "-");
	ck_assert_str_eq(batv_complete_lack_name(BATV_LACK_SHARED), "shared");
	ck_assert_str_eq(batv_complete_lack_name(BATV_LACK_COUNT), "?");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("complete");
	TCase *pure = tcase_create("pure"), *files = tcase_create("files");

	tcase_add_test(pure, truth_table);
	tcase_add_test(pure, without_a_fleet_its_words_say_nothing);
	tcase_add_test(pure, veto);
	tcase_add_test(pure, default_retention);
	tcase_add_test(pure, names);
	tcase_add_checked_fixture(files, make_sent_memory, drop_memory);
	tcase_add_test(files, facts_of_a_file);
	tcase_add_test(files, facts_of_a_fleet);
	suite_add_tcase(s, pure);
	suite_add_tcase(s, files);
	return s;
}
