/*
 * access.h - opens, reaches and closes the memory file.
 *
 * batvd and batvctl map the file when they open it.  An Exim process opens it "with windows": it
 * reads with pread(), and maps the file only when it first writes (architecture.md, "In a fresh
 * process").
 *
 * Every access to a mapping goes through a guard.  If somebody truncates the file while it is
 * mapped, the result is "no memory", never a SIGBUS.
 *
 * BUGS
 * Guards can be nested four deep.  A fifth one does not run its body and returns false.
 * Guards do not work with threads: a process may run guards in one thread only.
 * If SIGBUS is blocked, a guard cannot catch it, and the kernel ends the process.
 */
#ifndef BATV_MEMORY_ACCESS_H
#define BATV_MEMORY_ACCESS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "memory/header.h"

struct batv_memory { /* start with all bytes zero */
	void *base;  /* the mapping; NULL: none */
	size_t size; /* bytes of the mapping */
	size_t file_size;
	int64_t dev, ino;
	struct batv_sections sections;
	bool writable;
	bool sealed;   /* the file itself cannot be written, so nothing new is recorded */
	bool windowed; /* from here on, for batv_memory_open_windows() only */
	bool held;     /* fd is open */
	int fd;
};

/* Returns true if a memory file is open. */
static inline bool batv_memory_there(const struct batv_memory *memory)
{
	return memory->base || memory->windowed;
}

/*
 * Maps dir/name, unless that very file is mapped already.  On error memory->base is NULL, and every
 * other function treats it as "no memory".  Errors: those of batv_file_open(), BATV_E_DAMAGED (not
 * ours, or its sizes contradict each other), BATV_E_VERSION.
 */
enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_close(struct batv_memory *memory);

/*
 * Does the same without mapping anything yet.  It holds a descriptor until batv_memory_release().
 * After that the memory must be opened again before it is used, which is cheap while it is still
 * the same file.  Exim closes descriptors that it does not know, so one is held for one decision
 * only.
 */
enum batv_err batv_memory_open_windows(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_release(struct batv_memory *memory);

/* Daemon only: writes the mapping to the disk, and waits until that is done. */
void batv_memory_sync(const struct batv_memory *memory);

/*
 * Runs `body` under a guard.  Returns false without running it if there is no memory.  Returns
 * false and gives the memory up for good if the mapping broke while `body` ran (SIGBUS).  All
 * functions of this room that touch the mapping use this.
 *
 * body may touch the mapping and its own argument.  It must hold nothing that needs releasing: any
 * access may end it, and a signal handler may jump out of it.
 *
 * A guard costs two system calls, so do several things in one.  See BUGS above.
 */
bool batv_memory_guard(struct batv_memory *memory, void (*body)(struct batv_memory *, void *),
		       void *arg);

/* Call this within a guard.  Returns the address of the byte at `offset` of the file. */
static inline void *batv_memory_at(struct batv_memory *memory, size_t offset)
{
	return (char *)memory->base + offset;
}

/*
 * Copies len bytes from `offset` to `to`; both numbers are multiples of 8.  The caller needs no
 * guard.  Returns false if there is no memory.  If reading fails, it gives the memory up for good
 * and returns false; so all functions that read a memory take it without const.  Each word is read
 * atomically, but different words are read at different times.
 */
bool batv_memory_peek(struct batv_memory *memory, size_t offset, void *to, size_t len);

/*
 * Call this within a guard.  Copies len bytes to `offset`; both numbers are multiples of 8.  With
 * windows it is one pwrite(), which maps nothing, unless the process may not write to so long a
 * file (RLIMIT_FSIZE): a mapping may.  Returns false if not all of it was written.  Nothing is
 * written to a file that was cut, because that would lengthen it.
 */
bool batv_memory_write(struct batv_memory *memory, size_t offset, const void *from, size_t len);

/*
 * Returns true if there is a memory, and nobody has cut its file since it was made.  A file that
 * was cut and has grown again reads as zeros, so what it does not know may have been in it.  Call
 * this after the look-ups whose answers depend on it.  Otherwise it gives the memory up for good.
 */
bool batv_memory_whole(struct batv_memory *memory);

#endif
