/*
 * arming.c - decides whether a domain refuses yet, and says why.
 *
 * This is pure: the state, one domain's evidence and a time go in.  Invariant: a domain is never
 * armed without evidence, nor without the policy under which the evidence was noted.  When in
 * doubt, it observes.
 */
#include "arming.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/days.h"

static const struct batv_policy *policy_of(const struct batv_state *state,
					   const struct batv_domain *domain)
{
	size_t i;

	for (i = 0; i < state->n_policies; i++)
		if (batv_domain_policy_sum(state->policies[i].name) == domain->policy_sum)
			return &state->policies[i];
	return NULL;
}

static bool concerns(const struct batv_break *b, const struct batv_policy *policy)
{
	return strcmp(b->policy, "*") == 0 || (policy && strcmp(b->policy, policy->name) == 0);
}

/*
 * The latest break, and the latest `until` of all of them: a later break of another kind does not
 * stop the tags of a revoked secret from coming back.
 */
static const struct batv_break *breaks_of(const struct batv_state *state,
					  const struct batv_policy *policy, int64_t *until)
{
	const struct batv_break *last = NULL;
	size_t i;

	*until = 0;
	for (i = 0; i < state->n_breaks; i++) {
		const struct batv_break *b = &state->breaks[i];

		if (!concerns(b, policy))
			continue;
		if (!last || b->when > last->when)
			last = b;
		if (b->until > *until)
			*until = b->until;
	}
	return last;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A grace beyond the end of time never ends. */
static int64_t grace_ends(int64_t from, int64_t grace)
{
	return grace > 0 && from > INT64_MAX - grace ? INT64_MAX : from + grace;
}

static struct batv_arm arm_answer(struct batv_arm arm, enum batv_arm_why why, int64_t since,
				  int64_t when)
{
	arm.why = why;
	arm.since = since;
	arm.when = when;
	arm.armed = why == BATV_ARM_ARMED;
	return arm;
}

/* Evidence runs from the first to the last signed mail or valid bounce; first 0: there is none. */
struct evidence {
	int64_t first, last;
	int64_t ahead; /* the latest impossible date, of evidence that is ignored; 0: none */
};

/*
 * A wrong clock may have dated one kind in the future.  The other kind still counts, and the next
 * mail of the first kind corrects its date.
 */
static struct evidence evidence_of(const struct batv_domain *d, int64_t now)
{
	const struct evidence kinds[] = {{d->first_signed, d->last_signed, 0},
					 {d->first_valid, d->last_valid, 0}};
	struct evidence all = {0, 0, 0};
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct evidence *kind = &kinds[i];
		int64_t end = latest(kind->first, kind->last);

		if (kind->first == 0)
			continue;
		if (end > now + BATV_DAY) {
			all.ahead = latest(all.ahead, end);
			continue;
		}
		if (all.first == 0 || kind->first < all.first)
			all.first = kind->first;
		all.last = latest(all.last, kind->last);
	}
	return all;
}

/* With enforcement = auto and signing on, the evidence decides. */
static struct batv_arm decide_auto(struct batv_arm arm, const struct batv_domain *d, int64_t until,
				   int64_t now)
{
	struct evidence e = evidence_of(d, now);
	int64_t broken = arm.last_break ? arm.last_break->when : 0;
	int64_t since, when;

	if (e.first == 0 && e.ahead)
		return arm_answer(arm, BATV_ARM_CLOCK, broken, e.ahead);
	if (e.first == 0)
		return arm_answer(arm, BATV_ARM_NO_EVIDENCE, broken, 0);
	since = latest(e.first, broken);
	when = latest(grace_ends(since, arm.policy->grace), until);
	if (e.last < broken)
		return arm_answer(arm, BATV_ARM_STALE, broken, when);
	return arm_answer(arm, now >= when ? BATV_ARM_ARMED : BATV_ARM_GRACE, since, when);
}

struct batv_arm batv_arming_decide(const struct batv_state *state, const struct batv_domain *domain,
				   int64_t now)
{
	struct batv_arm arm = {.policy = policy_of(state, domain)};
	int64_t until, broken;

	arm.last_break = breaks_of(state, arm.policy, &until);
	broken = arm.last_break ? arm.last_break->when : 0;
	if (!arm.policy)
		return arm_answer(arm, BATV_ARM_NO_POLICY, 0, 0);
	if (arm.policy->enforcement == BATV_ENFORCE_REJECT)
		return arm_answer(arm, BATV_ARM_MODE_REJECT, 0, 0);
	if (arm.policy->enforcement != BATV_ENFORCE_AUTO)
		return arm_answer(arm, BATV_ARM_MODE_OBSERVE, 0, 0);
	if (!arm.policy->signing)
		return arm_answer(arm, BATV_ARM_SIGNING_OFF, broken, 0);
	return decide_auto(arm, domain, until, now);
}

