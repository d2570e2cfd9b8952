/*
 * access.c - opens the memory file and reaches its bytes: mapped, or by reading.
 *
 * A file that was opened lazily is mapped when it is first written to.  Until then, and for all
 * that is only read, it is read with pread(), which needs no guard and no page fault.
 *
 * If somebody truncates the file while it is mapped, the next access raises SIGBUS.  Guards catch
 * it; access.h lists their BUGS.
 *
 * Invariants: a descriptor is held for one decision only.  A signal handler may jump out and leave
 * a descriptor open; it is closed later only if it still is that very file.  A SIGBUS that is not
 * ours is passed on to the action that was there before us.  After a guard has left, signal actions
 * and masks are what they were.
 */
#include "memory/access.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/safefile.h"
#include "base/together.h"

/* ---- The file ---- */

static bool is_file(const struct batv_memory *memory, const struct stat *st)
{
	return memory->dev == (int64_t)st->st_dev && memory->ino == (int64_t)st->st_ino;
}

/* Opens the file for writing, if that is allowed. */
static enum batv_err open_file(int dirfd, const char *name, int *fd, struct stat *st,
			       bool *writable)
{
	enum batv_err err = batv_file_open(dirfd, name, O_RDWR, true, fd, st);

	*writable = true;
	if (err == BATV_E_IO && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		*writable = false;
		err = batv_file_open(dirfd, name, O_RDONLY, true, fd, st);
	}
	return err;
}

void batv_memory_release(struct batv_memory *memory)
{
	struct stat st;
	int saved = errno;
	/* in a fresh process this touches *memory first, and it writes: one page fault, not two */
	const bool held = __atomic_exchange_n(&memory->held, false, __ATOMIC_RELAXED);

	if (held && fstat(memory->fd, &st) == 0 && is_file(memory, &st))
		(void)close(memory->fd);
	errno = saved;
}

/* ---- Guards ---- */

/*
 * One running guard.  It is static, not on the stack, because a signal handler of somebody else may
 * jump out of a guard, and what is left must remain readable.  (Exim's time limit for local_scan()
 * does this.)  Such an abandoned frame does no harm: nobody touches its file without a newer frame
 * above it, and any other fault passes through it to the previous action.
 */
struct frame {
	sigjmp_buf env;
	const void *base;
	size_t size;
	uintptr_t stack; /* where its guard runs; the stack grows downwards */
	struct sigaction previous;
};

#define FRAMES 4

static struct frame frames[FRAMES] BATV_TOGETHER;
static volatile sig_atomic_t depth BATV_TOGETHER;
static volatile sig_atomic_t sent
	BATV_TOGETHER; /* a SIGBUS that somebody sent with kill(): not for us */

static bool within(const struct frame *f, const void *address)
{
	return (uintptr_t)address - (uintptr_t)f->base < f->size;
}

/*
 * If the fault is ours, leaves the body.  For any other fault, puts the previous action back and
 * returns.  The instruction then faults again, and the previous action sees exactly what it would
 * have seen without us.  An outer guard is such a previous action.
 */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct frame *f;

	(void)context;
	if (info->si_code <= 0) {
		sent = 1;
		return;
	}
	if (depth == 0) {
		(void)signal(sig, SIG_DFL);
		return;
	}
	f = &frames[depth - 1];
	if (within(f, info->si_addr))
		siglongjmp(f->env, 1);
	depth = depth - 1;
	(void)sigaction(sig, &f->previous, NULL);
}

/*
 * Enters a guard.  Because of SA_NODEFER, the jump out of the handler leaves the signal mask as it
 * was.
 */
static struct frame *guard_enter(const struct batv_memory *memory, uintptr_t stack)
{
	struct sigaction sa, previous;
	struct frame *f;
	bool left = false;

