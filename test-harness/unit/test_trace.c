/* links: core/evidence/trace core/tag/tag core/tag/key core/base/hmac core/tag/addr core/base/span */
/*
 * test_trace.c - reads Exim's Received lines in all their forms, and walks down through them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/trace.h"
#include "exact.h"
#include "unit.h"

#define US "mx.test"
#define ID "1abcDE-000123-4X"
#define NEW_ID "1vOXYZ-00000001abC-2D3e"

/* The rest of a line after "by US with PROTOCOL". */
#define REST                                                                                       \
 " (Exim 4.96)\n\t(envelope-from <a@b.test>)\n\tid " ID "\n\tfor c@d.test;\n\tThu, 1 Jan"

static struct batv_trace_line line;

static enum batv_trace_reading reading(const char *value)
{
	memset(&line, 0, sizeof line);
	return batv_trace_read(batv_span_of(US), batv_span_of(value), &line);
}

static void same(struct batv_span got, const char *want)
{
	ck_assert_msg(batv_span_equal(got, batv_span_of(want)), "got \"%.*s\", want \"%s\"",
		      (int)got.len, got.len ? got.p : "", want);
}

/* ---- Exim's own lines ---- */

static const struct {
	const char *value, *name, *address, *protocol, *sender;
} ours[] = {
	/* a host, with and without HELO, ident, name and port */
	{" from [192.0.2.1]\n\tby " US " with smtp" REST, "", "192.0.2.1", "smtp", "a@b.test"},
	{" from [192.0.2.1] (helo=x.test)\n\tby " US " with esmtp" REST, "", "192.0.2.1", "esmtp",
	 "a@b.test"},
	{" from [192.0.2.1] (helo=x ident=y)\n\tby " US " with esmtp" REST, "", "192.0.2.1",
	 "esmtp", "a@b.test"},
	{" from [192.0.2.1] (port=25 helo=x ident=y)\n\tby " US " with esmtp" REST, "", "192.0.2.1",
	 "esmtp", "a@b.test"},
	{" from [2001:db8::1] (helo=x)\n\tby " US " with esmtp" REST, "", "2001:db8::1", "esmtp",
	 "a@b.test"},
	{" from n.test ([192.0.2.1])\n\tby " US " with esmtps" REST, "n.test", "192.0.2.1",
	 "esmtps", "a@b.test"},
	{" from n.test ([192.0.2.1] helo=x)\n\tby " US " with esmtps" REST, "n.test", "192.0.2.1",
	 "esmtps", "a@b.test"},
	{" from n.test ([192.0.2.1]:1234 helo=x)\n\tby " US " with esmtps" REST, "n.test",
	 "192.0.2.1", "esmtps", "a@b.test"},
	{" from n.test ([192.0.2.1] ident=y)\n\tby " US " with esmtps" REST, "n.test", "192.0.2.1",
	 "esmtps", "a@b.test"},
	{" from n.test\n\t([192.0.2.1] helo=x ident=y)\n\tby " US " with esmtps" REST, "n.test",
	 "192.0.2.1", "esmtps", "a@b.test"},
	/* an address literal as HELO, which is another host's */
	{" from [192.0.2.1] (helo=[127.0.0.1])\n\tby " US " with esmtp" REST, "", "192.0.2.1",
	 "esmtp", "a@b.test"},
	{" from n.test ([192.0.2.1] helo=[IPv6:::1])\n\tby " US " with esmtp" REST, "n.test",
	 "192.0.2.1", "esmtp", "a@b.test"},
	/* junk that a stranger may choose */
	{" from [192.0.2.1] (helo=x) by " US " with esmtpsa (y)\n\tby " US " with esmtp" REST, "",
	 "192.0.2.1", "esmtp", "a@b.test"},
	{" from [192.0.2.1] (helo=([127.0.0.1]))\n\tby " US " with esmtp" REST, "", "192.0.2.1",
	 "esmtp", "a@b.test"},
	{" from [192.0.2.1] (helo=x ident=by " US " with asmtp (Exim))\n\tby " US
	 " with esmtp" REST,
	 "", "192.0.2.1", "esmtp", "a@b.test"},
	/* TLS, as 4.96 to 4.100 write it, and as older ones did */
	{" from [192.0.2.1] (helo=x)\n\tby " US
	 " with esmtpsa  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.100.1)\n\t"
	 "(envelope-from <a@b.test>)\n\tid " NEW_ID ";\n\tThu, 1 Jan",
	 "", "192.0.2.1", "esmtpsa", "a@b.test"},
	{" from [192.0.2.1] (helo=x)\n\tby " US
	 " with esmtps (TLSv1:AES:256)\n\t(Exim 4.80)\n\t(envelope-from <a@b.test>)\n\tid " ID,
	 "", "192.0.2.1", "esmtps", "a@b.test"},
	/* without a host */
	{" by " US " with local" REST, "", "", "local", "a@b.test"},
	{" from alice by " US " with local" REST, "", "", "local", "a@b.test"},
	{" from \"al ice\" by " US " with local" REST, "", "", "local", "a@b.test"},
	{" from \"a\\\" by x with\" by " US " with local" REST, "", "", "local", "a@b.test"},
	{" from alice (helo=x)\n\tby " US " with local-esmtp" REST, "", "", "local-esmtp",
	 "a@b.test"},
	{" from \"al ice\" (helo=x)\n\tby " US " with local-esmtp" REST, "", "", "local-esmtp",
	 "a@b.test"},
	{" (helo=x)\n\tby " US " with local-bsmtp" REST, "", "", "local-bsmtp", "a@b.test"},
	{" from alice by " US " with spam-scanned" REST, "", "", "spam-scanned", "a@b.test"},
	/* SMTPUTF8, capitals of the name, CRLF, another fold */
	{" from [192.0.2.1]\n\tby " US " with utf8esmtpsa" REST, "", "192.0.2.1", "utf8esmtpsa",
	 "a@b.test"},
	{" from [192.0.2.1]\n\tby MX.Test with smtp" REST, "", "192.0.2.1", "smtp", "a@b.test"},
	{" from [192.0.2.1]\r\n        by " US " with smtp (Exim 4.96)\r\n  (envelope-from "
	 "<a@b.test>)\r\n  id " ID "\r\n  for x@y; Thu, 1 Jan",
	 "", "192.0.2.1", "smtp", "a@b.test"},
	/* the null sender, and a quoted one */
	{" from [192.0.2.1]\n\tby " US " with smtp (Exim 4.96)\n\tid " ID ";\n\tThu, 1 Jan", "",
	 "192.0.2.1", "smtp", ""},
	{" from [192.0.2.1]\n\tby " US " with smtp (Exim 4.96)\n\t(envelope-from <\"id x>) by " US
	 " with\"@b.test>)\n\tid " ID ";\n\tThu, 1 Jan",
	 "", "192.0.2.1", "smtp", "\"id x>) by " US " with\"@b.test"},
};

