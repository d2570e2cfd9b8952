/*
 * acl.h - lets one more user use a file: an entry of its POSIX access control list.
 *
 * The list is an attribute of the file, in a form that the kernel fixes (linux/posix_acl_xattr.h),
 * so no library is needed.  Entries of others are kept.
 */
#ifndef BATV_ACL_H
#define BATV_ACL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Does an entry for the user give these permissions?  In doubt it does not. */
bool batv_acl_allows(int fd, uid_t user, unsigned permissions);

/*
 * Gives the user these permissions (as in a mode: 4 read, 2 write, 1 execute or search), if the
 * list does not say so already.  The group's bits of the mode then show the mask, which includes
 * them.  Errors: BATV_E_IO (errno is kept: ENOTSUP if the file system has no lists), BATV_E_FULL.
 *
 * BUGS
 * The kernel takes the setgid bit off if the caller is not in the file's group, and is not root. So
 * only root may call this or batv_acl_forbid() for the state directory: new files would no longer
 * get Exim's group.
 */
enum batv_err batv_acl_allow(int fd, uid_t user, unsigned permissions);

/* Takes the user's entry out; if it is the only one of a user or group, the list, too. */
enum batv_err batv_acl_forbid(int fd, uid_t user);

#endif
