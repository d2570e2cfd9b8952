/*
 * outgoing.h - this host's own parcels: what it recorded, its row, its beats, and what others ask
 * it for.
 */
#ifndef BATV_OUTGOING_H
#define BATV_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct batv_station;

struct batv_outgoing *batv_outgoing_new(void); /* NULL: no memory */
void batv_outgoing_free(struct batv_outgoing *outgoing);

/* Reads the journals, and appends all that is due.  Call it each turn. */
void batv_outgoing_work(struct batv_station *st);
/* A server is OK, now or again. */
void batv_outgoing_server(struct batv_station *st, unsigned server);
/* The host's row: JSON for the others, of at most BATV_PARCEL_PAYLOAD_MAX bytes. */
void batv_outgoing_row(struct batv_station *st, struct batv_span text);
/* Has this host left the fleet?  Then nothing more is sent. */
void batv_outgoing_leave(struct batv_station *st, bool leave);
/* And does a server have its word, so that the others hear it? */
bool batv_outgoing_has_left(const struct batv_station *st);
/*
 * Whom an administrator forgets here, at most BATV_ROW_SHARE_FORGET_MAX.  A host that was in the
 * list of the last call is not forgotten again: it may have come back.
 */
void batv_outgoing_forget(struct batv_station *st, const uint64_t *hosts, unsigned n);

/* Writes what the next start needs.  False: it is not on the disk; errno says why. */
bool batv_outgoing_save(struct batv_station *st);

#endif
