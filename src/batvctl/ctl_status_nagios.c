/*
 * ctl_status_nagios.c - batvctl status --nagios: one line for a monitoring
 * system.
 *
 * The thresholds are fixed.  CRITICAL: there is no usable state, or the
 * published keys end within three days.  WARNING: any other problem that status
 * knows.  UNKNOWN: it could not look.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_status.h"

#define SHOWN 200 /* of the first problem: the line goes to pagers */

enum { OK, WARNING, CRITICAL, UNKNOWN }; /* the exit status */

static int severity(const struct batv_status *s)
{
	if (s->ctl->store.dirfd < 0)
		return UNKNOWN;
	if (s->critical || !s->state_usable ||
	    batv_ctl_status_keys_end(s) < s->ctl->now + BATV_STATUS_KEYS_SOON)
		return CRITICAL;
	return s->n_problems ? WARNING : OK;
}

/* The first problem.  A bar would begin the numbers. */
static void print_problem(const struct batv_status *s)
{
	char text[SHOWN + 1];

	snprintf(text, sizeof text, "%.*s", SHOWN, s->problems[0]);
	for (char *bar = text; (bar = strchr(bar, '|')) != NULL;)
		*bar = '/';
	fputs(text, stdout);
	if (s->n_problems > 1)
		printf(" (and %zu more)", s->n_problems - 1);
}

int batv_ctl_status_print_nagios(struct batv_status *s)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	int64_t end = batv_ctl_status_keys_end(s);
	size_t refusing = batv_ctl_status_refusing(s);
	struct batv_status_figures f = {0};
	int code = severity(s);

	printf("BATV %s - ", words[code]);
	if (s->n_problems)
		print_problem(s);
	else
		printf("%zu %s", refusing, refusing == 1 ? "domain refuses" : "domains refuse");
	if (s->memory_ok)
		batv_ctl_status_figures(s, 0, s->ctl->now, &f);
	if (code != UNKNOWN)
		printf(" | signed=%" PRIu64 "c refused=%" PRIu64 "c key_ends=%" PRId64 "s",
		       f.left_signed, f.refused, end > s->ctl->now ? end - s->ctl->now : 0);
	putchar('\n');
	return code;
}
