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
	ck_assert(!ASK(ADDRESSES, "a\x7f@b.test", "+x"));
	ck_assert(ASK(ADDRESSES, "\xc2\x80@b.test", "+x"));
	ck_assert(ASK(ADDRESSES, "._=+@-", "+x"));
	ck_assert(!ASK(ADDRESSES, "a:b", "+x"));
	ck_assert(ASK(HOSTS, "1.:", "+x"));
	ck_assert(!ASK(HOSTS, "a-b", "+x"));
	ck_assert(!ASK(HOSTS, "fe80::1%eth0", "+x"));
	ck_assert(!ASK(DOMAINS, "a.test", "$domain"));
	ck_assert(!ASK(DOMAINS, "a.test", "^a\\.{2}"));
	ck_assert(!ASK(DOMAINS, "a.test", "a\nb"));
	ck_assert(!batv_ask_exim_line(BATV_LIST_DOMAINS, "a.test", "+x", small, sizeof small));
	ck_assert(ASK(DOMAINS, "a.test", "^a\\."));
	ck_assert(ASK(DOMAINS, "a.test", "^a{2}"));
	ck_assert(!ASK(DOMAINS, "a.test", "a\rb"));
}
END_TEST

START_TEST(room_for_a_question)
{
	static const char want[] = "${if match_domain{a.test}{+x}{yes}{no}}";
	char line[sizeof want + 8];

	for (size_t size = sizeof want - 8; size < sizeof line; size++) {
		bool fits;

		memset(line, '#', sizeof line);
		fits = batv_ask_exim_line(BATV_LIST_DOMAINS, "a.test", "+x", line, size);
		ck_assert(fits == (size > sizeof want));
		if (fits)
			ck_assert_str_eq(line, want);
		ck_assert_int_eq(line[size], '#');
	}
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

/* An Exim made of shell that prints this, whatever it is asked for. */
static void make_printer(const char *script, struct batv_asker *asker)
{
	static char command[400];
	struct batv_matcher m;
	char text[2000];

	(void)snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
	sandbox_file("exim", 0755, text, strlen(text));
	ck_assert_int_eq(chmod(sandbox, 0777), 0);
	(void)snprintf(command, sizeof command, "%s/exim", sandbox);
	batv_ask_exim_init(asker, command, NULL, &m);
}

static const struct {
	const char *printed, *value; /* NULL: it does not say */
} options[] = {
	{"spool = /var/x", "/var/x"},
	{"spool =", ""},
	{"spool =   a b\nmore = 1", "a b"},
	{"spool = 123456789", NULL}, /* with the blank before it it would not fit */
	{"spool = 12345678", "12345678"},
	{"spool=/var/x", NULL},
	{"spools = x", NULL},
	{"xspool = x", NULL},
	{"spoox = x", NULL},
	{"no such option", NULL},
	{"", NULL},
};

START_TEST(one_option)
{
	struct batv_asker a;
	char script[300], value[10];
	bool said;

	(void)snprintf(script, sizeof script, "[ \"$*\" = '-bP spool' ] && printf '%s\\n'",
		       options[_i].printed);
	make_printer(script, &a);
	said = batv_ask_exim_option(&a, "spool", value, sizeof value);
	ck_assert_msg(said == (options[_i].value != NULL), "%s", options[_i].printed);
	if (said)
		ck_assert_str_eq(value, options[_i].value);
	else
		ck_assert_str_eq(a.why, "Exim did not print the value of its option spool");
}
END_TEST

START_TEST(what_exim_is_built_with)
{
	struct batv_asker a;
	struct batv_matcher m;
	bool has = false;

	make_printer("[ \"$*\" = -bV ] && echo 'Support for: A I18N B'", &a);
	ck_assert(batv_ask_exim_supports(&a, "I18N", &has) && has);
	ck_assert(batv_ask_exim_supports(&a, "I18", &has) && !has);
	make_printer("echo nothing", &a);
	ck_assert(!batv_ask_exim_supports(&a, "I18N", &has));
	ck_assert_str_eq(a.why, "Exim did not print what it supports");
	batv_ask_exim_init(&a, "none", NULL, &m);
	ck_assert(!batv_ask_exim_supports(&a, "I18N", &has));
	ck_assert_str_eq(a.why, "no Exim was found, or exim = none");
}
END_TEST

START_TEST(messages_of_the_queue)
{
	char id[70] = "1abcde-000000000000-0000";
	struct batv_matcher m;
	struct batv_asker a;
	struct batv_ran ran;

	make_printer("echo \"$*\"; echo x >&2; head -c 5000 /dev/zero", &a);
	ck_assert(batv_ask_exim_spool(&a, "-Mvh", id, 100000, &ran));
	ck_assert_str_eq(ran.text, "-Mvh 1abcde-000000000000-0000\n");
	ck_assert_uint_eq(ran.len, 5030);
	batv_run_free(&ran);
	ck_assert(batv_ask_exim_spool(&a, "-Mvh", id, 10, &ran));
	ck_assert_uint_eq(ran.len, 10);
	batv_run_free(&ran);
	memset(id, 'x', sizeof id - 1);
	id[58] = '\0'; /* with "-Mvh " 63 bytes */
	ck_assert(batv_ask_exim_spool(&a, "-Mvh", id, 100, &ran));
	batv_run_free(&ran);
	id[58] = 'x', id[59] = '\0';
	ck_assert(!batv_ask_exim_spool(&a, "-Mvh", id, 100, &ran));
	ck_assert_str_eq(a.why, "this is no id of a message");
	make_printer("echo 'not found' >&2; exit 1", &a);
	ck_assert(!batv_ask_exim_spool(&a, "-Mvh", "x", 100, &ran));
	ck_assert_str_eq(a.why, "not found");
	ck_assert_ptr_null(ran.text);
	batv_ask_exim_init(&a, "none", NULL, &m);
	ck_assert(!batv_ask_exim_spool(&a, "-Mvh", "x", 100, &ran));
}
END_TEST

/* A command has at most 28 words. */
START_TEST(many_words)
{
	char command[1000], value[10];
	struct batv_matcher m;
	struct batv_asker a;

	make_printer("[ \"$#\" -ge 29 ] && echo 'x = 1'", &a);
	(void)snprintf(command, sizeof command, "%s", a.command);
	for (int i = 1; i < 28; i++)
		strcat(command, "  w");
	batv_ask_exim_init(&a, command, NULL, &m);
	ck_assert(batv_ask_exim_option(&a, "x", value, sizeof value));
	strcat(command, " w");
	ck_assert(!batv_ask_exim_option(&a, "x", value, sizeof value));
	ck_assert_str_eq(a.why, "exim: has too many words");
	batv_ask_exim_init(&a, " ", NULL, &m);
	ck_assert(!batv_ask_exim_option(&a, "x", value, sizeof value));
}
END_TEST

/* The first line with content is the answer; of any other one what is said of it. */
static const struct {
	const char *script, *why;
} odd[] = {
	{"printf '\\n> \\n>> \\n'", "Exim printed nothing"},
	{"echo '> maybe'; echo yes", "Exim says: maybe"},
	{"printf 'a\\033b\\177c~\\303 d\\n'", "Exim says: a?b?c~? d"},
	{"echo '2026-11-22 19:44:18 failed'", "Exim says: failed"},
	{"echo '2026-11-22 19:44:18 '", "Exim says: 2026-11-22 19:44:18 "},
	{"echo '2026-11-22 19:44:1x failed'", "Exim says: 2026-11-22 19:44:1x failed"},
	{"head -c 4200 /dev/zero | tr '\\0' x", "Exim printed too much for an answer"},
};

START_TEST(odd_answers)
{
	struct batv_asker a;
	char list[200] = "+x";

	ck_assert_int_eq(ask_script(odd[_i].script, list, &a), BATV_MAYBE);
	ck_assert_str_eq(a.why, odd[_i].why);
	ck_assert_str_eq(a.list, "+x");
	for (int i = 0; i < 14; i++)
		strcat(list, " : x.y");
	ck_assert_uint_eq(strlen(list), 86);
	strcat(list, " : abcdefghijk");
	ck_assert_int_eq(ask_script(odd[_i].script, list, &a), BATV_MAYBE);
	ck_assert_str_eq(a.list, list); /* of 100 bytes */
	strcat(list, "l");
	ck_assert_int_eq(ask_script(odd[_i].script, list, &a), BATV_MAYBE);
	ck_assert_uint_eq(strlen(a.list), 103);
	ck_assert_str_eq(a.list + 99, "k...");
}
END_TEST

/* A line is cut where neither a blank nor a backslash is, or Exim is not asked. */
START_TEST(lists_that_cannot_be_cut)
{
	static const char prefix[] = "${if match_domain{a.test}{";
	char list[6000], want[6200];
	struct batv_asker a;

	for (size_t at = 897; at <= 904; at++)
		for (int blanks = 1; blanks <= 2; blanks++) {
			const size_t here = at - (sizeof prefix - 1);

			for (size_t i = 0; i < 1500; i++)
				list[i] = i % 180 == 179 ? ':' : 'x';
			memcpy(list, "+x : ", 5);
			memcpy(list + here - 1, ":  ", 1 + (size_t)blanks);
			list[1500] = '\0';
			(void)snprintf(want, sizeof want, "%s%s}{yes}{no}}", prefix, list);
			sandbox_file("want", 0644, want, strlen(want));
			ck_assert_int_eq(
				ask_script("cd \"${0%/*}\"; awk '/^[ \\t]/ || /[ \\t]\\\\$/ || "
					   "length($0) > 1000 "
					   "{ exit 1 } { more = sub(/\\\\$/, \"\"); printf \"%s\", "
					   "$0 }' "
					   "> got && cmp -s got want && echo yes || echo bad",
					   list, &a),
				BATV_YES);
		}
	memset(list, ' ', 5000);
	memcpy(list, "+x :", 4);
	memcpy(list + 4998, "+y", 3);
	ck_assert_int_eq(ask_script("echo yes", list, &a), BATV_MAYBE);
	ck_assert_str_eq(a.why, "not asked: an item of the list is too long");
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

/* Each in a case of its own: some take seconds, and `make mutate` runs a case at a time. */
static void add(Suite *s, const char *name, const TTest *test, int n)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_loop_test(tc, test, 0, n);
}

Suite *unit_suite(void)
{
	Suite *s = suite_create("ask_exim");
	TCase *tc = tcase_create("questions");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, questions);
	tcase_add_test(tc, unsafe_questions);
	tcase_add_test(tc, room_for_a_question);
	add(s, "no_exim", no_exim, 1);
	add(s, "options", one_option, COUNT(options));
	add(s, "features", what_exim_is_built_with, 1);
	add(s, "odd", odd_answers, COUNT(odd));
	add(s, "answers", answers, 1);
	add(s, "rule", what_is_not_allowed, 1);
	add(s, "ends", a_process_that_ends, 1);
	add(s, "root", never_as_root, 1);
	add(s, "queue", messages_of_the_queue, 1);
	add(s, "words", many_words, 1);
	add(s, "long", long_lists, 1);
	add(s, "cuts", lists_that_cannot_be_cut, 1);
	add(s, "slow", too_slow_and_too_much, 1);
	return s;
}
