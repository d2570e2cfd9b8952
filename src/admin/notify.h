/*
 * notify.h - tells the service manager how a daemon is doing: sd_notify(3), or nothing.
 */
#ifndef BATV_NOTIFY_H
#define BATV_NOTIFY_H

#include <stdint.h>

/* It has done what it can, and is waiting. */
void batv_notify_ready(void);
/* It is reading everything again, until batv_notify_ready().  now: CLOCK_MONOTONIC, in us. */
void batv_notify_reloading(int64_t now);
void batv_notify_stopping(void);
/* It has looked, and is not stuck. */
void batv_notify_alive(void);
/*
 * Seconds, 1 to limit, between two calls of batv_notify_alive(): the manager wants two of them in
 * its WatchdogSec=.
 */
unsigned batv_notify_pace(unsigned limit);
/* Sets the line that `systemctl status` shows.  It is cut after 400 bytes. */
void batv_notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
