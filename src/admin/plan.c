/*
 * plan.c - plans the next state from the configuration, the secrets, the previous state and the
 * clock.
 *
 * This is pure: it reads no file and no clock.  Invariant: a break is never dated in the future and
 * never disappears while its policy exists.  There is at most one for each policy, so they always
 * fit.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"
#include "plan.h"
#include "publish.h"
#include "timeline.h"

#define WHY_BARE "mail left unsigned, because no usable state was there"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static const struct batv_policy *find_policy(const struct batv_policy *list, size_t n,
					     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static struct batv_break *find_break(struct batv_state *state, const char *policy)
{
	for (size_t i = 0; i < state->n_breaks; i++)
		if (strcmp(state->breaks[i].policy, policy) == 0)
			return &state->breaks[i];
	return NULL;
}

/* Finds or makes the break of that policy.  NULL cannot happen while policies are bounded. */
static struct batv_break *make_break(struct batv_plan *plan, const char *policy)
{
	struct batv_state *st = &plan->state;
	struct batv_break *b = find_break(st, policy);
	size_t i = st->n_breaks;

	if (b)
		return b;
	if (i >= BATV_BREAKS_MAX)
		return NULL;
	snprintf(plan->break_policy[i], sizeof plan->break_policy[i], "%s", policy);
	st->breaks[i] =
		(struct batv_break){.policy = plan->break_policy[i], .why = plan->break_why[i]};
	st->n_breaks++;
	return &st->breaks[i];
}

/* Notes a new break.  If one look finds several reasons, all of them are kept. */
static void __attribute__((format(printf, 5, 6)))
add_break(struct batv_plan *plan, const char *policy, int64_t when, int64_t until,
	  const char *format, ...)
{
	struct batv_break *b = make_break(plan, policy);
	size_t i, used = 0;
	va_list ap;

	if (!b)
		return;
	i = (size_t)(b - plan->state.breaks);
	if (plan->new_breaks & 1ul << i) {
		used = strlen(plan->break_why[i]);
		if (used + 2 < BATV_BREAK_WHY_SIZE)
			used += (size_t)snprintf(plan->break_why[i] + used,
						 BATV_BREAK_WHY_SIZE - used, "; ");
	}
	va_start(ap, format);
	vsnprintf(plan->break_why[i] + used, BATV_BREAK_WHY_SIZE - used, format, ap);
	va_end(ap);
	b->when = later(b->when, when);
	b->until = later(b->until, until);
	plan->new_breaks |= 1ul << i;
}

/* No tag lives longer.  A time beyond this comes from a wrong clock. */
static int64_t latest_tag(int64_t now)
{
	return now + 2 * BATV_PERIOD_MAX + BATV_DAY;
}

/* Keeps the breaks of the previous state, except those of policies that are gone. */
static void carry_breaks(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	for (size_t i = 0; f->previous && i < f->previous->n_breaks; i++) {
		const struct batv_break *old = &f->previous->breaks[i];
		struct batv_break *b;

		if (strcmp(old->policy, BATV_BREAK_ALL) != 0 &&
		    !find_policy(f->config->policies, f->config->n_policies, old->policy))
			continue;
		b = make_break(plan, old->policy);
		if (!b)
			return;
		b->when = earlier(old->when, f->now);
		b->until = earlier(old->until, latest_tag(f->now));
		snprintf(plan->break_why[b - plan->state.breaks], BATV_BREAK_WHY_SIZE, "%s",
			 old->why);
	}
}

/* Rounds a jump to the minute for people, because it is measured a moment late. */
static void jump_text(int64_t seconds, char *out, size_t size)
{
	batv_duration_format((seconds + 30) / 60 * 60, out, size);
}

static void break_for_clock(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	char much[40];
	int64_t back = f->previous ? f->previous->written - f->now : 0;

	if (f->jumped > BATV_JUMP) {
		jump_text(f->jumped, much, sizeof much);
		add_break(plan, BATV_BREAK_ALL, f->now, 0, "the clock jumped forward by %s", much);
	} else if (f->jumped < -BATV_JUMP || back > BATV_DAY) {
		jump_text(later(-f->jumped, back), much, sizeof much);
		add_break(plan, BATV_BREAK_ALL, f->now, 0, "the clock jumped back by %s", much);
	}
}

/* ---- secrets that are lost ---- */

