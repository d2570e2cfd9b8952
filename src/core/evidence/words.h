/*
 * words.h - the text of an unstructured header field, such as Subject, as a reader sees it.
 */
#ifndef BATV_EVIDENCE_WORDS_H
#define BATV_EVIDENCE_WORDS_H

#include "base/span.h"

/*
 * Undoes folding and encoded words (RFC 2047).  White space, no-break spaces included, becomes one
 * space; at both ends it is removed.  Latin-1 and Windows-1252 become UTF-8; bytes of other
 * character sets stay as they are.  A word that cannot be decoded stays as it is written.  The
 * result is in out, without a NUL, and is cut at size bytes.
 */
struct batv_span batv_words_decode(struct batv_span value, char *out, size_t size);

#endif
