/*
 * fleet_arming.c - a domain's mode by the evidence of all hosts.
 *
 * Invariant: it never arms a domain that some host has a reason not to arm.
 */
#include "fleet_arming.h"

#include <string.h>

#include "base/days.h"

/* What one host says of the domain. */
struct word {
	const struct batv_fleet_host *host; /* NULL: this one */
	bool sends, complete, fresh;
	int64_t first, last;       /* signed mail */
	int64_t broken, until;     /* its latest break; 0: none */
	int64_t bare;              /* the last mail that left untagged */
	const char *why;           /* of that break; NULL: none */
	enum batv_arm_why refused; /* a reason not to arm at all; ARMED: there is none */
};

/* What all of them say. */
struct words {
	unsigned senders;
	bool lapsed;   /* a sender has not been heard for too long */
	bool sends;    /* every sender has sent signed mail for the memory's retention */
	int64_t since; /* the latest of all first mails and breaks */
	int64_t broken, until;
	const char *broken_why;
	struct word worst;     /* of the host that keeps it from arming, or that `since` is of */
	enum batv_arm_why why; /* what that host lacks; ARMED: nothing */
};

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- one host ---- */

static void take_break(struct word *w, int64_t when, int64_t until, const char *why)
{
	if (when > w->broken) {
		w->broken = when;
		w->why = why;
	}
	w->until = latest(w->until, until);
}

/* Breaks of all its policies, and of the one that it has for the domain. */
static void take_breaks(struct word *w, const struct batv_fleet_host *h, const char *policy)
{
	for (size_t i = 0; i < h->n_breaks; i++) {
		const struct batv_fleet_break *b = &h->breaks[i];

		/* What a machine did before it sent any mail broke nothing. */
		if (h->fresh && b->when <= h->joined)
			continue;
		if (strcmp(b->policy, "*") == 0 || strcmp(b->policy, policy) == 0)
			take_break(w, b->when, b->until, b->why);
	}
}

static bool has_signing_off(const struct batv_fleet_host *h, const char *policy)
{
	for (size_t i = 0; i < h->n_unsigned; i++)
		if (strcmp(h->not_signed[i], policy) == 0)
			return true;
	return false;
}

/* Can a tag that this host makes be checked here? */
static bool has_secret(const struct batv_fleet_facts *f, const struct batv_fleet_host *h)
{
	if (!f->own || !f->own->has_row)
		return true;
	for (size_t i = 0; i < f->own->n_secrets; i++)
		if (strcmp(f->own->secrets[i], h->signing) == 0)
			return true;
	return false;
}

static struct word word_of(const struct batv_fleet_facts *f, const struct batv_fleet_host *h,
			   const struct batv_arm *arm, const char *name)
{
	const struct batv_fleet_domain *d = batv_fleet_view_domain(h, name);
	const char *policy = d && *d->policy ? d->policy : arm->policy->name;
	struct word w = {.host = h, .fresh = h->fresh, .refused = BATV_ARM_ARMED};

	if (!h->has_row || (!d && h->cut)) {
		w.refused = BATV_ARM_FLEET_UNKNOWN;
		return w;
	}
	take_breaks(&w, h, policy);
	if (d) {
		w.first = d->first_signed;
		w.last = d->last_signed;
		w.bare = d->bare;
		w.complete = d->complete;
		w.sends = d->first_signed != 0 || d->bare != 0;
		take_break(&w, d->broken, 0, "mail of this domain left unsigned there");
		take_break(&w, d->bare, 0, "mail of this domain left unsigned there");
	}
	if (has_signing_off(h, policy))
		w.refused = BATV_ARM_FLEET_UNSIGNED;
	else if (w.sends && !has_secret(f, h))
		w.refused = BATV_ARM_FLEET_KEY;
	return w;
}

static struct word own_word(const struct batv_fleet_facts *f, const struct batv_domain *d,
			    const struct batv_arm *arm)
{
	struct word w = {.refused = BATV_ARM_ARMED, .bare = f->bare};

	w.sends = d->first_signed != 0 || f->bare != 0;
	w.first = d->first_signed;
	w.last = d->last_signed;
	w.complete = arm->complete || arm->armed;
	take_break(&w, arm->broken, arm->until, arm->broken_why);
	take_break(&w, f->bare, 0, "mail of this domain left unsigned");
	return w;
}

/* ---- all hosts ---- */

static void blame(struct words *all, const struct word *w, enum batv_arm_why why)
{
	if (all->why != BATV_ARM_ARMED)
		return;
	all->why = why;
	all->worst = *w;
}

/* Which of the things that a sender must have is lacking? */
static enum batv_arm_why lack_of(const struct word *w)
{
	if (w->refused != BATV_ARM_ARMED)
		return w->refused;
	if (!w->sends)
		return BATV_ARM_ARMED;
	if (w->first == 0 || w->last < w->broken || (w->bare && w->last <= w->bare))
		return BATV_ARM_STALE;
	return w->complete || w->fresh ? BATV_ARM_ARMED : BATV_ARM_FEW;
}

/* Is there signed mail of this sender from as long ago as the memory goes back, and none bare? */
static bool has_sent_long(const struct batv_fleet_facts *f, const struct word *w)
{
	const int64_t begin = f->now - f->state->global.memory_retention;

	return w->refused == BATV_ARM_ARMED && w->first != 0 && w->bare <= begin &&
	       (w->fresh || w->first <= begin);
}

