/*
 * ctl_log.h - reads Exim's main log for a command: which files, which time, and the progress.
 *
 * Times of the log are the log's own clock.  A zone in its lines is ignored.
 */
#ifndef BATV_CTL_LOG_H
#define BATV_CTL_LOG_H

#include <time.h>

#include "ctl.h"
#include "log_files.h"
#include "log_input.h"

struct batv_ctl_log {
	struct batv_ctl *ctl;
	const char *command; /* for messages */
	struct batv_log_files files;
	bool own;             /* the files are this server's own log */
	int64_t since, until; /* by the log's clock; the second is not included */
	uint64_t n_read;      /* files */
	uint64_t bytes, text; /* on the disk; after decompression */
	uint64_t cut;         /* lines that were too long */
	int64_t took;         /* milliseconds */
};

/*
 * Takes --since and --until, and the files: those given, or with n = 0 Exim's own with what was
 * rotated.  `since` is the default for those; NULL: all.  Returns a code, and prints what is wrong.
 */
int batv_ctl_log_start(struct batv_ctl_log *log, const char *since, char **args, int n);

/*
 * Reads them, oldest first, and gives `take` whole lines.  Returns false if a file could not be
 * read to its end; that was printed.
 */
bool batv_ctl_log_read(struct batv_ctl_log *log, void (*take)(void *ctx, struct batv_span lines),
		       void *ctx);
void batv_ctl_log_end(struct batv_ctl_log *log);

/* Takes --top: a number from 1 to 1000. */
#define BATV_CTL_LOG_TOP_MAX 1000
int batv_ctl_log_top(const struct batv_ctl *ctl, const char *command, size_t *top);

/* What a local clock shows, as if it were UTC: that is the log's clock. */
int64_t batv_ctl_log_local(int64_t when);
/* A time of the log, in parts; "20 Nov"; "20 Nov 09:14". */
struct tm batv_ctl_log_tm(int64_t when);
#define BATV_CTL_LOG_TIME 32
const char *batv_ctl_log_date(int64_t when, char out[static BATV_CTL_LOG_TIME]);
const char *batv_ctl_log_moment(int64_t when, char out[static BATV_CTL_LOG_TIME]);
/* Sets a member to the time as the log has it; 0 becomes null. */
void batv_ctl_log_put(json_t *o, const char *key, int64_t when);
void batv_ctl_log_put_files(json_t *o, const struct batv_ctl_log *log); /* sets "files" */

#endif
