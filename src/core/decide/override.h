/*
 * override.h - what the administrator said with batvctl beside the configuration, as the state has
 * it: a mode for one domain or for all, often for a while only.
 *
 * Doubt observes.  After its end an override may still be in the state, because batvd has not
 * looked yet, or is dead.  Then the more lenient one of both modes holds.
 */
#ifndef BATV_DECIDE_OVERRIDE_H
#define BATV_DECIDE_OVERRIDE_H

#include "decide/state.h"

/* The domain of an override for all. */
#define BATV_OVERRIDE_ALL "*"

/* The override of that key for this very domain, ended or not; NULL: none. */
const struct batv_override *batv_override_find(const struct batv_state *state,
					       enum batv_override_key key, const char *domain);

/*
 * The override that sets the mode of this domain, ended or not; NULL: the policy's own mode holds.
 * `* observe` comes first, for all domains.  Then the domain's own counts, and for the policy
 * default `*`.
 */
const struct batv_override *batv_override_of(const struct batv_state *state,
					     const struct batv_policy *policy, const char *domain);

/* The mode in force, an enum batv_enforcement.  domain: as in the state, an A-label. */
int batv_override_mode(const struct batv_state *state, const struct batv_policy *policy,
		       const char *domain, int64_t now);

/* May the domain arm although another server sends for it? */
bool batv_override_anyway(const struct batv_state *state, const char *domain, int64_t now);

#endif
