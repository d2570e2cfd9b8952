/*
 * judge.h - gathers the facts of an address from state, memory and lists, and asks
 * verdict.c.  The same code for local_scan(), the dlfunc functions and batvctl: they differ
 * only in the matcher, which knows how to look into an Exim list.
 */
#ifndef BATV_DECIDE_JUDGE_H
#define BATV_DECIDE_JUDGE_H

#include "decide/lists.h"

/* Everything about one recipient, for the log line, batvctl, and the header. */
struct batv_judgement {
	struct batv_finding finding;
	const struct batv_policy *policy; /* NULL: not ours, or not known */
	const struct batv_key *key;       /* of a valid tag; NULL: none, or a legacy key */
	struct batv_proof_answer proof;   /* of a remembered one */
	bool tagged;
	char bare[BATV_ADDR_SIZE];   /* "" when it is no address */
	char domain[BATV_ADDR_SIZE]; /* lower case */
};

/*
 * Verdict and own action of one recipient; follow it by batv_decide over all of them.  What is no
 * address is unsignable, without a policy, and accepted.  Lists are asked only as far as needed.
 */
void batv_judge_recipient(const struct batv_context *context, const char *rcpt,
			  struct batv_judgement *out);

/*
 * What may be told of a bounce's recipient before DATA.  No key is asked and no MAC computed, so
 * neither the answer nor its time says what a tag is worth.
 */
enum batv_kind {
	BATV_KIND_SPARED, /* no bounce to it is refused now, whatever it holds */
	BATV_KIND_TAGGED, /* has the shape of a tag of ours: refused unless the tag is right */
	BATV_KIND_BARE,   /* refused unless the message proves itself */
	BATV_KIND_DOUBT,  /* a list could not be looked up: not refused, but who knows for how long
			   */
};

/* Follows batv_judge_recipient() for every class; context->class and ->prove are not looked at. */
enum batv_kind batv_judge_kind(const struct batv_context *context, const char *rcpt);
const char *batv_judge_kind_name(enum batv_kind kind); /* "spared" */

#endif
