/*
 * run.h - runs a program to its end, without a shell, within a time, and keeps what it prints.
 */
#ifndef BATV_RUN_H
#define BATV_RUN_H

#include "exim_user.h"

struct batv_ran {
	char *text;    /* what it printed, output and errors in their order; never NULL */
	size_t len;    /* without the NUL after it */
	int status;    /* its exit status; 128 and the signal that ended it; -1: it did not run */
	bool late;     /* it was ended, because its time was over */
	char why[300]; /* one sentence if the status is not 0: an error in Exim's configuration, the
			  last line that it printed, or why it did not run */
};

/*
 * Runs args[0], a path, with `input` (NULL: nothing) as its input, as the user `as` (NULL: the
 * caller).  The program gets a PATH of system directories and LC_ALL=C; so does the caller from now
 * on.  Returns true if the program ended with status 0.  batv_run_free() frees the text either way.
 */
bool batv_run(const char *const *args, const char *input, unsigned seconds,
	      const struct batv_exim_user *as, struct batv_ran *ran);
void batv_run_free(struct batv_ran *ran);

#endif
