/*
 * verdict.h - turns facts into a verdict for each recipient of one automatic message, and the
 * verdicts into an action for the message.  Pure: no I/O, no clock, no lists.
 */
#ifndef BATV_DECIDE_VERDICT_H
#define BATV_DECIDE_VERDICT_H

#include "decide/policy.h"

enum batv_verdict {
	BATV_VALID,      /* our tag, right MAC, key alive */
	BATV_REMEMBERED, /* cites a message that we sent for this recipient */
	BATV_EXEMPT,     /* see the reason */
	BATV_UNSIGNABLE, /* the address could never have carried a tag */
	BATV_NOT_OURS,   /* its domain is not protected */
	BATV_MISSING,    /* protected, and untagged */
	BATV_EXPIRED,    /* our tag, but its key is destroyed or its day has passed */
	BATV_FORGED,     /* has the shape of a tag, but a wrong MAC or an unknown key */
	BATV_VERDICT_COUNT
};

/* The reason for a verdict or an action; the log line shows it as reason=. */
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
	BATV_WHY_NOT_ARMED, /* enforcement = auto, and the domain is not armed yet */
	BATV_WHY_OBSERVE_FILE,
	BATV_WHY_CLASS,
	BATV_WHY_RELAY_HOST,
	BATV_WHY_MIXED,         /* another recipient of the message decided it */
	BATV_WHY_DOUBT,         /* a list could not be looked up, no usable state, ... */
	BATV_WHY_NO_MEMORY,     /* the sent-mail memory is not complete */
	BATV_WHY_LOST_SECRET,   /* tags of a lost secret look forged, but still come back */
	BATV_WHY_CITES_NOTHING, /* it cites no Message-ID, so nothing disproves it */
	BATV_WHY_HINT_ID,       /* it cites one that we sent with this address in its header only */
	BATV_WHY_TRUSTED_HOST,  /* a host of ours sent it, and would drop what is refused */
	BATV_WHY_FETCHED,       /* fetched from a mailbox elsewhere, by a host of ours */
	BATV_WHY_RELAY_SENDS,   /* a relay of ours sends untagged mail of this domain */
	BATV_WHY_HINT_FORWARDED, /* a bounce of somebody else's account, forwarded to us */
	BATV_WHY_FLEET_BEHIND,   /* another server of the fleet may have sent what it cites */
	BATV_WHY_COUNT
};

/* The answer of a list look-up.  MAYBE is doubt: Exim deferred, or nobody could be asked. */
enum batv_match { BATV_NO, BATV_YES, BATV_MAYBE };

/* The facts about one recipient; judge.c gathers them. */
struct batv_rcpt_facts {
	enum batv_match is_protected; /* its domain is in some policy's domains */
	bool tagged;                  /* has the shape of our tag */
	enum batv_tag_worth worth;    /* if tagged */
	bool fits;                    /* batv_tag_fits(untagged address) */
	bool srs;
	enum batv_match unsigned_sender, exempt_recipient;
	bool remembered;
};

/* The facts about the message; they are the same for all recipients of one policy. */
struct batv_message_facts {
	bool local;         /* no sending host */
	bool authenticated; /* and the policy exempts it */
	bool acl_exempt;    /* and the policy exempts it */
	enum batv_match exempt_host, own_host;
};

struct batv_finding {
	enum batv_verdict verdict;
	enum batv_reason reason; /* first of the verdict, then of the action */
	enum batv_action action;
	bool rejecting;  /* the effective mode is reject, not observe */
	bool doubt;      /* something could not be looked up */
	bool maybe_lost; /* its failed tag may come from a lost secret */
};

/* True for missing, expired and forged: the verdicts that may lead to a refusal. */
bool batv_verdict_failed(enum batv_verdict verdict);

