/* links: admin/replace core/base/safefile */
/*
 * test_replace.c - old or new, never half: replacement with every step made to fail, the writers'
 * lock, and giving up root.
 *
 * Steps fail by what the kernel offers: RLIMIT_FSIZE (write), RLIMIT_NOFILE (open), a directory in
 * the way (unlink, rename), a directory without write permission, and SIGKILL between any two
 * system calls (ptrace).
 */
#include <check.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "replace.h"
#include "sandbox.h"
#include "unit.h"

#define OLD "the old text\n"
#define NEW "the new text, which is longer\n"

static void expect_content(const char *name, const char *want)
{
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(batv_slurp(dir, name, 4096, &text, &len), BATV_OK);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_str_eq(text, want);
	free(text);
}

static enum batv_err replace(const char *name, const char *text)
{
	return batv_replace(dir, name, 0640, text, strlen(text));
}

/* A descriptor for names alone cannot be synced. */
START_TEST(says_when_only_the_directory_was_not_synced)
{
	int names = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(batv_replace(names, "state", 0640, NEW, strlen(NEW)), BATV_E_SYNC);
	ck_assert_int_eq(errno, EBADF);
	expect_content("state", NEW);
	ck_assert_uint_eq(sandbox_count(), 1);
	ck_assert_int_eq(close(names), 0);
}
END_TEST

