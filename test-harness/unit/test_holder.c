/* links: core/decide/holder core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_holder.c - the state file as a process of Exim's holds it: read again when it is
 * another one, and forgotten when it cannot be used.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decide/holder.h"
#include "state_text.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW INT64_C(1795910400)

static char text[4 * BATV_STATE_MAX];
static struct batv_state state;

static char dir[64];
static int dirfd_;
static struct batv_holder *holder;

static void make_dir(void)
{
	strcpy(dir, "/tmp/test_state.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0750), 0);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd_, 0);
	holder = calloc(1, sizeof *holder);
	ck_assert_ptr_nonnull(holder);
}

static void remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		(void)unlinkat(dirfd_, e->d_name, strcmp(e->d_name, "sub") == 0 ? AT_REMOVEDIR : 0);
	if (d)
		closedir(d);
	close(dirfd_);
	rmdir(dir);
	free(holder);
}

static void put_file(const char *name, const void *data, size_t len)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, 0640), 0);
	close(fd);
}

/* As the daemon does it. */
static void replace_state(const char *body)
{
	put_file("new", text, state_seal(body, strlen(body), text));
	ck_assert_int_eq(renameat(dirfd_, "new", dirfd_, "state"), 0);
}

static void check_refresh(int64_t now, enum batv_err want)
{
	ck_assert_int_eq(batv_holder_refresh(holder, dirfd_, now), want);
	ck_assert_int_eq(holder->err, want);
	ck_assert_int_eq(holder->usable, want == BATV_OK);
}

START_TEST(refresh_reads_what_is_new_only)
{
	check_refresh(NOW, BATV_E_NO_FILE);
	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	ck_assert_uint_eq(holder->state.serial, 12);
	holder->state.serial = 99; /* would be 12 again if it were read again */
	check_refresh(NOW, BATV_OK);
	ck_assert_uint_eq(holder->state.serial, 99);
	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	ck_assert_uint_eq(holder->state.serial, 12);
	holder->state.serial = 99;
	ck_assert_int_eq(fchmodat(dirfd_, "state", 0600, 0), 0); /* a new ctime: read again */
	check_refresh(NOW, BATV_OK);
	ck_assert_uint_eq(holder->state.serial, 12);
}
END_TEST

START_TEST(refresh_sees_each_part_of_the_identity)
{
	int64_t *const parts[] = {&holder->dev, &holder->ino, &holder->mtime_ns, &holder->ctime_ns,
				  &holder->size};

	replace_state(STATE_BODY);
	for (size_t i = 0; i < COUNT(parts); i++) {
		check_refresh(NOW, BATV_OK);
		holder->state.serial = 99;
		*parts[i] -= 1;
		check_refresh(NOW, BATV_OK);
		ck_assert_uint_eq(holder->state.serial, 12);
	}
}
END_TEST

