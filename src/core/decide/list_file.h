/*
 * list_file.h - may Exim, as root, look something up in this file because a list of ours says so?
 *
 * Only if the list's author gains nothing by it: Exim's own user can read the file by itself, and
 * nobody but root can change or replace it.  Who reads a fifo waits, and who follows a link reads
 * something else, so it must be a regular file, and no part of its path a link.
 */
#ifndef BATV_DECIDE_LIST_FILE_H
#define BATV_DECIDE_LIST_FILE_H

#include <sys/types.h>

#include "decide/exim_list.h"

enum batv_list_fault {
	BATV_LIST_GOOD,
	BATV_LIST_ERRNO, /* it is not there, or cannot be looked at */
	BATV_LIST_LINK,
	BATV_LIST_TYPE, /* neither a directory on the way, nor a regular file at the end */
	BATV_LIST_OWNER,
	BATV_LIST_WRITABLE,
	BATV_LIST_UNREADABLE, /* for Exim's user */
	BATV_LIST_CONTENT,    /* an item of the file is not allowed in a list either */
};

struct batv_list_trouble {
	enum batv_list_fault fault;
	size_t len; /* how much of the path names what is wrong */
	int error;  /* ERRNO */
	unsigned owner, mode;
	unsigned line; /* CONTENT */
};

/*
 * path: of a look-up from batv_exim_list_next().  group: Exim's, which is that of the state
 * directory; (gid_t)-1 when it is not known: then only what everybody may read is good.  True:
 * good.
 */
bool batv_list_file(const char *path, enum batv_content content, gid_t group,
		    struct batv_list_trouble *trouble);

/* "/etc/x: owner is 1000, must be root"; what to do is in it. */
void batv_list_file_why(const char *path, const struct batv_list_trouble *trouble, char *out,
			size_t size);

#endif
