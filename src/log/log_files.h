/*
 * log_files.h - which files are Exim's main log, and in which order they are read.
 */
#ifndef BATV_LOG_FILES_H
#define BATV_LOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATV_LOG_FILES_MAX 1000

struct batv_log_files {
	char *paths[BATV_LOG_FILES_MAX]; /* the oldest first */
	size_t n;
	char why[300]; /* the error, one sentence */
};

/*
 * Makes the path of the main log from Exim's options log_file_path and spool_directory.  Returns
 * false if it goes to syslog only, or to a file for each day.
 */
bool batv_log_files_main(const char *log_file_path, const char *spool, char *out, size_t size);

/*
 * Finds the log of this path and what was rotated: mainlog.1, mainlog.2.gz, mainlog-20261120. Files
 * that were last written before `since` (seconds since 1970) are left out.  Returns false if no
 * file is left, or the directory cannot be read.
 */
bool batv_log_files_find(struct batv_log_files *f, const char *path, int64_t since);

/* Takes these files, and puts them in the order of their first lines. */
bool batv_log_files_take(struct batv_log_files *f, char *const *paths, size_t n);

void batv_log_files_free(struct batv_log_files *f);

#endif