	for (; depth > 0 && frames[depth - 1].stack <= stack; depth = depth - 1)
		left = true; /* its function is gone, and did not clean up */
	if (depth == FRAMES)
		return NULL;
	f = &frames[depth];
	f->base = memory->base;
	f->size = memory->size;
	f->stack = stack;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_sigbus;
	sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
	(void)sigaction(SIGBUS, &sa, &previous);
	if (!left || previous.sa_sigaction != on_sigbus)
		f->previous = previous; /* otherwise it has the action from before that frame */
	depth = depth + 1;
	return f;
}

static void guard_leave(const struct frame *f)
{
	depth = (sig_atomic_t)(f - frames);
	(void)sigaction(SIGBUS, &f->previous, NULL);
	if (sent && depth == 0) {
		sent = 0;
		(void)raise(SIGBUS);
	}
}

/* The body of an outer guard may still use the mapping, so it stays until that guard has left. */
static void unmap_unless_used(void *base, size_t size)
{
	int i;

	for (i = 0; i < depth; i++)
		if (frames[i].base == base)
			return;
	(void)munmap(base, size);
}

/* Gives the memory up: from now on there is no memory. */
static void lose(struct batv_memory *memory)
{
	batv_memory_release(memory);
	if (memory->base)
		unmap_unless_used(memory->base, memory->size);
	memory->base = NULL;
	memory->windowed = false;
}

/*
 * Maps the file for the first write of this process.  Mapping it costs the same whatever its size;
 * only the pages that are touched cost more.
 */
static bool map_now(struct batv_memory *memory)
{
	void *base =
		mmap(NULL, memory->file_size, memory->writable ? PROT_READ | PROT_WRITE : PROT_READ,
		     MAP_SHARED, memory->held ? memory->fd : -1, 0);

	if (base == MAP_FAILED) {
		if (errno != ENOMEM) /* that may pass */
			lose(memory);
		return false;
	}
	memory->base = base;
	memory->size = memory->file_size;
	return true;
}

__attribute__((noinline)) bool
batv_memory_guard(struct batv_memory *memory, void (*body)(struct batv_memory *, void *), void *arg)
{
	volatile bool whole = false;
	struct frame *f;
	void *base;
	size_t size;

	if (!memory->base && !map_now(memory))
		return false;
	base = memory->base;
	size = memory->size;
	f = guard_enter(memory, (uintptr_t)__builtin_frame_address(0));
	if (!f)
		return false;
	if (sigsetjmp(f->env, 0) == 0) {
		body(memory, arg);
		whole = true;
	}
	guard_leave(f);
	if (whole && memory->base)
		return true;
	if (memory->base)
		lose(memory);
	else /* an inner guard has given it up, but could not unmap it */
		unmap_unless_used(base, size);
	return false;
}

/* ---- Bytes ---- */

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

bool batv_memory_peek(struct batv_memory *memory, size_t offset, void *to, size_t len)
{
	struct peek_job job = {.offset = offset, .words = len / sizeof *job.to, .to = to};

	if (!memory->windowed)
		return batv_memory_guard(memory, peek_body, &job);
	if (memory->held && pread(memory->fd, to, len, (off_t)offset) == (ssize_t)len)
		return true;
	lose(memory);
	return false;
}

/* Beyond this limit pwrite() ends the process, even within a file that is longer already. */
static bool is_within_limit(size_t end)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && end <= limit.rlim_cur;
}

bool batv_memory_write(struct batv_memory *memory, size_t offset, const void *from, size_t len)
{
	const uint64_t *words = from;
	struct stat st;

	if (!memory->windowed || !is_within_limit(offset + len)) {
		for (size_t i = 0; i < len / sizeof *words; i++)
			__atomic_store_n(
				(uint64_t *)batv_memory_at(memory, offset + i * sizeof *words),
				words[i], __ATOMIC_RELAXED);
		return true;
	}
	return memory->held && fstat(memory->fd, &st) == 0 && is_file(memory, &st) &&
	       (size_t)st.st_size == memory->file_size &&
	       pwrite(memory->fd, from, len, (off_t)offset) == (ssize_t)len;
}

