/*
 * arming.h - does a domain refuse yet?  This is pure; the daemon asks it for each domain of the
 * domain table.
 *
 * A domain arms when grace is over, the `until` of every break has passed, and the evidence is
 * complete.  Evidence is what the last 32 days show (memory/sending.h).  Grace counts from the
 * first signed mail or valid bounce of these days, or from the latest break if that came later: of
 * all policies, of the domain's policy, or of the domain alone.  After a break, one signed mail or
 * valid bounce must be newer than it; the rest of the evidence still counts.
 *
 * An override (decide/override.h) that says observe or reject changes none of this, so that after
 * its end the domain is where it would have been; `mode` has what is in force.  One that says auto
 * takes the place of the policy's own mode.
 *
 * A domain that is armed stays so, whatever becomes of its evidence, until one of these holds: a
 * break; mail that no transport saw; or it is idle while another server sends for it.
 */
#ifndef BATV_ARMING_H
#define BATV_ARMING_H

#include "decide/state.h"
#include "memory/domains.h"

enum batv_arm_why {
	BATV_ARM_ARMED,       /* signed, or valid bounces came back, for grace without a break */
	BATV_ARM_GRACE,       /* some evidence is there, grace runs until `when` */
	BATV_ARM_NO_EVIDENCE, /* nothing signed has left, no valid bounce has come */
	BATV_ARM_STALE,       /* all evidence is older than the last break: newer is needed */
	BATV_ARM_SIGNING_OFF,
	BATV_ARM_MODE_OBSERVE, /* enforcement = observe */
	BATV_ARM_MODE_REJECT,  /* enforcement = reject: refuses without asking */
	BATV_ARM_NO_POLICY,    /* its policy is no longer in the state */
	BATV_ARM_CLOCK,        /* all evidence is dated in the future: the clock has jumped */
	BATV_ARM_FEW,          /* grace is over, but the evidence is not complete */
	BATV_ARM_ELSEWHERE,    /* another server sends for it */
	BATV_ARM_UNTAGGED,     /* bounces come back without the tag that left */
	BATV_ARM_UNSEEN,       /* its mail leaves, but no transport of ours sees it */
	/* of a fleet: fleet_arming.h; `host` is the one that it waits for */
	BATV_ARM_FLEET_KEY,      /* a host that sends for it has a secret that is not here */
	BATV_ARM_FLEET_UNSIGNED, /* a host has signing off */
	BATV_ARM_FLEET_UNKNOWN,  /* of a host nothing is known yet */
	BATV_ARM_WHY_COUNT
};

#define BATV_ARM_TEXT_SIZE 1200 /* for batv_arming_explain() */

struct batv_arm {
	bool armed; /* what the flag in the domain table should say */
	enum batv_arm_why why;
	int64_t since; /* the start of grace, from evidence or break; 0: not known */
	int64_t when;  /* GRACE, STALE, FEW, ELSEWHERE, UNTAGGED: it does not arm before; ARMED: it
			* has  been armed since then; CLOCK: the impossible date; otherwise 0 */
	const struct batv_policy *policy;
	int mode;                             /* enum batv_enforcement: what is in force */
	const struct batv_override *override; /* that sets it; NULL: the policy does */
	bool anyway;                          /* it arms although another server sends for it */
	const struct batv_break *last_break;  /* of its policy or of all; NULL: none */
	int64_t broken;                       /* the latest break that affects it; 0: none */
	const char *broken_why;               /* its reason */
	bool own_name;                        /* `domains` lists it by its own name */
	int64_t until;                        /* the latest `until` of its breaks; 0: none */
	bool complete;                        /* the evidence is */
	bool moved;                           /* it is idle here, and another server sends for it */
	bool untagged;        /* bounces come back by their ids, and none by a tag */
	bool by_fleet;        /* the evidence of all hosts decided */
	bool fleet_sends;     /* the hosts have sent for it for as long as the memory goes back */
	uint32_t host_secret; /* of FLEET_KEY: the number of that host's secret */
	const char *host;     /* of the fleet: whose evidence or break decided; NULL: ours */
	struct batv_sending_evidence evidence;
	struct batv_sending_unseen unseen;
	struct batv_sending_foreign foreign;
};

struct batv_arm batv_arming_decide(const struct batv_state *state, const struct batv_domain *domain,
				   int64_t now);

/* When grace that counts from then is over.  A grace beyond the end of time never ends. */
int64_t batv_arming_grace_ends(int64_t from, int64_t grace);

/* Does Exim refuse for that domain?  `armed` is what the domain table says. */
bool batv_arming_refuses(const struct batv_arm *arm, bool armed);

/*
 * Writes one sentence for people: "observing until 2026-11-29 12:00 UTC: ...".  It is cut to size
 * (BATV_ARM_TEXT_SIZE is plenty) and always NUL-terminated; size must be at least 1.
 */
void batv_arming_explain(const struct batv_arm *arm, char *out, size_t size);

#endif
