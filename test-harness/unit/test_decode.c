/* links: core/evidence/decode core/base/span */
/*
 * test_decode.c - quoted-printable, entities and base64, each text in a buffer of its very size:
 * the sanitizer sees what lies outside.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/decode.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *exact(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	return copy;
}

/* ---- quoted-printable ---- */

static const struct {
	const char *text, *want;
	bool plain; /* not quoted-printable */
} texts[] = {
	{"", "", false},
	{"a", "a", false},
	{"a=3Db", "a=b", false},
	{"=3d", "=", false},
	{"=0A=40", "\n@", false},
	{"=A0=0f", "\xa0\x0f", false},
	{"a=\nb", "ab", false},
	{"a=\r\nb", "ab", false},
	{"a= \t\r\nb", "ab", false},
	{"=\n=\n=\n", "", false},
	{"a=        \nb", "ab", false},              /* eight blanks */
	{"a=         \nb", "a=         \nb", false}, /* nine */
	/* no encoding: it stands for itself */
	{"=", "=", false},
	{"a=", "a=", false},
	{"= ", "= ", false},
	{"=\r", "=\r", false},
	{"= \t", "= \t", false},
	{"=3", "=3", false},
	{"=3G", "=3G", false},
	{"=G3", "=G3", false},
	{"=x\n", "=x\n", false},
	{"=\rx", "=\rx", false},
	{"a=3Db=\n", "a=3Db=\n", true},
};

START_TEST(quoted_printable)
{
	size_t len = strlen(texts[_i].text), n = 0, steps = 0;
	char *text = exact(texts[_i].text, len), out[32];
	struct batv_cursor c = {text, text + len, !texts[_i].plain, false, &steps};

	for (int ch; (ch = batv_cursor_next(&c)) >= 0;) {
		ck_assert_uint_lt(n, sizeof out - 1);
		out[n++] = (char)ch;
	}
	out[n] = '\0';
	ck_assert_str_eq(out, texts[_i].want);
	ck_assert_int_eq(batv_cursor_next(&c), -1); /* and stays there */
	ck_assert_ptr_eq(c.p, c.end);
	ck_assert_int_eq(c.changed, strcmp(out, texts[_i].text) != 0);
	free(text);
}
END_TEST

/* Each byte that is looked at costs a step: a soft line break has three here. */
START_TEST(steps_are_counted)
{
	size_t steps = 5;
	struct batv_cursor c = {.qp = true, .steps = &steps};

	c.p = "a=\r\nb", c.end = c.p + 5;
	ck_assert_int_eq(batv_cursor_next(&c), 'a');
	ck_assert_uint_eq(steps, 6);
	ck_assert_int_eq(batv_cursor_next(&c), 'b');
	ck_assert_uint_eq(steps, 6 + 1 + 3 + 1);
	steps = 0;
	c.p = "lt;", c.end = c.p + 3;
	ck_assert_int_eq(batv_cursor_entity(&c), '<');
	ck_assert_uint_eq(steps, 2 * 3);
}
END_TEST

/* ---- entities ---- */

static const struct {
	const char *text;
	int want;
	size_t taken; /* bytes */
} entities[] = {
	{"lt;", '<', 3},
	{"LT;x", '<', 3},
	{"#60;", '<', 4},
	{"#x3C;", '<', 5},
	{"gt;", '>', 3},
	{"#62;", '>', 4},
	{"#x3e;", '>', 5},
	{"amp;", '&', 4},
	{"#38;", '&', 4},
	{"#64;", '@', 4},
	{"#x40;", '@', 5},
	{"#43;", '+', 4},
	{"#61;", '=', 4},
	{"#x3d;", '=', 5},
	{"quot;", '"', 5},
	{"#34;", '"', 4},
	{"nbsp;", 0xa0, 5},
	{"#160;", 0xa0, 5},
	{"#xa0;", 0xa0, 5},
	{"l=\nt;", '<', 5},
	{"l=\n=\n=\n=\n=\n=\n=\n=\nt;x", '<', 19},
	{"l=\n=\n=\n=\n=\n=\n=\n=\n=\nt;x", -1, 0}, /* more than 20 bytes */
	{"l=\nt; and more than twenty bytes", '<', 5},
	{"", -1, 0},
	{"l", -1, 0},
	{"lt", -1, 0},
	{"lt ;", -1, 0},
	{"gt:", -1, 0},
	{"foo;", -1, 0},
	{"aacute;", -1, 0},
	{"thetasym;", -1, 0},
	{";", -1, 0},
};

START_TEST(entity)
{
	size_t len = strlen(entities[_i].text), steps = 0;
	char *text = exact(entities[_i].text, len);
	struct batv_cursor c = {text, text + len, true, false, &steps};

	ck_assert_int_eq(batv_cursor_entity(&c), entities[_i].want);
	ck_assert_uint_eq((size_t)(c.p - text), entities[_i].taken);
	ck_assert_ptr_eq(c.end, text + len);
	ck_assert_int_eq(c.changed,
			 entities[_i].taken > 5 || (entities[_i].want >= 0 && text[1] == '='));
	free(text);
}
END_TEST

/* ---- base64 ---- */

START_TEST(the_alphabet)
{
	for (int c = 0; c < 256; c++)
		ck_assert_int_eq(batv_base64_is((char)c), memchr(alphabet, c, 64) != NULL);
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 64; j++) {
			char text[2] = {alphabet[i], alphabet[j]}, *copy = exact(text, 2);
			struct batv_base64 b = batv_base64_start((struct batv_span){copy, 2});

			if (batv_base64_next(&b) != (int)(i << 2 | j >> 4))
				ck_abort_msg("%.2s", text);
			if (batv_base64_next(&b) != -1 || b.begin != copy)
				ck_abort_msg("%.2s", text);
			free(copy);
		}
}
END_TEST

static const struct {
	const char *text, *want;
	size_t begins[8];
} pieces[] = {
	{"", "", {0}},
	{"Q", "", {0}},
	{"QUJD", "ABC", {0, 1, 2}},
	{"QUJDREVG", "ABCDEF", {0, 1, 2, 4, 5, 6}},
	{"Q\r\nU J.D", "ABC", {0, 3, 5}},
	{"QQ==Qg==", "AB", {0, 4}}, /* another piece after the padding */
	{"QUI=Qw==", "ABC", {0, 1, 4}},
	{"QQ=QUI", "AAB", {0, 3, 4}},
};

START_TEST(base64)
{
	size_t len = strlen(pieces[_i].text), n = strlen(pieces[_i].want);
	char *text = exact(pieces[_i].text, len);
	struct batv_base64 b = batv_base64_start((struct batv_span){text, len});

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(batv_base64_next(&b), pieces[_i].want[i]);
		ck_assert_uint_eq((size_t)(b.begin - text), pieces[_i].begins[i]);
	}
	ck_assert_int_eq(batv_base64_next(&b), -1);
	free(text);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("decode");
	TCase *tc = tcase_create("decode");

	tcase_add_loop_test(tc, quoted_printable, 0, (int)COUNT(texts));
	tcase_add_test(tc, steps_are_counted);
	tcase_add_loop_test(tc, entity, 0, (int)COUNT(entities));
	tcase_add_test(tc, the_alphabet);
	tcase_add_loop_test(tc, base64, 0, (int)COUNT(pieces));
	suite_add_tcase(s, tc);
	return s;
}
