/* links: admin/replace core/base/safefile */
/*
 * test_replace_calls.c - replacement, lock and change of user with one system call that fails or
 * does less than it was asked for.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>

#include "replace.h"
#include "sandbox.h"
#include "unit.h"

#define OLD "the old text\n"
#define NEW "the new text, which is longer\n"

enum call {
	WRITE,
	FCHMOD,
	FSYNC,
	CLOSE,
	RENAMEAT,
	OPENAT,
	UNLINKAT,
	READ,
	FLOCK,
	FSTAT,
	FSTATAT,
	SETGROUPS,
	SETRESGID,
	SETRESUID,
	CALLS
};

/* The n-th call from now fails with this error. */
static struct {
	int countdown, error;
} failing[CALLS];

static bool fails(enum call call)
{
	if (failing[call].countdown == 0 || --failing[call].countdown > 0)
		return false;
	errno = failing[call].error;
	return true;
}

static void fail_at(enum call call, int countdown, int error)
{
	failing[call].countdown = countdown;
	failing[call].error = error;
}

/* ---- in the place of libc's ---- */

#define REAL(type, name, ...)                                                                      \
 static type (*real)(__VA_ARGS__);                                                                 \
 if (!real)                                                                                        \
 *(void **)&real = dlsym(RTLD_NEXT, name)

static bool one_byte; /* write() takes one byte at a time */

ssize_t write(int fd, const void *data, size_t len)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	return fails(WRITE) ? -1 : real(fd, data, one_byte && len ? 1 : len);
}

ssize_t read(int fd, void *data, size_t len)
{
	REAL(ssize_t, "read", int, void *, size_t);
	return fails(READ) ? -1 : real(fd, data, len);
}

int fchmod(int fd, mode_t mode)
{
	REAL(int, "fchmod", int, mode_t);
	return fails(FCHMOD) ? -1 : real(fd, mode);
}

int fsync(int fd)
{
	REAL(int, "fsync", int);
	return fails(FSYNC) ? -1 : real(fd);
}

static int closed; /* how many */

int close(int fd)
{
	REAL(int, "close", int);
	int done = real(fd);

	closed += done == 0;
	return fails(CLOSE) ? -1 : done;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	REAL(int, "renameat", int, const char *, int, const char *);
	return fails(RENAMEAT) ? -1 : real(from_dir, from, to_dir, to);
}

int openat(int at, const char *name, int flags, ...)
{
	REAL(int, "openat", int, const char *, int, ...);
	return (flags & O_CREAT) && fails(OPENAT) ? -1 : real(at, name, flags, 0600);
}

int unlinkat(int at, const char *name, int flags)
{
	REAL(int, "unlinkat", int, const char *, int);
	return fails(UNLINKAT) ? -1 : real(at, name, flags);
}

static const char *moved; /* flock() finds that somebody has moved the lock file there */

int flock(int fd, int how)
{
	REAL(int, "flock", int, int);
	if (moved)
		ck_assert_int_eq(renameat(dir, "lock", dir, moved), 0);
	moved = NULL;
	return fails(FLOCK) ? -1 : real(fd, how);
}

int fstat(int fd, struct stat *st)
{
	REAL(int, "fstat", int, struct stat *);
	return fails(FSTAT) ? -1 : real(fd, st);
}

int fstatat(int at, const char *restrict name, struct stat *restrict st, int flags)
{
	REAL(int, "fstatat", int, const char *, struct stat *, int);
	return fails(FSTATAT) ? -1 : real(at, name, st, flags);
}

static int64_t slept; /* nanoseconds */

int nanosleep(const struct timespec *wish, struct timespec *left)
{
	(void)left;
	slept += (int64_t)wish->tv_sec * 1000000000 + wish->tv_nsec;
	return 0;
}

/* A process of its own making: user, group, groups. */
static struct {
	bool on, holds_on; /* it stays root whatever it is told; or only its name changes */
	uid_t uid;
	gid_t gid, group;
	bool back; /* it can become root again */
} who;

uid_t geteuid(void)
{
	REAL(uid_t, "geteuid", void);
	return who.on ? who.uid : real();
}

gid_t getegid(void)
{
	REAL(gid_t, "getegid", void);
	return who.on ? who.gid : real();
}

