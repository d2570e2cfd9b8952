/* links: core/evidence/original core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode */
/* links: core/evidence/mailbox core/evidence/field core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_original.c - whose message does a bounce return, and under which Message-ID?
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "evidence/original.h"
#include "unit.h"

static struct batv_search search;

/* The id of the message that alice@ours.example wrote; "" if there is none. */
static const char *original_in(const char *body)
{
	static char id[BATV_ID_MAX + 1];
	const struct batv_span text = batv_span_of(body);
	const struct batv_clue *clue;
	struct batv_addr alice;

	ck_assert_int_eq(batv_addr_parse("Alice@ours.example", 18, &alice), BATV_OK);
	batv_search_start(&search);
	batv_search_header(&search, (struct batv_header){batv_span_of("In-Reply-To"),
							 batv_span_of(" <header@ours.example>")});
	batv_search_body(&search, text);
	clue = batv_original_by(&search, text, &alice);
	(void)snprintf(id, sizeof id, "%.*s", clue ? (int)clue->value.len : 0,
		       clue ? clue->value.p : "");
	return id;
}

#define PART "--b\nContent-Type: message/rfc822\n\n"
#define HOPS "Received: from a by b;\n\tMon, 1 Jan 2024 00:00:00 +0000\n"

static const struct {
	const char *body, *id;
} bodies[] = {
	{"text\n\n" PART HOPS "From: Alice <alice@ours.example>\nMessage-ID: <1@x>\n\nhi\n--b--\n",
	 "1@x"},
	{PART "Message-ID:\n <1@x>\nSubject: a\nFrom:\n alice@OURS.example\n\nhi\n--b--\n", "1@x"},
	{PART "message-id: <1@x>\r\nfrom: alice@ours.example\r\n\r\nhi\r\n--b--\r\n", "1@x"},
	{"--b\nContent-Type: text/rfc822-headers\n\nFrom: alice@ours.example\nMessage-ID: <1@x>\n",
	 "1@x"},
	{"No such user.\n\n--- This is a copy of the message.\n\nReturn-Path: <a@b>\n"
	 "From: \"A, B\" <alice@ours.example>\nMessage-ID: <1@x>\n\nhi\n",
	 "1@x"},
	{"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
	 "From: alice@ours.example\nMessage-ID: <1=3D@x>\n\n",
	 "1=@x"},
	/* somebody else's, as a list's or a forwarder's */
	{PART "From: bob@ours.example\nMessage-ID: <1@x>\n\nhi\n--b--\n", ""},
	{PART "From: list@ours.example\nReply-To: alice@ours.example\nMessage-ID: <1@x>\n\n", ""},
	{PART "X-From: alice@ours.example\nMessage-ID: <1@x>\n\nFrom: alice@ours.example\n", ""},
	{PART "From: bob@theirs.example\nFrom: alice@ours.example\nMessage-ID: <1@x>\n\n", ""},
	/* the id of another header than the author's */
	{PART "From: alice@ours.example\nReferences: <1@x>\n\nMessage-ID: <2@x>\n", ""},
	{PART "From: alice@ours.example\n\nMessage-ID: <2@x>\nFrom: bob@theirs.example\n", ""},
	{PART "From: alice@ours.example\nResent-Message-ID: <2@x>\n\n", ""},
	/* the second message that is returned */
	{PART "From: bob@ours.example\nMessage-ID: <1@x>\n\nhi\n" PART
	      "Message-ID: <2@x>\nFrom: alice@ours.example\n\n",
	 "2@x"},
	{PART "From: alice@ours.example\nX: y\n Message-ID: <3@x>\nMessage-ID: none\n\n", ""},
	/* nothing, or cut off */
	{"No such user.\n", ""},
	{"", ""},
	{"Message-ID: <1@x>\nFrom: alice@ours.exam", ""},
	{"From: alice@ours.example\nMessage-ID: <1@x>", "1@x"},
};

