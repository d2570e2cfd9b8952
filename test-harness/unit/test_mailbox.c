/* links: core/evidence/mailbox core/tag/addr core/base/span */
/*
 * test_mailbox.c - finds the addresses in lists: in RFC 5322's forms, and in the others in use.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/mailbox.h"
#include "exact.h"
#include "unit.h"

static char got[4096];

static void note(void *ctx, const struct batv_addr *addr)
{
	size_t at = strlen(got), *calls = ctx;

	(*calls)++;
	if (at > 0)
		got[at++] = ' ';
	ck_assert_uint_lt(at + addr->text.len, sizeof got);
	memcpy(got + at, addr->text.p, addr->text.len);
	got[at + addr->text.len] = '\0';
}

static size_t list(struct batv_span value, size_t max)
{
	size_t calls = 0, n;

	got[0] = '\0';
	n = batv_mailbox_each(value, max, note, &calls);
	ck_assert_uint_eq(n, calls);
	return n;
}

static const struct {
	const char *value, *want;
} lists[] = {
	{"a@b", "a@b"},
	{"", ""},
	{" \r\n ", ""},
	{"a@b, c@d", "a@b c@d"},
	{"a@b,c@d,", "a@b c@d"},
	{",,a@b", "a@b"},
	{"<a@b>", "a@b"},
	{"Alice <a@b>", "a@b"},
	{"Alice Liddell <a@b>,\r\n\tBob <c@d>", "a@b c@d"},
	{"\"Liddell, Alice\" <a@b>, c@d", "a@b c@d"},
	{"\"x@y\" <a@b>", "a@b"},
	{"\"a \\\" <c@d>\" <a@b>", "a@b"},
	{"=?utf-8?q?Alice_=3Cx=40y=3E?= <a@b>", "a@b"},
	{"=?utf-8?B?PGFAYj4=?= <a@b>", "a@b"},
	{"(Alice) a@b (she)", "a@b"},
	{"a(left)@(right)b", "a@b"},
	{"a@b (nested (c@d, e@f) and \\) more)", "a@b"},
	{"Alice (<x@y>) <a@b>", "a@b"},
	{"a . b @ c . d", "a.b@c.d"},
	{"<a @\r\n b>", "a@b"},
	{"A group: a@b, Bob <c@d>; e@f", "a@b c@d e@f"},
	{"undisclosed-recipients:;", ""},
	{"g:;, a@b", "a@b"},
	{"<@x,@y:a@b>, c@d", "a@b c@d"},
	{"\"a b\"@c", "\"a b\"@c"},
	{"\"a,b\"@c, d@e", "\"a,b\"@c d@e"},
	{"<\"a>b\"@c>", "\"a>b\"@c"},
	{"a@[192.0.2.1]", "a@[192.0.2.1]"},
	{"a@[IPv6:2001:db8::1], c@d", "a@[IPv6:2001:db8::1] c@d"},
	{"Alice a@b", "a@b"},
	{"Alice a@b, c@d", "a@b c@d"},
	{"<a@b> Alice", "a@b"},
	{"<a@b> <c@d>", "a@b"},
	{"<a@b", "a@b"},
	{"Alice <>", ""},
	{"<>", ""},
	{"MAILER-DAEMON", ""},
	{"Alice, Bob <c@d>", "c@d"},
	{"a@b; c@d", "a@b c@d"},
	{"a@@b, c@d", "c@d"},
	{"a@b>, c@d", "a@b c@d"},
	{"<a@b, c@d>", "a@b c@d"},
	{"prvs=0518d2273c=a@b", "prvs=0518d2273c=a@b"},
	{"\xc3\xbc@b", "\xc3\xbc@b"},
	{"\"open a@b", ""},
	{"Bob(c)d@e", "d@e"},
	{"\"a\r\n b\"@c", "\"a b\"@c"},
	{"\"a\nb\"@c", "\"ab\"@c"},
	{"\"a\rb\"@c", "\"ab\"@c"},
	{"\"a\\\"b\"@c", "\"a\\\"b\"@c"},
	{"<Bob a@b", ""},
	{"<Bob a@b>", ""},
	{"@a,b@c,d@e", "b@c d@e"},
	{"<@a,@b:c@d>", "c@d"},
	{"<@:c@d>", "c@d"},
	{"A:a@b;", "a@b"},
	{"<a@b>:c@d", "a@b"},
	{"a@[IPv6:2001:db8::]", "a@[IPv6:2001:db8::]"},
	{"(open a@b", ""},
	{"a\\,b@c", "a\\,b@c"},
};

START_TEST(lists_of_addresses)
{
	list(batv_span_of(lists[_i].value), 100);
	ck_assert_msg(strcmp(got, lists[_i].want) == 0, "%s: %s", lists[_i].value, got);
}
END_TEST

START_TEST(no_more_than_wanted)
{
	char first[BATV_ADDR_SIZE];

	ck_assert_uint_eq(list(batv_span_of("a@b, c@d, e@f"), 2), 2);
	ck_assert_str_eq(got, "a@b c@d");
	ck_assert_uint_eq(list(batv_span_of("a@b"), 0), 0);
	ck_assert(batv_mailbox_first(batv_span_of("none, Bob <c@d>, e@f"), first));
	ck_assert_str_eq(first, "c@d");
	ck_assert(!batv_mailbox_first(batv_span_of("none"), first));
	ck_assert_str_eq(first, "");
}
END_TEST

/* 254 octets are an address, 255 are not; the next address is not lost. */
START_TEST(too_long_a_one_is_skipped)
{
	char text[600], first[BATV_ADDR_SIZE];

	memset(text, 'a', sizeof text);
	memcpy(text + 252, "@b", 2);
	ck_assert(batv_mailbox_first((struct batv_span){text, 254}, first));
	ck_assert_uint_eq(strlen(first), 254);
	memcpy(text + 252, "a@b, c@d", 8);
	ck_assert(batv_mailbox_first((struct batv_span){text, 260}, first));
	ck_assert_str_eq(first, "c@d");
	memcpy(text + 1, "@b", 2); /* nor is its beginning one */
	ck_assert(!batv_mailbox_first((struct batv_span){text, 252}, first) ||
		  strlen(first) == 252);
	memset(text + 252, 'a', 100);
	ck_assert(!batv_mailbox_first((struct batv_span){text, 300}, first));
	ck_assert(!batv_mailbox_first((struct batv_span){"a@b\0c@d", 7}, first));
	memset(text, 'a', 400);
	memcpy(text + 400, " <c@d>", 6); /* a long name does not make the address long */
	ck_assert(batv_mailbox_first((struct batv_span){text, 406}, first));
	ck_assert_str_eq(first, "c@d");
}
END_TEST

