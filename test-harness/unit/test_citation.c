/* links: core/evidence/citation core/evidence/decode core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * test_citation.c - one Message-ID, or one tagged address, at a given place: where it begins and
 * ends, and what only looks like one.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/citation.h"
#include "exact.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *text;
	size_t len;
	bool is_short;
} labels[] = {
	{"Message-ID: x", 10, false},
	{"message id", 10, false},
	{"messageid", 9, false},
	{"MESSAGE_ID.", 10, false},
	{"msg-id", 6, true},
	{"MsgID=", 5, true},
	{"msg ID", 6, true},
	{"message-idx", 0, false},
	{"message-id-", 0, false},
	{"message-id_", 0, false},
	{"message", 0, false},
	{"message-", 0, false},
	{"message--id", 0, false},
	{"message.id", 0, false},
	{"message-i", 0, false},
	{"messag-id", 0, false},
	{"msg", 0, true},
	{"", 0, true},
	{"mes=\nsage-id", 12, false},
	{"=4Dessage-id", 12, false},
	{"msgid\x80", 5, true},
};

START_TEST(a_label)
{
	struct batv_span text = exact_copy(labels[_i].text);
	size_t steps = 0;
	bool is_short;

	ck_assert_uint_eq(batv_citation_label(text, &is_short, &steps), labels[_i].len);
	if (labels[_i].len > 0)
		ck_assert_int_eq(is_short, labels[_i].is_short);
	exact_drop(text);
}
END_TEST

/* What comes after a label -> the id, NULL: there is none; and what is left after it. */
static const struct {
	const char *text, *id, *rest;
	bool qp;
} afters[] = {
	{" <a@b>", "a@b", "", false},
	{"<a@b> x", "a@b", " x", false},
	{": <a@b>", "a@b", "", false},
	{" = \"<a@b>\"", "a@b", "\"", false},
	{"*:* '<a@b>", "a@b", "", false},
	{":\xc2\xa0<a@b>", "a@b", "", false},
	{":&nbsp;<a@b>", "a@b", "", false},
	{":&amp;<a@b>", NULL, NULL, false},
	{"; <a@b>", NULL, NULL, false},
	{"", NULL, NULL, false},
	{": ", NULL, NULL, false},
	/* lines */
	{":\n <a@b>", "a@b", "", false},
	{":\r\n\r\n<a@b>", "a@b", "", false},
	{":\n\n\n<a@b>", NULL, NULL, false},
	{":\n> <a@b>", "a@b", "", false},
	{":\n| <a@b>", "a@b", "", false},
	{": > <a@b>", NULL, NULL, false},
	{": | <a@b>", NULL, NULL, false},
	/* comments */
	{": (c) <a@b>", "a@b", "", false},
	{": (c (d) <x@y>) <a@b>", "a@b", "", false},
	{": (\\) <x@y>) <a@b>", "a@b", "", false},
	{": (c\n d) <a@b>", "a@b", "", false},
	{": (c\nd) <a@b>", NULL, NULL, false},
	{": (c <a@b>", NULL, NULL, false},
	{":\n\n (c)\n\n<a@b>", "a@b", "", false},
	/* what is in brackets */
	{": <a@b", NULL, NULL, false},
	{": <a<b@c>", NULL, NULL, false},
	{": <ab>", NULL, NULL, false},
	{": <@b>", NULL, NULL, false},
	{": <a@>", NULL, NULL, false},
	{": </a@b>", NULL, NULL, false},
	{": <!a@b>", NULL, NULL, false},
	{": <?a@b>", NULL, NULL, false},
	{": <b>a@b</b>", "a@b", "</b>", false},
	{": <a href=\"mailto:x@y\">a@b</a>", "a@b", "</a>", false},
	{": <a x=y@z>", NULL, NULL, false},
	{": <a \"x\"@z>", NULL, NULL, false},
	{": <\"a x=\"@z>", "\"ax=\"@z", "", false},
	{": <a b@c>", "ab@c", "", false},
	{": < a@b >", "a@b", "", false},
	{": <a=b@c>", "a=b@c", "", false},
	{": <a@b\r\n c>", "a@bc", "", false},
	{": <a@b\n\tc>", "a@bc", "", false},
	{": <a@b\nc>", NULL, NULL, false},
	{": <a\x01@b>", NULL, NULL, false},
	/* without an "@" */
	{": <12345678>", "12345678", "", false},
	{": < 12345678>", "12345678", "", false},
	{": <1234567>", NULL, NULL, false},
	{": <abcdefgh>", NULL, NULL, false},
	{": <1234 5678>", NULL, NULL, false},
	{": <1234=5678>", NULL, NULL, false},
	/* HTML */
	{": &lt;a@b&gt;", "a@b", "", false},
	{": &#60;a@b&#62;", "a@b", "", false},
	{": &lt;a&amp;b@c&gt;", "a&b@c", "", false},
	{": &lt;a&b@c&gt;", "a&b@c", "", false},
	{": &lt;<a href=\"x\">a@b</a>&gt;", "a@b", "", false},
	{": &lt;<a", NULL, NULL, false},
	{": &lt;a@b>", NULL, NULL, false},
	{": &lt;ab&gt; <c@d>", NULL, NULL, false},
	{": <a&lt;@b>", "a&lt;@b", "", false},
	{": <i <a@b>", NULL, NULL, false},
	/* without brackets */
	{": a@b", "a@b", "", false},
	{": a@b, c", "a@b", ", c", false},
	{": a@b.", "a@b", "", false},
	{": a@b.=].", "a@b", "", false},
	{": a@b-", "a@b-", "", false},
	{": a@b>", "a@b", ">", false},
	{": a@b'", "a@b", "'", false},
	{": a@b&gt;", "a@b", "&gt;", false},
	{": a@b(c)", "a@b", "(c)", false},
	{": a@b)", "a@b", ")", false},
	{": a@b*", "a@b", "*", false},
	{": a@b:c", "a@b", ":c", false},
	{": a@b;c", "a@b", ";c", false},
	{": a@b\"", "a@b", "\"", false},
	{": a@b<c", "a@b", "<c", false},
	{": a@b\x01", "a@b", "\x01", false},
	{": a@", NULL, NULL, false},
	{": @b", NULL, NULL, false},
	{": 12345678", NULL, NULL, false},
	{"a@b", NULL, NULL, false}, /* right after the label */
	{":\n\na@b", "a@b", "", false},
	/* quoted-printable */
	{": <a=\nb@c>", "ab@c", "", true},
	{": <a=3Db@c>", "a=b@c", "", true},
	{":=20<a@b>", "a@b", "", true},
	{": =3Ca@b=3E", "a@b", "", true},
	{": <a=3Db@c>", "a=3Db@c", "", false},
};

