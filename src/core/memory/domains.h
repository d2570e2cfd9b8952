/*
 * domains.h - the domain table of the memory file: what is known about each domain.  Many processes
 * write evidence at the same time; only the daemon decides flags.
 */
#ifndef BATV_MEMORY_DOMAINS_H
#define BATV_MEMORY_DOMAINS_H

#include "memory/sending.h"

/*
 * The domain table.  Names are in lower case.  Times are seconds since 1970 in 32 bits (until
 * 2106); 0 means never.  The last_ times are written at most once an hour.
 */
#define BATV_DOMAIN_ARMED 1u /* of flags; only the daemon sets them */
/* All servers of the fleet that send mail of this domain have sent it signed, seen at their
 * transports, for as long as the memory's retention. */
#define BATV_DOMAIN_FLEET_SENDS 2u
#define BATV_DOMAIN_BY_FLEET 4u /* ARMED is by the evidence of all hosts: fleet_arming.h */

struct batv_domain {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	uint32_t policy_sum; /* batv_domain_policy_sum() of the last evidence's policy */
	uint32_t flags;
	uint32_t first_signed, last_signed; /* seen at the transport */
	uint32_t first_valid, last_valid;   /* valid bounces that returned */
	uint32_t decided;                   /* when the daemon last changed flags */
	/* batv_domain_find() leaves these as they are: */
	uint32_t broken; /* the last break of this domain alone; 0: none */
	uint8_t broken_why;
	struct batv_sending sending;
};

/* Why a domain broke, by itself.  These numbers are in the file. */
enum batv_domain_why {
	BATV_DOMAIN_NOT_BROKEN = 0,
	BATV_DOMAIN_DOUBT = 1,  /* its policy could not be looked up while mail of it left */
	BATV_DOMAIN_UNSEEN = 2, /* no transport of ours saw its mail leave */
};

enum batv_evidence { BATV_EVIDENCE_SIGNED, BATV_EVIDENCE_VALID };

uint32_t batv_domain_policy_sum(const char *policy_name);

/*
 * Notes evidence for a domain, and claims a slot for it if it has none.  clues may be NULL.  A
 * first_ time is set once.  It is replaced only if it is more than a day ahead, because then a
 * clock was wrong; first_valid also if no valid bounce has come for BATV_SENDING_DAYS.  A last_
 * time follows the clock in both directions, in steps of an hour.  No error matters to the current
 * mail. Errors: BATV_E_NO_FILE (no memory, or a read-only one), BATV_E_FULL, BATV_E_TOO_LONG,
 * BATV_E_SYNTAX ("").
 */
enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, const struct batv_sending_clues *clues,
			       int64_t now);
/*
 * Notes that mail of this domain left untagged, because its policy does not sign or because it has
 * no policy (policy is NULL).  Earlier evidence no longer counts, and the domain is no longer
 * armed.  A domain that is not in the table is not added.
 */
void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy);
/*
 * Notes a break of one domain: it is no longer armed, and grace starts again.  Breaks within a
 * quarter of an hour are one.  A domain that has not signed has nothing to break.  In a file of
 * version 1, it does what batv_domain_left_bare() does, because there is no place for the reason.
 */
void batv_domain_break(struct batv_memory *memory, const char *domain, enum batv_domain_why why,
		       int64_t now);
/*
 * Returns false if there is no memory, or if the domain is not in the table.  A look-up nearly
 * always touches one page only.
 */
bool batv_domain_find(struct batv_memory *memory, const char *domain, struct batv_domain *out);

/*
 * For the daemon and status: reads the slot at index (0 to domain_slots - 1).  Returns false if it
 * is empty.
 */
bool batv_domain_at(struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * Reads the first slot in use at *index or after it, and sets *index to its number.  Returns false
 * if there are no more.  One guard covers all the empty slots in between:
 * for (size_t i = 0; batv_domain_next(m, &i, &d); i++)
 */
bool batv_domain_next(struct batv_memory *memory, size_t *index, struct batv_domain *out);
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
