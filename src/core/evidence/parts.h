/*
 * parts.h - the parts of a multipart message, one after the other (RFC 2046).
 *
 * A line of "--" and a boundary that is open begins a part of its multipart, and ends all
 * multiparts within that one.  The caller says which parts are opened: what he does not enter is
 * text of the part that it stands in.  A body may be broken, or cut off anywhere.
 *
 * No allocation, no recursion; the work is linear in the body, times the multiparts that are open.
 */
#ifndef BATV_EVIDENCE_PARTS_H
#define BATV_EVIDENCE_PARTS_H

#include "evidence/field.h"

#define BATV_PARTS_LEVELS 8 /* multiparts within multiparts; deeper ones are not opened */

struct batv_parts {
	size_t open; /* multiparts that are open after the header of the last part */
	/* private */
	struct batv_span rest;
	struct batv_word boundaries[BATV_PARTS_LEVELS];
};

struct batv_part {
	const char *begin; /* its boundary line */
	size_t level;      /* of the multipart that it is a part of; 0: the message itself */
	struct batv_content_type type;
};

/* body: borrowed until the walk is over.  boundary: the message's own; it is open then. */
void batv_parts_start(struct batv_parts *w, struct batv_span body, struct batv_span boundary);

/* The next part and the header that it begins with.  False: there is no other; *part is garbage. */
bool batv_parts_next(struct batv_parts *w, struct batv_part *part);

/* Opens the multipart that the last part is.  False: it has no boundary, or lies too deep. */
bool batv_parts_enter(struct batv_parts *w, const struct batv_part *part);

#endif