START_TEST(an_id_after_a_label)
{
	struct batv_span text = exact_copy(afters[_i].text);
	struct batv_citation c = {.len = 0};
	size_t steps = 0;

	if (!afters[_i].id) {
		ck_assert_msg(!batv_citation_id(text, afters[_i].qp, &c, &steps), "%s: %.*s",
			      afters[_i].text, (int)c.len, c.text);
		exact_drop(text);
		return;
	}
	ck_assert_msg(batv_citation_id(text, afters[_i].qp, &c, &steps), "%s", afters[_i].text);
	ck_assert_msg(
		batv_span_equal((struct batv_span){c.text, c.len}, batv_span_of(afters[_i].id)),
		"%s: %.*s", afters[_i].text, (int)c.len, c.text);
	ck_assert_str_eq(afters[_i].text + (c.end - text.p), afters[_i].rest);
	ck_assert_int_eq(c.changed, afters[_i].qp);
	ck_assert_int_ge(c.end - c.begin, 3);
	if (!c.changed)
		ck_assert_uint_ge(steps, (size_t)(c.end - text.p));
	exact_drop(text);
}
END_TEST

static bool cites(const char *text, size_t *len)
{
	struct batv_citation c;
	size_t steps = 0;
	bool found = batv_citation_id(batv_span_of(text), false, &c, &steps);

	*len = found ? c.len : 0;
	return found;
}

