/*
 * arming.h - does a domain refuse yet?  This is pure; the daemon asks it for each domain of the
 * domain table.
 *
 * Evidence runs from the first to the last signed mail or valid bounce.  Grace counts from the
 * start of the evidence, or from the latest break of the domain's policy or of all policies if that
 * came later.  After a break, evidence from before it is not enough: some must be newer.  A domain
 * is armed when grace is over and the `until` of every break has passed.
 */
#ifndef BATV_ARMING_H
#define BATV_ARMING_H

#include "decide/state.h"
#include "memory/domains.h"

enum batv_arm_why {
	BATV_ARM_ARMED,       /* signed, or valid bounces came back, for grace without a break */
	BATV_ARM_GRACE,       /* evidence is there, grace runs until `when` */
	BATV_ARM_NO_EVIDENCE, /* nothing signed has left, no valid bounce has come */
	BATV_ARM_STALE,       /* all evidence is older than the last break: newer is needed */
	BATV_ARM_SIGNING_OFF,
	BATV_ARM_MODE_OBSERVE, /* enforcement = observe */
	BATV_ARM_MODE_REJECT,  /* enforcement = reject: refuses without asking */
	BATV_ARM_NO_POLICY,    /* its policy is no longer in the state */
	BATV_ARM_CLOCK,        /* all evidence is dated in the future: the clock has jumped */
};

struct batv_arm {
	bool armed; /* what the flag in the domain table should say */
	enum batv_arm_why why;
	int64_t since; /* the start of grace, from evidence or break; 0: not known */
	int64_t when;  /* GRACE: it arms then; ARMED: it has been armed since then;
			* CLOCK: the impossible date; otherwise 0 */
	const struct batv_policy *policy;
	const struct batv_break *last_break; /* the latest that affects it; NULL: none */
};

struct batv_arm batv_arming_decide(const struct batv_state *state, const struct batv_domain *domain,
				   int64_t now);

/*
 * Writes one sentence for people: "observing until 2026-11-29 12:00 UTC: ...".  It is cut to size
 * (512 is plenty) and always NUL-terminated; size must be at least 1.
 */
void batv_arming_explain(const struct batv_arm *arm, char *out, size_t size);

#endif
