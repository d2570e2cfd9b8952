/* links: core/classify core/policy core/span */
/*
 * test_classify.c - messages of all kinds, one a file, messages/NAME.CLASS.eml; and what the
 * parsing of header fields makes of odd ones.  Run from the top of the tree.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"

#define MESSAGES     "test-harness/unit/messages/*.eml"
#define MESSAGES_MIN 40

static struct batv_span span(const char *text)
{
	return batv_span_of(text);
}

/* ---- files ---- */

/* Feeds the header, field by field, folded as it is; the rest is the body. */
static enum batv_class classify(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct batv_classifier c;

	batv_classify_start(&c);
	while (p < end && *p != '\n' && !(*p == '\r' && p + 1 < end && p[1] == '\n')) {
		const char *stop = p, *nl, *colon = memchr(p, ':', (size_t)(end - p));

		ck_assert_ptr_nonnull(colon);
		do {
			nl = memchr(stop, '\n', (size_t)(end - stop));
			stop = nl ? nl + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		batv_classify_header(&c,
				     (struct batv_header){{p, (size_t)(colon - p)},
							  {colon + 1, (size_t)(stop - colon - 1)}});
		p = stop;
	}
	return batv_classify_end(&c, (struct batv_span){p, (size_t)(end - p)});
}

/* "x/postfix-bounce.dsn.eml": dsn */
static void expected(const char *path, char *out, size_t size)
{
	const char *dot = strrchr(path, '.'), *before = dot;

	while (before > path && before[-1] != '.')
		before--;
	(void)snprintf(out, size, "%.*s", (int)(dot - before), before);
}

static size_t read_file(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	ck_assert_ptr_nonnull(f);
	len = fread(out, 1, size, f);
	ck_assert_uint_lt(len, size);
	(void)fclose(f);
	return len;
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
			classify(text, read_file(files.gl_pathv[i], text, sizeof text));

		expected(files.gl_pathv[i], want, sizeof want);
		if (strcmp(batv_class_name(got), want) != 0) {
			(void)printf("%s: %s\n", files.gl_pathv[i], batv_class_name(got));
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

/* Cut anywhere, with any one byte changed: some class, and no reading beyond the end. */
START_TEST(damaged_messages_are_survived)
{
	static char text[65536];
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t len = read_file(files.gl_pathv[i], text, sizeof text);

		for (size_t at = 0; at < len; at += 7) {
			struct batv_classifier c;
			char *copy = malloc(at + 1); /* of that very size, for the sanitizers */

			memcpy(copy, text, at);
			copy[at] = "\"(\\<;=\0\377"[at % 8];
			batv_classify_start(&c);
			batv_classify_header(
				&c, (struct batv_header){span("Content-Type"), {copy, at + 1}});
			batv_classify_header(&c,
					     (struct batv_header){span("From"), {copy, at + 1}});
			batv_classify_header(&c,
					     (struct batv_header){{copy, at + 1}, {copy, at + 1}});
			ck_assert_uint_lt(batv_classify_end(&c, (struct batv_span){copy, at + 1}),
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
	{"From", "Post-Master <post-master@x.example>", "dsn"},
	{"From", "\"a < b\" <mailer-daemon@x.example>", "dsn"},
	{"From", "Mail Delivery System", "dsn"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@x.example", "dsn"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109@x.example", "other"},
	{"From", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109g@x.example", "other"},
	{"From", "mailer--daemon@x.example", "other"},
	{"From", "mailer-daemons@x.example", "other"},
	{"From", "\"MAILER-DAEMON\" <bob@x.example>", "other"},
	{"From", "bob@mailer-daemon", "other"},
	{"Subject", " Undeliverable: lunch", "dsn"},
	{"Subject", "FAILURE NOTICE", "dsn"},
	{"Subject", "Re: Undeliverable: lunch", "other"},
	{"Subject", "Warning: message 1abc delayed 24 hours", "dsn"},
	{"Subject", "Warning: message from the police", "other"},
	{"Subject", "Automatic reply: Undeliverable", "autoreply"},
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
};

START_TEST(single_fields)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	batv_classify_header(&c,
			     (struct batv_header){span(fields[_i].name), span(fields[_i].value)});
	ck_assert_str_eq(batv_class_name(batv_classify_end(&c, span(""))), fields[_i].want);
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
	ck_assert_str_eq(batv_class_name(batv_classify_end(&c, span(parts[_i].body))),
			 parts[_i].want);
}
END_TEST

START_TEST(the_first_kind_wins)
{
	static const char *const kinds[][2] = {
		{"multipart/report; report-type=tlsrpt", "report"},
		{"multipart/report; report-type=delivery-status", "dsn"},
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
			ck_assert_str_eq(batv_class_name(batv_classify_end(&c, span(""))),
					 kinds[a < b ? a : b][1]);
		}
}
END_TEST

START_TEST(nothing_says_other)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){NULL, 0}), BATV_CLASS_OTHER);
	batv_classify_header(&c, (struct batv_header){{NULL, 0}, {NULL, 0}});
	ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){NULL, 0}), BATV_CLASS_OTHER);
}
END_TEST

/* Long values and bodies cost no more than what is looked at. */
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
		/* a sender that is a comment, or quotes, is nobody */
		ck_assert_int_eq(batv_classify_end(&c, (struct batv_span){text, len}),
				 (i < 2 ? BATV_CLASS_DSN : BATV_CLASS_OTHER));
	}
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("classify");
	TCase *tc = tcase_create("classify");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, messages_have_their_class);
	tcase_add_test(tc, damaged_messages_are_survived);
	tcase_add_loop_test(tc, single_fields, 0, (int)(sizeof fields / sizeof fields[0]));
	tcase_add_loop_test(tc, parts_of_a_multipart, 0, (int)(sizeof parts / sizeof parts[0]));
	tcase_add_test(tc, the_first_kind_wins);
	tcase_add_test(tc, nothing_says_other);
	tcase_add_test(tc, work_is_bounded);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
