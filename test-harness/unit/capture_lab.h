/*
 * capture_lab.h - what the tests of capture share: a memory with a journal, writers that are slow,
 * killed or fail, and looks at it.
 */
#ifndef CAPTURE_LAB_H
#define CAPTURE_LAB_H

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "capture.h"
#include "sent_lab.h"

#define SMALL 64 /* items a day: a ring of one page */
#define ROOM 128
#define OUT_MAX 4096
#define T0 (NOW * 1000)

/* ---- pwrite(), as the disk or the end of a process makes it ---- */

static enum { WORKS, KILLED, HELD, FAILS } disk;

#define HELD_MAX 4096
static struct held {
	off_t at;
	size_t len;
	char bytes[64 * 32];
} held[HELD_MAX];
static size_t n_held;

/* Called before a record is read. */
static void (*when_read)(void);
static bool cannot_read;

/* Both instead of libc's. */
ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	void (*const call)(void) = when_read;

	if (len == sizeof(struct batv_journal_record) && call) {
		when_read = NULL;
		call();
	}
	if (len == sizeof(struct batv_journal_record) && cannot_read) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, to, len, at);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	if (disk == KILLED)
		(void)kill(getpid(), SIGKILL);
	if (disk == FAILS) {
		errno = EIO;
		return -1;
	}
	if (disk == HELD) { /* its writer is stopped, and goes on later */
		ck_assert_uint_lt(n_held, HELD_MAX);
		held[n_held].at = at;
		held[n_held].len = len;
		memcpy(held[n_held++].bytes, from, len);
		return (ssize_t)len;
	}
	return syscall(SYS_pwrite64, fd, from, len, at);
}

__attribute__((unused)) static void let_go(size_t i)
{
	memcpy((char *)whole.base + held[i].at, held[i].bytes, held[i].len);
}

/* ---- a capture ---- */

static struct batv_capture capture;
static struct batv_journal_entry out[OUT_MAX];
static struct batv_memory *before; /* NULL: none */

__attribute__((unused)) static size_t look_for(int64_t ms, size_t room)
{
	return batv_capture_look(&capture, &memory, before, T0 + ms, out, room);
}

__attribute__((unused)) static size_t look(int64_t ms)
{
	return look_for(ms, OUT_MAX);
}

__attribute__((unused)) static void expect_entry(size_t i, uint64_t n)
{
	const struct batv_item item = numbered(BATV_ITEM_ID, n);

	ck_assert_mem_eq(out[i].name, item.name, sizeof item.name);
	ck_assert_uint_eq(out[i].kind, BATV_JOURNAL_ID);
	ck_assert_uint_eq(out[i].day, NOW / D);
}

__attribute__((unused)) static void expect(int64_t until, uint64_t holes, uint64_t lost)
{
	ck_assert_int_eq(capture.until - (until ? T0 : 0), until);
	ck_assert_uint_eq(capture.holes, holes);
	ck_assert_uint_eq(capture.lost, lost);
}

/* Items first to first + n - 1, each by itself. */
__attribute__((unused)) static void record_in(struct batv_memory *m, uint64_t first, size_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		struct batv_item item = numbered(BATV_ITEM_ID, i);

		(void)batv_sent_note(m, &item, NOW);
	}
}

__attribute__((unused)) static void record(uint64_t first, size_t n)
{
	record_in(&memory, first, n);
}

__attribute__((unused)) static void record_on(int how, uint64_t first, size_t n)
{
	disk = how;
	record(first, n);
	disk = WORKS;
}

__attribute__((unused)) static void setup_capture(void)
{
	with_journal = with_windows = true;
	setup();
}

__attribute__((unused)) static void small_ring(void)
{
	close_memory();
	open_sized(SMALL, RETENTION);
	ck_assert_uint_eq(batv_journal_room(&memory), ROOM);
}

#endif
