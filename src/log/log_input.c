/*
 * log_input.c - reads log files in blocks of whole lines.
 *
 * read() and not mmap(): a page fault for each 4 KB takes more time than the copy, and a log that
 * is cut while it is mapped would end the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_input.h"

extern char **environ;

#define BUFFER_SIZE (BATV_LOG_BLOCK + BATV_LOG_LINE_MAX)

static bool fail(struct batv_log_input *in, const char *what, int error)
{
	if (!*in->why)
		snprintf(in->why, sizeof in->why, "%s: %s", what, strerror(error));
	return false;
}

/* ---- compressed files ---- */

static const char *decompressor(const unsigned char *head, ssize_t n)
{
	static const struct {
		const char *magic, *program;
		ssize_t len;
	} kinds[] = {{"\x1f\x8b", "gzip", 2},
		     {"\xfd"
		      "7zXZ",
		      "xz", 5},
		     {"\x28\xb5\x2f\xfd", "zstd", 4},
		     {"BZh", "bzip2", 3}};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (n >= kinds[i].len && memcmp(head, kinds[i].magic, (size_t)kinds[i].len) == 0)
			return kinds[i].program;
	return NULL;
}

static int spawn(const char *program, int from, int to, pid_t *child)
{
	char *args[] = {(char *)(uintptr_t)program, (char[]){"-dc"}, NULL};
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	if (!error)
		error = posix_spawnp(child, program, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static bool start_decompressor(struct batv_log_input *in, const char *program)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(in, "cannot make a pipe", errno);
	error = spawn(program, in->file, ends[1], &in->child);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		in->child = 0;
		snprintf(in->why, sizeof in->why, "it needs the program %s: %s", program,
			 strerror(error));
		return false;
	}
	in->program = program;
	in->from = ends[0];
	return true;
}

/* ---- the file ---- */

static bool open_file(struct batv_log_input *in)
{
	unsigned char head[8];
	const char *program;
	struct stat st;
	ssize_t n;

	in->file = strcmp(in->path, "-") == 0 ? dup(STDIN_FILENO)
					      : open(in->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->file < 0)
		return fail(in, "cannot open it", errno);
	if (fstat(in->file, &st) != 0)
		return fail(in, "cannot look at it", errno);
	if (S_ISDIR(st.st_mode))
		return fail(in, "cannot read it", EISDIR);
	in->from = in->file;
	if (!S_ISREG(st.st_mode))
		return true; /* a pipe: its text is plain */
	in->size = (uint64_t)st.st_size;
	(void)posix_fadvise(in->file, 0, 0, POSIX_FADV_SEQUENTIAL);
	n = pread(in->file, head, sizeof head, 0);
	program = n > 0 ? decompressor(head, n) : NULL;
	return !program || start_decompressor(in, program);
}

static void release(struct batv_log_input *in)
{
	if (in->from >= 0 && in->from != in->file)
		close(in->from);
	if (in->file >= 0)
		close(in->file);
	in->from = in->file = -1;
	free(in->buffer);
	in->buffer = NULL;
}

bool batv_log_input_open(struct batv_log_input *in, const char *path)
{
	*in = (struct batv_log_input){.path = path, .file = -1, .from = -1};
	in->buffer = malloc(BUFFER_SIZE);
	if (!in->buffer)
		return fail(in, "cannot read it", ENOMEM);
	if (open_file(in))
		return true;
	release(in);
	return false;
}

static void note_progress(struct batv_log_input *in, size_t n)
{
	off_t at = in->child ? lseek(in->file, 0, SEEK_CUR) : -1;

	in->text += n;
	in->taken = at >= 0 ? (uint64_t)at : in->text;
}

/* Reads more, after what is there. */
static void fill(struct batv_log_input *in)
{
	ssize_t n;

	memmove(in->buffer, in->buffer + in->start, in->end - in->start);
	in->end -= in->start;
	in->start = 0;
	do
		n = read(in->from, in->buffer + in->end, BUFFER_SIZE - in->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		fail(in, "cannot read it", errno);
	if (n <= 0) {
		in->over = true;
		return;
	}
	in->end += (size_t)n;
	note_progress(in, (size_t)n);
}

/* A line that fills the buffer: nothing of it is returned. */
static void skip_long_line(struct batv_log_input *in)
{
	in->cut++;
	in->skipping = true;
	in->start = in->end;
}

bool batv_log_input_next(struct batv_log_input *in, struct batv_span *lines)
{
	while (!in->over) {
		char *last, *first;

		fill(in);
		if (in->skipping && in->end > in->start) {
			first = memchr(in->buffer + in->start, '\n', in->end - in->start);
			in->start = first ? (size_t)(first - in->buffer) + 1 : in->end;
			in->skipping = !first;
		}
		last = in->end > in->start
			       ? memrchr(in->buffer + in->start, '\n', in->end - in->start)
			       : NULL;
		if (last) {
			size_t end = (size_t)(last - in->buffer) + 1;

			*lines = (struct batv_span){in->buffer + in->start, end - in->start};
			in->start = end;
			return true;
		}
		if (in->end - in->start > BATV_LOG_LINE_MAX)
			skip_long_line(in);
	}
	*lines = (struct batv_span){in->buffer + in->start, in->end - in->start};
	in->start = in->end;
	return lines->len > 0;
}

static void end_decompressor(struct batv_log_input *in)
{
	int status;
	pid_t done;

	do
		done = waitpid(in->child, &status, 0);
	while (done < 0 && errno == EINTR);
	/* One that was not read to its end was ended by SIGPIPE. */
	if (done == in->child && in->over && status != 0 && !*in->why)
		snprintf(in->why, sizeof in->why, "%s could not read all of it", in->program);
}

bool batv_log_input_close(struct batv_log_input *in)
{
	release(in);
	if (in->child)
		end_decompressor(in);
	return !*in->why;
}
