/*
 * ask_exim.c - list questions put to `exim -be`.
 *
 * Invariant: what comes from outside (an address, a host) reaches Exim's expander only when it
 * consists of letters, digits and a few harmless marks; so no value can ever be code.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ask_exim.h"
#include "plain_list.h"

#define ARGS_MAX   32
#define ANSWER_MAX 4096
#define PIECE                                                                                      \
	900 /* Exim reads its questions in lines of 1023 bytes, and joins what ends in "\"         \
	     */

extern char **environ;

static bool __attribute__((format(printf, 2, 3)))
give_up(struct batv_asker *asker, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(asker->why, sizeof asker->why, format, ap);
	va_end(ap);
	return false;
}

/* ---- the question ---- */

static bool harmless(enum batv_list_kind kind, const char *value)
{
	const char *marks = kind == BATV_LIST_HOSTS ? ".:" : "._=+@-";

	for (const char *p = value; *p; p++) {
		char c = batv_fold(*p);

		if (!batv_is_digit(c) && !(c >= 'a' && c <= 'z') && !strchr(marks, c))
			return false;
	}
	return *value != '\0';
}

/* A "}" would end the list early; behind a backslash it does not, but then there must be no other.
 */
static bool put_list(FILE *f, const char *list)
{
	if (strpbrk(list, "$\n\r") || (strchr(list, '}') && strchr(list, '\\')))
		return false;
	for (const char *p = list; *p; p++) {
		if (*p == '}')
			fputc('\\', f);
		fputc(*p, f);
	}
	return true;
}

bool batv_ask_line(enum batv_list_kind kind, const char *value, const char *list, char *out,
		   size_t size)
{
	static const char *const conditions[] = {"match_domain", "match_address", "match_ip"};
	bool ok;
	FILE *f;

	if (!harmless(kind, value))
		return false;
	f = fmemopen(out, size, "w");
	if (!f)
		return false;
	fprintf(f, "${if %s{%s}{", conditions[kind], value);
	ok = put_list(f, list);
	fputs("}{yes}{no}}", f);
	if (ferror(f) || fflush(f) != 0 || ftell(f) >= (long)size - 1)
		ok = false;
	fclose(f);
	return ok;
}

/* Where a line may be cut: Exim strips white space there, and takes a backslash as "goes on". */
static size_t cut(const char *line, size_t len)
{
	size_t n = PIECE;

	if (len <= PIECE)
		return len;
	while (n > 1 && (strchr(" \t\\", line[n]) || strchr(" \t\\", line[n - 1])))
		n--;
	return n;
}

static bool put_question(int fd, const char *line)
{
	size_t len = strlen(line);
	bool ok = true;

	while (ok && len) {
		size_t n = cut(line, len);

		ok = n > 1 || n == len;
		ok = ok && write(fd, line, n) == (ssize_t)n;
		line += n, len -= n;
		ok = ok && write(fd, len ? "\\\n" : "\n", len ? 2 : 1) > 0;
	}
	return ok && lseek(fd, 0, SEEK_SET) == 0;
}

/* ---- the process ---- */

static int64_t milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* "/usr/sbin/exim4 -C /etc/x" to arguments, in place, and "-be" behind them. */
static bool split(char *command, char *be, char **args)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(command, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == ARGS_MAX - 2)
			return false;
		args[n++] = word;
	}
	args[n++] = be;
	args[n] = NULL;
	return n > 1;
}

static bool start(struct batv_asker *asker, int question, int answer, pid_t *pid)
{
	char command[4096], be[] = "-be", *args[ARGS_MAX];
	posix_spawn_file_actions_t fa;
	int err;

	snprintf(command, sizeof command, "%s", asker->command);
	if (!split(command, be, args))
		return give_up(asker, "exim: has too many words");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, question, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, answer, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, answer, STDERR_FILENO);
	err = posix_spawn(pid, args[0], &fa, NULL, args, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (err)
		return give_up(asker, "%s: cannot be run: %s", args[0], strerror(err));
	return true;
}

