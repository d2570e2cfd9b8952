/*
 * keeper.c - one look: from the secrets, the previous state and the memory it makes the next
 * state, and decides which domains refuse.
 *
 * Invariant: all writing happens under the writers' lock, and a failure leaves the published state
 * as it is.  A domain is disarmed before the state that disarms it is published, and armed after
 * the state that arms it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "arming.h"
#include "base/hmac.h"
#include "decide/override.h"
#include "fleet_share.h"
#include "generation.h"
#include "keeper.h"
#include "memory/counters.h"
#include "memory/slots.h"
#include "overrides.h"
#include "plan.h"
#include "timeline.h"

#define LOCK_SECONDS 5

/* Updates what the generation borrows from the keeper: that may have changed. */
static struct batv_generation *generation_of(struct batv_keeper *k)
{
	struct batv_generation *g = &k->generation;

	g->store = &k->store;
	g->secrets = k->secrets;
	g->state = k->have.text ? &k->have.state : NULL;
	g->notices = &k->notices;
	return g;
}

/* ---- the memory ---- */

static bool has_evidence(struct batv_memory *memory)
{
	struct batv_domain domain;
	size_t first = 0;

	return batv_domain_next(memory, &first, &domain);
}

/* ---- the secrets ---- */

static void adopt(struct batv_keeper *k, struct batv_secrets *set)
{
	if (k->secrets) {
		batv_secrets_wipe(k->secrets);
		free(k->secrets);
	}
	k->secrets = set;
}

static void drop(struct batv_secrets *set)
{
	if (set)
		batv_secrets_wipe(set);
	free(set);
}

static bool write_set(struct batv_keeper *k, const struct batv_secrets *set)
{
	return batv_store_write_secret(&k->store, set, k->notices.trouble[BATV_TROUBLE_SECRET],
				       sizeof k->notices.trouble[0]) == BATV_OK;
}

static void say_too_many(struct batv_keeper *k, const char *what)
{
	batv_notices_trouble(&k->notices, BATV_TROUBLE_KEYS,
			     "%s would need more than %d live keys, so the keys stay as they are; "
			     "choose a longer key_rotation or a shorter key_retention",
			     what, BATV_KEYS_MAX);
}

/*
 * Takes from the state what a lost file said beyond its secrets: the key of the sent-mail memory,
 * so that what was sent still proves replies, although the tags of the lost secret no longer do;
 * and that another server has the secret, because that one goes on sending.
 */
static void keep_from_state(const struct batv_keeper *k, struct batv_secrets *set)
{
	const struct batv_state *st = k->have.text ? &k->have.state : NULL;

	if (st && st->has_memory_key)
		memcpy(set->memory_key, st->memory_key, sizeof set->memory_key);
	if (st && st->shared)
		(void)batv_secrets_share(set, true);
}

/* Makes the first secret, or one to replace a lost file. */
static bool make_set(struct batv_keeper *k, const struct batv_config *config, int64_t now,
		     struct batv_secrets *set)
{
	if (!batv_plan_fits(config, NULL, now)) {
		say_too_many(k, "this key_rotation with this key_retention");
		return false;
	}
	if (batv_secrets_create(set, config->global.key_rotation, config->global.key_retention,
				now) != BATV_OK) {
		batv_notices_trouble(&k->notices, BATV_TROUBLE_SECRET,
				     "cannot get random bytes: %s", strerror(errno));
		return false;
	}
	keep_from_state(k, set);
	if (!write_set(k, set))
		return false;
	k->made_secret = true;
	batv_notices_say(&k->notices, LOG_NOTICE, "%s/%s: made a new secret, number %" PRIu32,
			 k->store.path, BATV_SECRET_NAME, set->list[0].number);
	return true;
}

/* Reads the set from the file, or makes a new one.  False: k->secrets stays as it is. */
static bool read_set(struct batv_keeper *k, const struct batv_config *config,
		     const struct batv_look *look, struct batv_looked *out,
		     struct batv_secrets *set)
{
	char *message = k->notices.trouble[BATV_TROUBLE_SECRET];
	enum batv_err err;

