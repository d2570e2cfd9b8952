/*
 * ctl_words.h - a decision in words: for the administrator, and for the people at the other side.
 *
 * Pure.  This is the one place for such sentences.
 */
#ifndef BATV_CTL_WORDS_H
#define BATV_CTL_WORDS_H

#include <stddef.h>

#include "decide/verdict.h"

#define BATV_WORDS_SIZE 2048

struct batv_ctl_decided {
	enum batv_verdict verdict;
	enum batv_action action; /* BATV_ACTION_COUNT: deferred, by a limit */
	enum batv_reason reason;
	const char *proof; /* of a remembered recipient: "id", "tag", "pair" */
	const char *class; /* "dsn" */
	const char *item;  /* of the list that the reason names; NULL: not known */
};

/* "refused: the bounce came to ...", without a full stop. */
void batv_ctl_words_decision(const struct batv_ctl_decided *d, char out[static BATV_WORDS_SIZE]);

/* What follows "because": an exemption, or why it was not refused.  NULL: there is no reason. */
const char *batv_ctl_words_reason(enum batv_reason reason);

struct batv_ctl_letter {
	const char *when, *from, *rcpt; /* "27 Nov 14:20"; the sending host; the recipient */
};

/* What to write to the people at the other side: what their server did, and what to change. */
void batv_ctl_words_letter(const struct batv_ctl_decided *d, const struct batv_ctl_letter *letter,
			   char out[static BATV_WORDS_SIZE]);

#endif
