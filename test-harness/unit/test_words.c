/* links: core/evidence/words core/evidence/decode core/base/span */
/*
 * test_words.c - folded fields and encoded words (RFC 2047), as programs really write them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/words.h"
#include "exact.h"
#include "unit.h"

static const struct {
	const char *value, *want;
} values[] = {
	{"", ""},
	{" \t\r\n", ""},
	{" Undeliverable: lunch\r\n", "Undeliverable: lunch"},
	{"Report\n Domain:\r\n\tx", "Report Domain: x"},
	{"a  \t b", "a b"},
	{"=?utf-8?Q?Report_Domain:_x?=", "Report Domain: x"},
	{"=?UTF-8?q?Undeliverable=3a=20lunch?=", "Undeliverable: lunch"},
	{"=?utf-8?B?VW5kZWxpdmVyYWJsZTogbHVuY2g=?=", "Undeliverable: lunch"},
	{"=?utf-8?b?VW5kZWxpdmVyYWJsZTogbHVuY2g?=", "Undeliverable: lunch"},
	/* the space between two encoded words is not part of the text, any other is */
	{"=?utf-8?Q?Undeliv?= \r\n =?utf-8?Q?erable:?= lunch", "Undeliverable: lunch"},
	{"=?utf-8?Q?Mail?= =?utf-8?Q?_delivery?=", "Mail delivery"},
	{"=?utf-8?Q?Mail_?= =?utf-8?Q?delivery?=", "Mail delivery"},
	{"=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"},
	{"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
	{"Re:=?utf-8?Q?a?=", "Re:a"},
	/* a character in two pieces */
	{"=?utf-8?B?ww==?= =?utf-8?B?qQ==?=", "\xc3\xa9"},
	{"=?utf-8?Q?r=C3?= =?utf-8?Q?=A9?=", "r\xc3\xa9"},
	{"=?iso-8859-1?Q?R=E9ponse_automatique?=", "R\xc3\xa9ponse automatique"},
	{"=?Windows-1252?Q?R=E9ponse?=", "R\xc3\xa9ponse"},
	{"=?utf-8*fr?Q?R=C3=A9ponse?=", "R\xc3\xa9ponse"},
	{"=?gb2312?Q?=CE=DE?=", "\xce\xde"},
	{"=?iso-8859-1?Q?Non_remis=A0:_x?=", "Non remis : x"},
	{"=?utf-8?Q?Non_remis=C2=A0:_x?=", "Non remis : x"},
	{"Non remis\xc2\xa0: x", "Non remis : x"},
	{"a \xc2\xa0 b", "a b"},
	{"a \xc2\xa0", "a"},
	{" \xc2\xa0 a", "a"},
	{"=?iso-8859-1?Q?=7F=80=C0?=", "\x7f\xc2\x80\xc3\x80"},
	{"=?iso-8859-15?B?6Q==?=", "\xc3\xa9"},
	{"=?latin1?Q?=E9?= =?us-ascii?Q?=E9?=", "\xc3\xa9\xc3\xa9"},
	{"=?utf-8?Q?a=3Gb=G3=3?=", "a=3Gb=G3=3"},
	{"=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b"},
	{"=?utf-8?Q?a_?=  b", "a b"},
	{"=?utf-8?Q?a?=x =?utf-8?Q?b?=", "ax b"},
	{"\xa0 a", "\xa0 a"},
	{"a \xa0", "a \xa0"},
	{"x\xa0", "x\xa0"},
	{"\xc2\xa0", ""},
	{"\xc2 \xa0", "\xc2 \xa0"},
	/* not encoded words */
	{"=?", "=?"},
	{"=?x", "=?x"},
	{"=?utf-8?", "=?utf-8?"},
	{"=?utf-8?Q", "=?utf-8?Q"},
	{"=?utf-8?Q?open", "=?utf-8?Q?open"},
	{"=?utf-8?X?a?=", "=?utf-8?X?a?="},
	{"=?utf-8?Q?=4?=", "=4"},
	{"=?utf-8?Q?=?=", "="},
	{"=?utf-8?Q?\?=", ""},
	{"=?utf-8?QQ?a?=", "=?utf-8?QQ?a?="},
};

START_TEST(texts)
{
	const size_t len = strlen(values[_i].value);
	char *value = exact_room(len), out[100];
	struct batv_span got;

	memcpy(value, values[_i].value, len);
	got = batv_words_decode((struct batv_span){value, len}, out, sizeof out);
	ck_assert_msg(batv_span_equal(got, batv_span_of(values[_i].want)), "%s: \"%.*s\"",
		      values[_i].value, (int)got.len, got.p);
	free(value);
}
END_TEST

/* Before each limit, and at it. */
START_TEST(limits)
{
	char value[800], out[800], x[600];

	memset(x, 'x', sizeof x);
	for (int more = 0; more < 2; more++) {
		/* a charset of 39 characters */
		(void)snprintf(value, sizeof value, "=?%.*s?q?a?=", 39 + more, x);
		ck_assert_uint_eq(batv_words_decode(batv_span_of(value), out, sizeof out).len,
				  more ? strlen(value) : 1);
		/* a word of 510, and its end */
		(void)snprintf(value, sizeof value, "=?u?q?%.*s?=", 510 + more, x);
		ck_assert_uint_eq(batv_words_decode(batv_span_of(value), out, sizeof out).len,
				  more ? strlen(value) : 510);
	}
	for (size_t size = 0; size < 6; size++) { /* nothing is written beyond */
		memset(out, '#', sizeof out);
		ck_assert_uint_eq(batv_words_decode(batv_span_of("a bc"), out, size).len,
				  size < 4 ? size : 4);
		ck_assert_int_eq(out[size], '#');
		ck_assert_uint_eq(batv_words_decode(batv_span_of("=?u?q?abcd?="), out, size).len,
				  size < 4 ? size : 4);
		ck_assert_int_eq(out[size], '#');
	}
}
END_TEST

START_TEST(long_texts_are_cut)
{
	static char value[100000];
	char out[8];

	memset(value, 'x', sizeof value);
	memcpy(value, "=?utf-8?Q?", 10);
	ck_assert_uint_eq(batv_words_decode((struct batv_span){value, sizeof value}, out, 8).len,
			  8);
	ck_assert_mem_eq(out, "=?utf-8?", 8);
	for (size_t i = 0; i + 3 < sizeof value; i += 3)
		memcpy(value + i, "=?a", 3);
	ck_assert_uint_eq(batv_words_decode((struct batv_span){value, sizeof value}, out, 8).len,
			  8);
	for (size_t i = 0; i < sizeof value; i++)
		value[i] = " \n"[i % 2];
	ck_assert_uint_eq(batv_words_decode((struct batv_span){value, sizeof value}, out, 8).len,
			  0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("words");
	TCase *tc = tcase_create("words");

	tcase_add_loop_test(tc, texts, 0, (int)(sizeof values / sizeof values[0]));
	tcase_add_test(tc, limits);
	tcase_add_test(tc, long_texts_are_cut);
	suite_add_tcase(s, tc);
	return s;
}
