/*
 * judge.h - gathers the facts about an address from the state, the sent-mail memory and the lists,
 * and asks verdict.c.
 *
 * local_scan(), the dlfunc functions and batvctl all use this code.  They differ only in the
 * matcher, which asks an Exim list.
 */
#ifndef BATV_DECIDE_JUDGE_H
#define BATV_DECIDE_JUDGE_H

#include "decide/lists.h"

/* Everything about one recipient, for the log line, batvctl, and the header. */
struct batv_judgement {
	struct batv_finding finding;
	const struct batv_policy *policy; /* NULL: not ours, or not known */
	const struct batv_key *key; /* of a valid tag; NULL if there is none, or for a legacy key */
	struct batv_proof_answer proof; /* of a remembered recipient, or of one with a hint */
	bool tagged;
	bool by_memory;            /* refused, and the reason is that the memory does not know it */
	char bare[BATV_ADDR_SIZE]; /* the untagged address; "" if it is not an address */
	char domain[BATV_ADDR_SIZE]; /* lower case */
};

/*
 * Finds the verdict and the action for one recipient alone; then call batv_decide() over all of
 * them.  Input that is not an address is unsignable, has no policy, and is accepted.  No list is
 * asked unless its answer matters.  *out is always written, and points into context->state.
 */
void batv_judge_recipient(const struct batv_context *context, const char *rcpt,
			  struct batv_judgement *out);

/*
 * What we may reveal about a bounce's recipient before DATA.  No key is asked and no MAC computed,
 * so neither the answer nor its timing says whether a tag is right.
 */
enum batv_kind {
	BATV_KIND_SPARED, /* no bounce to it is refused now, whatever the bounce contains */
	BATV_KIND_TAGGED, /* has the shape of our tag: refused unless the tag is right */
	BATV_KIND_BARE,   /* untagged: refused unless the message proves itself */
	BATV_KIND_DOUBT,  /* a list could not be looked up: not refused, but only for now */
};

/* Follows batv_judge_recipient() for every class; context->class and ->prove are not looked at. */
enum batv_kind batv_judge_kind(const struct batv_context *context, const char *rcpt);
/*
 * The same about the sender of a message from outside.  BARE: it is an untagged address of ours,
 * from a host that is none of ours, and its domain refuses bounces now; TAGGED: it has the shape of
 * our tag, and nothing more is said about it.  SPARED also where the policy leaves some mail
 * untagged, because such mail comes back through forwarders.
 */
enum batv_kind batv_judge_sender(const struct batv_context *context, const char *sender);
const char *batv_judge_kind_name(enum batv_kind kind); /* "spared" */

#endif
