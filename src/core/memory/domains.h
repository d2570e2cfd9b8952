/*
 * domains.h - the domain table of the memory file: what is known of each domain.  Many processes
 * write evidence at once; the daemon alone decides flags.
 */
#ifndef BATV_MEMORY_DOMAINS_H
#define BATV_MEMORY_DOMAINS_H

#include "memory/access.h"

/*
 * The domain table.  Names are folded to lower case.  Times are seconds since 1970 in 32
 * bits (until 2106), 0: never; the last_ ones are written at most once an hour.
 */
#define BATV_DOMAIN_ARMED 1u /* flags: set by the daemon alone */

struct batv_domain {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	uint32_t policy_sum; /* batv_domain_policy_sum() of the last evidence's policy */
	uint32_t flags;
	uint32_t first_signed, last_signed; /* seen at the transport */
	uint32_t first_valid, last_valid;   /* valid bounces that came back */
	uint32_t decided;                   /* when the daemon last changed flags */
};

enum batv_evidence { BATV_EVIDENCE_SIGNED, BATV_EVIDENCE_VALID };

uint32_t batv_domain_policy_sum(const char *policy_name);

/*
 * Note evidence for a domain; claims a slot if it has none.  first_ is set once, and anew if it
 * lies more than a day ahead: a clock was wrong.  last_ follows the clock, in both directions, in
 * steps of an hour.  None of the errors matters to the mail at hand: BATV_E_NO_FILE (no memory, or
 * it may only be read), BATV_E_FULL, BATV_E_TOO_LONG, BATV_E_SYNTAX ("").
 */
enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, int64_t now);
/*
 * Mail of this domain left bare, for its policy does not sign, or it has none (policy NULL): what
 * was noted before is no evidence any more, and it is not armed.  A domain that is not in the table
 * stays out of it.
 */
void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy);
/* False: no memory, or not in the table.  One look-up nearly always touches one page. */
bool batv_domain_find(const struct batv_memory *memory, const char *domain,
		      struct batv_domain *out);

/* For daemon and status: the slot at index (0..domain_slots-1); false: empty. */
bool batv_domain_at(const struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * The first one in use at *index or behind it, and its index; false: no more.  One guard for all
 * the empty ones: for (size_t i = 0; batv_domain_next(m, &i, &d); i++)
 */
bool batv_domain_next(const struct batv_memory *memory, size_t *index, struct batv_domain *out);
/*
 * Daemon only; what is set already is left alone.  Errors: BATV_E_NO_FILE, BATV_E_SYNTAX (no such
 * slot, or not in use).
 */
enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now);
/* Daemon only: takes the evidence out of a slot; false: there was none. */
bool batv_domain_take(struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * Daemon only: what another memory file knows of a domain.  The earlier first times and the later
 * last ones stay; flags are taken where the daemon has not decided.  Errors: as batv_domain_note.
 */
enum batv_err batv_domain_merge(struct batv_memory *memory, const struct batv_domain *domain);
/*
 * Daemon only: ends claims that were never finished (a killed process) and are a minute old;
 * returns how many.  The slots themselves stay unused.
 */
unsigned batv_domain_reclaim(struct batv_memory *memory, int64_t now);

/* Where the search for a name (lower case, len bytes) starts.  slots: a power of two. */
size_t batv_domain_home(const char *name, size_t len, size_t slots);
/*
 * The slot that is looked at after i others.  The walk begins with all slots of the home's page, in
 * a circle, and goes on with the next page; in a file of version 1 it takes slot after slot.
 */
size_t batv_domain_probe(const struct batv_memory *memory, size_t home, size_t i);

#endif
