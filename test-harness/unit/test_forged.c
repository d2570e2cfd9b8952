/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/memory/forged core/base/safefile */
/* links: core/base/span admin/memory_file admin/replace core/memory/header core/base/network */
/* links: core/memory/sending core/base/hmac */
/*
 * test_forged.c - forged tags, counted by network: which address is of which network, who stays
 * when there are too many, days, many processes at once, killed ones, and files that are broken or
 * lack the section.
 */
#include <signal.h>
#include <stdio.h>

#include "memory/forged.h"
#include "memory_lab.h"

#define MOST 2000

static struct batv_forger most[MOST];

static size_t read_most(int64_t now)
{
	memset(most, 0, sizeof most);
	return batv_forged_most(&memory, now, most, MOST);
}

static uint32_t count_of(const char *network, int64_t now)
{
	size_t n = read_most(now);

	for (size_t i = 0; i < n; i++)
		if (strcmp(most[i].network, network) == 0)
			return most[i].count;
	return 0;
}

static void tried(const char *host, unsigned times, int64_t now)
{
	while (times-- > 0)
		batv_forged_note(&memory, host, now);
}

static struct batv_forged_slot *table(void)
{
	return (struct batv_forged_slot *)(void *)((char *)whole.base + whole.sections.forged_at);
}

static const struct {
	const char *host, *network; /* NULL: none */
} hosts[] = {
	{"192.0.2.7", "192.0.2.0/24"},
	{"192.0.2.255", "192.0.2.0/24"},
	{"0.0.0.0", "0.0.0.0/24"},
	{"255.255.255.255", "255.255.255.0/24"},
	{"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
	{"2001:DB8:0001::9", "2001:db8:1::/48"},
	{"2001:db8::1", "2001:db8:0::/48"},
	{"2001::1", "2001:0:0::/48"},
	{"2001:db8:1:2:3:4:192.0.2.1", "2001:db8:1::/48"},
	{"::1", "0:0:0::/48"},
	{"::", "0:0:0::/48"},
	{"::2:3:4:5:6:7:8", "0:2:3::/48"},
	{"1::3:4:5:6:7:8", "1:0:3::/48"},
	{"1:2::4:5:6:7:8", "1:2:0::/48"},
	{"1:2:3:4:5:6:7::", "1:2:3::/48"},
	{"::ffff:192.0.2.1", "0:0:0::/48"},
	{"", NULL},
	{NULL, NULL},
	{"mx.example", NULL},
	{"192.0.2", NULL},
	{"192.0.256.1", NULL},
	{"192..2.1", NULL},
	{"192.0.2x.1", NULL},
	{":", NULL},
	{":::", NULL},
	{"1:2:3", NULL},
	{"1:2:g::", NULL},
	{"fe80::1%eth0", NULL},
};

START_TEST(networks)
{
	for (size_t i = 0; i < COUNT(hosts); i++) {
		uint32_t before = hosts[i].network ? count_of(hosts[i].network, NOW) : 0;

		tried(hosts[i].host, 1, NOW);
		if (hosts[i].network)
			ck_assert_msg(count_of(hosts[i].network, NOW) == before + 1, "%s",
				      hosts[i].host);
		ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_FORGED, 1, NOW), i + 1);
	}
	ck_assert_uint_eq(read_most(NOW), 11);
}
END_TEST

START_TEST(the_most_come_first)
{
	tried("192.0.2.1", 3, NOW);
	tried("2001:db8::1", 9, NOW);
	tried("198.51.100.1", 1, NOW);
	tried("203.0.113.9", 5, NOW);
	ck_assert_uint_eq(read_most(NOW), 4);
	ck_assert_str_eq(most[0].network, "2001:db8:0::/48");
	ck_assert_uint_eq(most[0].count, 9);
	ck_assert_str_eq(most[1].network, "203.0.113.0/24");
	ck_assert_str_eq(most[3].network, "198.51.100.0/24");
	ck_assert_uint_eq(batv_forged_most(&memory, NOW, most, 2), 2);
	ck_assert_str_eq(most[1].network, "203.0.113.0/24");
	ck_assert_uint_eq(most[1].count, 5);
	ck_assert_uint_eq(batv_forged_most(&memory, NOW, most, 0), 0);
}
END_TEST