	err = batv_store_read_secret(&k->store, set, message, sizeof k->notices.trouble[0]);
	if (err == BATV_E_NO_FILE) {
		message[0] = '\0';
		if (look->make_secret)
			return make_set(k, config, look->now, set);
		out->secret_gone = true;
		batv_notices_trouble(&k->notices, BATV_TROUBLE_SECRET,
				     "%s/%s: is missing; restore it, or a new one "
				     "will be created",
				     k->store.path, BATV_SECRET_NAME);
	}
	if (err)
		return false;
	if (batv_timeline_fits(set, look->now))
		return true;
	say_too_many(k, "the secret file");
	return false;
}

/* A file from an older version has no memory key. */
static void need_memory_key(struct batv_keeper *k, struct batv_secrets *set)
{
	if (set->has_memory_key)
		return;
	if (batv_secret_random(set->memory_key) != BATV_OK)
		return;
	set->has_memory_key = true;
	if (write_set(k, set))
		batv_notices_say(&k->notices, LOG_NOTICE,
				 "%s/%s: made a key for the sent-mail memory", k->store.path,
				 BATV_SECRET_NAME);
	else
		set->has_memory_key = false;
}

static void need_secrets(struct batv_keeper *k, const struct batv_config *config,
			 const struct batv_look *look, struct batv_looked *out)
{
	struct batv_secrets *set = calloc(1, sizeof *set);

	if (!set)
		batv_notices_trouble(&k->notices, BATV_TROUBLE_SECRET, "out of memory");
	else if (read_set(k, config, look, out, set)) {
		need_memory_key(k, set);
		adopt(k, set), set = NULL;
	}
	drop(set);
}

/* Follows a changed key_rotation or key_retention.  False: refused, or it could not be written. */
static bool follow_periods(struct batv_keeper *k, const struct batv_config *config, int64_t now)
{
	const struct batv_state *previous = k->have.text ? &k->have.state : NULL;
	struct batv_secrets *set;
	bool ok = false;

	if (!batv_plan_wants_secret(config, previous, k->secrets, now))
		return true;
	set = calloc(1, sizeof *set);
	if (!set)
		return false;
	*set = *k->secrets;
	if (batv_secrets_add(set, config->global.key_rotation, config->global.key_retention, now) !=
	    BATV_OK)
		batv_notices_trouble(&k->notices, BATV_TROUBLE_SECRET,
				     "%s/%s: cannot add a secret for the changed "
				     "key_rotation or key_retention",
				     k->store.path, BATV_SECRET_NAME);
	else if (!batv_timeline_fits(set, now))
		say_too_many(k, "the changed key_rotation or key_retention");
	else
		ok = write_set(k, set);
	if (ok) {
		batv_notices_say(&k->notices, LOG_NOTICE,
				 "%s/%s: added secret %" PRIu32 " because key_rotation or "
				 "key_retention has changed",
				 k->store.path, BATV_SECRET_NAME, set->list[set->n - 1].number);
		adopt(k, set), set = NULL;
	}
	drop(set);
	return ok;
}

/* ---- arming ---- */

static uint32_t flags_of(const struct batv_domain *domain, const struct batv_arm *arm)
{
	const uint32_t ours = BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET | BATV_DOMAIN_FLEET_SENDS;
	uint32_t flags = domain->flags & ~ours;

	if (arm->armed)
		flags |= BATV_DOMAIN_ARMED | (arm->by_fleet ? BATV_DOMAIN_BY_FLEET : 0);
	if (arm->fleet_sends)
		flags |= BATV_DOMAIN_FLEET_SENDS;
	return flags;
}