/* ---- For people ---- */

#define WHEN_SIZE 40

static const char *utc(int64_t when, char out[static WHEN_SIZE])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (when > BATV_TIME_MAX || !gmtime_r(&t, &tm) ||
	    strftime(out, WHEN_SIZE, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(out, WHEN_SIZE, "the end of time");
	return out;
}

/* "the break of ... (why)", or nothing. */
static void break_text(const struct batv_arm *arm, char *out, size_t size)
{
	char when[WHEN_SIZE];

	out[0] = '\0';
	if (arm->last_break)
		(void)snprintf(out, size, "the break of %s (%.200s)",
			       utc(arm->last_break->when, when), arm->last_break->why);
}

static void explain_grace(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char when[WHEN_SIZE], since[WHEN_SIZE], grace[32];
	bool after_break = arm->last_break && arm->last_break->when >= arm->since;
	bool tags = arm->when > grace_ends(arm->since, arm->policy->grace);

	batv_duration_format(arm->policy->grace, grace, sizeof grace);
	(void)snprintf(out, size,
		       "observing until %s: grace of %s counts from %s%s%s; then it refuses, "
		       "unless a break comes first",
		       utc(arm->when, when), grace, after_break ? broken : utc(arm->since, since),
		       after_break ? "" : ", the first signed mail or valid bounce",
		       tags ? "; until then, bounces may still arrive with tags whose keys are gone"
			    : "");
}

static void explain_armed(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char when[WHEN_SIZE], since[WHEN_SIZE];
	bool after_break = arm->last_break && arm->last_break->when >= arm->since;

	(void)snprintf(out, size,
		       "refusing since %s: signed mail or valid bounces since %s, and no break "
		       "after that; a break makes it observe again",
		       utc(arm->when, when), after_break ? broken : utc(arm->since, since));
}

/* Nothing has left signed, at all or since the break.  Says what is missing and what is next. */
static void explain_waiting(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char grace[32], when[WHEN_SIZE];

	batv_duration_format(arm->policy->grace, grace, sizeof grace);
	if (arm->why == BATV_ARM_STALE)
		(void)snprintf(out, size,
			       "observing: no signed mail has left and no valid bounce has come "
			       "since %s; it refuses after the next one, but not before %s",
			       broken, utc(arm->when, when));
	else
		(void)snprintf(
			out, size,
			"observing: no signed mail has left and no valid bounce has come%s%s; "
			"it refuses %s after the first one",
			*broken ? " since " : " yet", broken, grace);
}

static void explain_clock(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char when[WHEN_SIZE];

	(void)snprintf(out, size,
		       "observing%s%s: its last signed mail or valid bounce is dated %s, in the "
		       "future; if the clock is right now, the next signed mail corrects that",
		       *broken ? " since " : "", broken, utc(arm->when, when));
}

void batv_arming_explain(const struct batv_arm *arm, char *out, size_t size)
{
	char broken[WHEN_SIZE + 240];
	const char *name = arm->policy ? arm->policy->name : "";

	break_text(arm, broken, sizeof broken);
	switch (arm->why) {
	case BATV_ARM_ARMED: explain_armed(arm, broken, out, size); break;
	case BATV_ARM_GRACE: explain_grace(arm, broken, out, size); break;
	case BATV_ARM_NO_EVIDENCE:
	case BATV_ARM_STALE: explain_waiting(arm, broken, out, size); break;
	case BATV_ARM_SIGNING_OFF:
		(void)snprintf(out, size,
			       "observing%s%s: policy %.31s has signing = off; once signing is on, "
			       "grace begins with the first signed mail",
			       *broken ? " since " : "", broken, name);
		break;
	case BATV_ARM_MODE_OBSERVE:
		(void)snprintf(out, size,
			       "observing: policy %.31s has enforcement = observe; "
			       "nothing changes by itself",
			       name);
		break;
	case BATV_ARM_MODE_REJECT:
		(void)snprintf(out, size,
			       "refusing: policy %.31s has enforcement = reject; "
			       "nothing changes by itself",
			       name);
		break;
	case BATV_ARM_NO_POLICY:
		(void)snprintf(out, size,
			       "observing: the policy under which it last signed is no longer in "
			       "the configuration; the next signed mail records the new one");
		break;
	case BATV_ARM_CLOCK: explain_clock(arm, broken, out, size); break;
	}
}
