/*
 * memory_file.h - making a memory file: the daemon's part of memory.h.
 */
#ifndef BATV_MEMORY_FILE_H
#define BATV_MEMORY_FILE_H

#include "memory.h"

#define BATV_MEMORY_NAME "memory"

/*
 * Create dir/name (0660), every block allocated, under a temporary name until it is complete.
 * An existing file of that name is replaced; processes that have it mapped keep it until they open
 * the name again.  Caller holds the lock.  Errors: BATV_E_IO (errno kept: ENOSPC), BATV_E_TOO_LONG
 * (name).
 */
enum batv_err batv_memory_create(int dirfd, const char *name, uint64_t generation, int64_t now);

#endif
