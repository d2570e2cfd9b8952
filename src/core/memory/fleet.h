/*
 * fleet.h - how far this host's memory knows what the other servers of its fleet sent.  batv-fleet
 * writes two words of the header page; local_scan() and status read them.
 */
#ifndef BATV_MEMORY_FLEET_H
#define BATV_MEMORY_FLEET_H

#include "memory/access.h"

/*
 * All that the fleet had sent before this moment of this host's clock is in the memory:
 * milliseconds since 1970.  0: not known, or there is no memory.
 */
int64_t batv_fleet_until(struct batv_memory *memory);

/*
 * Since when the memory has all that the fleet sent, in seconds since 1970.  0: something is
 * missing, or nothing is known.
 */
int64_t batv_fleet_since(struct batv_memory *memory);

/* batv-fleet only.  `until` never goes back, except to 0. */
void batv_fleet_set_until(struct batv_memory *memory, int64_t until);
void batv_fleet_set_since(struct batv_memory *memory, int64_t since);

#endif
