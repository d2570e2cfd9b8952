/* links: core/evidence/returned core/evidence/mailbox core/evidence/field core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * test_returned.c - whose message is returned: the recipient's own, or somebody else's?
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/returned.h"
#include "exact.h"
#include "unit.h"

static const char *const addresses[] = {"carol@ours.example", "prvs=0907dd3667=alice@ours.example"};

static const char *at(void *ctx, size_t i)
{
	(void)ctx;
	ck_assert_uint_lt(i, 2);
	return addresses[i];
}

static bool is_returned(const char *message, size_t n)
{
	const struct batv_recipients recipients = {n, at, NULL};
	size_t len = strlen(message);
	char *copy = exact_room(len);
	bool is;

	memcpy(copy, message, len);
	is = batv_returned_to((struct batv_span){copy, len}, &recipients);
	free(copy);
	return is;
}

static const struct {
	const char *message;
	bool want;
} messages[] = {
	{"From: alice@ours.example\n\n", true},
	{"From: Alice <Alice@OURS.example>\n", true},
	{"FROM : alice@ours.example", true},
	{"From: \"alice\"@ours.example\n", true},
	{"From: Alice\n\t<alice@ours.example>\r\n", true},
	{"From: bob@theirs.example, alice@ours.example\n", true},
	{"Return-Path: <prvs=1234abcdef=alice@ours.example>\nFrom: shop@ours.example\n", true},
	{"Return-path: <alice@ours.example>\n", true},
	{"Return-path: alice+prvs=1234abcdef@ours.example\n", true},
	{"From alice Mon Nov 2 10:00:00 2026\nFrom: carol@ours.example\n", true},
	{"\r\n\nFrom: carol@ours.example\n", true},
	{"To: bob@theirs.example\nSubject: From: alice@ours.example\n\nFrom: alice@ours.example\n",
	 false},
	{"From: bob@theirs.example\nTo: alice@ours.example\nReply-To: alice@ours.example\n", false},
	{"From: alice@ours.example.net\n", false},
	{"From: malice@ours.example\n", false},
	{"X-From: alice@ours.example\n", false},
	{"From: alice@ours.example <bob@theirs.example>\n", false},
	{"Return-Path: <>\n", false},
	{"From\n", false},
	{"", false},
	{"x\nFrom: alice@ours.example\n", true},
	{"From: a@b\nFrom: a@b\nFrom: a@b\nFrom: a@b\nFrom: a@b\nFrom: a@b\nFrom: a@b\n"
	 "From: x@y, alice@ours.example\n",
	 false},
};

START_TEST(the_author)
{
	ck_assert_msg(is_returned(messages[_i].message, 2) == messages[_i].want, "%s",
		      messages[_i].message);
	ck_assert(!is_returned(messages[_i].message, 0));
}
END_TEST

START_TEST(any_of_the_recipients)
{
	ck_assert(is_returned("From: carol@ours.example\n", 1));
	ck_assert(!is_returned("From: alice@ours.example\n", 1));
}
END_TEST

/* So many authors are compared, and so much of the header is read. */
START_TEST(limits)
{
	static char text[20000];
	char authors[200] = "";

	for (unsigned others = 0; others < 10; others++) {
		(void)snprintf(text, sizeof text, "%sFrom: alice@ours.example\n", authors);
		ck_assert_int_eq(is_returned(text, 2), others < 8);
		(void)snprintf(text, sizeof text, "From: %salice@ours.example\n",
			       others == 0   ? ""
			       : others == 7 ? "a@b,a@b,a@b,a@b,a@b,a@b,a@b,"
					     : "a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b,");
		ck_assert_int_eq(is_returned(text, 2), others == 0 || others == 7);
		strcat(authors, "From: a@b\n");
	}
	for (unsigned more = 0; more < 2; more++) {
		(void)snprintf(text, sizeof text, "X:%*s\nFrom: alice@ours.example",
			       16384 - 27 + (int)more, "");
		ck_assert_uint_eq(strlen(text), 16384 + more);
		ck_assert_int_eq(is_returned(text, 2), !more);
	}
}
END_TEST

static const char *many(void *ctx, size_t i)
{
	unsigned *asked = ctx;

	++*asked;
	return i == 5000 ? "alice@ours.example" : "x@y";
}

START_TEST(work_is_bounded)
{
	unsigned asked = 0;
	const struct batv_recipients recipients = {10000, many, &asked};
	static char text[1 << 20];

	ck_assert(!batv_returned_to(batv_span_of("From: alice@ours.example\n"), &recipients));
	ck_assert_uint_eq(asked, 100);
	for (size_t i = 0; i + 9 < sizeof text; i += 9)
		memcpy(text + i, "From:a@b\n", 9);
	ck_assert(!batv_returned_to((struct batv_span){text, sizeof text}, &recipients));
	ck_assert_uint_eq(asked, 900);
	asked = 0;
	memset(text, 'x', sizeof text);
	memcpy(text + sizeof text - 6, "\nFrom:", 6);
	ck_assert(!batv_returned_to((struct batv_span){text, sizeof text}, &recipients));
	ck_assert_uint_eq(asked, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("returned");
	TCase *tc = tcase_create("returned");

	tcase_add_loop_test(tc, the_author, 0, (int)(sizeof messages / sizeof messages[0]));
	tcase_add_test(tc, any_of_the_recipients);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, work_is_bounded);
	suite_add_tcase(s, tc);
	return s;
}
