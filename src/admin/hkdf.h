/*
 * hkdf.h - HKDF with SHA-256 (RFC 5869), without salt, for 32 bytes: how every key of exim-batv is
 * made from another one.
 */
#ifndef BATV_HKDF_H
#define BATV_HKDF_H

#include "base/span.h"

#define BATV_HKDF_LEN 32      /* bytes of each key that goes in, and of the one that comes out */
#define BATV_HKDF_INFO_MAX 64 /* bytes that say what the key is for */

/* Returns false, with out all zero, if info is too long or libcrypto refuses. */
bool batv_hkdf(const uint8_t key[static BATV_HKDF_LEN], struct batv_span info,
	       uint8_t out[static BATV_HKDF_LEN]);

/* The key of the fleet, from the key of the sent-mail memory: all that batv-fleet is given. */
bool batv_hkdf_fleet(const uint8_t memory_key[static BATV_HKDF_LEN],
		     uint8_t out[static BATV_HKDF_LEN]);

#endif
