/*
 * verdict.h - from facts to a verdict for each recipient of one automatic message, and
 * from the verdicts to what becomes of the message.  Pure: no I/O, no clock, no lists.
 */
#ifndef BATV_DECIDE_VERDICT_H
#define BATV_DECIDE_VERDICT_H

#include "decide/policy.h"

enum batv_verdict {
	BATV_VALID,      /* our tag, right MAC, key alive */
	BATV_REMEMBERED, /* cites a message of ours that we sent for this recipient */
	BATV_EXEMPT,     /* see the reason */
	BATV_UNSIGNABLE, /* the address could never have carried a tag */
	BATV_NOT_OURS,   /* its domain is not protected */
	BATV_MISSING,    /* protected, and bare */
	BATV_EXPIRED,    /* our tag, its key is destroyed or its day has passed */
	BATV_FORGED,     /* tag shape, wrong MAC or unknown key */
	BATV_VERDICT_COUNT
};

/* Why a verdict or an action is what it is; in the log line as reason=. */
enum batv_reason {
	BATV_WHY_NONE, /* nothing to add: "-" */
	/* exemptions */
	BATV_WHY_AUTHENTICATED,
	BATV_WHY_OWN_HOST,
	BATV_WHY_EXEMPT_HOST,
	BATV_WHY_ACL,
	BATV_WHY_EXEMPT_RECIPIENT,
	BATV_WHY_UNSIGNED_SENDER,
	BATV_WHY_SRS,
	BATV_WHY_LOCAL,
	/* why a failed verdict is not refused */
	BATV_WHY_OBSERVE,   /* enforcement = observe */
	BATV_WHY_NOT_ARMED, /* enforcement = auto, the domain is not armed yet */
	BATV_WHY_OBSERVE_FILE,
	BATV_WHY_CLASS,
	BATV_WHY_RELAY_HOST,
	BATV_WHY_MIXED,       /* another recipient of the message decided it */
	BATV_WHY_DOUBT,       /* a list could not be looked up, no usable state, ... */
	BATV_WHY_NO_MEMORY,   /* could not be proven for want of a complete memory */
	BATV_WHY_LOST_SECRET, /* tags of a lost secret look forged, and still come back */
	BATV_WHY_COUNT
};

/* Three answers of a list look-up; MAYBE is doubt (DEFER, or nobody to ask). */
enum batv_match { BATV_NO, BATV_YES, BATV_MAYBE };

/* What is known of one recipient, gathered by judge.c. */
struct batv_rcpt_facts {
	enum batv_match is_protected; /* its domain is in some policy's domains */
	bool tagged;                  /* has the shape of a tag of ours */
	enum batv_tag_worth worth;    /* if tagged */
	bool fits;                    /* batv_tag_fits(bare address) */
	bool srs;
	enum batv_match unsigned_sender, exempt_recipient;
	bool remembered;
};

/* What is known of the message, the same for each recipient of one policy. */
struct batv_message_facts {
	bool local;         /* no sending host */
	bool authenticated; /* and the policy exempts that */
	bool acl_exempt;    /* and the policy exempts that */
	enum batv_match exempt_host, own_host;
};

struct batv_finding {
	enum batv_verdict verdict;
	enum batv_reason reason; /* of the verdict, then of the action */
	enum batv_action action;
	bool rejecting;  /* the effective mode is reject, not observe */
	bool doubt;      /* something could not be looked up */
	bool maybe_lost; /* its failed tag may be one of a secret that was lost */
};

/* missing, expired, forged: the verdicts that may lead to a refusal. */
bool batv_verdict_failed(enum batv_verdict verdict);

/*
 * The verdict alone, in finding->verdict, reason, doubt; action ACCEPT.  Order: an
 * unprotected domain; a valid tag; exemptions of the message; of the recipient; what is never
 * signed; unsignable; remembered; then expired, forged, missing.  A MAYBE that would have
 * changed the answer sets doubt.  A domain of which nobody knows is not-ours, in doubt.
 */
void batv_verdict_of(const struct batv_message_facts *msg, const struct batv_rcpt_facts *rcpt,
		     struct batv_finding *finding);

/* What the mode of the recipient's policy and domain says at this moment. */
struct batv_mode_facts {
	const struct batv_policy *policy; /* NULL: not ours */
	bool armed;                       /* the domain table says so (auto) */
	bool observe_file;
	enum batv_match relay_host;
	enum batv_class class;
	bool memory_complete; /* readable, older than its retention: may judge other than dsn */
};

/*
 * The action for this recipient alone: ACCEPT, MARK or REJECT, with rejecting and reason.  What has
 * not failed is ACCEPT.  Of several reasons not to refuse the first holds: class, not-armed,
 * observe, observe-file, relay-host, doubt, no-memory, lost-secret.
 */
void batv_action_of(const struct batv_mode_facts *mode, struct batv_finding *finding);

/*
 * The message: adjusts the actions of all findings together and returns the message's
 * own: REJECT (refuse it whole), MARK (a header has something to say) or ACCEPT.
 *  - nobody REJECT: nothing changes.
 *  - another one valid or remembered: every REJECT becomes REMOVE; or MARK (WHY_MIXED) where nobody
 * can take a recipient off any more (can_remove: a local_scan() of ours runs after this). A valid
 * one counts for this only beside at most three forged ones: with more the message guesses tags.
 *  - a failed recipient whose mode only observes: every REJECT becomes MARK (WHY_MIXED),
 *    for a refusal would take that recipient's copy too.
 *  - else the whole message is refused: all actions become REJECT (WHY_MIXED where they were not).
 */
enum batv_action batv_decide(struct batv_finding *findings, size_t n, bool can_remove);

const char *batv_verdict_name(enum batv_verdict v); /* "not-ours" */
const char *batv_reason_name(enum batv_reason r);   /* "exempt-host", "-" for none */

/* The row in which such a recipient is counted: memory/counters.h. */
size_t batv_counter_of(enum batv_verdict v, enum batv_class c, enum batv_action a);

#endif