START_TEST(refresh_keeps_what_the_file_is)
{
	struct stat st;
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);

	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	ck_assert_int_eq(fstatat(dirfd_, "state", &st, 0), 0);
	ck_assert_int_eq(holder->ino, (int64_t)st.st_ino);
	ck_assert_int_eq(holder->size, (int64_t)st.st_size);
	ck_assert_int_eq(holder->mtime_ns,
			 (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	ck_assert_uint_eq(holder->end, batv_fnv64(BATV_FNV_START, text + len - BATV_STATE_END_LEN,
						  BATV_STATE_END_LEN));
	ck_assert_int_eq(unlinkat(dirfd_, "state", 0), 0);
	check_refresh(NOW, BATV_E_NO_FILE);
	ck_assert_int_eq(holder->ino | holder->dev | holder->size | holder->mtime_ns, 0);
	ck_assert_uint_eq(holder->line, 0);
}
END_TEST

/* The number of a file that is gone may come back within one tick of the file system's clock. */
START_TEST(refresh_sees_another_text_in_the_same_place)
{
	char other[] = STATE_BODY;
	struct stat st;

	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	*strstr(other, "serial 12") = 'S';
	ck_assert_ptr_nonnull(strstr(other, "Serial 12"));
	for (int twice = 0; twice < 2; twice++) { /* refused, then good again */
		replace_state(twice ? STATE_BODY : other);
		ck_assert_int_eq(fstatat(dirfd_, "state", &st, 0), 0);
		ck_assert_int_eq(st.st_size, holder->size);
		holder->ino = (int64_t)st.st_ino;
		holder->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		holder->ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
		check_refresh(NOW, twice ? BATV_OK : BATV_E_VERSION);
	}
}
END_TEST

START_TEST(a_state_from_the_future_waits)
{
	replace_state(STATE_BODY);
	check_refresh(NOW - BATV_STATE_SKEW - 1, BATV_E_FUTURE);
	check_refresh(NOW - BATV_STATE_SKEW, BATV_OK);
	holder->state.serial = 99; /* without being read again */
	check_refresh(NOW - BATV_STATE_SKEW - 1, BATV_E_FUTURE);
	check_refresh(NOW, BATV_OK);
	ck_assert_uint_eq(holder->state.serial, 99);
	check_refresh(0, BATV_E_FUTURE);
	check_refresh(INT64_MAX, BATV_OK);
	check_refresh(INT64_MIN, BATV_E_FUTURE);
}
END_TEST

static bool holds_no_key(void)
{
	return !memmem(holder, sizeof *holder, KEY_A, 64) &&
	       !memmem(holder, sizeof *holder, KEY_B, 64);
}

START_TEST(what_cannot_be_used_is_forgotten)
{
	char bad[sizeof STATE_BODY + 64];
	size_t len;

	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	ck_assert(!holds_no_key());
	ck_assert_int_eq(unlinkat(dirfd_, "state", 0), 0);
	check_refresh(NOW, BATV_E_NO_FILE);
	ck_assert(holds_no_key());

	replace_state(STATE_BODY "nonsense\n");
	check_refresh(NOW, BATV_E_VERSION);
	ck_assert_uint_eq(holder->line, 27);
	ck_assert(holds_no_key());
	check_refresh(NOW, BATV_E_VERSION); /* the same file: still known to be bad */
	ck_assert_uint_eq(holder->line, 27);

	len = state_seal(STATE_BODY, strlen(STATE_BODY), bad);
	put_file("state", bad, len - 1);
	check_refresh(NOW, BATV_E_DAMAGED);
	ck_assert_uint_eq(holder->line, 0);
	put_file("state", "", 0);
	check_refresh(NOW, BATV_E_DAMAGED);
	put_file("state", text, BATV_STATE_MAX + 1);
	check_refresh(NOW, BATV_E_TOO_LONG);
	ck_assert(holds_no_key());
	replace_state(STATE_BODY);
	check_refresh(NOW, BATV_OK);
	replace_state(STATE_HEAD); /* shorter, without keys: nothing of the old one stays */
	check_refresh(NOW, BATV_OK);
	ck_assert(holds_no_key());
}
END_TEST

START_TEST(unsafe_files_are_refused)
{
	replace_state(STATE_BODY);
	ck_assert_int_eq(fchmodat(dirfd_, "state", 0660, 0), 0);
	check_refresh(NOW, BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(fchmodat(dirfd_, "state", 0642, 0), 0);
	check_refresh(NOW, BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(fchmodat(dirfd_, "state", 0640, 0), 0);
	check_refresh(NOW, BATV_OK);
	ck_assert_int_eq(linkat(dirfd_, "state", dirfd_, "other", 0), 0);
	check_refresh(NOW, BATV_E_UNSAFE_FILE);
	ck_assert(holds_no_key());
	ck_assert_int_eq(unlinkat(dirfd_, "state", 0), 0);
	ck_assert_int_eq(symlinkat("other", dirfd_, "state"), 0);
	check_refresh(NOW, BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(unlinkat(dirfd_, "state", 0), 0);
	ck_assert_int_eq(mkfifoat(dirfd_, "state", 0640), 0);
	check_refresh(NOW, BATV_E_UNSAFE_FILE); /* and it did not block */
}
END_TEST

START_TEST(the_observe_file)
{
	ck_assert(!batv_state_observe_file(dirfd_));
	put_file("observe", "", 0);
	ck_assert(batv_state_observe_file(dirfd_));
	ck_assert_int_eq(fchmodat(dirfd_, "observe", 0, 0), 0);
	ck_assert(batv_state_observe_file(dirfd_));
	ck_assert_int_eq(unlinkat(dirfd_, "observe", 0), 0);
	ck_assert_int_eq(symlinkat("nowhere", dirfd_, "observe"), 0);
	ck_assert(batv_state_observe_file(dirfd_));
	ck_assert_int_eq(unlinkat(dirfd_, "observe", 0), 0);
	ck_assert(!batv_state_observe_file(dirfd_));
	ck_assert(batv_state_observe_file(-1)); /* doubt */
}
END_TEST

static double microseconds(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e6 + (double)(b->tv_nsec - a->tv_nsec) / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A number for people; a limit would fail on somebody's slow machine. */
START_TEST(how_long_it_takes)
{
	static char body[8192];
	static double took[400];
	size_t len = (size_t)sprintf(body, "%s", STATE_BODY);

	for (unsigned i = 0; len < 2800; i++)
		len += (size_t)sprintf(body + len, "key 4711 %u 1 816 5 6 7 %s\n", i, KEY_A);
	replace_state(body);
	for (size_t i = 0; i < COUNT(took); i++) {
		struct timespec a, b;

		holder->mtime_ns = 0;
		clock_gettime(CLOCK_MONOTONIC, &a);
		ck_assert_int_eq(batv_holder_refresh(holder, dirfd_, NOW), BATV_OK);
		clock_gettime(CLOCK_MONOTONIC, &b);
		took[i] = microseconds(&a, &b);
	}
	qsort(took, COUNT(took), sizeof took[0], by_size);
	printf("a state of %zu bytes: refresh %.1f us", len + 21, took[COUNT(took) / 2]);
	for (size_t i = 0; i < COUNT(took); i++) {
		struct timespec a, b;

		len = state_seal(body, strlen(body), text);
		clock_gettime(CLOCK_MONOTONIC, &a);
		ck_assert_int_eq(batv_state_parse(text, len, &state, NULL, NULL), BATV_OK);
		clock_gettime(CLOCK_MONOTONIC, &b);
		took[i] = microseconds(&a, &b);
	}
	qsort(took, COUNT(took), sizeof took[0], by_size);
	printf(", of it parsing %.1f us (medians)\n", took[COUNT(took) / 2]);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("holder");
	TCase *files = tcase_create("files");

	suite_add_tcase(s, files);
	tcase_add_checked_fixture(files, make_dir, remove_dir);
	tcase_add_test(files, refresh_reads_what_is_new_only);
	tcase_add_test(files, refresh_sees_each_part_of_the_identity);
	tcase_add_test(files, refresh_keeps_what_the_file_is);
	tcase_add_test(files, refresh_sees_another_text_in_the_same_place);
	tcase_add_test(files, a_state_from_the_future_waits);
	tcase_add_test(files, what_cannot_be_used_is_forgotten);
	tcase_add_test(files, unsafe_files_are_refused);
	tcase_add_test(files, the_observe_file);
	tcase_add_test(files, how_long_it_takes);
	return s;
}
