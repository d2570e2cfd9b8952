/* links: admin/run admin/exim_text admin/exim_user core/base/span */
/*
 * test_run.c - programs that are run to their end: what they print, how they end, and what is said
 * of it.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct batv_ran ran;

static bool job(const char *script, struct batv_run_job more)
{
	const char *const args[] = {"/bin/sh", "-c", script, NULL};

	more.args = args;
	if (!more.seconds)
		more.seconds = 60;
	return batv_run_job(&more, &ran);
}

static bool run(const char *script, const char *input)
{
	const char *const args[] = {"/bin/sh", "-c", script, NULL};

	return batv_run(args, input, 60, NULL, &ran);
}

START_TEST(output_and_status)
{
	ck_assert(run("cat; echo two >&2", "a\nb"));
	ck_assert_str_eq(ran.text, "a\nbtwo\n");
	ck_assert_uint_eq(ran.len, 7);
	ck_assert_int_eq(ran.status, 0);
	ck_assert(!ran.late && !ran.cut);
	ck_assert_str_eq(ran.why, "");
	batv_run_free(&ran);
	ck_assert_ptr_null(ran.text);
	ck_assert(run("cat", NULL));
	ck_assert_str_eq(ran.text, "");
	batv_run_free(&ran);
	ck_assert(run("cat", ""));
	ck_assert_uint_eq(ran.len, 0);
	batv_run_free(&ran);
	ck_assert(!run("kill -9 $$", NULL));
	ck_assert_int_eq(ran.status, 137);
	ck_assert_str_eq(ran.why, "/bin/sh ended with status 137");
	batv_run_free(&ran);
}
END_TEST

/* The last line with content, or else the status. */
static const struct {
	const char *script, *why;
} ends[] = {
	{"echo one; echo two >&2; exit 7", "two"},
	{"printf 'one\\ntwo \\t\\r\\n\\n \\n'; exit 1", "two"},
	{"printf 'one'; exit 1", "one"},
	{"printf 'a\\033[m\\177b'; exit 1", "a?[m?b"},
	{"exit 3", "/bin/sh ended with status 3"},
	{"printf '\\n \\n'; exit 3", "/bin/sh ended with status 3"},
	{"echo 'Exim configuration error in line 7:'; echo '  bad'; echo more; exit 1",
	 "configuration error in line 7: bad"},
	{"echo 'Exim configuration error'; echo fine", ""},
};

START_TEST(how_it_ended)
{
	(void)run(ends[_i].script, NULL);
	ck_assert_str_eq(ran.why, ends[_i].why);
	batv_run_free(&ran);
}
END_TEST

START_TEST(long_lines_are_cut)
{
	ck_assert(!run("head -c 1000 /dev/zero | tr '\\0' x; exit 1", NULL));
	ck_assert_uint_eq(strlen(ran.why), 249);
	batv_run_free(&ran);
}
END_TEST

/* As much as is kept, and not a byte more. */
START_TEST(much_output)
{
	static const size_t sizes[] = {1, 4094, 4095, 4096, 4097, 8191, 8192, 100000};
	char script[100];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		(void)snprintf(script, sizeof script, "head -c %zu /dev/zero | tr '\\0' x",
			       sizes[i]);
		ck_assert(run(script, NULL));
		ck_assert_uint_eq(ran.len, sizes[i]);
		ck_assert_uint_eq(strspn(ran.text, "x"), sizes[i]);
		ck_assert_int_eq(ran.text[ran.len], '\0');
		batv_run_free(&ran);
		ck_assert(job(script, (struct batv_run_job){.max = sizes[i] + 1}));
		ck_assert(ran.len == sizes[i] && !ran.cut);
		batv_run_free(&ran);
		(void)job(script, (struct batv_run_job){.max = sizes[i]});
		ck_assert(ran.len == sizes[i] && ran.cut && !ran.late);
		ck_assert_uint_eq(strspn(ran.text, "x"), sizes[i]);
		batv_run_free(&ran);
	}
	ck_assert(!job("exec cat /dev/zero", (struct batv_run_job){.max = 10}));
	ck_assert(ran.len == 10 && ran.cut && ran.status == 137);
	batv_run_free(&ran);
}
END_TEST