START_TEST(makes_and_replaces)
{
	struct stat st;

	umask(077);
	ck_assert_int_eq(replace("state", OLD), BATV_OK);
	expect_content("state", OLD);
	ck_assert_int_eq(fstatat(dir, "state", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(replace("state", NEW), BATV_OK);
	expect_content("state", NEW);
	ck_assert_int_eq(replace("state", ""), BATV_OK);
	expect_content("state", "");
	ck_assert_uint_eq(sandbox_count(), 1);
}
END_TEST

START_TEST(a_leftover_is_removed)
{
	sandbox_file("victim", 0600, OLD, strlen(OLD));
	ck_assert_int_eq(symlinkat("victim", dir, ".state.new"), 0);
	ck_assert_int_eq(replace("state", NEW), BATV_OK);
	expect_content("state", NEW);
	expect_content("victim", OLD);
	sandbox_file(".state.new", 0400, "half", 4);
	ck_assert_int_eq(replace("state", OLD), BATV_OK);
	expect_content("state", OLD);
	ck_assert_uint_eq(sandbox_count(), 2);
}
END_TEST

START_TEST(a_link_in_place_is_replaced_not_followed)
{
	sandbox_file("victim", 0600, OLD, strlen(OLD));
	ck_assert_int_eq(symlinkat("victim", dir, "state"), 0);
	ck_assert_int_eq(replace("state", NEW), BATV_OK);
	expect_content("victim", OLD);
	expect_content("state", NEW);
}
END_TEST

START_TEST(names_that_do_not_fit)
{
	char name[NAME_MAX + 1];

	memset(name, 'n', sizeof name);
	name[NAME_MAX] = '\0';
	ck_assert_int_eq(replace(name, NEW), BATV_E_TOO_LONG);
	name[NAME_MAX - 5] = '\0';
	ck_assert_int_eq(replace(name, NEW), BATV_OK);
	expect_content(name, NEW);
}
END_TEST

/* The call that is made to fail, in a child, and the errno that comes back.  The old file must
 * stay. */
static void fail_write(void)
{
	const struct rlimit limit = {5, 5};

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void fail_open(void)
{
	const struct rlimit limit = {0, 0};

	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void fail_unlink(void)
{
	(void)mkdirat(dir, ".state.new", 0700);
}

static void fail_rename(void)
{
	(void)unlinkat(dir, "state", 0);
	(void)mkdirat(dir, "state", 0700);
	sandbox_file("keep", 0600, OLD, strlen(OLD));
}

/* Root may write anywhere: it becomes somebody who may not. */
static void fail_permission(void)
{
	(void)fchmod(dir, 0555);
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		_exit(98);
}

static const struct {
	const char *name;
	void (*break_it)(void);
	int error, error2; /* which of two depends on the file system */
	const char *old_is_now;
} faults[] = {
	{"write", fail_write, EFBIG, EFBIG, "state"},
	{"open", fail_open, EMFILE, EMFILE, "state"},
	{"unlink", fail_unlink, EISDIR, EPERM, "state"},
	{"rename", fail_rename, EISDIR, EEXIST, "keep"},
	{"permission", fail_permission, EACCES, EACCES, "state"},
};

START_TEST(a_failure_leaves_the_old_file)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(replace("state", OLD), BATV_OK);
	pid = fork();
	if (pid == 0) {
		faults[_i].break_it();
		if (replace("state", NEW) != BATV_E_IO)
			_exit(99);
		_exit(errno & 0x7f);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == faults[_i].error ||
			      WEXITSTATUS(status) == faults[_i].error2,
		      "%s: %d", faults[_i].name, WEXITSTATUS(status));
	expect_content(faults[_i].old_is_now, OLD);
	if (faults[_i].break_it == fail_unlink)
		ck_assert_int_eq(unlinkat(dir, ".state.new", AT_REMOVEDIR), 0);
	ck_assert_msg(faccessat(dir, ".state.new", F_OK, 0) < 0, "%s", faults[_i].name);
	(void)fchmod(dir, 0700);
	if (faults[_i].break_it != fail_rename) {
		ck_assert_int_eq(replace("state", NEW), BATV_OK);
		expect_content("state", NEW);
	}
}
END_TEST

/* A process that is killed before its n-th system call; false when it ended by itself. */
static bool killed_at(int n)
{
	int status, i;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(97);
		(void)raise(SIGSTOP);
		_exit(replace("state", NEW) == BATV_OK ? 0 : 96);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return true;
}

/* Each stop is the entry or the exit of a system call, so every step is cut before and after. */
START_TEST(killed_at_any_step_it_is_old_or_new)
{
	char *text = NULL;
	size_t len;
	int n, old = 0, fresh = 0;

	for (n = 1;; n++) {
		bool killed;

		ck_assert_int_eq(replace("state", OLD), BATV_OK);
		killed = killed_at(n);
		ck_assert_int_eq(batv_slurp(dir, "state", 4096, &text, &len), BATV_OK);
		if (strcmp(text, OLD) == 0)
			old++;
		else if (strcmp(text, NEW) == 0)
			fresh++;
		else
			ck_abort_msg("after %d steps: \"%s\"", n, text);
		free(text);
		if (!killed)
			break;
	}
	ck_assert_int_ge(old, 10);  /* unlink, open, write, chmod, fsync, close: twice each */
	ck_assert_int_ge(fresh, 3); /* rename, fsync, end */
}
END_TEST

START_TEST(an_abandoned_file_is_gone)
{
	struct batv_new_file file;

	ck_assert_int_eq(batv_new_file_begin(&file, dir, "state"), BATV_OK);
	ck_assert_int_eq(batv_new_file_write(&file, NEW, strlen(NEW)), BATV_OK);
	ck_assert_uint_eq(sandbox_count(), 1);
	errno = ENOSPC;
	batv_new_file_abandon(&file);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_eq(sandbox_count(), 0);
}
END_TEST

START_TEST(slurp_has_a_maximum)
{
	static const char bytes[] = {'a', '\0', 'b', '\n'};
	char *text = NULL;
	size_t len = 7;

	sandbox_file("f", 0600, bytes, sizeof bytes);
	ck_assert_int_eq(batv_slurp(dir, "f", 3, &text, &len), BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_slurp(dir, "f", SIZE_MAX, &text, &len), BATV_E_TOO_LONG);
	ck_assert_ptr_null(text);
	ck_assert_uint_eq(len, 7);
	ck_assert_int_eq(batv_slurp(dir, "f", 4, &text, &len), BATV_OK);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(text, bytes, 4);
	ck_assert_int_eq(text[4], '\0');
	free(text);
}
END_TEST

START_TEST(slurp_refuses_what_open_refuses)
{
	char *text = NULL;
	size_t len;

	ck_assert_int_eq(batv_slurp(dir, "f", 10, &text, &len), BATV_E_NO_FILE);
	sandbox_file("f", 0660, "x", 1);
	ck_assert_int_eq(batv_slurp(dir, "f", 10, &text, &len), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(fchmodat(dir, "f", 0600, 0), 0);
	ck_assert_int_eq(symlinkat("f", dir, "l"), 0);
	ck_assert_int_eq(batv_slurp(dir, "l", 10, &text, &len), BATV_E_UNSAFE_FILE);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(batv_slurp(dir, "f", 10, &text, &len), BATV_OK);
	free(text);
}
END_TEST

START_TEST(one_lock_one_holder)
{
	struct stat st;
	int first = -1, second = -1;

	ck_assert_int_eq(batv_lock(dir, "lock", 0, &first), BATV_OK);
	ck_assert_int_eq(fstatat(dir, "lock", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &second), BATV_E_CONFLICT);
	ck_assert_int_eq(second, -1);
	(void)close(first);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &second), BATV_OK);
	(void)close(second);
}
END_TEST

static int waiting = -1; /* where the holder of the lock hears that somebody waits for it */

/* batv_lock() waits by this call between two attempts: instead of time passing, the holder goes. */
int nanosleep(const struct timespec *wish, struct timespec *left)
{
	(void)wish;
	(void)left;
	ck_assert_int_ge(waiting, 0);
	ck_assert_int_eq(close(waiting), 0);
	waiting = -1;
	ck_assert_int_gt(wait(NULL), 0);
	return 0;
}

/* The holder lives until somebody waits for the lock, and ends without unlocking it. */
START_TEST(waiting_for_the_lock_ends_with_it)
{
	int ready[2], go[2], fd = -1;
	char c = 0;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go), 0);
	if (fork() == 0) {
		int held;

		(void)close(go[1]);
		if (batv_lock(dir, "lock", 0, &held) != BATV_OK)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		(void)!read(go[0], &c, 1); /* returns when the parent closes */
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	waiting = go[1];
	ck_assert_int_eq(batv_lock(dir, "lock", 3, &fd), BATV_OK);
	ck_assert_int_eq(waiting, -1); /* it did wait */
	(void)close(fd);
}
END_TEST

START_TEST(a_lock_that_is_not_ours_is_refused)
{
	int fd = -1;

	sandbox_file("victim", 0600, "", 0);
	ck_assert_int_eq(symlinkat("victim", dir, "lock"), 0);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(unlinkat(dir, "lock", 0), 0);
	sandbox_file("lock", 0620, "", 0);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(fd, -1);
}
END_TEST

/* Who is not the owner would make a lock file that the owner cannot open. */
START_TEST(only_the_owner_makes_the_lock)
{
	int fd = -1, real = dir;

	if (geteuid() == 0) {
		ck_assert_int_eq(fchown(dir, 65534, (gid_t)-1), 0);
		ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_UNSAFE_FILE);
		ck_assert_uint_eq(sandbox_count(), 0);
	} else {
		real = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_eq(batv_lock(real, "lock.of.batv", 0, &fd), BATV_E_UNSAFE_FILE);
		(void)close(real);
	}
	ck_assert_int_eq(fd, -1);
}
END_TEST

