/* links: core/base/safefile core/decide/holder core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/base/hmac */
/*
 * test_replaced.c - files that are replaced while they are read.  One process replaces a state, a
 * secret and a memory as fast as it can; others read them.  No read fails, none is torn, and none
 * gets a file that had been replaced before it began.
 *
 * It goes on for a second and a half; BATV_REPLACEMENTS=1000000 for that many replacements instead.
 */
#include <check.h>
#include <errno.h>

#include "base/safefile.h"
#include "decide/holder.h"
#include "readers_lab.h"
#include "sandbox.h"
#include "state_text.h"
#include "unit.h"

#define SECONDS 1.5
#define NOW INT64_C(1795910400)
#define FILL 900 /* so many sizes has a file */

enum { STATE, SECRET, MEMORY, FILES };

/* Shared by all processes.  `done` of a file: the number of the last one that has its name. */
static struct shared {
	uint64_t done[FILES], reads, failed, torn, stale, unlinked;
	int stop;
} * shared;

/* ---- the writer ---- */

/* As batv_replace() does it, without waiting for the disk. */
static void put(int which, const char *name, mode_t mode, const void *data, size_t len,
		uint64_t number)
{
	int fd = openat(dir, ".new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) < 0 ||
	    close(fd) < 0 || renameat(dir, ".new", dir, name) < 0)
		_exit(1);
	__atomic_store_n(&shared->done[which], number, __ATOMIC_SEQ_CST);
}

/* The serial says which one it is; the reason of a break gives it its size. */
static void put_state(uint64_t number)
{
	static char body[sizeof STATE_BODY + FILL + 100], text[sizeof body + 100];
	int n = sprintf(body,
			"exim-batv state 1\nwritten %" PRId64 "\nserial %" PRIu64 "\nconfig 0\n"
			"fingerprint 0\nmemory memory.3\nkey_rotation 7d\nkey_retention 7d\n"
			"automatic_senders\nbreak * 1795000000 0 %0*d\n" STATE_POLICIES,
			NOW, number, 1 + (int)(number % FILL), 0);

	put(STATE, "state", 0640, text, state_seal(body, (size_t)n, text), number);
}

static void put_plain(int which, const char *name, mode_t mode, uint64_t number)
{
	uint64_t words[1 + FILL];
	size_t n = 1 + number % FILL;

	for (size_t i = 0; i < n; i++)
		words[i] = number;
	put(which, name, mode, words, n * sizeof words[0], number);
}

static void replace_all(uint64_t number)
{
	put_state(number);
	put_plain(SECRET, "secret", 0600, number);
	put_plain(MEMORY, "memory", 0660, number);
}

/* ---- the readers ---- */

static bool read_state(uint64_t *number)
{
	static struct batv_holder holder;
	enum batv_err err = batv_holder_refresh(&holder, dir, NOW);

	*number = holder.state.serial;
	if (err == BATV_E_DAMAGED)
		readers_add(&shared->torn, 1);
	return err == BATV_OK;
}

static bool read_plain(const char *name, int flags, bool group_writes, uint64_t *number)
{
	static uint64_t words[1 + FILL];
	struct stat st;
	ssize_t len;
	int fd;

	if (batv_file_open(dir, name, flags, group_writes, &fd, &st) != BATV_OK)
		return false;
	readers_add(&shared->unlinked, st.st_nlink == 0);
	len = read(fd, words, sizeof words);
	(void)close(fd);
	*number = words[0];
	if (len != st.st_size || (size_t)len != (1 + *number % FILL) * sizeof words[0])
		readers_add(&shared->torn, 1);
	for (ssize_t i = 0; i < len / (ssize_t)sizeof words[0]; i++)
		if (words[i] != *number)
			readers_add(&shared->torn, 1);
	return true;
}

static bool read_one(unsigned which, uint64_t *number)
{
	switch (which) {
	case STATE: return read_state(number);
	case SECRET: return read_plain("secret", O_RDONLY, false, number);
	default: return read_plain("memory", O_RDWR, true, number);
	}
}

static void read_on(unsigned which)
{
	uint64_t before, number = 0, reads = 0;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		before = __atomic_load_n(&shared->done[which], __ATOMIC_SEQ_CST);
		reads++;
		if (!read_one(which, &number))
			readers_add(&shared->failed, 1);
		else if (number < before)
			readers_add(&shared->stale, 1);
	}
	readers_add(&shared->reads, reads);
	_exit(0);
}

START_TEST(readers_never_notice)
{
	const char *wish = getenv("BATV_REPLACEMENTS");
	uint64_t want = wish ? strtoull(wish, NULL, 10) / FILES : UINT64_MAX, number = 1;
	double end = readers_clock() + SECONDS;
	pid_t readers[FILES];

	shared = readers_share(sizeof *shared);
	replace_all(number);
	readers_start(readers, FILES, read_on);
	while (number <= want && (wish || readers_clock() < end))
		replace_all(++number);
	readers_stop(readers, FILES, &shared->stop);
	printf("replaced: %" PRIu64 " replacements, %" PRIu64 " reads: %" PRIu64 " failed, %" PRIu64
	       " torn, %" PRIu64 " stale; %" PRIu64 " of a file without a name\n",
	       (number - 1) * FILES, shared->reads, shared->failed, shared->torn, shared->stale,
	       shared->unlinked);
	(void)fflush(stdout);
	ck_assert_uint_gt(shared->reads, FILES);
	ck_assert_uint_eq(shared->failed, 0);
	ck_assert_uint_eq(shared->torn, 0);
	ck_assert_uint_eq(shared->stale, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("replaced");
	TCase *tc = tcase_create("replaced");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, readers_never_notice);
	return s;
}
