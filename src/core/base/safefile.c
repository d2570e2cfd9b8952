/*
 * safefile.c - opens the state directory and its files, and refuses files that anybody but the
 * directory's owner could have put there.
 *
 * Only open files are checked, so the file that is used is the file that was checked.  If a file
 * was replaced meanwhile, its name is opened again and everything is checked again.
 * This creates and allocates nothing.  Invariant: the caller gets a descriptor only of a directory,
 * or of a regular file that passed every check of fault_of().
 */
#include "base/safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPEN_TRIES 8 /* for a file that is replaced again and again */

enum fault {
	FAULT_NONE,
	FAULT_LINK,
	FAULT_TYPE,
	FAULT_LINKS,
	FAULT_OWNER,
	FAULT_OTHERS,
	FAULT_GROUP
};

static int close_keeping_errno(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return -1;
}

enum batv_err batv_dir_open(const char *path, int *fd, struct stat *st)
{
	struct stat s;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (dir < 0 && errno == ENOENT)
		return BATV_E_NO_FILE;
	if (dir < 0)
		return errno == ENOTDIR || errno == ELOOP ? BATV_E_UNSAFE_FILE : BATV_E_IO;
	if (fstat(dir, &s) < 0) {
		close_keeping_errno(dir);
		return BATV_E_IO;
	}
	if (st)
		*st = s;
	if (!S_ISDIR(s.st_mode) || (s.st_mode & (S_IWGRP | S_IWOTH))) {
		(void)close(dir);
		return BATV_E_UNSAFE_FILE;
	}
	*fd = dir;
	return BATV_OK;
}

/* Returns the first fault of a file, in the order in which people want to know. */
static enum fault fault_of(const struct stat *st, const struct stat *dir, bool group_writes)
{
	if (S_ISLNK(st->st_mode))
		return FAULT_LINK;
	if (!S_ISREG(st->st_mode))
		return FAULT_TYPE;
	if (st->st_nlink > 1) /* 0 links: it was replaced or removed after it was opened */
		return FAULT_LINKS;
	if (st->st_uid != dir->st_uid)
		return FAULT_OWNER;
	if (st->st_mode & S_IWOTH)
		return FAULT_OTHERS;
	if ((st->st_mode & S_IWGRP) && !group_writes)
		return FAULT_GROUP;
	return FAULT_NONE;
}

static bool plain_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/*
 * open() fails in this way for a link, a directory opened for writing, a socket, or a fifo without
 * a reader.
 */
static bool refused_by_type(int err)
{
	return err == ELOOP || err == EISDIR || err == ENXIO;
}

static enum batv_err open_once(int dirfd, const char *name, int flags, int *fd, struct stat *st)
{
	int f = openat(dirfd, name,
		       (flags & O_ACCMODE) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (f < 0 && errno == ENOENT)
		return BATV_E_NO_FILE;
	if (f < 0 && refused_by_type(errno)) {
		(void)fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
		return BATV_E_UNSAFE_FILE;
	}
	if (f < 0)
		return BATV_E_IO;
	if (fstat(f, st) < 0) {
		close_keeping_errno(f);
		return BATV_E_IO;
	}
	*fd = f;
	return BATV_OK;
}

/*
 * A file without a link was replaced or removed after it was opened, so the name is opened again.
 * After OPEN_TRIES the last file is taken.  Files get their names by rename, so it is complete, and
 * it had the name a moment ago.
 */
static enum batv_err open_linked(int dirfd, const char *name, int flags, int *fd, struct stat *st)
{
	enum batv_err err = open_once(dirfd, name, flags, fd, st);

	for (unsigned i = 1; err == BATV_OK && st->st_nlink == 0 && i < OPEN_TRIES; i++) {
		(void)close(*fd);
		err = open_once(dirfd, name, flags, fd, st);
	}
	return err;
}

enum batv_err batv_file_open(int dirfd, const char *name, int flags, bool group_writes, int *fd,
			     struct stat *st)
{
	struct stat dir;
	enum batv_err err;
	int f;

	memset(st, 0, sizeof *st);
	if (!plain_name(name))
		return BATV_E_UNSAFE_FILE;
	err = open_linked(dirfd, name, flags, &f, st);
	if (err != BATV_OK)
		return err;
	if (fstat(dirfd, &dir) < 0) {
		close_keeping_errno(f);
		return BATV_E_IO;
	}
	if (fault_of(st, &dir, group_writes) != FAULT_NONE) {
		(void)close(f);
		return BATV_E_UNSAFE_FILE;
	}
	*fd = f;
	return BATV_OK;
}

bool batv_file_read(int fd, void *buf, size_t size, size_t *len)
{
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, (char *)buf + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return true;
}

void batv_file_why(int dirfd, const char *name, bool group_writes, char *out, size_t size)
{
	struct stat s, dir;
	unsigned mode;

	if (!plain_name(name)) {
		(void)snprintf(out, size, "not the name of a file in the directory");
		return;
	}
	if (fstat(dirfd, &dir) < 0 || fstatat(dirfd, name, &s, AT_SYMLINK_NOFOLLOW) < 0) {
		(void)snprintf(out, size, "%s",
			       errno == ENOENT ? "it is missing" : strerror(errno));
		return;
	}
	mode = s.st_mode & 07777;
	switch (fault_of(&s, &dir, group_writes)) {
	case FAULT_NONE: (void)snprintf(out, size, "nothing is wrong with it now"); break;
	case FAULT_LINK: (void)snprintf(out, size, "it is a symbolic link"); break;
	case FAULT_TYPE: (void)snprintf(out, size, "it is not a regular file"); break;
	case FAULT_LINKS:
		(void)snprintf(out, size, "it has %lu links", (unsigned long)s.st_nlink);
		break;
	case FAULT_OWNER:
		(void)snprintf(out, size, "owner is %lu, the directory's is %lu",
			       (unsigned long)s.st_uid, (unsigned long)dir.st_uid);
		break;
	case FAULT_OTHERS: (void)snprintf(out, size, "mode is %04o: others may write", mode); break;
	case FAULT_GROUP:
		(void)snprintf(out, size, "mode is %04o: the group may write", mode);
		break;
	}
}