static const struct batv_secret *find_secret(const struct batv_secrets *secrets, uint32_t number)
{
	for (size_t i = 0; i < secrets->n; i++)
		if (secrets->list[i].number == number)
			return &secrets->list[i];
	return NULL;
}

/* A state that was written in the future may say until when by that clock. */
static int64_t lost_until(const struct batv_state *prev, int64_t now)
{
	const int64_t until = prev->lost_until;

	return prev->written > now && until > prev->written ? until - (prev->written - now) : until;
}

/* Keeps what was lost before, unless it was restored.  A wrong clock does not end it. */
static void carry_lost(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_state *prev = f->previous;

	if (!prev || !prev->lost_until || (prev->lost_until <= f->now && !f->careful) ||
	    find_secret(f->secrets, prev->lost_secret))
		return;
	plan->state.lost_until = earlier(lost_until(prev, f->now), latest_tag(f->now));
	plan->state.lost_secret = prev->lost_secret;
}

static void note_lost(struct batv_plan *plan, int64_t until, uint32_t number)
{
	if (until <= plan->state.lost_until)
		return;
	plan->state.lost_until = until;
	plan->state.lost_secret = number;
}

/* State and secret are gone, but mail has left signed.  The life of its tags can only be guessed.
 */
static void lose_everything(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	int64_t until = f->now + f->config->global.key_rotation + BATV_DAY +
			f->config->global.key_retention;

	add_break(plan, BATV_BREAK_ALL, f->now, until, "the previous secret was lost");
	note_lost(plan, until, 0);
}

/* The previous state had a key when it was written and has none now: signing stopped in between. */
static void break_for_lapse(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_state *prev = f->previous;

	if (!prev) {
		if (f->has_evidence)
			add_break(plan, BATV_BREAK_ALL, f->now, 0,
				  "the previous state was missing or damaged");
		if (f->has_evidence && f->made_secret)
			lose_everything(f, plan);
		return;
	}
	if (f->now >= prev->written && batv_key_current(&prev->ring, prev->written) &&
	    !batv_key_current(&prev->ring, f->now))
		add_break(plan, BATV_BREAK_ALL, f->now, 0,
			  "the published keys ran out before new ones were published");
}

static void break_for_bare_mail(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_break *b = find_break(&plan->state, BATV_BREAK_ALL);

	/* A wrong clock noted a time in the future; that jump is a break of its own. */
	if (f->bare_last <= 0 || f->bare_last > f->now + BATV_STATE_SKEW)
		return;
	if (b && f->bare_last <= b->when)
		return;
	if (b && strcmp(b->why, WHY_BARE) == 0 && f->bare_last - b->when < BATV_BARE_AGAIN)
		return;
	add_break(plan, BATV_BREAK_ALL, earlier(f->bare_last, f->now), 0, WHY_BARE);
}

/* Overrides that have ended are left out, and so end. */
static void take_override(struct batv_state *st, const struct batv_override *o)
{
	if ((o->until == 0 || o->until > st->written) && st->n_overrides < BATV_OVERRIDES_MAX)
		st->overrides[st->n_overrides++] = *o;
}

static void take_overrides(const struct batv_plan_facts *f, struct batv_state *st)
{
	if (f->overrides)
		for (size_t i = 0; i < f->overrides->n; i++)
			take_override(st, &f->overrides->line[i].override);
	else
		for (size_t i = 0; f->previous && i < f->previous->n_overrides; i++)
			take_override(st, &f->previous->overrides[i]);
	batv_state_apply_overrides(st);
}

/*
 * Signing was switched off or on again.  Grace begins when mail leaves signed again, not when that
 * stopped.
 */
static void break_for_signing(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_state *prev = f->previous;
	const struct batv_state *st = &plan->state;

	for (size_t i = 0; prev && i < prev->n_policies; i++) {
		const struct batv_policy *old = &prev->policies[i];
		const struct batv_policy *p = find_policy(st->policies, st->n_policies, old->name);

		if (!p && !old->signing)
			add_break(plan, BATV_BREAK_ALL, f->now, 0,
				  "policy %s, which had signing off, was removed", old->name);
		if (!p || p->signing == old->signing)
			continue;
		add_break(plan, p->name, f->now, 0, "signing was switched %s",
			  p->signing ? "on again" : "off");
	}
}

/* Tags of revoked secrets may still come back.  Notes a break, unless one waits for them already.
 */
