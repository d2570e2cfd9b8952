/*
 * pages.h - memory that is about to be used, page by page, in a process that has just begun.
 */
#ifndef BATV_BASE_PAGES_H
#define BATV_BASE_PAGES_H

#include <stddef.h>

/*
 * Have the kernel bring in the pages of [at, at + len) at once, for writing: one system call
 * instead of one page fault for each.  Changes no byte of them.  Before Linux 5.14 it does
 * nothing, and the faults come.  Keeps errno.
 */
void batv_pages_touch(void *at, size_t len);

#endif
