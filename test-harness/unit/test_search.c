/* links: core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_search.c - messages with evidence, one per file, evidence/NAME.eml; and the order of
 * look-ups.  test_evidence_steps.c has messages that were made to keep the search busy.  Run from
 * the top of the tree.
 *
 * Each file lists its own clues, one per line: X-Expect: KIND ENCODING VALUE.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/search.h"
#include "message_lab.h"
#include "unit.h"

#define MESSAGES "test-harness/unit/evidence/*.eml"
#define MESSAGES_MIN 40
#define EXPECT_MAX 16
#define BODY_BYTES 131072 /* the default of evidence_bytes */

static struct batv_search search;

static struct batv_span span(const char *text)
{
	return batv_span_of(text);
}

/* ---- files ---- */

static void see_field(void *ctx, struct batv_header h)
{
	batv_search_header(ctx, h);
}

static void search_message(const char *text, size_t len)
{
	batv_search_start(&search);
	batv_search_body(&search,
			 message_lab_feed((struct batv_span){text, len}, see_field, &search));
}

static void search_body(const char *text)
{
	batv_search_start(&search);
	batv_search_body(&search, span(text));
}

static void clue_text(const struct batv_clue *c, char *out, size_t size)
{
	(void)snprintf(out, size, "%s %s %.*s", batv_clue_kind_name(c->kind),
		       batv_clue_encoding_name(c->encoding), (int)c->value.len, c->value.p);
}

/* Every clue is expected, and every expected clue is found; otherwise it names the first that is
 * not. */
static bool as_expected(const char *path, const char *text)
{
	static const char field[] = "X-Expect: ";
	char want[EXPECT_MAX][300], got[300];
	bool seen[EXPECT_MAX] = {false}, right = true;
	size_t n = 0, j;

	for (; strncmp(text, field, strlen(field)) == 0; text = strchr(text, '\n') + 1, n++) {
		const char *value = text + strlen(field);

		ck_assert_uint_lt(n, EXPECT_MAX);
		(void)snprintf(want[n], sizeof want[n], "%.*s", (int)strcspn(value, "\r\n"), value);
	}
	for (size_t i = 0; i < search.found.n; i++) {
		clue_text(&search.found.clues[i], got, sizeof got);
		for (j = 0; j < n && (seen[j] || strcmp(want[j], got) != 0);)
			j++;
		if (j < n)
			seen[j] = true;
		else
			(void)printf("%s: not expected: %s\n", path, got), right = false;
	}
	for (j = 0; j < n; j++)
		if (!seen[j])
			(void)printf("%s: not found: %s\n", path, want[j]), right = false;
	return right;
}

START_TEST(messages_have_their_evidence)
{
	unsigned kinds[BATV_CLUE_KINDS] = {0}, encodings[BATV_ENCODING_COUNT] = {0}, wrong = 0;
	static char text[262144];
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	ck_assert_uint_ge(files.gl_pathc, MESSAGES_MIN);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t len = message_lab_read(files.gl_pathv[i], text, sizeof text - 1);

		text[len] = '\0';
		search_message(text, len);
		wrong += !as_expected(files.gl_pathv[i], text);
		for (size_t j = 0; j < search.found.n; j++) {
			kinds[search.found.clues[j].kind]++;
			encodings[search.found.clues[j].encoding]++;
		}
	}
	globfree(&files);
	ck_assert_uint_eq(wrong, 0);
	for (size_t i = 0; i < BATV_CLUE_KINDS; i++)
		ck_assert_msg(kinds[i] > 0, "%s", batv_clue_kind_name((enum batv_clue_kind)i));
	for (size_t i = 0; i < BATV_ENCODING_COUNT; i++)
		ck_assert_uint_gt(encodings[i], 0);
}
END_TEST

/* A clue is where the search says: unencoded text is found there unchanged. */
static void check_place(const char *text, size_t len, const struct batv_clue *c)
{
	char plain[BATV_ID_MAX + 1];
	size_t n = 0;

	ck_assert(c->raw.p >= text && c->raw.p + c->raw.len <= text + len);
	ck_assert_uint_gt(c->raw.len, 0);
	if (c->encoding != BATV_ENCODING_NONE || memmem(c->raw.p, c->raw.len, "&", 1))
		return;
	for (size_t i = 0; i < c->raw.len; i++)
		if (!strchr(batv_clue_is_id(c->kind) ? " \t\r\n" : "\r\n", c->raw.p[i]))
			plain[n++] = c->raw.p[i];
	ck_assert_ptr_nonnull(memmem(plain, n, c->value.p, c->value.len));
}