START_TEST(reads_every_form_of_exims_line)
{
	ck_assert_msg(reading(ours[_i].value) == BATV_TRACE_READ, "%s", ours[_i].value);
	same(line.name, ours[_i].name);
	same(line.address, ours[_i].address);
	same(line.protocol, ours[_i].protocol);
	same(line.sender, ours[_i].sender);
	ck_assert_int_eq(line.has_sender, *ours[_i].sender != '\0');
	same(line.id, strstr(ours[_i].value, NEW_ID) ? NEW_ID : ID);
}
END_TEST

/* ---- Lines that are somebody else's, or that cannot be read ---- */

static const struct {
	const char *value;
	enum batv_trace_reading want;
} others[] = {
	{"", BATV_TRACE_NOT_OURS},
	{" from [192.0.2.1]\n\tby other.test with smtp" REST, BATV_TRACE_NOT_OURS},
	{" from [192.0.2.1]\n\tby " US ".evil.test with smtp" REST, BATV_TRACE_NOT_OURS},
	{" from " US " ([127.0.0.1])\n by localhost (" US " [127.0.0.1]) (amavisd-new, port 10024)"
	 "\n with ESMTP id x; Thu, 1 Jan",
	 BATV_TRACE_NOT_OURS},
	/* other software that goes by our name */
	{" from " US " ([127.0.0.1])\n by " US " (" US " [127.0.0.1]) (amavisd-new, port 10024)\n"
	 " with ESMTP id x; Thu, 1 Jan",
	 BATV_TRACE_NOT_OURS},
	{" by " US " (Postfix, from userid 33)\n\tid 1234; Thu, 1 Jan", BATV_TRACE_NOT_OURS},
	/* ours, but folded by somebody: HELO and "by" cannot be told apart */
	{" from [192.0.2.1] (helo=x) by " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1] (helo=x\n\tby " US " with esmtpsa y)\n\tby " US " with smtp" REST,
	 BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1] (helo=x)\n\tby " US " with esmtpsa y)\n\tby " US " with smtp" REST,
	 BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1] (helo=x)\n\tby\n\t" US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1]\n\tby " US "; Thu, 1 Jan", BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1]\n\tby " US " with", BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1]\n\tby " US " with smtp (Exim 4.96)\n\tfor c@d.test; Thu, 1 Jan",
	 BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from [n.test]\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from []\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from [192.0.2.1] x\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from n.test (192.0.2.1)\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from \"n.test\" ([127.0.0.1])\n\tby " US " with smtp" REST, BATV_TRACE_UNREADABLE},
	{" from \"alice by " US " with local" REST, BATV_TRACE_UNREADABLE},
	{" from \"a\\\" by " US " with local" REST, BATV_TRACE_UNREADABLE},
	/* senders and ids that can be read in two ways */
	{" by " US " with local (Exim 4.96)\n\t(envelope-from <\"a>)\n\tb\"@c.test>)\n\tid " ID,
	 BATV_TRACE_UNREADABLE},
	{" by " US " with local (Exim 4.96)\n\t(envelope-from <a@b>)\n\t(envelope-from <c@d>)"
	 "\n\tid " ID,
	 BATV_TRACE_UNREADABLE},
	{" by " US " with local (Exim 4.96)\n\tid " ID "\n\t(envelope-from <c@d>)",
	 BATV_TRACE_UNREADABLE},
	{" by " US " with local (Exim 4.96)\n\tid " ID "\n\tid " NEW_ID, BATV_TRACE_UNREADABLE},
	{" by " US " with local (Exim 4.96)\n\tid 1<2", BATV_TRACE_UNREADABLE},
	{" by " US " with local (Exim 4.96)\n\tid ;", BATV_TRACE_UNREADABLE},
};

