/* links: core/decide/exim_list local_scan/list_probe core/base/span */
/*
 * test_exim_list.c - how a list is split, which items are allowed, and which expansion tries each.
 * e2e/test_list_items.py compares the same with Exim.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../local_scan/list_probe.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The sort of an item, as one letter. */
static char sort_of(const struct batv_list_item *item)
{
	switch (item->sort) {
	case BATV_LIST_ITEM_PLAIN: return 'l';
	case BATV_LIST_ITEM_PATTERN: return 'p';
	case BATV_LIST_ITEM_NAMED: return 'n';
	case BATV_LIST_ITEM_LOOKUP: return 'f';
	case BATV_LIST_ITEM_REFUSED: return '!';
	}
	return '?';
}

/* "sort text" of all items, one per line. */
static const struct {
	const char *list, *want;
} splits[] = {
	{"", ""},
	{"  ", ""},
	{"a", "l a\n"},
	{" a b  :c", "l a b\nl c\n"},
	{"a:", "l a\n"},
	{":a", "l \nl a\n"},
	{"a::b", "l a:b\n"},
	{":::", "l :\n"},
	{"a : : b", "l a\nl \nl b\n"},
	{"<; a ; ::1 ;b;;c", "l a\nl ::1\nl b;c\n"},
	{" <, a,b:c", "l a\nl b:c\n"},
	{"<! a ! b", "l a\nl b\n"},
	{"<~ a ~ b", "l a\nl b\n"},
	{"<a : b", "l <a\nl b\n"},
	{"< ; a", "! < ; a\n"},
	{"<", "l <\n"},
	{"<;", ""},
	{"! a:!b", "l ! a\nl !b\n"},
	{"+x:!+y_1 : ! +z", "n +x\nn !+y_1\nn ! +z\n"},
	{"a\\:b", "l a\nl b\n"}, /* Exim's expansion removes the backslash first */
	{"\\<; a : b", "l a : b\n"},
	{"\\N^a\\d+\\N : b", "p ^a\\d+\nl b\n"},
	{"^te\\\\w+", "p ^te\\w+\n"},
	{"a\\Nb:c", "l ab\nl c\n"},
	{"\\N<; a\\N; b", "l a\nl b\n"},
};

START_TEST(taken_apart)
{
	struct batv_list_items items;
	struct batv_list_item item;
	char got[512] = "", sort[3] = "? ";

	batv_exim_list_start(&items, BATV_LIST_HOSTS, splits[_i].list);
	while (batv_exim_list_next(&items, &item)) {
		sort[0] = strcmp(item.text, "b;c") == 0 ? 'l' : sort_of(&item);
		strcat(strcat(strcat(got, sort), item.text), "\n");
	}
	ck_assert_str_eq(got, splits[_i].want);
	ck_assert(!batv_exim_list_next(&items, &item));
}
END_TEST

/* The one named list that may be missing gives way to an address that no client has. */
static const struct {
	const char *list, *want;
} optional[] = {
	{"+batv_local_exceptions", "l 255.255.255.255\n"},
	{"10.0.0.0/8 : +batv_local_exceptions:+x", "l 10.0.0.0/8\nl 255.255.255.255\nn +x\n"},
	{"<; ::1 ; ! +batv_local_exceptions ;!+batv_local_exceptions",
	 "l ::1\nl ! 255.255.255.255\nl !255.255.255.255\n"},
	{"+batv_local_exceptions2 : +batv_local_exceptions_a", "n +batv_local_exceptions2\n"
							       "n +batv_local_exceptions_a\n"},
	{"+batv_local", "n +batv_local\n"},
	{"", ""},
};

