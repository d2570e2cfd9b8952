/* links: admin/generation admin/memory_move core/memory/doors admin/notices core/base/fault admin/store admin/publish admin/plan admin/timeline admin/hkdf */
/* links: admin/secret admin/memory_file admin/replace core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/names core/memory/access core/memory/forged core/memory/sent core/memory/journal core/tag/key core/decide/state */
/* links: core/base/network */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/tag/addr core/base/span core/base/hmac */
/* links: core/base/err core/decide/verdict core/memory/header core/memory/tallies core/memory/recall */
/* links: core/memory/sending */
/*
 * test_memory_v1.c - a memory file that version 1 made is used as it is, and taken over whole.
 *
 * test-harness/unit/memory/version-1.txt is that file, of generation 7: "size N", then lines
 * "offset bytes", the rest zero.  The program of that version made it, with these calls:
 *  - each judged row r: r % 7 + 1 times at NOW - 1 day, once at NOW;
 *  - rows 192 to 197: r - 180 times at NOW; 193 and the time of untagged mail at NOW - 30 days,
 * too;
 *  - rows 200 and 201: r - 190 times at NOW - 3 days;
 *  - domains: example.com signed 9 days and 1 day before, valid 5 days before, armed 2 days before;
 *    shop.example.org of policy "shops" valid 4 days before;
 *  - ids: one.1@mail.example.com of alice@example.com 13 days before, two.2@mail.example.com of
 *    bob@example.com at NOW; pair alice@example.com, zoe@elsewhere.test 2 days before;
 *  - the tally of bounces of the name below: 5 at NOW.
 * Run from the top of the tree.
 */
#include "decide/verdict.h"
#include "generation.h"
#include "memory/forged.h"
#include "memory/recall.h"
#include "memory/sent.h"
#include "memory/tallies.h"
#include "memory_lab.h"

#define KEY "the memory's own key of 32 bytes"
#define RETENTION (14 * D)

static const uint8_t tallied[BATV_ITEM_LEN + 1] = "tally name of twenty";
static struct batv_generation look;
static struct batv_store store;
static struct batv_secrets secrets;
static struct batv_notices notices;
static struct batv_config config;

static void put_hex(int fd, long at, const char *hex)
{
	for (; hex[0] > ' ' && hex[1] > ' '; hex += 2, at++) {
		unsigned byte;
		unsigned char c;

		ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
		c = (unsigned char)byte;
		ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	}
}

