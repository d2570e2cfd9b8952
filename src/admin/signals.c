/*
 * signals.c - the signals of batvd and batv-fleet, by signalfd(2).
 *
 * Invariant: once they are open, no signal interrupts the work; it is seen between two turns.
 */
#include "signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int batv_signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

unsigned batv_signals_read(int fd)
{
	struct signalfd_siginfo info;
	unsigned came = 0;

	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		came |= info.ssi_signo == SIGHUP ? BATV_SIGNALS_RELOAD : BATV_SIGNALS_STOP;
	return came;
}
