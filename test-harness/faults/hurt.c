/*
 * hurt.c - preloaded by test-harness/faults/run: makes the n-th call of one kind go wrong.
 *
 * HURT_KIND  short: a read or write transfers half of what was asked for, at most; close: close()
 * says EIO, after it has closed, as the kernel does; memory: an allocation fails HURT_AT    which
 * one, counted from 1, after the program has started HURT_LOG   a file; it gets a byte when that
 * call has come
 *
 * glibc's stdio makes its calls inside of glibc, so only direct calls are seen.  Allocations of a
 * look-up of users, and of libcrypto, do not fail: glibc 2.36 and OpenSSL 3.0 die of that by
 * themselves.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long at;
static bool shortens, closes, starves;
static _Atomic long count;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void start(void)
{
	const char *kind = getenv("HURT_KIND"), *number = getenv("HURT_AT");
	void *first[1];

	if (!kind || !number)
		return;
	(void)backtrace(first, 1); /* it loads a library */
	at = atol(number);
	shortens = strcmp(kind, "short") == 0;
	closes = strcmp(kind, "close") == 0;
	starves = strcmp(kind, "memory") == 0;
}

static bool of_others(void)
{
	void *frames[12];
	int n = backtrace(frames, 12);
	Dl_info info;

	for (int i = 2; i < n; i++)
		if (dladdr(frames[i], &info) &&
		    (strstr(info.dli_fname, "/libcrypto.") ||
		     (info.dli_sname && (strncmp(info.dli_sname, "getpw", 5) == 0 ||
					 strncmp(info.dli_sname, "getgr", 5) == 0))))
			return true;
	return false;
}

static bool hit(bool on)
{
	static _Thread_local bool inside;
	const char *log;
	bool skip;
	int fd;

	if (!on || inside)
		return false;
	inside = true;
	skip = starves && of_others();
	inside = false;
	if (skip || ++count != at)
		return false;
	log = getenv("HURT_LOG");
	fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		syscall(SYS_write, fd, "x", 1);
		syscall(SYS_close, fd);
	}
	return true;
}

static size_t some(size_t n)
{
	return n > 1 && hit(shortens) ? n / 2 : n;
}

ssize_t read(int fd, void *buf, size_t n)
{
	return syscall(SYS_read, fd, buf, some(n));
}

ssize_t write(int fd, const void *buf, size_t n)
{
	return syscall(SYS_write, fd, buf, some(n));
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t where)
{
	return syscall(SYS_pread64, fd, buf, some(n), where);
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t where)
{
	return syscall(SYS_pwrite64, fd, buf, some(n), where);
}

ssize_t pread(int fd, void *buf, size_t n, off_t where)
{
	return pread64(fd, buf, n, where);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t where)
{
	return pwrite64(fd, buf, n, where);
}

/* What _FORTIFY_SOURCE makes of read(), when it knows the size of the buffer. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
	(void)size;
	return read(fd, buf, n);
}

ssize_t __pread_chk(int fd, void *buf, size_t n, off_t where, size_t size)
{
	(void)size;
	return pread64(fd, buf, n, where);
}

ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t where, size_t size)
{
	(void)size;
	return pread64(fd, buf, n, where);
}

int close(int fd)
{
	int done = (int)syscall(SYS_close, fd);

	if (!hit(closes))
		return done;
	errno = EIO;
	return -1;
}

static void *starved(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return hit(starves) ? starved() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return hit(starves) ? starved() : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return hit(starves) ? starved() : __libc_realloc(old, size);
}
