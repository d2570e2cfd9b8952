/*
 * access.h - the memory file in use: opened, reached and closed.
 *
 * batvd and batvctl map the file whole.  A process of Exim's opens it with windows: what it reads,
 * it reads with pread(); what it writes to, it maps, page by page (architecture.md, "In a fresh
 * process").
 *
 * Every access to a mapping goes through a guard: a file that somebody truncates while
 * it is mapped is "no memory", never a SIGBUS.
 */
#ifndef BATV_MEMORY_ACCESS_H
#define BATV_MEMORY_ACCESS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "memory/header.h"

#define BATV_MEMORY_WINDOWS 64 /* pages that one process has mapped at once */

struct batv_memory { /* start with all zero bytes */
	void *base;  /* what is mapped: the file, or room for windows; NULL: nothing */
	size_t size; /* of what is mapped */
	size_t file_size;
	int64_t dev, ino;
	struct batv_sections sections;
	bool writable;
	bool windowed; /* from here on: for batv_memory_open_windows() only */
	bool held;     /* fd is open */
	int fd;
	size_t window_size; /* bytes: a page of the system's, and of the file's */
	uint64_t windows;   /* mapped so far; the next one takes the place windows % 64 */
	uint64_t window[BATV_MEMORY_WINDOWS]; /* which page of the file lies there */
};

/* Is there a memory? */
static inline bool batv_memory_there(const struct batv_memory *memory)
{
	return memory->base || memory->windowed;
}

/*
 * Map dir/name, unless that very file is mapped already.  On error memory->base is NULL and every
 * other function treats it as "no memory".  Errors: those of batv_file_open,
 * BATV_E_DAMAGED (not ours, sizes that contradict each other), BATV_E_VERSION.
 */
enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_close(struct batv_memory *memory);

/*
 * The same without mapping anything yet.  It holds a descriptor until batv_memory_release(); after
 * that it has to be opened again before its next use, which is cheap when it still is the same
 * file.  Exim closes descriptors that it does not know, so they are held for one decision only.
 */
enum batv_err batv_memory_open_windows(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_release(struct batv_memory *memory);

/* Daemon only: to the disk.  Waits for it. */
void batv_memory_sync(const struct batv_memory *memory);

/*
 * Run `body` with a guard: false when the mapping broke under it (SIGBUS, or a window that can't
 * be mapped), and then there is no memory for good; false, without running it, when there was none
 * before. All functions of this room that write use it.  body touches the mapping and its own
 * argument, and keeps nothing that needs releasing: it may end at any access, and a signal handler
 * may jump out of it.  Two system calls: do several things in one.  Guards may be nested (four
 * deep). SIGBUS must not be blocked.  Not for several threads at once.
 */
bool batv_memory_guard(struct batv_memory *memory, void (*body)(struct batv_memory *, void *),
		       void *arg);

/* batv_memory_guard() for those that only read: no struct batv_memory is in read-only storage. */
bool batv_memory_guard_read(const struct batv_memory *memory,
			    void (*body)(struct batv_memory *, void *), void *arg);

/*
 * Within a guard: where the byte at `offset` of the file is mapped; good up to the end of its
 * page, until BATV_MEMORY_WINDOWS other pages were asked for.
 */
void *batv_memory_at(struct batv_memory *memory, size_t offset);

/*
 * len bytes from `offset`, both multiples of 8, to `to`: without a guard of the caller's.  False:
 * there is no memory, or none any more.  Every word is read whole, but the words one after the
 * other.
 */
bool batv_memory_peek(const struct batv_memory *memory, size_t offset, void *to, size_t len);

#endif
