/*
 * clues.h - what was found in an automatic message that may prove that it answers mail of ours:
 * kept without repeats in bounded room, and chosen for the look-ups.
 *
 * All of it is the sender's text.  A clue is not a proof: an id is one when the memory knows it for
 * the recipient (memory/sent.h), a tagged address when its MAC is right (tag/tag.h).
 *
 * At most BATV_CLUE_IDS_MAX different ids and BATV_CLUE_TAGS_MAX different addresses are kept.  The
 * first ones win, and half of the room is for the body.  At most BATV_LOOKUPS_MAX of each are
 * chosen.
 */
#ifndef BATV_EVIDENCE_CLUES_H
#define BATV_EVIDENCE_CLUES_H

#include "base/span.h"

#define BATV_CLUE_IDS_MAX 48
#define BATV_CLUE_TAGS_MAX 16
#define BATV_CLUES_MAX (BATV_CLUE_IDS_MAX + BATV_CLUE_TAGS_MAX)
#define BATV_CLUE_TEXT_MAX 16384 /* bytes of all values together; what does not fit is left out */
#define BATV_LOOKUPS_MAX 4

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
	 * An id without angle brackets and white space; an address.  In the room of struct
	 * batv_clues.
	 */
	struct batv_span value;
};

/* About 22 KiB.  Not to be copied: clues point into it. */
struct batv_clues {
	size_t n;  /* clues */
	bool full; /* there was more than there is room for, or than the work allowed */
	/* private */
	size_t ids, tags, text_len;
	/* by a sum of kind and value: a clue's number + 1; 0: none */
	uint8_t known[BATV_CLUES_MAX * 2];
	/* The header's first, then as the body has them.  Last, so that few pages are touched. */
	struct batv_clue clues[BATV_CLUES_MAX];
	char text[BATV_CLUE_TEXT_MAX];
};

void batv_clues_start(struct batv_clues *c);

/* There was one more than there is room for: none of these needs to be looked for any longer. */
bool batv_clues_done(const struct batv_clues *c, bool is_id, bool in_header);

/*
 * Where to keep a clue, for batv_clues_keep().  NULL: the same one is there already, or there is no
 * room.  Adds the looks at bytes that it takes to *steps.
 */
uint8_t *batv_clues_place(struct batv_clues *c, enum batv_clue_kind kind, bool in_header,
			  struct batv_span value, size_t *steps);
/* Its value is copied; `raw` and `where` stay borrowed. */
void batv_clues_keep(struct batv_clues *c, struct batv_clue clue, uint8_t *place);

/*
 * The ids to look up, all different, at most BATV_LOOKUPS_MAX, outermost first: In-Reply-To and its
 * like, then the body in its order, weak ones last.  While the body has any, the header
 * gets no more than half of the places.  How many.
 */
size_t batv_clues_ids(const struct batv_clues *c,
		      const struct batv_clue *ids[static BATV_LOOKUPS_MAX]);
/* The tagged addresses to verify, all different, in their order; how many. */
size_t batv_clues_tags(const struct batv_clues *c,
		       const struct batv_clue *tags[static BATV_LOOKUPS_MAX]);

bool batv_clue_is_id(enum batv_clue_kind kind);
const char *batv_clue_kind_name(enum batv_clue_kind kind);      /* "in-reply-to" and so on */
const char *batv_clue_encoding_name(enum batv_clue_encoding e); /* "none", "quoted-printable" ... */

#endif
