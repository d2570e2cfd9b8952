/* links: core/base/safefile */
/*
 * test_safefile.c - everything that somebody else could put in the place of one of our files.
 *
 * A file must belong to the directory's owner.  To get a foreign owner, root uses chown; an
 * ordinary user looks into a directory that root owns.  Both assert.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/safefile.h"
#include "sandbox.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Called between open and fstat, `times` times. */
static void (*meanwhile)(void);
static unsigned times, looks;

/* Replaces libc's function. */
int fstat(int fd, struct stat *st)
{
	looks++;
	if (meanwhile && times > 0) {
		times--;
		meanwhile();
	}
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

static enum batv_err try_file(const char *name, int flags, bool group_writes)
{
	struct stat st;
	int fd = -1;
	enum batv_err err = batv_file_open(dir, name, flags, group_writes, &fd, &st);

	ck_assert_int_eq(fd >= 0, err == BATV_OK);
	if (fd >= 0) {
		ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		(void)close(fd);
	}
	return err;
}

static void expect_unsafe(const char *name, const char *why)
{
	char text[200];

	ck_assert_int_eq(try_file(name, O_RDONLY, true), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(try_file(name, O_RDWR, true), BATV_E_UNSAFE_FILE);
	batv_file_why(dir, name, true, text, sizeof text);
	ck_assert_msg(strstr(text, why) != NULL, "%s: \"%s\"", name, text);
}

START_TEST(a_plain_file_opens)
{
	struct stat st;
	int fd = -1;
	char c = 0;

	sandbox_file("state", 0640, "x", 1);
	ck_assert_int_eq(batv_file_open(dir, "state", O_RDONLY, false, &fd, &st), BATV_OK);
	ck_assert_int_eq(st.st_size, 1);
	ck_assert_int_eq(read(fd, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	(void)close(fd);
	ck_assert_int_eq(try_file("state", O_RDWR, false), BATV_OK);
}
END_TEST

START_TEST(nothing_is_created_or_cut)
{
	struct stat st;
	int fd;

	ck_assert_int_eq(try_file("state", O_RDWR | O_CREAT, false), BATV_E_NO_FILE);
	ck_assert_uint_eq(sandbox_count(), 0);
	sandbox_file("state", 0640, "x", 1);
	ck_assert_int_eq(batv_file_open(dir, "state", O_RDWR | O_TRUNC, false, &fd, &st), BATV_OK);
	(void)close(fd);
	ck_assert_int_eq(st.st_size, 1);
}
END_TEST

/* mode, may the group write: is it safe? */
static const struct {
	mode_t mode;
	bool group_writes;
	bool safe;
} modes[] = {
	{0600, false, true},  {0640, false, true}, {0644, false, true},  {0400, false, true},
	{0660, true, true},   {0664, true, true},  {0660, false, false}, {0620, false, false},
	{0602, false, false}, {0602, true, false}, {0666, true, false},  {0646, true, false},
};

START_TEST(only_the_owner_writes)
{
	enum batv_err want = modes[_i].safe ? BATV_OK : BATV_E_UNSAFE_FILE;
	char text[200];

	sandbox_file("f", modes[_i].mode, "x", 1);
	ck_assert_int_eq(try_file("f", O_RDONLY, modes[_i].group_writes), want);
	batv_file_why(dir, "f", modes[_i].group_writes, text, sizeof text);
	ck_assert_msg((strstr(text, "may write") != NULL) == !modes[_i].safe, "%s", text);
}
END_TEST

/* Two packets, and the end: what read() gives comes in pieces. */
static int in_pieces(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	ck_assert_int_eq(write(fds[1], "abc", 3), 3);
	ck_assert_int_eq(write(fds[1], "de", 2), 2);
	ck_assert_int_eq(close(fds[1]), 0);
	return fds[0];
}

START_TEST(reads_all_pieces_and_no_more_than_asked)
{
	static const size_t sizes[] = {0, 1, 3, 4, 5, 6, 8};
	char text[8];
	size_t len;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		int fd = in_pieces();
		size_t want = sizes[i] < 5 ? sizes[i] : 5;

		memset(text, 'X', sizeof text);
		ck_assert(batv_file_read(fd, text, sizes[i], &len));
		ck_assert_uint_eq(len, want);
		ck_assert_mem_eq(text, "abcde", want);
		for (size_t at = want; at < sizeof text; at++)
			ck_assert_int_eq(text[at], 'X');
		ck_assert_int_eq(close(fd), 0);
	}
	len = 42;
	errno = 0;
	ck_assert(!batv_file_read(-1, text, sizeof text, &len));
	ck_assert_int_eq(errno, EBADF);
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(links_are_refused)
{
	struct stat st;
	int fd;

	sandbox_file("real", 0600, "x", 1);
	ck_assert_int_eq(symlinkat("real", dir, "sym"), 0);
	expect_unsafe("sym", "symbolic link");
	ck_assert_int_eq(batv_file_open(dir, "sym", O_RDONLY, false, &fd, &st), BATV_E_UNSAFE_FILE);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(symlinkat("nowhere", dir, "dangling"), 0);
	expect_unsafe("dangling", "symbolic link");
	ck_assert_int_eq(try_file("real", O_RDONLY, false), BATV_OK);
	ck_assert_int_eq(linkat(dir, "real", dir, "hard", 0), 0);
	expect_unsafe("hard", "2 links");
	expect_unsafe("real", "2 links");
}
END_TEST

/* The fifos have no other end: an open that blocks would run into Check's timeout. */
START_TEST(other_types_are_refused)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(mkfifoat(dir, "fifo", 0600), 0);
	expect_unsafe("fifo", "not a regular file");
	ck_assert_int_eq(mkdirat(dir, "dir", 0700), 0);
	expect_unsafe("dir", "not a regular file");
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%.90s/sock", sandbox);
	ck_assert_int_eq(bind(s, (const struct sockaddr *)&addr, sizeof addr), 0);
	expect_unsafe("sock", "not a regular file");
	(void)close(s);
}
END_TEST

START_TEST(a_foreign_owner_is_refused)
{
	char path[40];
	int made;

	sandbox_file("f", 0600, "x", 1);
	if (geteuid() == 0) {
		ck_assert_int_eq(fchownat(dir, "f", 65534, (gid_t)-1, 0), 0);
		expect_unsafe("f", "owner is 65534, the directory's is 0");
		ck_assert_int_eq(fchown(dir, 65534, (gid_t)-1), 0);
		ck_assert_int_eq(try_file("f", O_RDONLY, false), BATV_OK);
		ck_assert_int_eq(fchownat(dir, "f", 0, (gid_t)-1, 0), 0);
		expect_unsafe("f", "owner is 0, the directory's is 65534");
		return;
	}
	/* our own file in root's directory */
	(void)snprintf(path, sizeof path, "/tmp/batv-owner.XXXXXX");
	made = mkstemp(path);
	ck_assert_int_ge(made, 0);
	(void)close(made);
	(void)close(dir);
	dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect_unsafe(path + 5, "the directory's is 0");
	(void)unlink(path);
	(void)close(dir);
	dir = open(sandbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
END_TEST

START_TEST(names_stay_in_the_directory)
{
	static const char *const names[] = {"", ".", "..", "/etc/passwd", "../x", "a/b", "a/"};
	char text[200];
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		ck_assert_int_eq(try_file(names[i], O_RDONLY, false), BATV_E_UNSAFE_FILE);
		batv_file_why(dir, names[i], false, text, sizeof text);
		ck_assert_msg(strstr(text, "not the name") != NULL, "%s", text);
	}
}
END_TEST

START_TEST(a_missing_file_is_said_to_be_missing)
{
	char text[200];

	ck_assert_int_eq(try_file("state", O_RDONLY, false), BATV_E_NO_FILE);
	batv_file_why(dir, "state", false, text, sizeof text);
	ck_assert_str_eq(text, "it is missing");
}
END_TEST

/* The kernel refuses an ordinary user, but not root: for root another error must do. */
START_TEST(other_errors_keep_errno)
{
	struct stat st;
	int fd, bad = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(batv_file_open(bad, "x", O_RDONLY, false, &fd, &st), BATV_E_IO);
	ck_assert_int_eq(errno, ENOTDIR);
	(void)close(bad);
	if (geteuid() != 0) {
		sandbox_file("locked", 0, "x", 1);
		ck_assert_int_eq(batv_file_open(dir, "locked", O_RDONLY, false, &fd, &st),
				 BATV_E_IO);
		ck_assert_int_eq(errno, EACCES);
	}
}
END_TEST

/* ---- replaced while it is opened ---- */

static void replace_with(mode_t mode)
{
	sandbox_file("new", mode, "new", 3);
	ck_assert_int_eq(renameat(dir, "new", dir, "state"), 0);
}

static void replace_it(void)
{
	replace_with(0640);
}

static void replace_unsafely(void)
{
	replace_with(0642);
}

static void replace_by_link(void)
{
	ck_assert_int_eq(symlinkat("elsewhere", dir, "new"), 0);
	ck_assert_int_eq(renameat(dir, "new", dir, "state"), 0);
}

static void remove_it(void)
{
	ck_assert_int_eq(unlinkat(dir, "state", 0), 0);
}

static const struct {
	void (*meanwhile)(void);
	unsigned times;
	mode_t mode;
	enum batv_err want;
	nlink_t links; /* of the opened file */
} replaced[] = {
	{replace_it, 1, 0640, BATV_OK, 1},
	{replace_it, 5, 0640, BATV_OK, 1},
	{replace_it, 1, 0666, BATV_OK, 1}, /* the old file is no longer checked */
	{replace_it, 1000, 0640, BATV_OK, 0},
	{replace_unsafely, 1, 0640, BATV_E_UNSAFE_FILE, 1},
	{replace_unsafely, 1000, 0640, BATV_E_UNSAFE_FILE, 0},
	{replace_by_link, 1, 0640, BATV_E_UNSAFE_FILE, 1},
	{remove_it, 1, 0640, BATV_E_NO_FILE, 0},
};

START_TEST(a_file_replaced_meanwhile)
{
	static const int flags[] = {O_RDONLY, O_RDWR};
	struct stat st;
	int fd;

	for (size_t i = 0; i < COUNT(flags); i++) {
		sandbox_file("state", replaced[_i].mode, "x", 1);
		looks = 0;
		times = replaced[_i].times;
		meanwhile = replaced[_i].meanwhile;
		ck_assert_int_eq(batv_file_open(dir, "state", flags[i], false, &fd, &st),
				 replaced[_i].want);
		meanwhile = NULL;
		ck_assert_uint_lt(looks, 20); /* it ends, whatever happens */
		if (replaced[_i].want != BATV_E_NO_FILE)
			ck_assert_uint_eq(st.st_nlink, replaced[_i].links);
		if (replaced[_i].want == BATV_OK) {
			ck_assert_int_eq(st.st_size, 3);
			ck_assert_int_eq(close(fd), 0);
		}
		(void)unlinkat(dir, "state", 0);
	}
}
END_TEST

static const struct {
	mode_t mode;
	enum batv_err want;
} dir_modes[] = {
	{0700, BATV_OK},
	{0750, BATV_OK},
	{02750, BATV_OK},
	{0755, BATV_OK},
	{0770, BATV_E_UNSAFE_FILE},
	{0720, BATV_E_UNSAFE_FILE},
	{0702, BATV_E_UNSAFE_FILE},
	{01777, BATV_E_UNSAFE_FILE},
};

START_TEST(directories)
{
	struct stat st = {0};
	int fd = -1;

	ck_assert_int_eq(fchmod(dir, dir_modes[_i].mode), 0);
	ck_assert_int_eq(batv_dir_open(sandbox, &fd, &st), dir_modes[_i].want);
	ck_assert_int_eq(fd >= 0, dir_modes[_i].want == BATV_OK);
	ck_assert_uint_eq(st.st_mode & 07777, dir_modes[_i].mode);
	if (fd >= 0)
		(void)close(fd);
	fd = -1;
	ck_assert_int_eq(batv_dir_open(sandbox, &fd, NULL), dir_modes[_i].want);
	if (fd >= 0)
		(void)close(fd);
}
END_TEST

START_TEST(what_is_no_directory)
{
	char path[400];
	int fd = -1;

	(void)snprintf(path, sizeof path, "%s/none", sandbox);
	ck_assert_int_eq(batv_dir_open(path, &fd, NULL), BATV_E_NO_FILE);
	sandbox_file("none", 0600, "", 0);
	ck_assert_int_eq(batv_dir_open(path, &fd, NULL), BATV_E_UNSAFE_FILE);
	(void)snprintf(path, sizeof path, "%s/link", sandbox);
	ck_assert_int_eq(symlinkat(sandbox, dir, "link"), 0);
	ck_assert_int_eq(batv_dir_open(path, &fd, NULL), BATV_E_UNSAFE_FILE);
	(void)snprintf(path, sizeof path, "%s/fifo", sandbox);
	ck_assert_int_eq(mkfifoat(dir, "fifo", 0600), 0);
	ck_assert_int_eq(batv_dir_open(path, &fd, NULL), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(fd, -1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("safefile");
	TCase *tc = tcase_create("safefile");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, a_plain_file_opens);
	tcase_add_test(tc, nothing_is_created_or_cut);
	tcase_add_loop_test(tc, only_the_owner_writes, 0, (int)COUNT(modes));
	tcase_add_test(tc, reads_all_pieces_and_no_more_than_asked);
	tcase_add_test(tc, links_are_refused);
	tcase_add_test(tc, other_types_are_refused);
	tcase_add_test(tc, a_foreign_owner_is_refused);
	tcase_add_test(tc, names_stay_in_the_directory);
	tcase_add_test(tc, a_missing_file_is_said_to_be_missing);
	tcase_add_test(tc, other_errors_keep_errno);
	tcase_add_loop_test(tc, a_file_replaced_meanwhile, 0, (int)COUNT(replaced));
	tcase_add_loop_test(tc, directories, 0, (int)COUNT(dir_modes));
	tcase_add_test(tc, what_is_no_directory);
	return s;
}
