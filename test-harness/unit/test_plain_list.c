/* links: admin/plain_list core/base/span */
/*
 * test_plain_list.c - lists answered without an Exim.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "plain_list.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	char kind;
	const char *value, *list;
	enum batv_match want;
} cases[] = {
	{'d', "example.com", "example.com", BATV_YES},
	{'d', "EXAMPLE.com", "example.COM", BATV_YES},
	{'d', "example.com", " a.test : example.com : b.test", BATV_YES},
	{'d', "example.com", "a.test:b.test", BATV_NO},
	{'d', "example.com", "a.test : : b.test :", BATV_NO},
	{'d', "example.com", "*", BATV_YES},
	{'d', "a.example.com", "*.example.com", BATV_YES},
	{'d', "example.com", "*.example.com", BATV_NO},
	{'d', "example.com", "*example.com", BATV_YES},
	{'d', "badexample.com", "*example.com", BATV_YES},
	{'d', "example.com", "+local_domains", BATV_MAYBE},
	{'d', "example.com", "example.com : +local_domains", BATV_YES},
	{'d', "example.com", "+local_domains : example.com", BATV_MAYBE},
	{'d', "example.com", "!example.com", BATV_MAYBE},
	{'d', "example.com", "cdb;/etc/x", BATV_MAYBE},
	{'d', "example.com", "/etc/x", BATV_MAYBE},
	{'d', "example.com", "^ex", BATV_MAYBE},
	{'d', "example.com", "@", BATV_MAYBE},
	{'d', "example.com", "<; example.com", BATV_MAYBE},
	{'d', "example.com", "exa::mple.com : example.com", BATV_MAYBE},
	{'d', "example.com", "$domain", BATV_MAYBE},
	{'d', "example.com", "\\Nexample.com\\N", BATV_MAYBE},
	{'d', "a", "a", BATV_YES},
	{'d', "ba", "*a", BATV_YES},
	{'d', "a\x7f.test", "a\x7f.test", BATV_MAYBE},
	{'d', "\xc3\x80.test", "\xc3\x80.test", BATV_YES},
	{'a', "bob@example.com", "bob@example.com", BATV_YES},
	{'a', "BOB@Example.com", "bob@example.com", BATV_YES},
	{'a', "bob@example.com", "example.com", BATV_YES},
	{'a', "bob@example.com", "postmaster@* : abuse@*", BATV_NO},
	{'a', "Postmaster@example.com", "postmaster@* : abuse@*", BATV_YES},
	{'a', "bob@example.com", "*@example.com", BATV_YES},
	{'a', "bob@example.com", "*@*.example.com", BATV_NO},
	{'a', "bob@a.example.com", "*@*.example.com", BATV_YES},
	{'a', "bob@example.com", "*@+local", BATV_MAYBE},
	{'a', "bob@example.com", "*-request@example.com", BATV_MAYBE},
	{'a', "bob@example.com", "lsearch*@;/etc/x", BATV_MAYBE},
	{'a', "bob@example.com", "bob@", BATV_MAYBE},
	{'a', "bob@example.com", "@example.com", BATV_MAYBE},
	{'a', "bob@example.com", "*", BATV_YES},
	{'a', "bob@example.com", "x", BATV_NO},
	{'a', "bob@example.com", "/etc/x", BATV_MAYBE},
	{'a', "@example.com", "example.com", BATV_YES},
	{'a', "bob", "example.com", BATV_MAYBE},
	{'a', "bob", "bob@example.com", BATV_MAYBE},
	{'a', "=b@x.test", "=b@x.test", BATV_YES},
	{'h', "192.0.2.1", "192.0.2.1", BATV_YES},
	{'h', "192.0.2.1", "192.0.2.2", BATV_NO},
	{'h', "192.0.2.1", "192.0.2.0/24", BATV_MAYBE},
	{'h', "192.0.2.1", "mx.example.com", BATV_MAYBE},
	{'h', "192.0.2.1", "192.0.2.2 : 192.0.2.1", BATV_YES},
	{'h', "2001:db8::1", "192.0.2.1", BATV_NO},
	{'h', "192.0.2.1", "*", BATV_YES},
	{'h', "192.0.2.1", "@[]", BATV_MAYBE},
	{'h', "192.0.2.1", "1", BATV_MAYBE},
	{'h', "192.0.2.1", "*.example.com", BATV_MAYBE},
	{'h', "2001:db8::1", "2001:db8:0:0:0:0:0:1", BATV_MAYBE},
	{'h', "2001:db8::1", "2001:db8::1", BATV_MAYBE},
	{'h', "", "192.0.2.1", BATV_MAYBE},
};

START_TEST(plain)
{
	enum batv_match got;

	if (cases[_i].kind == 'd')
		got = batv_plain_list_domain(cases[_i].value, cases[_i].list);
	else if (cases[_i].kind == 'a')
		got = batv_plain_list_address(cases[_i].value, cases[_i].list);
	else
		got = batv_plain_list_host(cases[_i].value, cases[_i].list);
	ck_assert_msg(got == cases[_i].want, "%s in %s: %d", cases[_i].value, cases[_i].list, got);
}
END_TEST

/* A text that is longer than any address of a host. */
START_TEST(long_hosts)
{
	char text[101];

	for (int n = 62; n <= 100; n++) {
		(void)snprintf(text, sizeof text, "%0*d", n, 1);
		ck_assert_int_eq(batv_plain_list_host(text, "192.0.2.1"), BATV_MAYBE);
		ck_assert_int_eq(batv_plain_list_host("192.0.2.1", text), BATV_MAYBE);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("plain_list");
	TCase *tc = tcase_create("lists");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, plain, 0, COUNT(cases));
	tcase_add_test(tc, long_hosts);
	return s;
}
