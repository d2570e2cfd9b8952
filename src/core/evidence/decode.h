/*
 * decode.h - reading text through what a mail program did to it: quoted-printable (RFC 2045 section
 * 6.7), the entities of HTML, base64.
 */
#ifndef BATV_EVIDENCE_DECODE_H
#define BATV_EVIDENCE_DECODE_H

#include "base/span.h"

struct batv_cursor {
	const char *p, *end; /* what is left */
	bool qp;             /* undo quoted-printable */
	bool changed;        /* something was undone: an =XX, a soft line break */
	size_t *steps;       /* grows by every byte that is looked at; not NULL */
};

int batv_cursor_next_undone(struct batv_cursor *c); /* where the next one may be encoded */

/* The next character, 0 to 255; -1: the end. */
static inline int batv_cursor_next(struct batv_cursor *c)
{
	if (c->p == c->end || (c->qp && *c->p == '='))
		return batv_cursor_next_undone(c);
	++*c->steps;
	return (unsigned char)*c->p++;
}

/* Behind a '&': the character that the entity means (0xa0: any that is blank), and the cursor
 * behind its ';'.  -1, and the cursor where it was: none of those that can stand in an address. */
int batv_cursor_entity(struct batv_cursor *c);

struct batv_base64 {
	const char *p, *end;   /* what is left; what is not of the alphabet is skipped */
	const char *begin;     /* where the byte that came last begins */
	unsigned bits, n_bits; /* private, as is what follows */
	const char *before;
};

struct batv_base64 batv_base64_start(struct batv_span text);
int batv_base64_next(struct batv_base64 *b); /* the next byte; -1: the end */
bool batv_base64_is(char c);                 /* is it of the alphabet? */

#endif
