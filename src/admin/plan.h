/*
 * plan.h - what the next published state is: a function of the configuration, the secrets, the
 * state before, and the clock.  Pure; keeper.c feeds it and writes what comes out.
 */
#ifndef BATV_PLAN_H
#define BATV_PLAN_H

#include "config.h"
#include "decide/state.h"
#include "secret.h"

#define BATV_BREAK_ALL "*" /* the policy of a break that concerns all */
#define BATV_BREAK_WHY_SIZE 240
/* A clock that moved by more than this, unlike the time that passed, has jumped. */
#define BATV_JUMP (BATV_DAY + 60)
/* Mail that leaves bare again within this many seconds is the same break. */
#define BATV_BARE_AGAIN 900

struct batv_plan_facts {
	const struct batv_config *config;
	const struct batv_secrets *secrets;
	const struct batv_state *previous; /* the state before; NULL: none is known */
	const char *memory;                /* file name of the memory; "": none */
	const char *memory_before;         /* of the generation before; NULL or "": none */
	int64_t bare_last;                 /* batv_counters_bare_last() */
	bool has_evidence;                 /* the domain table is not empty */
	bool made_secret;                  /* the set was made new, for there was none */
	bool careful;   /* the clock is in doubt: what cannot be made again stays */
	int64_t jumped; /* seconds that the clock moved beyond the time that passed; signed */
	int64_t now;
};

/* The next state, and the text that it borrows beyond that of configuration and facts. */
struct batv_plan {
	struct batv_state state;
	unsigned long new_breaks; /* bit i: state.breaks[i] came, or was renewed, with this plan */
	char fingerprint[BATV_FINGERPRINT_SIZE];
	char break_policy[BATV_BREAKS_MAX][BATV_POLICY_NAME_MAX + 1];
	char break_why[BATV_BREAKS_MAX][BATV_BREAK_WHY_SIZE];
};

/*
 * Fill *plan; it borrows from *facts and must not be copied.
 * Errors: BATV_E_FULL (more live keys than fit), BATV_E_IO (libcrypto failed).
 */
enum batv_err batv_plan_next(const struct batv_plan_facts *facts, struct batv_plan *plan);
void batv_plan_wipe(struct batv_plan *plan);

/* Do two states say the same, but for when they were written?  False when that can't be told. */
bool batv_plan_same(const struct batv_state *a, const struct batv_state *b);

/*
 * Did the administrator change key_rotation or key_retention, so that a line has to be added?
 * Only what differs from the state before *and* from the secret that signs: an imported set is not
 * fought over.
 */
bool batv_plan_wants_secret(const struct batv_config *config, const struct batv_state *previous,
			    const struct batv_secrets *secrets, int64_t now);

/* Would the keys fit, now and later, with the configured periods?  secrets: NULL for none yet. */
bool batv_plan_fits(const struct batv_config *config, const struct batv_secrets *secrets,
		    int64_t now);

#endif
