/*
 * proof.h - does an automatic message prove, to one recipient, that it answers mail of ours?
 *
 * There are three proofs, tried in this order:
 *   - the message cites a Message-ID that left with this very address on it;
 *   - the message returns a valid tag of ours for this very address;
 *   - the recipient wrote to the author within the retention of the sent-mail memory; a bounce
 *     cannot be proved in this way.
 *
 * An id or a tag of another user proves nothing, because both can be read in list archives.
 *
 * If there is no proof, there may be a hint: the message cites a Message-ID that left with this
 * address in its header, but nobody vouched for that address; or it is a bounce of somebody else's
 * account, which was forwarded to us.  A hint is never a proof.
 */
#ifndef BATV_EVIDENCE_PROOF_H
#define BATV_EVIDENCE_PROOF_H

#include "evidence/search.h"
#include "memory/sent.h"
#include "tag/tag.h"

#define BATV_AUTHORS_MAX 2 /* From addresses of a reply that are looked up */
#define BATV_QUESTIONS_MAX (3 * BATV_LOOKUPS_MAX + BATV_AUTHORS_MAX) /* for one recipient */

enum batv_proof_kind {
	BATV_PROOF_NONE,
	BATV_PROOF_ID,
	BATV_PROOF_TAG,
	BATV_PROOF_PAIR,
	BATV_PROOF_HINT_ID,        /* a hint, no proof */
	BATV_PROOF_HINT_FORWARDED, /* the same */
};

/* The answer to one question. */
enum batv_proof_reply {
	/* answers of the sent-mail memory, about an id, a pair or a hint */
	BATV_REPLY_KNOWN,
	BATV_REPLY_UNKNOWN,
	BATV_REPLY_NO_MEMORY,    /* it cannot be read, or has no key */
	BATV_REPLY_NO_RECIPIENT, /* the recipient is not known */
	/* answers of the keys, about a tagged address */
	BATV_REPLY_VALID,
	BATV_REPLY_VALID_OF_ANOTHER, /* for another address than the recipient's: proves nothing */
	BATV_REPLY_EXPIRED,
	BATV_REPLY_FORGED,
	BATV_REPLY_NO_TAG,
	BATV_REPLY_NO_STATE /* there are no keys */
};

struct batv_proof_question {
	enum batv_proof_kind kind;
	struct batv_span about; /* an id, a tagged address, an author; lives as long as the proof */
	enum batv_proof_reply reply;
};

struct batv_proof_answer {
	enum batv_proof_kind kind;
	const struct batv_clue *clue; /* of an id or a tag; otherwise NULL */
	struct batv_item item;        /* of an id or a pair: the item that was found */
	bool cites_nothing;           /* there was no id to ask about */
};

/* All that the recipients of one message have in common. */
struct batv_proof {
	const struct batv_search *search; /* finished: it has seen header and body */
	struct batv_memory *memory;       /* may hold no memory */
	struct batv_memory *before;       /* the previous generation; NULL: none */
	struct batv_span key;             /* of the memory; len 0: none */
	const struct batv_keyring *ring;  /* NULL: no state */
	int64_t retention, now;
	enum batv_class class;
	size_t n_authors;
	struct batv_addr authors[BATV_AUTHORS_MAX];         /* untagged: batv_proof_author() */
	char author_text[BATV_AUTHORS_MAX][BATV_ADDR_SIZE]; /* what they borrow */
	/*
	 * Called for each question with its answer, at most BATV_QUESTIONS_MAX times for a
	 * recipient.  If it is NULL, nobody asks why, and no work is done for a report alone.
	 */
	void (*report)(void *ctx, const struct batv_proof_question *q);
	void *report_ctx;
	/*
	 * Called for a hint that would be the answer.  Returns false if it has been used too often;
	 * then there is no hint.  NULL: hints are not counted.
	 */
	bool (*use_hint)(void *ctx, const struct batv_addr *bare,
			 const struct batv_proof_answer *hint);
	void *use_hint_ctx;
	/*
	 * Called for a bounce without a proof and without another hint: is it one of another
	 * account, which was forwarded to us (forwarded.h)?  NULL: nobody can tell.
	 */
	bool (*is_forwarded)(void *ctx);
	void *is_forwarded_ctx;
};

/*
 * Adds an address of the reply's From field.  A tag of another site is removed from it.  Input that
 * is not an address is ignored.
 */
void batv_proof_author(struct batv_proof *proof, struct batv_span address);

/*
 * Returns true if the message is proved to the recipient; *answer then says by what.  Returns
 * false with answer->kind a hint if there is only that.  *answer is always written.  bare is the
 * recipient without its tag.  It may be NULL, for a report only, if no recipient is known.
 *
 * The first proof found is the answer.  Without a report, nothing is asked after it.  With a
 * report, all questions are asked, and the answer is the same.
 */
bool batv_proof_for(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer);

bool batv_proof_is_hint(enum batv_proof_kind kind);
const char *
batv_proof_name(enum batv_proof_kind kind); /* "id", "tag", "pair", "hint-id" ..., "-" */

#endif