static void set_flags(struct batv_keeper *k, struct batv_memory *memory, size_t slot,
		      const struct batv_domain *domain, const struct batv_arm *arm, int64_t now)
{
	const uint32_t flags = flags_of(domain, arm);
	char name[BATV_DOMAIN_NAME_MAX + 32], why[BATV_ARM_TEXT_SIZE];

	if (batv_domain_set_flags(memory, slot, flags, now) != BATV_OK ||
	    memory != &k->generation.memory || ((flags ^ domain->flags) & BATV_DOMAIN_ARMED) == 0)
		return;
	batv_printable(batv_span_of(domain->name), name, sizeof name);
	batv_arming_explain(arm, why, sizeof why);
	/* docs/man/batvd.8 tells people to look for these words. */
	if (arm->armed)
		batv_notices_say(&k->notices, LOG_NOTICE, "domain %s begins to refuse: %s", name,
				 why);
	else
		batv_notices_say(&k->notices, LOG_WARNING, "domain %s no longer refuses: %s", name,
				 why);
}

/* Arms and disarms all domains by this state.  Returns when time alone will arm the next one. */
static int64_t arm_domains(struct batv_keeper *k, struct batv_memory *memory,
			   const struct batv_state *state, int64_t now, bool only_disarm)
{
	int64_t next = INT64_MAX;
	struct batv_domain domain;

	for (size_t i = 0; batv_domain_next(memory, &i, &domain); i++) {
		struct batv_arm arm = batv_fleet_known_decide(&k->fleet, state, &domain, now);

		if (arm.why == BATV_ARM_UNSEEN) /* grace counts from the end of this */
			batv_domain_break(memory, domain.name, BATV_DOMAIN_UNSEEN, now);
		if (flags_of(&domain, &arm) != domain.flags && !(only_disarm && arm.armed))
			set_flags(k, memory, i, &domain, &arm, now);
		if (arm.when > now && arm.when < next)
			next = arm.when;
	}
	return next;
}

/* ---- the state ---- */

static void say_breaks(struct batv_keeper *k, const struct batv_plan *plan)
{
	for (size_t i = 0; i < plan->state.n_breaks; i++) {
		const struct batv_break *b = &plan->state.breaks[i];

		if (!(plan->new_breaks & 1ul << i))
			continue;
		if (strcmp(b->policy, BATV_BREAK_ALL) == 0)
			batv_notices_say(&k->notices, LOG_WARNING,
					 "all domains: observing again: %s", b->why);
		else
			batv_notices_say(&k->notices, LOG_WARNING,
					 "domains of policy %s: observing again: %s", b->policy,
					 b->why);
	}
}

static const struct batv_override *same_override(const struct batv_state *st,
						 const struct batv_override *o)
{
	const struct batv_override *there =
		batv_override_find(st, (enum batv_override_key)o->key, o->domain);

	return there && there->mode == o->mode && there->until == o->until ? there : NULL;
}

/* Logs which of the overrides in `st` are not in `other`. */
static void say_overrides(struct batv_keeper *k, const struct batv_state *st,
			  const struct batv_state *other, const char *what)
{
	for (size_t i = 0; i < st->n_overrides; i++) {
		const struct batv_override *o = &st->overrides[i];
		char value[BATV_STATE_OVERRIDE_VALUE_SIZE];

		if (same_override(other, o))
			continue;
		batv_state_override_value(o, value);
		batv_notices_say(&k->notices, LOG_NOTICE, "%s: %s %s %s", what,
				 batv_state_override_name((enum batv_override_key)o->key),
				 o->domain, value);
	}
}

static bool publish(struct batv_keeper *k, const struct batv_plan *plan)
{
	static const struct batv_state none;
	const struct batv_state *before = k->have.text ? &k->have.state : &none;

	say_overrides(k, before, &plan->state, "ended or changed, by time or by batvctl");
	say_overrides(k, &plan->state, before, "set by batvctl");
	/* Replacing the state ends this trouble, but it is worth a line. */
	if (k->notices.trouble[BATV_TROUBLE_STATE][0])
		batv_notices_say(&k->notices, LOG_WARNING, "%s",
				 k->notices.trouble[BATV_TROUBLE_STATE]);
	k->notices.trouble[BATV_TROUBLE_STATE][0] = '\0';
	arm_domains(k, &k->generation.memory, &plan->state, plan->state.written, true);
	/* If the memory is new with this state, Exim still asks the one before. */
	arm_domains(k, &k->generation.before, &plan->state, plan->state.written, true);
	if (batv_store_publish(&k->store, &plan->state, &k->have,
			       k->notices.trouble[BATV_TROUBLE_STATE],
			       sizeof k->notices.trouble[0]) != BATV_OK)
		return false;
	k->made_secret = false;
	batv_generation_published(generation_of(k));
	say_breaks(k, plan);
	batv_notices_say(&k->notices, LOG_INFO, "published state %" PRIu64 " with %zu keys",
			 k->have.state.serial, k->have.state.ring.n_keys);
	return true;
}

