/*
 * tag.h - BATV tags: their shape, making and checking one, and taking any known tag off.
 *
 * prvs=KDDDSSSSSS=local@domain is the "simple private signature" of
 * draft-levine-smtp-batv-01; local+prvs=KDDDSSSSSS@domain carries the same ten characters.
 */
#ifndef BATV_TAG_TAG_H
#define BATV_TAG_TAG_H

#include "tag/addr.h"
#include "tag/key.h"

#define BATV_TAG_LEN 10      /* KDDDSSSSSS */
#define BATV_TAG_OVERHEAD 16 /* what either style adds to a local part */

enum batv_tag_style { BATV_STYLE_PRVS, BATV_STYLE_SUBADDRESS };

struct batv_tag {
	enum batv_tag_style style;
	uint8_t number;         /* K */
	uint16_t day;           /* DDD */
	uint8_t mac[3];         /* SSSSSS */
	struct batv_span inner; /* the bare local part without quotes; never empty */
};

/*
 * Does the address have the shape of a tag of ours?  Either style, "prvs" and hex in
 * either case; one that has both is read as prvs=.  Shape only: no key, no clock.  *tag is
 * written when true; borrows addr.
 */
bool batv_tag_parse(const struct batv_addr *addr, struct batv_tag *tag);

/*
 * The bare address: tag off, case and quoting kept; always an address that parses.
 * Errors: BATV_E_TOO_LONG.
 */
enum batv_err batv_tag_strip(const struct batv_addr *addr, const struct batv_tag *tag, char *out,
			     size_t size);

/*
 * Could this bare address carry a tag?  Signer and verifier ask the same function.  No:
 * bytes above 127, tagged local part above 64 octets, tagged path above 254, an empty part.
 */
bool batv_tag_fits(const struct batv_addr *addr);

/*
 * Write the tagged address.  Errors: BATV_E_UNSIGNABLE (!batv_tag_fits), BATV_E_TOO_LONG
 * (out is smaller than BATV_ADDR_SIZE and it did not fit), BATV_E_NO_KEY (libcrypto has no
 * SHA-1).  out is "" on error.
 */
enum batv_err batv_tag_make(const struct batv_addr *addr, const struct batv_key *key,
			    enum batv_tag_style style, char *out, size_t size);

enum batv_tag_worth {
	BATV_TAG_VALID,   /* right MAC of a live key */
	BATV_TAG_EXPIRED, /* its key is destroyed, or its day has passed */
	BATV_TAG_FORGED,  /* wrong MAC, or a key that never was */
};

/*
 * What is the tag worth at `now`?  Each live key with its number and day is tried, then the
 * legacy keys (their day by distance 0 to 7, address as received and then canonical).  No key
 * could have made it: expired if its day lies 0 to 499 days back (0: a key is destroyed on the
 * day that its tags name), else forged.
 * *key is the key that answers for it (NULL for a legacy key and unless valid); may be NULL.
 */
enum batv_tag_worth batv_tag_check(const struct batv_addr *addr, const struct batv_tag *tag,
				   const struct batv_keyring *ring, int64_t now,
				   const struct batv_key **key);

/*
 * SRS0= and SRS1= addresses (Sender Rewriting Scheme): "=", "+" or "-" after SRS0/SRS1.
 */
bool batv_tag_is_srs(const struct batv_addr *addr);

/*
 * The address without any known tag, of whatever site: prvs=TAG=local and prvs=local=TAG
 * (TAG: ten characters, or nine to twelve as others write it, that begin with a digit
 * and are all hex digits), local+prvs=TAG, btv1==TAG==local, msprvs1=TAG=local (there TAG is
 * a digit, then letters, digits, "-", "_"), SRS0=hash=tt=domain=local,
 * SRS1=hash=host==hash=tt=domain=local (the original local@domain).  Nested tags are all
 * taken off, so what comes out has none.  What has none is copied as it is.  Where both
 * orders of prvs could be meant, it is prvs=TAG=local.  For keys of greylisting and the like:
 * needs no state.
 * Errors: BATV_E_SYNTAX (no address), BATV_E_TOO_LONG.
 */
enum batv_err batv_tag_bare(const char *s, size_t len, char *out, size_t size);

#endif
