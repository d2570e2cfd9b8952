/*
 * report.c - writes a daemon's lines to stderr or to syslog.
 *
 * Invariant: batv_report_open() decides once where lines go.  Until batv_report_started(), lines
 * for syslog also go to stderr, so that someone who starts it by hand sees why it does not
 * start.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "notices.h"
#include "report.h"

static enum { TO_STDERR, TO_JOURNAL, TO_SYSLOG } way = TO_STDERR;
static const char *program = "batvd";
static bool debugging, started;

void batv_report_open(const char *name, bool debug)
{
	program = name;
	debugging = debug;
	if (getenv("JOURNAL_STREAM"))
		way = TO_JOURNAL;
	else if (debug || isatty(STDERR_FILENO))
		way = TO_STDERR;
	else
		way = TO_SYSLOG;
	if (way == TO_SYSLOG)
		openlog(name, LOG_PID, LOG_MAIL);
}

void batv_report_line(void *ctx, int priority, const char *line)
{
	(void)ctx;
	if (priority == LOG_DEBUG && !debugging)
		return;
	if (way == TO_SYSLOG)
		syslog(priority, "%s", line);
	else if (way == TO_JOURNAL) /* systemd reads the priority in front, see sd-daemon(3) */
		fprintf(stderr, "<%d>%s\n", priority, line);
	if (way == TO_STDERR || (way == TO_SYSLOG && !started))
		fprintf(stderr, "%s: %s\n", program, line);
}

void batv_report_started(void)
{
	started = true;
}

void batv_report(int priority, const char *format, ...)
{
	char line[BATV_MESSAGE_SIZE];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(line, sizeof line, format, ap);
	va_end(ap);
	batv_report_line(NULL, priority, line);
}
