/* links: core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_tag_fits.c - which local parts the un-signing router could not route once they are tagged:
 * they stay untagged.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tag/tag.h"
#include "unit.h"

static const struct batv_key key = {.number = 1, .day = 2, .text = "key"};

/* The same answer for what batv_tag_fits() says and batv_tag_make() does, in both styles. */
static bool fits(const char *text)
{
	static const enum batv_tag_style styles[] = {BATV_STYLE_PRVS, BATV_STYLE_SUBADDRESS};
	char out[BATV_ADDR_SIZE];
	struct batv_addr a;

	ck_assert_msg(batv_addr_parse(text, strlen(text), &a) == BATV_OK, "%s", text);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(batv_tag_make(&a, &key, styles[i], out, sizeof out),
				 batv_tag_fits(&a) ? BATV_OK : BATV_E_UNSIGNABLE);
	return batv_tag_fits(&a);
}

static const char *written(const char *before, char c, const char *after)
{
	static char text[32];

	snprintf(text, sizeof text, "%s%c%s@d", before, c, after);
	return text;
}

/* Each printable character, first in the local part in all ways in which it can be written. */
START_TEST(first_character)
{
	static const char *const forms[][2] = {{"\\", "x"},   {"\"\\", "x\""}, {"\"\\", "\""},
					       {"\"", "x\""}, {"", "x"},       {"", ""}};
	struct batv_addr a;

	for (char c = ' '; c <= '~'; c++)
		for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
			const char *text = written(forms[i][0], c, forms[i][1]);

			if (batv_addr_parse(text, strlen(text), &a) != BATV_OK)
				continue;
			if (i > 2 && c == '\\') /* it escapes the next one */
				continue;
			ck_assert_msg(fits(text) == !strchr("|/\"\\#:", c), "%s", text);
		}
}
END_TEST

/* Anywhere else, the same characters do no harm. */
START_TEST(later_characters)
{
	static const char *const forms[][2] = {
		{"\"x\\", "\""}, {"\"x\\", "y\""}, {"x\\", "y"}, {"\" \\", "\""}, {"-\\", ""}};

	for (const char *c = "|/\"\\#:"; *c; c++)
		for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
			const char *text = written(forms[i][0], *c, forms[i][1]);

			ck_assert_msg(fits(text), "%s", text);
		}
}
END_TEST

START_TEST(examples)
{
	/* clang-format off */
	static const struct {
		const char *text;
		bool fits;
	} rows[] = {
		{"/S=Doe/G=John@d", false},	/* X.400 */
		{"john/doe@d", true},
		{"\":fail: no\"@d", false},
		{"\":include:/x\"@d", false},
		{"\"|/bin/x\"@d", false},
		{"#help@d", false},
		{"\\#help@d", false},
		{"\\a@d", true},		/* RFC 821: the same as a */
		{"\"\\a\"@d", true},
		{"\"\\\\\"@d", false},
		{"\"\\\\a\"@d", false},
		{"\"\\\"\\\"\"@d", false},
		{"\"@x\"@d", true},
		{"\"\"@d", false},		/* nothing in it */
		{"prvs=x@d", true},
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(fits(rows[i].text) == rows[i].fits, "%s", rows[i].text);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("tag_fits");
	TCase *tc = tcase_create("first");

	tcase_add_test(tc, first_character);
	tcase_add_test(tc, later_characters);
	tcase_add_test(tc, examples);
	suite_add_tcase(suite, tc);
	return suite;
}
