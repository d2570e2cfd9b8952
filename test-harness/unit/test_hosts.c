/* links: core/memory/hosts core/memory/counters core/memory/domains core/memory/sending core/memory/slots core/memory/access core/base/safefile */
/* links: core/base/span admin/memory_file admin/replace core/memory/header core/base/network core/base/hmac */
/*
 * test_hosts.c - the hosts of the header page.
 */
#include <stdio.h>

#include "memory/hosts.h"
#include "memory_lab.h"

static struct batv_host hosts[BATV_HOSTS_EACH];

static size_t listed(enum batv_host_kind kind, int64_t now)
{
	return batv_host_list(&memory, kind, 14, now, hosts);
}

START_TEST(a_host_is_noted_and_counted)
{
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 0);
	for (int i = 0; i < 3; i++)
		batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "2001:db8::1", NOW);
	batv_host_note(&memory, BATV_HOST_FETCHES, "192.0.2.9", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 2);
	ck_assert_str_eq(hosts[0].address, "192.0.2.1");
	ck_assert_uint_eq(hosts[0].count, 3);
	ck_assert_str_eq(hosts[1].address, "2001:db8::1");
	ck_assert_uint_eq(hosts[1].count, 1);
	ck_assert_uint_eq(listed(BATV_HOST_FETCHES, NOW), 1);
	ck_assert_str_eq(hosts[0].address, "192.0.2.9");
	ck_assert_uint_eq(listed(BATV_HOST_RELAY_SENDS, NOW), 0);
}
END_TEST

START_TEST(counts_fade)
{
	for (int i = 0; i < 8; i++)
		batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW + 2 * D);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 2 * D), 1);
	ck_assert_uint_eq(hosts[0].count, 3);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW); /* a clock went back */
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 2 * D), 1);
	ck_assert_uint_eq(hosts[0].count, 4);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 15 * D), 1);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 16 * D), 0);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW + 90 * D);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 90 * D), 1);
	ck_assert_uint_eq(hosts[0].count, 1);
}
END_TEST

/* Byte for byte as formats.md says. */
START_TEST(the_form_of_an_entry)
{
	const struct batv_memory_head *head = whole.base;
	uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};

	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	ck_assert_mem_eq(head->hosts[0].address, bytes, sizeof bytes);
	ck_assert_uint_eq(head->hosts[0].word, UINT64_C(0xd9c7512b00000001));
	batv_host_note(&memory, BATV_HOST_TRUSTED, "198.51.2.64", NOW); /* its hash is even */
	ck_assert_uint_eq(head->hosts[1].word, UINT64_C(0x8a65512b00000001));
}
END_TEST

START_TEST(a_large_count_fades)
{
	struct batv_memory_head *head = whole.base;

	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	head->hosts[0].word |= UINT32_MAX;
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 1);
	ck_assert_uint_eq(hosts[0].count, UINT32_MAX);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW + 31 * D);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW + 31 * D), 1);
	ck_assert_uint_eq(hosts[0].count, 2);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
	char address[20];

	for (int i = 0; i < BATV_HOSTS_EACH + 1; i++) {
		(void)snprintf(address, sizeof address, "192.0.2.%d", i);
		batv_host_note(&memory, BATV_HOST_RELAY_SENDS, address, NOW + i * D);
	}
	ck_assert_uint_eq(listed(BATV_HOST_RELAY_SENDS, NOW + 5 * D), BATV_HOSTS_EACH);
	ck_assert_str_eq(hosts[0].address, "192.0.2.5");
	ck_assert_str_eq(hosts[1].address, "192.0.2.1");
	ck_assert_uint_eq(listed(BATV_HOST_FETCHES, NOW), 0);
}
END_TEST

