/*
 * safefile.h - open what the administrator or the daemon has put into the state
 * directory, and refuse what anybody else could have put there.
 */
#ifndef BATV_BASE_SAFEFILE_H
#define BATV_BASE_SAFEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

#ifndef BATV_DIR
# define BATV_DIR "/var/lib/exim-batv"
#endif

/*
 * Open the directory.  It has to be one (not a link to one), and nobody but its owner may
 * write there.  *fd is the caller's to close.  *st: may be NULL; filled on success, and for
 * a directory that others may write to.
 * Errors: BATV_E_NO_FILE, BATV_E_UNSAFE_FILE, BATV_E_IO.
 */
enum batv_err batv_dir_open(const char *path, int *fd, struct stat *st);

/*
 * Open a file of the directory for reading, or reading and writing: never creates, never
 * follows a link, never blocks on a fifo; a regular file with no other link, whose owner is
 * the directory's owner, not writable for others and (unless group_writes) not for the group.
 * A file that is replaced at that very moment is no error: the one that the name stands for now is
 * opened, or, when it is replaced again and again, one that it stood for during the call.  Such a
 * file has no link any more (st->st_nlink 0), and is whole.
 * flags: O_RDONLY or O_RDWR.  name: without "/".  *st is filled on success; on
 * BATV_E_UNSAFE_FILE too, for the message.
 * Errors: BATV_E_NO_FILE, BATV_E_UNSAFE_FILE, BATV_E_IO (errno kept: EACCES).
 */
enum batv_err batv_file_open(int dirfd, const char *name, int flags, bool group_writes, int *fd,
			     struct stat *st);

/*
 * Read until `size` bytes are in buf or the file ends; *len says how many are there.  False when a
 * read fails, with errno, and *len is what came before that.
 */
bool batv_file_read(int fd, void *buf, size_t size, size_t *len);

/*
 * "owner is 33, the directory's is 108" and so on: why batv_file_open said unsafe.  Looks anew; for
 * the message only.  out is always NUL-terminated; size >= 1.
 */
void batv_file_why(int dirfd, const char *name, bool group_writes, char *out, size_t size);

#endif