/* Cut anywhere: nothing is read beyond the end, and every clue is where the search says. */
START_TEST(damaged_messages_are_survived)
{
	static char text[262144];
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t len = message_lab_read(files.gl_pathv[i], text, sizeof text);

		for (size_t at = 0; at < len; at += 1 + len / 100) {
			char *copy = malloc(at + 1); /* of exactly this size, for the sanitizers */

			memcpy(copy, text, at);
			copy[at] = "\"=(<>&\0\n\377"[at % 9];
			batv_search_start(&search);
			batv_search_header(
				&search, (struct batv_header){span("References"), {copy, at + 1}});
			batv_search_body(&search, (struct batv_span){copy, at + 1});
			ck_assert_uint_le(search.found.n, BATV_CLUES_MAX);
			for (size_t j = 0; j < search.found.n; j++)
				check_place(copy, at + 1, &search.found.clues[j]);
			free(copy);
		}
	}
	globfree(&files);
}
END_TEST

/* Decoded text is searched through a window: an id is found once, wherever it falls. */
START_TEST(windows_of_base64_lose_nothing)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char tail[] = "\nX-Original-Message-ID: <a-long-one.20261122@ours.example>\n";
	static char plain[20000], coded[30000];

	for (size_t pad = 5800; pad < 14500; pad += 7) {
		size_t len = pad + sizeof tail - 1, n = 0, begin = 0;

		memset(plain, '.', sizeof plain);
		memcpy(plain + pad, tail, sizeof tail - 1);
		for (size_t i = 0; i < len; i += 3) {
			unsigned bits = (unsigned)plain[i] << 16 | (unsigned)plain[i + 1] << 8 |
					(unsigned)plain[i + 2];

			if (i % 57 == 0 && i > 0)
				coded[n++] = '\n';
			if (i <= pad + 24)
				begin = n;
			for (int shift = 18; shift >= 0; shift -= 6)
				coded[n++] = alphabet[bits >> shift & 63];
		}
		batv_search_start(&search);
		batv_search_body(&search, (struct batv_span){coded, n});
		ck_assert_uint_eq(search.found.n, 1);
		ck_assert_int_eq(search.found.clues[0].kind, BATV_CLUE_X_ORIGINAL_ID);
		ck_assert_int_eq(search.found.clues[0].encoding, BATV_ENCODING_BASE64);
		ck_assert(batv_span_equal(search.found.clues[0].value,
					  span("a-long-one.20261122@ours.example")));
		ck_assert_uint_ge(search.found.clues[0].offset, begin);
		ck_assert_uint_lt(search.found.clues[0].offset, begin + 4);
	}
}
END_TEST

/* ---- single labels ---- */

