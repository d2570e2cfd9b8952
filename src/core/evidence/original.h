/*
 * original.h - the header of the message that a bounce returns, as far as it tells who wrote it.
 */
#ifndef BATV_EVIDENCE_ORIGINAL_H
#define BATV_EVIDENCE_ORIGINAL_H

#include "evidence/search.h"

/*
 * Finds the Message-ID of a returned message whose From is this address, without its tag.  body is
 * what was searched.  Returns NULL if there is none: nothing was returned, somebody else wrote it,
 * or it is encoded.  Of a header, at most BATV_ORIGINAL_BYTES before and after the id are read.
 */
#define BATV_ORIGINAL_BYTES 16384
const struct batv_clue *batv_original_by(const struct batv_search *search, struct batv_span body,
					 const struct batv_addr *author);

/* A returned message that a domain has signed (RFC 6376). */
struct batv_original_signed {
	const struct batv_clue *id; /* its Message-ID */
	struct batv_span from;      /* its From field, without the name; p NULL: none */
	struct batv_span selector;  /* of the signature */
};

/*
 * Finds a returned message with a DKIM-Signature of exactly this domain.  Nobody has verified the
 * signature.  Returns false if there is none.
 */
bool batv_original_signed(const struct batv_search *search, struct batv_span body,
			  const char *domain, struct batv_original_signed *out);

#endif
