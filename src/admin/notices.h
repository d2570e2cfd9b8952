/*
 * notices.h - what a look at the state directory reports: a line for each thing that was done, and
 * what is wrong.
 */
#ifndef BATV_NOTICES_H
#define BATV_NOTICES_H

#include <stdarg.h>

#include "config.h"
#include "store.h"

/* What can be wrong at a look.  Each has its own message. */
enum batv_trouble {
	BATV_TROUBLE_LOCK,      /* another process holds the writers' lock */
	BATV_TROUBLE_SECRET,    /* the secret file is missing, damaged, or cannot be written */
	BATV_TROUBLE_KEYS,      /* more live keys than fit */
	BATV_TROUBLE_STATE,     /* the state could not be written */
	BATV_TROUBLE_MEMORY,    /* there is no memory file, and none could be made */
	BATV_TROUBLE_OVERRIDES, /* the file of batvctl enforce cannot be read */
	BATV_TROUBLE_FLEET,     /* what the other hosts say cannot be read */
	BATV_TROUBLE_SHARE,     /* batv-fleet cannot be given what it needs */
	BATV_TROUBLE_COUNT
};

struct batv_notices {
	char trouble[BATV_TROUBLE_COUNT][BATV_MESSAGE_SIZE]; /* of the last look; "": none */
	void (*say)(void *ctx, int priority,
		    const char *line); /* what was done; syslog's priorities */
	void *say_ctx;
};

/* Passes a line on; nobody may be listening. */
void batv_notices_say(struct batv_notices *notices, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Replaces what was noted of that kind. */
void batv_notices_trouble(struct batv_notices *notices, enum batv_trouble kind, const char *format,
			  ...) __attribute__((format(printf, 3, 4)));

/*
 * vsnprintf() for a line that goes to a terminal: each control character but tab and line feed
 * becomes "?", those that UTF-8 writes in two bytes included.  A name in it may be a stranger's.
 */
void batv_notices_format(char *out, size_t size, const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));

#endif