/* Before each limit, and at it. */
START_TEST(how_far_an_id_may_be)
{
	char text[6000];
	size_t len;

	for (int more = 0; more < 2; more++) {
		/* a gap of 256 bytes */
		(void)snprintf(text, sizeof text, ":%*s<a@b>", 254 + more, "");
		ck_assert_int_eq(cites(text, &len), !more);
		/* which a comment makes longer */
		(void)snprintf(text, sizeof text, ":%*s(%*s)%*s<a@b>", 100, "", 500, "", 153 + more,
			       "");
		ck_assert_int_eq(cites(text, &len), !more);
		/* a comment of 1024 */
		(void)snprintf(text, sizeof text, ": (%*s) <a@b>", 1023 + more, "");
		ck_assert_int_eq(cites(text, &len), !more);
	}
}
END_TEST

START_TEST(how_long_an_id_may_be)
{
	char text[6000], x[2000];
	size_t len;

	memset(x, 'x', sizeof x);
	for (int more = 0; more < 2; more++) {
		(void)snprintf(text, sizeof text, ": <%.*s@b>", BATV_ID_MAX - 2 + more, x);
		ck_assert_int_eq(cites(text, &len), !more);
		if (!more)
			ck_assert_uint_eq(len, BATV_ID_MAX);
		/* without brackets it is cut */
		(void)snprintf(text, sizeof text, ": a@%.*s", 126 + more, x);
		ck_assert(cites(text, &len));
		ck_assert_uint_eq(len, 128);
		(void)snprintf(text, sizeof text, ": %.*s@b", 126 + more, x);
		ck_assert_int_eq(cites(text, &len), !more);
		/* blanks are read, too: 4096 bytes in all */
		(void)snprintf(text, sizeof text, ": <a@%*sb>", 4096 - 7 + more, "");
		ck_assert_int_eq(cites(text, &len), !more);
	}
}
END_TEST

/* ---- The ids of a field ---- */

static const struct {
	const char *value;
	size_t max;
	const char *ids[3];
	bool bare;
} fields[] = {
	{"", 9, {NULL}, true},
	{"no ids", 9, {NULL}, true},
	{"<a@b>", 9, {"a@b"}, false},
	{"<a@b> <c@d>", 9, {"a@b", "c@d"}, false},
	{"<a@b><c@d>", 9, {"a@b", "c@d"}, false},
	{"<a@b> <c@d>", 1, {"a@b"}, false},
	{"<a@b> x@y <c@d>", 9, {"a@b", "c@d"}, false},
	{"<x <a@b>", 9, {"a@b"}, false},
	{"a@b c@d", 9, {"a@b", "c@d"}, true},
	{"a@b <c> c@d", 9, {"a@b", "c@d"}, true},
	{"(<x@y>) <a@b>", 9, {"a@b"}, false},
	{"<a@b> (<x@y>) <c@d> (z)", 9, {"a@b", "c@d"}, false},
	{"<a@b> (<x@y>) <c@d>", 1, {"a@b"}, false},
	{"(<a@b>)", 9, {"a@b"}, false},
	{"(a@b)", 9, {"a@b"}, true},
	{"x (<a@b>)", 9, {"a@b"}, false},
	{"<a@b> (<c@d>", 9, {"a@b", "c@d"}, false},
	{"<a(@b> <c)@d>", 9, {"a(@b", "c)@d"}, false},
	{"<a(b <c@d>", 9, {"c@d"}, false},
	{"<a@b> (x) y@z", 9, {"a@b"}, false},
	{"(x) <a", 9, {NULL}, true},
};

START_TEST(the_ids_of_a_field)
{
	struct batv_span value = exact_copy(fields[_i].value);
	const char *begins[BATV_CITATION_IDS];
	size_t steps = 0, n = 0, got;
	bool bare = false;

	while (n < 3 && fields[_i].ids[n])
		n++;
	got = batv_citation_ids(value, fields[_i].max, begins, &bare, &steps);
	ck_assert_msg(got == n, "%s: %zu", fields[_i].value, got);
	ck_assert_int_eq(bare, fields[_i].bare);
	for (size_t i = 0; i < n; i++) {
		struct batv_citation c;

		ck_assert(batv_citation_next_id(batv_span_between(begins[i], value.p + value.len),
						bare, &c, &steps));
		ck_assert_ptr_eq(c.begin, begins[i]);
		ck_assert(batv_span_equal((struct batv_span){c.text, c.len},
					  batv_span_of(fields[_i].ids[i])));
	}
	exact_drop(value);
}
END_TEST

