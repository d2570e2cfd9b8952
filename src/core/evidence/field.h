/*
 * field.h - the values of structured header fields (RFC 2045, RFC 5322): words, and what a
 * Content-Type says.
 *
 * The text is the sender's and may be folded, cut off or wrong.  Nothing here fails: what cannot be
 * read is an empty word.
 */
#ifndef BATV_EVIDENCE_FIELD_H
#define BATV_EVIDENCE_FIELD_H

#include "base/span.h"

#define BATV_WORD_MAX 128 /* a MIME token that we know is shorter; what does not fit is dropped */

/* A token or a quoted string.  It has a buffer of its own: a quoted string is not one piece. */
struct batv_word {
	char text[BATV_WORD_MAX];
	size_t len;
};

/* What a Content-Type says.  A word that it does not have is empty. */
struct batv_content_type {
	struct batv_word type, subtype;
	struct batv_word report_type, boundary;
};

/* Borrows the word. */
struct batv_span batv_field_span(const struct batv_word *w);

/*
 * Takes one word off the front of *rest: up to white space, a comment or one of `ends`, with the
 * comments and white space around it.
 */
void batv_field_word(struct batv_span *rest, const char *ends, struct batv_word *w);

/* Of a parameter that is there twice the first one counts. */
void batv_field_content_type(struct batv_span value, struct batv_content_type *ct);

#endif
