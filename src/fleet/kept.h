/*
 * kept.h - the bytes of this host's own parcels of the last minutes, in the order of their
 * positions.  A server that was away gets them again, as they are.
 */
#ifndef BATV_KEPT_H
#define BATV_KEPT_H

#include <stdbool.h>

#include "base/span.h"

#define BATV_KEPT_MS INT64_C(180000)         /* how long a parcel is kept */
#define BATV_KEPT_BYTES (UINT32_C(64) << 20) /* of all, at most */

struct batv_kept_one {
	uint64_t position;
	int64_t when; /* ms */
	size_t len;
	uint8_t *bytes; /* from malloc */
};

struct batv_kept { /* all bytes zero: none */
	struct batv_kept_one *ring;
	size_t at, n, size; /* the oldest, how many, room */
	size_t bytes;
};

/* Keeps a copy.  False: no memory; then none is kept any more, because one would be missing. */
bool batv_kept_add(struct batv_kept *kept, uint64_t position, struct batv_span bytes, int64_t now);
/* Lets go of those that are old, or too many. */
void batv_kept_expire(struct batv_kept *kept, int64_t now);
/* The position of the oldest; 0: none. */
uint64_t batv_kept_from(const struct batv_kept *kept);
/* The first at or after the position; NULL: none. */
const struct batv_kept_one *batv_kept_find(const struct batv_kept *kept, uint64_t position);
void batv_kept_free(struct batv_kept *kept);

#endif
