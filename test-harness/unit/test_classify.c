/* links: core/evidence/class core/evidence/classify core/evidence/parts core/evidence/field core/decide/policy core/decide/servers core/decide/exim_list core/base/span */
/* links: core/evidence/habits core/evidence/codes core/evidence/words core/evidence/decode core/evidence/returned core/evidence/mailbox core/tag/tag core/tag/addr core/base/hmac */
/*
 * test_classify.c - messages, one per file, messages/NAME.CLASS.eml; and odd header fields.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "evidence/classify.h"
#include "message_lab.h"
#include "exact.h"
#include "unit.h"

#define MESSAGES "test-harness/unit/messages/*.eml"
#define MESSAGES_MIN 40

static struct batv_span span(const char *text)
{
	return batv_span_of(text);
}

/* ---- files ---- */

static const char *recipient(void *ctx, size_t i)
{
	(void)ctx;
	return i == 0 ? "anna@example.com" : "prvs=0907dd3667=alice@ours.example";
}

static const struct batv_recipients recipients = {2, recipient, NULL};

static void see_field(void *ctx, struct batv_header h)
{
	batv_classify_header(ctx, h);
}

static enum batv_class classify(const char *text, size_t len)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	return batv_classify_end(&c, message_lab_feed((struct batv_span){text, len}, see_field, &c),
				 &recipients);
}

/* "x/postfix-bounce.dsn.eml": dsn */
static void expected(const char *path, char *out, size_t size)
{
	const char *dot = strrchr(path, '.'), *before = dot;

	while (before > path && before[-1] != '.')
		before--;
	(void)snprintf(out, size, "%.*s", (int)(dot - before), before);
}

START_TEST(messages_have_their_class)
{
	unsigned seen[BATV_CLASS_COUNT] = {0}, wrong = 0;
	static char text[65536];
	char want[32];
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	ck_assert_uint_ge(files.gl_pathc, MESSAGES_MIN);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		enum batv_class got =
			classify(text, message_lab_read(files.gl_pathv[i], text, sizeof text));

		expected(files.gl_pathv[i], want, sizeof want);
		if (strcmp(batv_class_name(got), want) != 0) {
			(void)printf("%s: %s\n", files.gl_pathv[i], batv_class_name(got));
			(void)fflush(stdout);
			wrong++;
		}
		seen[got]++;
	}
	globfree(&files);
	ck_assert_uint_eq(wrong, 0);
	for (size_t i = 0; i < BATV_CLASS_COUNT; i++)
		ck_assert_uint_gt(seen[i], 0);
}
END_TEST

/* Cut anywhere, with any one byte changed: there is a class, and nothing is read beyond the end. */
START_TEST(damaged_messages_are_survived)
{
	static char text[65536];
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t len = message_lab_read(files.gl_pathv[i], text, sizeof text);

		for (size_t at = 0; at < len; at += 7) {
			struct batv_classifier c;
			char *copy = malloc(at + 1);

			memcpy(copy, text, at);
			copy[at] = "\"(\\<;=\0\377"[at % 8];
			batv_classify_start(&c);
			batv_classify_header(
				&c, (struct batv_header){span("Content-Type"), {copy, at + 1}});
			batv_classify_header(&c,
					     (struct batv_header){span("From"), {copy, at + 1}});
			batv_classify_header(&c,
					     (struct batv_header){{copy, at + 1}, {copy, at + 1}});
			ck_assert_uint_lt(batv_classify_end(&c, (struct batv_span){copy, at + 1},
							    &recipients),
					  BATV_CLASS_COUNT);
			free(copy);
		}
	}
	globfree(&files);
}
END_TEST

/* ---- single fields ---- */

