/* links: admin/plain_list admin/ask_exim admin/run admin/exim_text admin/find_exim admin/exim_user admin/root_path core/decide/exim_list core/decide/list_file core/base/span */
/*
 * test_ask_exim.c - questions as Exim gets them, and what becomes of its answers.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask_exim.h"
#include "sandbox.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ASK(kind, value, list) batv_ask_exim_line(BATV_LIST_##kind, value, list, line, sizeof line)

START_TEST(questions)
{
	char line[200];

	ck_assert(ASK(DOMAINS, "a.test", "+local : b.test"));
	ck_assert_str_eq(line, "${if match_domain{a.test}{+local : b.test}{yes}{no}}");
	ck_assert(ASK(ADDRESSES, "a+b=c@a.test", "^.{3}@x"));
	ck_assert_str_eq(line, "${if match_address{a+b=c@a.test}{^.{3\\}@x}{yes}{no}}");
	ck_assert(ASK(HOSTS, "2001:db8::1", "+mine"));
	ck_assert_str_eq(line, "${if match_ip{2001:db8::1}{+mine}{yes}{no}}");
}
END_TEST

/* What Exim could expand, or what would end the argument early, is never put to it. */
START_TEST(unsafe_questions)
{
	static const char *const values[] = {"",
					     "${run{/bin/false}}@a.test",
					     "a}b@a.test",
					     "a\\b@a.test",
					     "a b@a.test",
					     "a\"b@a.test",
					     "a\nb@a.test",
					     "a{b@a.test"};
	char line[200], small[20];

	for (size_t i = 0; i < COUNT(values); i++)
		ck_assert_msg(!ASK(ADDRESSES, values[i], "+x"), "%s", values[i]);
	ck_assert(ASK(ADDRESSES, "\xc3\xa4@b\xc3\xbc.test", "+x")); /* means nothing to Exim */
	ck_assert(!ASK(HOSTS, "fe80::1%eth0", "+x"));
	ck_assert(!ASK(DOMAINS, "a.test", "$domain"));
	ck_assert(!ASK(DOMAINS, "a.test", "^a\\.{2}"));
	ck_assert(!ASK(DOMAINS, "a.test", "a\nb"));
	ck_assert(!batv_ask_exim_line(BATV_LIST_DOMAINS, "a.test", "+x", small, sizeof small));
}
END_TEST

/* It says that it runs as games. */
static const char *exim_is = "exim_user = 5\\nexim_group = 60\\n";

/* An Exim made of shell: BODY sees the question on its stdin. */
static enum batv_match ask_script(const char *body, const char *list, struct batv_asker *asker)
{
	char path[300], command[400], text[2000];
	struct batv_matcher m;

	(void)snprintf(text, sizeof text,
		       "#!/bin/sh\n[ \"$3\" = -bP ] && { [ \"$(id -u)\" = 0 ] && printf '%s'; "
		       "exit; }\n%s\n",
		       exim_is, body);
	sandbox_file("exim", 0755, text, strlen(text));
	ck_assert_int_eq(chmod(sandbox, 0777), 0); /* as root it runs as somebody else */
	(void)snprintf(path, sizeof path, "%s/exim", sandbox);
	(void)snprintf(command, sizeof command, "%s -C  /some/file", path);
	batv_ask_exim_init(asker, command, NULL, &m);
	return m.domain(m.ctx, "a.test", list);
}

START_TEST(answers)
{
	struct batv_asker a;

	ck_assert_int_eq(ask_script("echo '> yes'; echo '> '", "+x", &a), BATV_YES);
	ck_assert_int_eq(ask_script("echo no", "+x", &a), BATV_NO);
	ck_assert_int_eq(ask_script("[ \"$*\" = '-C /some/file -be' ] && echo yes", "+x", &a),
			 BATV_YES);
	ck_assert_int_eq(
		ask_script("read -r q; [ \"$q\" = '${if match_domain{a.test}{+x}{yes}{no}}' ] && "
			   "echo yes",
			   "+x", &a),
		BATV_YES);
	ck_assert_int_eq(ask_script("echo '> Failed: unknown named domain list \"+x\"'", "+x", &a),
			 BATV_MAYBE);
	ck_assert_str_eq(a.why, "Exim says: Failed: unknown named domain list \"+x\"");
	ck_assert_str_eq(a.list, "+x");
	ck_assert_int_eq(ask_script("exit 1", "+x", &a), BATV_MAYBE);
	ck_assert_int_eq(ask_script("echo yes please", "+x", &a), BATV_MAYBE);
	/* A plain list needs nobody. */
	ck_assert_int_eq(ask_script("echo no", "a.test", &a), BATV_YES);
}
END_TEST

/* A list that Exim's process would not ask about is not asked about here either. */
START_TEST(what_is_not_allowed)
{
	struct batv_asker a;

	ck_assert_int_eq(ask_script("echo yes", "sqlite;/x y", &a), BATV_MAYBE);
	ck_assert(a.wrong && strstr(a.why, "sqlite;/x y: only lsearch, "));
	ck_assert_int_eq(ask_script("echo yes", "a.test : /etc/passwd", &a), BATV_MAYBE);
	ck_assert(a.wrong);
	ck_assert_int_eq(ask_script("echo yes", "a.test : lsearch;/nowhere/x", &a), BATV_MAYBE);
	ck_assert(a.wrong &&
		  strstr(a.why, "lsearch;/nowhere/x: /nowhere: No such file or directory"));
	ck_assert_int_eq(ask_script("echo yes", "lsearch;/etc/shadow", &a), BATV_MAYBE);
	ck_assert(a.wrong && strstr(a.why, "/etc/shadow: mode is "));
	ck_assert_int_eq(ask_script("echo yes", "lsearch;/etc/passwd", &a), BATV_YES);
}
END_TEST