START_TEST(reads_nothing_else)
{
	ck_assert_msg(reading(others[_i].value) == others[_i].want, "%s", others[_i].value);
	ck_assert_uint_eq(line.protocol.len, 0);
}
END_TEST

START_TEST(reads_nothing_without_a_name_of_its_own)
{
	ck_assert_int_eq(
		batv_trace_read(batv_span_of(""), batv_span_of(" by  with local" REST), &line),
		BATV_TRACE_NOT_OURS);
}
END_TEST

/* Text that is cut anywhere, and text with a byte changed, never reads beyond its end. */
START_TEST(any_prefix_is_read_within_its_bounds)
{
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		for (size_t len = 0; len <= strlen(ours[i].value); len++) {
			char *copy = exact_room(len);

			ck_assert_ptr_nonnull(copy);
			memcpy(copy, ours[i].value, len);
			(void)batv_trace_read(batv_span_of(US), (struct batv_span){copy, len},
					      &line);
			free(copy);
		}
}
END_TEST

/* ---- The walk ---- */

#define TOP                                                                                        \
 "from [127.0.0.1]\n\tby " US " with esmtp (Exim 4.96)\n\t(envelope-from <p@q>)\n\tid " ID
#define FILTER "from " US " ([127.0.0.1]) by localhost (filter) with ESMTP id 1; Thu, 1 Jan"
#define BY(who, proto, sender, id)                                                                 \
 who "by " US " with " proto " (Exim 4.96)\n\t(envelope-from <" sender ">)\n\tid " id
#define HOST(ip) "from [" ip "] (helo=x)\n\t"
#define FETCHED "from pop.test [192.0.2.9]\n\tby box with POP3 (fetchmail-6.4.37)\n\tfor <a@b>; x"

static bool is_near(void *ctx, struct batv_span name, struct batv_span address)
{
	(void)ctx, (void)name;
	return batv_span_begins(address, "127.") || batv_span_begins(address, "10.");
}

static bool is_known(void *ctx, struct batv_span id)
{
	(void)ctx;
	return batv_span_equal(id, batv_span_of("1known-000001-AA"));
}

static struct batv_trace walk(const char *const *fields)
{
	struct batv_trace t = {
		.us = {US, strlen(US)},
		.id = {ID, strlen(ID)},
		.has_sender = true,
		.near = is_near,
		.known = is_known,
	};

