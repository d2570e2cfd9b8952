/*
 * slots.h - finds and claims the slots of the domain table, for the other files of this room.  What
 * a slot holds is in layout.h; each field has one file that reads and writes it.
 *
 * Slots of version 1 are shorter: they have the first BATV_DOMAIN_SLOT_SIZE_1 bytes of
 * struct batv_domain_slot.  Never read or write more of a slot in the mapping, unless
 * batv_slot_is_whole().
 */
#ifndef BATV_MEMORY_SLOTS_H
#define BATV_MEMORY_SLOTS_H

#include "memory/access.h"

/* The domain in the form in which a slot has it. */
struct batv_slot_name {
	char text[BATV_DOMAIN_NAME_MAX + 1]; /* lower case, ends in a NUL */
	size_t len;
};

/* Errors: BATV_E_SYNTAX (""), BATV_E_TOO_LONG. */
enum batv_err batv_slot_name(const char *domain, struct batv_slot_name *name);

/* Seconds in 32 bits, as slots have them; never 0, which means "never". */
uint32_t batv_slot_stamp(int64_t now);

/* Has the file a table of domains that this process may write to? */
static inline bool batv_slot_writable(const struct batv_memory *memory)
{
	return memory->writable && memory->sections.domains_at;
}

/* Do the slots of this file have all fields of struct batv_domain_slot? */
static inline bool batv_slot_is_whole(const struct batv_memory *memory)
{
	return memory->sections.domain_size == BATV_DOMAIN_SLOT_SIZE;
}

/*
 * Finds the slot of a name without changing anything, and needs no guard.  Sets *index, and copies
 * the first BATV_DOMAIN_SLOT_SIZE_1 bytes to *slot.  Returns false if there is no memory, or if the
 * name has no slot.  A slot that is still being claimed counts as absent.
 */
bool batv_slot_find(struct batv_memory *memory, const struct batv_slot_name *name, size_t *index,
		    struct batv_domain_slot *slot);
/* Copies the whole slot, and needs no guard.  What a file of version 1 does not have is 0. */
bool batv_slot_read(struct batv_memory *memory, size_t index, struct batv_domain_slot *slot);

/* Call the next three within a guard. */

/* The address of a slot; index is below domain_slots. */
struct batv_domain_slot *batv_slot_at(struct batv_memory *memory, size_t index);
/* Has the slot a name?  After this, the name can be read. */
bool batv_slot_in_use(const struct batv_domain_slot *slot);
/* Finds the slot of a name, or claims one at the time `when`.  Returns NULL if the run is full. */
struct batv_domain_slot *batv_slot_claim(struct batv_memory *memory,
					 const struct batv_slot_name *name, uint32_t when);

/*
 * Daemon only: ends claims that are at least a minute old and were never finished, because the
 * process was killed.  The slots stay unused.  Returns the number of claims ended.
 */
unsigned batv_slot_reclaim(struct batv_memory *memory, int64_t now);

/*
 * The slot where the search for a name begins.  The name is in lower case and has len bytes; slots
 * is a power of two.
 */
size_t batv_slot_home(const char *name, size_t len, size_t slots);
/*
 * The slot to visit after i others.  A walk visits all slots of the home slot's page first, in a
 * circle, and then goes on to the next page.  In a file of version 1 it visits slot after slot.
 */
size_t batv_slot_probe(const struct batv_memory *memory, size_t home, size_t i);

#endif
