/*
 * replace.c - all writing to the state directory: whole files, atomically and durably; the writers'
 * lock; and becoming the user who may write.
 *
 * Invariant: a file of this name is complete, because it appears only by rename, after fsync.  A
 * crash may leave `.NAME.new`.  Nobody reads that, and the next replacement of NAME removes it; the
 * lock makes sure that it does not belong to a living writer.
 */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_POLLS 20 /* a second; polls are counted, not timed, because clocks may jump */

static bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

enum batv_err batv_new_file_begin(struct batv_new_file *file, int dirfd, const char *name)
{
	int n = snprintf(file->tmp, sizeof file->tmp, ".%s.new", name);

	if (n < 0 || (size_t)n >= sizeof file->tmp)
		return BATV_E_TOO_LONG;
	memcpy(file->name, name, strlen(name) + 1);
	file->dirfd = dirfd;
	if (unlinkat(dirfd, file->tmp, 0) < 0 && errno != ENOENT) /* left by a crash */
		return BATV_E_IO;
	file->fd =
		openat(dirfd, file->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file->fd < 0 ? BATV_E_IO : BATV_OK;
}

enum batv_err batv_new_file_write(struct batv_new_file *file, const void *data, size_t len)
{
	return write_all(file->fd, data, len) ? BATV_OK : BATV_E_IO;
}

void batv_new_file_abandon(struct batv_new_file *file)
{
	int saved = errno;

	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
	(void)unlinkat(file->dirfd, file->tmp, 0);
	errno = saved;
}

enum batv_err batv_replace_sync(int dirfd)
{
	int done;

	do
		done = fsync(dirfd);
	while (done < 0 && errno == EINTR);
	return done == 0 || errno == EINVAL ? BATV_OK : BATV_E_SYNC;
}

enum batv_err batv_new_file_commit(struct batv_new_file *file, mode_t mode)
{
	bool ok = fchmod(file->fd, mode) == 0 && fsync(file->fd) == 0;

	if (ok) {
		ok = close(file->fd) == 0;
		file->fd = -1;
	}
	ok = ok && renameat(file->dirfd, file->tmp, file->dirfd, file->name) == 0;
	if (!ok) {
		batv_new_file_abandon(file);
		return BATV_E_IO;
	}
	return batv_replace_sync(file->dirfd);
}

enum batv_err batv_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len)
{
	struct batv_new_file file;
	enum batv_err err = batv_new_file_begin(&file, dirfd, name);

	if (err != BATV_OK)
		return err;
	err = batv_new_file_write(&file, data, len);
	if (err != BATV_OK) {
		batv_new_file_abandon(&file);
		return err;
	}
	return batv_new_file_commit(&file, mode);
}

/* One buffer of the full size, never grown: realloc would leave copies of secrets in the heap. */
static enum batv_err slurp_fd(int fd, size_t max, char **text, size_t *len)
{
	size_t n;
	char *buf;
	int saved;
	enum batv_err err;

	if (max >= SIZE_MAX / 2)
		return BATV_E_TOO_LONG;
	buf = malloc(max + 1);
	if (!buf)
		return BATV_E_IO;
	err = !batv_file_read(fd, buf, max + 1, &n) ? BATV_E_IO
	      : n > max                             ? BATV_E_TOO_LONG
						    : BATV_OK;
	if (err != BATV_OK) {
		saved = errno;
		explicit_bzero(buf, n);
		free(buf);
		errno = saved;
		return err;
	}
	buf[n] = '\0';
	*text = buf;
	*len = n;
	return BATV_OK;
}

enum batv_err batv_slurp(int dirfd, const char *name, size_t max, char **text, size_t *len)
{
	struct stat st;
	int fd, saved;
	enum batv_err err = batv_file_open(dirfd, name, O_RDONLY, false, &fd, &st);

	if (err != BATV_OK)
		return err;
	err = slurp_fd(fd, max, text, len);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return err;
}

/* This is for good.  The function tries to become root again, and fails if that works. */
static enum batv_err drop_to(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return BATV_E_IO;
	if (setuid(0) == 0 || geteuid() != uid || getegid() != gid) {
		errno = EPERM;
		return BATV_E_IO;
	}
	return BATV_OK;
}

enum batv_err batv_become_owner(const struct stat *dir)
{
	const struct passwd *owner;

	if (geteuid() == dir->st_uid)
		return BATV_OK;
	if (geteuid() != 0)
		return BATV_E_UNSAFE_FILE;
	owner = getpwuid(dir->st_uid);
	return drop_to(dir->st_uid, owner ? owner->pw_gid : dir->st_gid);
}

/* Does the name still refer to the file that we hold open? */
static bool still_named(int dirfd, const char *name, int fd)
{
	struct stat open_file, named;

	return fstat(fd, &open_file) == 0 &&
	       fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

static enum batv_err lock_open(int dirfd, const char *name, int *fd)
{
	struct stat st;
	enum batv_err err = batv_file_open(dirfd, name, O_RDWR, false, fd, &st);
	int made;

	if (err != BATV_E_NO_FILE)
		return err;
	if (fstat(dirfd, &st) < 0)
		return BATV_E_IO;
	if (st.st_uid != geteuid()) /* the owner could not open a lock file that we made */
		return BATV_E_UNSAFE_FILE;
	made = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (made < 0)
		return BATV_E_IO;
	(void)close(made); /* opened again below, with the checks */
	return batv_file_open(dirfd, name, O_RDWR, false, fd, &st);
}

/* Tries once, without waiting.  A lock file that has been removed meanwhile locks nothing. */
static enum batv_err lock_try(int dirfd, const char *name, int *fd)
{
	int f, saved;
	enum batv_err err = lock_open(dirfd, name, &f);

	if (err != BATV_OK)
		return err;
	if (flock(f, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK || errno == EINTR ? BATV_E_CONFLICT : BATV_E_IO;
	else if (!still_named(dirfd, name, f))
		err = BATV_E_CONFLICT;
	if (err == BATV_OK) {
		*fd = f;
		return BATV_OK;
	}
	saved = errno;
	(void)close(f);
	errno = saved;
	return err;
}

enum batv_err batv_lock(int dirfd, const char *name, unsigned seconds, int *fd)
{
	const struct timespec pause = {.tv_nsec = 1000000000 / LOCK_POLLS};
	unsigned long polls = (unsigned long)seconds * LOCK_POLLS;
	enum batv_err err;

	for (;;) {
		err = lock_try(dirfd, name, fd);
		if (err != BATV_E_CONFLICT || polls == 0)
			return err;
		polls--;
		(void)nanosleep(&pause, NULL);
	}
}
