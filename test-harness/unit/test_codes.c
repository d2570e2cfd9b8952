/* links: core/evidence/codes core/base/span */
/*
 * test_codes.c - lines with the code of a mail server, and lines with a number that looks like one.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/codes.h"
#include "exact.h"
#include "unit.h"

static const char *const codes[] = {
	"550 5.1.1 <bob@theirs.example>: Recipient address rejected",
	"550-5.1.1 The email account that you tried to reach does not exist.",
	"#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##",
	"#< #5.1.1 smtp;550 5.1.1 no such user>",
	"550 <bob@theirs.example>... User unknown",
	"<<< 550 User unknown",
	"    550 Unrouteable address",
	"554 delivery error: dd This user doesn't have an account",
	"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
	"421 Service not available",
	"450 bob@theirs.example: greylisted",
	"550 bob@theirs.example",
	"Sorry, no mailbox here by that name. (#5.1.1)",
	"Remote host said: 550 no",
	"host mx.theirs.example[192.0.2.1] said: 550 no",
	"    host mx.theirs.example [192.0.2.1]: 550 no",
	"bert@example.net: 550 not known here",
	"<bert@example.net>: 550 not known here",
	"mx.theirs.example: 452 no",
	"Diagnostic-Code: smtp; 550 no",
	"smtp;550 no",
	"SMTP error 550",
	"The server responded with error code 554.",
	"Status: 5.2.2",
	"status=5.2.2",
	"5.1.1 bob@theirs.example",
	"(5.7.1) <bob@theirs.example> refused",
	"error: 5.1.1",
	"DSN=4.4.7",
	"550 Requested action not taken: mailbox unavailable",
	"<p>The response was: 550 5.7.1 no</p>",
	"said 500",
	"said 570",
	"said 400",
	"said 550.",
	"said 550:",
	"said 550. no",
	"x said 550",
	"said 5.7.123",
	"said 4.0.0",
	"said 5.7.1.",
	"said 5.7.1. x",
	"x #5.1.1",
	"-550 user unknown",
	"*550-user unknown",
	"'550) user unknown",
	"a@b: 550 no",
	"a.b: 550 no",
	"x>: 550 no",
	"x]: 550 no",
	"550 a@",
	"x 550 #5.1.1",
	"x 550-5.1.1",
	"a.b:550 no",
	"550<x>",
	"said 5.7.1\x7f",
	"#5.1.1 no",
};

START_TEST(a_code)
{
	size_t len = strlen(codes[_i]);
	char *line = exact_room(len);

	memcpy(line, codes[_i], len);
	ck_assert_msg(batv_codes_in((struct batv_span){line, len}), "%s", codes[_i]);
	free(line);
}
END_TEST

static const char *const numbers[] = {
	"",
	"4",
	"550",
	"5.1.1",
	"Your parcel 4711 arrives tomorrow.",
	"Price: 450 EUR",
	"Order no.: 551 shipped",
	"Order 550",
	"order #550 has been shipped",
	"Ticket #451: mailbox",
	"550 items were delayed",
	"450 messages are in quarantine",
	"You use 450 of 500 MB; the mailbox is nearly full",
	"450 MB of your mailbox of 500 MB are used",
	"Quota: 450 MB",
	"512 kB",
	"version 5.1.3",
	"Dovecot 5.2.1: mailbox server",
	"on 4.3.26",
	"am 5.1.2026 um 10 Uhr",
	"(5.1.26)",
	"192.0.5.1",
	"4.3.2.1",
	"5.1.1.example.net",
	"tel. 550-1234",
	"room 5.1.1a",
	"5.8.1 user unknown",
	"5.1.1234 user unknown",
	"5500 user unknown",
	"x550 user unknown",
	"550x user unknown",
	"550.50 user unknown",
	"$550 user unknown",
	"581 user unknown",
	"250 user unknown",
	"250 2.1.5 Ok",
	"Fa. Schmidt: 500",
	"at 10:45 user unknown",
	"said 55",
	"said 580",
	"said 350",
	"said 650",
	"said 5/0",
	"said 550.5",
	"said 550,",
	"said 550_",
	"said 550%",
	"said 550/",
	"said 550x",
	"said 5.8.1",
	"said 5./.1",
	"said 3.7.1",
	"said 6.7.1",
	"said 5.7.",
	"said 5.7.x",
	"said 5.7.1.2",
	"said 5.7.1x",
	"said 5.7.1-x",
	"said 5.7.1\x80",
	"said 5,7.1",
	"said 5.7,1",
	"status 550",
	"x # 550",
	"1550 user unknown",
	"\xc3\xa9"
	"550 user unknown",
	".550 user unknown",
	",550 user unknown",
	"/550 user unknown",
	">: 550 no",
	"]: 550 no",
	"b@: 550 no",
	"ab: 550 no",
	".ab: 550 no",
	"a.: 550 no",
	"a.1: 550 no",
	"a.b 550 no",
	"550 @x",
	"550 x y@z",
	"x 550 user unknown",
	"unsaid 550",
	"said5 550",
	"said 5.7.12345",
	"550 @x@y",
	"code,550 no",
};

START_TEST(a_number)
{
	size_t len = strlen(numbers[_i]);
	char *line = exact_room(len);

	memcpy(line, numbers[_i], len);
	ck_assert_msg(!batv_codes_in((struct batv_span){line, len}), "%s", numbers[_i]);
	free(line);
}
END_TEST

/* A NUL is in no word, and separates nothing. */
START_TEST(a_nul)
{
	static const char before[] = "\0"
				     "550 user unknown",
			  after[] = "a.b\0: 550 no", within[] = "a\0.b: 550 no";

	ck_assert(!batv_codes_in((struct batv_span){before, sizeof before - 1}));
	ck_assert(!batv_codes_in((struct batv_span){after, sizeof after - 1}));
	ck_assert(!batv_codes_in((struct batv_span){within, sizeof within - 1}));
}
END_TEST

/* Before each limit, and at it. */
START_TEST(limits)
{
	char line[300], x[100];

	memset(x, 'x', sizeof x);
	for (int more = 0; more < 2; more++) {
		/* a word that names a code is at most 100 bytes before it */
		(void)snprintf(line, sizeof line, "said%*s550", 96 + more, "");
		ck_assert_int_eq(batv_codes_in(batv_span_of(line)), !more);
		/* an address after it has its "@" after 64 */
		(void)snprintf(line, sizeof line, "550 %.*s@x", 64 + more, x);
		ck_assert_int_eq(batv_codes_in(batv_span_of(line)), !more);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("codes");
	TCase *tc = tcase_create("codes");

	tcase_add_loop_test(tc, a_code, 0, (int)(sizeof codes / sizeof codes[0]));
	tcase_add_loop_test(tc, a_number, 0, (int)(sizeof numbers / sizeof numbers[0]));
	tcase_add_test(tc, a_nul);
	tcase_add_test(tc, limits);
	suite_add_tcase(s, tc);
	return s;
}
