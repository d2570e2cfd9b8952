/*
 * changes.c - changes files so that all of it can be undone.
 *
 * Invariant: a change is recorded before it is made, with all that is needed to put the file back.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "changes.h"
#include "pieces.h"
#include "replace.h"

static bool fail(char *why, size_t size, const char *path, const char *what)
{
	snprintf(why, size, "%.3000s: %s", path, what);
	return false;
}

/* Links are resolved; the file itself may be missing, its directory may not. */
static bool resolve(const char *path, char out[static PATH_MAX])
{
	const char *name;
	char dir[PATH_MAX], *slash;

	if (realpath(path, out))
		return true;
	if (errno != ENOENT || strlen(path) >= sizeof dir)
		return false;
	memcpy(dir, path, strlen(path) + 1);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	name = slash ? slash + 1 : dir;
	if (!realpath(slash ? dir : ".", out) || strlen(out) + strlen(name) + 2 > PATH_MAX)
		return false;
	strcat(out, "/");
	strcat(out, name);
	return true;
}

/* Remembers what is there. */
static struct batv_change *record(struct batv_changes *changes, const char *path, char *why,
				  size_t size)
{
	struct batv_change *c = &changes->list[changes->n];
	struct stat st;

	if (changes->n == BATV_CHANGES_MAX) {
		fail(why, size, path, "too many changes");
		return NULL;
	}
	*c = (struct batv_change){.uid = geteuid(), .gid = getegid()};
	if (!resolve(path, c->path)) {
		fail(why, size, path, strerror(errno));
		return NULL;
	}
	if (lstat(c->path, &st) < 0) {
		if (errno == ENOENT)
			return c;
		fail(why, size, path, strerror(errno));
		return NULL;
	}
	if (!batv_pieces_read(c->path, &c->before, &c->len)) {
		fail(why, size, path, errno == EINVAL ? "is not a regular file" : strerror(errno));
		return NULL;
	}
	c->mode = st.st_mode & 07777;
	c->uid = st.st_uid;
	c->gid = st.st_gid;
	return c;
}

static enum batv_err put(const char *path, const void *data, size_t len, mode_t mode, uid_t uid,
			 gid_t gid)
{
	const char *name = strrchr(path, '/') + 1;
	char dir[PATH_MAX];
	struct batv_new_file file;
	enum batv_err err;
	int fd, saved;

	snprintf(dir, sizeof dir, "%.*s", (int)(name - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return BATV_E_IO;
	err = batv_new_file_begin(&file, fd, name);
	if (!err) {
		err = batv_new_file_write(&file, data, len);
		if (!err && fchown(file.fd, uid, gid) < 0)
			err = BATV_E_IO;
		if (err)
			batv_new_file_abandon(&file);
		else
			err = batv_new_file_commit(&file, mode);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return err;
}

bool batv_changes_write(struct batv_changes *changes, const char *path, const void *data,
			size_t len, mode_t mode, char *why, size_t size)
{
	struct batv_change *c = record(changes, path, why, size);
	enum batv_err err;

	if (!c)
		return false;
	err = put(c->path, data, len, c->before ? c->mode : mode, c->uid, c->gid);
	if (err)
		fail(why, size, path, strerror(errno));
	if (err && err != BATV_E_SYNC) {
		free(c->before);
		return false;
	}
	changes->n++; /* even if only the directory was not synced: the file is another one */
	return err == BATV_OK;
}

bool batv_changes_remove(struct batv_changes *changes, const char *path, char *why, size_t size)
{
	struct batv_change *c = record(changes, path, why, size);

	if (!c)
		return false;
	if (c->before && unlink(c->path) < 0) {
		fail(why, size, path, strerror(errno));
		free(c->before);
		return false;
	}
	changes->n++;
	return true;
}

bool batv_changes_undo(struct batv_changes *changes, size_t keep, char *why, size_t size)
{
	bool all = true;

	while (changes->n > keep) {
		struct batv_change *c = &changes->list[--changes->n];
		bool ok = c->before ? put(c->path, c->before, c->len, c->mode, c->uid, c->gid) ==
					      BATV_OK
				    : unlink(c->path) == 0 || errno == ENOENT;

		if (!ok && all)
			all = fail(why, size, c->path, strerror(errno));
		free(c->before);
		c->before = NULL;
	}
	return all;
}

void batv_changes_free(struct batv_changes *changes)
{
	while (changes->n)
		free(changes->list[--changes->n].before);
}
