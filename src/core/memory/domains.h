/*
 * domains.h - the domain table of the memory file: what is known about each domain.  Many processes
 * write evidence at the same time; only the daemon decides flags.
 */
#ifndef BATV_MEMORY_DOMAINS_H
#define BATV_MEMORY_DOMAINS_H

#include "memory/access.h"

/*
 * The domain table.  Names are in lower case.  Times are seconds since 1970 in 32 bits (until
 * 2106); 0 means never.  The last_ times are written at most once an hour.
 */
#define BATV_DOMAIN_ARMED 1u /* of flags; only the daemon sets it */

struct batv_domain {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	uint32_t policy_sum; /* batv_domain_policy_sum() of the last evidence's policy */
	uint32_t flags;
	uint32_t first_signed, last_signed; /* seen at the transport */
	uint32_t first_valid, last_valid;   /* valid bounces that returned */
	uint32_t decided;                   /* when the daemon last changed flags */
};

enum batv_evidence { BATV_EVIDENCE_SIGNED, BATV_EVIDENCE_VALID };

uint32_t batv_domain_policy_sum(const char *policy_name);

/*
 * Notes evidence for a domain, and claims a slot for it if it has none.  A first_ time is set once.
 * It is replaced only if it is more than a day ahead, because then a clock was wrong.  A last_ time
 * follows the clock in both directions, in steps of an hour.  No error matters to the current mail.
 * Errors: BATV_E_NO_FILE (no memory, or a read-only one), BATV_E_FULL, BATV_E_TOO_LONG,
 * BATV_E_SYNTAX ("").
 */
enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, int64_t now);
/*
 * Notes that mail of this domain left untagged, because its policy does not sign or because it has
 * no policy (policy is NULL).  Earlier evidence no longer counts, and the domain is no longer
 * armed.  A domain that is not in the table is not added.
 */
void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy);
/*
 * Returns false if there is no memory, or if the domain is not in the table.  A look-up nearly
 * always touches one page only.
 */
bool batv_domain_find(const struct batv_memory *memory, const char *domain,
		      struct batv_domain *out);

/*
 * For the daemon and status: reads the slot at index (0 to domain_slots - 1).  Returns false if it
 * is empty.
 */
bool batv_domain_at(const struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * Reads the first slot in use at *index or after it, and sets *index to its number.  Returns false
 * if there are no more.  One guard covers all the empty slots in between:
 * for (size_t i = 0; batv_domain_next(m, &i, &d); i++)
 */
bool batv_domain_next(const struct batv_memory *memory, size_t *index, struct batv_domain *out);
/*
 * Daemon only: sets the flags of a slot.  Nothing is written if they are the same already.
 * Errors: BATV_E_NO_FILE, BATV_E_SYNTAX (no such slot, or it is not in use).
 */
enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now);
/* Daemon only: moves the evidence out of a slot.  Returns false if there was no evidence. */
bool batv_domain_take(struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * Daemon only: merges in what another memory file knows about a domain.  The earlier first_ times
 * and the later last_ times are kept.  Flags are copied if the daemon has not decided here yet.
 * Errors: as for batv_domain_note().
 */
enum batv_err batv_domain_merge(struct batv_memory *memory, const struct batv_domain *domain);

#endif
