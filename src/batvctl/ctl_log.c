/*
 * ctl_log.c - reads Exim's main log for a command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask_exim.h"
#include "ctl_log.h"
#include "run.h"

#define PROGRESS_AFTER 1000 /* milliseconds */
#define BAR 30

/* ---- times ---- */

int64_t batv_ctl_log_local(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int64_t)timegm(&tm) : when;
}

/* 7d (ago), or a date and time by the log's clock. */
static bool parse_time(const struct batv_ctl *ctl, const char *text, int64_t *out)
{
	char ago[64];

	if (snprintf(ago, sizeof ago, "-%s", text) < (int)sizeof ago && text[0] != '+' &&
	    text[0] != '-' && batv_ctl_time_parse(ago, batv_ctl_log_local(ctl->clock), out))
		return true;
	return batv_ctl_time_parse(text, batv_ctl_log_local(ctl->clock), out);
}

static int take_time(const struct batv_ctl_log *log, const char *option, const char *text,
		     int64_t *out)
{
	if (!text || parse_time(log->ctl, text, out))
		return BATV_CTL_YES;
	return batv_ctl_fail(BATV_CTL_USAGE,
			     "%s: %s: expected 7d, 12h, 2026-12-01 or \"2026-12-01 12:00\", not %s",
			     log->command, option, text);
}

static int take_times(struct batv_ctl_log *log, const char *since)
{
	int code;

	log->since = 0;
	log->until = INT64_MAX;
	code = take_time(log, "--since", log->ctl->since ? log->ctl->since : since, &log->since);
	return code ? code : take_time(log, "--until", log->ctl->until, &log->until);
}

int batv_ctl_log_top(const struct batv_ctl *ctl, const char *command, size_t *top)
{
	char *end = NULL;

	if (!ctl->top)
		return BATV_CTL_YES;
	*top = strtoul(ctl->top, &end, 10);
	if (batv_is_digit(ctl->top[0]) && !*end && *top > 0 && *top <= BATV_CTL_LOG_TOP_MAX)
		return BATV_CTL_YES;
	return batv_ctl_fail(BATV_CTL_USAGE, "%s: --top: expected a number from 1 to %d, not %s",
			     command, BATV_CTL_LOG_TOP_MAX, ctl->top);
}

struct tm batv_ctl_log_tm(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm = {0};

	(void)gmtime_r(&t, &tm);
	return tm;
}

const char *batv_ctl_log_date(int64_t when, char out[static BATV_CTL_LOG_TIME])
{
	struct tm tm = batv_ctl_log_tm(when);

	(void)strftime(out, BATV_CTL_LOG_TIME, "%-d %b", &tm);
	return out;
}

const char *batv_ctl_log_moment(int64_t when, char out[static BATV_CTL_LOG_TIME])
{
	struct tm tm = batv_ctl_log_tm(when);

	(void)strftime(out, BATV_CTL_LOG_TIME, "%-d %b %H:%M", &tm);
	return out;
}

void batv_ctl_log_put(json_t *o, const char *key, int64_t when)
{
	struct tm tm = batv_ctl_log_tm(when);
	char text[BATV_CTL_LOG_TIME];

	(void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	batv_ctl_put_text(o, key, when ? text : NULL);
}

void batv_ctl_log_put_files(json_t *o, const struct batv_ctl_log *log)
{
	json_t *files = json_array();

	for (size_t i = 0; i < log->files.n; i++)
		json_array_append_new(files, batv_ctl_json_text(log->files.paths[i]));
	batv_ctl_put(o, "files", files);
}

/* ---- files ---- */

static int find_own(struct batv_ctl_log *log)
{
	const char *command = log->command;
	char list[4096], spool[4096], path[4096];
	struct batv_matcher unused;
	struct batv_asker asker;

	batv_ask_exim_init(&asker, log->ctl->config.global.exim, log->ctl->config_path, &unused);
	if (!batv_ask_exim_option(&asker, "log_file_path", list, sizeof list) ||
	    !batv_ask_exim_option(&asker, "spool_directory", spool, sizeof spool))
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "Exim does not say where its log is: %s; name the files: "
				     "batvctl %s FILE...",
				     asker.why, command);
	if (!batv_log_files_main(list, spool, path, sizeof path))
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "Exim's log_file_path names syslog, or a file for each day; "
				     "name the files: batvctl %s FILE...",
				     command);
	if (!batv_log_files_find(&log->files, path,
				 log->ctl->clock -
					 (batv_ctl_log_local(log->ctl->clock) - log->since)))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", log->files.why);
	return BATV_CTL_YES;
}

