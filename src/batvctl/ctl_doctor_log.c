/*
 * ctl_doctor_log.c - batvctl doctor: Exim's main log, what is in it, and how long it is kept.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_doctor.h"
#include "log_files.h"
#include "run.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define LOGROTATE "/etc/logrotate.d"
#define PATH_SIZE 1024

static char *option(const struct batv_ctl_doctor *d, const char *name)
{
	const char *args[] = {"-bP", name, NULL};
	struct batv_ran ran;
	char *value;

	(void)batv_installation_run(&d->inst, args, NULL, NULL, &ran);
	value = strchr(ran.text, '=');
	value = strdup(value ? value + 1 + strspn(value + 1, " ") : "");
	batv_run_free(&ran);
	if (value)
		value[strcspn(value, "\n")] = '\0';
	return value;
}

/* ---- where it is ---- */

static bool main_log(const struct batv_ctl_doctor *d, char out[PATH_SIZE])
{
	char *list = option(d, "log_file_path"), *spool = option(d, "spool_directory");
	bool ok = list && spool && batv_log_files_main(list, spool, out, PATH_SIZE);

	free(list);
	free(spool);
	return ok;
}

/* ---- what is in it ---- */

static void check_selector(struct batv_ctl_doctor *d)
{
	char *selector = option(d, "log_selector");
	struct batv_ctl_doctor_finding *f;

	if (selector && (strstr(selector, "+received_recipients") || strstr(selector, "+all"))) {
		ADD(LOG_SELECTOR, OK, "the log names the recipients of what arrives");
	} else {
		f = ADD(LOG_SELECTOR, WARN, "the log does not name the recipients of what arrives");
		batv_ctl_doctor_finding_why(
			f, "so batvctl remember --from-exim-log cannot learn who wrote to whom");
		batv_ctl_doctor_finding_fix(
			f,
			d->inst.layout == BATV_LAYOUT_PLAIN
				? "log_selector = +received_recipients   in %s"
				: "MAIN_LOG_SELECTOR = +received_recipients   in the macros of %s",
			d->inst.layout == BATV_LAYOUT_PLAIN ? d->inst.configuration
							    : BATV_ETC_EXIM);
	}
	free(selector);
}

/* ---- how long it is kept ---- */

struct rotation {
	unsigned count, days; /* `count` files of `days` each; count 0: not found */
	char file[300];
};

static void take_words(struct rotation *r, char *block)
{
	char *save = NULL;

	for (char *w = strtok_r(block, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save)) {
		if (strcmp(w, "daily") == 0)
			r->days = 1;
		else if (strcmp(w, "weekly") == 0)
			r->days = 7;
		else if (strcmp(w, "monthly") == 0)
			r->days = 30;
		else if (strcmp(w, "yearly") == 0)
			r->days = 365;
		else if (strcmp(w, "rotate") == 0 && (w = strtok_r(NULL, " \t\n", &save)))
			r->count = (unsigned)strtoul(w, NULL, 10);
	}
}