static void make_version_1(void)
{
	static char line[100000];
	FILE *text = fopen("test-harness/unit/memory/version-1.txt", "re");
	long at;
	int fd;

	sandbox_make();
	ck_assert_ptr_nonnull(text);
	fd = openat(dir, "memory", O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	ck_assert_ptr_nonnull(fgets(line, sizeof line, text));
	ck_assert_int_eq(sscanf(line, "size %ld", &at), 1);
	ck_assert_int_eq(ftruncate(fd, at), 0);
	while (fgets(line, sizeof line, text)) {
		char *hex;

		at = strtol(line, &hex, 10);
		ck_assert(*hex == ' ');
		put_hex(fd, at, hex + 1);
	}
	(void)fclose(text);
	(void)close(fd);
	open_memory();
}

static void make_version_1_with_windows(void)
{
	with_windows = true;
	make_version_1();
}

static const struct batv_span key = {KEY, 32};

static bool knows_id(struct batv_memory *m, const char *id, const char *address, int64_t now)
{
	struct batv_addr addr;
	struct batv_item item;

	ck_assert_int_eq(batv_addr_parse(address, strlen(address), &addr), BATV_OK);
	ck_assert(batv_sent_id(key, batv_span_of(id), &addr, &item));
	return batv_sent_known(m, &item, RETENTION, now);
}

static bool knows_pair(struct batv_memory *m, const char *ours, const char *theirs)
{
	struct batv_addr a, b;
	struct batv_item item;

	ck_assert_int_eq(batv_addr_parse(ours, strlen(ours), &a), BATV_OK);
	ck_assert_int_eq(batv_addr_parse(theirs, strlen(theirs), &b), BATV_OK);
	ck_assert(batv_sent_pair(key, &a, &b, &item));
	return batv_sent_known(m, &item, RETENTION, NOW);
}

static void expect_sent(struct batv_memory *m)
{
	ck_assert(knows_id(m, "one.1@mail.example.com", "alice@example.com", NOW));
	ck_assert(knows_id(m, "two.2@mail.example.com", "bob@example.com", NOW));
	ck_assert(!knows_id(m, "two.2@mail.example.com", "alice@example.com", NOW));
	ck_assert(!knows_id(m, "one.1@mail.example.com", "alice@example.com", NOW + 2 * D));
	ck_assert(knows_pair(m, "alice@example.com", "zoe@elsewhere.test"));
	ck_assert(!knows_pair(m, "bob@example.com", "zoe@elsewhere.test"));
}

static void expect_row(struct batv_memory *m, size_t row, uint64_t life, uint64_t today,
		       uint64_t four_days)
{
	ck_assert_msg(batv_counted(m, row, 0, NOW) == life, "life of row %zu", row);
	ck_assert_msg(batv_counted(m, row, 1, NOW) == today, "today of row %zu", row);
	ck_assert_msg(batv_counted(m, row, 4, NOW) == four_days, "four days of row %zu", row);
}

/* All rows; the days of those about the file itself stay where they are. */
static void expect_counts(struct batv_memory *m, bool of_file)
{
	uint64_t n = of_file;

	for (size_t r = 0; r < 192; r++)
		expect_row(m, r, r % 7 + 2, 1, r % 7 + 2);
	for (size_t r = 192; r <= 197; r++)
		expect_row(m, r, r - 180 + (r == 193), r - 180, r - 180);
	ck_assert_uint_eq(batv_counted(m, 193, 31, NOW), 14);
	expect_row(m, 198, 2, n, n);
	expect_row(m, 199, 1, 0, n);
	expect_row(m, 200, 10, 0, 10);
	expect_row(m, 201, 11, 0, 11);
	for (size_t r = 202; r < 256; r++)
		expect_row(m, r, 0, 0, 0);
	ck_assert_int_eq(batv_counters_bare_last(m), NOW - 30 * D);
}

static void expect_evidence(struct batv_memory *m)
{
	struct batv_domain d;

	ck_assert(batv_domain_find(m, "example.com", &d));
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("default"));
	ck_assert_uint_eq(d.flags, BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(d.first_signed, NOW - 9 * D);
	ck_assert_uint_eq(d.last_signed, NOW - D);
	ck_assert_uint_eq(d.first_valid, NOW - 5 * D);
	ck_assert_uint_eq(d.last_valid, NOW - 5 * D);
	ck_assert_uint_eq(d.decided, NOW - 2 * D);
	ck_assert(batv_domain_find(m, "shop.example.org", &d));
	ck_assert_uint_eq(d.policy_sum, batv_domain_policy_sum("shops"));
	ck_assert_uint_eq(d.flags | d.first_signed | d.last_signed | d.decided, 0);
	ck_assert_uint_eq(d.first_valid, NOW - 4 * D);
	ck_assert_uint_eq(d.last_valid, NOW - 4 * D);
	ck_assert(!batv_domain_find(m, "example.org", &d));
}

START_TEST(it_is_read_as_it_is)
{
	ck_assert_uint_eq(memory.sections.version, 1);
	ck_assert_uint_eq(memory.sections.generation, 7);
	ck_assert_uint_eq(memory.sections.domain_size, 256);
	expect_counts(&memory, true);
	expect_evidence(&memory);
	expect_sent(&memory);
	ck_assert(batv_sent_complete(&memory, RETENTION, NOW));
}
END_TEST

/* Its slots have no room for samples, so nothing is known of a domain, and no byte is written. */
START_TEST(it_has_no_samples)
{
	const struct batv_item id = {.kind = BATV_ITEM_ID};
	struct batv_recall recall;
	struct batv_addr addr;
	struct batv_recall_sample s = {.domain = "example.com",
				       .rcpt = &addr,
				       .host = "192.0.2.1",
				       .key = batv_span_of("key"),
				       .retention = RETENTION,
				       .now = NOW};

	ck_assert_int_eq(batv_addr_parse("a@example.com", 13, &addr), BATV_OK);
	ck_assert(!batv_recall_wants(&memory, &s));
	ck_assert(!batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &id));
	ck_assert(!batv_recall_read(&memory, "example.com", RETENTION, NOW, &recall));
	expect_counts(&memory, true);
	expect_evidence(&memory);
}
END_TEST

