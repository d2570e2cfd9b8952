/* links: core/evidence/class core/evidence/classify core/evidence/parts core/evidence/field core/decide/policy core/decide/servers core/decide/exim_list core/base/span */
/* links: core/evidence/habits core/evidence/codes core/evidence/words core/evidence/decode core/evidence/returned core/evidence/mailbox core/tag/tag core/tag/addr core/base/hmac */
/*
 * test_habits.c - the class of messages without structure: by two signs, never by one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/classify.h"
#include "evidence/habits.h"
#include "exact.h"
#include "unit.h"

static struct batv_span span(const char *text)
{
	return batv_span_of(text);
}

/* A habit says nothing alone, and two of them do only if they are independent. */
static const struct {
	const char *from, *subject, *other, *body, *want;
} habits[] = {
	{"postmaster@x", "lunch", NULL, "", "other"},
	{"bob@x", "failure notice", NULL, "", "other"},
	{"bob@x", "lunch", NULL, "This is the mail system at host x.\n", "other"},
	{"bob@x", "lunch", NULL, "550 User unknown\n", "other"},
	{"bob@x", "lunch", NULL, "Return-Path: <alice@ours.example>\n", "other"},
	{"bob@x", "lunch", NULL, "550 5.1.1\nReturn-Path: <alice@ours.example>\n", "other"},
	{"bob@x", "lunch", NULL,
	 "This is the mail system at host x.\nI'm afraid I wasn't able to "
	 "deliver your message\n",
	 "other"},
	{"postmaster@x", "failure notice", NULL, "", "dsn"},
	{"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@x", "Undeliverable: a", NULL, "",
	 "dsn"},
	{"MailRouter@x", "DELIVERY FAILURE: a", NULL, "", "dsn"},
	{"postmaster@x", "lunch", NULL, "this is the mail system at host x\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "550 User unknown\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "(#5.1.1)\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "Received: from a by b\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "Received: by b\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "Received: Monday\n", "other"},
	{"postmaster@x", "lunch", NULL, "  message-id: <a@b>\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "Message-ID: none\n", "other"},
	{"postmaster@x", "lunch", NULL, "Return-path: <a@b>\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "From: a@b\nSubject: failure notice\n", "other"},
	{"postmaster@x", "lunch", NULL, "> 550 User unknown\n| Return-Path: <a@b>\n", "other"},
	{"postmaster@x", "lunch", NULL, "<blockquote>\n550 User unknown\n</blockquote>\n", "other"},
	{"postmaster@x", "lunch", NULL, "<blockquote>a</blockquote>\n550 User unknown\n", "dsn"},
	{"postmaster@x", "lunch", NULL, "-----Original Message-----\n550 User unknown\n", "other"},
	{"postmaster@x", "lunch", NULL, "----- Original message -----\nReceived: from a\n", "dsn"},
	{"postmaster@x", "returned", "X-Gate-Original-Message-ID: <a@b>", "", "dsn"},
	{"bob@x", "failure notice", "X-CM-Original-Message-Id: <a@b>", "", "dsn"},
	{"bob@x", "returned", "X-Gate-Original-Message-ID: <a@b>", "", "other"},
	{"postmaster@x", "lunch", NULL, "From: a@b  Subject: status 5.1.1\n", "other"},
	{"postmaster@x", "lunch", NULL, "   Subject: 550 5.1.1 User unknown\n", "other"},
	{"postmaster@x", "Re: lunch", NULL, "The error 550 5.1.1 means a wrong address.\n",
	 "other"},
	{"postmaster@x", "[#12] lunch", NULL, "The error 550 5.1.1 means that.\n", "other"},
	{"postmaster@x", "Re: lunch", NULL, "Return-Path: <a@b>\n", "dsn"},
	{"postmaster@x", "users digest", "Precedence: list", "Message-ID: <a@b>\n", "other"},
	{"bob@x", "failure notice", NULL, "this is the mail system at host x\n", "dsn"},
	{"bob@x", "failure notice", NULL, "550 User unknown\n", "dsn"},
	{"bob@x", "Delivery delayed: your parcel", NULL, "550 User unknown\n", "other"},
	{"bob@x", "Undeliverable: your parcel", NULL, "550 User unknown\n", "dsn"},
	{"bob@x", "Undeliverable parcel: 12", NULL, "550 User unknown\n", "other"},
	{"bob@x", "lunch", NULL, "This is the mail system at host x\n550 User unknown\n", "dsn"},
	{"bob@x", "lunch", NULL, "Final-Recipient: rfc822; a@b\nStatus: 5.1.1\n", "dsn"},
	{"bob@x", "Re: lunch", NULL, "This is the mail system at host x\n550 5.1.1\n", "other"},
	{"bob@x", "[#12] lunch", NULL, "This is the mail system at host x\n550 5.1.1\n", "other"},
	{"postmaster@x", "failure notice", "Auto-Submitted: auto-replied", "550 5.1.1\n",
	 "autoreply"},
	{"postmaster@x", "failure notice", "X-Autoreply: yes", "550 5.1.1\n", "autoreply"},
	{"mailer-daemon@x", "failure notice", "Auto-Submitted: auto-replied", "", "dsn"},
	{"postmaster@x", "failure notice", "Auto-Submitted: auto-generated", "", "dsn"},
	{"postmaster@x", "failure notice", "List-Id: <a.b>", "550 5.1.1\n", "other"},
	{"postmaster@x", "Mailbox quota", NULL, "552 5.2.2 over quota\n", "other"},
	{"postmaster@x", "Mailbox quota", NULL, "Received: from a by b\n", "dsn"},
	{"mailer-daemon@x", "Mailbox quota", NULL, "Please delete some mail.\n", "other"},
	{"mailer-daemon@x", "Mailbox quota", NULL, "552 5.2.2 over quota\n", "dsn"},
	{"mailer-daemon@x", "a package", "X-MS-Journal-Report:", "550 5.1.1\n", "other"},
	{"bob@x", "Automatic reply: a", NULL, "I am away.\n", "other"},
	{"bob@x", "Automatic reply: a", "Auto-Submitted: auto-generated", "", "autoreply"},
	{"bob@x", "Automatic reply: a", "Precedence: bulk", "", "autoreply"},
	{"bob@x", "Automatic reply: a", "X-Auto-Response-Suppress: All", "", "autoreply"},
	{"bob@x", "Automatic reply: a", "References: <a@b>", "", "autoreply"},
	{"bob@x", "Automatic reply: a", "In-Reply-To:", "", "other"},
	{"postmaster@x", "Automatic reply: a", NULL, "550 5.1.1\n", "other"},
	{"bob@x", "Auto: a", "In-Reply-To: <a@b>", "", "other"},
	{"bob@x", "Vacation request", "Precedence: bulk", "", "other"},
	{"bob@x", "lunch", "Precedence: bulk", "", "other"},
	{"Mailer-daemon <mailer-daemon@x>", "Report Domain: a Submitter: b Report-ID: c",
	 "Content-Type: application/gzip", "", "report"},
	{"mailer-daemon@x", "Undeliverable: Report Domain: a Submitter: b Report-ID: c",
	 "Content-Type: application/gzip", "", "dsn"},
	{"mailer-daemon@x", "Report Domain: a Submitter: b Report-ID: c", NULL, "", "dsn"},
	{"postmaster@x", "Report Domain: a Submitter: b Report-ID: c", NULL, "", "report"},
	{"postmaster@x", "Report Domain: a Submitter: b Report-ID: c", NULL, "550 5.1.1\n", "dsn"},
	{"postmaster@x", "Undeliverable: Report Domain: a Submitter: b", NULL, "", "dsn"},
	{"=?utf-8?Q?Mail_Delivery_System?= <x@y>", "lunch", NULL, "", "dsn"},
};

/* What each field, and a text, says by itself. */
static const struct {
	const char *value;
	unsigned habits;
} senders[] = {
	{"", BATV_HABIT_DAEMON},
	{" \r\n", BATV_HABIT_DAEMON},
	{"<>", BATV_HABIT_DAEMON},
	{"x", 0},
	{"mailer-daemon@x", BATV_HABIT_DAEMON},
	{"MAILER_DAEMON", BATV_HABIT_DAEMON},
	{"mailerdaemon@x", BATV_HABIT_DAEMON},
	{"mail.daemon (comment)", BATV_HABIT_DAEMON},
	{"\"mailer-daemon\"@x", BATV_HABIT_DAEMON},
	{"Bob <mailer-daemon@x>", BATV_HABIT_DAEMON},
	{"<mailer-daemon@x> bob", BATV_HABIT_DAEMON},
	{"< mailer-daemon >", BATV_HABIT_DAEMON},
	{"mailer-daemon <bob@x>", 0},
	{"<bob@x", 0},
	{"<mailer-daemon", BATV_HABIT_DAEMON},
	{"a <b@x> <mailer-daemon@x>", BATV_HABIT_DAEMON},
	{"mailer+daemon@x", 0},
	{"mailer--daemon@x", 0},
	{"mailer-daemons@x", 0},
	{"mailer-@x", 0},
	{"mailer", 0},
	{"mdaemon@x", BATV_HABIT_DAEMON},
	{"post.master@x", BATV_HABIT_POSTMASTER},
	{"MailRouter", BATV_HABIT_POSTMASTER},
	{"microsoftexchange0123456789abcdef0123456789ABCDEF@x", BATV_HABIT_POSTMASTER},
	{"microsoftexchange0123456789abcdef0123456789ABCDE@x", 0},
	{"microsoftexchange0123456789abcdef0123456789ABCDEF0@x", 0},
	{"microsoftexchang00123456789abcdef0123456789ABCDEF@x", 0},
	{"microsoftexchangeg123456789abcdef0123456789ABCDEF@x", 0},
	{"microsoftexchange0123456789abcdef0123456789ABCDEg@x", 0},
	{"Mail Delivery System <x@y>", BATV_HABIT_DAEMON},
};

START_TEST(who_sends)
{
	ck_assert_msg(batv_habits_from(span(senders[_i].value)) == senders[_i].habits, "%s",
		      senders[_i].value);
}
END_TEST

static const struct {
	const char *value;
	unsigned habits;
} subjects[] = {
	{"", 0},
	{"failure notice", BATV_HABIT_BOUNCE},
	{"Undeliverable: your parcel", BATV_HABIT_BOUNCE},
	{"Undeliverable parcel", BATV_HABIT_NOTICE},
	{"Undeliverable xparcel", BATV_HABIT_BOUNCE},
	{"Delivery report", BATV_HABIT_BOUNCE},
	{"Delivery report: your order", BATV_HABIT_NOTICE},
	{"warning: message 1 delayed 24 hours", BATV_HABIT_BOUNCE},
	{"warning: message 1 is old", 0},
	{"message 1 delayed 24 hours", 0},
	{"Report Domain: a", BATV_HABIT_DMARC_FIRST | BATV_HABIT_DMARC_PART},
	{"Report Domain: a Submitter: b", BATV_HABIT_DMARC_FIRST | BATV_HABIT_DMARC},
	{"Report Domain: a Report-ID: c", BATV_HABIT_DMARC_FIRST | BATV_HABIT_DMARC},
	{"[Preview] Report Domain: a", BATV_HABIT_DMARC_FIRST | BATV_HABIT_DMARC_PART},
	{"x Report Domain: a", BATV_HABIT_DMARC_PART},
	{"Submitter: b Report-ID: c", 0},
	{"Automatic reply: a", BATV_HABIT_REPLY},
	{"Re: a", BATV_HABIT_ANSWER},
	{"Re: your order", BATV_HABIT_ANSWER | BATV_HABIT_NOTICE},
	{"your-order", BATV_HABIT_NOTICE},
	{"xorder reorder", 0},
	{"\xc3\x89"
	 "chec de remise",
	 BATV_HABIT_BOUNCE},
};

START_TEST(about_what)
{
	ck_assert_msg(batv_habits_subject(span(subjects[_i].value)) == subjects[_i].habits,
		      "%s: %x", subjects[_i].value, batv_habits_subject(span(subjects[_i].value)));
}
END_TEST

static const struct {
	const char *text;
	unsigned habits;
} texts[] = {
	{"", 0},
	{"\n \n", 0},
	{"x", 0},
	{"550 5.1.1", BATV_HABIT_CODE},
	{"this is the mail system at host x", BATV_HABIT_PHRASE},
	{"so this is the mail system at host x", BATV_HABIT_PHRASE},
	{"xthis is the mail system at host x", 0},
	{"  Final-Recipient: rfc822; a@b", BATV_HABIT_PHRASE},
	{"Return-Path: <a@b>", BATV_HABIT_TRACE},
	{"Received: from a", BATV_HABIT_TRACE},
	{"Received:\t(qmail 1)", BATV_HABIT_TRACE},
	{"Received:", 0},
	{"Message-ID:", BATV_HABIT_TRACE},
	{"Message-ID: <", BATV_HABIT_TRACE},
	{"Message-ID: <abc>", BATV_HABIT_TRACE},
	{"Message-ID: a@b", BATV_HABIT_TRACE},
	{"Message-ID: a", 0},
	{"Message-ID: a<", 0},
	/* a journal report has such lines, too, until an empty one */
	{"Sender: a@b\nMessage-ID: <c@d>", 0},
	{"Sender: a@b\nTo: x\nMessage-ID: <c@d>", 0},
	{"Sender: a@b\n\nMessage-ID: <c@d>", BATV_HABIT_TRACE},
	{"Sender: a@b\nReturn-Path: <c@d>", BATV_HABIT_TRACE},
	/* quoted */
	{"> 550 5.1.1", 0},
	{"| 550 5.1.1", 0},
	{"x>\n550 5.1.1", BATV_HABIT_CODE},
	{">", 0},
	{"a > said 550", BATV_HABIT_CODE},
	{"a| said 550", BATV_HABIT_CODE},
	{"<blockquote>said 550", 0},
	{"<blockquote>\nsaid 550", 0},
	{"<blockquote>\n</blockquote>\nsaid 550", BATV_HABIT_CODE},
	{"<blockquote>\n</blockquote>said 550", 0},
	{"<blockquote><blockquote>\n</blockquote>\nsaid 550", 0},
	{"</blockquote>\nsaid 550", BATV_HABIT_CODE},
	{"</blockquote>\n<blockquote>\nsaid 550", 0},
	{"<blockquote>\n<p>\n</p>\nsaid 550", 0},
	/* forwarded */
	{"-- Original Message --\nsaid 550", 0},
	{"----original message\nsaid 550", 0},
	{"- Original Message -\nsaid 550", BATV_HABIT_CODE},
	{"Original Message\nsaid 550", BATV_HABIT_CODE},
	{"Begin forwarded message\nsaid 550", 0},
	{"begin forwarded mail\nsaid 550", BATV_HABIT_CODE},
	{"-- x\nsaid 550", BATV_HABIT_CODE},
	{"--", 0},
};

START_TEST(which_words)
{
	size_t len = strlen(texts[_i].text);
	char *text = exact_room(len);

	memcpy(text, texts[_i].text, len);
	ck_assert_msg(batv_habits_text((struct batv_span){text, len}) == texts[_i].habits, "%s: %x",
		      texts[_i].text, batv_habits_text((struct batv_span){text, len}));
	free(text);
}
END_TEST

START_TEST(two_signs_are_needed)
{
	const char *other = habits[_i].other, *colon = other ? strchr(other, ':') : NULL;
	size_t len = strlen(habits[_i].body);
	char *body = exact_room(len);
	struct batv_classifier c;

	memcpy(body, habits[_i].body, len);
	batv_classify_start(&c);
	batv_classify_header(&c, (struct batv_header){span("From"), span(habits[_i].from)});
	batv_classify_header(&c, (struct batv_header){span("Subject"), span(habits[_i].subject)});
	if (colon)
		batv_classify_header(
			&c, (struct batv_header){batv_span_between(other, colon), span(colon + 1)});
	ck_assert_str_eq(
		batv_class_name(batv_classify_end(&c, (struct batv_span){body, len}, NULL)),
		habits[_i].want);
	free(body);
}
END_TEST

/* Only where the header does not tell, all of what may count is worth reading. */
START_TEST(little_is_read_where_the_header_tells)
{
	static const struct {
		const char *name, *value;
		size_t want;
	} headers[] = {
		{"Content-Type", "multipart/report; report-type=delivery-status", 4096},
		{"From", "MAILER-DAEMON@x", 4096},
		{"From", "postmaster@x", 16384},
		{"Subject", "lunch", 16384},
		{"Content-Type", "multipart/report", 16384},
	};
	struct batv_classifier c;

	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		batv_classify_start(&c);
		batv_classify_header(
			&c, (struct batv_header){span(headers[i].name), span(headers[i].value)});
		ck_assert_uint_eq(batv_classify_body_bytes(&c), headers[i].want);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("habits");
	TCase *tc = tcase_create("habits");

	tcase_add_loop_test(tc, two_signs_are_needed, 0, (int)(sizeof habits / sizeof habits[0]));
	tcase_add_loop_test(tc, who_sends, 0, (int)(sizeof senders / sizeof senders[0]));
	tcase_add_loop_test(tc, about_what, 0, (int)(sizeof subjects / sizeof subjects[0]));
	tcase_add_loop_test(tc, which_words, 0, (int)(sizeof texts / sizeof texts[0]));
	tcase_add_test(tc, little_is_read_where_the_header_tells);
	suite_add_tcase(s, tc);
	return s;
}