static const struct {
	const char *name, *value, *want;
} fields[] = {
	{"Content-Type", " multipart/report; report-type=delivery-status", "dsn"},
	{"CONTENT-TYPE", "MULTIPART/REPORT;REPORT-TYPE=DELIVERY-STATUS", "dsn"},
	{"Content-Type", "multipart / report ; report-type = \"delivery-status\"", "dsn"},
	{"Content-Type",
	 "multipart/report; boundary=\"x; report-type=tlsrpt\"; report-type=delivery-status",
	 "dsn"},
	{"Content-Type", "multipart/report; (report-type=tlsrpt) report-type=delivery-status",
	 "dsn"},
	{"Content-Type", "multipart/report; ((nested)\\) still) report-type=(x)delivery-status(y)",
	 "dsn"},
	{"Content-Type", "multipart/report; nonsense; ;; report-type=disposition-notification;",
	 "mdn"},
	{"Content-Type",
	 "multipart/report; report-type=disposition-notification; report-type=delivery-status",
	 "mdn"},
	{"Content-Type", "multipart/report; report-type*=utf-8''disposition-notification", "mdn"},
	{"Content-Type", "multipart/report; report-type=\"feedback-report", "report"},
	{"Content-Type", "multipart/report; report-type=x-unknown", "other"},
	{"Content-Type", "multipart/report", "dsn"},
	{"Content-Type", "multipart/report; boundary=\"open", "dsn"},
	{"Content-Type", "multipart/mixed; report-type=delivery-status", "other"},
	{"Content-Type", "text/plain; report-type=delivery-status", "other"},
	{"Content-Type", "text/calendar", "calendar"},
	{"Content-Type", "application/tlsrpt+json", "report"},
	{"Content-Type", "application/zip", "other"},
	{"Content-Type", "", "other"},
	{"Content-Type", "(", "other"},
	{"Content-Type", "/;=", "other"},
	{"From", "", "dsn"},
	{"From", " <>", "dsn"},
	{"From", "<MAILER-DAEMON>", "dsn"},
	{"From", "Mailer_Daemon@x.example", "dsn"},
	{"From", "mail.daemon@x.example", "dsn"},
	{"From", "maildaemon@x.example", "dsn"},
	{"From", "MDaemon@x.example", "dsn"},
	{"From", "double-bounce@x.example", "dsn"},
	{"From", "Post-Master <post-master@x.example>", "other"},
	{"From", "\"a < b\" <mailer-daemon@x.example>", "dsn"},
	{"From", "Mail Delivery System", "dsn"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@x.example", "other"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109@x.example", "other"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109g@x.example", "other"},
	{"From", "mailer--daemon@x.example", "other"},
	{"From", "mailer-daemons@x.example", "other"},
	{"From", "\"MAILER-DAEMON\" <bob@x.example>", "other"},
	{"From", "bob@mailer-daemon", "other"},
	{"Subject", " Undeliverable: lunch", "other"},
	{"Subject", "FAILURE NOTICE", "other"},
	{"Subject", "Re: Undeliverable: lunch", "other"},
	{"Subject", "Warning: message 1abc delayed 24 hours", "other"},
	{"Subject", "Warning: message from the police", "other"},
	{"Subject", "Automatic reply: Undeliverable", "other"},
	{"Subject", "Report domain: ours.example Submitter: x Report-ID: 1", "report"},
	{"Subject", "Report domain: ours.example", "other"},
	{"Auto-Submitted", "auto-replied", "autoreply"},
	{"Auto-Submitted", " (yes) Auto-Replied ; owner=x", "autoreply"},
	{"Auto-Submitted", "auto-generated", "other"},
	{"Auto-Submitted", "no", "other"},
	{"Precedence", "auto_reply", "autoreply"},
	{"Precedence", "bulk", "other"},
	{"X-Autoreply", "yes", "autoreply"},
	{"X-Auto-Response-Suppress", "All", "other"},
	{"X-Failed-Recipients", "bob@x.example", "dsn"},
	{"X-MS-Exchange-Message-Is-Ndr", "", "dsn"},
	{"TLS-Report-Domain", "ours.example", "report"},
	{"Precedence", "first-class", "other"},
	{"Content-Class", " urn:content-classes:calendarmessage", "calendar"},
	{"Content-Class", "URN:content-classes:DSN", "dsn"},
	{"Content-Class", "urn:content-classes:mdn", "mdn"},
	{"Content-Class", "urn:content-classes:message", "other"},
	{"X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent", "autoreply"},
	{"X-MS-Exchange-Generated-Message-Source", "Out of Office Agent", "autoreply"},
	{"X-MS-Exchange-Generated-Message-Source", "OOF Assistant", "autoreply"},
	{"X-MS-Exchange-Generated-Message-Source", "Journal Agent", "other"},
	{"X-MS-Exchange-Generated-Message-Source", "Meeting Message Processing Agent", "calendar"},
	{"X-MS-Exchange-Generated-Message-Source", "Calendar Repair Assistant", "calendar"},
	{"X-MS-Exchange-Generated-Message-Source", "Transport", "other"},
	{"Content-Identifier", "x", "other"},
};

START_TEST(single_fields)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	batv_classify_header(&c,
			     (struct batv_header){span(fields[_i].name), span(fields[_i].value)});
	ck_assert_str_eq(batv_class_name(batv_classify_end(&c, span(""), &recipients)),
			 fields[_i].want);
}
END_TEST