START_TEST(a_process_that_ends)
{
	struct batv_asker a;

	ck_assert_int_eq(ask_script("echo '> failed to open /x: No such file'; exit 1", "+x", &a),
			 BATV_MAYBE);
	ck_assert(a.ended && a.wrong);
	ck_assert_int_eq(ask_script("echo '> '; kill -9 $$", "+x", &a), BATV_MAYBE);
	ck_assert(a.ended && a.wrong);
	ck_assert_int_eq(ask_script("echo '> Failed: unknown named domain list'", "+x", &a),
			 BATV_MAYBE);
	ck_assert(!a.ended && a.wrong);
	/* over its configuration, before the question */
	ck_assert_int_eq(ask_script("echo 'configuration error'; exit 1", "+x", &a), BATV_MAYBE);
	ck_assert(!a.ended && !a.wrong);
	ck_assert_int_eq(
		ask_script("echo 'exim user lost privilege for using -C option'; echo '> yes'",
			   "+x", &a),
		BATV_YES);
	ck_assert(!a.ended && !a.wrong);
}
END_TEST

/* Root asks as Exim's user, in no other group. */
START_TEST(never_as_root)
{
	static const char *const nobody_known[] = {"",
						   "exim_user = 5\\n",
						   "exim_group = 5\\n",
						   "exim_user = 0\\nexim_group = 0\\n",
						   "exim_user = no-such-user\\nexim_group = 5\\n",
						   "exim_user = 5\\nexim_group = no-such-group\\n",
						   "exim_user = 4294967295\\nexim_group = 5\\n"};
	const char *before = exim_is;
	struct batv_asker a;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(
		ask_script("[ \"$(id -u) $(id -g) $(id -G)\" = '5 60 60' ] && echo yes", "+x", &a),
		BATV_YES);
	for (size_t i = 0; i < COUNT(nobody_known); i++) {
		exim_is = nobody_known[i];
		ck_assert_int_eq(ask_script("echo yes", "+x", &a), BATV_MAYBE);
		ck_assert(!a.wrong &&
			  strstr(a.why, i == 3 ? "user is root" : "cannot learn Exim's user"));
	}
	exim_is = before;
}
END_TEST

START_TEST(who_exim_is)
{
	struct batv_exim_user user;

	ck_assert(batv_exim_user_parse("exim_user = root\nexim_group = root\n", &user));
	ck_assert(user.uid == 0 && user.gid == 0);
	ck_assert(batv_exim_user_parse("x\nexim_user = 8\nexim_group =  12\n", &user));
	ck_assert(user.uid == 8 && user.gid == 12);
	ck_assert(!batv_exim_user_parse("", &user));
	ck_assert(!batv_exim_user_parse("exim_user = \nexim_group = \n", &user));
	ck_assert(!batv_exim_user_parse("exim_user = -1\nexim_group = 1\n", &user));
}
END_TEST

START_TEST(no_exim)
{
	struct batv_asker a;
	struct batv_matcher m;

	batv_ask_exim_init(&a, "none", NULL, &m);
	ck_assert_int_eq(m.domain(m.ctx, "a.test", "+x"), BATV_MAYBE);
	ck_assert_str_eq(a.why, "no Exim was found, or exim = none");
	batv_ask_exim_init(&a, "/nowhere/exim", NULL, &m);
	ck_assert_int_eq(m.domain(m.ctx, "a.test", "+x"), BATV_MAYBE);
	ck_assert_ptr_nonnull(strstr(a.why, "cannot run /nowhere/exim"));
}
END_TEST

/* Exim reads lines of 1023 bytes: a longer question arrives whole, and nothing in it is changed. */
START_TEST(long_lists)
{
	char list[6000] = "+x", want[6200];
	struct batv_asker a;

	while (strlen(list) < 5000)
		strcat(list, " : some-long-domain.example.test");
	(void)snprintf(want, sizeof want, "${if match_domain{a.test}{%s}{yes}{no}}", list);
	sandbox_file("want", 0644, want, strlen(want));
	ck_assert_int_eq(ask_script("cd \"${0%/*}\"; awk 'length($0) > 1000 { exit 1 } "
				    "{ more = sub(/\\\\$/, \"\"); printf \"%s\", $0 }' > got && "
				    "cmp -s got want && echo yes || echo bad",
				    list, &a),
			 BATV_YES);
}
END_TEST

START_TEST(too_slow_and_too_much)
{
	struct timespec from, to;
	struct batv_asker a;

	clock_gettime(CLOCK_MONOTONIC, &from);
	ck_assert_int_eq(ask_script("exec sleep 60", "+x", &a), BATV_MAYBE);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ck_assert_int_lt(to.tv_sec - from.tv_sec, BATV_ASK_SECONDS + 3);
	ck_assert_int_eq(ask_script("exec cat /dev/zero", "+x", &a), BATV_MAYBE);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("ask_exim");
	TCase *tc = tcase_create("questions"), *ask = tcase_create("asking");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, questions);
	tcase_add_test(tc, unsafe_questions);
	suite_add_tcase(s, ask);
	tcase_add_checked_fixture(ask, sandbox_make, sandbox_remove);
	tcase_add_test(ask, answers);
	tcase_add_test(ask, what_is_not_allowed);
	tcase_add_test(ask, a_process_that_ends);
	tcase_add_test(ask, never_as_root);
	tcase_add_test(ask, who_exim_is);
	tcase_add_test(ask, no_exim);
	tcase_add_test(ask, long_lists);
	tcase_add_test(ask, too_slow_and_too_much);
	return s;
}
