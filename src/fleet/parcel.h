/*
 * parcel.h - what the hosts of a fleet send each other, sealed.  docs/formats.md ("Fleet parcel")
 * has the bytes.  payload.h says what is inside.
 *
 * A parcel has 40 clear bytes, which say whose it is and which one, and a sealed part: AES-256-GCM
 * with a key of its own for each start of each host.  The clear bytes are authenticated.  Nobody
 * without the key of the fleet can make a parcel or change one; who holds parcels back or repeats
 * them meets the roster (roster.h).
 *
 * Promise of the caller: a host never seals two different parcels with the same position.  So the
 * incarnation is written to disk before the first parcel with it is sealed, and a parcel that is
 * sent again is sent as the same bytes.
 *
 * Pure: no clock, no files.  libcrypto allocates its context in batv_parcel_start().
 */
#ifndef BATV_PARCEL_H
#define BATV_PARCEL_H

#include "base/span.h"

#define BATV_PARCEL_CLEAR_LEN 40
#define BATV_PARCEL_PAYLOAD_MAX 65536
#define BATV_PARCEL_OVERHEAD (BATV_PARCEL_CLEAR_LEN + 16 + 16) /* clear; until, floor; tag */
#define BATV_PARCEL_SIZE_MAX (BATV_PARCEL_OVERHEAD + BATV_PARCEL_PAYLOAD_MAX)
#define BATV_PARCEL_KEY_LEN 32

/* The number in the clear bytes.  Never reused.  A reader takes kinds that it does not know for
 * empty ones of their place, so that a newer host leaves no gap at an older one. */
enum batv_parcel_kind {
	BATV_PARCEL_ITEMS = 1,   /* names that the host recorded on `day` */
	BATV_PARCEL_ROW = 2,     /* the host's row: JSON */
	BATV_PARCEL_BEAT = 3,    /* nothing but `until` */
	BATV_PARCEL_ASK = 4,     /* what the host lacks of others */
	BATV_PARCEL_LEAVE = 5,   /* the host leaves: it sends no mail any more */
	BATV_PARCEL_FORGET = 6,  /* an administrator says that another host is gone */
	BATV_PARCEL_OBSERVE = 7, /* an administrator switches refusals off or on everywhere */
	BATV_PARCEL_TALLIES = 8, /* mails and bounces for tags */
	BATV_PARCEL_MEMBERS = 9, /* which hosts this one knows */
	BATV_PARCEL_AGAIN = 10,  /* what was in those parcels is in these, too */
};

/*
 * A position is the place of a parcel among all of its host: the incarnation in the upper 24 bits,
 * the number within it, from 1 on, in the lower 40.  (incarnation, 0) is never used by a parcel.
 */
#define BATV_PARCEL_SEQUENCE_BITS 40
#define BATV_PARCEL_SEQUENCE_MASK ((UINT64_C(1) << BATV_PARCEL_SEQUENCE_BITS) - 1)
/* The last one; each position then has a next one. */
#define BATV_PARCEL_SEQUENCE_MAX (BATV_PARCEL_SEQUENCE_MASK - 1)
#define BATV_PARCEL_INCARNATION_MAX 0xffffffu

static inline uint64_t batv_parcel_position(uint32_t incarnation, uint64_t sequence)
{
	return (uint64_t)incarnation << BATV_PARCEL_SEQUENCE_BITS | sequence;
}
static inline uint32_t batv_parcel_incarnation(uint64_t position)
{
	return (uint32_t)(position >> BATV_PARCEL_SEQUENCE_BITS);
}
static inline uint64_t batv_parcel_sequence(uint64_t position)
{
	return position & BATV_PARCEL_SEQUENCE_MASK;
}

struct batv_parcel {
	uint64_t host;     /* random, made once for each host; not 0 */
	uint64_t position; /* of this parcel */
	uint8_t kind;
	uint16_t day;   /* of the items, by the host's clock (days since 1970); 0: none */
	uint16_t count; /* of what the payload has */
	/* All that the host recorded before this moment of its clock (ms) is in its parcels up to
	 * this one.  0: it promises nothing. */
	int64_t until;
	/* Of the parcels before this position nobody needs one that it lacks: what they had is too
	 * old to matter, or is again in the parcels from there up to this one. */
	uint64_t floor;
};

enum batv_parcel_answer {
	BATV_PARCEL_OPEN,    /* genuine */
	BATV_PARCEL_NOT_ONE, /* too short, or other bytes at the start */
	BATV_PARCEL_NEWER,   /* a version that this program does not know */
	BATV_PARCEL_FOREIGN, /* of another fleet, or of one whose secret is another */
	BATV_PARCEL_SHAPE,   /* the lengths or limits do not agree */
	BATV_PARCEL_FORGED,  /* not sealed with the key, or changed since */
};
/* A constant phrase without a full stop. */
const char *batv_parcel_say(enum batv_parcel_answer answer);

/* Seals and opens.  It keeps the keys of the hosts that it met; 48 bytes each. */
#define BATV_PARCEL_KEYS 1024
struct batv_parcel_keyed {
	uint64_t host; /* 0: free */
	uint32_t incarnation;
	uint8_t key[BATV_PARCEL_KEY_LEN];
};
struct batv_parcel_sealer {
	uint8_t fleet[BATV_PARCEL_KEY_LEN];               /* secret */
	uint32_t check;                                   /* tells the keys of fleets apart */
	void *cipher, *ctx;                               /* libcrypto's */
	struct batv_parcel_keyed keyed[BATV_PARCEL_KEYS]; /* secret */
};

/* Returns false if libcrypto refuses; *s then needs no end. */
bool batv_parcel_start(struct batv_parcel_sealer *s,
		       const uint8_t fleet_key[static BATV_PARCEL_KEY_LEN]);
/* Frees and wipes.  May be called twice. */
void batv_parcel_end(struct batv_parcel_sealer *s);

/*
 * Writes the parcel to out, which has room for BATV_PARCEL_OVERHEAD + payload.len.  Returns its
 * length; 0 if a field or the payload is beyond its limits, or libcrypto refuses.
 */
size_t batv_parcel_seal(struct batv_parcel_sealer *s, const struct batv_parcel *parcel,
			struct batv_span payload, uint8_t *out);

/*
 * Opens a parcel in place: the payload points into bytes, which are changed.  *parcel and *payload
 * are written only if the answer is OPEN.
 */
enum batv_parcel_answer batv_parcel_open(struct batv_parcel_sealer *s, uint8_t *bytes, size_t len,
					 struct batv_parcel *parcel, struct batv_span *payload);

/* Whose is it, before it is opened?  Not authenticated: for log lines.  false: not a parcel. */
bool batv_parcel_claims(const uint8_t *bytes, size_t len, uint64_t *host, uint64_t *position);

#endif
