/*
 * parcel.c - seals and opens parcels.
 *
 * Invariants: no byte of a parcel is believed before its tag was checked, except to find the key.
 * No key is left anywhere but in the sealer.
 */
#include "parcel.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "hkdf.h"

#define MAGIC "BVP"
#define VERSION 1
#define TAG_LEN 16
#define INNER_LEN 16 /* until, floor */
#define NONCE_LEN 12

/* Where things are in the clear bytes. */
enum {
	AT_VERSION = 3,
	AT_CHECK = 4,
	AT_HOST = 8,
	AT_SEQUENCE = 16,
	AT_INCARNATION = 24,
	AT_LENGTH = 28, /* of until, floor and payload */
	AT_DAY = 32,
	AT_COUNT = 34,
	AT_KIND = 36,
	AT_ZERO = 37, /* three bytes */
};
_Static_assert(AT_ZERO + 3 == BATV_PARCEL_CLEAR_LEN, "40 clear bytes");
_Static_assert(BATV_PARCEL_KEY_LEN == BATV_HKDF_LEN, "a key");

const char *batv_parcel_say(enum batv_parcel_answer answer)
{
	switch (answer) {
	case BATV_PARCEL_OPEN: return "genuine";
	case BATV_PARCEL_NOT_ONE: return "not a parcel";
	case BATV_PARCEL_NEWER: return "of a newer version of exim-batv";
	case BATV_PARCEL_FOREIGN: return "sealed with another secret";
	case BATV_PARCEL_SHAPE: return "its lengths do not agree";
	case BATV_PARCEL_FORGED: return "forged or damaged";
	}
	return "unknown";
}

