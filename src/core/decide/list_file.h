/*
 * list_file.h - checks a file that Exim, as root, would read because one of our lists names it.
 *
 * The list's author must gain nothing by it.  So Exim's own user must be able to read the file, and
 * only root may be able to change or replace it.  It must be a regular file, because reading a fifo
 * would wait, and of at most 1 GiB: Exim reads most of them from start to end, and a file of one
 * hole has any size.  No part of its path may be a link, because a link leads to another file.
 */
#ifndef BATV_DECIDE_LIST_FILE_H
#define BATV_DECIDE_LIST_FILE_H

#include <sys/types.h>

#include "decide/exim_list.h"

enum batv_list_fault {
	BATV_LIST_GOOD,
	BATV_LIST_ERRNO, /* it does not exist, or cannot be examined */
	BATV_LIST_LINK,
	BATV_LIST_TYPE, /* not a directory on the way, or not a regular file at the end */
	BATV_LIST_OWNER,
	BATV_LIST_WRITABLE,
	BATV_LIST_SIZE,       /* reading it would take Exim's process minutes, or for ever */
	BATV_LIST_UNREADABLE, /* by Exim's user */
	BATV_LIST_CONTENT,    /* the file has an item that a list must not have either */
};

struct batv_list_trouble {
	enum batv_list_fault fault;
	size_t len; /* bytes of the path that name the faulty part */
	int error;  /* ERRNO: the errno */
	unsigned owner, mode;
	unsigned line; /* CONTENT: from 1 */
};

/*
 * Returns true if the file is good.  If not, *trouble says why.  path comes from
 * batv_exim_list_next().  group is Exim's, which is the group of the state directory; if it is
 * (gid_t)-1, the group is not known, and only a file that everybody may read is good.
 */
bool batv_list_file(const char *path, enum batv_content content, gid_t group,
		    struct batv_list_trouble *trouble);

/* Writes the fault and its remedy, NUL-terminated: "/etc/x: owner is 1000, must be root". */
void batv_list_file_why(const char *path, const struct batv_list_trouble *trouble, char *out,
			size_t size);

#endif
