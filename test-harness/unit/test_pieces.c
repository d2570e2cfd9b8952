/* links: admin/pieces admin/manifest admin/changes admin/replace core/base/safefile core/base/span */
/*
 * test_pieces.c - the files in Exim's configuration: whose they are, the manifest, and undoing.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "changes.h"
#include "pieces.h"
#include "sandbox.h"
#include "unit.h"

/* These are in the place of libc's and libcrypto's: the n-th call of each fails. */
static struct {
	int reads, syncs, chowns, unlinks, digests;
} failing;

static bool fails(int *countdown, int error)
{
	if (*countdown == 0 || --*countdown > 0)
		return false;
	errno = error;
	return true;
}

ssize_t read(int fd, void *buf, size_t size)
{
	return fails(&failing.reads, EIO) ? -1 : (ssize_t)syscall(SYS_read, fd, buf, size);
}

int fsync(int fd)
{
	return fails(&failing.syncs, EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	return fails(&failing.chowns, EPERM) ? -1 : (int)syscall(SYS_fchown, fd, uid, gid);
}

int unlink(const char *path)
{
	return fails(&failing.unlinks, EPERM) ? -1 : unlinkat(AT_FDCWD, path, 0);
}

int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
	       const EVP_MD *type, ENGINE *impl)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = !fails(&failing.digests, 0) && EVP_DigestInit_ex(ctx, type, impl) == 1 &&
		 EVP_DigestUpdate(ctx, data, count) == 1 && EVP_DigestFinal_ex(ctx, md, size) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static char top[200]; /* where the tests were started: the top of the source tree */