START_TEST(errors_apart)
{
	const struct batv_run_job apart = {.apart = true};

	ck_assert(job("echo out; echo err >&2", apart));
	ck_assert_str_eq(ran.text, "out\n");
	ck_assert_str_eq(ran.why, "");
	batv_run_free(&ran);
	ck_assert(!job("echo out; echo err >&2; exit 1", apart));
	ck_assert_str_eq(ran.text, "out\n");
	ck_assert_str_eq(ran.why, "err");
	batv_run_free(&ran);
	ck_assert(!job("echo out; exit 1", apart));
	ck_assert_str_eq(ran.why, "out");
	batv_run_free(&ran);
	ck_assert(!job("echo first >&2; head -c 5000 /dev/zero | tr '\\0' x >&2; exit 1", apart));
	ck_assert_uint_eq(strspn(ran.why, "x"), 249);
	batv_run_free(&ran);
}
END_TEST

/* It is ended when its time is over, even if it prints or has closed its output. */
START_TEST(too_late)
{
	static const char *const scripts[] = {"exec tail -f /dev/null",
					      "exec tail -f /dev/null >/dev/null 2>&1",
					      "echo x; exec tail -f /dev/null"};

	for (size_t i = 0; i < COUNT(scripts); i++) {
		int64_t from = batv_run_milliseconds(), took;

		ck_assert(!job(scripts[i], (struct batv_run_job){.seconds = 1}));
		took = batv_run_milliseconds() - from;
		ck_assert_int_ge(took, 990);
		ck_assert_int_lt(took, 30000);
		ck_assert(ran.late && !ran.cut);
		ck_assert_int_eq(ran.status, 137);
		ck_assert_str_eq(ran.why, "/bin/sh did not end within 1 seconds");
		batv_run_free(&ran);
	}
}
END_TEST

extern char **environ;

START_TEST(environment)
{
	static char *empty[] = {NULL};

	ck_assert_int_eq(setenv("PATH", "/nowhere", 1), 0);
	ck_assert_int_eq(setenv("LC_ALL", "de_DE", 1), 0);
	ck_assert_int_eq(setenv("PATH_OF_OURS", "kept", 1), 0);
	ck_assert(run("env | grep -c ^PATH=; env | grep -c ^LC_ALL=; "
		      "echo \"$PATH $LC_ALL $PATH_OF_OURS\"",
		      NULL));
	ck_assert_str_eq(ran.text, "1\n1\n/usr/sbin:/usr/bin:/sbin:/bin C kept\n");
	batv_run_free(&ran);
	environ = empty;
	ck_assert(run("echo $LC_ALL", NULL));
	ck_assert_str_eq(ran.text, "C\n");
	batv_run_free(&ran);
}
END_TEST

START_TEST(what_cannot_be_run)
{
	static const char *const none[] = {"/nowhere/x", NULL};
	struct rlimit limit, few;
	int next;

	ck_assert(!batv_run(none, "x", 10, NULL, &ran));
	ck_assert_int_eq(ran.status, -1);
	ck_assert_str_eq(ran.text, "");
	ck_assert_str_eq(ran.why, "cannot run /nowhere/x: No such file or directory");
	batv_run_free(&ran);
	/* with fewer descriptors than it takes: none is left open */
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(next);
	few = limit;
	for (int n = 0; n < 5; n++) {
		few.rlim_cur = (rlim_t)(next + n);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		ck_assert(!job("exit 0", (struct batv_run_job){.input = "x", .apart = true}));
		ck_assert_str_eq(ran.why, "cannot run /bin/sh: Too many open files");
		batv_run_free(&ran);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), next);
		close(next);
	}
	ck_assert(job("exit 0", (struct batv_run_job){.input = "x", .apart = true}));
	batv_run_free(&ran);
	ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), next);
	close(next);
}
END_TEST

START_TEST(many_words)
{
	const char *args[60] = {"/bin/echo"};

	for (int i = 1; i < 59; i++)
		args[i] = i < 39 ? "a" : i == 39 ? "b" : "c";
	ck_assert(batv_run(args, NULL, 60, NULL, &ran));
	ck_assert_uint_eq(ran.len, 2 * 39);
	ck_assert_str_eq(ran.text + 2 * 37, "a b\n");
	batv_run_free(&ran);
}
END_TEST

/* Each in a case of its own: `make mutate` runs a case at a time. */
static void add(Suite *s, const char *name, const TTest *test, int n)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, test, 0, n);
}

Suite *unit_suite(void)
{
	Suite *s = suite_create("run");

	add(s, "output", output_and_status, 1);
	add(s, "ends", how_it_ended, (int)COUNT(ends));
	add(s, "long", long_lines_are_cut, 1);
	add(s, "apart", errors_apart, 1);
	add(s, "environment", environment, 1);
	add(s, "failures", what_cannot_be_run, 1);
	add(s, "words", many_words, 1);
	add(s, "much", much_output, 1);
	add(s, "late", too_late, 1);
	return s;
}
