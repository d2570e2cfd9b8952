/*
 * changes.h - changes of files outside of the state directory that can all be undone: each file is
 * replaced atomically, and what was there is kept until the end.
 */
#ifndef BATV_CHANGES_H
#define BATV_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BATV_CHANGES_MAX 16

struct batv_change {
	char path[4096]; /* without links in it */
	char *before;    /* NULL: there was no file */
	size_t len;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Start with all bytes zero. */
struct batv_changes {
	size_t n;
	struct batv_change list[BATV_CHANGES_MAX];
};

/*
 * Writes a file.  A new one belongs to the caller and gets `mode`; one that exists keeps owner,
 * group and mode.  If the last component of the path is a link, what it leads to is written.  On
 * false, `why` is one sentence, and the file is as it was, or will be after batv_changes_undo().
 */
bool batv_changes_write(struct batv_changes *changes, const char *path, const void *data,
			size_t len, mode_t mode, char *why, size_t size);
/* Removes a file; it may be missing. */
bool batv_changes_remove(struct batv_changes *changes, const char *path, char *why, size_t size);

/* Puts back what was before the first `keep` changes, last one first.  On false, `why` names what
 * could not be put back; the rest was. */
bool batv_changes_undo(struct batv_changes *changes, size_t keep, char *why, size_t size);
void batv_changes_free(struct batv_changes *changes);

#endif