START_TEST(what_is_no_address_is_not_noted)
{
	static const char *const wrong[] = {"", "localhost", "192.0.2", "::g", NULL};
	struct batv_memory_head *head = whole.base;

	for (size_t i = 0; i < COUNT(wrong); i++)
		batv_host_note(&memory, BATV_HOST_TRUSTED, wrong[i], NOW);
	batv_host_note(&memory, BATV_HOST_KINDS, "2001:db8::1", NOW);
	ck_assert_int_eq(batv_counters_lost(&memory), 0); /* which follows the hosts */
	for (int kind = 0; kind < BATV_HOST_KINDS; kind++)
		ck_assert_uint_eq(listed((enum batv_host_kind)kind, NOW), 0);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 1);
	memcpy(&head->lost, &head->hosts[0], sizeof head->hosts[0]);
	ck_assert_uint_eq(listed(BATV_HOST_KINDS, NOW), 0);
}
END_TEST

START_TEST(a_memory_that_may_only_be_read)
{
	memory.writable = false;
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 0);
}
END_TEST

/* Though it is neither the first nor the oldest. */
START_TEST(a_torn_entry_is_the_first_to_go)
{
	struct batv_memory_head *head = whole.base;
	char address[20];

	for (int i = 0; i < BATV_HOSTS_EACH; i++) {
		(void)snprintf(address, sizeof address, "192.0.2.%d", i);
		batv_host_note(&memory, BATV_HOST_TRUSTED, address, NOW + (i == 2) * D);
	}
	head->hosts[2].address[1] ^= 1;
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.9", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), BATV_HOSTS_EACH);
	ck_assert_str_eq(hosts[0].address, "192.0.2.0");
	ck_assert_str_eq(hosts[2].address, "192.0.2.9");
}
END_TEST

/* Two processes wrote one place in turns. */
START_TEST(a_torn_entry_is_free)
{
	struct batv_memory_head *head;

	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	head = batv_memory_at(&whole, 0);
	head->hosts[0].address[1] ^= 1;
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 0);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.7", NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 1);
	ck_assert_str_eq(hosts[0].address, "192.0.2.7");
	ck_assert_uint_eq(hosts[0].count, 1);
}
END_TEST

START_TEST(unread_is_written_once_an_hour)
{
	ck_assert_int_eq(batv_host_unread_last(&memory), 0);
	batv_host_unread(&memory, NOW);
	batv_host_unread(&memory, NOW + 3599);
	ck_assert_int_eq(batv_host_unread_last(&memory), NOW);
	batv_host_unread(&memory, NOW + 3600);
	ck_assert_int_eq(batv_host_unread_last(&memory), NOW + 3600);
	batv_host_unread(&memory, NOW);
	ck_assert_int_eq(batv_host_unread_last(&memory), NOW);
}
END_TEST

START_TEST(without_a_memory_nothing_is_known)
{
	batv_memory_close(&memory);
	batv_host_note(&memory, BATV_HOST_TRUSTED, "192.0.2.1", NOW);
	batv_host_unread(&memory, NOW);
	ck_assert_uint_eq(listed(BATV_HOST_TRUSTED, NOW), 0);
	ck_assert_int_eq(batv_host_unread_last(&memory), 0);
}
END_TEST

static void add_tests(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, a_host_is_noted_and_counted);
	tcase_add_test(tc, counts_fade);
	tcase_add_test(tc, the_form_of_an_entry);
	tcase_add_test(tc, a_large_count_fades);
	tcase_add_test(tc, a_memory_that_may_only_be_read);
	tcase_add_test(tc, a_torn_entry_is_the_first_to_go);
	tcase_add_test(tc, the_oldest_makes_room);
	tcase_add_test(tc, what_is_no_address_is_not_noted);
	tcase_add_test(tc, a_torn_entry_is_free);
	tcase_add_test(tc, unread_is_written_once_an_hour);
	tcase_add_test(tc, without_a_memory_nothing_is_known);
}

Suite *unit_suite(void)
{
	return memory_suite("hosts", add_tests, make_memory, make_memory_with_windows);
}