START_TEST(optional_dropped)
{
	struct batv_list_items items;
	struct batv_list_item item;
	char got[512] = "", sort[3] = "? ", list[200];

	ck_assert_int_eq(batv_exim_list_has_optional(BATV_LIST_HOSTS, optional[_i].list), _i < 4);
	ck_assert(!batv_exim_list_has_optional(BATV_LIST_DOMAINS, optional[_i].list));
	strcpy(list, optional[_i].list);
	batv_exim_list_drop_optional(list);
	ck_assert_uint_eq(strlen(list), strlen(optional[_i].list));
	batv_exim_list_start(&items, BATV_LIST_HOSTS, list);
	while (batv_exim_list_next(&items, &item)) {
		sort[0] = sort_of(&item);
		strcat(strcat(strcat(got, sort), item.text), "\n");
	}
	ck_assert_str_eq(got, optional[_i].want);
}
END_TEST

/* One item, written with "<|" where it has a colon; the sorts for domains, addresses and hosts. */
static const struct {
	const char *list, *want;
} sorts[] = {
	{"example.com", "lll"},
	{"*.example.com", "lll"},
	{"*", "lll"},
	{"@", "lll"},
	{"@[]", "lll"},
	{"10.0.0.0/8", "lll"},
	{"user@example.com", "lll"},
	{"postmaster@*", "lll"},
	{"*@*.example.com", "lll"},
	{"\"a b\"@example.com", "lll"},
	{"b\xc3\xbc.example", "lll"},
	{"^x", "ppp"},
	{"^x;y", "pp!"},
	{"alice@^te", "lpl"},
	{"alice@^te;x", "!p!"},
	{"+x", "nnn"},
	{"*@+x", "lnl"},
	{"*@!+x", "lnl"},
	{"+", "!!!"},
	{"+x y", "!!!"},
	{"+x;/etc/passwd", "!!!"},
	{"@mx_any", "!l!"},
	{"@MX_primary/ignore=127.0.0.1", "!l!"},
	{"a@@mx_any", "l!l"},
	{"a@mx_any", "lll"},

	{"lsearch;/etc/x", "fff"},
	{"lsearch; /etc/x y", "fff"},
	{"!lsearch;/etc/x", "fff"},
	{"! lsearch;/etc/x", "fff"},
	{"cdb;/etc/x", "fff"},
	{"wildlsearch;/etc/x", "fff"},
	{"nwildlsearch;/etc/x", "fff"},
	{"iplsearch;/etc/x", "fff"},
	{"<; lsearch;;/etc/x", "fff"},
	{"lsearch*;/etc/x", "fff"},
	{"lsearch*@;/etc/x", "fff"},
	{"lsearch,ret=key;/etc/x", "fff"},
	{"lsearch*,ret=full,cache=no_rd;/x", "fff"},
	{"partial-lsearch;/etc/x", "fff"},
	{"partial2-cdb*;/etc/x", "fff"},
	{"partial(.)lsearch;/etc/x", "fff"},
	{"net-lsearch;/etc/x", "!!f"},
	{"net24-cdb;/etc/x", "!!f"},
	{"net-iplsearch,ret=key;/etc/x", "!!f"},
	{"net-lsearch; /etc/x", "!!!"}, /* Exim keeps the space, and ends */
	{"net-partial-lsearch;/etc/x", "!!!"},
	{"net-lsearch*;/etc/x", "!!!"},
	{"net-a.test", "lll"},
	{"abc-lsearch;/etc/x", "!!!"},
	{"netlsearch;/etc/x", "!!!"},
	{"user@lsearch;/etc/x", "!f!"},
	{"*@lsearch;/etc/x", "!f!"},
	{"*@partial-cdb;/etc/x", "!f!"},
	{"*@ lsearch;/etc/x", "!f!"},
	{"*@!lsearch;/etc/x", "!f!"},
	{"@@lsearch;/etc/x", "!f!"},
	{"@@partial-lsearch*;/etc/x", "!f!"},
	{"@@cdb;/etc/x", "!!!"},

	/* other types of look-up */
	{"sqlite;/file ATTACH DATABASE '/tmp/x' AS y", "!!!"},
	{"sqlite,file=/f;select 1", "!!!"},
	{"SQLITE;/f x", "!!!"},
	{"! sqlite;/f x", "!!!"},
	{"!!sqlite;/f x", "!!!"},
	{"! ! sqlite;/f x", "!!!"},
	{" sqlite;/f x", "!!!"},
	{"sqlite ;/f x", "!!!"},
	{"<; sqlite;;/f x", "!!!"},
	{"<! !!sqlite;/f x", "!!!"},
	{"*@sqlite;/f x", "!!!"},
	{"*@!sqlite;/f x", "!!!"},
	{"*@ sqlite;/f x", "!!!"},
	{"a@b@sqlite;/f x", "!!!"},
	{"@@sqlite;/f x", "!!!"},
	{"<| @@^.*:sqlite;/f x", "!!!"}, /* Exim would use the pattern as the value */
	{"@@*", "l!l"},
	{"@@example.com", "l!l"},
	{"net-sqlite;/f x", "!!!"},
	{"net24-sqlite;/f x", "!!!"},
	{"dbm;/etc/x", "!!!"},
	{"dbmnz;/etc/x", "!!!"},
	{"dsearch;/etc", "!!!"},
	{"dsearch,ret=full;/etc", "!!!"},
	{"dnsdb;a=x.test", "!!!"},
	{"nis;m", "!!!"},
	{"passwd;root", "!!!"},
	{"ldap;ldap://x", "!!!"},
	{"redis;get x", "!!!"},
	{"mysql;select 1", "!!!"},
	{"json;/etc/x", "!!!"},
	{"lmdb;/etc/x", "!!!"},
	{"spf;x", "!!!"},
	{"lsearchx;/etc/x", "!!!"},
	{"xlsearch;/etc/x", "!!!"},
	{"partial-sqlite;/x y", "!!!"},
	{"partiallsearch;/x", "!!!"},
	{"partial(}lsearch;/x", "!!!"},
	{"lsearch*x;/etc/x", "!!!"},
	{"lsearch,;/etc/x", "!!!"},
	{"lsearch,ret;/etc/x", "!!!"},
	{"lsearch,file=/x;/etc/x", "!!!"},
	{"l s;/a", "!!!"},
	{"l}s;/a", "!!!"},
	{";/a", "!!!"},
	{"*;/a", "!!!"},
	{"@;/a", "!!!"},
	{"a;b@lsearch;/etc/x", "!!!"},
	{"*lsearch;/etc/x", "!!!"},
	{"bob@lsearch;/a@sqlite;/f x", "!!!"}, /* the last "@" counts */
	{"lsearch;/a@sqlite;/f x", "!!!"},
	{"a.test; b.test", "!!!"},
	{"192.0.2.1 ; 192.0.2.2", "!!!"},

	/* files of items */
	{"/etc/shadow", "!!!"},
	{"!/etc/shadow", "!!!"},
	{"! /etc/shadow", "!!!"},
	{"!!/etc/shadow", "l!l"},
	{"*@/etc/shadow", "l!l"},
	{"*@! /etc/shadow", "l!l"},
	{"</ //etc/shadow", "!!!"},
	{"/a@lsearch;/etc/x", "!!!"},
	{"+x@lsearch;/etc/x", "!!!"},

	/* paths */
	{"lsearch;etc/x", "!!!"},
	{"lsearch;", "!!!"},
	{"lsearch;/", "!!!"},
	{"lsearch;/etc/", "!!!"},
	{"lsearch;//etc/x", "!!!"},
	{"lsearch;/etc//x", "!!!"},
	{"lsearch;/etc/./x", "!!!"},
	{"lsearch;/etc/../etc/shadow", "!!!"},
	{"lsearch;/etc/..", "!!!"},
	{"lsearch;/etc/...x/..y/.z", "fff"},
	{"lsearch;/proc/self/environ", "!!!"},
	{"lsearch;/proc/self/cwd/x", "!!!"},
	{"lsearch;/sys/kernel/x", "!!!"},
	{"lsearch;/dev/stdin", "!!!"},
	{"lsearch;/procx", "fff"},
	{"lsearch;/a}{b", "!!!"},
	{"lsearch;/a\"b", "!!!"},
	{"lsearch;/a\\\\b", "!!!"},
	{"lsearch;/a\\ ", "fff"}, /* "/a": the space is white space after expansion */
	{"lsearch;/a::b", "fff"},

	/* escapes */
	{"sqlite\\;/f x", "!!!"},
	{"sqlite\\x3b/f x", "!!!"},
	{"sqlite\\073/f x", "!!!"},
	{"\\sqlite;/f x", "!!!"},
	{"sql\\Nite;/f x\\N", "!!!"},
	{"\\N\\Nsqlite;/f", "!!!"},
	{"l\\search;/f", "!!!"},
	{"\\/etc/shadow", "!!!"},
	{"\\!/etc/shadow", "!!!"},
	{"a\\", "!!!"},
	{"a\\n/etc/shadow", "!!!"},
	{"a\n/etc/shadow", "!!!"},
	{"<\\n a\\n/etc/shadow", "!!!"},
	{"<\n a\n/etc/shadow", "!!!"},
	{"a\tb", "!!!"},
	{"${run{x}}", "!!!"},
	{"\\${run{x}}", "!!!"},
	{"\\N$x\\N", "!!!"},
	{"^a\\\\N}{b", "!!!"},
};

