/*
 * parts.h - the parts of a multipart message, one after the other (RFC 2046).
 *
 * A line of "--" and an open boundary begins a part of that multipart, and ends all multiparts
 * within it.  The caller decides which parts are entered.  A multipart that is not entered is text
 * of the part that contains it.  A body may be broken, or cut off anywhere.
 *
 * Nothing here allocates or recurses.  The work is linear in the length of the body, times the
 * number of open multiparts.
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
	const char *body;  /* what comes after its header */
	size_t level;      /* of the multipart that contains it; 0: the message itself */
	struct batv_content_type type;
};

/*
 * Starts a walk over body, which is borrowed until the walk ends.  boundary is that of the message
 * itself; it is open from the start.
 */
void batv_parts_start(struct batv_parts *w, struct batv_span body, struct batv_span boundary);

/*
 * Finds the next part and reads the header at its start.  Returns false if there are no more parts;
 * *part is then undefined.
 */
bool batv_parts_next(struct batv_parts *w, struct batv_part *part);

/*
 * Enters the multipart that the last part is.  Returns false if it has no boundary, or is nested
 * too deeply.
 */
bool batv_parts_enter(struct batv_parts *w, const struct batv_part *part);

#endif