static const struct {
	const char *text;
	const char *want; /* the only id; NULL if there is none */
} labels[] = {
	{"Message-ID: <a@b>", "a@b"},
	{"MESSAGE-ID:<a@b>", "a@b"},
	{"message_id = <a@b>", "a@b"},
	{"Message Id: a@b.c", "a@b.c"},
	{"MessageID \"<a@b>\"", "a@b"},
	{"Message-ID: a@b, and so on", "a@b"},
	{"Message-ID: a@b.", "a@b"},
	{"Message-ID : (none)", NULL},
	{"Message-IDs: <a@b>", NULL},
	{"Message-Identifier: <a@b>", NULL},
	{"Mess age-ID: <a@b>", NULL},
	{"Message-ID:\r\n\t<a@b>", "a@b"},
	{"Message-ID:\n> <a@b>", "a@b"},
	{"Message-ID:\n| > <a@b>", "a@b"},
	{"Message-ID:\n\n\n<a@b>", NULL},
	{"Message-ID: <>", NULL},
	{"Message-ID: <@b>", NULL},
	{"Message-ID: <a@>", NULL},
	{"Message-ID: <a@b", NULL},
	{"Message-ID: <a<b@c>", NULL},
	{"Message-ID: <a\001@b>", NULL},
	{"Message-ID: < a @ b >", "a@b"},
	{"Message-ID: <a\n b@c>", "ab@c"},
	{"Message-ID: <a\nb@c>", NULL},
	{"Message-ID: <\"a b\"@c>", "\"ab\"@c"},
	{"Message-ID: <a@[192.0.2.1]>", "a@[192.0.2.1]"},
	{"Message-ID: <a=b@c>", "a=b@c"},
	{"Message-ID: <12345678>", "12345678"},
	{"Message-ID: <none>", NULL},
	{"<b>Message-ID</b>: &LT;a@b&gt;", "a@b"},
	{"<td>Message-ID</td><td title=\"x@y\">&#60;a&#64;b&#x3E;</td>", "a@b"},
	{"Message-ID: <a href=\"mailto:a@b\">a@b.c</a>", "a@b.c"},
	{"Message-ID: &lt;a&amp;c@b&gt;", "a&c@b"},
	{"Message-ID: &#x3C;a&#38;c&#x40;b&#62;", "a&c@b"},
	{"Message-ID: &#60;a&#43;c&#61;d&#x3d;e&#64;b&#x3e;", "a+c=d=e@b"},
	{"Message-ID: &lt;&#34;a&quot;@b&gt;", "\"a\"@b"},
	{"Message-ID:&nbsp;&#160;&#xA0;<a@b>", "a@b"},
	{"Message-ID:=20=\n=3Ca=40b=3E", "a@b"},
	{"Mess=\nage-=\r\nID: <a@b>", "a@b"},
	{"Message-ID: <lo=  \nng@b>", "long@b"},
	{"x=20Message-ID: <a@b>", "a@b"},
	{"message-id", NULL},
	{"Message-ID:", NULL},
	{"Message-ID:\xc2\xa0<a@b>", "a@b"},
	{"Message-ID: (of your mail) <a@b>", "a@b"},
	{"Message-ID (if any): <a@b>", "a@b"},
	{"Message-ID: (a (nested) \\) one)\n\t<a@b>", "a@b"},
	{"Message-ID: (x@y) a@b", "a@b"},
	{"Message-ID: (never closed <a@b>", NULL},
	{"Message-ID: (cut\noff) <a@b>", NULL},
	{"MsgId: <a@b>", "a@b"},
	{"Msg-ID=<a@b>", "a@b"},
	{"X-Original-msgid: <a@b>", "a@b"},
	{"msg_id a@b", "a@b"},
	{"M=\nsgId: <a@b>", "a@b"},
	{"MsgIdx: <a@b>", NULL},
	{"Msg: <a@b>", NULL},
};

START_TEST(labels_and_their_ids)
{
	search_body(labels[_i].text);
	if (!labels[_i].want) {
		ck_assert_msg(search.found.n == 0, "%s", labels[_i].text);
		return;
	}
	ck_assert_msg(search.found.n == 1, "%s: %zu", labels[_i].text, search.found.n);
	ck_assert_msg(batv_span_equal(search.found.clues[0].value, span(labels[_i].want)),
		      "%s: %.*s", labels[_i].text, (int)search.found.clues[0].value.len,
		      search.found.clues[0].value.p);
}
END_TEST

static const struct {
	const char *text, *kind, *want;
} addresses[] = {
	{"Return-Path: <prvs=0518d2273c=a@b>", "return-path", "prvs=0518d2273c=a@b"},
	{"Return-path: prvs=0518D2273C=a@b", "return-path", "prvs=0518D2273C=a@b"},
	{"X-Postfix-Sender: rfc822; PRVS=0518d2273c=a@b", "x-postfix-sender",
	 "PRVS=0518d2273c=a@b"},
	{"(envelope-from\n\t<prvs=0518d2273c=a@b>)", "envelope-from", "prvs=0518d2273c=a@b"},
	{"smtp.mailfrom=prvs=0518d2273c=a@b;", "smtp.mailfrom", "prvs=0518d2273c=a@b"},
	{"smtp.mailfrom=3Dprvs=3D0518d2273c=3Da@b", "smtp.mailfrom", "prvs=0518d2273c=a@b"},
	{"smtp.mailfrom=a+prvs=0518d2273c@b", "smtp.mailfrom", "a+prvs=0518d2273c@b"},
	{"smtp.mailfrom=3Da+prvs=3D0518d2273c@b", "smtp.mailfrom", "a+prvs=0518d2273c@b"},
	{">>> MAIL FROM:<prvs=0518d2273c=a@b> SIZE=1", "mail-from", "prvs=0518d2273c=a@b"},
	{"Return-Path: &lt;prvs=0518d2273c=a@b&gt;", "return-path", "prvs=0518d2273c=a@b"},
	{"no such user prvs=0518d2273c=a@b.", "tagged-address", "prvs=0518d2273c=a@b"},
	{"<pr=\nvs=3D0518d2273c=3D=\nal=\nice@b>", "tagged-address", "prvs=0518d2273c=alice@b"},
	{"<al=\nice+prvs=3D0518d2273c@b>", "tagged-address", "alice+prvs=0518d2273c@b"},
	{"<\"prvs=0518d2273c=a b\"@b>", "tagged-address", "\"prvs=0518d2273c=a b\"@b"},
	{"\"prvs=0518d2273c=a@b\"", "tagged-address", "prvs=0518d2273c=a@b"},
	{"<prvs=0518d2273c=a@[192.0.2.1]>", "tagged-address", "prvs=0518d2273c=a@[192.0.2.1]"},
	{"[prvs=0518d2273c=a@b]: no", "tagged-address", "prvs=0518d2273c=a@b"},
	{"prvs=0518d2273c=a", NULL, NULL},
	{"prvs=0518d2273=a@b", NULL, NULL},
	{"prvs=a/0518d2273c@b", NULL, NULL},
	{"prvs=0518d2273c@b", NULL, NULL},
	{"\n\"+prvs=0518d2273c\"@b", NULL, NULL},
	{"+prvs=0518d2273c\"@b", NULL, NULL},
	{"prvs", NULL, NULL},
};