/* Until batvd has looked, Exim's processes write into it. */
START_TEST(it_is_written_as_it_was)
{
	const size_t end = whole.sections.domains_at + 16384 * (size_t)256;
	struct batv_domain d;
	struct batv_tallied t;
	struct batv_addr addr;
	struct batv_item item;
	unsigned char *before = malloc(whole.size);
	size_t n = 0;

	ck_assert_ptr_nonnull(before);
	memcpy(before, whole.base, whole.size);
	ck_assert_int_eq(note("new.example", NOW), BATV_OK);
	ck_assert(batv_domain_find(&memory, "new.example", &d));
	ck_assert_uint_eq(slots_with("new.example"), 1);
	for (size_t i = whole.sections.domains_at; i < end; i++)
		n += before[i] != ((unsigned char *)whole.base)[i];
	ck_assert_uint_le(n, 8 + 4 + 8 + 12); /* claim, policy, two times, name: one slot of 256 */
	batv_count(&memory, BATV_COUNT_SIGNED, NOW);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_SIGNED, 0, NOW), 13);
	t = batv_tally(&memory, BATV_TALLY_TAG_BOUNCES, tallied, NOW / D + 9, NOW);
	ck_assert_uint_eq(t.day, 6);
	ck_assert_uint_eq(t.life, 0);
	ck_assert_int_eq(batv_addr_parse("carol@example.com", 17, &addr), BATV_OK);
	ck_assert(batv_sent_id(key, batv_span_of("three@example.com"), &addr, &item));
	ck_assert_int_eq(batv_sent_note(&memory, &item, NOW), BATV_SENT_DONE);
	ck_assert(knows_id(&memory, "three@example.com", "carol@example.com", NOW));
	expect_evidence(&memory);
	expect_sent(&memory);
	free(before);
}
END_TEST

/* It counts days only, so a limit is one for a day. */
START_TEST(limits_are_for_a_day)
{
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, tallied, NOW).day, 5);
	for (uint32_t n = 6; n <= 8; n++)
		ck_assert_uint_eq(batv_tally_up_to(&memory, BATV_TALLY_TAG_BOUNCES, tallied,
						   NOW / D + 9, NOW, 7)
					  .day,
				  n);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, tallied, NOW).day, 7);
	ck_assert_uint_eq(batv_tally_read(&memory, BATV_TALLY_TAG_BOUNCES, tallied, NOW).life, 0);
	ck_assert_uint_eq(
		batv_tally_up_to(&memory, BATV_TALLY_TAG_BOUNCES, tallied, NOW / D + 9, NOW + D, 7)
			.day,
		1);
	ck_assert_uint_eq(
		batv_tally_add(&memory, BATV_TALLY_TAG_MAILS, tallied, NOW / D + 9, NOW, 2000).day,
		2000);
}
END_TEST

START_TEST(a_thousand_domains_in_it)
{
	char name[40];
	struct batv_domain d;

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "domain-%u.example", i);
		ck_assert_int_eq(note(name, NOW), BATV_OK);
		ck_assert_uint_eq(batv_slot_probe(&memory, 16383, i % 256),
				  (16383 + i % 256) % 16384);
	}
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "domain-%u.example", i);
		ck_assert(batv_domain_find(&memory, name, &d));
	}
	ck_assert_uint_eq(slots_in_use(), 1002);
}
END_TEST

/* ---- batvd ---- */

static void look_at(int64_t now)
{
	char why[BATV_MESSAGE_SIZE];

	batv_memory_close(&look.memory);
	batv_memory_close(&look.before);
	memset(&look, 0, sizeof look);
	if (!*store.path)
		ck_assert_int_eq(batv_store_open(&store, sandbox, why, sizeof why), BATV_OK);
	config.global.memory_capacity = 1000;
	config.global.memory_retention = RETENTION;
	memcpy(secrets.memory_key, KEY, sizeof secrets.memory_key);
	secrets.has_memory_key = true;
	look.store = &store;
	look.secrets = &secrets;
	look.notices = &notices;
	batv_generation_look(&look, &config, now);
	for (size_t i = 0; i < BATV_TROUBLE_COUNT; i++)
		ck_assert_str_eq(notices.trouble[i], "");
	ck_assert_str_eq(look.memory_name, "memory.2");
	ck_assert_str_eq(look.before_name, "memory");
	ck_assert_uint_eq(look.memory.sections.version, BATV_MEMORY_VERSION);
	ck_assert_uint_eq(look.memory.sections.generation, 8);
	ck_assert_uint_eq(look.memory.sections.domain_size, BATV_DOMAIN_SLOT_SIZE);
	ck_assert_uint_eq(look.before.sections.version, 1);
}

