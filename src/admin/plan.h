/*
 * plan.h - plans the next state to publish, from the configuration, the secrets, the previous
 * state and the clock.  This is pure; keeper.c supplies the facts and publishes the result.
 */
#ifndef BATV_PLAN_H
#define BATV_PLAN_H

#include "config.h"
#include "decide/state.h"
#include "overrides.h"
#include "secret.h"

#define BATV_BREAK_ALL "*" /* the policy of a break that affects all policies */
#define BATV_BREAK_WHY_SIZE 240
/* The clock has jumped if it differs by more than this from the time that passed. */
#define BATV_JUMP (BATV_DAY + 60)
/* Mail that leaves untagged again within this many seconds belongs to the same break. */
#define BATV_BARE_AGAIN 900

struct batv_plan_facts {
	const struct batv_config *config;
	const struct batv_secrets *secrets;
	const struct batv_state *previous;      /* the previous state; NULL: none is known */
	const char *memory;                     /* the memory's file name; "": none */
	const char *memory_before;              /* the previous generation's; NULL or "": none */
	const struct batv_overrides *overrides; /* NULL: not known; those of `previous` stay */
	int64_t bare_last;                      /* batv_counters_bare_last() */
	bool has_evidence;                      /* the domain table is not empty */
	bool made_secret;                       /* the set is new, because there was none */
	bool careful;   /* the clock is in doubt: keep all that cannot be made again */
	int64_t jumped; /* how far the clock moved beyond the time that passed; seconds, signed */
	int64_t now;
};

/* The next state, and the text that it borrows beyond what it borrows from the facts. */
struct batv_plan {
	struct batv_state state;
	unsigned long new_breaks; /* bit i: state.breaks[i] is new, or was renewed, in this plan */
	char fingerprint[BATV_FINGERPRINT_SIZE];
	char break_policy[BATV_BREAKS_MAX][BATV_POLICY_NAME_MAX + 1];
	char break_why[BATV_BREAKS_MAX][BATV_BREAK_WHY_SIZE];
};

/*
 * Fills *plan, which borrows from *facts and must not be copied.
 * Errors: BATV_E_FULL (more live keys than fit), BATV_E_IO (libcrypto failed).
 */
enum batv_err batv_plan_next(const struct batv_plan_facts *facts, struct batv_plan *plan);
void batv_plan_wipe(struct batv_plan *plan);

/* Do two states differ in nothing but when they were written?  False too if it cannot tell. */
bool batv_plan_same(const struct batv_state *a, const struct batv_state *b);

/*
 * Did the administrator change key_rotation or key_retention, so that a secret must be added?
 * A value counts as changed only if it differs from the previous state *and* from the secret that
 * signs.  So servers do not fight over an imported set.
 */
bool batv_plan_wants_secret(const struct batv_config *config, const struct batv_state *previous,
			    const struct batv_secrets *secrets, int64_t now);

/* Would the keys fit, now and later, with the configured periods?  secrets: NULL if none. */
bool batv_plan_fits(const struct batv_config *config, const struct batv_secrets *secrets,
		    int64_t now);

#endif
