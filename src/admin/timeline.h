/*
 * timeline.h - which keys exist at a time.  This is a pure function of the secrets and the clock.
 *
 * Under secret i, epoch n = floor(time / rotation) has
 *   key     HKDF-SHA256(ikm = the 32 bytes, no salt, info = "exim-batv key 1" and n as 8 bytes
 *           big-endian, 32 bytes out), written as 64 lower-case hex characters
 *   K       (n + i) mod 10
 *   destroy (n + 1) * rotation + 1 day + retention;  DDD its day mod 1000
 * The key is published 14 days before its epoch (for the first epoch of a secret: at once),
 * provided that was due before its secret stopped signing.  A secret stops when one with a later
 * start replaces it, or when it is retired.  If the secrets after it are revoked or retired, it
 * signs again, and has keys again from that epoch on.  A key is current while its secret signs in
 * its epoch, and lives until destroy.  A revoked secret has no keys.
 */
#ifndef BATV_TIMELINE_H
#define BATV_TIMELINE_H

#include "secret.h"

#define BATV_AHEAD (14 * (int64_t)BATV_DAY)

/* Derives the bytes of one key.  Errors: BATV_E_IO (libcrypto failed). */
enum batv_err batv_key_derive(const uint8_t bytes[static BATV_SECRET_LEN], uint64_t epoch,
			      char text[static BATV_KEY_TEXT_LEN]);

/*
 * Fills the ring with the keys that live at `now`, sorted by from, then secret, then epoch.
 * ring->legacy is left alone.  from and until agree with batv_secret_signing at every moment.  So a
 * key whose secret signs in two stretches of one epoch has one entry for each, and a key that never
 * signs has from == until.
 * Errors: BATV_E_FULL (more than BATV_KEYS_MAX), BATV_E_IO.
 */
enum batv_err batv_timeline_at(const struct batv_secrets *secrets, int64_t now,
			       struct batv_keyring *ring);

/* The next time after `now` at which the result of batv_timeline_at changes; INT64_MAX: never. */
int64_t batv_timeline_next(const struct batv_secrets *secrets, int64_t now);

/* Do the keys fit, at `now` and at every later time?  (for `check` and `rotate`) */
bool batv_timeline_fits(const struct batv_secrets *secrets, int64_t now);

/*
 * Returns when the last tag made with this secret's keys dies, as if the secret were not revoked.
 * Breaks last until then, because such tags can come back.  INT64_MAX: no end of its signing is
 * known; 0: it never signs.  `secret` must be an element of `secrets`.
 */
int64_t batv_secret_last_tag(const struct batv_secrets *secrets, const struct batv_secret *secret);

#endif