START_TEST(tagged_addresses)
{
	search_body(addresses[_i].text);
	if (!addresses[_i].want) {
		ck_assert_msg(search.found.n == 0, "%s", addresses[_i].text);
		return;
	}
	ck_assert_msg(search.found.n >= 1, "%s", addresses[_i].text);
	ck_assert_msg(batv_span_equal(search.found.clues[0].value, span(addresses[_i].want)),
		      "%.*s", (int)search.found.clues[0].value.len, search.found.clues[0].value.p);
	ck_assert_str_eq(batv_clue_kind_name(search.found.clues[0].kind), addresses[_i].kind);
}
END_TEST

/* ---- which clues are looked up ---- */

static void field(const char *name, const char *value)
{
	batv_search_header(&search, (struct batv_header){span(name), span(value)});
}

/* "a b c": the ids without their "@x" */
static void check_ids(const char *want)
{
	const struct batv_clue *ids[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_ids(&search.found, ids), at = 0;
	char got[200] = "";

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", i > 0 ? " " : "",
				       (int)ids[i]->value.len - 2, ids[i]->value.p);
	ck_assert_str_eq(got, want);
}

START_TEST(outermost_ids_come_first)
{
	batv_search_start(&search);
	check_ids("");
	field("References", "<r1@x> <r2@x> <r3@x> <r4@x> <r5@x> <r6@x>");
	check_ids("r6 r5 r4 r3");
	field("in-reply-to", " <i@x> (Bob's message of Sunday)");
	check_ids("i r6 r5 r4");
	/* half of the places are for the body */
	batv_search_body(&search, span("Message-ID: <b1@x>\nMessage-ID: <b2@x>\n"
				       "Message-ID: <b1@x>\nMessage-ID: <b3@x>\n"));
	check_ids("i r6 b1 b2");
}
END_TEST

START_TEST(the_body_takes_what_the_header_leaves)
{
	batv_search_start(&search);
	field("In-Reply-To", "<i@x>");
	field("References", "<i@x>");
	batv_search_body(&search, span("X-Weak-Message-ID: <w@x>\nMessage-ID: <b1@x>\n"
				       "Message-ID: <i@x>\nMessage-ID: <b2@x>\n"));
	check_ids("i b1 b2 w");
	batv_search_start(&search);
	field("References", "<r1@x> <r2@x> <r3@x> <r4@x>");
	batv_search_body(&search, span("Message-ID: <b1@x>\n"));
	check_ids("r4 r3 r2 b1");
}
END_TEST

/* The id of the returned message, however many ids the text before it has. */
START_TEST(what_is_returned_comes_first)
{
	static const char *const returned[] = {"text/rfc822-headers", "message/rfc822",
					       "message/global"};
	static char text[40000];

	for (unsigned hops = 1; hops < 400; hops += 57)
		for (size_t type = 0; type < 3; type++) {
			size_t at = 0;

			for (unsigned i = 0; i < hops; i++)
				at += (size_t)snprintf(text + at, sizeof text - at,
						       "Message-ID: <%u@x>\n", i);
			snprintf(text + at, sizeof text - at,
				 "--b\nContent-Type: %s\n\nX-Message-ID: <w@x>\nMessage-ID: "
				 "<r@x>\n\n"
				 "Message-ID: <s@x>\n",
				 returned[type]);
			search_body(text);
			check_ids(hops == 1 ? "r s 0 w" : "r s 0 1");
		}
}
END_TEST

