/* links: core/probe core/span */
/*
 * test_probe.c - what is tried before Exim is asked about a list.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

/* The expansions of a list, one a line. */
static const struct {
	const char *list, *want;
} cases[] = {
	{"", ""},
	{"  ", ""},
	{":::", ""},
	{"example.com : *.example.com : !+local_domains : @[] : user@example.com", ""},
	{"+local_domains", ""},
	{"lsearch;/etc/x", "${lookup{}lsearch{/etc/x}{}{}}\n"},
	{"a.test : cdb;/etc/x.cdb : b.test", "${lookup{}cdb{/etc/x.cdb}{}{}}\n"},
	{"! lsearch; /etc/x y :lsearch;/b", "${lookup{}lsearch{/etc/x y}{}{}}\n${lookup{}lsearch{/b}{}{}}\n"},
	{"<; 10.0.0.0/8 ; net-lsearch;;/etc/x ; ::1", "${lookup{}lsearch{/etc/x}{}{}}\n"},
	{"<, lsearch;/a,,b", "${lookup{}lsearch{/a,b}{}{}}\n"},
	{"<lsearch;/a", "${if eq{a}{b}{${lookup ?{}}}}\n"}, /* not a separator */
	{"lsearch;/a::b", "${lookup{}lsearch{/a:b}{}{}}\n"},
	{"net24-cdb;/n : network.test", "${lookup{}cdb{/n}{}{}}\n"},
	{"net-iplsearch;/n", "${lookup{}iplsearch{/n}{}{}}\n"},
	{"netlsearch;/n", "${lookup{}netlsearch{/n}{}{}}\n"}, /* Exim does not know it: it fails */
	{"@@lsearch;/l : *@dsearch;/d : bob@cdb;/c",
	 "${lookup{}lsearch{/l}{}{}}\n${lookup{}dsearch{/d}{}{}}\n${lookup{}cdb{/c}{}{}}\n"},
	{"lsearch*@;/l : partial2-lsearch*;/p : partial(.)-cdb;/q : lsearch,ret=key;/k",
	 "${lookup{}lsearch*@{/l}{}{}}\n${lookup{}partial2-lsearch*{/p}{}{}}\n"
	 "${lookup{}partial(.)-cdb{/q}{}{}}\n${lookup{}lsearch,ret=key{/k}{}{}}\n"},
	{"/etc/hosts.list", "${lookup{}lsearch{/etc/hosts.list}{}{}}\n"},
	{"!/etc/l : +x", "${lookup{}lsearch{/etc/l}{}{}}\n"},
	{"^bounce-.*@", "${if match{}{\\N^bounce-.*@\\N}{}{}}\n"},
	{"^a{2}}; : b", "${if match{}{\\N^a{2}};\\N}{}{}}\n"},
	{"alice@^a+$1 : bob@^", "${if match{}{\\N^a+$1\\N}{}{}}\n${if match{}{\\N^\\N}{}{}}\n"},
	{"mysql;select 1 : sqlite;/db select 1 : *@nis;m : passwd;",
	 "${if eq{a}{b}{${lookup mysql{}}}}\n"},
	/* a wrong separator: Exim takes it for a type that it does not know */
	{"a.test; b.test", "${if eq{a}{b}{${lookup a.test{}}}}\n"},
	{"192.0.2.1 ; 192.0.2.2", "${if eq{a}{b}{${lookup ?{}}}}\n"},
	{"::1 ; x", "${if eq{a}{b}{${lookup ?{}}}}\n"},
	/* what could end the place where it stands is left to Exim */
	{"lsearch;/a}{b", ""},
	{"lsearch;/a\\", ""},
	{"lsearch;/${run{x}}", ""},
	{"l}s;/a", "${if eq{a}{b}{${lookup ?{}}}}\n"},
	{"l s;/a", "${if eq{a}{b}{${lookup ?{}}}}\n"},
	{";/a", "${if eq{a}{b}{${lookup ?{}}}}\n"},
	{"^a\\N}{b", ""},
};

START_TEST(expansions)
{
	struct batv_probe probe;
	char got[2048] = "";

	batv_probe_start(&probe, cases[_i].list);
	while (batv_probe_next(&probe)) {
		strcat(got, probe.expansion);
		strcat(got, "\n");
	}
	ck_assert_str_eq(got, cases[_i].want);
	ck_assert(!batv_probe_next(&probe));
}
END_TEST

/* Items around the largest that is looked at; whatever comes behind is seen. */
START_TEST(long_items)
{
	static char list[3000];
	struct batv_probe probe;

	for (size_t len = BATV_PROBE_ITEM_MAX - 3; len < BATV_PROBE_ITEM_MAX + 3; len++) {
		unsigned n = 0;

		memset(list, 'x', len);
		memcpy(list, "lsearch;/", 9);
		strcpy(list + len, " : cdb;/y");
		batv_probe_start(&probe, list);
		while (batv_probe_next(&probe))
			n++;
		ck_assert_uint_eq(n, len < BATV_PROBE_ITEM_MAX - 1 ? 2 : 1);
		ck_assert_str_eq(probe.expansion, "${lookup{}cdb{/y}{}{}}");
	}
}
END_TEST

/* Any bytes: ends, and never writes beyond its own. */
START_TEST(random_lists)
{
	static const char alphabet[] = ":;</\\N^!+@*{}$ a-1,lsearch;/net";
	struct batv_probe probe;
	char list[64];

	srandom(1);
	for (int round = 0; round < 100000; round++) {
		size_t len = (size_t)random() % sizeof list, n = 0;

		for (size_t i = 0; i < len; i++)
			list[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
		list[len] = '\0';
		batv_probe_start(&probe, list);
		while (batv_probe_next(&probe)) {
			ck_assert_uint_lt(strlen(probe.expansion), sizeof probe.expansion);
			ck_assert_uint_lt(n++, sizeof list);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe");
	TCase *tc = tcase_create("probe");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, expansions, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(tc, long_items);
	tcase_add_test(tc, random_lists);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