/* A day ends, and its places are the first to be taken; a clock that went back wipes nothing of
 * today's. */
START_TEST(days)
{
	char host[32];

	tried("192.0.2.1", 7, NOW);
	tried("192.0.2.1", 2, NOW + D);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 7);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW + D), 2);
	ck_assert_uint_eq(read_most(NOW + 2 * D), 0);
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(host, sizeof host, "10.%u.%u.1", i / 256, i % 256);
		tried(host, 1, NOW + D);
	}
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW + D), 2);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 0);
	tried("192.0.2.1", 3, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW + D), 2);
	tried("192.0.2.1", 1, -5);
	tried("192.0.2.1", 1, INT64_MAX);
}
END_TEST

/* A network that tries often stays, however many others try once; and nobody's count is too high.
 */
START_TEST(too_many_networks)
{
	char host[32];

	for (unsigned i = 0; i < 40000; i++) {
		(void)snprintf(host, sizeof host, "%u.%u.%u.1", 10 + i / 65536, i / 256 % 256,
			       i % 256);
		tried(host, 1, NOW);
		if (i % 10 == 0)
			tried("192.0.2.1", 1, NOW);
		if (i % 100 == 0)
			tried("2001:db8::1", 1, NOW);
	}
	ck_assert_uint_eq(read_most(NOW), BATV_FORGED_PAGES * BATV_FORGED_SLOTS);
	ck_assert_str_eq(most[0].network, "192.0.2.0/24");
	ck_assert_uint_eq(most[0].count, 4000);
	ck_assert_str_eq(most[1].network, "2001:db8:0::/48");
	ck_assert_uint_eq(most[1].count, 400);
	ck_assert_uint_eq(most[2].count, 1);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_FORGED, 0, NOW), 44400);
}
END_TEST

static void guess(unsigned number)
{
	char host[32];

	open_memory();
	(void)snprintf(host, sizeof host, "10.0.%u.1", number);
	for (unsigned i = 0; i < 500; i++) {
		batv_forged_note(&memory, "192.0.2.1", NOW);
		batv_forged_note(&memory, host, NOW);
	}
}

START_TEST(many_processes)
{
	in_processes(WORKERS, guess);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), WORKERS * 500);
	ck_assert_uint_eq(most[0].count, WORKERS * 500);
	for (unsigned i = 0; i < WORKERS; i++) {
		char network[32];

		(void)snprintf(network, sizeof network, "10.0.%u.0/24", i);
		ck_assert_uint_eq(count_of(network, NOW), 500);
	}
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_FORGED, 0, NOW), WORKERS * 1000);
}
END_TEST

static void crowd(unsigned number)
{
	char host[32];

	open_memory();
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(host, sizeof host, "%u.%u.%u.1", 10 + number, i / 256, i % 256);
		batv_forged_note(&memory, host, NOW);
	}
}

/* Places change hands all the time: no count is ever too high. */
START_TEST(many_processes_and_networks)
{
	in_processes(WORKERS, crowd);
	ck_assert_uint_gt(read_most(NOW), BATV_FORGED_SLOTS);
	for (size_t i = 0; i < BATV_FORGED_PAGES * BATV_FORGED_SLOTS && most[i].count; i++)
		ck_assert_uint_eq(most[i].count, 1);
}
END_TEST

START_TEST(killed_processes)
{
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				guess(i);
		while (batv_counted(&memory, BATV_COUNT_FORGED, 0, NOW) < 100 * (i + 1))
			;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	ck_assert_uint_le(count_of("192.0.2.0/24", NOW),
			  batv_counted(&memory, BATV_COUNT_FORGED, 0, NOW));
	ck_assert_uint_gt(most[0].count, 0);
}
END_TEST

/* A process that was killed between the two words left the count of the network before. */
START_TEST(half_taken)
{
	size_t i = 0;

	tried("192.0.2.1", 50, NOW);
	while (table()[i].who == 0)
		i++;
	table()[i].who += UINT64_C(1) << 16;
	ck_assert_uint_eq(read_most(NOW), 1);
	ck_assert_str_eq(most[0].network, "192.0.3.0/24");
	ck_assert_uint_eq(most[0].count, 1);
}
END_TEST

