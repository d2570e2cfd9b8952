/*
 * key.h - a signing key as the state publishes it, and the choice between several.
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
	uint64_t epoch;               /* n: which period of its secret */
	uint32_t secret;              /* number of the secret that it comes from */
	uint8_t number;               /* K, 0..9 */
	uint16_t day;                 /* DDD, 0..999: last digits of the day of destruction */
	int64_t from, until;          /* current while from <= now < until; from >= until: never */
	int64_t destroy;              /* from then on its tags are expired */
	char text[BATV_KEY_TEXT_LEN]; /* secret; not NUL-terminated */
};

/* A key of an older system: verifies only.  Exim's ${prvs} or batv-tools. */
struct batv_legacy_key {
	int64_t until;  /* from then on it is ignored */
	uint8_t len;    /* 1..64 */
	char bytes[64]; /* secret */
};

struct batv_keyring {
	size_t n_keys, n_legacy;
	struct batv_key keys[BATV_KEYS_MAX];
	struct batv_legacy_key legacy[BATV_LEGACY_MAX];
};

/*
 * The key current at `when`, and not destroyed by then; NULL when there is none.  Of several
 * the one that started last.
 */
const struct batv_key *batv_key_current(const struct batv_keyring *ring, int64_t when);

/*
 * The key that signs now a message that arrived at `arrival` (0: unknown): the key
 * current at its arrival until one day after that key was replaced, then the one current
 * now; so a message's retries keep their sender.  An arrival in the future, or at which no
 * published key was current: the one current now.  NULL: none is current now.
 */
const struct batv_key *batv_key_for_message(const struct batv_keyring *ring, int64_t arrival,
					    int64_t now);

#endif
