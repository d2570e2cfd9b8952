/*
 * ctl_explanation.h - what Exim would make of one message for one recipient, and its printers.
 *
 * Class, evidence, look-ups and judgement come from the very code that Exim runs.  Invariant: it
 * goes as far as it can.  Class and evidence need only the message.  The rest needs a state, a
 * sent-mail memory or an Exim; without them it says "not judged" and never guesses.
 */
#ifndef BATV_CTL_EXPLANATION_H
#define BATV_CTL_EXPLANATION_H

#include "ctl_ask.h"
#include "ctl_item.h"
#include "ctl_message.h"
#include "ctl_words.h"

/* The envelope, where something better than the message's header knows it. */
struct batv_ctl_envelope {
	const char *origin; /* where it is from, "the queue" */
	const char *sender, *rcpt;
	const char *rcpt_origin; /* where the recipient is from; NULL: from origin */
	const char *note;        /* what is not known; NULL: nothing */
	const char *not_judged;  /* why a judgement would be wrong; NULL: it would not */
	const char *host;        /* NULL: not known; "": the message was made on this machine */
	int64_t frozen;          /* since then; 0: it is not */
};

struct batv_explanation {
	const char *name; /* of the file; the id in the queue; NULL: it need not be named */
	struct batv_ctl_message message;
	enum batv_class class;
	struct batv_search search;
	const char *sender_from, *rcpt_from; /* where the addresses were found */
	char sender[BATV_ADDR_SIZE], rcpt[BATV_ADDR_SIZE];
	bool has_rcpt;
	struct batv_asking *asking;
	struct batv_proof proof;
	bool proved; /* the proof was asked about the recipient and has reported its questions */
	struct batv_proof_question questions[BATV_QUESTIONS_MAX];
	size_t n_questions;
	struct batv_judgement judgement;
	struct batv_complete_facts complete; /* of its domain */
	bool judged;
	const char *not_judged;    /* why */
	struct batv_ctl_item item; /* of the list that the reason names; its option is NULL: none */
	char item_words[BATV_CTL_ITEM_SIZE];
	int64_t frozen;   /* in the queue, since then */
	const char *note; /* what is not known about it; NULL: nothing */
};

/*
 * Explains e->message, with name and asking set and all else zero.  envelope: NULL, or what is
 * known; --from, --rcpt and --host go before it.  Returns false if an address is too long.
 */
bool batv_ctl_explanation_make(struct batv_ctl *ctl, const struct batv_ctl_envelope *envelope,
			       struct batv_explanation *e);

/* Its exit status. */
int batv_ctl_explanation_code(const struct batv_explanation *e);
/* The decision, for ctl_words.h; only if it was judged. */
struct batv_ctl_decided batv_ctl_explanation_decided(const struct batv_explanation *e);

#endif
