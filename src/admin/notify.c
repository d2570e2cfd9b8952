/*
 * notify.c - the only user of libsystemd.
 *
 * It does nothing if built with SYSTEMD=no, or if systemd did not start the daemon, which never
 * depends on being heard.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "notify.h"

#ifdef BATV_SYSTEMD
# include <systemd/sd-daemon.h>

static void tell(const char *message)
{
	(void)sd_notify(0, message);
}

/* WatchdogSec= of the unit, in us; 0: there is none. */
static uint64_t watchdog(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}
#else
static void tell(const char *message)
{
	(void)message;
}

static uint64_t watchdog(void)
{
	return 0;
}
#endif

void batv_notify_ready(void)
{
	tell("READY=1");
}

void batv_notify_reloading(int64_t now)
{
	char message[64];

	snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now);
	tell(message);
}

void batv_notify_stopping(void)
{
	tell("STOPPING=1");
}

void batv_notify_alive(void)
{
	tell("WATCHDOG=1");
}

unsigned batv_notify_pace(unsigned limit)
{
	uint64_t half = watchdog() / 2 / 1000000;

	if (!watchdog() || half >= limit)
		return limit;
	return half ? (unsigned)half : 1;
}

void batv_notify_status(const char *format, ...)
{
	char line[401], message[sizeof "STATUS=" + sizeof line];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	snprintf(message, sizeof message, "STATUS=%s", line);
	tell(message);
}
