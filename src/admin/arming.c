/*
 * arming.c - decides whether a domain refuses yet, and says why.
 *
 * This is pure: the state, what the table knows of one domain, and a time go in.  Invariant: a
 * domain never becomes armed without complete evidence, nor without the policy under which the
 * evidence was noted.  When in doubt, it observes.
 */
#include "arming.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/days.h"
#include "decide/exim_list.h"
#include "decide/override.h"
#include "tag/addr.h"

/* What makes evidence complete. */
#define SIGNED_DAYS 3        /* for a domain that is listed in `domains` by its own name */
#define SIGNED_DAYS_ALONE 10 /* otherwise, if only few senders and recipients are known */
#define DIFFERENT BATV_DOMAIN_HASHES
#define UNTAGGED 2  /* DSNs that came to the untagged address, and none with a tag */
#define IDLE_DAYS 2 /* counted days that take an idle domain back */

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

static const char *why_text(uint32_t why)
{
	if (why == BATV_DOMAIN_DOUBT)
		return "mail of this domain left unsigned, because a list of its policy could not "
		       "be looked up; see Exim's main log";
	return "mail of this domain left through no transport that signs";
}

/* Breaks of a domain's policy, of all policies, and its own. */
struct breaks {
	int64_t until;         /* the latest of all: a later break of another kind does not stop the
				* tags of a revoked secret from coming back */
	int64_t bounces_since; /* valid bounces from before this prove nothing any more */
};

static void note_own_break(struct batv_arm *arm, const struct batv_domain *d)
{
	if (d->broken == 0 || d->broken < arm->broken)
		return;
	arm->broken = d->broken;
	arm->broken_why = why_text(d->broken_why);
}

static struct breaks breaks_of(struct batv_arm *arm, const struct batv_state *state,
			       const struct batv_domain *d)
{
	struct breaks out = {0, 0};

	for (size_t i = 0; i < state->n_breaks; i++) {
		const struct batv_break *b = &state->breaks[i];

		if (!concerns(b, arm->policy))
			continue;
		if (!arm->last_break || b->when > arm->broken) {
			arm->last_break = b;
			arm->broken = b->when;
			arm->broken_why = b->why;
		}
		if (b->until > out.until)
			out.until = b->until;
		if (b->until && b->when > out.bounces_since)
			out.bounces_since = b->when;
	}
	note_own_break(arm, d);
	arm->until = out.until;
	return out;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t batv_arming_grace_ends(int64_t from, int64_t grace)
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
	int64_t sure;  /* like last, without dates that are ahead: the clock was set back */
	int64_t ahead; /* the latest impossible date, of evidence that is ignored; 0: none */
};

/*
 * A wrong clock may have dated one kind in the future.  The other kind still counts, and the next
 * mail of the first kind corrects its date.
 */
static struct evidence evidence_of(const struct batv_domain *d, int64_t now)
{
	const struct evidence kinds[] = {{d->first_signed, d->last_signed, 0, 0},
					 {d->first_valid, d->last_valid, 0, 0}};
	struct evidence all = {0, 0, 0, 0};
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
		if (kind->last <= now + BATV_STATE_SKEW)
			all.sure = latest(all.sure, kind->last);
	}
	return all;
}

/* Does this item of a list name the domain?  The item may have U-labels; the name has A-labels. */
static bool is_name(const char *item, const char *name)
{
	const struct batv_addr addr = {.domain = batv_span_of(item)};
	char domain[BATV_ADDR_SIZE];

	(void)batv_addr_domain(&addr, domain); /* in doubt it is the item as written */
	return strcmp(domain, name) == 0;
}

/* Is the domain in the policy's list by its own name? */
static bool has_own_name(const struct batv_policy *policy, const char *name)
{
	struct batv_list_items items;
	struct batv_list_item item;

	batv_exim_list_start(&items, BATV_LIST_DOMAINS, policy->domains ? policy->domains : "");
	while (batv_exim_list_next(&items, &item))
		if (item.sort == BATV_LIST_ITEM_PLAIN && is_name(item.text, name))
			return true;
	return false;
}

static bool evidence_is_complete(const struct batv_sending_evidence *e, bool own_name)
{
	bool many = own_name || e->senders >= DIFFERENT || e->domains >= DIFFERENT;

	return (e->days >= SIGNED_DAYS && many) || e->days >= SIGNED_DAYS_ALONE ||
	       (e->tags >= DIFFERENT && e->networks >= DIFFERENT);
}

static bool is_recent(int64_t when, int64_t now)
{
	return when != 0 && when + BATV_SENDING_DAYS * (int64_t)BATV_DAY >= now;
}

