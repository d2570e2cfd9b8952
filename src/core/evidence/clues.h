/*
 * clues.h - the clues in an automatic message: texts that may prove that it answers mail of ours.
 * They are kept without repeats in limited room, and some are chosen for the look-ups.
 *
 * All of it is the sender's text, so a clue is not a proof.  An id is a proof if the sent-mail
 * memory knows it for the recipient (memory/sent.h); a tagged address is one if its MAC is right
 * (tag/tag.h).
 *
 * At most BATV_CLUE_IDS_MAX different ids and BATV_CLUE_TAGS_MAX different addresses are kept.  The
 * first ones are kept, and half of the room is reserved for the body.  At most BATV_LOOKUPS_MAX of
 * each kind are chosen.
 */
#ifndef BATV_EVIDENCE_CLUES_H
#define BATV_EVIDENCE_CLUES_H

#include "base/span.h"

#define BATV_CLUE_IDS_MAX 48
#define BATV_CLUE_TAGS_MAX 16
#define BATV_CLUES_MAX (BATV_CLUE_IDS_MAX + BATV_CLUE_TAGS_MAX)
#define BATV_CLUE_TEXT_MAX 16384 /* bytes of all values together; more is left out */
#define BATV_LOOKUPS_MAX 4

enum batv_clue_kind {
	/* Message-IDs */
	BATV_CLUE_IN_REPLY_TO,   /* the message's own header, or an MDN's */
	BATV_CLUE_REFERENCES,    /* the same; the last one, which is the one being answered */
	BATV_CLUE_ORIGINAL_ID,   /* Original-Message-ID, RFC 8098 */
	BATV_CLUE_PARENT_ID,     /* X-MS-Exchange-Parent-Message-Id */
	BATV_CLUE_X_ORIGINAL_ID, /* X-Original-Message-ID, and own fields that end in this */
	BATV_CLUE_RETURNED_ID,   /* Message-ID in a message/rfc822 or text/rfc822-headers part */
	BATV_CLUE_INLINE_ID,     /* Message-ID, or a label like it, in any other text */
	/* addresses with the shape of a tag of ours */
	BATV_CLUE_RETURN_PATH,
	BATV_CLUE_X_POSTFIX_SENDER,
	BATV_CLUE_ENVELOPE_FROM, /* in Received */
	BATV_CLUE_SMTP_MAILFROM, /* in Authentication-Results */
	BATV_CLUE_MAIL_FROM,     /* in the transcript of a session */
	BATV_CLUE_TAG,           /* elsewhere in the body */
	BATV_CLUE_RECORDED,      /* in the message's own header: recorded.h */
	BATV_CLUE_KINDS
};

/* The encoding that was undone to see it. */
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
	bool in_header;         /* in the header of the message itself; otherwise in its body */
	bool weak;              /* an id that is less likely than others: looked up last */
	size_t offset;          /* of raw, within the value of the field or the body */
	unsigned part;          /* body: number of the MIME part, from 1; 0: before any part */
	struct batv_span where; /* the field's name, or the part's type as written; may be "" */
	struct batv_span raw;   /* the original bytes: still encoded, folded, quoted */
	/*
	 * An id without angle brackets and white space, or an address.  The text is in struct
	 * batv_clues.
	 */
	struct batv_span value;
};

/* About 22 KiB.  Do not copy it, because the clues point into it. */
struct batv_clues {
	size_t n;  /* clues */
	bool full; /* the message has more than fits, or than the work limit allowed */
	/* private */
	size_t ids, tags, text_len;
	/* indexed by a sum of kind and value: the number of the clue + 1; 0: none */
	uint8_t known[BATV_CLUES_MAX * 2];
	/*
	 * Clues of the header first, then those of the body in its order.  This array and the text
	 * are last, so that few pages are touched.
	 */
	struct batv_clue clues[BATV_CLUES_MAX];
	char text[BATV_CLUE_TEXT_MAX];
};

void batv_clues_start(struct batv_clues *c);

/*
 * Returns true if a clue of this kind has been turned away for lack of room.  There is then no need
 * to look for more of them.
 */
bool batv_clues_done(const struct batv_clues *c, enum batv_clue_kind kind, bool in_header);

/*
 * Returns the place for a new clue, for batv_clues_keep().  Returns NULL if the same clue is there
 * already, or if there is no room.  The number of bytes examined is added to *steps.
 */
uint8_t *batv_clues_place(struct batv_clues *c, enum batv_clue_kind kind, bool in_header,
			  struct batv_span value, size_t *steps);
/* Keeps a clue.  Its value is copied; `raw` and `where` stay borrowed. */
void batv_clues_keep(struct batv_clues *c, struct batv_clue clue, uint8_t *place);

/*
 * Writes the ids to look up, at most BATV_LOOKUPS_MAX and all different, and returns how many.
 * In-Reply-To and similar fields come first, then the body: ids of what is returned, those named
 * as the original's, those of any text, and weak ids; of the same sort, in their order.  If the
 * body has any ids, the header gets at most half of the places.
 */
size_t batv_clues_ids(const struct batv_clues *c,
		      const struct batv_clue *ids[static BATV_LOOKUPS_MAX]);
/*
 * Writes the tagged addresses to verify, all different and in their order, and returns how many. If
 * the body has any, the header gets at most half of the places.
 */
size_t batv_clues_tags(const struct batv_clues *c,
		       const struct batv_clue *tags[static BATV_LOOKUPS_MAX]);

bool batv_clue_is_id(enum batv_clue_kind kind);
const char *batv_clue_kind_name(enum batv_clue_kind kind);      /* "in-reply-to" and so on */
const char *batv_clue_encoding_name(enum batv_clue_encoding e); /* "none", "quoted-printable" ... */

#endif
