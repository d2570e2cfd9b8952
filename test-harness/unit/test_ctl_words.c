/* links: batvctl/ctl_words core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class core/base/span */
/*
 * test_ctl_words.c - every decision has a sentence, and every letter says what to do.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../../src/batvctl/ctl_words.h"
#include "evidence/class.h"
#include "unit.h"

static char text[BATV_WORDS_SIZE];

static const char *words(enum batv_verdict verdict, enum batv_action action,
			 enum batv_reason reason, const char *proof, const char *class)
{
	const struct batv_ctl_decided d = {.verdict = verdict,
					   .action = action,
					   .reason = reason,
					   .proof = proof,
					   .class = class};

	batv_ctl_words_decision(&d, text);
	return text;
}

static const char *letter(enum batv_verdict verdict, enum batv_action action,
			  enum batv_reason reason, const char *class)
{
	const struct batv_ctl_decided d = {.verdict = verdict,
					   .action = action,
					   .reason = reason,
					   .proof = "",
					   .class = class};
	const struct batv_ctl_letter l = {"27 Nov 14:20", "192.0.2.1", "ann@test"};

	batv_ctl_words_letter(&d, &l, text);
	return text;
}

#define REJECT BATV_ACTION_REJECT
#define MARK BATV_ACTION_MARK
#define ACCEPT BATV_ACTION_ACCEPT

START_TEST(sentences)
{
	ck_assert_str_eq(
		words(BATV_MISSING, REJECT, BATV_WHY_NONE, "", "dsn"),
		"refused: the bounce came to the untagged address, and no Message-ID in it "
		"was sent from here");
	ck_assert_str_eq(words(BATV_EXPIRED, MARK, BATV_WHY_NOT_ARMED, "", "autoreply"),
			 "accepted and marked: the automatic reply came to an address with a tag "
			 "that is no longer valid; it was not refused, because the domain does not "
			 "refuse yet (enforcement = auto)");
	ck_assert_str_eq(words(BATV_EXEMPT, ACCEPT, BATV_WHY_EXEMPT_HOST, "", "dsn"),
			 "accepted: the bounce was not checked, because it came from a host in "
			 "exempt_hosts");
	ck_assert_str_eq(words(BATV_REMEMBERED, ACCEPT, BATV_WHY_NONE, "pair", "mdn"),
			 "accepted: the read receipt came without a valid tag, but comes from "
			 "somebody to whom this address had written");
	ck_assert_str_eq(words(BATV_REMEMBERED, ACCEPT, BATV_WHY_NONE, "later", "other"),
			 "accepted: the automatic message came without a valid tag, but answers "
			 "mail that was sent from here");
	ck_assert_str_eq(words(BATV_VALID, REJECT, BATV_WHY_MIXED, "", "dsn"),
			 "refused: the message tries several tags, which a bounce never does");
	ck_assert_ptr_nonnull(strstr(
		words(BATV_MISSING, BATV_ACTION_COUNT, BATV_WHY_NONE, "", "dsn"), "put off (451)"));
}
END_TEST

START_TEST(items)
{
	struct batv_ctl_decided d = {.verdict = BATV_EXEMPT,
				     .reason = BATV_WHY_EXEMPT_HOST,
				     .proof = "",
				     .class = "dsn",
				     .item = "192.0.2.7, by batvctl exempt until further notice"};
	const struct batv_ctl_letter l = {"27 Nov 14:20", "192.0.2.1", "ann@test"};

	batv_ctl_words_decision(&d, text);
	ck_assert_str_eq(text,
			 "accepted: the bounce was not checked, because it came from a host in "
			 "exempt_hosts (192.0.2.7, by batvctl exempt until further notice)");
	/* the other side must not read it */
	batv_ctl_words_letter(&d, &l, text);
	ck_assert_ptr_null(strstr(text, "batvctl"));
	d.verdict = BATV_MISSING;
	d.reason = BATV_WHY_RELAY_HOST;
	d.action = MARK;
	d.item = "10.0.0.0/8";
	batv_ctl_words_decision(&d, text);
	ck_assert_ptr_nonnull(strstr(text, "a host in relay_in_hosts (10.0.0.0/8)"));
	d.reason = BATV_WHY_NONE;
	batv_ctl_words_decision(&d, text);
	ck_assert_ptr_null(strstr(text, "10.0.0.0/8"));
}
END_TEST

