/*
 * secret.h - the secret file: from it and the clock alone come all keys.
 *
 * One line a secret: number, start, rotation, retention, 32 bytes in hex, flags.
 * docs/formats.md has the format.  Nothing is deleted from it by time alone.
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
	uint32_t number;             /* 1..999999; written, never a position; never reused */
	int64_t start;               /* signs from then on */
	int64_t rotation, retention; /* seconds */
	int64_t retired;             /* verify-only since; 0: not */
	int64_t revoked;             /* all its tags are dead since; 0: not */
	uint8_t bytes[BATV_SECRET_LEN];
};

struct batv_secrets {
	size_t n;
	struct batv_secret list[BATV_SECRETS_MAX]; /* by number, ascending */
	uint8_t memory_key[BATV_SECRET_LEN];       /* key of the sent-message memory */
	bool has_memory_key;
	bool ended; /* the text had its end line: nothing was cut off.  Import insists on it */
};

/*
 * Commits only if every line is good.  On error *line (0: the file as a whole) and *why (constant)
 * tell where and what; both may be NULL.
 * Errors: BATV_E_VERSION, BATV_E_SYNTAX, BATV_E_CONFLICT (a number twice), BATV_E_FULL,
 * BATV_E_TOO_LONG, BATV_E_IO (no memory).
 */
enum batv_err batv_secrets_parse(const char *text, size_t len, struct batv_secrets *out,
				 unsigned *line, const char **why);
/*
 * out from malloc, NUL-terminated, the caller wipes and frees.  Reads back to the same.
 * Errors: BATV_E_IO (no memory).
 */
enum batv_err batv_secrets_format(const struct batv_secrets *secrets, char **out, size_t *len);

/* 32 random bytes from the operating system; BATV_E_IO if it has none. */
enum batv_err batv_secret_random(uint8_t bytes[static BATV_SECRET_LEN]);

/*
 * A first set: one secret with a number chosen at random in 1000..9999 (two servers that
 * were installed apart and share their secrets later must not collide), start = now.
 */
enum batv_err batv_secrets_create(struct batv_secrets *out, int64_t rotation, int64_t retention,
				  int64_t now);
/*
 * Add one with the next number.  start >= now.  Errors: BATV_E_FULL, BATV_E_IO,
 * BATV_E_SYNTAX (rotation, retention or start out of its limits).  No change on error.
 */
enum batv_err batv_secrets_add(struct batv_secrets *secrets, int64_t rotation, int64_t retention,
			       int64_t start);

/*
 * The secret that signs at `when`: of those that have started, are neither retired nor revoked
 * by then, the one with the latest start, then the highest number.  NULL: none.
 */
const struct batv_secret *batv_secret_signing(const struct batv_secrets *secrets, int64_t when);

/*
 * Import: `incoming` replaces the set; a local secret that is not in it and has signed (start <=
 * now) stays, retired at now; one that has not signed is dropped.  Flags of secrets in both: the
 * earlier of two times stays.  The incoming memory key wins. Errors: BATV_E_CONFLICT with *number:
 * in both with other bytes, start, rotation or retention; with `force` the incoming one is taken,
 * and *broken is set if the local one has signed (replaced without overlap).  BATV_E_FULL,
 * BATV_E_IO.  out may be local or incoming.  number, broken: may be NULL.
 */
enum batv_err batv_secrets_merge(const struct batv_secrets *local,
				 const struct batv_secrets *incoming, bool force, int64_t now,
				 struct batv_secrets *out, uint32_t *number, bool *broken);

/*
 * Sixteen lower-case hex characters and a NUL that are equal on two hosts that sign alike: numbers,
 * times, bytes and flags of all secrets but the retired ones, which a host has for itself after an
 * import.  Says nothing about the bytes (SHA-256, cut).
 */
#define BATV_FINGERPRINT_SIZE 17
void batv_secrets_fingerprint(const struct batv_secrets *secrets,
			      char out[static BATV_FINGERPRINT_SIZE]);

void batv_secrets_wipe(struct batv_secrets *secrets);

#endif
