/* links: admin/exim_spool core/base/span */
/*
 * test_exim_spool.c - envelopes as Exim 4.96 wrote them, and what is not one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/admin/exim_spool.h"
#include "unit.h"

static struct batv_exim_spool e;

#define HEAD "1xXBrk-0008PM-2a-H\ngames 5 60\n<>\n1795847096 0\n-received_time_usec .800901\n"
#define HEADER "\n110P Received: from games by mx.test\n031T To: x@test\n"

static bool take(const char *text)
{
	return batv_exim_spool_read(batv_span_of(text), &e);
}

START_TEST(a_frozen_bounce)
{
	ck_assert(take(HEAD "-ident games\n-frozen 1795847097\n-host_address [127.0.0.9]:4711\n"
			    "XX\n2\nalice@test\n\"a b\"@theirs.test\n" HEADER));
	ck_assert_str_eq(e.sender, "");
	ck_assert_str_eq(e.host, "127.0.0.9");
	ck_assert_uint_eq(e.frozen, 1795847097);
	ck_assert_uint_eq(e.rcpts_all, 2);
	ck_assert_uint_eq(e.n_rcpts, 2);
	ck_assert_str_eq(e.rcpts[0], "alice@test");
	ck_assert_str_eq(e.rcpts[1], "\"a b\"@theirs.test");
}
END_TEST

START_TEST(more_fields)
{
	ck_assert(take("1vMabc-000000001ab-1Ab2-H\nmail 8 8\n<bob@x.test>\n1795847096 0\n"
		       "--helo_name -host_address 1.2.3.4.5\n--host_address [2001:db8::1]:25\n"
		       "YN x@test\nNN y@test\nNN z@test\n1\n"
		       "prvs=6123abcdef=alice@test owner@test 10,-1#1\n" HEADER));
	ck_assert_str_eq(e.sender, "bob@x.test");
	ck_assert_str_eq(e.host, "2001:db8::1");
	ck_assert_uint_eq(e.frozen, 0);
	ck_assert_str_eq(e.rcpts[0], "prvs=6123abcdef=alice@test");
	ck_assert(take(HEAD "XX\n2\n\"a \\\" b\"@test owner@test 10,-1#1\nb\\ c@test x\n"));
	ck_assert_str_eq(e.rcpts[0], "\"a \\\" b\"@test");
	ck_assert_str_eq(e.rcpts[1], "b\\ c@test");
	ck_assert(take(HEAD "XX\n1\na\\\n"));
	ck_assert_str_eq(e.rcpts[0], "a\\");
}
END_TEST

/* As another version writes it. */
START_TEST(a_dot_and_a_port)
{
	ck_assert(take(HEAD "-host_address 2001:db8::1.25\nXX\n1\na@test\n"));
	ck_assert_str_eq(e.host, "2001:db8::1");
	ck_assert(!take(HEAD "-host_address 12\nXX\n1\na@test\n"));
}
END_TEST

/* Empty lines, and options of no name, are nothing. */
START_TEST(odd_lines)
{
	ck_assert(take(HEAD "\n-\n--\n---\nXX\n1\na@test\n"));
	ck_assert_uint_eq(e.n_rcpts, 1);
	ck_assert(take(HEAD "---host_address [1]:2\n-\nXX\n1\na@test\n"));
	ck_assert_str_eq(e.host, "");
}
END_TEST

START_TEST(many_recipients)
{
	char text[2000] = HEAD "XX\n30\n";

	for (int i = 0; i < 30; i++)
		strcat(text, "a@test\n");
	ck_assert(take(text));
	ck_assert_uint_eq(e.n_rcpts, BATV_EXIM_SPOOL_RCPTS);
	ck_assert_uint_eq(e.rcpts_all, 30);
}
END_TEST

static const char *const wrong[] = {
	"",
	"Failed to open input file for 1xXBdW-0003VC-06-H: No such file or directory\n",
	HEAD,
	HEAD "XX\n0\n",
	HEAD "XX\n2\nalice@test\n",
	HEAD "XX\n1\n\n",
	HEAD "-frozen x\nXX\n1\na@test\n",
	HEAD "-host_address [12\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\na@test\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\n<a\033@test>\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\n<a@test\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\n<a>@test\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\na@test>\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-D\ngames 5 60\n<>\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk\ngames 5 60\n<>\n1795847096 0\nXX\n1\na@test\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\n<>\n",
	"1xXBrk-0008PM-2a-H\ngames 5 60\n<>\n1\na@test\n",
	"1xXBrk-0008PM-2a\ngames 5 60\n<>\n1795847096 0\nXX\n1\na@test\n",
};

START_TEST(not_an_envelope)
{
	ck_assert(!take(wrong[_i]));
}
END_TEST

/* Every beginning, in memory that ends with it. */
START_TEST(cut)
{
	static const char text[] = HEAD "-host_address 127.0.0.9.4711\nXX\n1\n\"a\\\" b\"@test\n";

	for (size_t n = 0; n + 1 < sizeof text; n++) {
		char *copy = malloc(n ? n : 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, n);
		if (batv_exim_spool_read((struct batv_span){copy, n}, &e))
			ck_assert_uint_eq(e.n_rcpts, 1);
		free(copy);
	}
}
END_TEST

START_TEST(too_long)
{
	char text[2 * BATV_ADDR_SIZE + 200] = HEAD "XX\n1\n";
	size_t len = strlen(text);

	memset(text + len, 'a', BATV_ADDR_SIZE - 1);
	ck_assert(take(text));
	text[len + BATV_ADDR_SIZE - 1] = 'a';
	ck_assert(!take(text));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("exim_spool");
	TCase *c = tcase_create("all");

	tcase_add_test(c, a_frozen_bounce);
	tcase_add_test(c, more_fields);
	tcase_add_test(c, a_dot_and_a_port);
	tcase_add_test(c, odd_lines);
	tcase_add_test(c, many_recipients);
	tcase_add_loop_test(c, not_an_envelope, 0, sizeof wrong / sizeof wrong[0]);
	tcase_add_test(c, cut);
	tcase_add_test(c, too_long);
	suite_add_tcase(s, c);
	return s;
}
