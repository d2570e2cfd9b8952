/*
 * forged.h - counts forged tags, in all and by the network that they came from, so that an
 * administrator can see which networks guess tags.
 *
 * The table is a section of the memory file and has a fixed size.  A network is a /24 of IPv4 or a
 * /48 of IPv6, so a host with many addresses fills only one place.  A new network takes an empty
 * place or one of an earlier day.  If there is neither, it takes the place of the network with the
 * lowest count.  So a network that tries often stays in the table, and a count is never too high.
 * docs/formats.md describes the layout.
 */
#ifndef BATV_MEMORY_FORGED_H
#define BATV_MEMORY_FORGED_H

#include "base/network.h"
#include "memory/access.h"

struct batv_forger {
	char network[BATV_NETWORK_TEXT_SIZE]; /* "192.0.2.0/24", "2001:db8:1::/48" */
	uint32_t count;
};

/*
 * Counts one forged tag from this host, an IP address as text.  If host is not an IP address, only
 * the total is counted.
 */
void batv_forged_note(struct batv_memory *memory, const char *host, int64_t now);

/*
 * Writes the networks with the most forged tags on the day of `now`, highest count first, and
 * returns how many it wrote.  Returns 0 if there is no memory.
 */
size_t batv_forged_most(struct batv_memory *memory, int64_t now, struct batv_forger *out,
			size_t max);

/*
 * Daemon only: copies the counts of another memory file.  The larger count is kept, so copying
 * twice gives the same result as copying once.
 */
void batv_forged_copy(struct batv_memory *from, struct batv_memory *to);

#endif
