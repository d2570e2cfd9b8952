/*
 * ctl_output.h - writes what a command was told to write to a file.
 */
#ifndef BATV_CTL_OUTPUT_H
#define BATV_CTL_OUTPUT_H

#include <sys/types.h>

#include "ctl.h"

/*
 * Replaces the file at once, through a temporary one beside it.  Its mode is `mode`; with `keep`, a
 * file that is there keeps its own.  Only a regular file is replaced, so a device or a symbolic
 * link stays what it is.  Returns a code, and prints what is wrong.
 */
int batv_ctl_output(const char *command, const char *path, mode_t mode, bool keep, const char *text,
		    size_t len);

#endif
