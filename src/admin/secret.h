/*
 * secret.h - the secret file.  All keys are derived from it and the clock.
 *
 * Each secret has one line: number, start, rotation, retention, 32 bytes in hex, flags.
 * docs/formats.md describes the format.  Time alone never deletes anything from the file.
 */
#ifndef BATV_SECRET_H
#define BATV_SECRET_H

#include "base/days.h"
#include "tag/key.h"

#define BATV_SECRET_NAME "secret"
#define BATV_SECRET_LEN 32          /* bytes */
#define BATV_SECRETS_MAX 1024       /* lines */
#define BATV_SECRET_FILE_MAX 262144 /* bytes */

struct batv_secret {
	uint32_t number;             /* 1..999999; in the file, not a position; never reused */
	int64_t start;               /* it signs from then on */
	int64_t rotation, retention; /* seconds */
	int64_t retired;             /* since then it only verifies; 0: not retired */
	int64_t revoked;             /* since then its tags are invalid; 0: not revoked */
	bool shared;                 /* another server has it too */
	uint8_t bytes[BATV_SECRET_LEN];
};

struct batv_secrets {
	size_t n;
	struct batv_secret list[BATV_SECRETS_MAX]; /* in ascending order of number */
	uint8_t memory_key[BATV_SECRET_LEN];       /* key of the sent-mail memory */
	bool has_memory_key;
	bool ended; /* the text had its end line, so it was not cut off; import requires that */
};

/*
 * Parses a secret file.  *out is written only if every line is good.  On error, *line (0: the file
 * as a whole) says where and *why (a constant) says what is wrong; both may be NULL.
 * Errors: BATV_E_VERSION, BATV_E_SYNTAX, BATV_E_CONFLICT (the same number twice), BATV_E_FULL,
 * BATV_E_TOO_LONG, BATV_E_IO (out of memory).
 */
enum batv_err batv_secrets_parse(const char *text, size_t len, struct batv_secrets *out,
				 unsigned *line, const char **why);
/*
 * Writes the text of a secret file to *out, from malloc, NUL-terminated.  The caller wipes and
 * frees it.  It parses back to the same set.
 * Errors: BATV_E_IO (out of memory).
 */
enum batv_err batv_secrets_format(const struct batv_secrets *secrets, char **out, size_t *len);

/*
 * Does another server have any of the secrets?  A secret that is added to a shared set is shared
 * too: a server that had the set before still sends, or will get it.
 */
bool batv_secrets_shared(const struct batv_secrets *secrets);
/* Marks all secrets.  Returns true if that changed any. */
bool batv_secrets_share(struct batv_secrets *secrets, bool shared);

/* Gets 32 random bytes from the operating system; BATV_E_IO if it cannot. */
enum batv_err batv_secret_random(uint8_t bytes[static BATV_SECRET_LEN]);

/*
 * Creates a first set: one secret that starts now.  Its number is random, in 1000..9999, because
 * two servers may be installed separately and share their secrets later.
 */
enum batv_err batv_secrets_create(struct batv_secrets *out, int64_t rotation, int64_t retention,
				  int64_t now);
/*
 * Adds a secret with the next number.  start must not be before now.  On error nothing changes.
 * Errors: BATV_E_FULL, BATV_E_IO, BATV_E_SYNTAX (rotation, retention or start outside its limits).
 */
enum batv_err batv_secrets_add(struct batv_secrets *secrets, int64_t rotation, int64_t retention,
			       int64_t start);

/*
 * Returns the secret that signs at `when`; NULL: none.  It must have started, and be neither
 * retired nor revoked by then.  Of several, the latest start wins, then the highest number.
 */
const struct batv_secret *batv_secret_signing(const struct batv_secrets *secrets, int64_t when);

/*
 * Imports: `incoming` replaces the set.  A local secret that is not in it stays, retired at now, if
 * it has signed (start <= now); otherwise it is dropped.  If a secret is in both, the earlier of
 * two flag times stays, and it is shared if it is in either.  The incoming memory key wins.  With
 * `force` the incoming secret also wins a conflict, and *broken is set if the local one has signed
 * (it is replaced without overlap). Errors: BATV_E_CONFLICT (secret *number is in both with
 * different bytes, start, rotation or retention), BATV_E_FULL, BATV_E_IO.  out may be local or
 * incoming.  number and broken may be NULL.
 */
enum batv_err batv_secrets_merge(const struct batv_secrets *local,
				 const struct batv_secrets *incoming, bool force, int64_t now,
				 struct batv_secrets *out, uint32_t *number, bool *broken);

/*
 * Writes sixteen lower-case hex characters and a NUL, which are equal on hosts that sign alike.
 * They cover numbers, times, bytes and times of flags of all secrets except the retired ones: after
 * an import a host may have retired secrets of its own.  They reveal nothing about the bytes
 * (truncated SHA-256).
 */
#define BATV_FINGERPRINT_SIZE 17
void batv_secrets_fingerprint(const struct batv_secrets *secrets,
			      char out[static BATV_FINGERPRINT_SIZE]);

/*
 * Writes sixteen hex characters and a NUL, by which another host finds out whether it has the same
 * secret: the same number, times and bytes.  They reveal nothing about the bytes (HMAC-SHA1,
 * truncated).  False: libcrypto failed, and out is "".
 */
#define BATV_SECRET_CHECK_SIZE 17
bool batv_secret_check(const struct batv_secret *secret, char out[static BATV_SECRET_CHECK_SIZE]);

void batv_secrets_wipe(struct batv_secrets *secrets);

#endif
