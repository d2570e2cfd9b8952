/*
 * forwarded.h - is a bounce one of another account, which was forwarded to us?
 *
 * One of our users has an account elsewhere, whose mail is forwarded here.  A bounce of what was
 * sent from there comes to our untagged address.  It is one if all of this holds:
 *  - its To has exactly one address, which is not ours;
 *  - that address is also in Delivered-To, X-Forwarded-To, Resent-To, or after "for" in Received,
 * of its own header;
 *  - that address is the envelope sender of the returned message;
 *  - the header of the returned message names no address of ours.
 *
 * All of it is the sender's text, so it is a hint and never a proof.
 */
#ifndef BATV_EVIDENCE_FORWARDED_H
#define BATV_EVIDENCE_FORWARDED_H

#include "evidence/classify.h"
#include "tag/addr.h"

#define BATV_FORWARDED_FIELDS 16  /* own fields that are read; the first ones */
#define BATV_FORWARDED_DOMAINS 32 /* of the returned header that are asked about; more: no hint */

struct batv_forwarded {
	/* private; spans borrow from the fields */
	size_t n_to;
	char to[BATV_ADDR_SIZE]; /* canonical, without any tag */
	size_t n_own;
	struct batv_span own[BATV_FORWARDED_FIELDS];
};

void batv_forwarded_start(struct batv_forwarded *f);
/* One field of the message's own header; any order. */
void batv_forwarded_header(struct batv_forwarded *f, struct batv_header h);

/*
 * After the header: is it one?  is_foreign() is asked about domains, and says whether an address
 * there is certainly not ours.  Only headers in plain text are seen.
 */
bool batv_forwarded_is(const struct batv_forwarded *f, struct batv_span body,
		       bool (*is_foreign)(void *ctx, const struct batv_addr *addr), void *ctx);

#endif
