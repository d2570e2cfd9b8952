/*
 * tallies.h - how often one item or one tag was seen on a day: small tables in the memory file,
 * with collisions that count too much, never too little.
 */
#ifndef BATV_MEMORY_TALLIES_H
#define BATV_MEMORY_TALLIES_H

#include "memory/access.h"

/*
 * Counted by name of the item or the tag, for a day: hits of an id, valid bounces to a tag, mails
 * sent with a tag.  What is counted too often is logged and deferred, never refused.  Small
 * tables with collisions that count too much, never too little.  The count after this one;
 * 0: no memory, or it may only be read.
 */
enum batv_tally { BATV_TALLY_ID_HITS, BATV_TALLY_TAG_BOUNCES, BATV_TALLY_TAG_MAILS };
uint32_t batv_tally(struct batv_memory *memory, enum batv_tally which,
		    const uint8_t name[static BATV_ITEM_LEN], int64_t now);

#endif
