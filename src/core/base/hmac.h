/*
 * hmac.h - HMAC-SHA1 (RFC 2104), and the two things that secrets need: comparison in
 * constant time, and wiping.  The only user of OpenSSL in what is loaded into Exim.
 */
#ifndef BATV_BASE_HMAC_H
#define BATV_BASE_HMAC_H

#include "base/span.h"

#define BATV_HMAC_KEY_MAX 64 /* one block of SHA-1; longer keys are refused, not hashed first */
#define BATV_HMAC_LEN 20

/*
 * Computes HMAC-SHA1 of a followed by b.  key.len is 0 to BATV_HMAC_KEY_MAX bytes.  Returns false
 * if the key is longer (a bug of the caller; mac is then all zero), or if libcrypto has no SHA-1.
 */
bool batv_hmac_sha1(struct batv_span key, struct batv_span a, struct batv_span b,
		    uint8_t mac[static BATV_HMAC_LEN]);

bool batv_equal_secret(const void *a, const void *b, size_t len); /* in constant time */
void batv_wipe(void *p, size_t len);

#endif