/* Any bytes, cut anywhere: the results are always addresses. */
START_TEST(rubbish_is_survived)
{
	static const char bytes[] = "a@b.,;:<>()[]\"\\ \r\n\0\377";
	unsigned long state = 20261122;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = round % 64;
		char *text = exact_room(len);

		for (size_t i = 0; i < len; i++) {
			state = state * 6364136223846793005ul + 1442695040888963407ul;
			text[i] = bytes[(state >> 33) % (sizeof bytes - 1)];
		}
		list((struct batv_span){text, len}, 10);
		free(text);
	}
}
END_TEST

START_TEST(long_fields_are_cut)
{
	static char text[BATV_MAILBOX_BYTES + 10];

	memset(text, '(', sizeof text);
	ck_assert_uint_eq(list((struct batv_span){text, sizeof text}, 10), 0);
	memset(text, ',', sizeof text);
	memcpy(text + BATV_MAILBOX_BYTES, "a@b", 3);
	ck_assert_uint_eq(list((struct batv_span){text, sizeof text}, 10), 0);
	memcpy(text + BATV_MAILBOX_BYTES - 3, "c@d", 3);
	ck_assert_uint_eq(list((struct batv_span){text, sizeof text}, 10), 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("mailbox");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, lists_of_addresses, 0, sizeof lists / sizeof lists[0]);
	tcase_add_test(tc, no_more_than_wanted);
	tcase_add_test(tc, too_long_a_one_is_skipped);
	tcase_add_test(tc, rubbish_is_survived);
	tcase_add_test(tc, long_fields_are_cut);
	suite_add_tcase(s, tc);
	return s;
}