/* ---- progress ---- */

struct progress {
	int64_t started; /* batv_run_milliseconds() */
	bool wanted;     /* stderr is a terminal */
	uint64_t all;    /* bytes of all files on the disk; 0: some size is not known */
	uint64_t before; /* bytes of the files before this one */
	uint64_t shown;  /* percent, or megabytes */
};

static struct progress begin_progress(const struct batv_ctl_log *log)
{
	struct progress p = {.started = batv_run_milliseconds(),
			     .wanted = isatty(STDERR_FILENO) == 1};

	for (size_t i = 0; i < log->files.n; i++) {
		struct stat st;

		if (stat(log->files.paths[i], &st) != 0 || !S_ISREG(st.st_mode)) {
			p.all = 0;
			return p;
		}
		p.all += (uint64_t)st.st_size;
	}
	return p;
}

/* If it takes long: how much of all files is read.  Names of files may come from strangers. */
static void show_progress(struct progress *p, const struct batv_log_input *in)
{
	static const char full[] = "##############################",
			  empty[] = "..............................";
	uint64_t done = p->before + in->taken, now = p->all ? done * 100 / p->all : done / 1000000;
	char name[40];
	int bar;

	if (!p->wanted || now == p->shown || batv_run_milliseconds() - p->started < PROGRESS_AFTER)
		return;
	p->shown = now;
	batv_printable(batv_span_of(in->path), name, sizeof name);
	if (p->all) {
		bar = now < 100 ? (int)(now * BAR / 100) : BAR;
		fprintf(stderr, "\r%3d %% %.*s%.*s %s\033[K", now < 100 ? (int)now : 100, bar, full,
			BAR - bar, empty, name);
	} else {
		fprintf(stderr, "\r%" PRIu64 " MB, %s\033[K", now, name);
	}
}

static void end_progress(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = 0;
}

/* ---- reading ---- */

struct taker {
	void (*take)(void *ctx, struct batv_span lines);
	void *ctx;
};

static bool read_file(struct batv_ctl_log *log, size_t i, const struct taker *taker,
		      struct progress *progress)
{
	struct batv_log_input in;
	struct batv_span lines;
	bool good;

	if (!batv_log_input_open(&in, log->files.paths[i])) {
		end_progress(progress);
		(void)batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", in.path, in.why);
		return false;
	}
	while (batv_log_input_next(&in, &lines)) {
		taker->take(taker->ctx, lines);
		show_progress(progress, &in);
	}
	progress->before += in.taken;
	log->n_read++;
	log->bytes += in.size ? in.size : in.text;
	log->text += in.text;
	log->cut += in.cut;
	good = batv_log_input_close(&in);
	if (!good) {
		end_progress(progress);
		(void)batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s; the rest of it is missing here",
				    in.path, in.why);
	}
	return good;
}

bool batv_ctl_log_read(struct batv_ctl_log *log, void (*take)(void *ctx, struct batv_span lines),
		       void *ctx)
{
	const struct taker taker = {take, ctx};
	struct progress progress = begin_progress(log);
	bool good = true;

	for (size_t i = 0; i < log->files.n; i++)
		good = read_file(log, i, &taker, &progress) && good;
	end_progress(&progress);
	log->took = batv_run_milliseconds() - progress.started;
	return good;
}

/* ---- begin and end ---- */

int batv_ctl_log_start(struct batv_ctl_log *log, const char *since, char **args, int n)
{
	int code = take_times(log, n == 0 ? since : NULL);

	log->own = n == 0;
	if (code)
		return code;
	if (log->own)
		return find_own(log);
	if (!batv_log_files_take(&log->files, args, (size_t)n))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", log->command, log->files.why);
	return BATV_CTL_YES;
}

void batv_ctl_log_end(struct batv_ctl_log *log)
{
	batv_log_files_free(&log->files);
}
