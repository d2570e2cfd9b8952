/*
 * run.h - runs a program to its end, without a shell, within a time, and keeps what it prints.
 */
#ifndef BATV_RUN_H
#define BATV_RUN_H

#include "exim_user.h"

struct batv_ran {
	char *text;    /* what it printed; never NULL */
	size_t len;    /* without the NUL after it */
	int status;    /* its exit status; 128 and the signal that ended it; -1: it did not run */
	bool late;     /* it was ended, because its time was over */
	bool cut;      /* it was ended, because it printed more than is kept */
	char why[300]; /* one sentence if the status is not 0: an error in Exim's configuration, the
			  last line that it printed, or why it did not run */
};

struct batv_run_job {
	const char *const *args; /* args[0] is a path */
	const char *input;       /* NULL: nothing */
	unsigned seconds;
	size_t max;                      /* bytes that are kept; 0: 8 MB */
	bool apart;                      /* `text` is its output alone; errors are for `why` */
	const struct batv_exim_user *as; /* NULL: the caller */
};

/*
 * Runs a program, in an environment with a PATH of system directories and LC_ALL=C.  Returns true
 * if it ended with status 0.  batv_run_free() frees the text either way.
 */
bool batv_run_job(const struct batv_run_job *job, struct batv_ran *ran);

/* The same; output and errors are kept in their order. */
bool batv_run(const char *const *args, const char *input, unsigned seconds,
	      const struct batv_exim_user *as, struct batv_ran *ran);
void batv_run_free(struct batv_ran *ran);

int64_t batv_run_milliseconds(void); /* of a clock that nobody sets */

#endif