static void break_for_revoked(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	for (size_t i = 0; i < f->secrets->n; i++) {
		const struct batv_secret *s = &f->secrets->list[i];
		const struct batv_break *b = find_break(&plan->state, BATV_BREAK_ALL);
		int64_t last;

		if (!s->revoked || s->start > s->revoked || s->revoked > f->now)
			continue;
		last = batv_secret_last_tag(f->secrets, s);
		if (last <= f->now || last == INT64_MAX || (b && b->until >= last))
			continue;
		add_break(plan, BATV_BREAK_ALL, f->now, last, "secret %" PRIu32 " was revoked",
			  s->number);
	}
}

/* Why does the secret file no longer yield this key of the previous state?  NULL: it does. */
static const char *key_is_gone(const struct batv_secrets *secrets, const struct batv_key *key)
{
	const struct batv_secret *s = find_secret(secrets, key->secret);
	char text[BATV_KEY_TEXT_LEN];
	bool same;

	if (!s)
		return "lost";
	if (s->revoked)
		return "revoked";
	if (batv_key_derive(s->bytes, key->epoch, text) != BATV_OK)
		return NULL;
	same = batv_equal_secret(text, key->text, sizeof text);
	batv_wipe(text, sizeof text);
	return same ? NULL : "replaced by another with the same number";
}

static bool has_key(const struct batv_keyring *ring, const struct batv_key *key)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].secret == key->secret && ring->keys[i].epoch == key->epoch)
			return true;
	return false;
}

/*
 * The clock jumped, or was off when batvd started.  The keys of the other time are not published
 * now, so their tags look forged or expired, although they are as young as before.  They are spared
 * for as long as they had to live.
 */
static void lose_by_clock(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_state *prev = f->previous;
	const bool jumped = f->jumped > BATV_JUMP || f->jumped < -BATV_JUMP;
	int64_t left = 0;

	if (!prev || !f->careful ||
	    !(jumped || prev->written > f->now + BATV_DAY ||
	      (batv_key_current(&prev->ring, prev->written) &&
	       !batv_key_current(&prev->ring, f->now))))
		return;
	for (size_t i = 0; i < prev->ring.n_keys; i++) {
		const struct batv_key *key = &prev->ring.keys[i];

		if (key->from < key->until && key->from <= prev->written &&
		    key->destroy > prev->written && !has_key(&plan->state.ring, key) &&
		    !key_is_gone(f->secrets, key))
			left = later(left, key->destroy - prev->written);
	}
	if (left)
		note_lost(plan, f->now + left, 0);
}

/* Finds keys that have signed and that no secret yields any more, while tags may still come back.
 */
static void break_for_lost(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	const struct batv_break *b = find_break(&plan->state, BATV_BREAK_ALL);
	int64_t awaited = b ? b->until : 0; /* by break_for_revoked() and earlier breaks */
	const struct batv_state *prev = f->previous;
	int64_t seen = prev ? later(prev->written, f->now) : 0, until = 0;
	int64_t alive = prev && f->careful ? earlier(prev->written, f->now) : f->now;
	const struct batv_key *lost = NULL;
	const char *how = NULL;

	for (size_t i = 0; prev && i < prev->ring.n_keys; i++) {
		const struct batv_key *key = &prev->ring.keys[i];
		const char *gone;

		if (key->from >= key->until || key->from > seen || key->destroy <= alive)
			continue;
		gone = key_is_gone(f->secrets, key);
		if (!gone || (strcmp(gone, "revoked") == 0 && key->destroy <= awaited))
			continue;
		if (strcmp(gone, "revoked") != 0)
			note_lost(plan, key->destroy,
				  find_secret(f->secrets, key->secret) ? 0 : key->secret);
		until = later(until, key->destroy);
		lost = key;
		how = gone;
	}
	if (lost)
		add_break(plan, BATV_BREAK_ALL, f->now, until, "secret %" PRIu32 " was %s",
			  lost->secret, how);
}

/* In doubt all are kept: the state may be their only copy, and readers ignore ended ones. */
static void copy_legacy(const struct batv_plan_facts *f, struct batv_keyring *to)
{
	const struct batv_keyring *from = &f->config->legacy;

	to->n_legacy = 0;
	for (size_t i = 0; i < from->n_legacy; i++)
		if (f->careful || from->legacy[i].until > f->now)
			to->legacy[to->n_legacy++] = from->legacy[i];
}