	batv_trace_start(&t);
	for (; *fields; fields++)
		if (!batv_trace_field(&t, (struct batv_header){batv_span_of("received"),
							       batv_span_of(*fields)}))
			break;
	return t;
}

#define OURS BATV_TRACE_OURS
#define STRANGER BATV_TRACE_STRANGER
#define STRANGERS_LINE BY(HOST("192.0.2.1"), "esmtp", "s@evil", "1first-000001-AA")

static const struct {
	const char *fields[8];
	enum batv_trace_kind kind;
	bool found, fetched_now;
	const char *first; /* NULL: not known */
} walks[] = {
	/* the first pass */
	{{TOP}, OURS, false, false, NULL},
	{{TOP, FILTER}, OURS, false, false, NULL},
	{{TOP, "from x by y; z", "from z by x; y"}, OURS, false, false, NULL},
	/* a stranger's mail through the filter, and on through a list or a redirect */
	{{TOP, FILTER, STRANGERS_LINE}, STRANGER, true, false, "s@evil"},
	{{TOP, BY(HOST("127.0.0.1"), "esmtp", "list@test", "2-2"), FILTER, STRANGERS_LINE},
	 STRANGER,
	 true,
	 false,
	 "s@evil"},
	{{TOP, BY("from alice ", "local", "alice@test", "2-2"),
	  BY(HOST("127.0.0.1"), "esmtp", "s@evil", "3-3"), FILTER, STRANGERS_LINE},
	 STRANGER,
	 true,
	 false,
	 "s@evil"},
	/* what a stranger wrote below his own line is not reached */
	{{TOP, FILTER, STRANGERS_LINE, BY(HOST("10.0.0.1"), "esmtpsa", "alice@test", "4-4")},
	 STRANGER,
	 true,
	 false,
	 "s@evil"},
	{{TOP, STRANGERS_LINE, FETCHED}, STRANGER, true, false, "s@evil"},
	/* ours: by AUTH, by its host, by permission to relay, or written here */
	{{TOP, FILTER, BY(HOST("192.0.2.1"), "esmtpsa", "alice@test", "5-5")},
	 OURS,
	 true,
	 false,
	 "alice@test"},
	{{TOP, FILTER, BY(HOST("192.0.2.1"), "utf8local-esmtpa", "alice@test", "5-5")},
	 OURS,
	 true,
	 false,
	 "alice@test"},
	{{TOP, FILTER, BY(HOST("192.0.2.1"), "xesmtpa", "alice@test", "5-5")},
	 STRANGER,
	 true,
	 false,
	 "alice@test"},
	{{TOP, FILTER, BY(HOST("10.0.0.1"), "esmtp", "alice@test", "5-5")},
	 OURS,
	 true,
	 false,
	 "alice@test"},
	{{TOP, FILTER, BY(HOST("192.0.2.1"), "esmtp", "alice@test", "1known-000001-AA")},
	 OURS,
	 true,
	 false,
	 "alice@test"},
	{{TOP, FILTER, BY("from www ", "local", "web@test", "5-5")}, OURS, true, false, "web@test"},
	/* an own host may hand on a stranger's mail, too */
	{{TOP, BY(HOST("10.0.0.1"), "esmtp", "m@test", "5-5"), STRANGERS_LINE},
	 STRANGER,
	 true,
	 false,
	 "s@evil"},
	/* fetched; at a second pass it is what it was at its first */
	{{TOP, FETCHED}, BATV_TRACE_FETCHED, false, true, NULL},
	{{TOP, FETCHED, BY(HOST("10.0.0.1"), "esmtp", "alice@test", "5-5")},
	 BATV_TRACE_FETCHED,
	 false,
	 true,
	 NULL},
	{{TOP, FILTER, BY(HOST("127.0.0.1"), "esmtp", "s@evil", "5-5"), FETCHED},
	 BATV_TRACE_FETCHED,
	 true,
	 false,
	 "s@evil"},
	/* our own line, but changed by somebody */
	{{TOP, FILTER, "from [192.0.2.1] by " US " with esmtp (Exim 4.96)"},
	 STRANGER,
	 false,
	 false,
	 NULL},
	{{TOP, BY("from www ", "local", "web@test", "5-5"), "from x by " US " with esmtp"},
	 STRANGER,
	 true,
	 false,
	 NULL},
};

