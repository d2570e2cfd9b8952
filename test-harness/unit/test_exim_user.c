/* links: admin/exim_user core/base/span */
/*
 * test_exim_user.c - which user Exim says that it runs as, and a process that runs as that user.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exim_user.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NONE 4294967295

static const struct {
	const char *text;
	unsigned uid, gid; /* NONE: it does not say */
} answers[] = {
	{"exim_user = root\nexim_group = root\n", 0, 0},
	{"x\nexim_user = 8\nexim_group =  12\n", 8, 12},
	{"exim_group=12\n\n\nexim_user=8", 8, 12},
	{"exim_user = 1\nexim_group = 0", 1, 0},
	{"exim_user = 4294967294\nexim_group = 4294967294\n", 4294967294, 4294967294},
	{"exim_user = 4294967295\nexim_group = 5\n", NONE, NONE},
	{"exim_user = 5\nexim_group = 4294967295\n", NONE, NONE},
	{"exim_user = 5\n", NONE, NONE},
	{"exim_group = 5\n", NONE, NONE},
	{"exim_user = 5\nno exim_group = 5\n", NONE, NONE},
	{"exim_user = no-such-user\nexim_group = 5\n", NONE, NONE},
	{"exim_user = 5\nexim_group = no-such-group\n", NONE, NONE},
	{"", NONE, NONE},
	{"exim_user = \nexim_group = \n", NONE, NONE},
	{"exim_user = -1\nexim_group = 1\n", NONE, NONE},
};

START_TEST(who_exim_is)
{
	struct batv_exim_user user = {77, 77};
	bool said = batv_exim_user_parse(answers[_i].text, &user);

	ck_assert(said == (answers[_i].uid != NONE));
	ck_assert_uint_eq(user.uid, said ? answers[_i].uid : 77);
	ck_assert_uint_eq(user.gid, said ? answers[_i].gid : 77);
}
END_TEST

/* Runs a script with a pipe as its output; returns the error, and what it printed. */
static int spawn(const char *program, const char *script, const struct batv_exim_user *as,
		 char out[static 200])
{
	char *args[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "-c",
			(char *)(uintptr_t)script, NULL};
	char *env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", (char *)(uintptr_t) "X=y", NULL};
	int ends[2], errors[2], files[3], err, status;
	ssize_t n, more;
	pid_t pid = 0;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(errors, O_CLOEXEC), 0);
	files[0] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	files[1] = ends[1];
	files[2] = errors[1];
	err = batv_exim_user_spawn(args, env, files, as, &pid);
	close(ends[1]);
	close(errors[1]);
	close(files[0]);
	n = read(ends[0], out, 99);
	more = read(errors[0], out + n, 99);
	out[n + more] = '\0';
	close(ends[0]);
	close(errors[0]);
	if (!err)
		ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1); /* no child is left */
	return err;
}

START_TEST(a_process)
{
	char out[200];
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(spawn("/bin/sh", "echo \"$X\"; head -c 1 | od -An -tx1 >&2", NULL, out),
			 0);
	ck_assert_str_eq(out, "y\n 00\n");
	ck_assert_int_eq(spawn("/nowhere/sh", "", NULL, out), ENOENT);
	ck_assert_int_eq(spawn("/", "", NULL, out), EACCES);
	ck_assert_str_eq(out, "");
	/* no descriptor stays open */
	close(first);
	ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), first);
	close(first);
}
END_TEST

START_TEST(steps_that_fail)
{
	char *args[] = {(char *)(uintptr_t) "/bin/true", NULL}, *env[] = {NULL};
	struct rlimit limit, none = {0, 0};
	pid_t pid = 0;
	int files[3] = {-1, -1, -1};

	for (int i = 0; i < 3; i++) {
		files[0] = files[1] = files[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
		close(dup(files[0]));
		files[i] = -1;
		ck_assert_int_eq(batv_exim_user_spawn(args, env, files, NULL, &pid), EBADF);
		close(files[i ? 0 : 1]);
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(batv_exim_user_spawn(args, env, files, NULL, &pid), EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

/* That user, that group, and no other; or it does not run. */
START_TEST(another_user)
{
	static const gid_t groups[] = {1, 2, 3};
	const struct batv_exim_user games = {5, 60}, root = {0, 0};
	char out[200];

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(setgroups(3, groups), 0);
	ck_assert_int_eq(spawn("/bin/sh", "echo $(id -ru) $(id -u) $(id -rg) $(id -g) $(id -G)",
			       &games, out),
			 0);
	ck_assert_str_eq(out, "5 5 60 60 60\n");
	ck_assert_int_eq(setresuid(5, 5, 5), 0);
	ck_assert_int_eq(spawn("/bin/sh", "echo $(id -u)", &root, out), EPERM);
	ck_assert_str_eq(out, "");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("exim_user");
	TCase *tc = tcase_create("answers"), *tp = tcase_create("process"),
	      *tu = tcase_create("user");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, who_exim_is, 0, (int)COUNT(answers));
	suite_add_tcase(s, tp);
	tcase_add_test(tp, a_process);
	tcase_add_test(tp, steps_that_fail);
	suite_add_tcase(s, tu); /* the last one: it does not become root again */
	tcase_add_test(tu, another_user);
	return s;
}
