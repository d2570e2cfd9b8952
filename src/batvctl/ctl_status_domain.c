/*
 * ctl_status_domain.c - batvctl status: what a domain does, and why.
 *
 * Invariant: it only reads, and prints nothing.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl_status.h"

static const char *const arm_names[] = {[BATV_ARM_ARMED] = "armed",
					[BATV_ARM_GRACE] = "grace",
					[BATV_ARM_NO_EVIDENCE] = "no-evidence",
					[BATV_ARM_STALE] = "stale",
					[BATV_ARM_SIGNING_OFF] = "signing-off",
					[BATV_ARM_MODE_OBSERVE] = "mode-observe",
					[BATV_ARM_MODE_REJECT] = "mode-reject",
					[BATV_ARM_NO_POLICY] = "no-policy",
					[BATV_ARM_CLOCK] = "clock",
					[BATV_ARM_FEW] = "few",
					[BATV_ARM_ELSEWHERE] = "elsewhere",
					[BATV_ARM_UNTAGGED] = "untagged",
					[BATV_ARM_UNSEEN] = "unseen",
					[BATV_ARM_FLEET_KEY] = "fleet-key",
					[BATV_ARM_FLEET_UNSIGNED] = "fleet-unsigned",
					[BATV_ARM_FLEET_UNKNOWN] = "fleet-unknown"};
_Static_assert(sizeof arm_names / sizeof arm_names[0] == BATV_ARM_WHY_COUNT, "one has no name");

/* Does Exim consider this domain armed?  The flag in the table says so.  For
 * another time (--at), the answer is computed. */
static bool armed(const struct batv_status *s, const struct batv_domain *d,
		  const struct batv_arm *arm)
{
	if (s->ctl->now != s->ctl->clock)
		return arm->armed;
	return (d->flags & BATV_DOMAIN_ARMED) != 0;
}

/* What Exim does.  The flag decides, unless the policy says reject. */
bool batv_ctl_status_refuses(const struct batv_status *s, const struct batv_domain *d,
			     const struct batv_arm *arm)
{
	if (s->observe || !s->state_usable)
		return false;
	return batv_arming_refuses(arm, armed(s, d, arm));
}

/* The sentence for a domain: what it does, and why it does not refuse yet. */
void batv_ctl_status_explain(const struct batv_status *s, const struct batv_domain *d,
			     const struct batv_arm *arm, char *out, size_t size)
{
	bool would = arm->policy && (arm->mode == BATV_ENFORCE_REJECT ||
				     (arm->mode == BATV_ENFORCE_AUTO && arm->armed));
	size_t used = 0;

	out[0] = '\0';
	if (would && s->observe)
		used = (size_t)snprintf(out, size,
					"observing because the file \"%s\" exists; without it: ",
					BATV_OBSERVE_NAME);
	else if (would && !s->state_usable)
		used = (size_t)snprintf(
			out, size, "observing because no usable state is published; with one: ");
	else if (would && arm->armed && !armed(s, d, arm))
		used = (size_t)snprintf(out, size, "observing, although grace is over, %s; then: ",
					s->daemon == BATV_NO
						? "because batvd is not running; start it"
						: "until batvd notices, within seconds");
	if (used < size)
		batv_arming_explain(arm, out + used, size - used);
}

/* Only a domain that Exim considers armed is called "armed". */
const char *batv_ctl_status_arm_name(const struct batv_status *s, const struct batv_domain *d,
				     const struct batv_arm *arm)
{
	return arm->armed && !armed(s, d, arm) ? "waits-for-batvd" : arm_names[arm->why];
}

size_t batv_ctl_status_refusing(struct batv_status *s)
{
	struct batv_domain d;
	size_t n = 0;

	if (!s->state_read || !s->memory_ok)
		return 0;
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++) {
		struct batv_arm arm = batv_ctl_arm(s->ctl, &s->state.state, &d, s->ctl->now);

		n += batv_ctl_status_refuses(s, &d, &arm);
	}
	return n;
}

const char *batv_ctl_status_mode_name(int mode)
{
	static const char *const names[] = {[BATV_ENFORCE_AUTO] = "auto",
					    [BATV_ENFORCE_OBSERVE] = "observe",
					    [BATV_ENFORCE_REJECT] = "reject"};

	return names[mode];
}

/* Is the name in the list of --domains? */
bool batv_ctl_status_wanted(const struct batv_status *s, const char *name)
{
	const char *list = s->ctl->domains;
	size_t len = strlen(name);

	if (!list || strcmp(list, "all") == 0)
		return true;
	while (*(list += strspn(list, ", :"))) {
		size_t n = strcspn(list, ", :");

		if (n == len && strncasecmp(list, name, len) == 0)
			return true;
		list += n;
	}
	return false;
}
