/* links: core/evidence/forwarded core/evidence/recorded core/evidence/mailbox core/evidence/field core/tag/tag core/tag/addr */
/* links: core/base/hmac core/base/span core/tag/key */
/*
 * test_forwarded.c - a bounce of another account, which was forwarded to us: each condition alone.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "evidence/forwarded.h"
#include "unit.h"

static unsigned asked;

static bool is_foreign(void *ctx, const struct batv_addr *addr)
{
	ck_assert_ptr_eq(ctx, &asked);
	asked++;
	return !batv_span_equal_fold(addr->domain, batv_span_of("ours.example"));
}

#define TO                                                                                         \
 {                                                                                                 \
  "To", "<alice@isp.example>"                                                                      \
 }
#define DELIVERED                                                                                  \
 {                                                                                                 \
  "Delivered-To", "alice@isp.example"                                                              \
 }
#define RETURNED                                                                                   \
 "Content-Type: message/rfc822\n\nReturn-Path: <Alice@ISP.example>\nFrom: x@isp.example\n"

struct field {
	const char *name, *value;
};

static bool is(const struct field *fields, size_t n, const char *body)
{
	struct batv_forwarded f;

	batv_forwarded_start(&f);
	for (size_t i = 0; i < n; i++)
		batv_forwarded_header(&f, (struct batv_header){batv_span_of(fields[i].name),
							       batv_span_of(fields[i].value)});
	asked = 0;
	return batv_forwarded_is(&f, batv_span_of(body), is_foreign, &asked);
}

#define IS(body, ...)                                                                              \
 is((const struct field[]){__VA_ARGS__},                                                           \
    sizeof(const struct field[]){__VA_ARGS__} / sizeof(struct field), body)

START_TEST(the_own_header)
{
	ck_assert(IS(RETURNED, TO, DELIVERED));
	ck_assert(IS(RETURNED, DELIVERED, TO)); /* in any order */
	ck_assert(IS(RETURNED, {"to", "Alice <prvs=0123abcdef=Alice@isp.example>"}, DELIVERED));
	ck_assert(IS(RETURNED, TO, {"X-Forwarded-To", "alice@isp.example"}));
	ck_assert(IS(RETURNED, TO, {"Resent-To", "b@c.example, Alice <alice@isp.example>"}));
	ck_assert(IS(RETURNED, TO, {"Received", "from a by b for <alice@isp.example>; date"}));
	ck_assert(IS(RETURNED, TO, {"Delivered-To", "x@y.example"}, DELIVERED));
	ck_assert(!IS(RETURNED, DELIVERED));
	ck_assert(!IS(RETURNED, TO));
	ck_assert(!IS(RETURNED, TO, TO, DELIVERED));
	ck_assert(!IS(RETURNED, {"To", "alice@isp.example, bob@isp.example"}, DELIVERED));
	ck_assert(!IS(RETURNED, {"To", "undisclosed-recipients:;"}, DELIVERED));
	ck_assert(!IS(RETURNED, TO, {"Delivered-To", "bob@isp.example"}));
	ck_assert(!IS(RETURNED, TO, {"X-Original-To", "alice@isp.example"}));
	ck_assert(!IS(RETURNED, TO, {"Envelope-To", "alice@isp.example"}));
	ck_assert(!IS(RETURNED, TO, {"Cc", "alice@isp.example"}));
	ck_assert(!IS(RETURNED, TO, {"Received", "from a (for <alice@isp.example>) by b; date"}));
	ck_assert(!IS("\nReturn-Path: <a@ours.example>\nFrom: a@isp.example\n",
		      {"To", "a@ours.example"}, {"Delivered-To", "a@ours.example"}));
	ck_assert_uint_eq(asked, 1);
	ck_assert(!IS("X-Postfix-Sender: rfc822; a@ours.example\n\nFrom: a@isp.example\n",
		      {"To", "a@ours.example"}, {"Delivered-To", "a@ours.example"}));
}
END_TEST

/* So many fields are kept, and so many addresses of one are compared. */
START_TEST(limits)
{
	static const char *const lists[] = {"a@b,a@b,a@b,a@b,a@b,a@b,a@b,alice@isp.example",
					    "a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b,alice@isp.example"};
	struct field fields[BATV_FORWARDED_FIELDS + 2] = {TO};

	ck_assert(IS(RETURNED, TO, {"Resent-To", lists[0]}));
	ck_assert(!IS(RETURNED, TO, {"Resent-To", lists[1]}));
	for (size_t i = 0; i <= BATV_FORWARDED_FIELDS; i++) {
		fields[i + 1] = (struct field)DELIVERED;
		ck_assert_int_eq(is(fields, i + 2, RETURNED), i < BATV_FORWARDED_FIELDS);
		fields[i + 1] = (struct field){"Delivered-To", "x@y.example"};
	}
}
END_TEST

