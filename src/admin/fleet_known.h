/*
 * fleet_known.h - the fleet as batvd and batvctl see it: the row of this host, what the others say,
 * and what follows for a domain.  Neither of them talks to another host; batv-fleet does.
 */
#ifndef BATV_FLEET_KNOWN_H
#define BATV_FLEET_KNOWN_H

#include "arming.h"
#include "config.h"
#include "fleet_row.h"
#include "fleet_view.h"
#include "notices.h"

struct batv_fleet_known { /* start with all bytes zero: there is no fleet */
	bool on;
	int64_t patience;
	struct batv_fleet_said said;
	struct batv_fleet_row row;
	struct batv_fleet_view view;     /* json NULL: it could not be read */
	char trouble[BATV_MESSAGE_SIZE]; /* why not, or what else is wrong; "": nothing */
};

/*
 * Reads the files, if the configuration names a fleet.  A file that cannot be read is not known,
 * and fleet->trouble says why.
 */
void batv_fleet_known_read(struct batv_fleet_known *fleet, const struct batv_store *store,
			   const struct batv_global *config, int64_t now);

/*
 * For batvd, under the writers' lock: reads the files, writes this host's row, and makes room in
 * the domain table for the domains that other hosts send for.
 */
void batv_fleet_known_look(struct batv_fleet_known *fleet, const struct batv_store *store,
			   const struct batv_global *config, const struct batv_state *state,
			   const struct batv_secrets *secrets, struct batv_memory *memory,
			   int64_t now);

/*
 * Does the domain refuse?  Without a fleet this is batv_arming_decide().
 */
struct batv_arm batv_fleet_known_decide(const struct batv_fleet_known *fleet,
					const struct batv_state *state,
					const struct batv_domain *domain, int64_t now);

/*
 * The host whose word on batvctl observe --fleet holds: observe says which.  NULL: nobody said it.
 * batvd makes the file `observe` by it, and removes the one that it made.
 */
const struct batv_fleet_host *batv_fleet_known_word(const struct batv_fleet_known *fleet);

void batv_fleet_known_free(struct batv_fleet_known *fleet);

#endif
