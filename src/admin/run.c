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

extern char **environ;

#define ARGS_MAX 40
#define ERRORS_MAX 4096
#define TEXT_MAX ((size_t)8 << 20) /* `exim -bP transports` of a large site is 100 KB */

int64_t batv_run_milliseconds(void)
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
static bool grow(struct batv_ran *ran, size_t *size, size_t max)
{
	char *more;

	ran->cut = ran->len >= max;
	if (ran->cut)
		return false;
	if (ran->len + 1 < *size)
		return true;
	more = realloc(ran->text, *size * 2);
	if (!more)
		return false;
	ran->text = more;
	*size *= 2;
	return true;
}

/* Returns false if the program must be ended. */
static bool read_all(struct batv_ran *ran, int fd, size_t max, int64_t end)
{
	size_t size = 4096, room;
	ssize_t got;

	ran->text = malloc(size);
	while (ran->text && grow(ran, &size, max)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - batv_run_milliseconds();

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			ran->late = true;
			return false;
		}
		room = size - 1 < max ? size - 1 : max;
		got = read(fd, ran->text + ran->len, room - ran->len);
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
		if (batv_run_milliseconds() >= end) {
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

static void explain(struct batv_ran *ran, const char *errors, const struct batv_run_job *job)
{
	const char *program = job->args[0];
	char line[250];

	if (ran->status == 0)
		return;
	if (!batv_exim_text_error(errors, line, sizeof line))
		last_line(errors, line, sizeof line);
	if (ran->late)
		snprintf(ran->why, sizeof ran->why, "%s did not end within %u seconds", program,
			 job->seconds);
	else if (*line)
		snprintf(ran->why, sizeof ran->why, "%s", line);
	else if (ran->status >= 0)
		snprintf(ran->why, sizeof ran->why, "%s ended with status %d", program,
			 ran->status);
}

/* Ours, with a PATH and a locale that are always the same.  The caller frees it. */
static char **make_environment(void)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 3, sizeof *env);
	if (!env)
		return NULL;
	env[kept++] = path;
	env[kept++] = locale;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "PATH=", 5) != 0 && strncmp(environ[i], "LC_ALL=", 7) != 0)
			env[kept++] = environ[i];
	return env;
}

static void start_and_read(const struct batv_run_job *job, int in, int ends[2], int errors,
			   struct batv_ran *ran)
{
	int64_t end = batv_run_milliseconds() + (int64_t)job->seconds * 1000;
	const int files[3] = {in, ends[1], errors >= 0 ? errors : ends[1]};
	char *words[ARGS_MAX + 1] = {NULL}, **env = make_environment();
	pid_t pid;
	int err;

	for (size_t i = 0; i < ARGS_MAX && job->args[i]; i++)
		memcpy(&words[i], &job->args[i],
		       sizeof words[i]); /* execve() wants them writable */
	err = env ? batv_exim_user_spawn(words, env, files, job->as, &pid) : ENOMEM;
	free(env);
	close(ends[1]);
	if (err) {
		snprintf(ran->why, sizeof ran->why, "cannot run %s: %s", words[0], strerror(err));
		return;
	}
	if (!read_all(ran, ends[0], job->max ? job->max : TEXT_MAX, end))
		kill(pid, SIGKILL);
	reap(ran, pid, end);
}

/* With `errors`, the text for `why` is there, unless there is none. */
static void read_errors(int errors, struct batv_ran *ran, const struct batv_run_job *job)
{
	char text[ERRORS_MAX];
	ssize_t n = errors >= 0 ? pread(errors, text, sizeof text - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	explain(ran, n > 0 ? text : ran->text, job);
}

static void run_between(const struct batv_run_job *job, int in, int errors, struct batv_ran *ran)
{
	int ends[2];

	if (in < 0 || (job->apart && errors < 0) || pipe2(ends, O_CLOEXEC) < 0) {
		snprintf(ran->why, sizeof ran->why, "cannot run %s: %s", job->args[0],
			 strerror(errno));
		return;
	}
	start_and_read(job, in, ends, errors, ran);
	close(ends[0]);
}

bool batv_run_job(const struct batv_run_job *job, struct batv_ran *ran)
{
	int in = input_of(job->input);
	int errors = job->apart ? memfd_create("batv-errors", MFD_CLOEXEC) : -1;

	*ran = (struct batv_ran){.status = -1};
	run_between(job, in, errors, ran);
	if (!ran->text)
		ran->text = calloc(1, 1);
	if (!ran->text) {
		perror("batvctl");
		exit(3);
	}
	ran->text[ran->len] = '\0';
	read_errors(errors, ran, job);
	if (in >= 0)
		close(in);
	if (errors >= 0)
		close(errors);
	return ran->status == 0;
}

bool batv_run(const char *const *args, const char *input, unsigned seconds,
	      const struct batv_exim_user *as, struct batv_ran *ran)
{
	const struct batv_run_job job = {
		.args = args, .input = input, .seconds = seconds, .as = as};

	return batv_run_job(&job, ran);
}

void batv_run_free(struct batv_ran *ran)
{
	free(ran->text);
	ran->text = NULL;
}
