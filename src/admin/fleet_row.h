/*
 * fleet_row.h - the row of this host: what batvd tells the other hosts of the fleet.  It is the
 * file fleet.row in the state directory, as JSON; batv-fleet seals and publishes it.
 * docs/formats.md, "Fleet row", describes it.
 *
 * A row says no secret and no address.  It remembers, too: when mail of a domain left untagged is
 * nowhere else.
 */
#ifndef BATV_FLEET_ROW_H
#define BATV_FLEET_ROW_H

#include "fleet_said.h"
#include "fleet_view.h"
#include "memory/access.h"
#include "secret.h"
#include "store.h"

#define BATV_FLEET_ROW_NAME "fleet.row"
#define BATV_FLEET_ROW_MODE 0640
#define BATV_FLEET_ROW_MAX ((size_t)4 << 20) /* bytes of the file */
#define BATV_FLEET_ROW_PAUSE 60 /* seconds between two rows that differ in counts alone */

struct batv_fleet_row {              /* start with all bytes zero */
	json_t *json;                /* as in the file; NULL: none */
	struct batv_fleet_host host; /* the same, read */
	int64_t written;             /* when this program last wrote it */
};

struct batv_fleet_row_facts {
	const struct batv_state *state;
	const struct batv_secrets *secrets;
	struct batv_memory *memory;
	const struct batv_fleet_said *said;
	int64_t now;
};

/*
 * Reads the file.  If it is missing or damaged, there is no row until the next update.  The caller
 * frees the row.
 */
void batv_fleet_row_read(const struct batv_store *store, int64_t now, struct batv_fleet_row *row);

/*
 * Brings the row up to date, and writes the file if what the other hosts go by has changed, or
 * after a pause if counts have.  The caller holds the writers' lock.  Returns false if it could not
 * be written; errno says why.
 */
bool batv_fleet_row_update(struct batv_fleet_row *row, const struct batv_store *store,
			   const struct batv_fleet_row_facts *facts);

/* When mail of the domain last left this host untagged, after signed mail; 0: never. */
int64_t batv_fleet_row_bare(const struct batv_fleet_row *row, const char *domain);

void batv_fleet_row_free(struct batv_fleet_row *row);

#endif