/* Several fields, one on each line, and a body after an empty line. */
static const struct {
	const char *text, *want;
} wholes[] = {
	{"Subject: Automatic reply: lunch\nIn-Reply-To: x\n\n", "autoreply"},
	{"Subject: Automatic reply: lunch\nIn-Reply-To: \n\n", "other"},
	{"Subject: Automatic reply: lunch\n\n", "other"},
	/* a daemon's report keeps its type; what it returns as parts of its own says nothing */
	{"From: mailer-daemon@x.example\nContent-Type: multipart/report; boundary=b\n\n"
	 "--b\nContent-Type: message/disposition-notification\n\n",
	 "mdn"},
	{"From: mailer-daemon@x.example\nContent-Type: multipart/mixed; boundary=b\n\n"
	 "--b\nContent-Type: message/disposition-notification\n\n",
	 "dsn"},
	{"From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n"
	 "--b\nContent-Type: message/disposition-notification\n\n",
	 "mdn"},
	/* the subject of a bounce, and one more sign: whose message it returns, which id it names
	 */
	{"Subject: Undelivered mail\nContent-Type: multipart/mixed; boundary=b\n\n"
	 "--b\nContent-Type: message/rfc822\n\nFrom: anna@example.com\nSubject: x\n\n",
	 "dsn"},
	{"Subject: Undelivered mail\nContent-Type: multipart/mixed; boundary=b\n\n"
	 "--b\nContent-Type: message/rfc822\n\nFrom: eve@example.com\nSubject: x\n\n",
	 "other"},
	{"Subject: Undelivered mail\nOriginal-Message-ID: <a@b>\n\n", "dsn"},
	{"Subject: Undelivered mail\nX-ORIGINAL-MESSAGE-ID: <a@b>\n\n", "dsn"},
	{"Subject: Undelivered mail\nOriginal-Message-IDs: <a@b>\n\n", "other"},
};

START_TEST(whole_messages)
{
	ck_assert_str_eq(batv_class_name(classify(wholes[_i].text, strlen(wholes[_i].text))),
			 wholes[_i].want);
}
END_TEST

static const struct {
	const char *body, *want;
} parts[] = {
	{"--b\nContent-Type: text/calendar; method=REPLY\n\n", "calendar"},
	{"--b\r\nCONTENT-TYPE:TEXT/CALENDAR\r\n\r\n", "calendar"},
	{"--b\nContent-Type:\n\ttext/calendar; charset=\"utf-8\";\n\tmethod=REPLY\n\n", "calendar"},
	{"--b\nContent-Type: (meeting) text / calendar\n\n", "calendar"},
	{"--b\nContent-Type: message/disposition-notification\n\n", "mdn"},
	{"--b\nContent-Type: message/delivery-status\n\n", "dsn"},
	{"--b\nContent-Type: application/tlsrpt+gzip; name=\"x\"\n\n", "report"},
	{"--b\nContent-Type: message/feedback-report\n\n", "report"},
	{"--b\nContent-Type: text/plain; name=\"text/calendar\"\n\n", "other"},
	{"--b\nX-Content-Type: text/calendar\n\n", "other"},
	{"see Content-Type: text/calendar\n", "other"},
	{"Content-Type:", "other"},
};

START_TEST(parts_of_a_multipart)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	batv_classify_header(&c, (struct batv_header){span("Content-Type"),
						      span("multipart/mixed; boundary=b")});
	ck_assert_str_eq(batv_class_name(batv_classify_end(&c, span(parts[_i].body), &recipients)),
			 parts[_i].want);
}
END_TEST

