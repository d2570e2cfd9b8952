/*
 * citation.h - reads one Message-ID, or one tagged address, at a given place in a text of unknown
 * kind: a header, a plain bounce, HTML, or a reply that quotes it.
 */
#ifndef BATV_EVIDENCE_CITATION_H
#define BATV_EVIDENCE_CITATION_H

#include "evidence/decode.h"
#include "tag/addr.h"

struct batv_citation {
	const char *begin, *end; /* where it is in the text, brackets included */
	bool changed;            /* quoted-printable was decoded */
	size_t len;
	char text[BATV_ID_MAX]; /* the id without brackets and blanks, or the address */
};

/*
 * Each of these functions adds the number of bytes that it examined to *steps.  That is its work,
 * which the caller limits.  Spans are borrowed.  *out is written only on success.
 */

/*
 * Returns the length of a label at s: "message-id", message_id, Message Id, MessageID; or "msg-id"
 * and the like, which is short; or 0.
 */
size_t batv_citation_label(struct batv_span s, bool *is_short, size_t *steps);

/*
 * Reads the id after a label: <id>, &lt;id&gt;, or a@b without brackets.  Up to 256 bytes may come
 * before it: blanks, ":" or "=", comments, HTML tags, line ends and quoting marks.  If qp,
 * quoted-printable is decoded.
 */
bool batv_citation_id(struct batv_span text, bool qp, struct batv_citation *out, size_t *steps);

/* Reads the next <id> in a field value; if bare, the next word that could be an id. */
bool batv_citation_next_id(struct batv_span value, bool bare, struct batv_citation *out,
			   size_t *steps);

/*
 * Finds where the ids of a field value begin, at most max, outside of comments if there are any.
 * *bare: they are to be read as bare ones.  Only the last BATV_CITATION_IDS are kept, in a ring.
 */
#define BATV_CITATION_IDS 4
size_t batv_citation_ids(struct batv_span value, size_t max,
			 const char *begins[static BATV_CITATION_IDS], bool *bare, size_t *steps);

/*
 * Reads the address around `at`, the offset of "prvs" in text: prvs=..., "prvs=..." or
 * local+prvs=...  Returns true if the address has the shape of our tag.
 */
bool batv_citation_tag(struct batv_span text, size_t at, bool qp, struct batv_citation *out,
		       size_t *steps);

#endif