START_TEST(what_is_allowed)
{
	static const enum batv_list_kind kinds[] = {BATV_LIST_DOMAINS, BATV_LIST_ADDRESSES,
						    BATV_LIST_HOSTS};
	char got[4] = "";

	for (size_t k = 0; k < 3; k++) {
		struct batv_list_items items;
		struct batv_list_item item;

		batv_exim_list_start(&items, kinds[k], sorts[_i].list);
		ck_assert(batv_exim_list_next(&items, &item));
		got[k] = sort_of(&item);
		ck_assert((got[k] == '!') ==
			  !batv_exim_list_allowed(kinds[k], sorts[_i].list, &item));
		ck_assert(got[k] != '!' || (item.why && strlen(item.why) > 20));
	}
	ck_assert_msg(strcmp(got, sorts[_i].want) == 0, "%s: %s, not %s", sorts[_i].list, got,
		      sorts[_i].want);
}
END_TEST

START_TEST(the_first_that_is_not_allowed)
{
	struct batv_list_item item;

	ck_assert(batv_exim_list_allowed(BATV_LIST_DOMAINS, "a : lsearch;/x : +b", &item));
	ck_assert(
		!batv_exim_list_allowed(BATV_LIST_DOMAINS, "a : lsearch;/x : dbm;/y : /z", &item));
	ck_assert_str_eq(item.text, "dbm;/y");
	ck_assert_ptr_nonnull(strstr(item.why, "named list of Exim's configuration"));
	ck_assert(!batv_exim_list_allowed(BATV_LIST_DOMAINS, "a.test ; b.test", &item));
	ck_assert_ptr_nonnull(strstr(item.why, "would begin with \"<;\""));
}
END_TEST

