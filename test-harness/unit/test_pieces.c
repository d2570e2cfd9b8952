/* links: admin/pieces admin/manifest admin/changes admin/replace core/base/safefile core/base/span */
/*
 * test_pieces.c - the files in Exim's configuration: whose they are, the manifest, and undoing.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "changes.h"
#include "pieces.h"
#include "sandbox.h"
#include "unit.h"

static void make(void)
{
	sandbox_make();
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
	ck_assert_uint_eq(batv_manifest_format(&m, text, 80), 0);
	batv_manifest_parse("junk\n\n/a\n", 9, &again);
	ck_assert_uint_eq(again.n, 0);
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

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *with = batv_pieces_add_line(texts[i], line), *without;

		ck_assert(!batv_pieces_has_line(texts[i]) && batv_pieces_has_line(with));
		without = batv_pieces_remove_line(with);
		ck_assert(strncmp(without, texts[i], strlen(texts[i])) == 0);
		ck_assert(!batv_pieces_has_line(without));
		free(with);
		free(without);
	}
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

Suite *unit_suite(void)
{
	Suite *s = suite_create("pieces");
	TCase *tc = tcase_create("pieces");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, make, sandbox_remove);
	tcase_add_test(tc, manifest);
	tcase_add_test(tc, whose);
	tcase_add_test(tc, marked_line);
	tcase_add_test(tc, undo);
	return s;
}
