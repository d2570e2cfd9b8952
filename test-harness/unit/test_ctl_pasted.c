/* links: batvctl/ctl_pasted core/tag/addr core/base/span */
/*
 * test_ctl_pasted.c - addresses in the forms in which people paste them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/batvctl/ctl_pasted.h"
#include "unit.h"

/* The real one is in ctl.c, with much of the program. */
int batv_ctl_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

static const struct {
	const char *text, *want;
} good[] = {
	{"a@b", "a@b"},
	{"Alice@Example.COM", "Alice@Example.COM"},
	{"<a@b>", "a@b"},
	{"  a@b \n", "a@b"},
	{"< a@b >", "a@b"},
	{"Name <a@b>", "a@b"},
	{"\"Name, X\" <a@b>", "a@b"},
	{"\"Name <x@y>\" <a@b>", "a@b"},
	{"\"a \\\" quote\" <a@b>", "a@b"},
	{"Name <a@b>,", "a@b"},
	{"Name (home) <a@b>;", "a@b"},
	{"=?utf-8?q?N=C3=A4me?= <a@b>", "a@b"},
	{"To: Name <a@b>", "a@b"},
	{"F=<prvs=2798abcdef=a@b>", "prvs=2798abcdef=a@b"},
	{"mailto:a@b", "a@b"},
	{"<mailto:a@b>", "a@b"},
	{"MAILTO:a%40b?subject=a%20question", "a@b"},
	{"mailto:a%2Bx@b", "a+x@b"},
	{"a@b (Name)", "a@b"},
	{"a@b.", "a@b"},
	{"a@example.com.", "a@example.com"},
	{"a@b,", "a@b"},
	{"a@b.,", "a@b"},
	{"a@b;", "a@b"},
	{"\"a,b\"@c", "\"a,b\"@c"},
	{"\"<\"@c", "\"<\"@c"},
	{"<\"a b\"@c>", "\"a b\"@c"},
	{"prvs=2798abcdef=a@b", "prvs=2798abcdef=a@b"},
	{"a@[192.0.2.1]", "a@[192.0.2.1]"},
	{"a%40b@c", "a%40b@c"},
	{"\\<@c", "\\<@c"},
	{"\\(x@c (Name)", "\\(x@c"},
};

static const char *const bad[] = {
	"",
	"<>",
	"nonsense",
	"<a@b",
	"a@b>",
	"a@b c@d",
	"a@b, c@d",
	"<a@b> <c@d>",
	"X <a@b>, Y <c@d>",
	"x@y <a@b>",
	"<a@b> c@d",
	"mailto:",
	"mailto:a%4",
	"mailto:a%00@b",
	"mailto:a@b,c@d",
	"mailto:a@b%0a",
	"a@",
	"@b",
	"(a@b)",
	"Name \"<a@b>\"",
	"\"Name <a@b>",
};

START_TEST(taken)
{
	char out[BATV_PASTED_SIZE];

	ck_assert_msg(batv_ctl_pasted(good[_i].text, out), "%s", good[_i].text);
	ck_assert_str_eq(out, good[_i].want);
}
END_TEST

START_TEST(refused)
{
	char out[BATV_PASTED_SIZE];

	ck_assert_msg(!batv_ctl_pasted(bad[_i], out), "%s", bad[_i]);
}
END_TEST

START_TEST(any_length)
{
	char text[3000], out[BATV_PASTED_SIZE];

	for (size_t n = 1; n < sizeof text - 10; n += 7) {
		const char *argument = text;

		memset(text, 'a', n);
		strcpy(text + n, "@b");
		ck_assert_int_eq(batv_ctl_pasted(text, out), n + 2 <= BATV_ADDR_INPUT_MAX);
		ck_assert_int_eq(batv_ctl_pasted_argument("sign", &argument, out),
				 n + 2 <= BATV_ADDR_INPUT_MAX ? BATV_CTL_YES : BATV_CTL_USAGE);
		memset(text, ',', n);
		text[n] = '\0';
		ck_assert(!batv_ctl_pasted(text, out));
	}
}
END_TEST

START_TEST(null_sender)
{
	const char *none = NULL, *empty = "";
	char out[BATV_PASTED_SIZE];

	ck_assert_int_eq(batv_ctl_pasted_argument("sign", &none, out), BATV_CTL_YES);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(batv_ctl_pasted_argument("sign", &empty, out), BATV_CTL_YES);
	ck_assert_str_eq(empty, "");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("ctl_pasted");
	TCase *tc = tcase_create("ctl_pasted");

	tcase_add_loop_test(tc, taken, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tc, refused, 0, sizeof bad / sizeof bad[0]);
	tcase_add_test(tc, any_length);
	tcase_add_test(tc, null_sender);
	suite_add_tcase(suite, tc);
	return suite;
}