/* Byte for byte as formats.md says. */
START_TEST(the_form_of_a_slot)
{
	const struct batv_forged_slot *slot = &table()[3 * BATV_FORGED_SLOTS];

	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(slot->who, UINT64_C(0x000000c00002512b));
	ck_assert_uint_eq(slot->count, UINT64_C(0x000251eb00000001));
}
END_TEST

/* The last bit of the check counts as well. */
START_TEST(a_wrong_check)
{
	size_t i = 0;

	tried("192.0.2.1", 50, NOW);
	while (table()[i].who == 0)
		i++;
	table()[i].count ^= UINT64_C(1) << 32;
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 1);
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 1);
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 2);
}
END_TEST

START_TEST(two_places_are_added)
{
	size_t i = 0;

	tried("192.0.2.1", 50, NOW);
	while (table()[i].who == 0)
		i++;
	table()[i + 1] = table()[i];
	ck_assert_uint_eq(read_most(NOW), 1);
	ck_assert_uint_eq(most[0].count, 100);
}
END_TEST

/* A page that is full: two places of some day and count among many of today; which one goes? */
static const struct {
	int64_t days[2];
	unsigned counts[2], goes;
} places[] = {
	{{-2, -1}, {100, 1}, 0}, {{1, -1}, {1, 100}, 1}, {{2, -1}, {100, 1}, 0},
	{{0, -1}, {1, 100}, 1},  {{-1, 1}, {9, 1}, 0},   {{-1, -1}, {2, 1}, 1},
};

static void try_many(unsigned first, unsigned n, unsigned times)
{
	char host[32];

	for (unsigned i = first; i < first + n; i++) {
		(void)snprintf(host, sizeof host, "10.0.%u.1", i);
		tried(host, times, NOW);
	}
}

START_TEST(who_makes_room)
{
	static const char *const hosts_of[] = {"192.0.2.1", "198.51.100.1"};
	static const char *const networks_of[] = {"192.0.2.0/24", "198.51.100.0/24"};

	memory.sections.forged_pages = 1;
	for (size_t i = 0; i < 2; i++) {
		tried(hosts_of[i], places[_i].counts[i], NOW + places[_i].days[i] * D);
		table()[200 + i] = table()[0]; /* to one clock the other's day is old */
		memset(table(), 0, sizeof *table());
	}
	try_many(0, BATV_FORGED_SLOTS - 2, 3);
	try_many(255, 1, 3);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(count_of(networks_of[i], NOW + places[_i].days[i] * D),
				  i == places[_i].goes ? 0 : places[_i].counts[i]);
}
END_TEST

START_TEST(an_empty_place_goes_first)
{
	memory.sections.forged_pages = 1;
	tried("192.0.2.1", 1, NOW - D);
	tried("198.51.100.1", 1, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW - D), 1);
}
END_TEST

/* However few are asked for; nothing is written beyond, and what follows the pages is not read. */
START_TEST(the_most_of_many)
{
	struct batv_forger none[3] = {{.count = 0}};

	for (unsigned i = 1; i <= 8; i++) {
		try_many(i, 1, i * 5 % 9);
		try_many(100 + i, 1, i * 5 % 9);
	}
	table()[whole.sections.forged_pages * BATV_FORGED_SLOTS] =
		(struct batv_forged_slot){.who = 77 << 16 | NOW / D, .count = 5000};
	for (size_t max = 1; max < 20; max++) {
		memset(most, 0, sizeof most);
		ck_assert_uint_eq(batv_forged_most(&memory, NOW, most, max), max < 16 ? max : 16);
		for (size_t i = 0; i < max && i < 16; i++)
			ck_assert_uint_eq(most[i].count, 8 - i / 2);
		ck_assert_mem_eq(&most[max], none, sizeof none);
	}
	memset(most, 0, sizeof most);
	ck_assert_uint_eq(batv_forged_most(&memory, NOW, most + 2, 0), 0);
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(most[i].count, 0);
}
END_TEST

START_TEST(before_1970)
{
	tried("192.0.2.1", 1, -5);
	ck_assert_uint_eq(count_of("192.0.2.0/24", 5), 1);
}
END_TEST

START_TEST(read_only)
{
	tried("192.0.2.1", 1, NOW);
	memory.writable = false;
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), 1);
}
END_TEST