/* All that it says, within time and room. */
static bool listen_to(struct batv_asker *asker, int fd, char *out, size_t size)
{
	int64_t end = milliseconds() + BATV_ASK_SECONDS * 1000;
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - milliseconds();
		ssize_t got;

		if (len + 1 >= size)
			return give_up(asker, "Exim said more than an answer");
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return give_up(asker, "Exim did not answer within %d seconds",
				       BATV_ASK_SECONDS);
		got = read(fd, out + len, size - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	out[len] = '\0';
	return true;
}

/* An Exim that runs as another user cannot be killed, and is not waited for without end. */
static void reap(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (int i = 0; i < 500 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&pause, NULL);
}

static bool converse(struct batv_asker *asker, int question, char *out, size_t size)
{
	int ends[2];
	pid_t pid;
	bool ok;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return give_up(asker, "pipe: %s", strerror(errno));
	ok = start(asker, question, ends[1], &pid);
	close(ends[1]);
	if (ok) {
		ok = listen_to(asker, ends[0], out, size);
		if (!ok)
			kill(pid, SIGKILL);
		reap(pid);
	}
	close(ends[0]);
	return ok;
}

/* ---- the answer ---- */

/* The first line that says something, without the prompt. */
static enum batv_match understand(struct batv_asker *asker, char *answer)
{
	char *save = NULL;
	char clean[240];

	for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, "> ");
		if (strcmp(line, "yes") == 0)
			return BATV_YES;
		if (strcmp(line, "no") == 0)
			return BATV_NO;
		if (!*line)
			continue;
		for (size_t i = 0; line[i]; i++)
			if (line[i] < 0x20 || line[i] > 0x7e)
				line[i] = '?';
		/* Exim's log lines begin with a date, "2026-11-22 19:44:18 ". */
		if (strlen(line) > 20 && strspn(line, "0123456789-: ") >= 20)
			line += 20;
		snprintf(clean, sizeof clean, "%s", line);
		give_up(asker, "Exim says: %s", clean);
		return BATV_MAYBE;
	}
	give_up(asker, "Exim says nothing");
	return BATV_MAYBE;
}

enum batv_match batv_ask_exim(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			      const char *list)
{
	size_t size = 2 * strlen(list) + strlen(value) + 100;
	char *line, answer[ANSWER_MAX];
	enum batv_match match = BATV_MAYBE;
	int fd;

	if (!*asker->command) {
		give_up(asker, "no exim is configured");
		return BATV_MAYBE;
	}
	line = malloc(size);
	fd = memfd_create("batv-question", MFD_CLOEXEC);
	if (!line || fd < 0)
		give_up(asker, "no memory to ask Exim");
	else if (!batv_ask_line(kind, value, list, line, size))
		give_up(asker, "not asked: Exim could take it for an expansion");
	else if (!put_question(fd, line))
		give_up(asker, "not asked: an item of the list is too long");
	else if (converse(asker, fd, answer, sizeof answer))
		match = understand(asker, answer);
	free(line);
	if (fd >= 0)
		close(fd);
	return match;
}

/* What was not plain: asked of Exim, and remembered if that has no answer either. */
static enum batv_match ask(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			   const char *list)
{
	enum batv_match match = batv_ask_exim(asker, kind, value, list);

	if (match == BATV_MAYBE)
		snprintf(asker->list, sizeof asker->list, "%.100s%s", list,
			 strlen(list) > 100 ? "..." : "");
	return match;
}

static enum batv_match ask_domain(void *ctx, const char *domain, const char *list)
{
	enum batv_match m = batv_plain_domain(domain, list);

	return m == BATV_MAYBE ? ask(ctx, BATV_LIST_DOMAINS, domain, list) : m;
}

static enum batv_match ask_address(void *ctx, const char *address, const char *list)
{
	enum batv_match m = batv_plain_address(address, list);

	return m == BATV_MAYBE ? ask(ctx, BATV_LIST_ADDRESSES, address, list) : m;
}

static enum batv_match ask_host(void *ctx, const char *name, const char *address, const char *list)
{
	enum batv_match m = batv_plain_host(address, list);

	(void)name; /* Exim looks it up itself when its list has names */
	return m == BATV_MAYBE ? ask(ctx, BATV_LIST_HOSTS, address, list) : m;
}

void batv_asker_init(struct batv_asker *asker, const char *command, struct batv_matcher *matcher)
{
	*asker = (struct batv_asker){.command = command};
	*matcher = (struct batv_matcher){
		.ctx = asker, .domain = ask_domain, .address = ask_address, .host = ask_host};
}
