/*
 * sending.h - how the mail of a domain leaves and comes back.  A domain arms by this, and observes
 * again by this (admin/arming.c decides).
 *
 * It is a part of the domain's slot: layout.h says which words.  A file of version 1 has no such
 * words.  Nothing is noted there, and all of them are read as 0.
 *
 * A hash is 48 bits under the memory's key.  Three hashes of a kind are kept: who asks for three
 * different ones need not know a fourth.
 */
#ifndef BATV_MEMORY_SENDING_H
#define BATV_MEMORY_SENDING_H

#include "base/span.h"
#include "memory/slots.h"

#define BATV_SENDING_DAYS 32 /* what is older no longer counts */

/* A copy of the words.  The order is that of a slot. */
struct batv_sending {
	uint64_t senders[BATV_DOMAIN_HASHES];
	uint64_t domains[BATV_DOMAIN_HASHES];
	uint64_t tags[BATV_DOMAIN_HASHES];
	uint64_t networks[BATV_DOMAIN_HASHES];
	uint64_t signed_days, counted_days;
	struct batv_domain_day days[BATV_DOMAIN_DAYS];
	struct batv_domain_foreign foreign[BATV_DOMAIN_FOREIGN_DAYS];
	uint16_t untagged_day;
	uint8_t untagged;
};

/* ---- What is noted ---- */

/* A part of a message that counts by how many different ones there are. */
enum batv_sending_part {
	BATV_SENDING_SENDER = 'l',  /* the local part of our sender */
	BATV_SENDING_DOMAIN = 'd',  /* the recipient's domain; "" for several in one batch */
	BATV_SENDING_TAG = 't',     /* the address and the key of a tag */
	BATV_SENDING_NETWORK = 'n', /* of the host that a bounce came from */
	BATV_SENDING_ID = 'i',      /* the Message-ID of mail that was sent elsewhere */
};

/* The hash of a part.  ASCII case does not matter.  0: not known, because there is no key. */
uint64_t batv_sending_hash(struct batv_span key, enum batv_sending_part part,
			   struct batv_span text);
/* The same for a host's network.  0 if host is not an IP address. */
uint64_t batv_sending_network(struct batv_span key, const char *host);

/*
 * One message that left signed, or one valid bounce.  A hash of 0 is not noted.  A transport saw
 * the message, or reception did in an Exim without functions.
 */
struct batv_sending_clues {
	uint64_t sender, domain; /* of a message that left signed */
	uint64_t tag, network;   /* of a valid bounce */
	int64_t waited;          /* seconds since it came, of one that left signed */
};

/*
 * For domains.c.  Is all of it in this copy of a slot already?  It nearly always is, and then no
 * page need be mapped.
 */
bool batv_sending_is_noted(const struct batv_domain_slot *slot, bool left_signed,
			   const struct batv_sending_clues *clues, int64_t now);
/* For domains.c, within a guard.  The slot must be whole. */
void batv_sending_note(struct batv_domain_slot *slot, bool left_signed,
		       const struct batv_sending_clues *clues, int64_t now);

/*
 * The next four do nothing if the domain is not in the table: what a stranger sends must not fill
 * it.  No error matters to the current mail.
 */

/*
 * Notes that a message of this domain was accepted here for outside.  Nothing is written on a day
 * on which transports have seen enough of its mail.
 */
void batv_sending_accepted(struct batv_memory *memory, const char *domain, uint64_t sender,
			   int64_t now);
/* Takes one accepted message back: it could not be routed, and no transport will see it. */
void batv_sending_failed(struct batv_memory *memory, const char *domain, int64_t now);
/* Notes a DSN to an untagged address that an id proved. */
void batv_sending_untagged(struct batv_memory *memory, const char *domain, int64_t now);
/*
 * Notes a returned message with a DKIM signature of this domain that was not sent here: its
 * Message-ID, and the network that returned it.  Returns true if the id is new on this day.
 */
bool batv_sending_elsewhere(struct batv_memory *memory, const char *domain, uint64_t id,
			    uint64_t network, int64_t now);

/* ---- What it says ---- */

struct batv_sending_evidence {
	unsigned days;             /* on which mail left signed */
	int64_t since;             /* the first second of the first of these days; 0: none */
	unsigned senders, domains; /* at most BATV_DOMAIN_HASHES of each are known */
	unsigned tags, networks;   /* of valid bounces */
	unsigned untagged;         /* DSNs to untagged addresses that an id proved */
};

/* Counts what is at most BATV_SENDING_DAYS old.  Of bounces, only what is of a day after that of
 * bounces_since counts; 0: all. */
void batv_sending_evidence(const struct batv_sending *s, int64_t bounces_since, int64_t now,
			   struct batv_sending_evidence *out);

/* Mail that was accepted here for outside, and that no transport of ours saw. */
struct batv_sending_unseen {
	bool broken;       /* enough of it that the domain cannot refuse */
	uint64_t accepted; /* since the last message that was seen */
	unsigned days, senders;
	uint64_t few_accepted, few_seen; /* on days when few of many were seen; otherwise 0 */
};
void batv_sending_unseen(const struct batv_sending *s, int64_t now,
			 struct batv_sending_unseen *out);

/* Mail of this domain that another server sends. */
struct batv_sending_foreign {
	unsigned recent; /* counted days of the last BATV_SENDING_FOREIGN_DAYS */
	int64_t last;    /* the first second after the last counted day; 0: none */
	int64_t id_last; /* the same of the last day with such an id, counted or not */
};
#define BATV_SENDING_FOREIGN_DAYS 14
void batv_sending_foreign(const struct batv_sending *s, int64_t now,
			  struct batv_sending_foreign *out);

/* ---- For domains.c ---- */

/* Copies the words of a whole slot. */
void batv_sending_copy(const struct batv_domain_slot *slot, struct batv_sending *out);
/* Within a guard: adds what another file knows.  Twice is the same as once. */
void batv_sending_merge(struct batv_domain_slot *slot, const struct batv_sending *from);
bool batv_sending_is_empty(const struct batv_sending *s);

#endif