START_TEST(no_such_section)
{
	memory.sections.forged_at = 0;
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(read_most(NOW), 0);
	memory.sections.forged_at = whole.sections.forged_at;
	ck_assert_uint_eq(read_most(NOW), 0);
	ck_assert_mem_eq(whole.base, BATV_MEMORY_MAGIC, 8);
}
END_TEST

/* All networks, and nothing but networks. */
START_TEST(many_are_copied)
{
	struct batv_memory to = {0};
	struct batv_forged_slot *there;
	size_t n = 0;

	try_many(0, 256, 1);
	table()[whole.sections.forged_pages * BATV_FORGED_SLOTS] =
		(struct batv_forged_slot){.who = 77 << 16 | NOW / D, .count = 5000};
	ck_assert_int_eq(make_file("memory.2", 8, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&to, dir, "memory.2"), BATV_OK);
	batv_forged_copy(&memory, &to);
	there = (void *)((char *)to.base + to.sections.forged_at);
	for (size_t i = 0; i < BATV_FORGED_PAGES * BATV_FORGED_SLOTS; i++) {
		ck_assert_uint_eq(there[i].count & UINT32_MAX, there[i].who != 0);
		n += there[i].who != 0;
	}
	ck_assert_uint_eq(n, 256);
	batv_memory_close(&to);
}
END_TEST

START_TEST(a_full_count)
{
	size_t i = 0;

	tried("192.0.2.1", 1, NOW);
	while (table()[i].who == 0)
		i++;
	table()[i].count |= UINT32_MAX;
	tried("192.0.2.1", 2, NOW);
	ck_assert_uint_eq(count_of("192.0.2.0/24", NOW), UINT32_MAX);
}
END_TEST

START_TEST(copied_to_another_file)
{
	struct batv_memory to = {0}, none = {0};
	struct batv_forger out[8];

	tried("192.0.2.1", 7, NOW);
	tried("198.51.100.1", 2, NOW - D);
	ck_assert_int_eq(make_file("memory.2", 8, NOW), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&to, dir, "memory.2"), BATV_OK);
	batv_forged_note(&to, "203.0.113.1", NOW);
	for (int i = 0; i < 3; i++)
		batv_forged_copy(&memory, &to);
	ck_assert_uint_eq(batv_forged_most(&to, NOW, out, 8), 2);
	ck_assert_str_eq(out[0].network, "192.0.2.0/24");
	ck_assert_uint_eq(out[0].count, 7);
	ck_assert_uint_eq(batv_forged_most(&to, NOW - D, out, 8), 1);
	ck_assert_uint_eq(out[0].count, 2);
	batv_forged_copy(&none, &to);
	batv_forged_copy(&to, &none);
	batv_memory_close(&to);
}
END_TEST

START_TEST(no_memory)
{
	batv_memory_close(&memory);
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(read_most(NOW), 0);
}
END_TEST

START_TEST(truncated)
{
	tried("192.0.2.1", 1, NOW);
	truncate_memory(0);
	tried("192.0.2.1", 1, NOW);
	ck_assert_uint_eq(read_most(NOW), 0);
	expect_no_memory();
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, networks);
	tcase_add_test(tc, the_most_come_first);
	tcase_add_test(tc, half_taken);
	tcase_add_test(tc, the_form_of_a_slot);
	tcase_add_test(tc, a_wrong_check);
	tcase_add_test(tc, two_places_are_added);
	tcase_add_loop_test(tc, who_makes_room, 0, (int)COUNT(places));
	tcase_add_test(tc, an_empty_place_goes_first);
	tcase_add_test(tc, the_most_of_many);
	tcase_add_test(tc, before_1970);
	tcase_add_test(tc, read_only);
	tcase_add_test(tc, no_such_section);
	tcase_add_test(tc, many_are_copied);
	tcase_add_test(tc, a_full_count);
	tcase_add_test(tc, copied_to_another_file);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, truncated);
}

static void add_slow(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, too_many_networks);
	tcase_add_test(tc, many_processes);
	tcase_add_test(tc, many_processes_and_networks);
	tcase_add_test(tc, killed_processes);
	tcase_add_test(tc, days);
}

Suite *unit_suite(void)
{
	return with_slow_tests(
		memory_suite("forged", add_tests, make_memory, make_memory_with_windows), add_slow);
}