static void make(void)
{
	sandbox_make();
	if (!*top)
		ck_assert_ptr_nonnull(getcwd(top, sizeof top));
	ck_assert_int_eq(chdir(sandbox), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void has(const char *path, const char *text)
{
	size_t len;
	char *there;

	ck_assert(batv_pieces_read(path, &there, &len));
	ck_assert_str_eq(there, text);
	free(there);
}

START_TEST(manifest)
{
	struct batv_manifest m = {0}, again;
	char text[1000];
	size_t len;

	batv_manifest_set(&m, "/a", "abc", 3);
	batv_manifest_set(&m, "/b", "x", 1);
	batv_manifest_set(&m, "/c", "x", 1);
	batv_manifest_set(&m, "/b", NULL, 0);
	batv_manifest_set(&m, "/none", NULL, 0);
	len = batv_manifest_format(&m, text, sizeof text);
	ck_assert_uint_eq(len, 2 * 69);
	/* what sha256sum says */
	ck_assert(strncmp(text,
			  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /a\n",
			  69) == 0);
	batv_manifest_parse(text, len, &again);
	ck_assert_uint_eq(again.n, 2);
	ck_assert(batv_manifest_has(&again, "/a", "abc", 3));
	ck_assert(!batv_manifest_has(&again, "/a", "abd", 3));
	ck_assert(!batv_manifest_has(&again, "/b", "x", 1));
	for (size_t size = 80; size <= len; size++) {
		text[size] = '#';
		ck_assert_uint_eq(batv_manifest_format(&m, text, size), 0);
		ck_assert_int_eq(text[size], '#');
	}
	ck_assert_uint_eq(batv_manifest_format(&m, text, len + 1), len);
	batv_manifest_parse("junk\n\n/a\n", 9, &again);
	ck_assert_uint_eq(again.n, 0);
	failing.digests = 1; /* without a sum it is nobody's */
	batv_manifest_set(&m, "/a", "abc", 3);
	ck_assert_str_eq(m.item[0].sum, "");
	ck_assert(!batv_manifest_has(&m, "/a", "abc", 3));
	failing.digests = 1;
	ck_assert(!batv_manifest_has(&m, "/a", "abc", 3));
}
END_TEST

#define SUM "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Parses `lines` times a sum, the text and a newline; how many lines count? */
static size_t parsed(const char *text, size_t len, unsigned lines, struct batv_manifest *out)
{
	char *whole = malloc((64 + len + 1) * lines), *at = whole;

	for (unsigned i = 0; i < lines; i++) {
		at = (char *)memcpy(at, SUM, 64) + 64;
		at = (char *)memcpy(at, text, len) + len;
		*at++ = '\n';
	}
	batv_manifest_parse(whole, (size_t)(at - whole) - 1, out); /* the last one may be cut off */
	free(whole);
	return out->n;
}

START_TEST(lines_of_the_manifest)
{
	static const char *const wrong[] = {"  /", "x /a", " x/a", "  xa", "  a/", "", " ", "  "};
	struct batv_manifest *m = malloc(sizeof *m);
	char path[210] = "  /";

	ck_assert_uint_eq(parsed("  /a", 4, 1, m), 1);
	ck_assert_str_eq(m->item[0].sum, SUM);
	ck_assert_str_eq(m->item[0].path, "/a");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_msg(parsed(wrong[i], strlen(wrong[i]), 2, m) == 0, "%s", wrong[i]);
	ck_assert_uint_eq(parsed("  /a\0b", 6, 1, m), 0);
	memset(path + 3, 'x', sizeof path - 3);
	ck_assert_uint_eq(parsed(path, 2 + 199, 12, m), 12);
	ck_assert_uint_eq(strlen(m->item[11].path), 199);
	ck_assert_uint_eq(parsed(path, 2 + 199, 14, m), 12);
	ck_assert_uint_eq(parsed(path, 2 + 200, 14, m), 0);
	ck_assert_uint_eq(parsed(path, 2 + 205, 14, m), 0);
	free(m);
}
END_TEST

static bool signs(const char *text)
{
	return strstr(text, "{batv_sign}") || strstr(text, "domainlist batv_sign = *");
}

/* The table against the snippets: what each file says tells when it is placed, and for whom. */
START_TEST(the_table)
{
	char *macros, *text, path[300], name[300], *at;
	size_t len;

	snprintf(path, sizeof path, "%s/exim-snippets/debian/unsplit/exim-batv.localmacros", top);
	ck_assert(batv_pieces_read(path, &macros, &len));
	for (size_t i = 0; i < batv_pieces_count; i++) {
		const struct batv_piece *p = &batv_pieces[i];
		const bool split = strncmp(p->source, "split/", 6) == 0,
			   unsplit = strncmp(p->source, "unsplit/", 8) == 0;

		ck_assert(batv_pieces_is_for(p, BATV_LAYOUT_SPLIT) == !unsplit);
		ck_assert(batv_pieces_is_for(p, BATV_LAYOUT_UNSPLIT) == !split);
		ck_assert(!batv_pieces_is_for(p, BATV_LAYOUT_PLAIN));
		snprintf(path, sizeof path, "%s/exim-snippets/debian/%s", top, p->source);
		ck_assert(batv_pieces_read(path, &text, &len));
		ck_assert_uint_eq(p->phase, signs(text) ? 2 : 1);
		free(text);
		snprintf(name, sizeof name, " BATV_ETC%s\n", strrchr(p->path, '/'));
		at = strstr(macros, name);
		/* Exim opens a file later that it does not include. */
		while (at && at > macros && at[-1] != '\n')
			at--;
		ck_assert(p->run_time == (at && *at != '.'));
	}
	free(macros);
}
END_TEST

START_TEST(reading)
{
	static char big[BATV_PIECE_SIZE_MAX + 2];
	int kept = dup(0);
	char *text;
	size_t len;

	write_file("x", "text");
	failing.reads = 1;
	ck_assert(!batv_pieces_read("x", &text, &len));
	ck_assert_int_eq(errno, EIO);
	close(0);
	has("x", "text");
	ck_assert_int_eq(fcntl(0, F_GETFD), -1); /* it was closed again */
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
	memset(big, 'x', BATV_PIECE_SIZE_MAX);
	write_file("big", big);
	has("big", big);
	memset(big, 'x', BATV_PIECE_SIZE_MAX + 1);
	write_file("big", big);
	ck_assert(!batv_pieces_read("big", &text, &len));
	ck_assert_int_eq(errno, EFBIG);
	ck_assert(!batv_pieces_read(".", &text, &len));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(whose)
{
	struct batv_manifest m = {0};

	ck_assert_int_eq(batv_pieces_look("x", "new", 3, &m), BATV_PIECE_ABSENT);
	ck_assert_int_eq(batv_pieces_look("none/x", "new", 3, &m), BATV_PIECE_ABSENT);
	write_file("x", "new");
	ck_assert_int_eq(batv_pieces_look("x", "new", 3, &m), BATV_PIECE_SAME);
	ck_assert_int_eq(batv_pieces_look("x", "newer", 5, &m), BATV_PIECE_FOREIGN);
	batv_manifest_set(&m, "x", "new", 3);
	ck_assert_int_eq(batv_pieces_look("x", "newer", 5, &m), BATV_PIECE_OURS);
	ck_assert_int_eq(batv_pieces_look("x", NULL, 0, &m), BATV_PIECE_OURS);
	write_file("x", "new!");
	ck_assert_int_eq(batv_pieces_look("x", "newer", 5, &m), BATV_PIECE_FOREIGN);
	ck_assert_int_eq(symlink("x", "link"), 0);
	ck_assert_int_eq(batv_pieces_look("link", "new!", 4, &m), BATV_PIECE_FOREIGN);
	ck_assert_int_eq(mkdir("dir", 0755), 0);
	ck_assert_int_eq(batv_pieces_look("dir", "new", 3, &m), BATV_PIECE_FOREIGN);
	ck_assert_int_eq(mkfifo("fifo", 0755), 0);
	ck_assert_int_eq(batv_pieces_look("fifo", "new", 3, &m), BATV_PIECE_FOREIGN);
}
END_TEST

START_TEST(marked_line)
{
	static const char line[] = BATV_MARKED_LINE;
	static const char *const texts[] = {"", "A = b\n", "A = b", "\n\n"};
	static const char *const exact[][3] = {
		{"", BATV_MARKED_LINE "\n", ""},
		{"A\n", "A\n" BATV_MARKED_LINE "\n", "A\n"},
		{"A\nB", "A\nB\n" BATV_MARKED_LINE "\n", "A\nB\n"},
	};
	static const char *const without_it[] = {"", "A = b", "A = b\n", BATV_MARKED_LINE ".x\n"};
	char *same_end;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *with = batv_pieces_add_line(texts[i], line), *without;

		ck_assert(!batv_pieces_has_line(texts[i]) && batv_pieces_has_line(with));
		without = batv_pieces_remove_line(with);
		ck_assert(strncmp(without, texts[i], strlen(texts[i])) == 0);
		ck_assert(!batv_pieces_has_line(without));
		free(with);
		free(without);
	}
	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
		char *with = batv_pieces_add_line(exact[i][0], line),
		     *without = batv_pieces_remove_line(exact[i][1]);

		ck_assert_str_eq(with, exact[i][1]);
		ck_assert_str_eq(without, exact[i][2]);
		free(with);
		free(without);
	}
	for (size_t i = 0; i < sizeof without_it / sizeof without_it[0]; i++) {
		char *same = batv_pieces_remove_line(without_it[i]);

		ck_assert_str_eq(same, without_it[i]);
		free(same);
	}
	same_end = batv_pieces_remove_line("A\n" BATV_MARKED_LINE);
	ck_assert_str_eq(same_end, "A\n");
	free(same_end);
	ck_assert(!batv_pieces_has_line("#" BATV_MARKED_LINE "\n"));
	ck_assert(!batv_pieces_has_line(BATV_MARKED_LINE ".x\n"));
	ck_assert(batv_pieces_has_line(BATV_MARKED_LINE "x\n" BATV_MARKED_LINE));
}
END_TEST

START_TEST(undo)
{
	struct batv_changes changes = {0};
	char why[500] = "";
	struct stat st;

	write_file("old", "before");
	ck_assert_int_eq(chmod("old", 0640), 0);
	ck_assert_int_eq(symlink("old", "link-2"), 0);
	ck_assert(batv_changes_write(&changes, "new", "n", 1, 0644, why, sizeof why));
	ck_assert(batv_changes_write(&changes, "link-2", "after", 5, 0644, why, sizeof why));
	ck_assert(batv_changes_remove(&changes, "old", why, sizeof why));
	ck_assert(batv_changes_remove(&changes, "missing", why, sizeof why));
	ck_assert_uint_eq(changes.n, 4);
	has("new", "n");
	ck_assert(stat("new", &st) == 0 && (st.st_mode & 07777) == 0644);
	ck_assert_int_eq(access("old", F_OK), -1);
	ck_assert(batv_changes_undo(&changes, 2, why, sizeof why));
	has("link-2", "after");
	ck_assert(stat("old", &st) == 0 && (st.st_mode & 07777) == 0640);
	ck_assert(lstat("link-2", &st) == 0 && S_ISLNK(st.st_mode));
	ck_assert(batv_changes_undo(&changes, 0, why, sizeof why));
	has("old", "before");
	ck_assert_int_eq(access("new", F_OK), -1);
	ck_assert(!batv_changes_write(&changes, "none-2/x", "n", 1, 0644, why, sizeof why));
	ck_assert_str_eq(why, "none-2/x: No such file or directory");
	ck_assert(mkdir("dir-2", 0755) == 0);
	ck_assert(!batv_changes_write(&changes, "dir-2", "n", 1, 0644, why, sizeof why));
	ck_assert_str_eq(why, "dir-2: is not a regular file");
	ck_assert_uint_eq(changes.n, 0);
	batv_changes_free(&changes);
}
END_TEST

START_TEST(links_and_owners)
{
	struct batv_changes *c = calloc(1, sizeof *c);
	char why[500] = "untouched", real[PATH_MAX];
	struct stat st;

	ck_assert_int_eq(mkdir("sub", 0755), 0);
	ck_assert_int_eq(symlink("sub", "link"), 0);
	ck_assert(batv_changes_write(c, "link/new", "n", 1, 0644, why, sizeof why));
	ck_assert_ptr_nonnull(realpath("sub/new", real));
	ck_assert_str_eq(c->list[0].path, real);
	write_file("x", "before");
	if (geteuid() == 0)
		ck_assert_int_eq(chown("x", 5, 60), 0);
	ck_assert(batv_changes_write(c, "x", "after", 5, 0644, why, sizeof why));
	if (geteuid() == 0)
		ck_assert(stat("x", &st) == 0 && st.st_uid == 5 && st.st_gid == 60);
	ck_assert(batv_changes_remove(c, "x", why, sizeof why));
	ck_assert_str_eq(why, "untouched");
	errno = 0;
	ck_assert(batv_changes_undo(c, 0, why, sizeof why));
	ck_assert_str_eq(why, "untouched");
	if (geteuid() == 0)
		ck_assert(stat("x", &st) == 0 && st.st_uid == 5 && st.st_gid == 60);
	has("x", "before");
	ck_assert_int_eq(access("sub/new", F_OK), -1);
	free(c);
}
END_TEST

/* A change that fails leaves the file as it was. */
START_TEST(changes_that_fail)
{
	struct batv_changes *c = calloc(1, sizeof *c);
	char why[500], path[5001];
	unsigned files;

	write_file("x", "before");
	files = sandbox_count();
	failing.chowns = 1;
	ck_assert(!batv_changes_write(c, "x", "after", 5, 0644, why, sizeof why));
	ck_assert_str_eq(why, "x: Operation not permitted");
	failing.syncs = 1; /* of the file */
	ck_assert(!batv_changes_write(c, "x", "after", 5, 0644, why, sizeof why));
	ck_assert_str_eq(why, "x: Input/output error");
	failing.unlinks = 1;
	ck_assert(!batv_changes_remove(c, "x", why, sizeof why));
	ck_assert_str_eq(why, "x: Operation not permitted");
	failing.reads = 1;
	ck_assert(!batv_changes_remove(c, "x", why, sizeof why));
	ck_assert_str_eq(why, "x: Input/output error");
	ck_assert(!batv_changes_remove(c, "none/x", why, sizeof why));
	ck_assert_str_eq(why, "none/x: No such file or directory");
	ck_assert(!batv_changes_remove(c, "x/y", why, sizeof why));
	ck_assert_str_eq(why, "x/y: Not a directory");
	for (size_t len = 4095; len <= 5000; len += len < 4097 ? 1 : 903) {
		memset(path, 'y', len);
		path[len] = '\0';
		memcpy(path, "none/", 5);
		for (size_t i = 200; i + 1 < len; i += 200)
			path[i] = '/';
		ck_assert(!batv_changes_write(c, path, "n", 1, 0644, why, sizeof why));
	}
	has("x", "before");
	ck_assert_uint_eq(sandbox_count(), files);
	ck_assert_uint_eq(c->n, 0);
	failing.syncs = 2; /* of the directory: the file is another one already */
	ck_assert(!batv_changes_write(c, "x", "after", 5, 0644, why, sizeof why));
	ck_assert_str_eq(why, "x: Input/output error");
	has("x", "after");
	ck_assert_uint_eq(c->n, 1);
	ck_assert(batv_changes_undo(c, 0, why, sizeof why));
	has("x", "before");
	for (int i = 0; i < BATV_CHANGES_MAX; i++)
		ck_assert(batv_changes_remove(c, "missing", why, sizeof why));
	ck_assert(!batv_changes_remove(c, "missing", why, sizeof why));
	ck_assert_str_eq(why, "missing: too many changes");
	free(c);
}
END_TEST

/* A file that cannot be put back is named; all the others are put back. */
START_TEST(undo_that_fails)
{
	struct batv_changes *c = calloc(1, sizeof *c);
	char why[500] = "";
	int kept;

	write_file("first", "before");
	ck_assert_int_eq(mkdir("gone", 0755), 0);
	write_file("gone/x", "before");
	ck_assert(batv_changes_write(c, "first", "after", 5, 0644, why, sizeof why));
	ck_assert(batv_changes_write(c, "new", "n", 1, 0644, why, sizeof why));
	ck_assert(batv_changes_write(c, "gone/x", "after", 5, 0644, why, sizeof why));
	ck_assert_int_eq(unlink("gone/x") | rmdir("gone"), 0);
	ck_assert_int_eq(unlink("new") | mkdir("new", 0755), 0);
	ck_assert(!batv_changes_undo(c, 0, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, "/gone/x: No such file or directory"));
	has("first", "before");
	ck_assert(batv_changes_write(c, "later", "n", 1, 0644, why, sizeof why));
	errno = 0;
	ck_assert(batv_changes_undo(c, 0, why, sizeof why));
	ck_assert(batv_changes_write(c, "later", "n", 1, 0644, why, sizeof why));
	ck_assert_int_eq(unlink("later"), 0); /* it is gone, as it should be */
	ck_assert(batv_changes_undo(c, 0, why, sizeof why));
	kept = dup(0);
	close(0);
	ck_assert(batv_changes_write(c, "later", "n", 1, 0644, why, sizeof why));
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
	batv_changes_free(c);
	free(c);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("pieces");
	TCase *tc = tcase_create("pieces");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, make, sandbox_remove);
	tcase_add_test(tc, manifest);
	tcase_add_test(tc, lines_of_the_manifest);
	tcase_add_test(tc, the_table);
	tcase_add_test(tc, reading);
	tcase_add_test(tc, whose);
	tcase_add_test(tc, marked_line);
	tcase_add_test(tc, undo);
	tcase_add_test(tc, links_and_owners);
	tcase_add_test(tc, changes_that_fail);
	tcase_add_test(tc, undo_that_fails);
	return s;
}
