/*
 * hmac.c - HMAC-SHA1 by hand (RFC 2104), constant-time comparison, wiping.
 *
 * By hand because libcrypto's own HMAC fetches its digest from a provider, which costs each
 * of Exim's short-lived processes more than everything else that we do; these SHA1_ functions
 * need nothing set up.  SHA-1 is sound inside HMAC, and it is what prvs is made with.
 * Invariant: nothing that depends on the key is left on the stack.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "hmac.h"

_Static_assert(BATV_HMAC_LEN == SHA_DIGEST_LENGTH, "the length of a SHA-1");
_Static_assert(BATV_HMAC_KEY_MAX == SHA_CBLOCK, "one block of SHA-1");

/* Start ctx with the key, each byte xored with pad. */
static bool start(SHA_CTX *ctx, struct batv_span key, unsigned char pad)
{
	unsigned char block[SHA_CBLOCK] = { 0 };

	if (key.len > 0)	/* a NULL is not for memcpy */
		memcpy(block, key.p, key.len);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= pad;
	bool ok = SHA1_Init(ctx) == 1 && SHA1_Update(ctx, block, sizeof block) == 1;
	batv_wipe(block, sizeof block);
	return ok;
}

/* SHA1_Update with nothing may get a NULL, which memcpy may not. */
static bool add(SHA_CTX *ctx, struct batv_span s)
{
	return s.len == 0 || SHA1_Update(ctx, s.p, s.len) == 1;
}

bool batv_hmac_sha1(struct batv_span key, struct batv_span a, struct batv_span b,
		    uint8_t mac[static BATV_HMAC_LEN])
{
	unsigned char inner[SHA_DIGEST_LENGTH];
	SHA_CTX ctx;
	bool ok;

	memset(mac, 0, BATV_HMAC_LEN);
	if (key.len > BATV_HMAC_KEY_MAX)
		return false;
	ok = start(&ctx, key, 0x36) && add(&ctx, a) && add(&ctx, b) && SHA1_Final(inner, &ctx) == 1;
	ok = ok && start(&ctx, key, 0x5c) && SHA1_Update(&ctx, inner, sizeof inner) == 1 &&
	     SHA1_Final(mac, &ctx) == 1;
	batv_wipe(&ctx, sizeof ctx);
	batv_wipe(inner, sizeof inner);
	return ok;
}

bool batv_equal_secret(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void batv_wipe(void *p, size_t len)
{
	if (len > 0)
		OPENSSL_cleanse(p, len);
}
