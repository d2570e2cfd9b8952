/*
 * search.h - finds in an automatic message what may prove that it answers mail of ours: Message-IDs
 * that it cites, and addresses with the shape of a tag of ours in what it returns (clues.h).
 *
 * No recursion, no allocation, and bounded.  The work is linear, and counted in steps, a step for
 * each look at a byte.  One pass goes over all of the text; closer looks at what may be an id or a
 * tag take no more steps than the pass has taken so far, and BATV_CLOSER_MORE.  Where a text asks
 * for more, some of its labels are passed over.
 */
#ifndef BATV_EVIDENCE_SEARCH_H
#define BATV_EVIDENCE_SEARCH_H

#include "evidence/classify.h"
#include "evidence/clues.h"
#include "tag/addr.h"

#define BATV_CLOSER_MORE 98304

/* About 22 KiB.  Not to be copied: clues point into it.  They borrow headers and body, too. */
struct batv_search {
	size_t passed, closer; /* steps of the pass, and of closer looks; for tests */
	/* private */
	bool base64, qp; /* what the part is said to be */
	bool returned;   /* it is a message that is returned, or its header */
	bool text;       /* it is any other text */
	unsigned part;
	struct batv_span part_type;
	/* public; last, so that few pages are touched */
	struct batv_clues found;
};

void batv_search_start(struct batv_search *s);
/* One field of the message's own header; any order, any bytes; 64 KiB of it are looked at. */
void batv_search_header(struct batv_search *s, struct batv_header h);
/* After the header, once: the body, or as much of it as the caller has read. */
void batv_search_body(struct batv_search *s, struct batv_span body);

/*
 * The id in the value of a Message-ID field of a message that leaves, in the form of
 * batv_clue.value, so that the two meet.  False: there is none.  out is not NUL-terminated.
 */
bool batv_search_message_id(struct batv_span value, char out[static BATV_ID_MAX], size_t *len);

#endif
