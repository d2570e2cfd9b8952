/*
 * recall.h - does the sent-mail memory know what comes back?  That is measured for each domain.
 *
 * A sample is a DSN that came to a valid tag and returns mail whose From is the tag's address, or
 * automatic mail that cites an id which the memory knows.  Each id is a sample once, and there is
 * one sample for an address, a network and a day.  So nobody can count for much by himself.
 *
 * What counts are the days of the retention, until tomorrow.  A word of another day is as good as
 * 0, and the next sample replaces it.  docs/formats.md describes the fields of the slot.
 */
#ifndef BATV_MEMORY_RECALL_H
#define BATV_MEMORY_RECALL_H

#include "memory/sent.h"

enum batv_recall_kind {
	BATV_RECALL_KNOWN,  /* a DSN to a valid tag: the memory knew what it returned */
	BATV_RECALL_MISSED, /* the same, and the memory did not know it */
	BATV_RECALL_CITED,  /* other automatic mail that cites an id which the memory knows */
};

/* The message that may be a sample. */
struct batv_recall_sample {
	const char *domain;           /* in lower case */
	const struct batv_addr *rcpt; /* as it came, with its tag */
	const char *host;             /* IP address of the sending host */
	struct batv_span key;         /* of the memory */
	int64_t retention, now;
};

/*
 * Is a sample of this address and network still wanted today?  Each call that returns true counts,
 * and a day has BATV_RECALL_TRIES of them: a message is searched only after this.
 */
#define BATV_RECALL_TRIES 4
bool batv_recall_wants(struct batv_memory *memory, const struct batv_recall_sample *s);

/*
 * Takes the sample, unless the id was one before, and counts it.  Then no more samples of this
 * address and network are wanted today.  The domain must have a slot.  Returns true if it was
 * taken.
 */
bool batv_recall_take(struct batv_memory *memory, const struct batv_recall_sample *s,
		      enum batv_recall_kind kind, const struct batv_item *id);

struct batv_recall {
	uint64_t known, missed; /* DSNs to valid tags; they begin again after a gap */
	/* Of each of these, at most BATV_RECALL_ENOUGH: more are not needed to decide. */
	unsigned known_samples, known_networks;
	unsigned missed_networks, missed_days;
};
#define BATV_RECALL_ENOUGH 3

/*
 * Reads what was measured for a domain.  Returns false if it has no slot, or if an older version
 * made the file, which has no room for it.
 */
bool batv_recall_read(struct batv_memory *memory, const char *domain, int64_t retention,
		      int64_t now, struct batv_recall *out);

/*
 * Daemon only: copies what another memory file measured, for each domain that both have.  The
 * larger counts stay, so copying twice gives the same result as copying once.
 */
void batv_recall_copy(struct batv_memory *from, struct batv_memory *to);

#endif
