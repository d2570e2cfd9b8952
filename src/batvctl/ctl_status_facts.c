/*
 * ctl_status_facts.c - collects the problems and notes of batvctl status.
 *
 * It prints nothing.  Invariant: the first BATV_NOTES_MAX of each are kept, in order.  A text that
 * is too long is cut.
 */
#include "ctl_status_facts.h"
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>

void batv_ctl_status_problem(struct batv_status *s, const char *format, ...)
{
	va_list ap;

	if (s->n_problems == BATV_NOTES_MAX)
		return;
	va_start(ap, format);
	batv_notices_format(s->problems[s->n_problems++], sizeof s->problems[0], format, ap);
	va_end(ap);
}

void batv_ctl_status_note(struct batv_status *s, const char *format, ...)
{
	va_list ap;

	if (s->n_notes == BATV_NOTES_MAX)
		return;
	va_start(ap, format);
	batv_notices_format(s->notes[s->n_notes++], sizeof s->notes[0], format, ap);
	va_end(ap);
}
