/*
 * proof.c - asks memory and keys about the clues of a message.
 *
 * Bounded: at most BATV_LOOKUPS_MAX ids, as many tags, BATV_AUTHORS_MAX pairs, however much the
 * sender wrote.  Invariant: everything is asked for the recipient's own address, never for one
 * that the message names.
 */
#include "evidence/proof.h"

#include <string.h>

void batv_proof_author(struct batv_proof *proof, struct batv_span address)
{
	char *text = proof->author_text[proof->n_authors < BATV_AUTHORS_MAX ? proof->n_authors : 0];
	struct batv_addr *author;

	if (proof->n_authors >= BATV_AUTHORS_MAX ||
	    batv_tag_bare(address.p, address.len, text, BATV_ADDR_SIZE) != BATV_OK)
		return;
	author = &proof->authors[proof->n_authors];
	if (batv_addr_parse(text, strlen(text), author) == BATV_OK)
		proof->n_authors++;
}

/* ---- what is asked, and who is told ---- */

static void report(const struct batv_proof *proof, enum batv_proof_kind kind,
		   struct batv_span about, enum batv_proof_reply reply)
{
	const struct batv_proof_question q = {kind, about, reply};

	if (proof->report)
		proof->report(proof->report_ctx, &q);
}

/* Only a report wants to know what else there is. */
static bool goes_on(const struct batv_proof *proof, const struct batv_proof_answer *answer)
{
	return answer->kind == BATV_PROOF_NONE || proof->report;
}

static void take_first(struct batv_proof_answer *answer, enum batv_proof_kind kind,
		       const struct batv_clue *clue, const struct batv_item *item)
{
	if (answer->kind != BATV_PROOF_NONE)
		return;
	answer->kind = kind;
	answer->clue = clue;
	if (item)
		answer->item = *item;
}

/* The first of the items that is known, in either generation; n: none. */
static size_t known(const struct batv_proof *proof, const struct batv_item *items, size_t n)
{
	size_t i = batv_sent_known_any(proof->memory, items, n, proof->retention, proof->now);

	if (i == n && proof->before)
		i = batv_sent_known_any(proof->before, items, n, proof->retention, proof->now);
	return i;
}

static bool is_readable(const struct batv_proof *proof)
{
	return (proof->memory && batv_memory_there(proof->memory)) ||
	       (proof->before && batv_memory_there(proof->before));
}

/* Asked by itself, for the report alone: what proves is asked for with all others at once. */
static void report_item(const struct batv_proof *proof, enum batv_proof_kind kind,
			struct batv_span about, const struct batv_item *item)
{
	if (!proof->report)
		return;
	if (!is_readable(proof))
		report(proof, kind, about, BATV_REPLY_NO_MEMORY);
	else if (known(proof, item, 1) == 0)
		report(proof, kind, about, BATV_REPLY_KNOWN);
	else
		report(proof, kind, about, BATV_REPLY_UNKNOWN);
}

static void report_no_item(const struct batv_proof *proof, enum batv_proof_kind kind,
			   struct batv_span about, const struct batv_addr *bare)
{
	report(proof, kind, about, bare ? BATV_REPLY_NO_MEMORY : BATV_REPLY_NO_RECIPIENT);
}

/* ---- the three proofs ---- */

static void by_id(const struct batv_proof *proof, const struct batv_addr *bare,
		  const struct batv_clue *const *ids, size_t n_ids,
		  struct batv_proof_answer *answer)
{
	const struct batv_clue *asked[BATV_LOOKUPS_MAX];
	struct batv_item items[BATV_LOOKUPS_MAX];
	size_t n = 0, i;

	for (i = 0; i < n_ids; i++)
		if (bare && proof->key.len > 0 &&
		    batv_sent_id(proof->key, ids[i]->value, bare, &items[n])) {
			report_item(proof, BATV_PROOF_ID, ids[i]->value, &items[n]);
			asked[n++] = ids[i];
		} else {
			report_no_item(proof, BATV_PROOF_ID, ids[i]->value, bare);
		}
	i = known(proof, items, n);
	if (i < n)
		take_first(answer, BATV_PROOF_ID, asked[i], &items[i]);
}

/* Is this tagged address one of the recipient's? */
static bool is_of(const struct batv_addr *bare, const struct batv_addr *addr,
		  const struct batv_tag *tag)
{
	char stripped[BATV_ADDR_SIZE];
	struct batv_addr inner;

	return batv_tag_strip(addr, tag, stripped, sizeof stripped) == BATV_OK &&
	       batv_addr_parse(stripped, strlen(stripped), &inner) == BATV_OK &&
	       batv_addr_same(&inner, bare);
}

/* A tag of another address proves nothing, so only a report needs its MAC. */
static enum batv_proof_reply ask_tag(const struct batv_proof *proof, const struct batv_addr *bare,
				     struct batv_span tagged)
{
	struct batv_addr addr;
	struct batv_tag tag;
	bool own;

