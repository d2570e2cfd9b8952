/*
 * citation.h - one Message-ID, or one tagged address, at a place in a text of unknown kind: a
 * header, a plain bounce, HTML, a reply that quotes it.
 */
#ifndef BATV_EVIDENCE_CITATION_H
#define BATV_EVIDENCE_CITATION_H

#include "evidence/decode.h"
#include "tag/addr.h"

struct batv_citation {
	const char *begin, *end; /* in the text, brackets included */
	bool changed;            /* quoted-printable was undone */
	size_t len;
	char text[BATV_ID_MAX]; /* the id without brackets and blanks; the address */
};

/*
 * *steps grows by the bytes that each of these functions looks at: it is the work that they do, and
 * what the caller limits.
 */

/* The length of a label "message-id" (or message_id, Message Id, MessageID) at s; 0: it is none. */
size_t batv_citation_label(struct batv_span s, size_t *steps);

/*
 * The id behind a label: blanks, ":" or "=", HTML tags, the end of a line and marks of
 * quoting may stand between (256 bytes at most), then <id>, &lt;id&gt; or a bare a@b.
 * qp: undo quoted-printable.  *out is written on success only.
 */
bool batv_citation_id(struct batv_span text, bool qp, struct batv_citation *out, size_t *steps);

/* The next <id> in a header field's value; or, bare, the next word that could be one. */
bool batv_citation_next_id(struct batv_span value, bool bare, struct batv_citation *out,
			   size_t *steps);

/*
 * The address around `at`, where "prvs" begins in text: prvs=..., "prvs=...", local+prvs=...
 * True: it has the shape of a tag of ours.
 */
bool batv_citation_tag(struct batv_span text, size_t at, bool qp, struct batv_citation *out,
		       size_t *steps);

#endif
