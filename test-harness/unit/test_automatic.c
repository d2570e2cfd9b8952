/* links: core/decide/automatic core/base/span */
/*
 * test_automatic.c - which senders are machines: the built-in comparison, patterns, and patterns
 * that would run for ever.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decide/automatic.h"
#include "unit.h"

/* clang-format off */
static const struct {
	const char *sender, *pattern;
	bool want, doubt;
} cases[] = {
	{"", "", true, false},
	{NULL, NULL, true, false},
	{"", "^nothing$", true, false},
	{"MAILER-DAEMON", "", true, false},
	{"mailer-daemon@example.com", "", true, false},
	{"Mailer-Daemon@[192.0.2.1]", NULL, true, false},
	{"mailer-daemon@", "", true, false},
	{"mailer-daemon2@example.com", "", false, false},
	{"mailer-daemo@example.com", "", false, false},
	{"xmailer-daemon@example.com", "", false, false},
	{"user@mailer-daemon", "", false, false},
	{"\"mailer-daemon@x\"@example.com", "", false, false},
	{"postmaster@example.com", "", false, false},
	{"@", "", false, false},
	/* quotes and backslashes are only a way to write it (RFC 5321) */
	{"\"MAILER-DAEMON\"@example.com", "", true, false},
	{"\"mailer\\-daemon\"@example.com", "", true, false},
	{"\\mailer-daemon@example.com", "", true, false},
	{"\"mailer-daemon\"", "", true, false},
	{"mailer-daemo\\n@example.com", "", true, false},
	{"mailer-daemon\\@example.com", "^mailer-daemon@", false, false}, /* quotes nothing */
	{"\"mailer-daemon \"@example.com", "", false, false},
	{"\"mailer-daemon\\\"\"@example.com", "", false, false},
	{"\"", "", false, false},
	{"\\", "", false, false},
	{"\"bounces\"@example.com", "^bounces@", true, false},
	{"\"bounces\"@example.com", "^\"bounces\"@", true, false},
	{"\"Bounces\"@example.com", "^(?-i)Bounces@", true, false},
	{"\"Bounces\"@example.com", "^(?-i)bounces@", false, false},
	{"\"x bounces\"@example.com", "^bounces@", false, false},
	{"\"bounces@x\"@example.com", "^bounces@example", false, false},
	/* a pattern replaces the built-in comparison */
	{"mailer-daemon@example.com", "^bounces@", false, false},
	{"Bounces@example.com", "^bounces@", true, false},
	{"x-bounces@example.com", "bounces", true, false},	/* not anchored */
	{"bounces@example.com", "(b)(o)(u)", true, false},	/* no room for captures */
	{"\303\244@example.com", "^..@", true, false},		/* bytes, not characters */
	{"\377\376@example.com", "^\\W+@", true, false},
	{"user@example.com", "^", true, false},
	{"user@example.com", "(", false, true},
	{"user@example.com", "[a", false, true},
	{"user@example.com", "(*UTF)^user", false, true},
	{"user@example.com", "\\C", false, true},
	{"user@example.com", "(?R)", false, true},
	{"user@example.com", "^(?:(?=(\\1?.))){9}", true, false},
};
/* clang-format on */

START_TEST(senders)
{
	bool doubt = !cases[_i].doubt;

	ck_assert_int_eq(batv_automatic_sender(cases[_i].sender, cases[_i].pattern, &doubt),
			 cases[_i].want);
	ck_assert_int_eq(doubt, cases[_i].doubt);
}
END_TEST

static const char *const disasters[] = {
	"(a+)+$",
	"^(a|aa)+$",
	"(.*)*(.*)*(.*)*x",
	"^(([a-z])+.)+[A-Z]([a-z])+$",
	"(?:a?){200}a{200}$",
	"((a{0,50}){0,50}){0,50}b",
	"(a(?1)?b?)+$",
	"^(?>(a*)*)*(?=b)(?<!a+)",
	"(\\w+\\s?)*!!",
	"(?:(?:(?:(?:a*)*)*)*)*b",
};

/* Milliseconds of CPU time for one sender. */
static double cost(const char *sender, const char *pattern, bool *doubt)
{
	clock_t start = clock();

	(void)batv_automatic_sender(sender, pattern, doubt);
	return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

START_TEST(disasters_end_quickly)
{
	const size_t lengths[] = {30, 64, 500, 1024};
	char sender[1100];

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		bool doubt;

		memset(sender, 'a', lengths[i]);
		(void)snprintf(sender + lengths[i] - 1, 2, "!");
		/* far more than it takes, and far less than anybody would notice; sanitizers are
		 * slow */
		ck_assert_double_lt(cost(sender, disasters[_i], &doubt), 500);
	}
}
END_TEST

START_TEST(limits_are_doubt)
{
	char sender[1025];
	bool doubt = false;

	memset(sender, 'a', sizeof sender);
	sender[1023] = '!';
	sender[1024] = '\0';
	ck_assert(!batv_automatic_sender(sender, "(a+)+$", &doubt));
	ck_assert(doubt);
	ck_assert(batv_automatic_sender(sender, "^a", &doubt)); /* 1024 bytes are matched */
	ck_assert(!doubt);
}
END_TEST

START_TEST(long_input_is_doubt)
{
	static char text[5000];
	bool doubt = false;

	memset(text, 'a', 1025);
	ck_assert(!batv_automatic_sender(text, "^a", &doubt));
	ck_assert(doubt);
	ck_assert(!batv_automatic_sender(text, "", &doubt)); /* the comparison has no limits */
	ck_assert(!doubt);
	memset(text, 'a', sizeof text - 1);
	ck_assert(!batv_automatic_sender("a", text, &doubt)); /* a pattern of 4999 bytes */
	ck_assert(doubt);
	/* with quotes, up to 1024 bytes are read */
	memcpy(text, "\"mailer-daemon\"@", 16);
	ck_assert(!batv_automatic_sender(text, "", &doubt));
	text[1025] = '\0';
	ck_assert(!batv_automatic_sender(text, "", &doubt));
	text[1024] = '\0';
	ck_assert(batv_automatic_sender(text, "", &doubt));
	ck_assert(!doubt);
}
END_TEST

START_TEST(check_names_the_place)
{
	char why[120] = "";
	size_t offset = 99;

	ck_assert(batv_automatic_check("", &offset, why, sizeof why));
	ck_assert(batv_automatic_check(NULL, &offset, why, sizeof why));
	ck_assert(batv_automatic_check("^(bounces|mailer-daemon)@", &offset, why, sizeof why));
	ck_assert(!batv_automatic_check("^a(b", &offset, why, sizeof why));
	ck_assert_uint_eq(offset, 4);
	ck_assert_ptr_nonnull(strstr(why, "parenthes"));
	ck_assert(!batv_automatic_check("a**b**[", &offset, why, sizeof why));
	ck_assert(!batv_automatic_check("(*UTF8)x", &offset, why, sizeof why));
	ck_assert_str_ne(why, "");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("automatic");
	TCase *tc = tcase_create("automatic");

	tcase_add_loop_test(tc, senders, 0, (int)(sizeof cases / sizeof cases[0]));
	tcase_add_loop_test(tc, disasters_end_quickly, 0,
			    (int)(sizeof disasters / sizeof disasters[0]));
	tcase_add_test(tc, limits_are_doubt);
	tcase_add_test(tc, long_input_is_doubt);
	tcase_add_test(tc, check_names_the_place);
	suite_add_tcase(s, tc);
	return s;
}