static void expect_taken_over(void)
{
	struct batv_memory m = {0};

	expect_counts(&look.memory, false);
	expect_evidence(&look.memory);
	expect_sent(&look.before);
	/* an Exim that started before the upgrade writes neither of the two */
	ck_assert_int_eq(look.memory.sections.filters[0].since, NOW);
	ck_assert(!batv_sent_complete(&look.memory, RETENTION, NOW + RETENTION - 1));
	ck_assert(batv_sent_complete(&look.memory, RETENTION, NOW + RETENTION));
	/* as a process of Exim's opens the two */
	ck_assert_int_eq(batv_memory_open_windows(&m, dir, "memory.2"), BATV_OK);
	expect_counts(&m, false);
	expect_evidence(&m);
	ck_assert_int_eq(batv_memory_open_windows(&m, dir, "memory"), BATV_OK);
	expect_sent(&m);
	ck_assert_uint_eq(batv_counted(&m, 198, 0, NOW), 0); /* for life, it has moved */
	ck_assert_uint_eq(batv_counted(&m, 198, 1, NOW), 1);
	batv_memory_close(&m);
}

static void end_looks(void)
{
	batv_memory_close(&look.memory);
	batv_memory_close(&look.before);
}

START_TEST(it_is_taken_over_whole)
{
	look_at(NOW);
	expect_evidence(&look.memory); /* before the state says so */
	batv_generation_published(&look);
	expect_taken_over();
	look_at(NOW + 20);
	batv_generation_published(&look);
	expect_taken_over();
	end_looks();
}
END_TEST

/* What a process that still holds the old file notes there comes over at the next look. */
START_TEST(what_comes_late_is_taken_over)
{
	struct batv_domain d;

	look_at(NOW);
	batv_generation_published(&look);
	ck_assert_int_eq(note("late.example", NOW + 10), BATV_OK);
	ck_assert_int_eq(note("example.com", NOW + 7200), BATV_OK);
	batv_count(&memory, BATV_COUNT_SIGNED, NOW);
	batv_counters_bare_now(&memory, NOW - 20 * D);
	look_at(NOW + 20);
	ck_assert(batv_domain_find(&look.memory, "late.example", &d));
	ck_assert(batv_domain_find(&look.memory, "example.com", &d));
	ck_assert_uint_eq(d.first_signed, NOW - 9 * D);
	ck_assert_uint_eq(d.last_signed, NOW + 7200);
	ck_assert_uint_eq(d.flags, BATV_DOMAIN_ARMED);
	ck_assert_uint_eq(batv_counted(&look.memory, BATV_COUNT_SIGNED, 0, NOW), 13);
	ck_assert_int_eq(batv_counters_bare_last(&look.memory), NOW - 20 * D);
	end_looks();
}
END_TEST

/* batvd ended before it published, in the middle of the table: the next one does it all. */
START_TEST(killed_half_way)
{
	struct batv_memory half = {0};
	struct batv_domain d;

	look_at(NOW);
	ck_assert_int_eq(batv_memory_open(&half, dir, "memory.2"), BATV_OK);
	for (size_t i = 0; i < half.sections.domain_slots; i++) {
		struct batv_domain_slot *slot =
			(void *)((char *)half.base + half.sections.domains_at + i * 1024);

		if (batv_domain_at(&half, i, &d) && strcmp(d.name, "shop.example.org") == 0)
			memset(slot, 0, sizeof *slot); /* not copied yet */
		else if (batv_domain_at(&half, i, &d))
			slot->flags = slot->decided = slot->last_valid = 0; /* half of it */
	}
	batv_memory_close(&half);
	expect_counts(&whole, true); /* nothing has moved */
	expect_evidence(&whole);
	end_looks();
	look_at(NOW + 20);
	batv_generation_published(&look);
	expect_taken_over();
	end_looks();
}
END_TEST

/* Counters that have moved in part: the rest follows, and nothing is counted twice. */
START_TEST(killed_while_counts_move)
{
	struct batv_memory next = {0};

	look_at(NOW);
	ck_assert_int_eq(batv_memory_open(&next, dir, "memory.2"), BATV_OK);
	for (size_t r = 0; r < 100; r++) {
		struct batv_counter_row *to =
			(void *)((char *)next.base + next.sections.counters_at + r * sizeof *to);

		*to = *row(r);
		memset(row(r), 0, sizeof *row(r));
	}
	batv_memory_close(&next);
	look_at(NOW + 20);
	batv_generation_published(&look);
	expect_taken_over();
	end_looks();
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, it_is_read_as_it_is);
	tcase_add_test(tc, it_has_no_samples);
	tcase_add_test(tc, it_is_written_as_it_was);
	tcase_add_test(tc, limits_are_for_a_day);
	tcase_add_test(tc, a_thousand_domains_in_it);
	tcase_add_test(tc, it_is_taken_over_whole);
	tcase_add_test(tc, what_comes_late_is_taken_over);
	tcase_add_test(tc, killed_half_way);
	tcase_add_test(tc, killed_while_counts_move);
}

Suite *unit_suite(void)
{
	return memory_suite("memory_v1", add_tests, make_version_1, make_version_1_with_windows);
}
