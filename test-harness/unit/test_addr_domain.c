/* links: core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_addr_domain.c - domains of other scripts, with converters whose answers the test chooses:
 * they may be anything, because Exim's are an expansion.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tag/tag.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define U "b\xc3\xbc"

static enum batv_err result;
static const char *answer;
static unsigned asked;
static char question[BATV_ADDR_SIZE];

enum batv_err batv_addr_to_alabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	asked++;
	snprintf(question, sizeof question, "%s", domain);
	if (result == BATV_OK)
		snprintf(out, BATV_ADDR_SIZE, "%s", answer);
	return result;
}

enum batv_err batv_addr_to_ulabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	return batv_addr_to_alabel(domain, out);
}

static void converter(enum batv_err err, const char *text)
{
	result = err;
	answer = text;
	asked = 0;
}

static const struct {
	const char *domain;
	enum batv_err converts;
	const char *to;
	enum batv_err want;
	const char *out;
	unsigned asked;
} domains[] = {
	{"Example.COM", BATV_OK, "no", BATV_OK, "example.com", 0},
	{"x", BATV_OK, "no", BATV_OK, "x", 0},
	{"[IPv6:DB8::1]", BATV_OK, "no", BATV_OK, "[ipv6:db8::1]", 0},
	{"A" U "R.Example", BATV_OK, "xn--BR-xka.Example", BATV_OK, "xn--br-xka.example", 1},
	{"a-" U "_9.x", BATV_OK, "x", BATV_OK, "x", 1},
	{U, BATV_E_NO_IDN, NULL, BATV_E_NO_IDN, U, 1},
	{U, BATV_E_SYNTAX, NULL, BATV_E_SYNTAX, U, 1},
	{U, BATV_OK, "", BATV_E_SYNTAX, U, 1},
	{U, BATV_OK, U, BATV_E_SYNTAX, U, 1},
	{U, BATV_OK, "x y", BATV_E_SYNTAX, U, 1},
	{U, BATV_OK, "x\n", BATV_E_SYNTAX, U, 1},
	/* Exim would expand these */
	{U "{x", BATV_OK, "x", BATV_E_SYNTAX, U "{x", 0},
	{"${x}" U, BATV_OK, "x", BATV_E_SYNTAX, "${x}" U, 0},
	{U "/", BATV_OK, "x", BATV_E_SYNTAX, U "/", 0},
};

START_TEST(domain_as_it_is_hashed)
{
	char text[64], out[BATV_ADDR_SIZE], canon[BATV_ADDR_SIZE], want[BATV_ADDR_SIZE + 2];
	struct batv_addr a;
	size_t len;

	snprintf(text, sizeof text, "A@%s", domains[_i].domain);
	ck_assert_int_eq(batv_addr_parse(text, strlen(text), &a), BATV_OK);
	converter(domains[_i].converts, domains[_i].to);
	ck_assert_int_eq(batv_addr_domain(&a, out), domains[_i].want);
	ck_assert_str_eq(out, domains[_i].out);
	ck_assert_uint_eq(asked, domains[_i].asked);
	if (asked)
		ck_assert_uint_eq(strlen(question), a.domain.len);
	ck_assert_int_eq(batv_addr_canon(&a, canon, sizeof canon, &len), BATV_OK);
	snprintf(want, sizeof want, "a@%s", domains[_i].out);
	ck_assert_str_eq(canon, want);
}
END_TEST

START_TEST(a_domain_has_a_maximum)
{
	char text[BATV_ADDR_SIZE + 3], out[BATV_ADDR_SIZE + 1] = "before";
	struct batv_addr a;

	memset(text, 'a', sizeof text);
	text[1] = '@';
	ck_assert_int_eq(batv_addr_parse(text, 2 + BATV_ADDR_SIZE, &a), BATV_OK);
	ck_assert_int_eq(batv_addr_domain(&a, out), BATV_E_TOO_LONG);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(out[1], 'e'); /* nothing else is touched */
	ck_assert_int_eq(batv_addr_parse(text, 2 + BATV_ADDR_SIZE - 1, &a), BATV_OK);
	ck_assert_int_eq(batv_addr_domain(&a, out), BATV_OK);
	ck_assert_uint_eq(strlen(out), BATV_ADDR_SIZE - 1);
	memset(text, 'x', sizeof text);
	text[BATV_ADDR_SIZE - 1] = '\0';
	converter(BATV_OK, text);
	out[BATV_ADDR_SIZE] = '!';
	ck_assert_int_eq(batv_addr_parse("a@" U, 5, &a), BATV_OK);
	ck_assert_int_eq(batv_addr_domain(&a, out), BATV_OK);
	ck_assert_str_eq(out, text);
	ck_assert_int_eq(out[BATV_ADDR_SIZE], '!');
}
END_TEST

