/*
 * guard.c - a page of the memory file that is gone is "no memory", not the end of a mail
 * process.
 *
 * A file that somebody truncates while it is mapped answers an access with SIGBUS.  Invariant: what
 * is not ours passes through to the action that was there before us, and after a guard has
 * left, signal actions and masks are what they were.
 */
#include "memory/layout.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

/*
 * One running guard.  Static, not on the stack: somebody's signal handler may jump out of a
 * guard (Exim's time limit for local_scan() does), and what it leaves behind must stay readable.
 * Such a left frame does no harm: its file is touched by nobody without a newer frame above it,
 * and any other fault passes through it to the previous action.
 */
struct frame {
	sigjmp_buf env;
	const void *base;
	size_t size;
	uintptr_t stack;		/* where its guard runs; the stack grows downwards */
	struct sigaction previous;
};

#define FRAMES 4

static struct frame frames[FRAMES];
static volatile sig_atomic_t depth;
static volatile sig_atomic_t sent;	/* a SIGBUS that somebody sent with kill(): not for us */

static bool within(const struct frame *f, const void *address)
{
	return (uintptr_t)address - (uintptr_t)f->base < f->size;
}

/*
 * Ours: leave the body.  Somebody else's fault: put the previous action back and return, so
 * that the instruction faults again and the previous action sees exactly what it would have
 * seen without us (an outer guard is such a previous action).
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

/* SA_NODEFER: the jump out of the handler leaves the signal mask as it was. */
static struct frame *guard_enter(const struct batv_memory *memory, uintptr_t stack)
{
	struct sigaction sa, previous;
	struct frame *f;
	bool left = false;

	for (; depth > 0 && frames[depth - 1].stack <= stack; depth = depth - 1)
		left = true;		/* its function is gone, and did not clean up */
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
		f->previous = previous;	/* else it still holds what was there before the left one */
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

_Noreturn void batv_memory_guard_break(void)
{
	siglongjmp(frames[depth - 1].env, 1);
}

/* An outer guard's body may still look at the mapping: it stays until that one has left. */
static void unmap_unless_used(void *base, size_t size)
{
	int i;

	for (i = 0; i < depth; i++)
		if (frames[i].base == base)
			return;
	(void)munmap(base, size);
}

void batv_memory_lost(struct batv_memory *memory)
{
	batv_memory_release(memory);
	if (memory->base)
		unmap_unless_used(memory->base, memory->size);
	memory->base = NULL;
	memory->windowed = false;
}

__attribute__((noinline)) bool
batv_memory_guard(struct batv_memory *memory, void (*body)(struct batv_memory *, void *), void *arg)
{
	volatile bool whole = false;
	struct frame *f;
	void *base;
	size_t size;

	if (!memory->base && !batv_memory_make_room(memory))
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
		batv_memory_lost(memory);
	else	/* a guard within the body has lost it, but could not unmap it */
		unmap_unless_used(base, size);
	return false;
}

bool batv_memory_guard_read(const struct batv_memory *memory,
			    void (*body)(struct batv_memory *, void *), void *arg)
{
	return batv_memory_guard((struct batv_memory *)(uintptr_t)memory, body, arg);
}
