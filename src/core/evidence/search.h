/*
 * search.h - what an automatic message carries that may prove that it answers mail of ours:
 * Message-IDs that it cites, and addresses with the shape of a tag of ours in what it returns.
 *
 * Everything here is the sender's text.  A clue is no proof: an id is one when the memory knows it
 * for the recipient (memory/sent.h), a tagged address when its MAC is right (tag.h).
 *
 * No recursion, no allocation, and bounded: at most BATV_CLUE_IDS_MAX different ids and
 * BATV_CLUE_TAGS_MAX different addresses are kept, the first ones win, and half of the room is for
 * the body; at most BATV_LOOKUPS_MAX are to be looked up.  The work is linear, and counted in
 * steps, a step for each look at a byte.  One pass goes over all of the text; closer looks at what
 * may be an id or a tag take no more steps than the pass has taken so far, and BATV_CLOSER_MORE.
 * Where a text asks for more, some of its labels are passed over.
 */
#ifndef BATV_EVIDENCE_SEARCH_H
#define BATV_EVIDENCE_SEARCH_H

#include "evidence/classify.h"
#include "tag/addr.h"

#define BATV_CLUE_IDS_MAX 48
#define BATV_CLUE_TAGS_MAX 16
#define BATV_CLUES_MAX (BATV_CLUE_IDS_MAX + BATV_CLUE_TAGS_MAX)
#define BATV_CLUE_TEXT_MAX 16384 /* bytes of all values together; what does not fit is left out */
#define BATV_LOOKUPS_MAX 4
#define BATV_CLOSER_MORE 98304

enum batv_clue_kind {
	/* Message-IDs */
	BATV_CLUE_IN_REPLY_TO,   /* the message's own header, or an MDN's */
	BATV_CLUE_REFERENCES,    /* the same; the last one, which is what it answers */
	BATV_CLUE_ORIGINAL_ID,   /* Original-Message-ID, RFC 8098 */
	BATV_CLUE_PARENT_ID,     /* X-MS-Exchange-Parent-Message-Id */
	BATV_CLUE_X_ORIGINAL_ID, /* X-Original-Message-ID */
	BATV_CLUE_RETURNED_ID,   /* Message-ID in a message/rfc822 or text/rfc822-headers part */
	BATV_CLUE_INLINE_ID,     /* Message-ID, or a label like it, in any other text */
	/* addresses with the shape of a tag of ours */
	BATV_CLUE_RETURN_PATH,
	BATV_CLUE_X_POSTFIX_SENDER,
	BATV_CLUE_ENVELOPE_FROM, /* in Received */
	BATV_CLUE_SMTP_MAILFROM, /* in Authentication-Results */
	BATV_CLUE_MAIL_FROM,     /* in the transcript of a session */
	BATV_CLUE_TAG,           /* elsewhere in the body */
	BATV_CLUE_KINDS
};

/* What was undone to see it. */
enum batv_clue_encoding {
	BATV_ENCODING_NONE,
	BATV_ENCODING_QP,
	BATV_ENCODING_BASE64,
	BATV_ENCODING_BASE64_QP, /* quoted-printable within base64 */
	BATV_ENCODING_COUNT
};

struct batv_clue {
	enum batv_clue_kind kind;
	enum batv_clue_encoding encoding;
	bool in_header;         /* of the message itself; else in its body */
	bool weak;              /* an id less likely than others: looked up last */
	size_t offset;          /* of raw, in the value of the field or in the body */
	unsigned part;          /* body: which MIME part, counted as they begin; 0: before any */
	struct batv_span where; /* the field's name; the part's type as written, or "" */
	struct batv_span raw;   /* the very bytes: still encoded, folded, quoted */
	/*
	 * An id without angle brackets and white space; an address.  In the search's own room.
	 */
	struct batv_span value;
};

/* About 22 KiB.  Not to be copied: clues point into it.  They borrow headers and body, too. */
struct batv_search {
	size_t n;              /* clues */
	bool full;             /* there was more than there is room for, or work allowed */
	size_t passed, closer; /* steps of the pass, and of closer looks; for tests */
	/* private */
	bool base64, qp; /* what the part is said to be */
	unsigned part;
	size_t ids, tags, text_len;
	struct batv_span part_type;
	/* by a sum of kind and value: a clue's number + 1; 0: none */
	uint8_t known[BATV_CLUES_MAX * 2];
	/* the header's first, then as the body has them; behind them, so that few pages are touched
	 */
	struct batv_clue clues[BATV_CLUES_MAX];
	char text[BATV_CLUE_TEXT_MAX];
};

void batv_search_start(struct batv_search *s);
/* One field of the message's own header; any order, any bytes; 64 KiB of it are looked at. */
void batv_search_header(struct batv_search *s, struct batv_header h);
/* After the header, once: the body, or as much of it as the caller has read. */
void batv_search_body(struct batv_search *s, struct batv_span body);

/*
 * The ids to look up, all different, at most BATV_LOOKUPS_MAX, outermost first: In-Reply-To and its
 * like, then the body in its order, weak ones last.  While the body has any, the header
 * gets no more than half of the places.  How many.
 */
size_t batv_search_ids(const struct batv_search *s,
		       const struct batv_clue *ids[static BATV_LOOKUPS_MAX]);
/* The tagged addresses to verify, all different, in their order; how many. */
size_t batv_search_tags(const struct batv_search *s,
			const struct batv_clue *tags[static BATV_LOOKUPS_MAX]);

/*
 * The id in the value of a Message-ID field of a message that leaves, in the form of
 * batv_clue.value, so that the two meet.  False: there is none.  out is not NUL-terminated.
 */
bool batv_search_message_id(struct batv_span value, char out[static BATV_ID_MAX], size_t *len);

bool batv_clue_is_id(enum batv_clue_kind kind);
const char *batv_clue_kind_name(enum batv_clue_kind kind);      /* "in-reply-to" and so on */
const char *batv_clue_encoding_name(enum batv_clue_encoding e); /* "none", "quoted-printable" ... */

#endif