/* The message's own Content-Type, its body: boundaries, nesting, where the parts end. */
static const struct {
	const char *type, *body, *want;
} structures[] = {
	{"multipart/mixed; boundary=b", "--b\n\n--b\nContent-Type: message/delivery-status\n",
	 "dsn"},
	{"multipart/mixed; boundary=\"b c\"", "--b c\nContent-Type: message/delivery-status\n\n",
	 "dsn"},
	{"multipart/mixed; boundary=b", "--b  \r\nContent-Type: message/delivery-status\r\n\r\n",
	 "dsn"},
	{"multipart/mixed; boundary=b", "--B\nContent-Type: message/delivery-status\n\n", "other"},
	{"multipart/mixed; boundary=b", "--bb\nContent-Type: message/delivery-status\n\n", "other"},
	{"multipart/mixed; boundary=b", " --b\nContent-Type: message/delivery-status\n\n", "other"},
	{"multipart/mixed; boundary=b", "--b--\n--b\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b", "--b\n\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b", "--b\nno field\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b", "--b\nA: b\n Content-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: text/plain\nContent-Type: message/delivery-status\n\n", "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: text/plain;\n--b\nContent-Type: text/calendar\n", "calendar"},
	{"multipart/mixed", "--b\nContent-Type: message/delivery-status\n\n", "other"},
	{"multipart/mixed", "--\nContent-Type: message/delivery-status\n\n", "other"},
	{"text/plain; boundary=b", "--b\nContent-Type: message/delivery-status\n\n", "other"},
	/* a message as the first part, by each of its names */
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: message/rfc822\n\n--b\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: MESSAGE/GLOBAL\n\n--b\nContent-Type: text/calendar\n\n", "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: text/rfc822-headers\n\n--b\nContent-Type: text/calendar\n\n", "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: message/global-headers\n\n--b\nContent-Type: text/calendar\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type:\n message/\n\trfc822\n\n--b\nContent-Type: text/calendar\n\n",
	 "other"},
	{"multipart/digest; boundary=b", "--b\n\nContent-Type: text/calendar\n\n", "other"},
	{"multipart/report; boundary=b",
	 "--b\nContent-Type: message/rfc822\n\n--b\nContent-Type: message/feedback-report\n\n",
	 "dsn"},
	{"multipart/report; boundary=b; report-type=delivery-status",
	 "--b\nContent-Type: message/disposition-notification\n\n", "dsn"},
	{"multipart/report; boundary=b; report-type=disposition-notification",
	 "--b\nContent-Type: message/delivery-status\n\n", "mdn"},
	{"multipart/report; boundary=b; report-type=feedback-report",
	 "--b\nContent-Type: message/delivery-status\n\n", "report"},
	/* multiparts within */
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/report; report-type=tlsrpt\n\n", "report"},
	{"multipart/signed; boundary=b",
	 "--b\nContent-Type: multipart/report; boundary=c\n\n--c\nContent-Type: text/plain\n\n",
	 "dsn"},
	{"multipart/alternative; boundary=b",
	 "--b\nContent-Type: multipart/report; report-type=delivery-status\n\n", "other"},
	{"multipart/signed; boundary=b",
	 "--b\nContent-Type: multipart/report; boundary=c\n\n"
	 "--c\nContent-Type: message/disposition-notification\n\n",
	 "mdn"},
	{"multipart/alternative; boundary=b",
	 "--b\nContent-Type: multipart/mixed; boundary=c\n\n"
	 "--c\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"multipart/report; boundary=b",
	 "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: "
	 "text/plain\n\n--c--\n"
	 "--b\nContent-Type: message/disposition-notification\n\n",
	 "mdn"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: "
	 "message/delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n"
	 "Content-Type: multipart/report; report-type=delivery-status\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n"
	 "--b\nContent-Type: message/delivery-status\n\n",
	 "dsn"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c--\n--c\nContent-Type: "
	 "text/calendar\n\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/related; boundary=c\n\n--c\nContent-Type: text/calendar\n\n",
	 "calendar"},
	/* a part's header that runs into a boundary line */
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/report; report-type=delivery-status\n--b--\n", "dsn"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/report; report-type=x-unknown; boundary=c\n\n"
	 "--c\nContent-Type: multipart/report; report-type=delivery-status\n--b--\n",
	 "other"},
	{"multipart/mixed; boundary=b",
	 "--b\nContent-Type: multipart/report; report-type=x-unknown; boundary=c\n--b--\n"
	 "--c\nContent-Type: message/delivery-status\n\n",
	 "other"},
	{"message/rfc822", "Content-Type: message/delivery-status\n\nFinal-Recipient: x\n",
	 "other"},
	{"text/rfc822-headers", "\nFinal-Recipient: rfc822; bob@theirs.example\n", "other"},
};

