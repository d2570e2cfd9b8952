/*
 * log_files.c - which files are Exim's main log.
 *
 * Files are ordered by the time of their first line, not by name or by the time of their last
 * change: mainlog.10 follows mainlog.9 for a shell, and a copy has a time of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log_files.h"
#include "log_input.h"
#include "log_line.h"

/* ---- the main log ---- */

bool batv_log_files_main(const char *log_file_path, const char *spool, char *out, size_t size)
{
	const char *item = log_file_path, *path = NULL, *mark;
	size_t len = 0;
	int n;

	for (; *item && !path; item += len) {
		item += strspn(item, ": ");
		len = strcspn(item, ": ");
		if (*item == '/')
			path = item;
	}
	if (!path) {
		if (*spool != '/' || strstr(log_file_path, "syslog"))
			return false;
		n = snprintf(out, size, "%s/log/mainlog", spool);
		return n > 0 && (size_t)n < size;
	}
	mark = memmem(path, len, "%s", 2);
	if (!mark || memmem(path, len, "%D", 2) || memmem(path, len, "%M", 2))
		return false;
	n = snprintf(out, size, "%.*smain%.*s", (int)(mark - path), path,
		     (int)(len - (size_t)(mark + 2 - path)), mark + 2);
	return n > 0 && (size_t)n < size;
}

/* ---- the order ---- */

struct dated {
	char *path;
	int64_t first;
};

/* The time of the first line that has one; INT64_MAX: there is none. */
static int64_t first_time(const char *path)
{
	struct batv_log_input in;
	struct batv_span lines, text;
	int64_t when = INT64_MAX;

	if (!batv_log_input_open(&in, path))
		return when; /* it is said when the file is read */
	if (batv_log_input_next(&in, &lines))
		while (when == INT64_MAX && batv_span_next_line(&lines, &text)) {
			struct batv_log_line line;

			batv_log_line_read(text, &line);
			if (line.mark != BATV_LOG_NO_LINE && !batv_log_line_seconds(&line, &when))
				when = INT64_MAX;
		}
	(void)batv_log_input_close(&in);
	return when;
}

/* Of files that begin in the same second, the rotated one is older: its name is longer. */
static int by_time(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;
	size_t x_len = strlen(x->path), y_len = strlen(y->path);

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x_len != y_len)
		return x_len > y_len ? -1 : 1;
	return strcmp(x->path, y->path);
}

static bool sort(struct batv_log_files *f)
{
	struct dated *dated = calloc(f->n + 1, sizeof *dated);

	if (!dated) {
		snprintf(f->why, sizeof f->why, "out of memory");
		return false;
	}
	for (size_t i = 0; i < f->n; i++)
		dated[i] = (struct dated){f->paths[i], first_time(f->paths[i])};
	qsort(dated, f->n, sizeof *dated, by_time);
	for (size_t i = 0; i < f->n; i++)
		f->paths[i] = dated[i].path;
	free(dated);
	return true;
}

static bool add(struct batv_log_files *f, const char *path)
{
	if (f->n == BATV_LOG_FILES_MAX) {
		snprintf(f->why, sizeof f->why, "more than %d files", BATV_LOG_FILES_MAX);
		return false;
	}
	f->paths[f->n] = strdup(path);
	if (!f->paths[f->n]) {
		snprintf(f->why, sizeof f->why, "out of memory");
		return false;
	}
	f->n++;
	return true;
}

bool batv_log_files_take(struct batv_log_files *f, char *const *paths, size_t n)
{
	*f = (struct batv_log_files){0};
	for (size_t i = 0; i < n; i++)
		if (!add(f, paths[i]))
			return false;
	/* What is read from a pipe cannot be looked at first. */
	for (size_t i = 0; i < n; i++) {
		struct stat st;

		if (strcmp(paths[i], "-") == 0 ||
		    (stat(paths[i], &st) == 0 && !S_ISREG(st.st_mode)))
			return true;
	}
	return sort(f);
}

/* ---- what was rotated ---- */

/* "mainlog" itself, or it with "." or "-" and a digit. */
static bool is_of(const char *name, const char *base)
{
	size_t len = strlen(base);

	if (strncmp(name, base, len) != 0)
		return false;
	return !name[len] ||
	       ((name[len] == '.' || name[len] == '-') && batv_is_digit(name[len + 1]));
}

static bool add_found(struct batv_log_files *f, const char *directory, const char *name,
		      int64_t since)
{
	char path[4096];
	struct stat st;

	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path ||
	    stat(path, &st) != 0 || !S_ISREG(st.st_mode) || (int64_t)st.st_mtim.tv_sec < since)
		return true;
	return add(f, path);
}

static bool read_directory(struct batv_log_files *f, const char *directory, const char *base,
			   int64_t since)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	bool good = dir != NULL;

	if (!dir)
		snprintf(f->why, sizeof f->why, "%.200s: cannot read it: %s", directory,
			 strerror(errno));
	while (good && (entry = readdir(dir)) != NULL)
		if (is_of(entry->d_name, base))
			good = add_found(f, directory, entry->d_name, since);
	if (dir)
		closedir(dir);
	return good;
}

bool batv_log_files_find(struct batv_log_files *f, const char *path, int64_t since)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');

	*f = (struct batv_log_files){0};
	if (!slash || (size_t)(slash - path) >= sizeof directory) {
		snprintf(f->why, sizeof f->why, "%.200s: no path of a log", path);
		return false;
	}
	snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
	if (!read_directory(f, *directory ? directory : "/", slash + 1, since))
		return false;
	if (f->n == 0) {
		snprintf(f->why, sizeof f->why, "%.200s: there is no log of that time", path);
		return false;
	}
	return sort(f);
}

void batv_log_files_free(struct batv_log_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->paths[i]);
	f->n = 0;
}
