/* links: core/base/network core/base/span */
/*
 * test_network.c - IP addresses as text, and the networks that they are of.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *host, *network;
	uint64_t first; /* a /24 of IPv4, a /48 of IPv6 */
	uint64_t all;   /* the address of IPv4, a /64 of IPv6 */
} hosts[] = {
	{"192.0.2.7", "192.0.2.0/24", 0xc00002, 0xc0000207},
	{"0.0.0.0", "0.0.0.0/24", 0, 0},
	{"255.255.255.255", "255.255.255.0/24", 0xffffff, 0xffffffff},
	{"1.20.255.0", "1.20.255.0/24", 0x0114ff, 0x0114ff00},
	{"1:2:3:4:5:6:7:8", "1:2:3::/48", 0x100020003, 0x1000200030004},
	{"ABCD:ef01:2345:6789::", "abcd:ef01:2345::/48", 0xabcdef012345, 0xabcdef0123456789},
	{"::", "0:0:0::/48", 0, 0},
	{"::1", "0:0:0::/48", 0, 0},
	{"1::", "1:0:0::/48", 0x100000000, 0x1000000000000},
	{"1::8", "1:0:0::/48", 0x100000000, 0x1000000000000},
	{"1:2::7:8", "1:2:0::/48", 0x100020000, 0x1000200000000},
	{"::2:3:4:5:6:7:8", "0:2:3::/48", 0x20003, 0x200030004},
	{"::4:5:6:7:8", "0:0:0::/48", 0, 4},
	{"1::4:5:6:7:8", "1:0:0::/48", 0x100000000, 0x1000000000004},
	{"1:2:3::5:6:7:8", "1:2:3::/48", 0x100020003, 0x1000200030000},
	{"1:2:3:4:5:6:7::", "1:2:3::/48", 0x100020003, 0x1000200030004},
	{"1:2:3:4:5:6:1.2.3.4", "1:2:3::/48", 0x100020003, 0x1000200030004},
	{"::3:4:5:6:1.2.3.4", "0:0:3::/48", 3, 0x30004},
	{"::ffff:192.0.2.1", "0:0:0::/48", 0, 0},
};

START_TEST(an_address)
{
	const bool ipv6 = strchr(hosts[_i].host, ':') != NULL;
	char text[BATV_NETWORK_TEXT_SIZE];
	uint64_t n = 42;

	ck_assert(batv_network_of(hosts[_i].host, &n));
	ck_assert_uint_eq(n, hosts[_i].first << 16 | (ipv6 ? BATV_NETWORK_IPV6 : 0));
	batv_network_text(n, text);
	ck_assert_str_eq(text, hosts[_i].network);
	ck_assert(batv_network_host(hosts[_i].host, &n));
	ck_assert_uint_eq(n, hosts[_i].all);
}
END_TEST

static const char *const wrong[] = {
	NULL,
	"",
	"mx.example",
	"192.0.2",
	"192.0.256.1",
	"256.0.2.1",
	"192..2.1",
	".1.2.3",
	"1.2.3x.4",
	" 1.2.3.4",
	"-1.2.3.4",
	":",
	":::",
	"1:2:3",
	"1:2:g::",
	"g::",
	"fe80::1%eth0",
	":1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:1.2.3.4",
};

START_TEST(not_an_address)
{
	uint64_t n = 42;

	ck_assert(!batv_network_of(wrong[_i], &n));
	ck_assert(!batv_network_host(wrong[_i], &n));
	ck_assert_uint_eq(n, 42);
}
END_TEST

/* Of a network only the first three numbers are read. */
START_TEST(the_last_number)
{
	static const char *const texts[] = {"1.2.3.", "1.2.3.256", "1.2.3.4.5", "1.2.3.x"};
	uint64_t n = 42;

	for (size_t i = 0; i < COUNT(texts); i++) {
		ck_assert(!batv_network_host(texts[i], &n));
		ck_assert_uint_eq(n, 42);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("network");
	TCase *tc = tcase_create("network");

	tcase_add_loop_test(tc, an_address, 0, (int)COUNT(hosts));
	tcase_add_loop_test(tc, not_an_address, 0, (int)COUNT(wrong));
	tcase_add_test(tc, the_last_number);
	suite_add_tcase(s, tc);
	return s;
}
