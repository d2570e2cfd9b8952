/*
 * sign.h - may this address get a tag, and which one?  The same code for local_scan(), the dlfunc
 * functions and batvctl.
 */
#ifndef BATV_DECIDE_SIGN_H
#define BATV_DECIDE_SIGN_H

#include "decide/lists.h"

/* Why an address was left bare, or that it was signed. */
enum batv_sign_answer {
	BATV_SIGNED,
	BATV_LEFT_NULL_SENDER,
	BATV_LEFT_NO_ADDRESS,
	BATV_LEFT_NOT_OURS,
	BATV_LEFT_OFF,
	BATV_LEFT_TAGGED, /* carries the shape of a tag of ours already */
	BATV_LEFT_SRS,
	BATV_LEFT_UNSIGNED_SENDER,
	BATV_LEFT_DESTINATION,
	BATV_LEFT_UNSIGNABLE,
	BATV_LEFT_UNTRUSTED,
	BATV_LEFT_DOUBT,  /* a list deferred: log it */
	BATV_LEFT_NO_KEY, /* no key is current: the state ran out; log it */
	BATV_SIGN_COUNT
};

struct batv_signing {
	enum batv_sign_answer answer;
	const struct batv_policy *policy;
	const struct batv_key *key;   /* of a new tag, or of the valid one it carries */
	bool carries_valid_tag;       /* LEFT_TAGGED, and right and alive; false before DATA */
	char domain[BATV_ADDR_SIZE];  /* lower case; "" unless it is an address */
	char address[BATV_ADDR_SIZE]; /* SIGNED: the tagged address; else "" */
};

/*
 * Sign a reverse-path.  recipient: "" when not known; arrival: 0 when not known (then, and when
 * origin->has_id is false, nothing is taken for granted of the message, and no MAC is compared).
 * Leaves no trace: what was seen at a transport is counted by the caller (memory/counters.h).
 */
void batv_sign_address(const struct batv_context *context, const char *address,
		       const char *recipient, int64_t arrival, struct batv_signing *out);

const char *batv_sign_answer_name(enum batv_sign_answer a); /* "left:destination" and so on */

#endif
