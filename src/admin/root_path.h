/*
 * root_path.h - whether root may trust a path: nobody but root can change what it stands for.
 */
#ifndef BATV_ROOT_PATH_H
#define BATV_ROOT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Every directory on the way, every symbolic link, and what the path leads to belong to root, and
 * nobody else may write there; a sticky bit excuses nothing.  False: *why is the first thing that
 * is wrong. A relative path starts at the working directory.
 */
bool batv_root_path(const char *path, char *why, size_t size);

/*
 * May root run this command, which stands in this configuration file?  The file, the program, and
 * each other file that the command names must be root's.
 */
bool batv_root_path_may_run(const char *config_path, const char *command, char *why, size_t size);

#endif