bool batv_memory_whole(struct batv_memory *memory)
{
	uint64_t end;

	if (!batv_memory_there(memory))
		return false;
	if (memory->sections.end_at &&
	    (!batv_memory_peek(memory, memory->sections.end_at, &end, sizeof end) ||
	     end != memory->sections.sum))
		lose(memory);
	return batv_memory_there(memory);
}

/* ---- Opening and closing ---- */

static enum batv_err read_header(int fd, const struct stat *st, struct batv_memory *out)
{
	struct batv_memory m = {.dev = (int64_t)st->st_dev,
				.ino = (int64_t)st->st_ino,
				.file_size = (size_t)st->st_size};
	enum batv_err err = batv_header_read(fd, st, &m.sections);

	if (err == BATV_OK)
		*out = m;
	return err;
}

static enum batv_err take_file(struct batv_memory *memory, int fd, const struct stat *st,
			       bool writable)
{
	struct batv_memory m;
	enum batv_err err = read_header(fd, st, &m);

	if (err != BATV_OK)
		return err;
	m.windowed = true;
	m.writable = writable;
	m.sealed = !writable;
	*memory = m;
	return BATV_OK;
}

/*
 * The inode number of a removed file may be used again, so only the sum can tell.  It is read at
 * the end of the file, where it also shows that the file was not cut meanwhile.
 */
static bool same_file(const struct batv_memory *m, int fd, const struct stat *st)
{
	const size_t at =
		m->sections.end_at ? m->sections.end_at : offsetof(struct batv_memory_head, sum);
	uint64_t sum;

	return is_file(m, st) && m->file_size == (size_t)st->st_size &&
	       pread(fd, &sum, sizeof sum, (off_t)at) == sizeof sum && sum == m->sections.sum;
}

static bool open_already(const struct batv_memory *m, int fd, const struct stat *st, bool writable)
{
	return m->windowed && m->writable == writable && same_file(m, fd, st);
}

enum batv_err batv_memory_open_windows(struct batv_memory *memory, int dirfd, const char *name)
{
	struct stat st;
	bool writable;
	int fd = -1, saved;
	enum batv_err err = open_file(dirfd, name, &fd, &st, &writable);

	batv_memory_release(memory);
	if (err == BATV_OK && !open_already(memory, fd, &st, writable)) {
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

static enum batv_err map_file(struct batv_memory *memory, int fd, const struct stat *st,
			      bool writable)
{
	struct batv_memory m;
	enum batv_err err = read_header(fd, st, &m);

	if (err != BATV_OK)
		return err;
	m.size = m.file_size;
	m.base = mmap(NULL, m.size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
		      0);
	if (m.base == MAP_FAILED)
		return BATV_E_IO;
	m.writable = writable;
	m.sealed = !writable;
	*memory = m;
	return BATV_OK;
}

static bool mapped_already(const struct batv_memory *m, int fd, const struct stat *st)
{
	return m->base && !m->windowed && same_file(m, fd, st);
}

enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name)
{
	struct stat st;
	bool writable;
	int fd = -1, saved;
	enum batv_err err = open_file(dirfd, name, &fd, &st, &writable);

	if (err == BATV_OK && !mapped_already(memory, fd, &st)) {
		batv_memory_close(memory);
		err = map_file(memory, fd, &st, writable);
	}
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	if (err != BATV_OK)
		batv_memory_close(memory);
	errno = saved;
	return err;
}

void batv_memory_close(struct batv_memory *memory)
{
	batv_memory_release(memory);
	if (memory->base)
		(void)munmap(memory->base, memory->size);
	memset(memory, 0, sizeof *memory);
}

void batv_memory_sync(const struct batv_memory *memory)
{
	if (memory->base && memory->writable && !memory->windowed)
		(void)msync(memory->base, memory->size, MS_SYNC);
}
