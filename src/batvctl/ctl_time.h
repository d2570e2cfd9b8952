/*
 * ctl_time.h - times as people write and read them.  All times are UTC.
 */
#ifndef BATV_CTL_TIME_H
#define BATV_CTL_TIME_H

#include "base/span.h"

#define BATV_TIME_SIZE 32

/*
 * Parses now, 2026-12-01, 2026-12-01 12:00[:00][Z] (also with "T"), +3d or -1d (from now; a
 * duration as in the configuration) or @1796126400.  Returns false for any other text, and for a
 * day that does not exist.
 */
bool batv_ctl_time_parse(const char *text, int64_t now, int64_t *out);

/* Writes "2026-12-01 12:00:00 UTC", or "never" for 0 and INT64_MAX; size >= BATV_TIME_SIZE. */
void batv_ctl_time_format(int64_t when, char *out, size_t size);

#endif