/* The first signed mail or valid bounce of the last days; 0: there is none. */
static int64_t first_of_window(const struct batv_domain *d, const struct batv_sending_evidence *e,
			       int64_t now)
{
	const int64_t ahead = now + BATV_DAY;
	int64_t first = 0;

	if (e->days > 0 && d->first_signed && d->first_signed <= ahead && d->last_signed <= ahead)
		first = latest(e->since, d->first_signed);
	if (d->first_valid && d->first_valid <= ahead && d->last_valid <= ahead &&
	    is_recent(d->last_valid, now) && (first == 0 || d->first_valid < first))
		first = d->first_valid;
	return first;
}

/*
 * Was it armed rightly, and has nothing happened since?  `first` is when its evidence began, which
 * matters only if grace became longer.
 */
static bool stays_armed(const struct batv_arm *arm, const struct batv_domain *d, int64_t first,
			int64_t until, int64_t now)
{
	int64_t grace = arm->policy->grace;

	if (!(d->flags & BATV_DOMAIN_ARMED) || d->decided > now + BATV_DAY || d->decided < until)
		return false;
	if (arm->broken && d->decided < batv_arming_grace_ends(arm->broken, grace))
		return false;
	return d->decided < first || d->decided >= batv_arming_grace_ends(first, grace);
}

/* Longer than a tag lives, nothing has left signed and no valid bounce has come. */
static bool is_idle(const struct batv_state *state, int64_t last, int64_t now)
{
	return now - last > state->global.key_rotation + BATV_DAY + state->global.key_retention;
}

static struct batv_arm decide_armed(struct batv_arm arm, const struct batv_domain *d, int64_t first,
				    int64_t until)
{
	int64_t since = latest(first, arm.broken);
	int64_t when = latest(batv_arming_grace_ends(since, arm.policy->grace), until);

	return arm_answer(arm, BATV_ARM_ARMED, since, when < d->decided ? when : d->decided);
}

/* It is not armed: may it be now? */
static struct batv_arm decide_unarmed(struct batv_arm arm, int64_t first, const struct evidence *e,
				      int64_t until, int64_t now)
{
	int64_t since = latest(first, arm.broken), grace = arm.policy->grace, when, held = 0;

	if (arm.foreign.last && !arm.anyway)
		held = batv_arming_grace_ends(arm.foreign.last, grace);
	when = latest(batv_arming_grace_ends(since, grace), until);
	if (arm.moved)
		return arm_answer(arm, BATV_ARM_ELSEWHERE, e->last, 0);
	if (held > now && (held > when || first == 0))
		return arm_answer(arm, BATV_ARM_ELSEWHERE, arm.foreign.last, held);
	if (first == 0)
		return arm_answer(arm, BATV_ARM_NO_EVIDENCE, arm.broken, 0);
	if (e->sure < arm.broken)
		return arm_answer(arm, BATV_ARM_STALE, arm.broken,
				  latest(batv_arming_grace_ends(arm.broken, grace), until));
	if (arm.untagged)
		return arm_answer(arm, BATV_ARM_UNTAGGED, since, when);
	if (now < when)
		return arm_answer(arm, BATV_ARM_GRACE, since, when);
	return arm_answer(arm, arm.complete ? BATV_ARM_ARMED : BATV_ARM_FEW, since, when);
}

/* With enforcement = auto and signing on, the evidence decides. */
static struct batv_arm decide_auto(struct batv_arm arm, const struct batv_state *state,
				   const struct batv_domain *d, const struct breaks *breaks,
				   int64_t now)
{
	struct evidence e = evidence_of(d, now);

	if (e.first == 0 && e.ahead)
		return arm_answer(arm, BATV_ARM_CLOCK, arm.broken, e.ahead);
	if (e.first == 0)
		return arm_answer(arm, BATV_ARM_NO_EVIDENCE, arm.broken, 0);
	if (arm.unseen.broken)
		return arm_answer(arm, BATV_ARM_UNSEEN, arm.broken, 0);
	arm.moved = !arm.anyway && is_idle(state, e.last, now) && arm.foreign.recent >= IDLE_DAYS;
	if (!arm.moved && stays_armed(&arm, d, e.first, breaks->until, now))
		return decide_armed(arm, d, e.first, breaks->until);
	return decide_unarmed(arm, first_of_window(d, &arm.evidence, now), &e, breaks->until, now);
}

