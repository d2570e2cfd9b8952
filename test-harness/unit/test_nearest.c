/* links: admin/nearest */
/*
 * test_nearest.c - how many letters may differ, and which of several names is nearest.
 */
#include <stdio.h>
#include <string.h>

#include "nearest.h"
#include "unit.h"

static const struct {
	const char *wrong, *known[4], *best;
} cases[] = {
	/* one letter more, less, another one, at each end and in the middle */
	{"xgrace", {"grace"}, "grace"},
	{"grxace", {"grace"}, "grace"},
	{"gracex", {"grace"}, "grace"},
	{"race", {"grace"}, "grace"},
	{"grae", {"grace"}, "grace"},
	{"grac", {"grace"}, "grace"},
	{"xrace", {"grace"}, "grace"},
	{"grxce", {"grace"}, "grace"},
	{"gracx", {"grace"}, "grace"},
	/* of nine letters four may differ, of three two, of two one */
	{"abcdefghi", {"abcdewxyz"}, "abcdewxyz"},
	{"abcdefghi", {"abcdvwxyz"}, NULL},
	{"abcdefghi", {"abcde"}, "abcde"},
	{"abcdefghi", {"abcd"}, NULL},
	{"abcdefghi", {"efghi"}, "efghi"},
	{"abcdefghi", {"fghi"}, NULL},
	{"abcdefghi", {"abcdefghi1234"}, "abcdefghi1234"},
	{"abcdefghi", {"abcdefghi12345"}, NULL},
	{"abcdefghi", {"1234abcdefghi"}, "1234abcdefghi"},
	{"abcdefghi", {"12345abcdefghi"}, NULL},
	{"abc", {"axy"}, "axy"},
	{"abc", {"xyz"}, NULL},
	{"ab", {"ax"}, "ax"},
	{"ab", {"xy"}, NULL},
	{"", {"a"}, NULL},
	{"a", {"b"}, NULL},
	{"a", {""}, NULL},
	/* letters that moved: one goes away, one comes */
	{"abcdef", {"bcdefa"}, "bcdefa"},
	{"abcdef", {"fabcde"}, "fabcde"},
	{"abcdef", {"badcfe"}, NULL},
	/* the nearest one; of two the first */
	{"domain", {"demand", "domains", "grace"}, "domains"},
	{"domain", {"domains", "demand", "domain_"}, "domains"},
	{"graces", {"grades", "graces_", "gracey"}, "grades"},
};

START_TEST(names)
{
	struct batv_nearest search;

	batv_nearest_start(&search, cases[_i].wrong);
	for (size_t i = 0; i < 4 && cases[_i].known[i]; i++)
		batv_nearest_try(&search, cases[_i].known[i]);
	if (cases[_i].best)
		ck_assert_str_eq(search.best, cases[_i].best);
	else
		ck_assert_msg(!search.best, "%s: %s", cases[_i].wrong, search.best);
}
END_TEST

/* Names of at most 100 letters are compared. */
START_TEST(long_names)
{
	char wrong[103], known[103];

	for (int w = 99; w <= 101; w++)
		for (int k = 99; k <= 101; k++) {
			struct batv_nearest search;

			(void)snprintf(wrong, sizeof wrong, "%0*d", w, 0);
			(void)snprintf(known, sizeof known, "%0*d", k, 1);
			batv_nearest_start(&search, wrong);
			batv_nearest_try(&search, known);
			ck_assert_ptr_eq(search.best, w <= 100 && k <= 100 ? known : NULL);
		}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("nearest");
	TCase *tc = tcase_create("nearest");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, names, 0, (int)(sizeof cases / sizeof cases[0]));
	tcase_add_test(tc, long_names);
	return s;
}