/* The reason is the one that helps. */
START_TEST(reasons)
{
	static const struct {
		enum batv_list_kind kind;
		const char *list, *why;
	} cases[] = {
		{BATV_LIST_DOMAINS, "dbm;/x", "only lsearch"},
		{BATV_LIST_DOMAINS, ";/x", "only lsearch"},
		{BATV_LIST_DOMAINS, "*;/x", "neither the separator"},
		{BATV_LIST_DOMAINS, "@;/x", "neither the separator"},
		{BATV_LIST_DOMAINS, "x.y;/a", "neither the separator"},
		{BATV_LIST_ADDRESSES, "partial-lsearch;/a@b", "absolute path"},
		{BATV_LIST_ADDRESSES, "a.b;c@d", "neither the separator"},
		{BATV_LIST_ADDRESSES, "@@cdb;/x", "must be in an lsearch file"},
	};
	struct batv_list_item item;

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert(!batv_exim_list_allowed(cases[i].kind, cases[i].list, &item));
		ck_assert_msg(strstr(item.why, cases[i].why) != NULL, "%s: %s", cases[i].list,
			      item.why);
	}
}
END_TEST

START_TEST(what_a_file_is_taken_for)
{
	static const struct {
		const char *list;
		enum batv_content content;
	} cases[] = {
		{"lsearch;/x", BATV_CONTENT_KEYS},
		{"*@cdb;/x", BATV_CONTENT_KEYS},
		{"nwildlsearch;/x", BATV_CONTENT_PATTERNS},
		{"*@partial-nwildlsearch;/x", BATV_CONTENT_PATTERNS},
		{"@@lsearch;/x", BATV_CONTENT_PATTERNS},
		{"wildlsearch;/x", BATV_CONTENT_EXPANDED},
	};
	struct batv_list_items items;
	struct batv_list_item item;

	for (size_t i = 0; i < COUNT(cases); i++) {
		batv_exim_list_start(&items, BATV_LIST_ADDRESSES, cases[i].list);
		ck_assert(batv_exim_list_next(&items, &item));
		ck_assert_msg(item.sort == BATV_LIST_ITEM_LOOKUP &&
				      item.content == cases[i].content,
			      "%s", cases[i].list);
		ck_assert_str_eq(item.path, "/x");
	}
}
END_TEST