	if (!proof->ring)
		return BATV_REPLY_NO_STATE;
	if (batv_addr_parse(tagged.p, tagged.len, &addr) != BATV_OK || !batv_tag_parse(&addr, &tag))
		return BATV_REPLY_NO_TAG;
	own = bare && is_of(bare, &addr, &tag);
	if (!own && !proof->report)
		return BATV_REPLY_VALID_OF_ANOTHER;
	switch (batv_tag_check(&addr, &tag, proof->ring, proof->now, NULL)) {
	case BATV_TAG_VALID: return own ? BATV_REPLY_VALID : BATV_REPLY_VALID_OF_ANOTHER;
	case BATV_TAG_EXPIRED: return BATV_REPLY_EXPIRED;
	case BATV_TAG_FORGED: break;
	}
	return BATV_REPLY_FORGED;
}

static void by_tag(const struct batv_proof *proof, const struct batv_addr *bare,
		   struct batv_proof_answer *answer)
{
	const struct batv_clue *tags[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_tags(&proof->search->found, tags);

	for (size_t i = 0; i < n && goes_on(proof, answer); i++) {
		enum batv_proof_reply reply = ask_tag(proof, bare, tags[i]->value);

		report(proof, BATV_PROOF_TAG, tags[i]->value, reply);
		if (reply == BATV_REPLY_VALID)
			take_first(answer, BATV_PROOF_TAG, tags[i], NULL);
	}
}

/* A bounce says nothing of who wrote to whom: its author is some server. */
static void by_pair(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer)
{
	struct batv_item items[BATV_AUTHORS_MAX];
	size_t n = 0, i;

	if (proof->class == BATV_CLASS_DSN)
		return;
	for (i = 0; i < proof->n_authors; i++) {
		const struct batv_addr *author = &proof->authors[i];

		if (bare && proof->key.len > 0 &&
		    batv_sent_pair(proof->key, bare, author, &items[n]))
			report_item(proof, BATV_PROOF_PAIR, author->text, &items[n++]);
		else
			report_no_item(proof, BATV_PROOF_PAIR, author->text, bare);
	}
	i = known(proof, items, n);
	if (i < n)
		take_first(answer, BATV_PROOF_PAIR, NULL, &items[i]);
}

/* ---- hints ---- */

static void take_hint(const struct batv_proof *proof, const struct batv_addr *bare,
		      const struct batv_proof_answer *hint, struct batv_proof_answer *answer)
{
	if (answer->kind == BATV_PROOF_NONE &&
	    (!proof->use_hint || proof->use_hint(proof->use_hint_ctx, bare, hint)))
		take_first(answer, hint->kind, hint->clue, &hint->item);
}

static void by_hint_id(const struct batv_proof *proof, const struct batv_addr *bare,
		       const struct batv_clue *const *ids, size_t n_ids,
		       struct batv_proof_answer *answer)
{
	for (size_t i = 0; i < n_ids && goes_on(proof, answer); i++) {
		struct batv_proof_answer hint = {.kind = BATV_PROOF_HINT_ID, .clue = ids[i]};

		if (!bare || proof->key.len == 0 ||
		    !batv_sent_hint(proof->key, ids[i]->value, bare, &hint.item)) {
			report_no_item(proof, hint.kind, ids[i]->value, bare);
			continue;
		}
		report_item(proof, hint.kind, ids[i]->value, &hint.item);
		if (known(proof, &hint.item, 1) == 0)
			take_hint(proof, bare, &hint, answer);
	}
}

static void by_forwarded(const struct batv_proof *proof, const struct batv_addr *bare,
			 struct batv_proof_answer *answer)
{
	const struct batv_proof_answer hint = {.kind = BATV_PROOF_HINT_FORWARDED};

	if (answer->kind == BATV_PROOF_NONE && proof->class == BATV_CLASS_DSN && bare &&
	    proof->is_forwarded && proof->is_forwarded(proof->is_forwarded_ctx))
		take_hint(proof, bare, &hint, answer);
}

bool batv_proof_for(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer)
{
	const bool asks_memory = proof->key.len > 0 || proof->report;
	const struct batv_clue *ids[BATV_LOOKUPS_MAX];
	size_t n_ids = batv_clues_ids(&proof->search->found, ids);

	memset(answer, 0, sizeof *answer);
	answer->cites_nothing = n_ids == 0;
	if (asks_memory)
		by_id(proof, bare, ids, n_ids, answer);
	if (goes_on(proof, answer))
		by_tag(proof, bare, answer);
	if (asks_memory && goes_on(proof, answer))
		by_pair(proof, bare, answer);
	by_hint_id(proof, bare, ids, n_ids, answer);
	by_forwarded(proof, bare, answer);
	return answer->kind != BATV_PROOF_NONE && !batv_proof_is_hint(answer->kind);
}

bool batv_proof_is_hint(enum batv_proof_kind kind)
{
	return kind == BATV_PROOF_HINT_ID || kind == BATV_PROOF_HINT_FORWARDED;
}

const char *batv_proof_name(enum batv_proof_kind kind)
{
	switch (kind) {
	case BATV_PROOF_NONE: return "-";
	case BATV_PROOF_ID: return "id";
	case BATV_PROOF_TAG: return "tag";
	case BATV_PROOF_PAIR: return "pair";
	case BATV_PROOF_HINT_ID: return "hint-id";
	case BATV_PROOF_HINT_FORWARDED: return "hint-forwarded";
	}
	return "?";
}
