/*
 * tag.h - BATV tags: recognises, makes and checks ours, and removes any known tag.
 *
 * prvs=KDDDSSSSSS=local@domain is the "simple private signature" of
 * draft-levine-smtp-batv-01.  local+prvs=KDDDSSSSSS@domain carries the same ten characters as a
 * subaddress.
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
	struct batv_span inner; /* the untagged local part without quotes; never empty */
};

/*
 * Returns true if the address has the shape of one of our tags, in either style.  "prvs" and the
 * hex digits may be in either case.  An address with both styles is read as prvs=.  Only the shape
 * is checked: this needs no key and no clock.  *tag borrows addr, and is written only if true.
 */
bool batv_tag_parse(const struct batv_addr *addr, struct batv_tag *tag);

/*
 * Writes the untagged address, NUL-terminated.  Case and quoting are kept.  The result always
 * parses as an address.
 * Errors: BATV_E_TOO_LONG (it does not fit into size bytes).
 */
enum batv_err batv_tag_strip(const struct batv_addr *addr, const struct batv_tag *tag, char *out,
			     size_t size);

/*
 * Returns true if the un-signing router takes this tag off: the untagged local part does not begin
 * with one of |/"\#: (quoted or not).
 */
bool batv_tag_routes(const struct batv_tag *tag);

/*
 * Returns true if this untagged address could carry a tag.  The signer and the verifier both ask
 * this function.  It cannot if a part is empty, if its local part has bytes above 127 or begins
 * with one of |/"\#: (quoted or not; the un-signing router would not route it), if its domain has
 * bytes above 127 and no A-label, or if the tagged local part would exceed 64 octets or the tagged
 * path 254 octets.
 */
bool batv_tag_fits(const struct batv_addr *addr);

/*
 * Writes the tagged address, NUL-terminated; on error out is "".
 * Errors: BATV_E_UNSIGNABLE (batv_tag_fits() says no), BATV_E_TOO_LONG (it does not fit, which can
 * only happen if size < BATV_ADDR_SIZE), BATV_E_NO_KEY (libcrypto has no SHA-1).
 */
enum batv_err batv_tag_make(const struct batv_addr *addr, const struct batv_key *key,
			    enum batv_tag_style style, char *out, size_t size);

enum batv_tag_worth {
	BATV_TAG_VALID,   /* the MAC of a live key */
	BATV_TAG_EXPIRED, /* its key is destroyed, or its day has passed */
	BATV_TAG_FORGED,  /* the MAC is wrong, or the key never existed */
};

/*
 * Says what the tag is worth at `now` (seconds since the epoch).  Each live key with the tag's
 * number and day is tried.  Then each legacy key is tried, if the tag's day is 0 to 7 days ahead,
 * on the address as received and then on its canonical form.  If no live key could have made the
 * tag, it is expired if its day is 0 to 499 days back, and forged otherwise.  (0 days back is
 * expired, because a key is destroyed on the day that its tags name.)
 * key may be NULL.  *key points into ring at the key that made a valid tag; it is NULL for a legacy
 * key, and for a tag that is not valid.
 */
enum batv_tag_worth batv_tag_check(const struct batv_addr *addr, const struct batv_tag *tag,
				   const struct batv_keyring *ring, int64_t now,
				   const struct batv_key **key);

/*
 * Returns true for an address of the Sender Rewriting Scheme: "SRS0" or "SRS1" in either case, then
 * "=", "+" or "-".
 */
bool batv_tag_is_srs(const struct batv_addr *addr);

/*
 * Writes the address without any known tag of any site, NUL-terminated.  Known are:
 *  - prvs=TAG=local, prvs=local=TAG, local+prvs=TAG and btv1==TAG==local.  TAG is nine to twelve
 *    hex digits (ours has ten), and the first is a decimal digit.
 *  - msprvs1=TAG=local.  Here TAG is a digit, then letters, digits, "-" and "_".
 *  - SRS0=hash=tt=domain=local and SRS1=hash=host==hash=tt=domain=local, which become the original
 *    local@domain.
 * Nested tags are all removed, so the result has no tag.  An untagged address is copied unchanged.
 * If prvs could be read in both orders, it is read as prvs=TAG=local.  This is for greylisting keys
 * and the like, and needs no state.
 * Errors: BATV_E_SYNTAX (not an address), BATV_E_TOO_LONG.
 */
enum batv_err batv_tag_bare(const char *s, size_t len, char *out, size_t size);

/*
 * Writes the canonical form (addr.h) of the address without any known tag, NUL-terminated: two
 * texts that name the same mailbox become the same.  Returns false with out "" if it is not an
 * address.
 */
bool batv_tag_canon(struct batv_span address, char out[static BATV_ADDR_SIZE]);

#endif
