/*
 * ask_exim.h - asks Exim itself whether something is in one of its lists: `exim -be`, without a
 * shell, within bounded time and output.
 */
#ifndef BATV_ASK_EXIM_H
#define BATV_ASK_EXIM_H

#include "judge.h"

#define BATV_ASK_SECONDS 5

/*
 * Lists of plain items are answered without asking; for the rest Exim is asked, and without an
 * Exim the answer is BATV_MAYBE.  `why` and `list` say what stood in the way of the last MAYBE.
 */
struct batv_asker {
	const char *command; /* "": there is no Exim; split at spaces */
	char why[300];
	char list[120]; /* which list that was, shortened for printing */
};

/* asker is borrowed by *matcher. */
void batv_asker_init(struct batv_asker *asker, const char *command, struct batv_matcher *matcher);

/*
 * One question to Exim, always asked.  A value with bytes that Exim could expand, or a list that
 * cannot be handed over unchanged, is MAYBE.
 */
enum batv_match batv_ask_exim(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			      const char *list);

/* The `exim -be` line for it; false: not safe, or too long.  (Pure, for the tests.) */
bool batv_ask_line(enum batv_list_kind kind, const char *value, const char *list, char *out,
		   size_t size);

#endif
