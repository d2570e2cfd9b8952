/*
 * override.c - which mode holds for a domain: the policy's own, or one that batvctl set.
 *
 * Pure.  Most states have no override, and then nothing is looked at.
 */
#include "decide/override.h"

#include <string.h>

const struct batv_override *batv_override_find(const struct batv_state *state,
					       enum batv_override_key key, const char *domain)
{
	for (size_t i = 0; i < state->n_overrides; i++)
		if (state->overrides[i].key == key &&
		    strcmp(state->overrides[i].domain, domain) == 0)
			return &state->overrides[i];
	return NULL;
}

const struct batv_override *batv_override_of(const struct batv_state *state,
					     const struct batv_policy *policy, const char *domain)
{
	const struct batv_override *all, *own;

	if (state->n_overrides == 0)
		return NULL;
	all = batv_override_find(state, BATV_OVERRIDE_ENFORCEMENT, BATV_OVERRIDE_ALL);
	if (all && all->mode == BATV_ENFORCE_OBSERVE)
		return all;
	own = batv_override_find(state, BATV_OVERRIDE_ENFORCEMENT, domain);
	if (own)
		return own;
	return policy == &state->policies[0] ? all : NULL;
}

static bool has_ended(const struct batv_override *o, int64_t now)
{
	return o->until != 0 && o->until <= now;
}

static int more_lenient(int a, int b)
{
	if (a == BATV_ENFORCE_OBSERVE || b == BATV_ENFORCE_OBSERVE)
		return BATV_ENFORCE_OBSERVE;
	return a == BATV_ENFORCE_AUTO ? a : b;
}

int batv_override_mode(const struct batv_state *state, const struct batv_policy *policy,
		       const char *domain, int64_t now)
{
	const struct batv_override *o = batv_override_of(state, policy, domain);

	if (!o)
		return policy->enforcement;
	return has_ended(o, now) ? more_lenient(o->mode, policy->enforcement) : o->mode;
}

bool batv_override_anyway(const struct batv_state *state, const char *domain, int64_t now)
{
	const struct batv_override *o = batv_override_find(state, BATV_OVERRIDE_ANYWAY, domain);

	return o && !has_ended(o, now);
}
