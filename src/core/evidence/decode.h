/*
 * decode.h - reads text through the encodings of mail programs: quoted-printable (RFC 2045 section
 * 6.7), HTML entities, and base64 (RFC 2045 section 6.8).
 */
#ifndef BATV_EVIDENCE_DECODE_H
#define BATV_EVIDENCE_DECODE_H

#include "base/span.h"

struct batv_cursor {
	const char *p, *end; /* what is left */
	bool qp;             /* decode quoted-printable */
	bool changed;        /* something was decoded: an =XX or a soft line break */
	size_t *steps;       /* grows by one for each byte examined; not NULL */
};

int batv_cursor_next_undone(struct batv_cursor *c); /* for a character that may be encoded */

/* Returns the next character, 0 to 255, or -1 at the end. */
static inline int batv_cursor_next(struct batv_cursor *c)
{
	if (c->p == c->end || (c->qp && *c->p == '='))
		return batv_cursor_next_undone(c);
	++*c->steps;
	return (unsigned char)*c->p++;
}

/*
 * Reads an entity; the cursor is after its '&'.  Returns the character it means (0xa0 for a
 * no-break space), and moves the cursor after the ';'.  Only entities of characters that can be in
 * or around an address are known.  For all others this returns -1 and leaves the cursor in place.
 */
int batv_cursor_entity(struct batv_cursor *c);

struct batv_base64 {
	const char *p, *end;   /* what is left; characters outside the alphabet are skipped */
	const char *begin;     /* where the last byte returned begins */
	unsigned bits, n_bits; /* private, like all that follows */
	const char *before;
};

struct batv_base64 batv_base64_start(struct batv_span text);
int batv_base64_next(struct batv_base64 *b); /* the next byte, or -1 at the end */
bool batv_base64_is(char c);                 /* is c in the alphabet? */

#endif
