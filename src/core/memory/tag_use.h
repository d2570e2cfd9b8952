/*
 * tag_use.h - counts the mail that was sent with a tag, by recipients, and names what counts the
 * bounces that come back to it.
 *
 * A tag is known by its address without the tag, and by the key's number and day (K and DDD).  So
 * both styles of a tag are one, and no MAC is needed to count mail that leaves.
 */
#ifndef BATV_MEMORY_TAG_USE_H
#define BATV_MEMORY_TAG_USE_H

#include "memory/tallies.h"
#include "tag/addr.h"

struct batv_tag_use {
	struct batv_span key;         /* of the memory; len 0: none */
	const struct batv_addr *bare; /* without the tag */
	unsigned number, day;         /* K, DDD */
};

/* Names it for the tallies.  Returns false if there is no key, or if this is not an address. */
bool batv_tag_use_name(const struct batv_tag_use *use, uint8_t name[static BATV_ITEM_LEN]);

/* The last day of a tag, in days since 1970: today or later.  It is written in the tag. */
uint64_t batv_tag_use_until(unsigned day, int64_t now);

/* Counts the recipients of a message that leaves with this tag, for as long as the tag lives. */
void batv_tag_use_sent(struct batv_memory *memory, const struct batv_tag_use *use,
		       uint32_t recipients, int64_t now);

/* How many recipients had mail with this tag?  In a file of version 1: today. */
uint32_t batv_tag_use_recipients(struct batv_memory *memory, const struct batv_tag_use *use,
				 int64_t now);

#endif