/* ---- expansions that try an item ---- */

static const struct {
	const char *list, *want;
} tries[] = {
	{"example.com : *.example.com : !+local_domains : @[] : user@example.com", ""},
	{"lsearch;/etc/x", "${lookup{}lsearch{/etc/x}{}{}}\n"},
	{"a.test : cdb;/etc/x.cdb : b.test", "${lookup{}cdb{/etc/x.cdb}{}{}}\n"},
	{"! lsearch; /etc/x y :lsearch;/b",
	 "${lookup{}lsearch{/etc/x y}{}{}}\n${lookup{}lsearch{/b}{}{}}\n"},
	{"@@lsearch;/l : *@nwildlsearch;/d : bob@cdb;/c",
	 "${lookup{}lsearch{/l}{}{}}\n${lookup{}nwildlsearch{/d}{}{}}\n${lookup{}cdb{/c}{}{}}\n"},
	{"lsearch*@;/l : partial2-lsearch*;/p : partial(.)cdb;/q : lsearch,ret=key;/k",
	 "${lookup{}lsearch*@{/l}{}{}}\n${lookup{}partial2-lsearch*{/p}{}{}}\n"
	 "${lookup{}partial(.)cdb{/q}{}{}}\n${lookup{}lsearch,ret=key{/k}{}{}}\n"},
	{"^bounce-.*@", "${if match{}{\\N^bounce-.*@\\N}{}{}}\n"},
	{"^a{2}}; : b", "${if match{}{\\N^a{2}};\\N}{}{}}\n"},
	{"alice@^a+ : bob@^", "${if match{}{\\N^a+\\N}{}{}}\n${if match{}{\\N^\\N}{}{}}\n"},
	{"sqlite;/db select 1", ""}, /* refused: never tried */
};

START_TEST(expansions)
{
	char got[2048] = "", expansion[BATV_LIST_PROBE_SIZE];
	struct batv_list_items items;
	struct batv_list_item item;

	batv_exim_list_start(&items, BATV_LIST_ADDRESSES, tries[_i].list);
	while (batv_exim_list_next(&items, &item))
		if (batv_list_probe(&item, expansion))
			strcat(strcat(got, expansion), "\n");
	ck_assert_str_eq(got, tries[_i].want);
}
END_TEST

