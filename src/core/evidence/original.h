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

#endif