/* The last four, in a ring. */
START_TEST(many_ids)
{
	const char *value = "<1@x><2@x><3@x><4@x><5@x><6@x>", *begins[BATV_CITATION_IDS];
	size_t steps = 0;
	bool bare;

	ck_assert_uint_eq(batv_citation_ids(batv_span_of(value), 99, begins, &bare, &steps), 6);
	ck_assert_int_eq(begins[0][1], '5');
	ck_assert_int_eq(begins[1][1], '6');
	ck_assert_int_eq(begins[2][1], '3');
	ck_assert_int_eq(begins[3][1], '4');
}
END_TEST

/* ---- Tagged addresses ---- */

#define TAG "prvs=1234abcdef"
#define QP_TAG "prvs=3D1234abcdef"

static const struct {
	const char *text, *address;
	bool qp;
} tags[] = {
	{TAG "=a@x.example", TAG "=a@x.example", false},
	{"<" TAG "=a@x.example>: host", TAG "=a@x.example", false},
	{"to " TAG "=a@x.example.", TAG "=a@x.example", false},
	{"to " TAG "=a@x.example:-.", TAG "=a@x.example", false},
	{"[" TAG "=a@x.example]", TAG "=a@x.example", false},
	{TAG "=a@[192.0.2.1]", TAG "=a@[192.0.2.1]", false},
	{TAG "=a@x.example=2C", TAG "=a@x.example", false},
	{TAG "=a@x.example&gt;", TAG "=a@x.example", false},
	{TAG "=a@x.example'", TAG "=a@x.example", false},
	{TAG "=a@x.example*", TAG "=a@x.example", false},
	{TAG "=a'b*c&d=e@x.example", TAG "=a'b*c&d=e@x.example", false},
	{TAG "=a@x.example@y", TAG "=a@x.example", false},
	{"PRVS=1234ABCDEF=a@x.example", "PRVS=1234ABCDEF=a@x.example", false},
	{TAG "=a", NULL, false},
	{TAG "=@x.example", NULL, false},
	{TAG "=a@", NULL, false},
	{TAG, NULL, false},
	{TAG "x=a@x.example", NULL, false},
	{"prvs=1234abcdeg=a@x.example", NULL, false},
	{"prvs=123aabcdef=a@x.example", NULL, false},
	{"prvs=1234abcde=a@x.example", NULL, false},
	{"prvs 1234abcdef=a@x.example", NULL, false},
	/* quotes enclose it, or belong to it */
	{"\"" TAG "=a\"@x.example", "\"" TAG "=a\"@x.example", false},
	{"\"" TAG "=a b\"@x.example", "\"" TAG "=a b\"@x.example", false},
	{"\"" TAG "=a\\\" b\"@x.example", "\"" TAG "=a\\\" b\"@x.example", false},
	{"\"" TAG "=a@x.example\"", TAG "=a@x.example", false},
	{"\"" TAG "=a@x.example", TAG "=a@x.example", false},
	{"=22" QP_TAG "=3Da=22@x.example", "\"" TAG "=a\"@x.example", true},
	{"\"=\n" QP_TAG "=3Da=22@x.example", "\"" TAG "=a\"@x.example", true},
	{"\"=\r\n=\n" QP_TAG "=3Da=22@x.example", "\"" TAG "=a\"@x.example", true},
	{"=22=\n" QP_TAG "=3Da=22@x.example", "\"" TAG "=a\"@x.example", true},
	{"=22" TAG "=a@x.example", TAG "=a@x.example", false},
	/* after the local part */
	{"alice+" TAG "@x.example", "alice+" TAG "@x.example", false},
	{"<alice+" TAG "@x.example>", "alice+" TAG "@x.example", false},
	{"to alice+" TAG "@x.example.", "alice+" TAG "@x.example", false},
	{"smtp.mailfrom=alice+" TAG "@x.example", "alice+" TAG "@x.example", false},
	{"a=b+" TAG "@x.example", "b+" TAG "@x.example", false},
	{"mailfrom=3Dalice+" QP_TAG "@x.example", "alice+" TAG "@x.example", true},
	{"mailfrom=3dalice+" QP_TAG "@x.example", "alice+" TAG "@x.example", true},
	{"mailfrom=3Dalice+" TAG "@x.example", "3Dalice+" TAG "@x.example", false},
	{"al=\nice+" QP_TAG "@x.example", "alice+" TAG "@x.example", true},
	{"al=\r\nice+" QP_TAG "@x.example", "alice+" TAG "@x.example", true},
	{"al\nice+" QP_TAG "@x.example", "ice+" TAG "@x.example", true},
	{"+" TAG "@x.example", NULL, false},
	{TAG "@x.example", NULL, false},
	{"\"two words+" TAG "\"@x.example", "\"two words+" TAG "\"@x.example", false},
	{"x\"two words+" TAG "\"@x.example", "\"two words+" TAG "\"@x.example", false},
	{"two words+" TAG "\"@x.example", NULL, false},
	{"\"two\nwords+" TAG "\"@x.example", NULL, false},
};

