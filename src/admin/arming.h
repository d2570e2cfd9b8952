/*
 * arming.h - does a domain refuse yet?  Pure; the daemon asks for each domain of the table.
 *
 * Evidence lasts from the first to the last signed mail or valid bounce.  Grace counts from
 * its begin, or from the latest break (of its policy, or of all) if that came later; a
 * break also wants evidence that is no older than itself.  A domain is armed once grace is
 * over and no break's `until` lies ahead.
 */
#ifndef BATV_ARMING_H
#define BATV_ARMING_H

#include "decide/state.h"
#include "memory/domains.h"

enum batv_arm_why {
	BATV_ARM_ARMED,       /* signed, or valid bounces came back, for grace without a break */
	BATV_ARM_GRACE,       /* evidence is there, grace runs until `when` */
	BATV_ARM_NO_EVIDENCE, /* nothing signed has left, no valid bounce has come */
	BATV_ARM_STALE,       /* evidence is older than the last break: new one is needed */
	BATV_ARM_SIGNING_OFF,
	BATV_ARM_MODE_OBSERVE, /* enforcement = observe */
	BATV_ARM_MODE_REJECT,  /* enforcement = reject: refuses without asking */
	BATV_ARM_NO_POLICY,    /* its policy is not in the state any more */
	BATV_ARM_CLOCK,        /* all evidence lies in the future: a clock that jumped */
};

struct batv_arm {
	bool armed; /* what the flag in the domain table is to be */
	enum batv_arm_why why;
	int64_t since; /* what grace counts from: evidence or break; 0: not known */
	int64_t when;  /* GRACE: it arms then; ARMED: since then; CLOCK: the date
			* that cannot be; else 0 */
	const struct batv_policy *policy;
	const struct batv_break *last_break; /* the latest that concerns it; NULL: none */
};

struct batv_arm batv_arming_decide(const struct batv_state *state, const struct batv_domain *domain,
				   int64_t now);

/*
 * One sentence for people: "observing until 2026-11-29 12:00 UTC: ...".  Cut to size (512 is
 * plenty), always NUL-terminated; size >= 1.
 */
void batv_arming_explain(const struct batv_arm *arm, char *out, size_t size);

#endif
