/*
 * run.c - runs a program, and reads what it prints until it ends or its time is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exim_text.h"
#include "run.h"

#define ARGS_MAX 40
#define TEXT_MAX ((size_t)8 << 20) /* `exim -bP transports` of a large site is 100 KB */

static int64_t milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int input_of(const char *input)
{
	size_t len = input ? strlen(input) : 0;
	int fd;

	if (!len)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("batv-input", MFD_CLOEXEC);
	if (fd >= 0 && (write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Makes room for at least one more byte and the NUL. */
static bool grow(struct batv_ran *ran, size_t *size)
{
	char *more;

	if (ran->len + 1 < *size)
		return true;
	if (*size >= TEXT_MAX)
		return false;
	more = realloc(ran->text, *size * 2);
	if (!more)
		return false;
	ran->text = more;
	*size *= 2;
	return true;
}

/* Returns false if the program must be ended. */
static bool read_all(struct batv_ran *ran, int fd, int64_t end)
{
	size_t size = 4096;
	ssize_t got;

	ran->text = malloc(size);
	while (ran->text && grow(ran, &size)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - milliseconds();

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			ran->late = true;
			return false;
		}
		got = read(fd, ran->text + ran->len, size - 1 - ran->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return true;
		ran->len += (size_t)got;
	}
	return false;
}

/* The program may have closed its output, and go on. */
static void reap(struct batv_ran *ran, pid_t pid, int64_t end)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (milliseconds() >= end) {
			ran->late = true;
			kill(pid, SIGKILL);
			end += 5000;
		}
		nanosleep(&pause, NULL);
	}
	if (got == pid)
		ran->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The last line with content. */
static void last_line(const char *text, char *out, size_t size)
{
	size_t end = strlen(text), start;

	while (end && strchr("\n\r \t", text[end - 1]))
		end--;
	start = end;
	while (start && text[start - 1] != '\n')
		start--;
	snprintf(out, size, "%.*s", (int)(end - start), text + start);
	for (char *p = out; *p; p++)
		if (batv_is_control(*p))
			*p = '?';
}

static void explain(struct batv_ran *ran, const char *program, unsigned seconds)
{
	char line[250];

	if (ran->status == 0)
		return;
	if (!batv_exim_text_error(ran->text, line, sizeof line))
		last_line(ran->text, line, sizeof line);
	if (ran->late)
		snprintf(ran->why, sizeof ran->why, "%s did not end within %u seconds", program,
			 seconds);
	else if (*line)
		snprintf(ran->why, sizeof ran->why, "%s", line);
	else if (ran->status >= 0)
		snprintf(ran->why, sizeof ran->why, "%s ended with status %d", program,
			 ran->status);
}

static void start_and_read(const char *const *args, int in, int ends[2], unsigned seconds,
			   const struct batv_exim_user *as, struct batv_ran *ran)
{
	int64_t end = milliseconds() + (int64_t)seconds * 1000;
	char *words[ARGS_MAX + 1] = {NULL};
	pid_t pid;
	int err;

	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		memcpy(&words[i], &args[i], sizeof words[i]); /* execve() wants them writable */
	err = batv_exim_user_spawn(words, in, ends[1], as, &pid);
	close(ends[1]);
	if (err) {
		snprintf(ran->why, sizeof ran->why, "cannot run %s: %s", args[0], strerror(err));
		return;
	}
	if (!read_all(ran, ends[0], end))
		kill(pid, SIGKILL);
	reap(ran, pid, end);
}

bool batv_run(const char *const *args, const char *input, unsigned seconds,
	      const struct batv_exim_user *as, struct batv_ran *ran)
{
	int in = input_of(input), ends[2];

	*ran = (struct batv_ran){.status = -1};
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C", 1);
	if (in < 0 || pipe2(ends, O_CLOEXEC) < 0)
		snprintf(ran->why, sizeof ran->why, "cannot run %s: %s", args[0], strerror(errno));
	else {
		start_and_read(args, in, ends, seconds, as, ran);
		close(ends[0]);
	}
	if (in >= 0)
		close(in);
	if (!ran->text)
		ran->text = calloc(1, 1);
	if (!ran->text) {
		perror("batvctl");
		exit(3);
	}
	ran->text[ran->len] = '\0';
	explain(ran, args[0], seconds);
	return ran->status == 0;
}

void batv_run_free(struct batv_ran *ran)
{
	free(ran->text);
	ran->text = NULL;
}