/* What batvctl enforce wrote.  While the file cannot be read, what is published stays in force. */
static struct batv_overrides *read_overrides(struct batv_keeper *k, struct batv_looked *out,
					     int64_t now)
{
	struct batv_overrides *set = calloc(1, sizeof *set);
	char message[BATV_MESSAGE_SIZE];

	if (set && batv_overrides_read(&k->store, set, message, sizeof message) == BATV_OK) {
		batv_overrides_drop_ended(set, now);
		out->next = batv_overrides_next(set, out->next);
		return set;
	}
	batv_notices_trouble(&k->notices, BATV_TROUBLE_OVERRIDES,
			     "%s; the modes that are published stay in force; correct the file, or "
			     "remove it and use batvctl enforce again",
			     set ? message : "out of memory");
	free(set);
	return NULL;
}

/*
 * Reads the published state.  What cannot be read this time (EIO, EMFILE) may be whole all the
 * same: who has read none before leaves it alone once.  A new state would start without the breaks
 * and the losses that it knows.
 */
static enum published { THERE, NONE, UNKNOWN } read_previous(struct batv_keeper *k)
{
	char message[BATV_MESSAGE_SIZE];
	enum batv_err err = batv_store_read_state(&k->store, &k->have, message, sizeof message);
	bool wait = err == BATV_E_IO && !k->have.text && !k->unread;

	k->unread = err == BATV_E_IO;
	if (err && err != BATV_E_NO_FILE)
		batv_notices_trouble(&k->notices, BATV_TROUBLE_STATE, "%s; it %s", message,
				     wait ? "is left as it is for now" : "will be replaced");
	return wait ? UNKNOWN : err ? NONE : THERE;
}

static bool fill_plan(struct batv_keeper *k, const struct batv_config *config,
		      const struct batv_look *look, const struct batv_overrides *overrides,
		      struct batv_plan *plan)
{
	struct batv_plan_facts facts = {
		.config = config,
		.secrets = k->secrets,
		.previous = k->have.text ? &k->have.state : NULL,
		.memory = k->generation.memory_name,
		.memory_before = k->generation.before_name,
		.bare_last = k->generation.memory.base
				     ? batv_counters_bare_last(&k->generation.memory)
				     : 0,
		.overrides = overrides,
		.careful = k->generation.careful,
		.made_secret = k->made_secret,
		.jumped = look->jumped,
		.now = look->now,
	};
	enum batv_err err;

	if (!facts.previous)
		facts.has_evidence = has_evidence(&k->generation.memory);
	err = batv_plan_next(&facts, plan);
	if (err == BATV_E_FULL)
		say_too_many(k, "the secret file");
	else if (err)
		batv_notices_trouble(&k->notices, BATV_TROUBLE_STATE, "cannot make the keys: %s",
				     batv_strerror(err));
	return err == BATV_OK;
}

static void next_state(struct batv_keeper *k, const struct batv_config *config,
		       const struct batv_look *look, bool on_disk, struct batv_looked *out)
{
	struct batv_plan *plan = malloc(sizeof *plan);
	bool followed = follow_periods(k, config, look->now);
	struct batv_overrides *overrides = read_overrides(k, out, look->now);

	if (!plan) {
		batv_notices_trouble(&k->notices, BATV_TROUBLE_STATE, "out of memory");
		free(overrides);
		return;
	}
	if (fill_plan(k, config, look, overrides, plan)) {
		if (!followed && k->have.text) { /* so that it is tried again at each look */
			plan->state.global.key_rotation = k->have.state.global.key_rotation;
			plan->state.global.key_retention = k->have.state.global.key_retention;
		}
		if (look->publish_always || !on_disk || plan->new_breaks ||
		    k->have.state.written > look->now || /* Exim trusts none from the future */
		    !batv_plan_same(&plan->state, &k->have.state))
			out->published = publish(k, plan);
	}
	batv_plan_wipe(plan);
	free(plan);
	free(overrides);
}