/* Does one of these patterns name the log? */
static bool names(char *patterns, const char *log)
{
	char *save = NULL;

	for (char *w = strtok_r(patterns, " \t\n\"", &save); w;
	     w = strtok_r(NULL, " \t\n\"", &save))
		if (*w == '/' && fnmatch(w, log, FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* "PATTERN... {" words "}": logrotate's own defaults are weekly and, in Debian, four. */
static void read_rotation(struct rotation *r, const char *path, const char *log)
{
	char *text = calloc(1, 65536), *at = text, *begin, *end;
	FILE *f = fopen(path, "re");

	if (text && f)
		text[fread(text, 1, 65535, f)] = '\0';
	while (text && f && (begin = strchr(at, '{')) && (end = strchr(begin, '}'))) {
		*begin = *end = '\0';
		if (names(at, log)) {
			*r = (struct rotation){.count = 4, .days = 7};
			snprintf(r->file, sizeof r->file, "%s", path);
			take_words(r, begin + 1);
		}
		at = end + 1;
	}
	if (f)
		fclose(f);
	free(text);
}

static void find_rotation(struct rotation *r, const char *log)
{
	DIR *dir = opendir(LOGROTATE);
	struct dirent *entry;
	char path[300];

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && snprintf(path, sizeof path, "%s/%s", LOGROTATE,
							entry->d_name) < (int)sizeof path)
			read_rotation(r, path, log);
	if (dir)
		closedir(dir);
}

static void check_retention(struct batv_ctl_doctor *d, const char *log)
{
	const int64_t kept = d->config_ok ? d->ctl->config.global.memory_retention / BATV_DAY : 0;
	struct rotation r = {0};
	struct batv_ctl_doctor_finding *f;

	find_rotation(&r, log);
	if (!r.count || !kept)
		return;
	if ((int64_t)r.count * r.days >= kept) {
		ADD(LOG_RETENTION, OK, "the log goes back %u days", r.count * r.days);
		return;
	}
	f = ADD(LOG_RETENTION, WARN, "the log goes back %u days, the sent-mail memory %" PRId64,
		r.count * r.days, kept);
	batv_ctl_doctor_finding_why(
		f,
		"a memory that is lost can only be filled again from the log (batvctl remember)");
	batv_ctl_doctor_finding_fix(f, "rotate %" PRId64 "   in %s", (kept + r.days - 1) / r.days,
				    r.file);
}

/* ---- who refuses signed senders ---- */

struct refusals {
	uint64_t n;
	char host[200], text[300];
};

/* "2026-11-27 14:20:00 ", then perhaps a zone, "[PID] ", an id: returns what comes after the id. */
static const char *after_id(const char *line)
{
	static const char date[] = "0000-00-00 00:00:00";

	for (size_t i = 0; i < sizeof date - 1; i++)
		if (date[i] == '0' ? !batv_is_digit(line[i]) : line[i] != date[i])
			return NULL;
	line += sizeof date - 1;
	line += strspn(line, ".0123456789");
	for (int words = 0; words < 3; words++) { /* zone, process, id */
		if (*line++ != ' ')
			return NULL;
		if (strncmp(line, "** ", 3) == 0)
			return line;
		line += strcspn(line, " \n");
	}
	return *line++ == ' ' && strncmp(line, "** ", 3) == 0 ? line : NULL;
}

/* A failed delivery: the host's answer to MAIL FROM with one of our tags. */
static void take_line(struct refusals *found, const char *line)
{
	const char *text = after_id(line), *from, *host, *end;
	struct batv_addr addr;
	struct batv_tag tag;

	if (!text)
		return;
	/* "SMTP error from remote mail server after pipelined MAIL FROM:<...> SIZE=...: 550 ..." */
	from = strstr(text, " MAIL FROM:<");
	host = strstr(text, " H=");
	if (!from || !host || host > from)
		return;
	from += strlen(" MAIL FROM:<");
	end = strchr(from, '>');
	if (!end || batv_addr_parse(from, (size_t)(end - from), &addr) != BATV_OK ||
	    !batv_tag_parse(&addr, &tag))
		return;
	found->n++;
	snprintf(found->host, sizeof found->host, "%.*s", (int)strcspn(host + 3, " \n"), host + 3);
	end += strcspn(end, ":\n");
	end += strspn(end, ": ");
	snprintf(found->text, sizeof found->text, "%.*s", (int)strcspn(end, "\n"), end);
}

static bool read_log(struct refusals *found, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (getline(&line, &size, f) > 0)
		if (strstr(line, " ** "))
			take_line(found, line);
	free(line);
	fclose(f);
	return true;
}

static void check_refusals(struct batv_ctl_doctor *d, const char *log)
{
	struct refusals found = {0};
	struct batv_ctl_doctor_finding *f;
	char before[PATH_SIZE + 2];

	snprintf(before, sizeof before, "%s.1", log);
	(void)read_log(&found, before);
	if (!read_log(&found, log) && errno != ENOENT) {
		f = ADD(SMARTHOST, BLIND, "Exim's log cannot be read");
		batv_ctl_doctor_finding_why(f, "%s: %s", log, strerror(errno));
		batv_ctl_doctor_finding_fix(f, "run batvctl doctor as root");
	} else if (!found.n) {
		ADD(SMARTHOST, OK, "no host refused a signed sender since the log began");
	} else {
		f = ADD(SMARTHOST, FAIL,
			"%" PRIu64 " %s not delivered, because the sender was signed", found.n,
			found.n == 1 ? "message was" : "messages were");
		batv_ctl_doctor_finding_why(f, "%s answered to MAIL FROM: %s", found.host,
					    found.text);
		batv_ctl_doctor_finding_fix(f, "let that host accept senders prvs=...; if it "
					       "cannot: unsigned_destinations for "
					       "its domains, or for a smarthost: batvctl disable");
	}
}

void batv_ctl_doctor_log(struct batv_ctl_doctor *d)
{
	char log[PATH_SIZE];

	if (!d->has_exim)
		return;
	check_selector(d);
	if (!main_log(d, log)) {
		batv_ctl_doctor_finding_why(
			ADD(SMARTHOST, WARN, "Exim's log is not a file that could be read"),
			"log_file_path names syslog, or a file for each day");
		return;
	}
	check_retention(d, log);
	check_refusals(d, log);
}