/* Grace counts from the latest of these.  A machine that never sent before has no past. */
static void add_since(struct words *all, const struct word *w, int64_t since)
{
	if (since <= all->since)
		return;
	all->since = since;
	if (all->why == BATV_ARM_ARMED)
		all->worst = *w;
}

static void add_word(struct words *all, const struct batv_fleet_facts *f, const struct word *w)
{
	const bool unknown = w->refused == BATV_ARM_FLEET_UNKNOWN;

	if (lack_of(w) != BATV_ARM_ARMED)
		blame(all, w, lack_of(w));
	if (w->broken > all->broken) {
		all->broken = w->broken;
		all->broken_why = w->why;
	}
	all->until = latest(all->until, w->until);
	add_since(all, w, w->broken);
	if (w->sends) {
		all->senders++;
		add_since(all, w, w->fresh ? 0 : w->first);
	}
	if (unknown || (w->sends && !has_sent_long(f, w)))
		all->sends = false;
	if ((unknown || w->sends) && w->host && f->now - w->host->heard > f->patience)
		all->lapsed = true;
}

static struct words words_of(const struct batv_fleet_facts *f, const struct batv_domain *d,
			     const struct batv_arm *arm)
{
	struct words all = {.why = BATV_ARM_ARMED, .sends = true};
	struct word w = own_word(f, d, arm);

	add_word(&all, f, &w);
	for (size_t i = 0; i < f->view->n_hosts; i++) {
		const struct batv_fleet_host *h = &f->view->hosts[i];

		if (h->own || h->left)
			continue;
		w = word_of(f, h, arm, d->name);
		add_word(&all, f, &w);
	}
	if (f->now - f->view->written > f->patience)
		all.lapsed = true;
	if (all.senders == 0)
		all.sends = false;
	return all;
}

/* ---- the answer ---- */

/* Does evidence decide about this domain at all?  Its own trouble here comes before the fleet's. */
static bool asks_fleet(enum batv_arm_why why)
{
	switch (why) {
	case BATV_ARM_ARMED:
	case BATV_ARM_GRACE:
	case BATV_ARM_NO_EVIDENCE:
	case BATV_ARM_STALE:
	case BATV_ARM_FEW: return true;
	default: return false;
	}
}

static void answer(struct batv_arm *arm, const struct words *all, enum batv_arm_why why,
		   int64_t since, int64_t when)
{
	arm->why = why;
	arm->since = since;
	arm->when = when;
	arm->armed = why == BATV_ARM_ARMED;
	arm->host = all->worst.host ? all->worst.host->name : NULL;
	arm->host_secret = all->worst.host ? all->worst.host->signing_number : 0;
	if (all->broken > arm->broken) {
		arm->broken = all->broken;
		arm->broken_why = all->broken_why;
	}
}

/* Its own evidence decides; but what another host broke is broken here too. */
static void decide_alone(struct batv_arm *arm, const struct words *all, int64_t now)
{
	int64_t since = latest(arm->since, all->broken), when;

	if (!arm->armed && arm->why != BATV_ARM_GRACE)
		return;
	when = latest(latest(batv_arming_grace_ends(since, arm->policy->grace), all->until),
		      arm->when);
	if (all->broken > arm->broken && now < when)
		answer(arm, all, BATV_ARM_GRACE, since, when);
}

static void decide_together(struct batv_arm *arm, const struct words *all,
			    const struct batv_domain *d, int64_t now)
{
	const int64_t when =
		latest(batv_arming_grace_ends(all->since, arm->policy->grace), all->until);
	const bool stays = (d->flags & BATV_DOMAIN_ARMED) && d->decided >= when;

	arm->by_fleet = true;
	if (all->why != BATV_ARM_ARMED && all->why != BATV_ARM_FEW)
		answer(arm, all, all->why, all->since, when);
	else if (now < when)
		answer(arm, all, BATV_ARM_GRACE, all->since, when);
	else if (all->why == BATV_ARM_FEW && !stays)
		answer(arm, all, BATV_ARM_FEW, all->since, when);
	else
		answer(arm, all, BATV_ARM_ARMED, all->since, when);
}

struct batv_arm batv_fleet_arming_own(const struct batv_state *state,
				      const struct batv_domain *domain, int64_t now)
{
	struct batv_domain own = *domain;

	if (own.flags & BATV_DOMAIN_BY_FLEET)
		own.flags &= ~BATV_DOMAIN_ARMED;
	return batv_arming_decide(state, &own, now);
}

void batv_fleet_arming(const struct batv_fleet_facts *f, const struct batv_domain *d,
		       struct batv_arm *arm)
{
	struct words all;

	if (!f->view || !arm->policy)
		return;
	all = words_of(f, d, arm);
	arm->fleet_sends = all.sends && !all.lapsed && arm->policy->signing;
	if (!asks_fleet(arm->why))
		return;
	if (all.why == BATV_ARM_FLEET_KEY || all.why == BATV_ARM_FLEET_UNSIGNED)
		answer(arm, &all, all.why, all.since, 0);
	else if (all.lapsed || (all.senders == 0 && all.why == BATV_ARM_ARMED))
		decide_alone(arm, &all, f->now);
	else
		decide_together(arm, &all, d, f->now);
}
