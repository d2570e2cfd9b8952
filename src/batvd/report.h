/*
 * report.h - where batvd's lines go: a terminal, the journal, or syslog.
 */
#ifndef BATV_REPORT_H
#define BATV_REPORT_H

#include <stdbool.h>

/* debug: to stderr in any case, with the lines of LOG_DEBUG. */
void batv_report_open(bool debug);
/* From now on lines for syslog go there alone. */
void batv_report_started(void);
/* priority: syslog's.  The line is one, bounded and printable: untrusted text is made so before. */
void batv_report(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the shape of batv_keeper.say. */
void batv_report_line(void *ctx, int priority, const char *line);

#endif
