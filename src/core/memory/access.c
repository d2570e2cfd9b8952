/*
 * access.c - the memory file for a process that looks at a few places and ends.
 *
 * To map all of a large file costs little, to touch it costs a lot: a page table for every 2 MiB that is
 * touched, and all of them again when the process ends.  So pages are mapped one by one, side by side, when
 * they are written to; and what is only read is read with pread(), which needs no guard either.  Invariant: a
 * descriptor is held for one decision only, and one that was left behind (a signal handler may jump out of
 * it) is closed only if it still is that very file.
 */
#include "memory/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/safefile.h"

/* ---- Windows ---- */

/* Where it is the same on all machines it is not asked for: two pages of libc's need not be touched. */
static size_t page_size(void)
{
#if defined __x86_64__ || defined __i386__
	return BATV_MEMORY_PAGE;
#else
	long size = sysconf(_SC_PAGESIZE);

	return size > BATV_MEMORY_PAGE ? (size_t)size : BATV_MEMORY_PAGE;
#endif
}

bool batv_memory_make_room(struct batv_memory *memory)
{
	void *room;

	if (!memory->windowed)
		return false;
	memory->window_size = page_size();
	memory->windows = 0;
	memory->size = memory->window_size * BATV_MEMORY_WINDOWS;
	room = mmap(NULL, memory->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	memory->base = room == MAP_FAILED ? NULL : room;
	return memory->base != NULL;
}

/* The one that was mapped longest ago makes room. */
static char *map_window(struct batv_memory *m, uint64_t page)
{
	size_t place = (size_t)(m->windows % BATV_MEMORY_WINDOWS);
	char *at = (char *)m->base + place * m->window_size;

	if (!m->held || mmap(at, m->window_size, m->writable ? PROT_READ | PROT_WRITE : PROT_READ,
			     MAP_SHARED | MAP_FIXED, m->fd, (off_t)(page * m->window_size)) == MAP_FAILED)
		batv_memory_guard_break();
	m->window[place] = page;
	m->windows++;
	return at;
}

void *batv_memory_at(struct batv_memory *memory, size_t offset)
{
	uint64_t page, used, i;

	if (!memory->windowed)
		return (char *)memory->base + offset;
	page = offset / memory->window_size;
	used = memory->windows < BATV_MEMORY_WINDOWS ? memory->windows : BATV_MEMORY_WINDOWS;
	for (i = 0; i < used; i++)
		if (memory->window[i] == page)
			return (char *)memory->base + i * memory->window_size +
			       offset % memory->window_size;
	return map_window(memory, page) + offset % memory->window_size;
}

/* ---- Reading ---- */

struct peek_job {
	size_t offset, words;
	uint64_t *to;
};

static void peek_body(struct batv_memory *m, void *arg)
{
	struct peek_job *job = arg;
	const uint64_t *from = batv_memory_at(m, job->offset);
	size_t i;

	for (i = 0; i < job->words; i++)
		job->to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

bool batv_memory_peek(const struct batv_memory *memory, size_t offset, void *to, size_t len)
{
	struct peek_job job = { .offset = offset, .words = len / sizeof *job.to, .to = to };

	if (!memory->windowed)
		return batv_memory_guard_read(memory, peek_body, &job);
	if (memory->held && pread(memory->fd, to, len, (off_t)offset) == (ssize_t)len)
		return true;
	batv_memory_lost((struct batv_memory *)(uintptr_t)memory);
	return false;
}

/* ---- Opening ---- */

static bool open_already(const struct batv_memory *m, const struct stat *st, bool writable)
{
	return m->windowed && m->writable == writable && batv_memory_is_file(m, st) &&
	       m->file_size == (size_t)st->st_size;
}

void batv_memory_release(struct batv_memory *memory)
{
	struct stat st;
	int saved = errno;

	if (memory->held && fstat(memory->fd, &st) == 0 && batv_memory_is_file(memory, &st))
		(void)close(memory->fd);
	memory->held = false;
	errno = saved;
}

static enum batv_err take_file(struct batv_memory *memory, int fd, const struct stat *st, bool writable)
{
	struct batv_memory m;
	enum batv_err err = batv_memory_read_head(fd, st, &m);

	if (err != BATV_OK)
		return err;
	m.windowed = true;
	m.writable = writable;
	*memory = m;
	return BATV_OK;
}

enum batv_err batv_memory_open_windows(struct batv_memory *memory, int dirfd, const char *name)
{
	struct stat st;
	bool writable;
	int fd = -1, saved;
	enum batv_err err = batv_memory_file(dirfd, name, &fd, &st, &writable);

	batv_memory_release(memory);
	if (err == BATV_OK && !open_already(memory, &st, writable)) {
		batv_memory_close(memory);
		err = take_file(memory, fd, &st, writable);
	}
	if (err == BATV_OK) {
		memory->fd = fd;
		memory->held = true;
		return BATV_OK;
	}
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	batv_memory_close(memory);
	errno = saved;
	return err;
}