START_TEST(whose)
{
	ck_assert_str_eq(original_in(bodies[_i].body), bodies[_i].id);
}
END_TEST

/* A header that has no end is read up to a limit, before the id and after it. */
START_TEST(bounded)
{
	static char body[3 * BATV_ORIGINAL_BYTES];
	size_t len = (size_t)snprintf(body, sizeof body, "From: alice@ours.example\n");

	while (len < BATV_ORIGINAL_BYTES + 100)
		len += (size_t)snprintf(body + len, sizeof body - len, "X-Filler: %zu\n", len);
	(void)snprintf(body + len, sizeof body - len, "Message-ID: <1@x>\n\n");
	ck_assert_str_eq(original_in(body), "");
	(void)snprintf(body + len, sizeof body - len,
		       "Message-ID: <1@x>\nFrom: alice@ours.example\n");
	ck_assert_str_eq(original_in(body), "1@x");
}
END_TEST

/* Selector and id of a returned message that ours.example has signed; "" if there is none. */
static const struct {
	const char *body, *found;
} signatures[] = {
	{PART "DKIM-Signature: v=1; d=ours.example; s=k1; b=x\nMessage-ID: <1@x>\n\n", "k1 1@x"},
	{PART "Message-ID: <1@x>\ndkim-signature: v=1;\n\ts=k1;\n\tD=OURS.example ; b=x\n\n",
	 "k1 1@x"},
	{PART "DKIM-Signature: d=theirs.example; s=a\nDKIM-Signature: d=ours.example; s=b\n"
	      "Message-ID: <1@x>\n\n",
	 "b 1@x"},
	{"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
	 "DKIM-Signature: v=3D1; d=3Dours.example; s=3Dk1\nMessage-ID: <1@x>\n\n",
	 "k1 1@x"},
	{PART "DKIM-Signature: d=sub.ours.example; s=k1\nMessage-ID: <1@x>\n\n", ""},
	{PART "DKIM-Signature: d=ours.example\nMessage-ID: <1@x>\n\n", ""},
	{PART "DKIM-Signature: s=d=ours.example\nMessage-ID: <1@x>\n\n", ""},
	{PART "X-DKIM-Signature: d=ours.example; s=k1\nMessage-ID: <1@x>\n\n", ""},
	{PART "Message-ID: <1@x>\n\nDKIM-Signature: d=ours.example; s=k1\n", ""},
	{PART "DKIM-Signature: d=ours.example; s=k1\nSubject: no id\n\n", ""},
	{PART "DKIM-Signature:;;=;d=;s=;\nMessage-ID: <1@x>\n\n", ""},
	{PART "DKIM-Signature:v=1;d=ours.example;s=k1;b=x\nMessage-ID: <1@x>\n\n", "k1 1@x"},
	{PART "DKIM-Signature: d=ours.example; s=k1\nDKIM-Signature: d=ours.example\n"
	      "Message-ID: <1@x>\n\n",
	 "k1 1@x"},
	{PART "XXXX-Signature: d=ours.example; s=k1\nMessage-ID: <1@x>\n\n", ""},
};

START_TEST(signed_by)
{
	const struct batv_span text = batv_span_of(signatures[_i].body);
	struct batv_original_signed o;
	char found[200] = "";

	batv_search_start(&search);
	batv_search_body(&search, text);
	if (batv_original_signed(&search, text, "ours.example", &o))
		(void)snprintf(found, sizeof found, "%.*s %.*s", (int)o.selector.len, o.selector.p,
			       (int)o.id->value.len, o.id->value.p);
	ck_assert_str_eq(found, signatures[_i].found);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("original");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, whose, 0, sizeof bodies / sizeof bodies[0]);
	tcase_add_test(tc, bounded);
	tcase_add_loop_test(tc, signed_by, 0, sizeof signatures / sizeof signatures[0]);
	suite_add_tcase(s, tc);
	return s;
}
