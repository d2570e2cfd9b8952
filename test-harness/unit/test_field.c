/* links: core/evidence/field core/base/span */
/*
 * test_field.c - the fields of a header, and the words of a Content-Type.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/field.h"
#include "exact.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *text, *fields[4];
} headers[] = {
	{"", {NULL}},
	{"A: 1", {"A: 1", NULL}},
	{"A: 1\n", {"A: 1\n", NULL}},
	{"A: 1\nB: 2\n", {"A: 1\n", "B: 2\n", NULL}},
	{"A: 1\n 2\n\t3\nB: 2\n", {"A: 1\n 2\n\t3\n", "B: 2\n", NULL}},
	{"A: 1\r\n 2\r\n\r\nB", {"A: 1\r\n 2\r\n", "\r\n", "B", NULL}},
	{"\n x\nB", {"\n x\n", "B", NULL}},
	{"A\n ", {"A\n ", NULL}},
};

START_TEST(fields_of_a_header)
{
	struct batv_span text = exact_copy(headers[_i].text), rest = text, field;

	for (size_t i = 0; headers[_i].fields[i]; i++) {
		ck_assert(batv_field_next(&rest, &field));
		ck_assert(batv_span_equal(field, batv_span_of(headers[_i].fields[i])));
	}
	ck_assert(!batv_field_next(&rest, &field));
	ck_assert_uint_eq(field.len, 0);
	free((void *)(uintptr_t)text.p);
}
END_TEST

static const struct {
	const char *text, *word, *rest;
} words[] = {
	{"", "", ""},
	{"text", "text", ""},
	{" text ", "text", ""},
	{"text/plain", "text", "/plain"},
	{"text;x", "text", ";x"},
	{"text plain", "text", "plain"},
	{"text(c)plain", "text", "plain"},
	{"(c) text (d (e)) /x", "text", "/x"},
	{"(never closed", "", ""},
	{"\"a b/;(\" /x", "a b/;(", "/x"},
	{"\"a\\\"b\\\\\"c", "a\"b\\", "c"},
	{"\"open", "open", ""},
	{"\"open\\", "open\\", ""},
	{"\"a\\b", "ab", ""},
	{"\"", "", ""},
	{"\"a\r\n b\"", "a b", ""},
	{"a\"b\"", "a\"b\"", ""},
	{"/x", "", "/x"},
};

START_TEST(a_word)
{
	struct batv_span text = exact_copy(words[_i].text), rest = text;
	struct batv_word w;

	batv_field_word(&rest, "/;", &w);
	ck_assert(batv_span_equal(batv_field_span(&w), batv_span_of(words[_i].word)));
	ck_assert(batv_span_equal(rest, batv_span_of(words[_i].rest)));
	free((void *)(uintptr_t)text.p);
}
END_TEST

/* The excess is dropped; a NUL ends nothing. */
START_TEST(a_long_word)
{
	char text[300];
	struct batv_span rest = {text, sizeof text};
	struct batv_word w;

	memset(text, 'x', sizeof text);
	text[3] = '\0';
	text[250] = ';';
	batv_field_word(&rest, ";", &w);
	ck_assert_uint_eq(w.len, BATV_WORD_MAX);
	ck_assert_mem_eq(w.text, text, BATV_WORD_MAX);
	ck_assert_uint_eq(rest.len, 50);
}
END_TEST

static const struct {
	const char *value, *type, *subtype, *report_type, *boundary;
} types[] = {
	{"", "", "", "", ""},
	{"text/plain", "text", "plain", "", ""},
	{"text", "text", "", "", ""},
	{"text; boundary=b", "text", "", "", "b"},
	{"multipart/mixed; boundary=b", "multipart", "mixed", "", "b"},
	{"multipart/report; report-type=r; boundary=\"b;c\"", "multipart", "report", "r", "b;c"},
	{" multipart / report ;(c)report-type = \"r\"(c) ; BOUNDARY = b ", "multipart", "report",
	 "r", "b"},
	{"a/b; boundary=1; boundary=2", "a", "b", "", "1"},
	{"a/b; boundary=; boundary=2", "a", "b", "", "2"},
	{"a/b; x; boundary=1", "a", "b", "", "1"},
	{"a/b junk; boundary=1", "a", "b", "", "1"},
	{"a/b (; boundary=0); boundary=1", "a", "b", "", "1"},
	{"a/b \"; boundary=0\"; boundary=1", "a", "b", "", "1"},
	{"a/b junk \"; boundary=0\"; boundary=1", "a", "b", "", "1"},
	{"a/b junk (; boundary=0); boundary=1", "a", "b", "", "1"},
	{"a/b; x=\"y\" junk; boundary=1", "a", "b", "", "1"},
	{"a/b;; boundary=1", "a", "b", "", "1"},
	{"a/b; boundary x; boundary=1", "a", "b", "", "1"},
	{"a/b; boundary*=utf-8''1", "a", "b", "", "1"},
	{"a/b; boundary*0*=utf-8'en'1", "a", "b", "", "1"},
	{"a/b; boundary*0=1", "a", "b", "", "1"},
	{"a/b; boundary=x'1", "a", "b", "", "x'1"},
	{"a/b; xboundary=1; boundaryx=1", "a", "b", "", ""},
};

START_TEST(a_content_type)
{
	struct batv_span text = exact_copy(types[_i].value);
	struct batv_content_type ct;

	memset(&ct, 0xee, sizeof ct);
	batv_field_content_type(text, &ct);
	ck_assert(batv_span_equal(batv_field_span(&ct.type), batv_span_of(types[_i].type)));
	ck_assert(batv_span_equal(batv_field_span(&ct.subtype), batv_span_of(types[_i].subtype)));
	ck_assert(batv_span_equal(batv_field_span(&ct.report_type),
				  batv_span_of(types[_i].report_type)));
	ck_assert(batv_span_equal(batv_field_span(&ct.boundary), batv_span_of(types[_i].boundary)));
	free((void *)(uintptr_t)text.p);
}
END_TEST

/* So many parameters are read, and no more. */
START_TEST(many_parameters)
{
	char text[400] = "a/b";
	struct batv_content_type ct;

	for (unsigned n = 0; n < 31; n++)
		strcat(text, "; x=y");
	strcat(text, "; boundary=b; report-type=r");
	batv_field_content_type(batv_span_of(text), &ct);
	ck_assert_uint_eq(ct.boundary.len, 1);
	ck_assert_uint_eq(ct.report_type.len, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("field");
	TCase *tc = tcase_create("field");

	tcase_add_loop_test(tc, fields_of_a_header, 0, (int)COUNT(headers));
	tcase_add_loop_test(tc, a_word, 0, (int)COUNT(words));
	tcase_add_test(tc, a_long_word);
	tcase_add_loop_test(tc, a_content_type, 0, (int)COUNT(types));
	tcase_add_test(tc, many_parameters);
	suite_add_tcase(s, tc);
	return s;
}
