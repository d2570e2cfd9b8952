/*
 * proof.h - does an automatic message prove, to one recipient, that it answers mail of ours?
 *
 * Three proofs, asked in this order: a Message-ID that the message cites and that left with this
 * very address on it; a valid tag of ours for this very address in what it returns; and, for what
 * is not a bounce, that the recipient wrote to the author within the memory's retention.  An id or
 * a tag of another user proves nothing: both can be read in list archives.
 */
#ifndef BATV_EVIDENCE_PROOF_H
#define BATV_EVIDENCE_PROOF_H

#include "evidence/search.h"
#include "memory/sent.h"
#include "tag/tag.h"

#define BATV_AUTHORS_MAX 2 /* From addresses of a reply that are asked about */
#define BATV_QUESTIONS_MAX (2 * BATV_LOOKUPS_MAX + BATV_AUTHORS_MAX) /* for one recipient */

enum batv_proof_kind { BATV_PROOF_NONE, BATV_PROOF_ID, BATV_PROOF_TAG, BATV_PROOF_PAIR };

/* The answer to one question. */
enum batv_proof_reply {
	/* of the memory, about an id or a pair */
	BATV_REPLY_KNOWN,
	BATV_REPLY_UNKNOWN,
	BATV_REPLY_NO_MEMORY,    /* it cannot be read, or has no key */
	BATV_REPLY_NO_RECIPIENT, /* nobody to ask for */
	/* of the keys, about a tagged address */
	BATV_REPLY_VALID,
	BATV_REPLY_VALID_OF_ANOTHER, /* of another address than the recipient's: proves nothing */
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

/* What is the same for all recipients of one message. */
struct batv_proof {
	const struct batv_search *search; /* done: header and body were given to it */
	const struct batv_memory *memory; /* may be none */
	const struct batv_memory *before; /* the generation before; NULL: none */
	struct batv_span key;             /* of the memory; len 0: none */
	const struct batv_keyring *ring;  /* NULL: no state */
	int64_t retention, now;
	enum batv_class class;
	size_t n_authors;
	struct batv_addr authors[BATV_AUTHORS_MAX];         /* bare, see batv_proof_author() */
	char author_text[BATV_AUTHORS_MAX][BATV_ADDR_SIZE]; /* what they borrow */
	/*
	 * Is told each question and its answer, at most BATV_QUESTIONS_MAX for a recipient.  NULL:
	 * nobody asks why, and nothing is done for the answer's sake alone.
	 */
	void (*report)(void *ctx, const struct batv_proof_question *q);
	void *report_ctx;
};

struct batv_proof_answer {
	enum batv_proof_kind kind;
	const struct batv_clue *clue; /* of an id or a tag; else NULL */
	struct batv_item item;        /* of an id or a pair: what was looked up and found */
};

/* An address of the reply's From; tags of other sites are taken off.  What is no address is left
 * out. */
void batv_proof_author(struct batv_proof *proof, struct batv_span address);

/*
 * bare: the recipient without its tag; NULL, for a report only: none is known.  True: it is proved,
 * and *answer says by what.  *answer is always written.
 * The first proof is the answer, and without a report nothing is asked after it.  With one, all
 * that could be asked is: the answer is the same.
 */
bool batv_proof_for(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer);

const char *batv_proof_name(enum batv_proof_kind kind); /* "id", "tag", "pair", "-" */

#endif
