/*
 * timeline.h - the keys that exist at a time: a pure function of the secrets and the clock.
 *
 * Under secret i, epoch n = floor(time / rotation) has
 *   key     HKDF-SHA256(ikm = the 32 bytes, no salt, info = "exim-batv key 1" and n as 8 bytes
 *           big-endian, 32 bytes out), written as 64 lower-case hex characters
 *   K       (n + i) mod 10
 *   destroy (n + 1) * rotation + 1 day + retention;  DDD its day mod 1000
 * It is published from 14 days before its epoch (the first epoch of a secret: at once), if that
 * was due before its secret stopped signing: was replaced by one with a later start, or retired.
 * A secret that signs again, because those after it were revoked or retired, has keys again
 * from the epoch in which it does.  Keys are current while their secret signs in their epoch, and
 * live until destroy.  A revoked secret has no keys at all.
 */
#ifndef BATV_TIMELINE_H
#define BATV_TIMELINE_H

#include "secret.h"

#define BATV_AHEAD (14 * (int64_t)BATV_DAY)

/* One key's bytes.  Errors: BATV_E_IO (libcrypto failed). */
enum batv_err batv_key_derive(const uint8_t bytes[static BATV_SECRET_LEN], uint64_t epoch,
			      char text[static BATV_KEY_TEXT_LEN]);

/*
 * The keys live at `now`, by from, then secret, then epoch; ring->legacy is left alone.
 * from and until agree with batv_secret_signing at every moment.  So a key whose secret signs
 * in two stretches of one epoch has one entry for each; one that never signs has from == until.
 * Errors: BATV_E_FULL (more than BATV_KEYS_MAX), BATV_E_IO.
 */
enum batv_err batv_timeline_at(const struct batv_secrets *secrets, int64_t now,
			       struct batv_keyring *ring);

/* The next time after `now` at which batv_timeline_at gives something else; INT64_MAX: never. */
int64_t batv_timeline_next(const struct batv_secrets *secrets, int64_t now);

/* Would there ever, from now on, be more keys than fit?  (for `check` and `rotate`) */
bool batv_timeline_fits(const struct batv_secrets *secrets, int64_t now);

/*
 * The moment from which no tag made with this secret's keys is alive, were it not revoked: for
 * breaks and for "until no such tag can come back".  INT64_MAX when no end of its signing is
 * known; 0: it never signs.  `secret` is an element of `secrets`.
 */
int64_t batv_secret_last_tag(const struct batv_secrets *secrets, const struct batv_secret *secret);

#endif
