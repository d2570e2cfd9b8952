/*
 * lookup.c - getaddrinfo() in a thread of its own, because it may take as long as DNS likes.
 *
 * Invariant: the lookup belongs to two, the caller and the thread.  The last one to let go frees
 * it, so nobody waits for a thread.  The thread touches nothing else of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lookup.h"

struct batv_lookup {
	atomic_int owners;
	int pipe[2]; /* [1] is the thread's alone; its end is the news */
	char host[256], port[6];
	struct addrinfo *found;
	int error;
};

static void let_go(struct batv_lookup *l)
{
	if (atomic_fetch_sub(&l->owners, 1) > 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	free(l);
}

static void *ask(void *arg)
{
	struct batv_lookup *l = arg;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int fd = l->pipe[1];

	l->error = getaddrinfo(l->host, l->port, &hints, &l->found);
	if (l->error)
		l->found = NULL;
	let_go(l); /* the caller looks only after the end of the pipe */
	close(fd);
	return NULL;
}

static bool start_thread(struct batv_lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int error;

	sigfillset(&all);
	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	error = pthread_create(&thread, &attr, ask, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	errno = error;
	return error == 0;
}

struct batv_lookup *batv_lookup_start(const char *host, const char *port)
{
	struct batv_lookup *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	atomic_init(&l->owners, 2);
	snprintf(l->host, sizeof l->host, "%s", host);
	snprintf(l->port, sizeof l->port, "%s", port);
	if (pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(l);
		return NULL;
	}
	if (!start_thread(l)) {
		close(l->pipe[0]);
		close(l->pipe[1]);
		free(l);
		return NULL;
	}
	return l;
}

int batv_lookup_fd(const struct batv_lookup *l)
{
	return l->pipe[0];
}

bool batv_lookup_done(struct batv_lookup *l, struct addrinfo **found, const char **why)
{
	char byte;

	if (read(l->pipe[0], &byte, 1) != 0)
		return false;
	*found = l->found;
	l->found = NULL;
	*why = l->error ? gai_strerror(l->error) : "";
	return true;
}

void batv_lookup_free(struct batv_lookup *l)
{
	close(l->pipe[0]);
	let_go(l);
}