struct batv_arm batv_arming_decide(const struct batv_state *state, const struct batv_domain *domain,
				   int64_t now)
{
	struct batv_arm arm = {.policy = policy_of(state, domain)};
	struct breaks breaks = breaks_of(&arm, state, domain);
	int own; /* under an observe or reject of batvctl it goes on as it would without */

	if (!arm.policy)
		return arm_answer(arm, BATV_ARM_NO_POLICY, 0, 0);
	batv_sending_evidence(&domain->sending, breaks.bounces_since, now, &arm.evidence);
	batv_sending_unseen(&domain->sending, now, &arm.unseen);
	batv_sending_foreign(&domain->sending, now, &arm.foreign);
	arm.own_name = has_own_name(arm.policy, domain->name);
	arm.complete = evidence_is_complete(&arm.evidence, arm.own_name);
	arm.untagged = arm.evidence.untagged >= UNTAGGED && !is_recent(domain->last_valid, now);
	arm.anyway = batv_override_anyway(state, domain->name, now);
	arm.mode = batv_override_mode(state, arm.policy, domain->name, now);
	arm.override = batv_override_of(state, arm.policy, domain->name);
	own = arm.override && arm.override->mode == BATV_ENFORCE_AUTO ? BATV_ENFORCE_AUTO
								      : arm.policy->enforcement;
	if (own == BATV_ENFORCE_REJECT)
		return arm_answer(arm, BATV_ARM_MODE_REJECT, 0, 0);
	if (own != BATV_ENFORCE_AUTO)
		return arm_answer(arm, BATV_ARM_MODE_OBSERVE, 0, 0);
	if (!arm.policy->signing)
		return arm_answer(arm, BATV_ARM_SIGNING_OFF, arm.broken, 0);
	return decide_auto(arm, state, domain, &breaks, now);
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
	if (arm->broken)
		(void)snprintf(out, size, "the break of %s (%.200s)", utc(arm->broken, when),
			       arm->broken_why);
}

/* "2", or "3 or more". */
static const char *few(unsigned n)
{
	static const char *const texts[] = {"no", "1", "2", "3 or more"};

	return texts[n < DIFFERENT ? n : DIFFERENT];
}

/* The evidence that exists and the evidence that is missing, or nothing if it is complete. */
static void missing_text(const struct batv_arm *arm, char *out, size_t size)
{
	const struct batv_sending_evidence *e = &arm->evidence;
	size_t used;

	out[0] = '\0';
	if (arm->complete)
		return;
	if (arm->own_name)
		used = (size_t)snprintf(out, size,
					"signed mail on %d days is needed, and there was some on "
					"%u of the last %d",
					SIGNED_DAYS, e->days, BATV_SENDING_DAYS);
	else
		used = (size_t)snprintf(
			out, size,
			"signed mail on %d days is needed, or on %d days from 3 local parts or to "
			"3 domains, and there was some on %u of the last %d, from %s and to %s; if "
			"this server sends all mail of the domain, list it in domains by its name, "
			"and %d days are enough",
			SIGNED_DAYS_ALONE, SIGNED_DAYS, e->days, BATV_SENDING_DAYS, few(e->senders),
			few(e->domains), SIGNED_DAYS);
	if (used < size && (e->tags || e->networks))
		(void)snprintf(out + used, size - used,
			       "; valid bounces to 3 tags from 3 networks are enough too, and "
			       "there were some to %s from %s",
			       few(e->tags), few(e->networks));
}

static void explain_grace(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char when[WHEN_SIZE], since[WHEN_SIZE], grace[32], missing[600];
	bool after_break = arm->broken && arm->broken >= arm->since;
	bool tags = arm->when > batv_arming_grace_ends(arm->since, arm->policy->grace);

	batv_duration_format(arm->policy->grace, grace, sizeof grace);
	missing_text(arm, missing, sizeof missing);
	(void)snprintf(out, size,
		       "observing until %s: grace of %s counts from %s%s%s; then it refuses, "
		       "unless a break comes first%s%s",
		       utc(arm->when, when), grace, after_break ? broken : utc(arm->since, since),
		       after_break ? "" : ", the first signed mail or valid bounce",
		       tags ? "; until then, bounces may still arrive with tags whose keys are gone"
			    : "",
		       *missing ? ", and once enough mail has left: " : "", missing);
}

/* Grace is over.  The way to refuse at once is said here, because nobody knows when it comes. */
static void explain_few(const struct batv_arm *arm, char *out, size_t size)
{
	char missing[600];

	missing_text(arm, missing, sizeof missing);
	(void)snprintf(out, size,
		       "observing, although grace is over, until enough mail has left: %s; "
		       "enforcement = reject refuses at once",
		       missing);
}

static void explain_elsewhere(const struct batv_arm *arm, char *out, size_t size)
{
	char since[WHEN_SIZE], when[WHEN_SIZE];

	if (arm->moved)
		(void)snprintf(out, size,
			       "observing: nothing of it has left signed and no valid bounce has "
			       "come since %s, and another server sends its mail; if no mail of "
			       "it leaves here any more, remove it from domains; otherwise give "
			       "that server the secret (batvctl secret export)",
			       utc(arm->since, since));
	else
		(void)snprintf(
			out, size,
			"observing until %s: another server sends mail of this domain, "
			"seen last before %s, and its bounces come here (exigrep 'batv: "
			"elsewhere=' in Exim's main log shows selectors and hosts); send "
			"that mail through this server, or give that server the secret (batvctl "
			"secret export); it arms one grace after the last such bounce; batvctl "
			"enforce auto --anyway with its name, or enforcement = reject, does not "
			"wait",
			utc(arm->when, when), utc(arm->since, since));
}