START_TEST(what_the_parts_say)
{
	struct batv_classifier c;
	size_t len = strlen(structures[_i].body);
	char *body = exact_room(len);

	memcpy(body, structures[_i].body, len);
	batv_classify_start(&c);
	batv_classify_header(&c,
			     (struct batv_header){span("Content-Type"), span(structures[_i].type)});
	ck_assert_str_eq(
		batv_class_name(batv_classify_end(&c, (struct batv_span){body, len}, &recipients)),
		structures[_i].want);
	free(body);
}
END_TEST

/* More levels than there are places: inner ones are ignored, outer ones still work. */
START_TEST(deep_nesting)
{
	static char body[20000];
	struct batv_classifier c;
	size_t at = 0;

	for (unsigned i = 0; i < 200; i++)
		at += (size_t)sprintf(body + at,
				      "--b%u\nContent-Type: multipart/mixed; boundary=b%u\n\n", i,
				      i + 1);
	at += (size_t)sprintf(body + at, "--b0\nContent-Type: message/delivery-status\n\n");
	batv_classify_start(&c);
	batv_classify_header(&c, (struct batv_header){span("Content-Type"),
						      span("multipart/mixed; boundary=b0")});
	ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){body, at}, &recipients),
			 BATV_CLASS_DSN);
}
END_TEST

/* ---- text chosen by the sender of the message that is answered ---- */

static const char *const hostile_subjects[] = {
	"Report Domain: ours.example Submitter: theirs.example Report-ID: 1",
	"Undeliverable: Report Domain: ours.example Submitter: x Report-ID: 1",
	"Re: Report Domain: ours.example Submitter: x Report-ID: 1",
	"Automatic reply: lunch",
	"Out of office",
	"Undelivered Mail Returned to Sender",
	"Accepted: lunch",
	"Read: lunch",
	"failure notice",
	"=?utf-8?Q?Report_Domain:?=",
	"",
};

static const char hostile_message[] =
	"X-Failed-Recipients: bob@theirs.example\n"
	"X-Autoreply: yes\n"
	"TLS-Report-Domain: x\n"
	"Content-Class: urn:content-classes:dsn\n"
	"Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n"
	"Content-Type: text/calendar\n\n"
	"--x\nContent-Type: message/delivery-status\n\nFinal-Recipient: x\nDiagnostic-Code: x\n"
	"--x\nContent-Type: message/disposition-notification\n\n"
	"--x\nContent-Type: application/zip\n\n"
	"--B0UND\nContent-Type: text/calendar\n\n"
	"--x--\n";