/*
 * Before the domains are armed: whether mail left untagged here is seen by comparing with the row
 * before.
 */
static void look_at_fleet(struct batv_keeper *k, const struct batv_config *config, int64_t now)
{
	batv_fleet_known_look(&k->fleet, &k->store, &config->global, &k->have.state, k->secrets,
			      &k->generation.memory, now);
	if (k->fleet.trouble[0])
		batv_notices_trouble(&k->notices, BATV_TROUBLE_FLEET, "%s", k->fleet.trouble);
}

/* What is published counts: it names the files that Exim uses. */
static void share_with_fleet(struct batv_keeper *k)
{
	const struct batv_memory *memory = &k->generation.memory;

	batv_fleet_share_look(&k->store, &k->have.state,
			      memory->base ? memory->sections.filters[0].capacity : 0, &k->notices,
			      &k->told_no_fleet_user);
}

static void look_locked(struct batv_keeper *k, const struct batv_config *config,
			const struct batv_look *look, struct batv_looked *out)
{
	const enum published published = read_previous(k);
	const bool on_disk = published == THERE;

	if (published == UNKNOWN) {
		out->usable = true; /* no alarm: the next look will tell */
		return;
	}
	k->generation.jumped = look->slept || look->jumped > BATV_JUMP || look->jumped < -BATV_JUMP;
	need_secrets(k, config, look, out);
	batv_generation_look(generation_of(k), config, look->now);
	k->generation.looked = true;
	if (k->generation.memory.base && !k->generation.careful)
		batv_slot_reclaim(&k->generation.memory, look->now);
	if (k->secrets)
		next_state(k, config, look, on_disk, out);
	out->usable = (on_disk || out->published) &&
		      k->have.state.written <= look->now + BATV_STATE_SKEW &&
		      batv_key_current(&k->have.state.ring, look->now);
	if (k->have.text && k->secrets)
		look_at_fleet(k, config, look->now);
	/* A state that could not be published may have disarmed domains already.  They stay
	 * disarmed, or their flags would change back and forth with each look. */
	if (k->have.text) {
		int64_t arms = arm_domains(k, &k->generation.memory, &k->have.state, look->now,
					   k->notices.trouble[BATV_TROUBLE_STATE][0] != '\0');

		if (arms < out->next)
			out->next = arms;
	}
	if (k->secrets) {
		int64_t change = batv_timeline_next(k->secrets, look->now);

		if (change < out->next)
			out->next = change;
	}
	if (k->have.text) /* last: what was written now is shared, too */
		share_with_fleet(k);
}

void batv_keeper_look(struct batv_keeper *keeper, const struct batv_config *config,
		      const struct batv_look *look, struct batv_looked *out)
{
	int lock = -1;

	*out = (struct batv_looked){.next = INT64_MAX};
	for (size_t i = 0; i < BATV_TROUBLE_COUNT; i++)
		keeper->notices.trouble[i][0] = '\0';
	if (batv_store_lock(&keeper->store, BATV_WRITER_LOCK, LOCK_SECONDS, &lock,
			    keeper->notices.trouble[BATV_TROUBLE_LOCK],
			    sizeof keeper->notices.trouble[0]))
		return;
	look_locked(keeper, config, look, out);
	close(lock);
}

void batv_keeper_sync(const struct batv_keeper *keeper)
{
	batv_memory_sync(&keeper->generation.memory);
	batv_memory_sync(&keeper->generation.before);
}

void batv_keeper_free(struct batv_keeper *keeper)
{
	adopt(keeper, NULL);
	batv_store_free_state(&keeper->have);
	batv_fleet_known_free(&keeper->fleet);
	batv_memory_close(&keeper->generation.memory);
	batv_memory_close(&keeper->generation.before);
	batv_store_close(&keeper->store);
}