static void explain_untagged(const struct batv_arm *arm, char *out, size_t size)
{
	(void)snprintf(out, size,
		       "observing: mail leaves signed, but %u bounces came back to the untagged "
		       "address and none to a tag, so something after this server (a smarthost?) "
		       "takes the tag off; let it keep the envelope sender; one valid bounce ends "
		       "this",
		       arm->evidence.untagged);
}

static void explain_unseen(const struct batv_arm *arm, char *out, size_t size)
{
	(void)snprintf(out, size,
		       "observing: %" PRIu64 " messages on %u days were accepted for outside, and "
		       "no transport that signs saw any of them; mail may leave by a transport "
		       "without transport-sign.conf, or by control = cutthrough_delivery; after "
		       "the next message that is seen, grace counts again",
		       arm->unseen.accepted, arm->unseen.days);
}

static void explain_armed(const struct batv_arm *arm, const char *broken, char *out, size_t size)
{
	char when[WHEN_SIZE], since[WHEN_SIZE];
	bool after_break = arm->broken && arm->broken >= arm->since;

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

/* What another host of the fleet lacks.  Its name is that host's word. */
static void explain_fleet(const struct batv_arm *arm, const char *host, char *out, size_t size)
{
	if (arm->why == BATV_ARM_FLEET_KEY)
		(void)snprintf(out, size,
			       "observing: host %s signs with secret %" PRIu32 ", which this "
			       "server does not have, so its tags look forged here; bring it over: "
			       "batvctl secret export there, batvctl secret import here",
			       host, arm->host_secret);
	else if (arm->why == BATV_ARM_FLEET_UNSIGNED)
		(void)snprintf(out, size,
			       "observing: host %s has signing = off for this domain; once signing "
			       "is on there, grace begins",
			       host);
	else
		(void)snprintf(out, size,
			       "observing: nothing is known yet of what host %s sends; if that "
			       "host is gone: batvctl fleet forget %s",
			       host, host);
}

/* Whose evidence or break it is, if it is not ours. */
static void add_host(const struct batv_arm *arm, const char *host, char *out, size_t size)
{
	const size_t used = strlen(out);

	switch (arm->why) {
	case BATV_ARM_GRACE:
	case BATV_ARM_STALE:
	case BATV_ARM_FEW:
		(void)snprintf(out + used, size - used, "; this is about host %s of the fleet",
			       host);
		break;
	default: break;
	}
}

/* What batvctl enforce said comes before what would be without it.  Returns the length. */
static size_t explain_override(const struct batv_arm *arm, char *out, size_t size)
{
	const struct batv_override *o = arm->override;
	char when[WHEN_SIZE];
	int n;

	out[0] = '\0';
	if (!o || o->mode == BATV_ENFORCE_AUTO)
		return 0;
	n = snprintf(out, size, "%s%s%s, by batvctl enforce; then: ",
		     arm->mode == BATV_ENFORCE_REJECT ? "refusing" : "observing",
		     o->until ? " until " : " until further notice",
		     o->until ? utc(o->until, when) : "");
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

bool batv_arming_refuses(const struct batv_arm *arm, bool armed)
{
	return arm->policy && (arm->mode == BATV_ENFORCE_REJECT ||
			       (arm->mode == BATV_ENFORCE_AUTO && arm->policy->signing && armed));
}

void batv_arming_explain(const struct batv_arm *arm, char *out, size_t size)
{
	char broken[WHEN_SIZE + 240], host[64] = "";
	const char *name = arm->policy ? arm->policy->name : "";
	size_t used = explain_override(arm, out, size);

	out += used;
	size -= used;
	break_text(arm, broken, sizeof broken);
	if (arm->host)
		batv_printable(batv_span_of(arm->host), host, sizeof host);
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
	case BATV_ARM_FEW: explain_few(arm, out, size); break;
	case BATV_ARM_ELSEWHERE: explain_elsewhere(arm, out, size); break;
	case BATV_ARM_UNTAGGED: explain_untagged(arm, out, size); break;
	case BATV_ARM_UNSEEN: explain_unseen(arm, out, size); break;
	case BATV_ARM_FLEET_KEY:
	case BATV_ARM_FLEET_UNSIGNED:
	case BATV_ARM_FLEET_UNKNOWN: explain_fleet(arm, host, out, size); break;
	case BATV_ARM_WHY_COUNT: out[0] = '\0'; break;
	}
	if (arm->host)
		add_host(arm, host, out, size);
}
