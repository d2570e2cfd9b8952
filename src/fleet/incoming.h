/*
 * incoming.h - parcels of others: opens them, records what they have, and notes that they are here.
 */
#ifndef BATV_INCOMING_H
#define BATV_INCOMING_H

#include "base/span.h"

struct batv_station;

struct batv_incoming *batv_incoming_new(void); /* NULL: no memory */
void batv_incoming_free(struct batv_incoming *incoming);

/* Takes a parcel of a server.  What is new waits for batv_incoming_apply(). */
void batv_incoming_take(struct batv_station *st, struct batv_span bytes);
/* Records all that waits, in the order of the memory's blocks, and notes it in the roster. */
void batv_incoming_apply(struct batv_station *st);

#endif
