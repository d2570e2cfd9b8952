/*
 * timeline.h - the keys that exist at a time: a pure function of the secrets and the clock.
 *
 * Under secret i, epoch n = floor(time / rotation) has
 *   key     HKDF-SHA256(ikm = the 32 bytes, no salt, info = "exim-batv key 1" and n as 8 bytes
 *           big-endian, 32 bytes out), written as 64 lower-case hex characters
 *   K       (n + i) mod 10
 *   destroy (n + 1) * rotation + 1 day + retention;  DDD its day mod 1000
 * It is published from 14 days before the epoch (the first epoch of a secret: at once), if
 * its secret was not replaced by a later one, or retired, before that; current while its
 * secret signs in its epoch; live until destroy.
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
 * Errors: BATV_E_FULL (more than BATV_KEYS_MAX), BATV_E_IO.
 */
enum batv_err batv_timeline_at(const struct batv_secrets *secrets, int64_t now,
			       struct batv_keyring *ring);

/* The next time after `now` at which batv_timeline_at gives something else; INT64_MAX: never. */
int64_t batv_timeline_next(const struct batv_secrets *secrets, int64_t now);

/* Would there ever, from now on, be more keys than fit?  (for `check` and `rotate`) */
bool batv_timeline_fits(const struct batv_secrets *secrets, int64_t now);

/*
 * The last moment at which a tag made with this secret's keys is alive: for breaks and for "until no
 * such tag can come back".  INT64_MAX while it signs.
 */
int64_t batv_secret_last_tag(const struct batv_secrets *secrets, const struct batv_secret *secret);

#endif
