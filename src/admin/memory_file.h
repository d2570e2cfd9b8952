/*
 * memory_file.h - makes a memory file in the format of memory/layout.h.
 */
#ifndef BATV_MEMORY_FILE_H
#define BATV_MEMORY_FILE_H

#include <stdbool.h>

#include "base/err.h"
#include "memory/names.h"

struct batv_memory_wish {
	uint64_t generation;
	int64_t now;
	/* The file remembers sent mail with these; with capacity 0, it remembers none. */
	uint64_t capacity;  /* items a day */
	int64_t retention;  /* seconds, at most BATV_MEMORY_RETENTION_MAX */
	int64_t since;      /* complete since then, together with the file before */
	uint32_t key_check; /* batv_sent_key_check() */
	bool journal;       /* has a journal of what it remembers: for a fleet */
};

/* Returns the lines of a block for that retention: 4, 8, 16, 32 or 64. */
unsigned batv_memory_file_lines(int64_t retention);

/*
 * Creates dir/name (0660) and allocates every block.  The file has a temporary name until it is
 * complete.  An existing file of that name is replaced; a process that has it mapped keeps it until
 * the process opens the name again.  The caller must hold the lock.
 * Errors: BATV_E_IO (errno is kept, such as ENOSPC), BATV_E_TOO_LONG (the name).
 */
enum batv_err batv_memory_file_create(int dirfd, const char *name,
				      const struct batv_memory_wish *wish);

#endif
