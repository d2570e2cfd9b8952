/*
 * key.h - the signing keys that the state publishes, and the choice between them.
 */
#ifndef BATV_TAG_KEY_H
#define BATV_TAG_KEY_H

#include "base/days.h"
#include "base/err.h"
#include "base/span.h"

#define BATV_MEMORY_KEY_LEN 32 /* bytes of the key that names what the memory holds */
#define BATV_KEYS_MAX 64       /* live keys in one state */
#define BATV_KEY_TEXT_LEN 64   /* the HMAC key: 64 lower-case hex characters, used as text */
#define BATV_LEGACY_MAX 8
#define BATV_PERIOD_MIN BATV_DAY                  /* of rotation and retention, seconds */
#define BATV_PERIOD_MAX (366 * (int64_t)BATV_DAY) /* a tag's day repeats after 1000 days */

/* Times are seconds since 1970-01-01 UTC. */
struct batv_key {
	uint64_t epoch;      /* n: the period of its secret */
	uint32_t secret;     /* number of the secret it is derived from */
	uint8_t number;      /* K, 0..9 */
	uint16_t day;        /* DDD, 0..999: last digits of the day of destruction */
	int64_t from, until; /* current while from <= now < until; never if from >= until */
	int64_t destroy;     /* from this time on its tags are expired */
	char text[BATV_KEY_TEXT_LEN]; /* secret; not NUL-terminated */
};

/* A key of an older system (Exim's ${prvs} or batv-tools).  It verifies, and never signs. */
struct batv_legacy_key {
	int64_t until;  /* from this time on the key is ignored */
	uint8_t len;    /* 1..64 */
	char bytes[64]; /* secret */
};

struct batv_keyring {
	size_t n_keys, n_legacy;
	struct batv_key keys[BATV_KEYS_MAX];
	struct batv_legacy_key legacy[BATV_LEGACY_MAX];
};

/*
 * Returns the key that is current at `when` and not yet destroyed, or NULL if there is none.  If
 * several are current, the one that started last wins.  The result points into ring.
 */
const struct batv_key *batv_key_current(const struct batv_keyring *ring, int64_t when);

/*
 * Returns the key that signs a message now.  `arrival` is when the message arrived (0: unknown).
 * The key that was current at arrival is used until one day after it was replaced, so that a
 * message's retries keep their sender.  After that, the key current now is used.  It is also used
 * if the arrival is unknown or in the future, or if no published key was current at arrival.
 * Returns NULL if no key is current now.  The result points into ring.
 */
const struct batv_key *batv_key_for_message(const struct batv_keyring *ring, int64_t arrival,
					    int64_t now);

#endif
