/*
 * notify.h - tells the service manager how batvd is doing: sd_notify(3), or nothing.
 */
#ifndef BATVD_NOTIFY_H
#define BATVD_NOTIFY_H

#include <stdint.h>

/* batvd has published what it can, and waits for work. */
void batv_notify_ready(void);
/* batvd reads everything again; batv_notify_ready() ends it.  now: CLOCK_MONOTONIC, microseconds.
 */
void batv_notify_reloading(int64_t now);
void batv_notify_stopping(void);
/* One line of text for `systemctl status`; a longer one is cut after 400 bytes. */
void batv_notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
