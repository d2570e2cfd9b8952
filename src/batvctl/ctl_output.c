/*
 * ctl_output.c - writes what a command was told to write to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl_output.h"
#include "replace.h"

#define LOCK_POLLS 200 /* of 50 ms */

/* Two of us must not write the same temporary file. */
static bool lock_directory(int dirfd)
{
	const struct timespec pause = {.tv_nsec = 50000000};

	for (int i = 0; flock(dirfd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (i == LOCK_POLLS || (errno != EWOULDBLOCK && errno != EINTR))
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

/* If it is there, *mode becomes its mode. */
static bool may_be_replaced(int dirfd, const char *name, mode_t *mode)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	*mode = st.st_mode & 0777;
	if (S_ISREG(st.st_mode))
		return true;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return false;
}

/* errno says what is wrong. */
static bool write_in(int dirfd, const char *name, mode_t mode, bool keep, const char *text,
		     size_t len)
{
	mode_t present = mode;
	enum batv_err err;

	if (!lock_directory(dirfd) || !may_be_replaced(dirfd, name, &present))
		return false;
	err = batv_replace(dirfd, name, keep ? present : mode, text, len);
	if (err == BATV_E_TOO_LONG)
		errno = ENAMETOOLONG;
	return err == BATV_OK;
}

int batv_ctl_output(const char *command, const char *path, mode_t mode, bool keep, const char *text,
		    size_t len)
{
	char *for_dir = strdup(path), *for_name = strdup(path);
	int dirfd = for_dir ? open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool ok = dirfd >= 0 && for_name &&
		  write_in(dirfd, basename(for_name), mode, keep, text, len);
	int why = errno;

	if (dirfd >= 0)
		(void)close(dirfd);
	free(for_dir);
	free(for_name);
	if (ok)
		return BATV_CTL_YES;
	return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s: %s", command, path,
			     why == EINVAL ? "is not a regular file" : strerror(why));
}