START_TEST(a_tagged_address)
{
	struct batv_span text = exact_copy(tags[_i].text);
	struct batv_citation c = {.len = 0};
	const char *at = strcasestr(tags[_i].text, "prvs");
	size_t steps = 0;
	bool found = batv_citation_tag(text, (size_t)(at - tags[_i].text), tags[_i].qp, &c, &steps);

	ck_assert_msg(found == (tags[_i].address != NULL), "%s: %.*s", tags[_i].text, (int)c.len,
		      c.text);
	if (found)
		ck_assert_msg(batv_span_equal((struct batv_span){c.text, c.len},
					      batv_span_of(tags[_i].address)),
			      "%s: %.*s", tags[_i].text, (int)c.len, c.text);
	exact_drop(text);
}
END_TEST

/* A local part, or a quote, begins at most 128 bytes before it. */
START_TEST(how_far_a_local_part_may_begin)
{
	char text[400], x[200];
	struct batv_citation c;

	memset(x, 'x', sizeof x);
	for (int more = 0; more < 2; more++) {
		size_t steps = 0, at = 127 + (size_t)more;

		(void)snprintf(text, sizeof text, " %.*s+" TAG "@y.example", (int)at - 1, x);
		ck_assert(batv_citation_tag(batv_span_of(text), at + 1, false, &c, &steps));
		ck_assert_ptr_eq(c.begin, text + 1);
		(void)snprintf(text, sizeof text, "\"%.*s+" TAG "\"@y.example", (int)at - 1, x);
		ck_assert_int_eq(batv_citation_tag(batv_span_of(text), at + 1, false, &c, &steps),
				 at < 128);
	}
	{
		size_t steps = 0;

		(void)snprintf(text, sizeof text, " %.*s+" TAG "@y.example", 128, x);
		ck_assert(batv_citation_tag(batv_span_of(text), 130, false, &c, &steps));
		ck_assert_ptr_eq(c.begin, text + 2);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("citation");
	TCase *tc = tcase_create("citation");

	tcase_add_loop_test(tc, a_label, 0, (int)COUNT(labels));
	tcase_add_loop_test(tc, an_id_after_a_label, 0, (int)COUNT(afters));
	tcase_add_test(tc, how_far_an_id_may_be);
	tcase_add_test(tc, how_long_an_id_may_be);
	tcase_add_loop_test(tc, the_ids_of_a_field, 0, (int)COUNT(fields));
	tcase_add_test(tc, many_ids);
	tcase_add_loop_test(tc, a_tagged_address, 0, (int)COUNT(tags));
	tcase_add_test(tc, how_far_a_local_part_may_begin);
	suite_add_tcase(s, tc);
	return s;
}