static void copy_config(const struct batv_plan_facts *f, struct batv_plan *plan)
{
	struct batv_state *st = &plan->state;

	st->written = f->now;
	st->serial = f->previous ? f->previous->serial + 1 : 1;
	st->global = f->config->global;
	st->memory = f->memory;
	st->memory_before = f->memory_before ? f->memory_before : "";
	st->has_memory_key = f->secrets->has_memory_key;
	if (st->has_memory_key)
		memcpy(st->memory_key, f->secrets->memory_key, sizeof st->memory_key);
	st->shared = batv_secrets_shared(f->secrets);
	st->fingerprint = plan->fingerprint;
	st->config_sum = f->config->sum;
	st->n_policies = f->config->n_policies;
	memcpy(st->policies, f->config->policies, st->n_policies * sizeof st->policies[0]);
	take_overrides(f, st);
	copy_legacy(f, &st->ring);
}

enum batv_err batv_plan_next(const struct batv_plan_facts *facts, struct batv_plan *plan)
{
	enum batv_err err;

	memset(plan, 0, sizeof *plan);
	copy_config(facts, plan);
	batv_secrets_fingerprint(facts->secrets, plan->fingerprint);
	err = batv_timeline_at(facts->secrets, facts->now, &plan->state.ring);
	if (err) {
		batv_plan_wipe(plan);
		return err;
	}
	carry_breaks(facts, plan);
	carry_lost(facts, plan);
	break_for_bare_mail(facts, plan); /* first, because it looks at the previous break */
	break_for_clock(facts, plan);
	break_for_lapse(facts, plan);
	lose_by_clock(facts, plan);
	break_for_signing(facts, plan);
	break_for_revoked(facts, plan);
	break_for_lost(facts, plan);
	return BATV_OK;
}

void batv_plan_wipe(struct batv_plan *plan)
{
	batv_wipe(plan, sizeof *plan);
}

/* The state as text, without the fields that say when it was written. */
static char *timeless(const struct batv_state *state, size_t *len)
{
	struct batv_state *copy = malloc(sizeof *copy);
	char *text = NULL;

	if (!copy)
		return NULL;
	*copy = *state;
	copy->written = 0;
	copy->serial = 0;
	if (batv_publish_format(copy, &text, len, NULL, 0) != BATV_OK)
		text = NULL;
	batv_wipe(copy, sizeof *copy);
	free(copy);
	return text;
}

bool batv_plan_same(const struct batv_state *a, const struct batv_state *b)
{
	size_t a_len = 0, b_len = 0;
	char *a_text = timeless(a, &a_len), *b_text = timeless(b, &b_len);
	bool same = a_text && b_text && a_len == b_len && memcmp(a_text, b_text, a_len) == 0;

	batv_wipe(a_text, a_len);
	batv_wipe(b_text, b_len);
	free(a_text);
	free(b_text);
	return same;
}

bool batv_plan_wants_secret(const struct batv_config *config, const struct batv_state *previous,
			    const struct batv_secrets *secrets, int64_t now)
{
	const struct batv_secret *s = batv_secret_signing(secrets, now);

	if (!s) /* no secret signs now: all start later or are revoked; not ours to repair */
		return false;
	if (!previous || (previous->global.key_rotation == config->global.key_rotation &&
			  previous->global.key_retention == config->global.key_retention))
		return false;
	return s->rotation != config->global.key_rotation ||
	       s->retention != config->global.key_retention;
}

/* Adds the secret that the configuration would add.  Only its times matter: it has no number and no
 * bytes. */
static void add_imagined(struct batv_secrets *set, const struct batv_config *config, int64_t now)
{
	set->list[set->n++] = (struct batv_secret){.start = now,
						   .rotation = config->global.key_rotation,
						   .retention = config->global.key_retention};
}

bool batv_plan_fits(const struct batv_config *config, const struct batv_secrets *secrets,
		    int64_t now)
{
	struct batv_secrets *set = calloc(1, sizeof *set);
	const struct batv_secret *s;
	bool fits;

	if (!set)
		return false;
	if (secrets)
		*set = *secrets;
	s = batv_secret_signing(set, now);
	if (!s || s->rotation != config->global.key_rotation ||
	    s->retention != config->global.key_retention) {
		if (set->n < BATV_SECRETS_MAX)
			add_imagined(set, config, now);
	}
	fits = batv_timeline_fits(set, now);
	batv_secrets_wipe(set);
	free(set);
	return fits;
}
