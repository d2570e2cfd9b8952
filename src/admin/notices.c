/*
 * notices.c - writes down what is wrong, and hands on what was done.
 */
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>

void batv_notices_say(struct batv_notices *notices, int priority, const char *format, ...)
{
	char line[BATV_MESSAGE_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (notices->say)
		notices->say(notices->say_ctx, priority, line);
}

void batv_notices_trouble(struct batv_notices *notices, enum batv_trouble kind, const char *format,
			  ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(notices->trouble[kind], sizeof notices->trouble[kind], format, ap);
	va_end(ap);
}