static void put(uint8_t *p, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* ---- keys ---- */

static bool derive_check(struct batv_parcel_sealer *s)
{
	uint8_t bytes[BATV_HKDF_LEN];
	const bool ok = batv_hkdf(s->fleet, batv_span_of("exim-batv parcel check 1"), bytes);

	s->check = (uint32_t)batv_number_at(bytes, 4);
	OPENSSL_cleanse(bytes, sizeof bytes);
	return ok;
}

static bool derive(const struct batv_parcel_sealer *s, uint64_t host, uint32_t incarnation,
		   uint8_t key[static BATV_PARCEL_KEY_LEN])
{
	static const char label[] = "exim-batv parcel 1";
	char info[sizeof label - 1 + 12];

	memcpy(info, label, sizeof label - 1);
	put((uint8_t *)info + sizeof label - 1, host, 8);
	put((uint8_t *)info + sizeof label - 1 + 8, incarnation, 4);
	return batv_hkdf(s->fleet, (struct batv_span){info, sizeof info}, key);
}

/* Two hosts may share a place and take it from each other; that costs time only. */
static const uint8_t *key_of(struct batv_parcel_sealer *s, uint64_t host, uint32_t incarnation)
{
	struct batv_parcel_keyed *k =
		&s->keyed[batv_fnv64(BATV_FNV_START, &host, sizeof host) % BATV_PARCEL_KEYS];

	if (k->host == host && k->incarnation == incarnation)
		return k->key;
	k->host = 0;
	if (!derive(s, host, incarnation, k->key))
		return NULL;
	k->host = host;
	k->incarnation = incarnation;
	return k->key;
}

bool batv_parcel_start(struct batv_parcel_sealer *s,
		       const uint8_t fleet_key[static BATV_PARCEL_KEY_LEN])
{
	memset(s, 0, sizeof *s);
	memcpy(s->fleet, fleet_key, sizeof s->fleet);
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->ctx = EVP_CIPHER_CTX_new();
	if (s->cipher && s->ctx && derive_check(s))
		return true;
	batv_parcel_end(s);
	return false;
}

void batv_parcel_end(struct batv_parcel_sealer *s)
{
	EVP_CIPHER_CTX_free(s->ctx); /* wipes what it knows of the key */
	EVP_CIPHER_free(s->cipher);
	OPENSSL_cleanse(s, sizeof *s);
}

/* ---- the cipher ---- */

static bool begin(struct batv_parcel_sealer *s, const uint8_t *clear, bool seal)
{
	const uint32_t incarnation = (uint32_t)batv_number_at(clear + AT_INCARNATION, 4);
	const uint8_t *key = key_of(s, batv_number_at(clear + AT_HOST, 8), incarnation);
	uint8_t nonce[NONCE_LEN] = {0};
	int n;

	memcpy(nonce, clear + AT_SEQUENCE, 8);
	return key && EVP_CipherInit_ex2(s->ctx, s->cipher, key, nonce, seal, NULL) == 1 &&
	       EVP_CipherUpdate(s->ctx, NULL, &n, clear, BATV_PARCEL_CLEAR_LEN) == 1;
}

static bool control(struct batv_parcel_sealer *s, int what, uint8_t tag[static TAG_LEN])
{
	return EVP_CIPHER_CTX_ctrl(s->ctx, what, TAG_LEN, tag) == 1;
}

/* Both work in place. */
static bool encrypt(struct batv_parcel_sealer *s, uint8_t *clear, size_t len)
{
	uint8_t *text = clear + BATV_PARCEL_CLEAR_LEN;
	int n;

	return begin(s, clear, true) && EVP_CipherUpdate(s->ctx, text, &n, text, (int)len) == 1 &&
	       EVP_CipherFinal_ex(s->ctx, text + len, &n) == 1 &&
	       control(s, EVP_CTRL_AEAD_GET_TAG, text + len);
}

static bool decrypt(struct batv_parcel_sealer *s, uint8_t *clear, size_t len)
{
	uint8_t *text = clear + BATV_PARCEL_CLEAR_LEN, rest[TAG_LEN];
	int n;

	return begin(s, clear, false) && control(s, EVP_CTRL_AEAD_SET_TAG, text + len) &&
	       EVP_CipherUpdate(s->ctx, text, &n, text, (int)len) == 1 &&
	       EVP_CipherFinal_ex(s->ctx, rest, &n) == 1;
}

/* ---- parcels ---- */

static bool within_limits(const struct batv_parcel *p, size_t payload)
{
	const uint64_t sequence = batv_parcel_sequence(p->position);

	return p->host != 0 && sequence != 0 && sequence <= BATV_PARCEL_SEQUENCE_MAX &&
	       batv_parcel_incarnation(p->position) != 0 && p->until >= 0 &&
	       p->floor <= p->position && payload <= BATV_PARCEL_PAYLOAD_MAX;
}

size_t batv_parcel_seal(struct batv_parcel_sealer *s, const struct batv_parcel *parcel,
			struct batv_span payload, uint8_t *out)
{
	const size_t len = INNER_LEN + payload.len;

	if (!within_limits(parcel, payload.len))
		return 0;
	memset(out, 0, BATV_PARCEL_CLEAR_LEN);
	memcpy(out, MAGIC, AT_VERSION);
	out[AT_VERSION] = VERSION;
	put(out + AT_CHECK, s->check, 4);
	put(out + AT_HOST, parcel->host, 8);
	put(out + AT_SEQUENCE, batv_parcel_sequence(parcel->position), 8);
	put(out + AT_INCARNATION, batv_parcel_incarnation(parcel->position), 4);
	put(out + AT_LENGTH, len, 4);
	put(out + AT_DAY, parcel->day, 2);
	put(out + AT_COUNT, parcel->count, 2);
	out[AT_KIND] = parcel->kind;
	put(out + BATV_PARCEL_CLEAR_LEN, (uint64_t)parcel->until, 8);
	put(out + BATV_PARCEL_CLEAR_LEN + 8, parcel->floor, 8);
	if (payload.len > 0)
		memcpy(out + BATV_PARCEL_CLEAR_LEN + INNER_LEN, payload.p, payload.len);
	return encrypt(s, out, len) ? BATV_PARCEL_OVERHEAD + payload.len : 0;
}

/* What can be said without the key. */
static enum batv_parcel_answer look(const uint8_t *bytes, size_t len, uint32_t check)
{
	static const uint8_t zero[3];

	if (len < BATV_PARCEL_OVERHEAD || memcmp(bytes, MAGIC, AT_VERSION) != 0)
		return BATV_PARCEL_NOT_ONE;
	if (bytes[AT_VERSION] != VERSION)
		return BATV_PARCEL_NEWER;
	if (batv_number_at(bytes + AT_CHECK, 4) != check)
		return BATV_PARCEL_FOREIGN;
	if (len > BATV_PARCEL_SIZE_MAX ||
	    batv_number_at(bytes + AT_LENGTH, 4) != len - BATV_PARCEL_CLEAR_LEN - TAG_LEN ||
	    batv_number_at(bytes + AT_SEQUENCE, 8) > BATV_PARCEL_SEQUENCE_MAX ||
	    batv_number_at(bytes + AT_INCARNATION, 4) > BATV_PARCEL_INCARNATION_MAX ||
	    batv_number_at(bytes + AT_HOST, 8) == 0 ||
	    memcmp(bytes + AT_ZERO, zero, sizeof zero) != 0)
		return BATV_PARCEL_SHAPE;
	return BATV_PARCEL_OPEN;
}

static uint64_t position_of(const uint8_t *bytes)
{
	return batv_parcel_position((uint32_t)batv_number_at(bytes + AT_INCARNATION, 4),
				    batv_number_at(bytes + AT_SEQUENCE, 8));
}

static struct batv_parcel fields_of(const uint8_t *bytes)
{
	return (struct batv_parcel){
		.host = batv_number_at(bytes + AT_HOST, 8),
		.position = position_of(bytes),
		.kind = bytes[AT_KIND],
		.day = (uint16_t)batv_number_at(bytes + AT_DAY, 2),
		.count = (uint16_t)batv_number_at(bytes + AT_COUNT, 2),
		.until = (int64_t)batv_number_at(bytes + BATV_PARCEL_CLEAR_LEN, 8),
		.floor = batv_number_at(bytes + BATV_PARCEL_CLEAR_LEN + 8, 8),
	};
}

enum batv_parcel_answer batv_parcel_open(struct batv_parcel_sealer *s, uint8_t *bytes, size_t len,
					 struct batv_parcel *parcel, struct batv_span *payload)
{
	enum batv_parcel_answer answer = look(bytes, len, s->check);
	struct batv_parcel p;

	if (answer != BATV_PARCEL_OPEN)
		return answer;
	if (!decrypt(s, bytes, len - BATV_PARCEL_CLEAR_LEN - TAG_LEN))
		return BATV_PARCEL_FORGED;
	p = fields_of(bytes);
	if (!within_limits(&p, len - BATV_PARCEL_OVERHEAD))
		return BATV_PARCEL_SHAPE;
	*parcel = p;
	*payload = (struct batv_span){(char *)bytes + BATV_PARCEL_CLEAR_LEN + INNER_LEN,
				      len - BATV_PARCEL_OVERHEAD};
	return BATV_PARCEL_OPEN;
}

bool batv_parcel_claims(const uint8_t *bytes, size_t len, uint64_t *host, uint64_t *position)
{
	if (len < BATV_PARCEL_CLEAR_LEN || memcmp(bytes, MAGIC, AT_VERSION) != 0)
		return false;
	*host = batv_number_at(bytes + AT_HOST, 8);
	*position = position_of(bytes);
	return true;
}
