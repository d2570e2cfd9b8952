/*
 * fleet_said.h - the file fleet.said of the state directory: what batvctl said that concerns the
 * whole fleet.  batvctl writes it, batvd puts it into this host's row (fleet_row.h), and batv-fleet
 * passes it on.  docs/formats.md, "Fleet said", describes it.
 */
#ifndef BATV_FLEET_SAID_H
#define BATV_FLEET_SAID_H

#include "store.h"

#define BATV_FLEET_SAID_NAME "fleet.said"
#define BATV_FLEET_SAID_MODE 0640
#define BATV_FLEET_SAID_MAX 65536
#define BATV_FLEET_FORGET_MAX 64

struct batv_fleet_said {          /* all bytes zero: nothing was said */
	int64_t joined;           /* when this host joined; 0: not by batvctl fleet join */
	bool fresh;               /* it had not sent any mail before */
	bool leave;               /* it leaves the fleet */
	bool observe;             /* batvctl observe --fleet */
	uint64_t observe_counter; /* the host with the highest has the last word; 0: not said */
	int64_t observe_at;
	size_t n_forget;
	char forget[BATV_FLEET_FORGET_MAX][17]; /* ids of hosts that are gone: 16 hex digits */
};

/*
 * Reads the file, which is JSON.  Without one nothing was said.  On error nothing was said either,
 * and `message` is one complete line.
 * Errors: those of batv_slurp() but for BATV_E_NO_FILE; BATV_E_SYNTAX, BATV_E_FULL.
 */
enum batv_err batv_fleet_said_read(const struct batv_store *store, struct batv_fleet_said *out,
				   char *message, size_t size);
/* The caller holds the writers' lock. */
enum batv_err batv_fleet_said_write(const struct batv_store *store,
				    const struct batv_fleet_said *said, char *message, size_t size);

/* Is this an id, as the others are told it? */
bool batv_fleet_said_is_id(struct batv_span text);

#endif