/* In a child: a process cannot come back from it. */
static int become(uid_t uid, gid_t dir_gid)
{
	struct stat st = {.st_uid = uid, .st_gid = dir_gid};
	const struct passwd *entry = getpwuid(uid);
	gid_t gid =
		entry && dir_gid != (gid_t)-1 ? entry->pw_gid : dir_gid; /* not the directory's */
	gid_t groups[8];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enum batv_err err = batv_become_owner(&st);

		if (err != BATV_OK)
			_exit((int)err);
		if (geteuid() != uid || getuid() != uid)
			_exit(90);
		if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
			_exit(91);
		if (gid != (gid_t)-1 &&
		    (getegid() != gid || getgroups(8, groups) != 1 || groups[0] != gid))
			_exit(92);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(becoming_the_owner)
{
	ck_assert_int_eq(become(geteuid(), (gid_t)-1), BATV_OK);
	if (geteuid() == 0) {
		ck_assert_int_eq(become(65534, 8), BATV_OK);
		ck_assert_int_eq(become(54321, 65533), BATV_OK); /* nobody of that number */
		ck_assert_int_eq(become(1, 65534), BATV_OK);
	} else {
		ck_assert_int_eq(become(0, (gid_t)-1), BATV_E_UNSAFE_FILE);
		ck_assert_int_eq(become(geteuid() + 1, (gid_t)-1), BATV_E_UNSAFE_FILE);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("replace");
	TCase *tc = tcase_create("replace");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, makes_and_replaces);
	tcase_add_test(tc, says_when_only_the_directory_was_not_synced);
	tcase_add_test(tc, a_leftover_is_removed);
	tcase_add_test(tc, a_link_in_place_is_replaced_not_followed);
	tcase_add_test(tc, names_that_do_not_fit);
	tcase_add_loop_test(tc, a_failure_leaves_the_old_file, 0,
			    (int)(sizeof faults / sizeof faults[0]));
	tcase_add_test(tc, killed_at_any_step_it_is_old_or_new);
	tcase_add_test(tc, an_abandoned_file_is_gone);
	tcase_add_test(tc, slurp_has_a_maximum);
	tcase_add_test(tc, slurp_refuses_what_open_refuses);
	tcase_add_test(tc, one_lock_one_holder);
	tcase_add_test(tc, waiting_for_the_lock_ends_with_it);
	tcase_add_test(tc, a_lock_that_is_not_ours_is_refused);
	tcase_add_test(tc, only_the_owner_makes_the_lock);
	tcase_add_test(tc, becoming_the_owner);
	return s;
}
