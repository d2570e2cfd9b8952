/*
 * memory_file.h - making a memory file, as memory/layout.h says.
 */
#ifndef BATV_MEMORY_FILE_H
#define BATV_MEMORY_FILE_H

#include "base/err.h"
#include "memory/names.h"

struct batv_memory_wish {
	uint64_t generation;
	int64_t now;
	/* What was sent is remembered in it; capacity 0: nothing is. */
	uint64_t capacity;  /* items a day */
	int64_t retention;  /* seconds, at most BATV_MEMORY_RETENTION_MAX */
	int64_t since;      /* complete since then, together with the file before */
	uint32_t key_check; /* batv_sent_key_check() */
};

/* Lines of a block for that retention: 4, 8, 16, 32 or 64. */
unsigned batv_memory_file_lines(int64_t retention);

/*
 * Create dir/name (0660), every block allocated, under a temporary name until it is complete.
 * An existing file of that name is replaced; processes that have it mapped keep it until they open
 * the name again.  Caller holds the lock.  Errors: BATV_E_IO (errno kept: ENOSPC), BATV_E_TOO_LONG
 * (name).
 */
enum batv_err batv_memory_file_create(int dirfd, const char *name,
				      const struct batv_memory_wish *wish);

#endif