static void check_sentence(const char *s, size_t min)
{
	ck_assert_uint_gt(strlen(s), min);
	ck_assert_uint_lt(strlen(s), BATV_WORDS_SIZE - 200); /* nothing was cut */
	ck_assert_msg(!strstr(s, "  ") && !strstr(s, "(null)") && !strstr(s, ", ."), "%s", s);
}

START_TEST(each_of_them)
{
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		for (int a = 0; a <= BATV_ACTION_COUNT; a++)
			for (int r = 0; r < BATV_WHY_COUNT; r++)
				for (int c = 0; c < BATV_CLASS_COUNT; c++) {
					const char *class = batv_class_name((enum batv_class)c);

					check_sentence(words((enum batv_verdict)v,
							     (enum batv_action)a,
							     (enum batv_reason)r, "id", class),
						       30);
					check_sentence(letter((enum batv_verdict)v,
							      (enum batv_action)a,
							      (enum batv_reason)r, class),
						       100);
					ck_assert_int_eq(text[strlen(text) - 1], '.');
				}
}
END_TEST

/* A new reason must be named here. */
START_TEST(reasons)
{
	ck_assert_ptr_null(batv_ctl_words_reason(BATV_WHY_NONE));
	for (int r = BATV_WHY_NONE + 1; r < BATV_WHY_COUNT; r++) {
		const char *reason = batv_ctl_words_reason((enum batv_reason)r);

		ck_assert_ptr_nonnull(reason);
		ck_assert_msg(!strstr(reason, "does not know"), "%s",
			      batv_reason_name((enum batv_reason)r));
		for (int other = r + 1; other < BATV_WHY_COUNT; other++)
			ck_assert_str_ne(reason, batv_ctl_words_reason((enum batv_reason)other));
	}
}
END_TEST

static const struct {
	enum batv_verdict verdict;
	enum batv_action action;
	enum batv_reason reason;
	const char *class, *has, *lacks;
} letters[] = {
	{BATV_MISSING, REJECT, BATV_WHY_NONE, "dsn", "at RCPT or after DATA", "let it in"},
	{BATV_MISSING, REJECT, BATV_WHY_NONE, "autoreply", "In-Reply-To", "returned message"},
	{BATV_EXPIRED, REJECT, BATV_WHY_NONE, "dsn", "within five days", "forged"},
	{BATV_FORGED, REJECT, BATV_WHY_NONE, "dsn", "exactly as it came", "expired"},
	{BATV_VALID, REJECT, BATV_WHY_MIXED, "dsn", "one recipient", "forged"},
	{BATV_MISSING, BATV_ACTION_REMOVE, BATV_WHY_NONE, "dsn", "did not deliver it",
	 "We refused"},
	{BATV_MISSING, MARK, BATV_WHY_OBSERVE, "dsn", "That may change. Our mail leaves",
	 "refused it"},
	{BATV_VALID, ACCEPT, BATV_WHY_NONE, "dsn", "Nothing needs to be changed.", "may change"},
	{BATV_EXEMPT, ACCEPT, BATV_WHY_ACL, "dsn", "because an ACL exempts it", "may change"},
	{BATV_MISSING, BATV_ACTION_COUNT, BATV_WHY_NONE, "dsn", "try again", "Our mail leaves"},
};

START_TEST(what_to_change)
{
	const char *s = letter(letters[_i].verdict, letters[_i].action, letters[_i].reason,
			       letters[_i].class);

	ck_assert_msg(strstr(s, "27 Nov 14:20") && strstr(s, "192.0.2.1") && strstr(s, "ann@test"),
		      "%s", s);
	ck_assert_msg(strstr(s, letters[_i].has) != NULL, "%s", s);
	ck_assert_msg(strstr(s, letters[_i].lacks) == NULL, "%s", s);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("ctl_words");
	TCase *c = tcase_create("all");

	tcase_add_test(c, sentences);
	tcase_add_test(c, items);
	tcase_add_test(c, each_of_them);
	tcase_add_test(c, reasons);
	tcase_add_loop_test(c, what_to_change, 0, sizeof letters / sizeof letters[0]);
	suite_add_tcase(s, c);
	return s;
}
