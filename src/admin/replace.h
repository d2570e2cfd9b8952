/*
 * replace.h - all writing to the state directory: replaces a file atomically and durably, takes the
 * writers' lock, and becomes the user who may write.
 */
#ifndef BATV_REPLACE_H
#define BATV_REPLACE_H

#include <limits.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/safefile.h"

/*
 * Replaces a file.  The steps are: exclusive temporary file, write, mode, fsync, rename, fsync of
 * the directory.  A crash at any instruction leaves the old file or the new one, and perhaps a
 * temporary file, which the next replacement removes.  The caller must hold the lock.
 * Errors: BATV_E_IO (errno is kept), BATV_E_SYNC (the file is new, but perhaps not durable),
 * BATV_E_TOO_LONG (the name).
 */
enum batv_err batv_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len);

/* The same in three steps, for data that is not one piece of text. */
struct batv_new_file {
	int dirfd, fd; /* dirfd is borrowed; fd is open until commit or abandon */
	char name[NAME_MAX + 1], tmp[NAME_MAX + 1];
};
enum batv_err batv_new_file_begin(struct batv_new_file *file, int dirfd, const char *name);
enum batv_err batv_new_file_write(struct batv_new_file *file, const void *data, size_t len);
/* Mode, fsync, close, rename, fsync of the directory.  On error the temporary file is removed. */
enum batv_err batv_new_file_commit(struct batv_new_file *file, mode_t mode);
/* Makes what was renamed or removed in a directory durable: BATV_OK or BATV_E_SYNC. */
enum batv_err batv_replace_sync(int dirfd);
void batv_new_file_abandon(struct batv_new_file *file); /* errno is kept */

/*
 * Reads a whole file of at most `max` bytes into *text, from malloc, with a NUL after its *len
 * bytes.  The caller frees it.  On error the bytes read so far are wiped, because secrets pass
 * through here.
 * Errors: those of batv_file_open, BATV_E_TOO_LONG.
 */
enum batv_err batv_slurp(int dirfd, const char *name, size_t max, char **text, size_t *len);

/*
 * Root becomes the owner of the directory for good, with the owner's group and no other (setgroups,
 * setresgid, setresuid).  It does not take the directory's group: that is Exim's, which may read
 * Exim's password files.  An owner without a passwd entry does get the directory's group.  The
 * owner, who may be root, has nothing to do.  Any other user gets BATV_E_UNSAFE_FILE.
 * Errors: BATV_E_UNSAFE_FILE, BATV_E_IO (errno is kept).
 */
enum batv_err batv_become_owner(const struct stat *dir);

/*
 * Takes the lock dir/name (0600; flock), and waits at most `seconds` for it (0: does not wait).
 * batvctl holds the writers' lock for one change, batvd while it publishes.  Only the directory's
 * owner can take it, because the lock file must belong to the owner.  Closing *fd releases it; the
 * file stays.
 * Errors: BATV_E_CONFLICT (another process holds it), BATV_E_UNSAFE_FILE, BATV_E_IO (errno is
 * kept).
 */
enum batv_err batv_lock(int dirfd, const char *name, unsigned seconds, int *fd);

#endif
