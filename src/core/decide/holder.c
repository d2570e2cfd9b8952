/*
 * holder.c - keeps a state that was read, and looks whether it is still the published one.
 *
 * Invariant: after a refusal the holder has no key bytes.
 */
#include "decide/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/safefile.h"

/* Makes the holder unusable and wipes its keys, so that none stays in memory. */
static void forget(struct batv_holder *h, enum batv_err err)
{
	if (h->ino != 0) { /* otherwise nothing was read, and its pages are left untouched */
		batv_wipe(h->text, h->size < BATV_STATE_MAX ? (size_t)h->size : BATV_STATE_MAX);
		batv_wipe(&h->state.ring, sizeof h->state.ring);
		batv_wipe(h->state.memory_key, sizeof h->state.memory_key);
	}
	h->usable = false;
	h->err = err;
	h->line = 0;
	h->dev = h->ino = h->mtime_ns = h->ctime_ns = h->size = 0;
}

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Returns a sum of the file's last bytes.  In a state these are its checksum. */
static uint64_t sum_of_end(int fd, const struct stat *st)
{
	char end[BATV_STATE_END_LEN];
	ssize_t n = pread(fd, end, sizeof end,
			  st->st_size > BATV_STATE_END_LEN ? st->st_size - BATV_STATE_END_LEN : 0);

	return batv_fnv64(BATV_FNV_START, end, n > 0 ? (size_t)n : 0);
}

/*
 * Is it the very file that the holder has?  Inode number and times cannot tell for sure: a new file
 * may get the number of a file that was replaced, and file systems count time in steps of some
 * milliseconds.  The checksum can tell.
 */
static bool same_file(const struct batv_holder *h, int fd, const struct stat *st)
{
	return h->ino == (int64_t)st->st_ino && h->dev == (int64_t)st->st_dev &&
	       h->mtime_ns == nanoseconds(st->st_mtim) && h->ctime_ns == nanoseconds(st->st_ctim) &&
	       h->size == (int64_t)st->st_size && h->end == sum_of_end(fd, st);
}

static void remember_file(struct batv_holder *h, int fd, const struct stat *st)
{
	h->dev = (int64_t)st->st_dev;
	h->ino = (int64_t)st->st_ino;
	h->mtime_ns = nanoseconds(st->st_mtim);
	h->ctime_ns = nanoseconds(st->st_ctim);
	h->size = (int64_t)st->st_size;
	h->end = sum_of_end(fd, st);
}

static enum batv_err load_state(struct batv_holder *h, int fd, const struct stat *st)
{
	size_t len;

	if (st->st_size > BATV_STATE_MAX)
		return BATV_E_TOO_LONG;
	if (!batv_file_read(fd, h->text, (size_t)st->st_size, &len))
		return BATV_E_IO;
	if (len < (size_t)st->st_size) /* the file is only ever replaced, never written in place */
		return BATV_E_DAMAGED;
	return batv_state_parse(h->text, (size_t)st->st_size, &h->state, &h->line, NULL);
}

/* Loads a file other than the one that the holder has.  errno is that of a failed read. */
static void replace(struct batv_holder *h, int fd, const struct stat *st)
{
	forget(h, BATV_OK);
	h->err = load_state(h, fd, st);
	remember_file(h, fd, st);
	if (h->err != BATV_OK) {
		unsigned line = h->line;

		forget(h, h->err);
		h->line = line;
		if (h->err != BATV_E_IO) /* an I/O error may pass; others are in the file */
			remember_file(h, fd, st);
	}
}

enum batv_err batv_holder_refresh(struct batv_holder *holder, int dirfd, int64_t now)
{
	struct stat st;
	int fd, saved;

	/* Adds nothing, so that the first access to *holder is a write: one page fault, not two. */
	(void)__atomic_fetch_add(&holder->ino, 0, __ATOMIC_RELAXED);

	enum batv_err err = batv_file_open(dirfd, BATV_STATE_NAME, O_RDONLY, false, &fd, &st);

	if (err != BATV_OK) {
		forget(holder, err);
		return err;
	}
	if (!same_file(holder, fd, &st))
		replace(holder, fd, &st);
	saved = errno;
	(void)close(fd);
	errno = saved;
	if (holder->err == BATV_OK || holder->err == BATV_E_FUTURE)
		holder->err =
			holder->state.written - BATV_STATE_SKEW > now ? BATV_E_FUTURE : BATV_OK;
	holder->usable = holder->err == BATV_OK;
	return holder->err;
}
