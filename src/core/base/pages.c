/*
 * pages.c - first touches of pages, all at once (architecture.md, "In a fresh process").
 */
#include "base/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE 23
#endif
#define PAGE                                                                                       \
 ((uintptr_t)4096) /* where pages are larger, the kernel says EINVAL, and the faults come */

void batv_pages_touch(void *at, size_t len)
{
	uintptr_t from = (uintptr_t)at & ~(PAGE - 1);
	int saved = errno;

	(void)madvise((void *)from, (uintptr_t)at + len - from, MADV_POPULATE_WRITE);
	errno = saved;
}
