/*
 * hkdf.c - derives keys with libcrypto's HKDF.
 *
 * Invariant: nothing that depends on a key is left on the stack.
 */
#include "hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

bool batv_hkdf(const uint8_t key[static BATV_HKDF_LEN], struct batv_span info,
	       uint8_t out[static BATV_HKDF_LEN])
{
	uint8_t ikm[BATV_HKDF_LEN], about[BATV_HKDF_INFO_MAX]; /* OSSL_PARAM wants them writable */
	const bool fits = info.len <= sizeof about;
	char digest[] = "SHA256";
	EVP_KDF *kdf = fits ? EVP_KDF_fetch(NULL, "HKDF", NULL) : NULL;
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, ikm, sizeof ikm),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, about, info.len),
		OSSL_PARAM_construct_end(),
	};
	bool ok;

	memcpy(ikm, key, sizeof ikm);
	if (fits && info.len > 0)
		memcpy(about, info.p, info.len);
	ok = ctx && EVP_KDF_derive(ctx, out, BATV_HKDF_LEN, params) == 1;
	if (!ok)
		memset(out, 0, BATV_HKDF_LEN);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	OPENSSL_cleanse(ikm, sizeof ikm);
	return ok;
}

bool batv_hkdf_fleet(const uint8_t memory_key[static BATV_HKDF_LEN],
		     uint8_t out[static BATV_HKDF_LEN])
{
	return batv_hkdf(memory_key, batv_span_of("exim-batv fleet 1"), out);
}