/*
 * Finds the verdict alone, and sets finding->verdict, reason and doubt; action is ACCEPT.  The
 * first of these that applies decides: a domain that is not protected; a valid tag; exemptions of
 * the message; exemptions of the recipient; senders that are never signed; unsignable; remembered;
 * then expired, forged or missing.  A BATV_MAYBE that could have changed the answer sets doubt.  A
 * domain that may or may not be protected is not-ours, in doubt.
 */
void batv_verdict_of(const struct batv_message_facts *msg, const struct batv_rcpt_facts *rcpt,
		     struct batv_finding *finding);

/* The current mode, as the recipient's policy and domain set it. */
struct batv_mode_facts {
	const struct batv_policy *policy; /* NULL: not ours */
	int enforcement; /* enum batv_enforcement: the policy's own, or an override's */
	bool armed;      /* the domain table says that it is armed (for auto) */
	bool observe_file;
	enum batv_match relay_host;
	enum batv_match trusted_host; /* NO also if that is not a reason to spare it */
	bool fetched;
	bool relay_sends; /* a relay of ours sends untagged mail of this domain */
	enum batv_class class;
	enum batv_reason hint; /* a hint that it may be wanted: BATV_WHY_HINT_ID; or NONE */
	/* The last three matter only for what the memory must disprove: see batv_action_of(). */
	bool cites_nothing;   /* the message was searched, and cites no Message-ID */
	bool memory_complete; /* for this domain, see complete.h: what it does not know was not sent
			       */
	bool fleet_behind;    /* but what the fleet has just sent may be missing: barrier.h */
};

/*
 * Finds the action for this recipient alone: ACCEPT, MARK or REJECT.  Sets finding->rejecting and
 * reason too.  A verdict that has not failed gets ACCEPT.  If there are several reasons not to
 * refuse, the first of this list is reported: a hint, class, not-armed, observe, observe-file,
 * fetched, relay-host, trusted-host, doubt, relay-sends, cites-nothing, no-memory, fleet-behind,
 * lost-secret.
 *
 * A message with a hint is delivered and marked, in every mode and of every class.
 *
 * A message of another class than dsn is refused only if the memory disproves it: it cites
 * Message-IDs, and a complete memory knows none of them.  The same holds for a dsn to an untagged
 * address if the policy has unsigned destinations or hosts.
 */
void batv_action_of(const struct batv_mode_facts *mode, struct batv_finding *finding);

/*
 * Decides for the whole message.  Adjusts the actions of all n findings together, and returns the
 * message's own action: REJECT (refuse it whole), MARK (add a header) or ACCEPT.
 *  - If no finding is REJECT, nothing changes.
 *  - If all are REJECT, the whole message is refused.
 *  - If another recipient is valid or remembered, every REJECT becomes REMOVE, or MARK
 *    (BATV_WHY_MIXED) if !can_remove.  can_remove says that our local_scan() runs after this, and
 *    can remove recipients.
 *  - If another recipient is anything else (exempt, unsignable, not ours, observed, spared, in
 *    doubt), every REJECT becomes MARK (BATV_WHY_MIXED): a refusal would lose that one's copy, and
 *    nothing proves that the failed one is not meant as well.
 * A valid recipient next to more than three forged ones is none of these: the message is guessing
 * tags.  It is refused, with BATV_WHY_MIXED for those that were not, as if every tag were wrong.
 */
enum batv_action batv_decide(struct batv_finding *findings, size_t n, bool can_remove);

/* For a header about several recipients: is a worse than b?  Failed verdicts are the worst. */
bool batv_verdict_worse(const struct batv_finding *a, const struct batv_finding *b);

const char *batv_verdict_name(enum batv_verdict v); /* "not-ours" */
const char *batv_reason_name(enum batv_reason r);   /* "exempt-host", "-" for none */

/* Returns the counter row for such a recipient; see memory/counters.h. */
size_t batv_counter_of(enum batv_verdict v, enum batv_class c, enum batv_action a);

/*
 * Does this reason have a counter of recipients that failed and were not refused because of it?
 * Then *row is that counter.
 */
bool batv_verdict_spared_row(enum batv_reason why, size_t *row);

#endif
