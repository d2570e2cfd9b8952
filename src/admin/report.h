/*
 * report.h - writes a daemon's lines to a terminal, the journal, or syslog.
 */
#ifndef BATV_REPORT_H
#define BATV_REPORT_H

#include <stdbool.h>

/* Decides where lines go.  name: the program's, a constant.  debug: to stderr or the journal, with
 * the lines of LOG_DEBUG. */
void batv_report_open(const char *name, bool debug);
/* From now on, lines for syslog go only there. */
void batv_report_started(void);
/* Writes one line.  priority: syslog's.  Make untrusted text short and printable before. */
void batv_report(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, for struct batv_notices' say. */
void batv_report_line(void *ctx, int priority, const char *line);

#endif