/* The returned envelope sender is told in several places, of which the first counts. */
START_TEST(the_returned_sender)
{
	static const char *const yes[] = {
		"X-Postfix-Sender: rfc822; alice@isp.example\n\nFrom: a@b.example\n",
		"Received: from a\n\t(Envelope-From <alice@isp.example>)\n\tby b\nFrom: "
		"a@b.example\n",
		"From: a@b.example\r\nReturn-path: alice@isp.example\r\n\r\ntext",
		"Return-Path: <alice@isp.example>\nFrom: a@b.example\n"
		"Received: (envelope-from <x@isp.example>)\n",
		"Received: from a (envelope-from <alice@isp.example>), b@c.example;\n"
		"From: a@b.example\n",
		"From: a@b.example\nReceived: (envelope-from <alice@isp.example>",
		"Received: (envelope-from alice@isp.example)\nFrom: a@b.example\n",
		"Received:envelope-from <alice@isp.example>\nFrom: a@b.example\n",
		"Received: by b@c.example, x (envelope-from <alice@isp.example>)\n"
		"From: a@b.example\n",
		"From:a@b.example\nReturn-path:alice@isp.example\n\n",
		"X-Postfix-Sender: alice@isp.example\n\nFrom: a@b.example\n",
		"Return-Path: <alice@isp.example>\nx\nFrom: a@b.example\n",
	};
	static const char *const no[] = {
		"",
		"From: a@b.example\n",
		"X-Postfix-Sender: rfc822; alice@isp.example\n", /* nothing is returned */
		"Return-Path: <x@y.example>\nFrom: a@b\nReturn-Path: <alice@isp.example>\n",
		"Return-Path: <alice@isp.example>\n", /* no header: it has no author */
		"Return-Path: <alice@isp.example>\n\nFrom: a@b.example\n",
		"Return-Path: <x@isp.example>\nFrom: a@b.example\n",
		"Return-Path: <>\nFrom: a@b.example\n",
		"Return-Path: alice@isp.example, x@isp.example\nFrom: a@b.example\n",
		"X-Postfix-Sender: rfc822; alice@isp.example\n\nReturn-Path: <x@y.example>\nFrom: "
		"a@b\n",
		RETURNED "\n\nReturn-Path: <x@y.example>\nFrom: a@b.example\n",
	};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		ck_assert_msg(IS(yes[i], TO, DELIVERED), "%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		ck_assert_msg(!IS(no[i], TO, DELIVERED), "%s", no[i]);
}
END_TEST

START_TEST(an_address_of_ours)
{
	char many[4000] = RETURNED "To: ";

	ck_assert(IS(RETURNED
		     "Message-ID: <1@ours.example>\nIn-Reply-To: <2@ours.example>\n"
		     "References: <3@ours.example>\nX-Original-Message-ID: <4@ours.example>\n"
		     "Subject: @ and x@ and @.\n\nbob@ours.example\n",
		     TO, DELIVERED));
	ck_assert(!IS(RETURNED "To: bob@ours.example\n", TO, DELIVERED));
	ck_assert(!IS(RETURNED "X:@ours.example\n", TO, DELIVERED));
	ck_assert(!IS(RETURNED "To: x@y.example,\n bob@OURS.example.\n", TO, DELIVERED));
	ck_assert(!IS("Received: for <bob@ours.example>\n" RETURNED "X-Any: bob@ours.example\n", TO,
		      DELIVERED));
	ck_assert(!IS(RETURNED "\n\nFrom: bob@ours.example\n", TO, DELIVERED));
	for (int i = 0; i < 30; i++)
		(void)snprintf(many + strlen(many), sizeof many - strlen(many), "x@%d.example, ",
			       i);
	ck_assert(IS(many, TO, DELIVERED)); /* and two more */
	strcat(many, "x@y.example");
	ck_assert(!IS(many, TO, DELIVERED));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("forwarded");
	TCase *tc = tcase_create("forwarded");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, the_own_header);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, the_returned_sender);
	tcase_add_test(tc, an_address_of_ours);
	return s;
}