START_TEST(the_original_comes_before_other_ids)
{
	static char text[40000];
	size_t at = 0;

	for (unsigned i = 0; i < 400; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "Message-ID: <%u@x>\n", i);
	snprintf(text + at, sizeof text - at,
		 "--b\nContent-Type: message/disposition-notification\n\n"
		 "Original-Message-ID: <o@x>\n");
	search_body(text);
	check_ids("o 0 1 2");
	search_body("MsgId: <w@x>\nMessage-ID: <a@x>\n");
	check_ids("a w");
}
END_TEST

/* Providers have names of their own for it. */
START_TEST(own_fields_name_the_original)
{
	static const char *const names[] = {"X-CM-Original-Message-ID", "X-Original-Message-Id",
					    "x-gate-ORIGINAL-MESSAGE-ID"};

	for (size_t i = 0; i < 3; i++) {
		batv_search_start(&search);
		field(names[i], " (your mail) <o@x>");
		check_ids("o");
		ck_assert_int_eq(search.found.clues[0].kind, BATV_CLUE_X_ORIGINAL_ID);
	}
	batv_search_start(&search);
	field("X-Original-Message-ID-Hash", "<o@x>");
	field("Message-ID", "<o@x>");
	check_ids("");
}
END_TEST

START_TEST(no_sender_fools_the_count)
{
	const struct batv_clue *found[BATV_LOOKUPS_MAX];
	static char text[BODY_BYTES];
	size_t at = 0;

	for (unsigned i = 0; at < sizeof text - 200; i++)
		at += (size_t)snprintf(text + at, sizeof text - at,
				       "Message-ID: <%u@x>\nReturn-Path: <prvs=%04uabcdef=a@b>\n",
				       i, i % 10000);
	batv_search_start(&search);
	batv_search_body(&search, (struct batv_span){text, at});
	ck_assert(search.found.full);
	ck_assert_uint_eq(search.found.n, BATV_CLUE_IDS_MAX * 5 / 6 + BATV_CLUE_TAGS_MAX);
	check_ids("0 1 2 3");
	ck_assert_uint_eq(batv_clues_tags(&search.found, found), BATV_LOOKUPS_MAX);
	ck_assert(batv_span_equal(found[3]->value, span("prvs=0003abcdef=a@b")));
}
END_TEST

/* "1 2": the MAC's last digits of the tagged addresses that are looked up */
static void check_tags(const char *want)
{
	const struct batv_clue *found[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_tags(&search.found, found), at = 0;
	char got[200] = "";

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", i > 0 ? " " : "", 1,
				       found[i]->value.p + 14);
	ck_assert_str_eq(got, want);
}

/* The header has half of the places as long as the body has any; each field shows one. */
START_TEST(tags_of_the_header_and_of_the_body)
{
	batv_search_start(&search);
	field("Delivered-To", "prvs=0518abcde1=a@b, prvs=0518abcde9=a@b");
	field("X-Original-To", "<PRVS=0518abcde2=a@b>");
	field("envelope-to", " prvs=0518abcde3=a@b");
	field("Received", "from x by y for prvs=0518abcde4=a@b; date");
	field("Received", "from x by y for prvs=0518abcde5=a@b; date");
	check_tags("1 2 3 4");
	check_ids(""); /* they are not ids */
	batv_search_body(&search, span("prvs=0518abcde6=a@b\n"));
	check_tags("1 2 6 3");
	batv_search_start(&search);
	field("Delivered-To", "prvs=0518abcde1=a@b");
	field("Received", "from x for y");
	field("Received", "from x for");
	field("X-Delivered-To", "prvs=0518abcde7=a@b");
	field("To", "prvs=0518abcde7=a@b");
	field("Return-Path", "prvs=0518abcde7=a@b");
	field("Delivered-To", "prvs=x, prvs=0518abcde7=a@b");
	check_tags("1");
	batv_search_body(&search,
			 span("prvs=0518abcde6=a@b prvs=0518abcde7=a@b prvs=0518abcde8=a@b "
			      "prvs=0518abcde9=a@b\n"));
	check_tags("1 6 7 8");
	batv_search_start(&search);
	for (unsigned i = 0; i < 1000; i++)
		field("Delivered-To", i % 2 ? "prvs=0518abcde1=a@b" : "prvs=0518abcde2=a@b");
	ck_assert_uint_eq(search.found.n, 2);
}
END_TEST

