/*
 * safefile.h - opens the state directory and files that the administrator or the daemon put there,
 * and refuses files that anybody else could have put there.
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
 * Opens the directory.  It must be a directory, not a link to one, and only its owner may write to
 * it.  *fd is set on success, and the caller closes it.  st may be NULL; *st is set on success, and
 * also for a directory that others may write to.
 * Errors: BATV_E_NO_FILE, BATV_E_UNSAFE_FILE, BATV_E_IO.
 */
enum batv_err batv_dir_open(const char *path, int *fd, struct stat *st);

/*
 * Opens a file in the directory.  This never creates a file, follows a link or blocks on a fifo.
 * The file must be a regular file with a single link, and belong to the directory's owner.  Others
 * must not be able to write to it, and neither must the group, unless group_writes is set.
 * It is not an error if the file is replaced during the call: then the new file is opened.  If it
 * is replaced again and again, a file is opened that had the name during the call.  That file is
 * whole, but may have no link any more (st->st_nlink is 0).
 * flags is O_RDONLY or O_RDWR.  name must not contain "/".  *fd is set on success, and the caller
 * closes it.  *st is set on success, and also for BATV_E_UNSAFE_FILE, for the message.
 * Errors: BATV_E_NO_FILE, BATV_E_UNSAFE_FILE, BATV_E_IO (errno is kept, such as EACCES).
 */
enum batv_err batv_file_open(int dirfd, const char *name, int flags, bool group_writes, int *fd,
			     struct stat *st);

/*
 * Reads until buf holds `size` bytes or the file ends.  *len is the number of bytes in buf.
 * Returns false if a read fails.  errno is then set, and *len is the number of bytes before the
 * failure.
 */
bool batv_file_read(int fd, void *buf, size_t size, size_t *len);

/*
 * Writes why batv_file_open() found the file unsafe, such as "owner is 33, the directory's is 108".
 * It looks at the file again, so the text is for messages only.  out is always NUL-terminated; size
 * must be at least 1.
 */
void batv_file_why(int dirfd, const char *name, bool group_writes, char *out, size_t size);

#endif
