/*
 * notices.c - keeps what is wrong for the program to report, and passes on what was done.
 *
 * It prints nothing itself and decides nothing.  Invariant: of each kind of trouble there is at
 * most one text, the last one; a text that is too long is cut.
 */
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>

void batv_notices_say(struct batv_notices *notices, int priority, const char *format, ...)
{
	char line[BATV_MESSAGE_SIZE];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(line, sizeof line, format, ap);
	va_end(ap);
	if (notices->say)
		notices->say(notices->say_ctx, priority, line);
}

void batv_notices_trouble(struct batv_notices *notices, enum batv_trouble kind, const char *format,
			  ...)
{
	va_list ap;

	va_start(ap, format);
	batv_notices_format(notices->trouble[kind], sizeof notices->trouble[kind], format, ap);
	va_end(ap);
}

void batv_notices_format(char *out, size_t size, const char *format, va_list ap)
{
	vsnprintf(out, size, format, ap);
	for (unsigned char *p = (unsigned char *)out; *p; p++)
		if (batv_is_control((char)*p) && *p != '\t' && *p != '\n')
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
}