START_TEST(long_values_leave_room)
{
	static char text[40000];
	size_t at = 0;

	/* 997 octets are an id, 1000 are none; the room for all of them is used up, not passed */
	for (unsigned i = 0; i < 30; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "Message-ID: <%0*u@x>\n",
				       i % 3 == 2 ? 998 : 995, i);
	batv_search_start(&search);
	batv_search_body(&search, (struct batv_span){text, at});
	ck_assert(search.found.full);
	ck_assert_uint_eq(search.found.n, BATV_CLUE_TEXT_MAX * 5 / 6 / 997);
	for (size_t i = 0; i < search.found.n; i++)
		ck_assert_uint_eq(search.found.clues[i].value.len, 997);
}
END_TEST

/* No header can hide the message that the body returns. */
START_TEST(a_full_header_leaves_room_for_the_body)
{
	char value[1000];

	for (int width = 1; width < 1000; width += 989) {
		batv_search_start(&search);
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(value, sizeof value, "<%0*u@x>", width, i);
			batv_search_header(&search,
					   (struct batv_header){span("In-Reply-To"), span(value)});
		}
		batv_search_body(&search, span("Message-ID: <ours@x>\n"));
		ck_assert(search.found.full);
		ck_assert(batv_span_equal(search.found.clues[search.found.n - 1].value,
					  span("ours@x")));
	}
}
END_TEST

/* ---- the id of mail that leaves ---- */

static const struct {
	const char *value, *want;
} leaving[] = {
	{" <1@ours.example>\n", "1@ours.example"},
	{"\r\n\t<1@ours.example>", "1@ours.example"},
	{"<a\r\n b@ours.example>", "ab@ours.example"},
	{"1@ours.example", "1@ours.example"},
	{" <20261122.1234>", "20261122.1234"},
	{"<1@ours.example> (y)", "1@ours.example"},
	{"", NULL},
	{"<>", NULL},
	{"none", NULL},
};

START_TEST(ids_that_leave_meet_those_that_come_back)
{
	char out[BATV_ID_MAX], text[100];
	size_t len = 0;
	bool found = batv_search_message_id(span(leaving[_i].value), out, &len);

	ck_assert_int_eq(found, leaving[_i].want != NULL);
	if (!found)
		return;
	ck_assert(batv_span_equal((struct batv_span){out, len}, span(leaving[_i].want)));
	(void)snprintf(text, sizeof text, "Message-ID: %s\n", leaving[_i].value);
	search_body(text);
	ck_assert_uint_eq(search.found.n, 1);
	ck_assert(batv_span_equal(search.found.clues[0].value, span(leaving[_i].want)));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("evidence");
	TCase *files = tcase_create("files"), *rules = tcase_create("rules");

	tcase_add_test(files, messages_have_their_evidence);
	tcase_add_test(files, damaged_messages_are_survived);
	tcase_add_test(files, windows_of_base64_lose_nothing);
	tcase_add_loop_test(rules, labels_and_their_ids, 0, sizeof labels / sizeof labels[0]);
	tcase_add_loop_test(rules, tagged_addresses, 0, sizeof addresses / sizeof addresses[0]);
	tcase_add_test(rules, outermost_ids_come_first);
	tcase_add_test(rules, the_body_takes_what_the_header_leaves);
	tcase_add_test(rules, what_is_returned_comes_first);
	tcase_add_test(rules, the_original_comes_before_other_ids);
	tcase_add_test(rules, own_fields_name_the_original);
	tcase_add_test(rules, no_sender_fools_the_count);
	tcase_add_test(rules, tags_of_the_header_and_of_the_body);
	tcase_add_test(rules, long_values_leave_room);
	tcase_add_test(rules, a_full_header_leaves_room_for_the_body);
	tcase_add_loop_test(rules, ids_that_leave_meet_those_that_come_back, 0,
			    sizeof leaving / sizeof leaving[0]);
	suite_add_tcase(s, files);
	suite_add_tcase(s, rules);
	return s;
}
