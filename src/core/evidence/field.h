/*
 * field.h - takes a header apart into fields, and reads the values of structured ones (RFC 2045,
 * RFC 5322): single words, and Content-Type.
 *
 * The text is the sender's.  It may be folded, cut off or wrong.  No function here fails: text that
 * cannot be read becomes an empty word.
 */
#ifndef BATV_EVIDENCE_FIELD_H
#define BATV_EVIDENCE_FIELD_H

#include "base/span.h"

#define BATV_WORD_MAX 128 /* all MIME tokens that we know are shorter; the excess is dropped */

/*
 * A token or a quoted string.  It has its own buffer, because a quoted string may not be in one
 * piece.
 */
struct batv_word {
	char text[BATV_WORD_MAX];
	size_t len;
};

/* The contents of a Content-Type field.  A missing word is empty. */
struct batv_content_type {
	struct batv_word type, subtype;
	struct batv_word report_type, boundary;
};

/*
 * Takes the next field of a header: one line and the folded lines after it, with their line ends.
 * An empty line is a field of its own.  Returns false at the end of the text.
 */
bool batv_field_next(struct batv_span *rest, struct batv_span *field);

/* The span borrows from the word. */
struct batv_span batv_field_span(const struct batv_word *w);

/*
 * Takes one word off the front of *rest.  The word ends before white space, a comment or one of
 * `ends`.  Comments and white space around it are taken off too.
 */
void batv_field_word(struct batv_span *rest, const char *ends, struct batv_word *w);

/* If a parameter appears twice, the first one counts. */
void batv_field_content_type(struct batv_span value, struct batv_content_type *ct);

#endif