START_TEST(a_message_is_what_it_was_first)
{
	struct batv_trace t = walk(walks[_i].fields);

	ck_assert(t.readable);
	ck_assert_int_eq(t.kind, walks[_i].kind);
	ck_assert_int_eq(t.found, walks[_i].found);
	ck_assert_int_eq(t.fetched_now, walks[_i].fetched_now);
	ck_assert_int_eq(t.first_known, walks[_i].first != NULL);
	ck_assert_str_eq(t.first, walks[_i].first ? walks[_i].first : "");
}
END_TEST

/* A changed received_header_text: nothing can be known, and nothing is claimed. */
static const char *const unreadable_tops[] = {
	"from [127.0.0.1] by " US "; Thu, 1 Jan",
	"from [127.0.0.1]\n\tby other.test with esmtp" REST,
	"from [127.0.0.1]\n\tby " US " with esmtp\n\tid 1other-000001-AA",
	"from [127.0.0.1]\n\tby " US " with esmtp\n\tid " ID, /* the sender is not null */
	"; Thu, 1 Jan",
};

START_TEST(without_a_readable_top_line_nothing_is_said)
{
	const char *const fields[] = {unreadable_tops[_i], FILTER, STRANGERS_LINE, NULL};
	struct batv_trace t = walk(fields);

	ck_assert(!t.readable);
	ck_assert(!t.found);
	ck_assert_int_eq(t.kind, OURS);
}
END_TEST

START_TEST(other_fields_are_skipped)
{
	struct batv_trace t = {.us = {US, strlen(US)}, .id = {ID, strlen(ID)}};
	struct batv_header other = {batv_span_of("X-Received"), batv_span_of(FETCHED)},
			   top = {batv_span_of("RECEIVED"), batv_span_of(TOP)};

	batv_trace_start(&t);
	ck_assert(batv_trace_field(&t, other));
	ck_assert(batv_trace_field(&t, top));
	ck_assert(batv_trace_field(&t, other));
	ck_assert(t.readable);
	ck_assert_int_eq(t.kind, OURS);
	ck_assert_uint_eq(t.below, 0);
}
END_TEST

START_TEST(too_many_fields_are_a_strangers)
{
	const char *fields[BATV_TRACE_FIELDS_MAX + 3] = {TOP};

	for (size_t i = 1; i <= BATV_TRACE_FIELDS_MAX; i++)
		fields[i] = FILTER;
	ck_assert_int_eq(walk(fields).kind, OURS);
	fields[BATV_TRACE_FIELDS_MAX + 1] = FILTER;
	ck_assert_int_eq(walk(fields).kind, STRANGER);
}
END_TEST

/* Nobody to ask: a host is neither near nor known. */
START_TEST(without_answers_a_host_is_a_stranger)
{
	struct batv_trace t = {.us = {US, strlen(US)}, .id = {ID, strlen(ID)}};

	batv_trace_start(&t);
	(void)batv_trace_field(&t,
			       (struct batv_header){batv_span_of("Received"), batv_span_of(TOP)});
	ck_assert(!batv_trace_field(
		&t, (struct batv_header){batv_span_of("Received"),
					 batv_span_of(BY(HOST("127.0.0.1"), "esmtp", "a@b",
							 "1known-000001-AA"))}));
	ck_assert_int_eq(t.kind, STRANGER);
}
END_TEST

/* ---- Fetchers ---- */

static const struct {
	const char *value;
	bool fetched;
} fetchers[] = {
	{"from pop.test [192.0.2.9]\n\tby box with POP3 (fetchmail-6.4.37)\n\tfor <a@b>; x", true},
	{"from pop.test by box with IMAP; x", true},
	{"from pop.test by box with IMAP4 id 1; x", true},
	{"from pop.test by box with\n\tPOP3S id 1; x", true},
	{"from pop.test by box with ETRN (fetchmail-6.4.37); x", true},
	{"from pop.test by box with getmail6; x", true},
	{"from x (HELO with POP3) by box with ESMTP id 1; x", false},
	{"from x (helo with POP3 (fetchmail-6)) by box with ESMTP id 1; x", false},
	{"from fetchmail.example by box with ESMTP id 1; x", false},
	{"from x (fetch) by POP3 with ESMTP id 1; x", false},
	{"from x by box with ESMTP (with POP3) id 1; x", false},
	{"from x by box with", false},
	{"(((", false},
};

