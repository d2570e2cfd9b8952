/*
 * starve.c - preloaded by test_starve.py: the n-th allocation that exim-batv causes in a process of
 * Exim fails.
 *
 * Ours are those that batv.so makes, or has made by a library: on the stack a frame of batv.so
 * comes before any of Exim's own.  What Exim allocates itself when we call it is Exim's, which ends
 * its process if there is none.
 *
 * STARVE      a file: the number n.  Exim cleans the environment, so its name is compiled in.
 * STARVE_HIT  a file that gets a byte for each allocation that failed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static long at, count;
static pid_t process;
static _Thread_local bool inside;

__attribute__((constructor)) static void start(void)
{
	void *first[1];

	inside = true;
	(void)backtrace(first, 1); /* it loads a library */
	inside = false;
}

/* Each process counts for itself: Exim's daemon forks for each connection. */
static void read_number(void)
{
	char text[20] = "";
	int fd = open(STARVE, O_RDONLY | O_CLOEXEC);

	count = at = 0;
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
		at = atol(text);
	if (fd >= 0)
		close(fd);
}

struct search {
	ElfW(Addr) address;
	int kind; /* 1: batv.so, 2: the program, 0: any other library */
};

/* By the file's name alone: a directory may be called exim-4.98. */
static int kind_of(const char *name)
{
	if (strcmp(name, "batv.so") == 0)
		return 1;
	return !*name || strstr(name, "exim") ? 2 : 0;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		ElfW(Addr) from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD || s->address < from ||
		    s->address >= from + info->dlpi_phdr[i].p_memsz)
			continue;
		s->kind = kind_of(basename(info->dlpi_name));
		return 1;
	}
	return 0;
}

static bool ours(void)
{
	void *frames[24];
	int n = backtrace(frames, 24);

	for (int i = 2; i < n; i++) {
		struct search s = {.address = (ElfW(Addr))frames[i]};

		dl_iterate_phdr(look, &s);
		if (s.kind)
			return s.kind == 1;
	}
	return false;
}

static bool fails(void)
{
	bool hit;
	int fd;

	if (inside)
		return false;
	inside = true;
	if (process != getpid()) {
		process = getpid();
		read_number();
	}
	hit = at && ours() && ++count == at;
	if (hit && (fd = open(STARVE_HIT, O_WRONLY | O_APPEND | O_CLOEXEC)) >= 0) {
		if (write(fd, "x", 1) < 0)
			abort();
		close(fd);
	}
	inside = false;
	if (hit)
		errno = ENOMEM;
	return hit;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
