/*
 * sign.h - decides whether an address gets a tag, and makes the tag.  local_scan(), the dlfunc
 * functions and batvctl all use this code.
 */
#ifndef BATV_DECIDE_SIGN_H
#define BATV_DECIDE_SIGN_H

#include "decide/lists.h"

/* The address was signed, or why it was left untagged. */
enum batv_sign_answer {
	BATV_SIGNED,
	BATV_LEFT_NULL_SENDER,
	BATV_LEFT_NO_ADDRESS,
	BATV_LEFT_NOT_OURS,
	BATV_LEFT_OFF,
	BATV_LEFT_TAGGED, /* already has the shape of our tag */
	BATV_LEFT_SRS,
	BATV_LEFT_UNSIGNED_SENDER,
	BATV_LEFT_DESTINATION,
	BATV_LEFT_HOST, /* the client, or the next hop, is in unsigned_hosts */
	BATV_LEFT_UNSIGNABLE,
	BATV_LEFT_UNTRUSTED,
	BATV_LEFT_DOUBT,  /* a list could not be looked up; log it */
	BATV_LEFT_NO_KEY, /* no key is current: the state ran out; log it */
	BATV_SIGN_COUNT
};

struct batv_signing {
	enum batv_sign_answer answer;
	const struct batv_policy *policy;
	const struct batv_key *key;  /* of the new tag, or of the valid tag it carries */
	bool carries_valid_tag;      /* LEFT_TAGGED, and the tag is valid; false before DATA */
	bool by_next_hop;            /* LEFT_HOST: it is the next hop that is listed */
	bool own_doubt;              /* LEFT_DOUBT, about a list of the sender's own policy */
	char domain[BATV_ADDR_SIZE]; /* lower case; "" if it is not an address */
	/* SIGNED: the tagged address.  LEFT_HOST, LEFT_DOUBT: the untagged one, if it came with a
	 * tag that must not leave.  Otherwise "": the address stays as it is. */
	char address[BATV_ADDR_SIZE];
};

/*
 * Signs a reverse-path.  recipient is "" if it is not known; of a batch (origin->batch) it may also
 * be "@domain".  A batch is left untagged if one of the message's recipients that may be in it is
 * in unsigned_destinations.  arrival is in seconds since the epoch, or 0 if it is not known.  If
 * origin->has_id is false there is no message yet: then arrival is ignored, and no MAC of an
 * existing tag is compared.
 *
 * A tag that was made at reception (origin->own_address) is replaced once its key no longer signs
 * this message: the queue may outlive the key.  Any other tagged address is left as it is.
 *
 * The next hop (origin->next_address) may be in unsigned_hosts.  Then such a tag is removed.
 *
 * *out is always written, and points into context->state.  This counts nothing: the caller counts
 * mail that leaves (memory/counters.h).
 */
void batv_sign_address(const struct batv_context *context, const char *address,
		       const char *recipient, int64_t arrival, struct batv_signing *out);

const char *batv_sign_answer_name(enum batv_sign_answer a); /* "left:destination" and so on */

#endif