int setgroups(size_t n, const gid_t *list)
{
	if (fails(SETGROUPS))
		return -1;
	ck_assert_uint_eq(n, 1);
	who.group = list[0];
	return 0;
}

int setresgid(gid_t a, gid_t b, gid_t c)
{
	if (fails(SETRESGID))
		return -1;
	ck_assert(a == b && b == c);
	who.gid = a + (who.holds_on ? 1 : 0);
	return 0;
}

static uid_t becomes_instead;

int setresuid(uid_t a, uid_t b, uid_t c)
{
	if (fails(SETRESUID))
		return -1;
	ck_assert(a == b && b == c);
	who.uid = becomes_instead ? becomes_instead : a;
	return 0;
}

int setuid(uid_t uid)
{
	errno = EPERM;
	if (uid != 0 || !who.back)
		return -1;
	who.uid = 0;
	return 0;
}

/* ---- the tests ---- */

static enum batv_err replace(const char *text)
{
	return batv_replace(dir, "state", 0640, text, strlen(text));
}

static void has(const char *want)
{
	char *text;
	size_t len;

	ck_assert_int_eq(batv_slurp(dir, "state", 4096, &text, &len), BATV_OK);
	ck_assert_str_eq(text, want);
	free(text);
	ck_assert_uint_eq(sandbox_count(), 1);
}

static const struct {
	enum call call;
	int countdown, error;
	enum batv_err want;
	bool replaced;
} faults[] = {
	{WRITE, 1, EINTR, BATV_OK, true},        {WRITE, 1, EIO, BATV_E_IO, false},
	{FCHMOD, 1, EPERM, BATV_E_IO, false},    {FSYNC, 1, EIO, BATV_E_IO, false},
	{FSYNC, 2, EINTR, BATV_OK, true},        {FSYNC, 2, EINVAL, BATV_OK, true},
	{FSYNC, 2, EIO, BATV_E_SYNC, true},      {CLOSE, 1, EIO, BATV_E_IO, false},
	{RENAMEAT, 1, EIO, BATV_E_IO, false},    {OPENAT, 1, ENOSPC, BATV_E_IO, false},
	{UNLINKAT, 1, EACCES, BATV_E_IO, false},
};

START_TEST(one_call_fails)
{
	ck_assert_int_eq(replace(OLD), BATV_OK);
	fail_at(faults[_i].call, faults[_i].countdown, faults[_i].error);
	ck_assert_int_eq(replace(NEW), faults[_i].want);
	if (faults[_i].want != BATV_OK)
		ck_assert_int_eq(errno, faults[_i].error);
	ck_assert_int_eq(failing[faults[_i].call].countdown, 0);
	has(faults[_i].replaced ? NEW : OLD);
}
END_TEST

START_TEST(a_byte_at_a_time)
{
	one_byte = true;
	ck_assert_int_eq(replace(NEW), BATV_OK);
	has(NEW);
}
END_TEST

/* Descriptor 0 is as good as any, and each is closed once. */
START_TEST(descriptors)
{
	struct batv_new_file file;
	int kept = dup(0), lock = -1;
	char *text;
	size_t len;

	(void)close(0);
	ck_assert_int_eq(batv_new_file_begin(&file, dir, "state"), BATV_OK);
	ck_assert_int_eq(file.fd, 0);
	closed = 0;
	batv_new_file_abandon(&file);
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(file.fd, -1);
	ck_assert_int_eq(replace(NEW), BATV_OK);
	ck_assert_int_eq(closed, 2);
	ck_assert_int_eq(batv_slurp(dir, "state", 4096, &text, &len), BATV_OK);
	free(text);
	ck_assert_int_eq(closed, 3);
	fail_at(READ, 1, EIO);
	ck_assert_int_eq(batv_slurp(dir, "state", 4096, &text, &len), BATV_E_IO);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(closed, 4);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &lock), BATV_OK);
	ck_assert_int_eq(lock, 0);
	ck_assert_int_eq(closed, 5); /* of the one that made the file */
	(void)close(0);
	(void)dup2(kept, 0);
	(void)close(kept);
}
END_TEST

