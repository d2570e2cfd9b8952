/*
 * fleet_arming.h - does a domain refuse, by what all hosts of the fleet say?  This is pure.
 *
 * The direction is always the same: a break of any host counts everywhere, and evidence counts only
 * if all hosts that send for the domain have it.  So grace counts from the latest of: the first
 * signed mail of each sender, and each break of any host.  After its break, a sender must have sent
 * signed mail itself.
 *
 * What is not known speaks against refusing: a host whose row has not come is one that may send.
 * If a sender has not been heard for fleet_patience, the host's own evidence decides again, as
 * without a fleet.  Breaks that are known still count.
 */
#ifndef BATV_FLEET_ARMING_H
#define BATV_FLEET_ARMING_H

#include "arming.h"
#include "fleet_view.h"

struct batv_fleet_facts {
	const struct batv_fleet_view *view; /* NULL: there is none */
	const struct batv_fleet_host *own;  /* this host's row; without one, no secret is foreign */
	const struct batv_state *state;
	/* When mail of the domain last left this host untagged, although it had left signed before;
	 * 0: never.  It is not in the domain's slot. */
	int64_t bare;
	int64_t patience; /* seconds */
	int64_t now;
};

/*
 * What this host's own evidence decides: batv_arming_decide(), without the flag of a domain that
 * the fleet armed.  With it, such a domain would stay armed by nobody's evidence.
 */
struct batv_arm batv_fleet_arming_own(const struct batv_state *state,
				      const struct batv_domain *domain, int64_t now);

/* Changes *arm, which is batv_fleet_arming_own() of the same domain and time. */
void batv_fleet_arming(const struct batv_fleet_facts *facts, const struct batv_domain *domain,
		       struct batv_arm *arm);

#endif
