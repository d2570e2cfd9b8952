/*
 * complete.h - is the sent-mail memory complete for a domain, so that what it does not know was not
 * sent?  That is measured, not assumed.
 */
#ifndef BATV_DECIDE_COMPLETE_H
#define BATV_DECIDE_COMPLETE_H

#include "decide/state.h"
#include "memory/recall.h"

/* What is lacking.  If there is more than one, it is the first of this list. */
enum batv_lack {
	BATV_LACK_NOTHING,   /* the memory is complete for this domain */
	BATV_LACK_MEMORY,    /* it cannot be read, or an older version made it */
	BATV_LACK_RETENTION, /* memory_retention is shorter than the life of a tag */
	BATV_LACK_AGE,       /* it began less than its retention ago */
	BATV_LACK_GAPS,      /* something was not recorded: full, a wrong clock, no usable state */
	BATV_LACK_SHARED,    /* another server has the secret, and sends what we do not see */
	BATV_LACK_FLEET,     /* what other servers of the fleet sent is missing */
	BATV_LACK_SENDING,   /* the domain's mail has not left here for as long as the retention */
	BATV_LACK_SAMPLES,   /* fewer than three known samples, or from one network only */
	BATV_LACK_RECALL,    /* what came back was not known: somebody else sends for the domain */
	BATV_LACK_COUNT
};

struct batv_complete_facts {
	struct batv_sent_facts sent;
	int64_t retention; /* of the memory */
	int64_t key_rotation, key_retention;
	int64_t first_signed; /* 0: never seen leaving here */
	int64_t fleet_since;  /* batv_fleet_since() */
	int64_t lost;         /* this memory replaced one that was lost: when; 0: no */
	int64_t now;
	struct batv_recall recall;
	bool before_lost; /* the generation before is still needed, and gone */
	bool shared;      /* the secret */
	/*
	 * With a fleet, the memory may be younger than what is in it, and the secret is shared.
	 * Whether mail of the domain left signed for long enough is about all servers that send it.
	 */
	bool fleet;
	bool fleet_sends; /* BATV_DOMAIN_FLEET_SENDS */
	bool measured;    /* recall is known */
	bool for_dsn;     /* asked for an untagged DSN: recall has no veto, because strangers could
			   * cause it */
};

/* The shortest memory_retention with which a memory can be complete: a tag lives that long. */
int64_t batv_complete_retention(int64_t key_rotation, int64_t key_retention);

/* Pure: facts in, the missing condition out. */
enum batv_lack batv_complete_decide(const struct batv_complete_facts *facts);

/*
 * Gathers the facts about a domain, in lower case.  before is NULL if the state names no generation
 * before; memory may be NULL.
 */
void batv_complete_gather(const struct batv_state *state, struct batv_memory *memory,
			  struct batv_memory *before, const char *domain, int64_t now,
			  struct batv_complete_facts *facts);

const char *batv_complete_lack_name(enum batv_lack lack); /* "samples", "-" for nothing */

#endif