START_TEST(a_lock_that_cannot_be_had)
{
	int fd = -1;

	fail_at(OPENAT, 1, EROFS); /* the one that would make it */
	ck_assert_int_eq(batv_lock(dir, "lock", 1, &fd), BATV_E_IO);
	fail_at(FSTAT, 1, EIO);
	ck_assert_int_eq(batv_lock(dir, "lock", 1, &fd), BATV_E_IO);
	ck_assert_uint_eq(sandbox_count(), 0);
	ck_assert_int_eq(slept, 0);
	fail_at(FLOCK, 1, ENOLCK);
	ck_assert_int_eq(batv_lock(dir, "lock", 1, &fd), BATV_E_IO);
	ck_assert_int_eq(errno, ENOLCK);
	ck_assert_int_eq(slept, 0);
	ck_assert_int_eq(fd, -1);
	/* these are tried again */
	fail_at(FLOCK, 1, EINTR);
	ck_assert_int_eq(batv_lock(dir, "lock", 1, &fd), BATV_OK);
	ck_assert_int_gt(slept, 0);
	(void)close(fd);
	fail_at(FLOCK, 1, EWOULDBLOCK);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_CONFLICT);
}
END_TEST

/* It waits as long as it was told, in all. */
START_TEST(how_long_it_waits)
{
	int held = -1, fd = -1;

	ck_assert_int_eq(batv_lock(dir, "lock", 0, &held), BATV_OK);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_CONFLICT);
	ck_assert_int_eq(slept, 0);
	ck_assert_int_eq(batv_lock(dir, "lock", 3, &fd), BATV_E_CONFLICT);
	ck_assert_int_eq(slept, INT64_C(3000000000));
	(void)close(held);
}
END_TEST

/* A lock file that is no longer the one of that name locks nothing. */
START_TEST(a_lock_file_that_went)
{
	int fd = -1;

	moved = "elsewhere";
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_CONFLICT);
	ck_assert_uint_eq(sandbox_count(), 1);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_OK);
	(void)close(fd);
	moved = "elsewhere";
	ck_assert_int_eq(batv_lock(dir, "lock", 1, &fd), BATV_OK);
	ck_assert_int_eq(faccessat(dir, "lock", F_OK, 0), 0);
	(void)close(fd);
	fail_at(FSTATAT, 1, EIO);
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_CONFLICT);
	fail_at(FSTAT, 3, EIO); /* after those of the checks */
	ck_assert_int_eq(batv_lock(dir, "lock", 0, &fd), BATV_E_CONFLICT);
}
END_TEST

static enum batv_err become(uid_t from, uid_t to)
{
	const struct stat st = {.st_uid = to, .st_gid = 12345};

	who.on = true;
	who.uid = from;
	who.gid = who.group = 777;
	return batv_become_owner(&st);
}

START_TEST(another_user)
{
	ck_assert_int_eq(become(54321, 54321), BATV_OK);
	ck_assert_uint_eq(who.gid, 777);
	ck_assert_int_eq(become(54321, 54322), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(become(0, 54321),
			 BATV_OK); /* nobody of that number: the directory's group */
	ck_assert(who.uid == 54321 && who.gid == 12345 && who.group == 12345);
	for (enum call call = SETGROUPS; call < CALLS; call++) {
		fail_at(call, 1, EAGAIN);
		ck_assert_int_eq(become(0, 54321), BATV_E_IO);
		ck_assert_int_eq(errno, EAGAIN);
	}
	who.back = true;
	ck_assert_int_eq(become(0, 54321), BATV_E_IO);
	ck_assert_int_eq(errno, EPERM);
	who.back = false;
	who.holds_on = true;
	ck_assert_int_eq(become(0, 54321), BATV_E_IO);
	who.holds_on = false;
	becomes_instead = 54322;
	ck_assert_int_eq(become(0, 54321), BATV_E_IO);
	becomes_instead = 0;
	ck_assert_int_eq(become(0, 54321), BATV_OK);
	who.on = false;
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("replace_calls");
	TCase *tc = tcase_create("replace_calls");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_loop_test(tc, one_call_fails, 0, (int)(sizeof faults / sizeof faults[0]));
	tcase_add_test(tc, a_byte_at_a_time);
	tcase_add_test(tc, descriptors);
	tcase_add_test(tc, a_lock_that_cannot_be_had);
	tcase_add_test(tc, how_long_it_waits);
	tcase_add_test(tc, a_lock_file_that_went);
	tcase_add_test(tc, another_user);
	return s;
}
