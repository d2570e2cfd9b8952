/*
 * hmac.c - HMAC-SHA1 (RFC 2104) written out by hand, constant-time comparison, wiping.
 *
 * By hand because libcrypto's own HMAC sets up a provider (architecture.md, "In a fresh process").
 * SHA-1 is sound inside HMAC, and it is what prvs is made with.
 * Invariant: nothing that depends on the key is left on the stack.
 *
 * The code that is loaded into Exim takes these functions from libcrypto.a; see "Out of
 * libcrypto.a" below.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/hmac.h"

_Static_assert(BATV_HMAC_LEN == SHA_DIGEST_LENGTH, "the length of a SHA-1");
_Static_assert(BATV_HMAC_KEY_MAX == SHA_CBLOCK, "one block of SHA-1");

/* Everything that depends on the key, so that one call wipes it. */
struct work {
	SHA_CTX ctx;
	unsigned char block[SHA_CBLOCK], inner[SHA_DIGEST_LENGTH];
};

/* Starts a hash with the key, each byte xored with pad. */
static bool start_hash(struct work *w, struct batv_span key, unsigned char pad)
{
	memset(w->block, pad, sizeof w->block);
	for (size_t i = 0; i < key.len; i++)
		w->block[i] ^= (unsigned char)key.p[i];
	return SHA1_Init(&w->ctx) == 1 && SHA1_Update(&w->ctx, w->block, sizeof w->block) == 1;
}

/* An empty span may have a NULL pointer, which SHA1_Update() would hand to memcpy(). */
static bool add(struct work *w, struct batv_span s)
{
	return s.len == 0 || SHA1_Update(&w->ctx, s.p, s.len) == 1;
}

bool batv_hmac_sha1(struct batv_span key, struct batv_span a, struct batv_span b,
		    uint8_t mac[static BATV_HMAC_LEN])
{
	struct work w;
	bool ok;

	memset(mac, 0, BATV_HMAC_LEN);
	if (key.len > BATV_HMAC_KEY_MAX)
		return false;
	ok = start_hash(&w, key, 0x36) && add(&w, a) && add(&w, b) &&
	     SHA1_Final(w.inner, &w.ctx) == 1;
	ok = ok && start_hash(&w, key, 0x5c) && SHA1_Update(&w.ctx, w.inner, sizeof w.inner) == 1 &&
	     SHA1_Final(mac, &w.ctx) == 1;
	batv_wipe(&w, sizeof w);
	return ok;
}

bool batv_equal_secret(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *p = a, *q = b;
	unsigned char differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= p[i] ^ q[i];
	return differ == 0;
}

void batv_wipe(void *p, size_t len)
{
	if (len == 0)
		return;
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory"); /* somebody may read it: memset() stays */
}

/*
 * ---- Out of libcrypto.a ----
 *
 * SHA-1 itself needs two things that lie in an object which probes the processor at load
 * (architecture.md, "In a fresh process").  So they are here: how to wipe, and what the processor
 * can do - nothing special, so SHA-1 takes its plain path.
 *
 * The symbols are weak: if the rest of libcrypto.a is linked too (for a TLS library), its own are
 * used and nothing clashes.  They are hidden: a libcrypto.so in the same process keeps its own.  A
 * libcrypto without these names (another processor or version) is linked unchanged.
 */
#define INSTEAD __attribute__((weak, visibility("hidden")))

extern const unsigned int OPENSSL_ia32cap_P[], OPENSSL_armcap_P;
INSTEAD const unsigned int OPENSSL_ia32cap_P[16] = {0}; /* x86; 4 words in OpenSSL 3.0, 10 in 3.5 */
INSTEAD const unsigned int OPENSSL_armcap_P = 0;        /* ARM, 32 and 64 bits */

INSTEAD void OPENSSL_cleanse(void *p, size_t len)
{
	batv_wipe(p, len);
}
