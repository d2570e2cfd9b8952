/*
 * forged.h - forged tags, counted in all and by the network that they came from: whoever guesses
 * tags is named.
 *
 * A small table of fixed size, a section of the memory file.  A network is a /24 of IPv4 or a /48
 * of IPv6, so that a host with many addresses fills one place.  A network that is new takes an
 * empty place, else one of an earlier day, else that of the network with the fewest: whoever tries
 * often stays, and a count is never too high.  docs/formats.md has the layout.
 */
#ifndef BATV_MEMORY_FORGED_H
#define BATV_MEMORY_FORGED_H

#include "memory/access.h"

#define BATV_FORGER_NAME_SIZE 32

struct batv_forger {
	char network[BATV_FORGER_NAME_SIZE]; /* "192.0.2.0/24", "2001:db8:1::/48" */
	uint32_t count;
};

/* One forged tag from this host, an IP address as text.  A host that is none is counted in the
 * total alone. */
void batv_forged_note(struct batv_memory *memory, const char *host, int64_t now);

/* The networks with the most on the day of `now`, the most first; returns how many.  0 too: no
 * memory. */
size_t batv_forged_most(const struct batv_memory *memory, int64_t now, struct batv_forger *out,
			size_t max);

/* Daemon only: what another memory file counted.  The larger count stays: twice is the same as
 * once. */
void batv_forged_copy(const struct batv_memory *from, struct batv_memory *to);

#endif
