/*
 * replace.h - the writing edge: atomic, durable replacement of a file of the state
 * directory, the lock of whoever writes there, and becoming the user who may.
 */
#ifndef BATV_REPLACE_H
#define BATV_REPLACE_H

#include <sys/types.h>

#include "err.h"
#include "safefile.h"

/*
 * Exclusive temporary file, write, mode, fsync, rename, fsync of the directory: a crash at any
 * instruction leaves the old file or the new one.  Caller holds the lock.
 * Errors: BATV_E_IO (errno kept).
 */
enum batv_err batv_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len);

/*
 * The whole of a file, at most `max` bytes, NUL-terminated behind them, from malloc: the caller frees.
 * Errors: those of batv_file_open, BATV_E_TOO_LONG.
 */
enum batv_err batv_slurp(int dirfd, const char *name, size_t max, char **text, size_t *len);

/*
 * As root become the owner of the directory, its group too, for good (setgroups, setresgid,
 * setresuid); as that owner: nothing to do; as anybody else BATV_E_UNSAFE_FILE.  root may own
 * the directory only when this is root.
 */
enum batv_err batv_become_owner(const struct stat *dir);

/*
 * The writers' lock dir/lock (0600; flock).  Held by batvctl for one change and by batvd while it
 * publishes; wait at most `seconds`.  Errors: BATV_E_CONFLICT (somebody else has it), BATV_E_IO.
 */
enum batv_err batv_lock(int dirfd, const char *name, unsigned seconds, int *fd);

#endif