/* The text with another subject, and with more at the start of the message that it returns. */
static size_t rewrite(const char *text, size_t len, const char *subject, const char *more,
		      char *out)
{
	static const char *const messages[] = {"\nContent-Type: message/rfc822",
					       "\nContent-Type: text/rfc822-h"};
	const char *at = text, *end = text + len;
	size_t n = 0;

	while (at < end && *at != '\n' && *at != '\r') {
		const char *stop = at;

		do {
			const char *nl = memchr(stop, '\n', (size_t)(end - stop));

			stop = nl ? nl + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		if (strncasecmp(at, "Subject:", 8) != 0) {
			memcpy(out + n, at, (size_t)(stop - at));
			n += (size_t)(stop - at);
		}
		at = stop;
	}
	n += (size_t)sprintf(out + n, "Subject: %s\n", subject);
	memcpy(out + n, at, (size_t)(end - at));
	for (size_t i = 0; more && i < sizeof messages / sizeof messages[0]; i++) {
		char *part = memmem(out + n, (size_t)(end - at), messages[i], strlen(messages[i]));
		char *body = part ? memmem(part, (size_t)(out + n + (end - at) - part), "\n\n", 2)
				  : NULL;

		if (!body)
			continue;
		memmove(body + 2 + strlen(more), body + 2,
			(size_t)(out + n + (end - at) - body - 2));
		memcpy(body + 2, more, strlen(more));
		n += strlen(more);
		break;
	}
	return n + (size_t)(end - at);
}

/* Does the structure tell?  These words in the header would tell an administrator. */
static bool has_structure(const char *text)
{
	static const char *const words[] = {
		"mailer-daemon", "multipart/report",    "message/d", "message/g",
		"text/calendar", "X-Failed-Recipients", "tlsrpt"};
	const char *end = strstr(text, "\n\n");

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const char *found = strcasestr(text, words[i]);

		if (found && (!end || found < end))
			return true;
	}
	return false;
}

START_TEST(what_others_chose_changes_no_structure)
{
	static char text[65536], other[131072];
	unsigned tried = 0, wrong = 0;
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t len = message_lab_read(files.gl_pathv[i], text, sizeof text - 1);
		enum batv_class want = classify(text, len);

		text[len] = '\0';
		/* by its subject alone it is not a bounce */
		if (!has_structure(text) || strstr(files.gl_pathv[i], "quota-daemon"))
			continue;
		for (size_t j = 0; j < 2 * sizeof hostile_subjects / sizeof hostile_subjects[0];
		     j++) {
			const char *subject = hostile_subjects[j / 2];
			enum batv_class got =
				classify(other, rewrite(text, len, subject,
							j % 2 ? hostile_message : NULL, other));

			tried++;
			wrong += got != want;
			if (got != want)
				(void)printf("%s: %s with \"%s\" %zu\n", files.gl_pathv[i],
					     batv_class_name(got), subject, j % 2);
		}
	}
	globfree(&files);
	(void)fflush(stdout);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(tried, 30 * 2 * sizeof hostile_subjects / sizeof hostile_subjects[0]);
}
END_TEST

START_TEST(the_first_kind_wins)
{
	static const char *const kinds[][2] = {
		{"multipart/report; report-type=delivery-status", "dsn"},
		{"multipart/report; report-type=tlsrpt", "report"},
		{"multipart/report; report-type=disposition-notification", "mdn"},
		{"text/calendar; method=REPLY", "calendar"},
	};

	for (size_t a = 0; a < 4; a++)
		for (size_t b = 0; b < 4; b++) {
			struct batv_classifier c;

			batv_classify_start(&c);
			batv_classify_header(&c, (struct batv_header){span("Auto-Submitted"),
								      span("auto-replied")});
			batv_classify_header(
				&c, (struct batv_header){span("Content-Type"), span(kinds[a][0])});
			batv_classify_header(
				&c, (struct batv_header){span("Content-Type"), span(kinds[b][0])});
			ck_assert_str_eq(
				batv_class_name(batv_classify_end(&c, span(""), &recipients)),
				kinds[a < b ? a : b][1]);
		}
}
END_TEST

/* Neither its subject nor a phrase makes a report of an unknown kind a bounce. */
START_TEST(strange_reports_are_not_refused)
{
	static const char type[] = "multipart/report; report-type=x-unknown; boundary=b";
	static const struct {
		const char *name, *value, *want;
	} more[] = {
		{"Subject", "Undelivered Mail Returned to Sender", "other"},
		{"Subject", "Report Domain: a Submitter: b Report-ID: c", "other"},
		{"From", "postmaster@theirs.example", "other"},
		{"From", "MAILER-DAEMON@theirs.example", "dsn"},
		{"Auto-Submitted", "auto-replied", "autoreply"},
		{"X-Failed-Recipients", "bob@theirs.example", "dsn"},
	};
	struct batv_classifier c;

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		batv_classify_start(&c);
		batv_classify_header(&c, (struct batv_header){span("Content-Type"), span(type)});
		batv_classify_header(&c,
				     (struct batv_header){span(more[i].name), span(more[i].value)});
		ck_assert_str_eq(batv_class_name(batv_classify_end(
					 &c, span("This is the mail system at host x"), NULL)),
				 more[i].want);
	}
}
END_TEST