static const struct {
	const char *domain;
	enum batv_err converts;
	const char *to;
	bool other;
	unsigned asked;
} others[] = {
	{"xn--br-xka.example", BATV_OK, U "r.example", true, 1},
	{"mail.xn--br-xka.example", BATV_OK, "x", true, 1},
	{"axn--b.xn--br-xka", BATV_OK, "x", true, 1},
	{"xn--xn--b", BATV_OK, "x", true, 1},
	{"mail.example", BATV_OK, "x", false, 0},
	{"axn--b.example", BATV_OK, "x", false, 0},
	{"-xn--b", BATV_OK, "x", false, 0},
	{"", BATV_OK, "x", false, 0},
	{"xn--b.example", BATV_OK, "xn--b.example", false, 1},
	{"xn--b.example", BATV_OK, "xn--a.example", true, 1},
	{"xn--b.example", BATV_OK, "xn--c.example", true, 1},
	{"xn--b.example", BATV_E_NO_IDN, NULL, false, 1},
	{"xn--b.example", BATV_E_SYNTAX, NULL, false, 1},
	{"xn--b/.example", BATV_OK, "x", false, 0},
	{"xn--b.${x}", BATV_OK, "x", false, 0},
	{"xn--b.\x7f", BATV_OK, "x", false, 0},
	{"xn--b.\x80", BATV_OK, "x", true, 1},
};

START_TEST(other_form)
{
	char out[BATV_ADDR_SIZE] = "";

	converter(others[_i].converts, others[_i].to);
	ck_assert_int_eq(batv_addr_other_form(others[_i].domain, out), others[_i].other);
	ck_assert_uint_eq(asked, others[_i].asked);
	if (others[_i].other)
		ck_assert_str_eq(out, others[_i].to);
}
END_TEST

START_TEST(other_form_has_a_maximum)
{
	char domain[BATV_ADDR_SIZE + 1], out[BATV_ADDR_SIZE];

	memset(domain, 'a', sizeof domain);
	memcpy(domain, "xn--", 4);
	domain[BATV_ADDR_SIZE] = '\0';
	converter(BATV_OK, "x");
	ck_assert(!batv_addr_other_form(domain, out));
	ck_assert_uint_eq(asked, 0);
	domain[BATV_ADDR_SIZE - 1] = '\0';
	ck_assert(batv_addr_other_form(domain, out));
}
END_TEST

/* A path counts both ways: as it is sent with UTF-8, and as others see it. */
START_TEST(what_fits_counts_both_forms)
{
	char text[BATV_ADDR_SIZE + 8], alabel[BATV_ADDR_SIZE];
	const size_t most =
		BATV_PATH_MAX - BATV_TAG_OVERHEAD - 2; /* bytes of a domain beside "a@" */
	struct batv_addr a;

	memset(alabel, 'x', sizeof alabel);
	for (size_t len = most - 1; len <= most + 1; len++) {
		memset(text, 'a', sizeof text);
		memcpy(text, "a@" U, 5);
		ck_assert_int_eq(batv_addr_parse(text, 2 + len, &a), BATV_OK);
		converter(BATV_OK, "xn--b-short");
		ck_assert_int_eq(batv_tag_fits(&a), len <= most);
		alabel[len] = '\0';
		ck_assert_int_eq(batv_addr_parse("a@" U, 5, &a), BATV_OK);
		converter(BATV_OK, alabel);
		ck_assert_int_eq(batv_tag_fits(&a), len <= most);
		alabel[len] = 'x';
	}
	converter(BATV_E_SYNTAX, NULL);
	ck_assert(!batv_tag_fits(&a));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("addr_domain");
	TCase *tc = tcase_create("domains");

	tcase_add_loop_test(tc, domain_as_it_is_hashed, 0, (int)COUNT(domains));
	tcase_add_test(tc, a_domain_has_a_maximum);
	tcase_add_loop_test(tc, other_form, 0, (int)COUNT(others));
	tcase_add_test(tc, other_form_has_a_maximum);
	tcase_add_test(tc, what_fits_counts_both_forms);
	suite_add_tcase(s, tc);
	return s;
}