START_TEST(knows_a_fetcher_by_its_line)
{
	const char *const fields[] = {TOP, fetchers[_i].value, NULL};

	ck_assert_msg((walk(fields).kind == BATV_TRACE_FETCHED) == fetchers[_i].fetched, "%s",
		      fetchers[_i].value);
}
END_TEST

/* ---- A host that wrote the message itself ---- */

static const struct {
	const char *fields[4];
	bool originated;
} origins[] = {
	{{TOP}, true},
	{{TOP, "by mx2.test (Postfix, from userid 0)\n\tid 1; x"}, true},
	{{TOP, "from root by mx2.test with local (Exim 4.96)\n\tid 1; x"}, true},
	{{TOP, "(from root@localhost)\n\tby mx2.test (8.15/8.15) id 1; x"}, true},
	{{TOP, "from x (unknown [192.0.2.1])\n\tby mx2.test (Postfix) with SMTP id 1; x"}, false},
	{{TOP, "from [192.0.2.1] (helo=by)\n\tby mx2.test with local (Exim)\n\tid 1"}, false},
	{{TOP, "from by mx2.test with local (Exim)\n\tid 1"}, false},
	{{TOP, "by mx2.test (Postfix, from userid 0)\n\tid 1; x", "from y by z; x"}, false},
};

START_TEST(knows_who_wrote_it)
{
	ck_assert_int_eq(walk(origins[_i].fields).originated, origins[_i].originated);
}
END_TEST

/* ---- Whose address it is ---- */

static bool strangers(enum batv_trace_kind kind, const char *first, const char *address)
{
	struct batv_trace t = {.kind = kind, .first_known = first != NULL};

	if (first)
		strcpy(t.first, first);
	return batv_trace_is_strangers(&t, address);
}

START_TEST(only_the_first_sender_is_a_strangers)
{
	ck_assert(!strangers(OURS, "a@b.test", "a@b.test"));
	ck_assert(!strangers(OURS, NULL, NULL));
	ck_assert(strangers(STRANGER, "a@b.test", "a@b.test"));
	ck_assert(strangers(STRANGER, "a@b.test", "A@B.test"));
	ck_assert(strangers(STRANGER, "\"a\"@b.test", "a@b.test"));
	ck_assert(strangers(STRANGER, "prvs=0123abcdef=a@b.test", "a@b.test"));
	ck_assert(strangers(STRANGER, "a@b.test", "prvs=0123abcdef=a@b.test"));
	ck_assert(!strangers(STRANGER, "a@b.test", "list@b.test"));
	ck_assert(!strangers(STRANGER, "", "list@b.test"));
	ck_assert(strangers(STRANGER, "a@b.test", NULL));
	ck_assert(strangers(STRANGER, "a@b.test", "nonsense"));
	ck_assert(strangers(STRANGER, NULL, "list@b.test"));
	ck_assert(strangers(BATV_TRACE_FETCHED, NULL, "a@b.test"));
	ck_assert(strangers(BATV_TRACE_FETCHED, "a@b.test", "a@b.test"));
	ck_assert(!strangers(BATV_TRACE_FETCHED, "a@b.test", "list@b.test"));
}
END_TEST

#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof(table)[0])

Suite *unit_suite(void)
{
	Suite *suite = suite_create("trace");
	TCase *lines = tcase_create("lines"), *all = tcase_create("walk");

	LOOP(lines, reads_every_form_of_exims_line, ours);
	LOOP(lines, reads_nothing_else, others);
	tcase_add_test(lines, reads_nothing_without_a_name_of_its_own);
	tcase_add_test(lines, any_prefix_is_read_within_its_bounds);
	suite_add_tcase(suite, lines);
	LOOP(all, a_message_is_what_it_was_first, walks);
	LOOP(all, without_a_readable_top_line_nothing_is_said, unreadable_tops);
	tcase_add_test(all, other_fields_are_skipped);
	tcase_add_test(all, too_many_fields_are_a_strangers);
	tcase_add_test(all, without_answers_a_host_is_a_stranger);
	LOOP(all, knows_a_fetcher_by_its_line, fetchers);
	LOOP(all, knows_who_wrote_it, origins);
	tcase_add_test(all, only_the_first_sender_is_a_strangers);
	suite_add_tcase(suite, all);
	return suite;
}