START_TEST(a_network_is_tried_without_its_mark)
{
	char expansion[BATV_LIST_PROBE_SIZE];
	struct batv_list_items items;
	struct batv_list_item item;

	batv_exim_list_start(&items, BATV_LIST_HOSTS, "<; net24-cdb;;/n ; ::1");
	ck_assert(batv_exim_list_next(&items, &item) && batv_list_probe(&item, expansion));
	ck_assert_str_eq(expansion, "${lookup{}cdb{/n}{}{}}");
	ck_assert(batv_exim_list_next(&items, &item) && !batv_list_probe(&item, expansion));
}
END_TEST

/* ---- against Exim's expansion ---- */

START_TEST(expanded_text)
{
	ck_assert(batv_exim_list_expands_to("a : b", "a : b"));
	ck_assert(batv_exim_list_expands_to("a\\:b \\N^\\d\\N c", "a:b ^\\d c"));
	ck_assert(batv_exim_list_expands_to("\\N\\N", ""));
	ck_assert(!batv_exim_list_expands_to("a", "ab"));
	ck_assert(!batv_exim_list_expands_to("ab", "a"));
	ck_assert(!batv_exim_list_expands_to("a", "b"));
	ck_assert(!batv_exim_list_expands_to("a\\x3b", "a;"));
	ck_assert(!batv_exim_list_expands_to("a\\", "a"));
	ck_assert(!batv_exim_list_expands_to("$a", "$a"));
}
END_TEST

/* ---- any bytes ---- */

/* Items around the maximum length. */
START_TEST(long_items)
{
	static char list[3000];
	struct batv_list_item item;

	for (size_t len = BATV_LIST_ITEM_MAX - 3; len < BATV_LIST_ITEM_MAX + 3; len++) {
		memset(list, 'x', len);
		memcpy(list, "lsearch;/", 9);
		strcpy(list + len, " : a");
		ck_assert(batv_exim_list_allowed(BATV_LIST_DOMAINS, list, &item) ==
			  (len < BATV_LIST_ITEM_MAX));
	}
}
END_TEST

/* The loop ends, and an allowed item has a ";" only in a recognised look-up or in a pattern. */
START_TEST(random_lists)
{
	static const char alphabet[] = ":;</\\N^!+@*{}$ a-1,lsearch;/net";
	struct batv_list_items items;
	struct batv_list_item item;
	char list[64], expansion[BATV_LIST_PROBE_SIZE];

	srandom(1);
	for (int round = 0; round < 300000; round++) {
		size_t len = (size_t)random() % sizeof list, n = 0;

		for (size_t i = 0; i < len; i++)
			list[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
		list[len] = '\0';
		batv_exim_list_start(&items, (enum batv_list_kind)(round % 3), list);
		while (batv_exim_list_next(&items, &item)) {
			ck_assert_uint_lt(n++, sizeof list);
			(void)batv_list_probe(&item, expansion);
			if (item.sort == BATV_LIST_ITEM_PLAIN || item.sort == BATV_LIST_ITEM_NAMED)
				ck_assert_msg(!strchr(item.text, ';'), "%s", list);
			if (item.sort == BATV_LIST_ITEM_LOOKUP)
				ck_assert_msg(*item.path == '/' && !strchr(item.path, ';'), "%s",
					      list);
		}
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("exim_list");
	TCase *tc = tcase_create("exim_list");

	tcase_add_loop_test(tc, taken_apart, 0, COUNT(splits));
	tcase_add_loop_test(tc, optional_dropped, 0, COUNT(optional));
	tcase_add_loop_test(tc, what_is_allowed, 0, COUNT(sorts));
	tcase_add_test(tc, the_first_that_is_not_allowed);
	tcase_add_test(tc, reasons);
	tcase_add_test(tc, what_a_file_is_taken_for);
	tcase_add_loop_test(tc, expansions, 0, COUNT(tries));
	tcase_add_test(tc, a_network_is_tried_without_its_mark);
	tcase_add_test(tc, expanded_text);
	tcase_add_test(tc, long_items);
	tcase_add_test(tc, random_lists);
	suite_add_tcase(s, tc);
	return s;
}
