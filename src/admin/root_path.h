/*
 * root_path.h - may root trust a path?  Only if nobody but root can change what it leads to.
 */
#ifndef BATV_ROOT_PATH_H
#define BATV_ROOT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns true if every directory on the way, every symbolic link, and what the path leads to
 * belong to root and nobody else may write there.  A sticky bit is no excuse.  On false, `why` says
 * what is wrong first.  A relative path starts at the working directory.
 */
bool batv_root_path(const char *path, char *why, size_t size);

/*
 * May root run this command from this configuration file?  The file, the program, and each other
 * file that the command names must pass batv_root_path().  On false, `why` says what is wrong
 * first.
 */
bool batv_root_path_may_run(const char *config_path, const char *command, char *why, size_t size);

#endif
