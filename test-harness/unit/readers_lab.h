/*
 * readers_lab.h - processes that use a file while the test changes it, and count what they see.
 */
#ifndef READERS_LAB_H
#define READERS_LAB_H

#include <check.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline void readers_add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline double readers_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Zeroed memory that the test and its readers share. */
static inline void *readers_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

/* Each of the n processes runs what(its number), which never returns. */
static inline void readers_start(pid_t *readers, unsigned n, void (*what)(unsigned))
{
	for (unsigned i = 0; i < n; i++) {
		readers[i] = fork();
		ck_assert_int_ge(readers[i], 0);
		if (readers[i] == 0)
			what(i);
	}
}

/* Sets what they look at, and waits until all have ended well. */
static inline void readers_stop(const pid_t *readers, unsigned n, int *stop)
{
	int status;

	__atomic_store_n(stop, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(waitpid(readers[i], &status, 0), readers[i]);
		ck_assert_msg(status == 0, "a reader ended with status %d", status);
	}
}

#endif
