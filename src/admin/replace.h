/*
 * replace.h - the writing edge: atomic, durable replacement of a file of the state
 * directory, the lock of whoever writes there, and becoming the user who may.
 */
#ifndef BATV_REPLACE_H
#define BATV_REPLACE_H

#include <limits.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/safefile.h"

/*
 * Exclusive temporary file, write, mode, fsync, rename, fsync of the directory: a crash at any
 * instruction leaves the old file or the new one, and perhaps a temporary one, which the next
 * replacement removes.  Caller holds the lock.
 * Errors: BATV_E_IO (errno kept; if only the directory's fsync failed, the file is new but perhaps
 * not durable), BATV_E_TOO_LONG (name).
 */
enum batv_err batv_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len);

/* The same in three steps, for what is not one piece of text. */
struct batv_new_file {
	int dirfd, fd; /* borrowed; ours until commit or abandon */
	char name[NAME_MAX + 1], tmp[NAME_MAX + 1];
};
enum batv_err batv_new_file_begin(struct batv_new_file *file, int dirfd, const char *name);
enum batv_err batv_new_file_write(struct batv_new_file *file, const void *data, size_t len);
/* Mode, fsync, close, rename, fsync of the directory.  On error the temporary file is gone. */
enum batv_err batv_new_file_commit(struct batv_new_file *file, mode_t mode);
void batv_new_file_abandon(struct batv_new_file *file); /* errno is kept */

/*
 * The whole of a file, at most `max` bytes, NUL-terminated behind them, from malloc: the
 * caller frees.
 * What an error leaves unused is wiped: secrets pass through here.
 * Errors: those of batv_file_open, BATV_E_TOO_LONG.
 */
enum batv_err batv_slurp(int dirfd, const char *name, size_t max, char **text, size_t *len);

/*
 * As root become the owner of the directory for good, with his own group and no other (setgroups,
 * setresgid, setresuid): the directory's group is Exim's, and so are its password files.  An owner
 * who is not in the password file has no group but the directory's.  As that owner: nothing to do;
 * as anybody else BATV_E_UNSAFE_FILE.  root may own the directory only when this is root.  Errors:
 * BATV_E_UNSAFE_FILE, BATV_E_IO (errno kept).
 */
enum batv_err batv_become_owner(const struct stat *dir);

/*
 * The writers' lock dir/lock (0600; flock).  Held by batvctl for one change and by batvd while it
 * publishes; wait at most `seconds` (0: do not wait).  For the directory's owner only, so
 * that the file is his; it stays when the lock goes, which is when *fd is closed.
 * Errors: BATV_E_CONFLICT (somebody else has it), BATV_E_UNSAFE_FILE, BATV_E_IO (errno kept).
 */
enum batv_err batv_lock(int dirfd, const char *name, unsigned seconds, int *fd);

#endif