START_TEST(nothing_says_other)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){NULL, 0}, &recipients),
			 BATV_CLASS_OTHER);
	batv_classify_header(&c, (struct batv_header){{NULL, 0}, {NULL, 0}});
	ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){NULL, 0}, &recipients),
			 BATV_CLASS_OTHER);
}
END_TEST

/* Long values and bodies cost no more than the part that is examined. */
START_TEST(work_is_bounded)
{
	const size_t len = 1 << 20;
	char *text = malloc(len);
	struct batv_classifier c;

	for (size_t i = 0; i < 4; i++) {
		memset(text, "(\"t;"[i], len);
		batv_classify_start(&c);
		batv_classify_header(&c, (struct batv_header){span("Content-Type"), {text, len}});
		batv_classify_header(&c, (struct batv_header){span("From"), {text, len}});
		/* a sender that is only a comment or quotes does not count */
		ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){text, len}, &recipients),
				 (i < 2 ? BATV_CLASS_DSN : BATV_CLASS_OTHER));
	}
	free(text);
}
END_TEST

/* A message has one From and one Subject; of thousands, the first 16 are read. */
START_TEST(authors_are_not_read_for_ever)
{
	for (unsigned before = 14; before <= 16; before++) {
		struct batv_classifier c;

		batv_classify_start(&c);
		for (unsigned i = 0; i < before; i++)
			batv_classify_header(&c, (struct batv_header){span("From"), span("a@b")});
		batv_classify_header(&c, (struct batv_header){span("From"), span("MAILER-DAEMON")});
		ck_assert_int_eq(batv_classify_end(&c, span(""), &recipients),
				 before < 16 ? BATV_CLASS_DSN : BATV_CLASS_OTHER);
	}
}
END_TEST

START_TEST(subjects_are_not_read_for_ever)
{
	const struct batv_span body = span("550 5.1.1 <a@b>: unknown user\n");

	for (unsigned before = 14; before <= 16; before++) {
		struct batv_classifier c;

		batv_classify_start(&c);
		for (unsigned i = 0; i < before; i++)
			batv_classify_header(&c,
					     (struct batv_header){span("Subject"), span("lunch")});
		batv_classify_header(
			&c, (struct batv_header){span("Subject"), span("Undelivered mail")});
		ck_assert_int_eq(batv_classify_end(&c, body, &recipients),
				 before < 16 ? BATV_CLASS_DSN : BATV_CLASS_OTHER);
		batv_classify_header(&c, (struct batv_header){span("From"), span("MAILER-DAEMON")});
		ck_assert_int_eq(batv_classify_end(&c, body, &recipients),
				 before < 16 ? BATV_CLASS_DSN : BATV_CLASS_OTHER);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("classify");
	TCase *tc = tcase_create("tables"), *all = tcase_create("messages");

	tcase_add_loop_test(tc, single_fields, 0, (int)(sizeof fields / sizeof fields[0]));
	tcase_add_loop_test(tc, whole_messages, 0, (int)(sizeof wholes / sizeof wholes[0]));
	tcase_add_loop_test(tc, parts_of_a_multipart, 0, (int)(sizeof parts / sizeof parts[0]));
	tcase_add_loop_test(tc, what_the_parts_say, 0,
			    (int)(sizeof structures / sizeof structures[0]));
	tcase_add_test(tc, deep_nesting);
	tcase_add_test(all, messages_have_their_class);
	tcase_add_test(all, damaged_messages_are_survived);
	tcase_add_test(all, what_others_chose_changes_no_structure);
	tcase_add_test(tc, the_first_kind_wins);
	tcase_add_test(tc, strange_reports_are_not_refused);
	tcase_add_test(tc, nothing_says_other);
	tcase_add_test(tc, authors_are_not_read_for_ever);
	tcase_add_test(all, work_is_bounded);
	tcase_add_test(all, subjects_are_not_read_for_ever);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, all);
	return s;
}
