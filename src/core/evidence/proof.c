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

/* The first of the items that is known, in either generation; n: none. */
static size_t known(const struct batv_proof *proof, const struct batv_item *items, size_t n)
{
	size_t i = batv_sent_known_any(proof->memory, items, n, proof->retention, proof->now);

	if (i == n && proof->before)
		i = batv_sent_known_any(proof->before, items, n, proof->retention, proof->now);
	return i;
}

static bool by_id(const struct batv_proof *proof, const struct batv_addr *bare,
		  struct batv_proof_answer *answer)
{
	const struct batv_clue *ids[BATV_LOOKUPS_MAX], *asked[BATV_LOOKUPS_MAX];
	struct batv_item items[BATV_LOOKUPS_MAX];
	size_t n_ids = batv_clues_ids(&proof->search->found, ids), n = 0, i;

	for (i = 0; i < n_ids; i++)
		if (batv_sent_id(proof->key, ids[i]->value, bare, &items[n]))
			asked[n++] = ids[i];
	i = known(proof, items, n);
	if (i == n)
		return false;
	*answer = (struct batv_proof_answer){BATV_PROOF_ID, asked[i], items[i]};
	return true;
}

/* Is this tagged address one of the recipient's, and its tag alive? */
static bool is_own_tag(const struct batv_proof *proof, const struct batv_addr *bare,
		       struct batv_span tagged)
{
	char stripped[BATV_ADDR_SIZE], canon[BATV_ADDR_SIZE], wanted[BATV_ADDR_SIZE];
	size_t canon_len, wanted_len;
	struct batv_addr addr, inner;
	struct batv_tag tag;

	return batv_addr_parse(tagged.p, tagged.len, &addr) == BATV_OK &&
	       batv_tag_parse(&addr, &tag) &&
	       batv_tag_strip(&addr, &tag, stripped, sizeof stripped) == BATV_OK &&
	       batv_addr_parse(stripped, strlen(stripped), &inner) == BATV_OK &&
	       batv_addr_canon(&inner, canon, sizeof canon, &canon_len) == BATV_OK &&
	       batv_addr_canon(bare, wanted, sizeof wanted, &wanted_len) == BATV_OK &&
	       batv_span_equal((struct batv_span){canon, canon_len},
			       (struct batv_span){wanted, wanted_len}) &&
	       batv_tag_check(&addr, &tag, proof->ring, proof->now, NULL) == BATV_TAG_VALID;
}

static bool by_tag(const struct batv_proof *proof, const struct batv_addr *bare,
		   struct batv_proof_answer *answer)
{
	const struct batv_clue *tags[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_tags(&proof->search->found, tags);

	for (size_t i = 0; i < n; i++) {
		if (!is_own_tag(proof, bare, tags[i]->value))
			continue;
		*answer = (struct batv_proof_answer){.kind = BATV_PROOF_TAG, .clue = tags[i]};
		return true;
	}
	return false;
}

/* A bounce says nothing of who wrote to whom: its author is some server. */
static bool by_pair(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer)
{
	struct batv_item items[BATV_AUTHORS_MAX];
	size_t n = 0, i;

	if (proof->class == BATV_CLASS_DSN)
		return false;
	for (i = 0; i < proof->n_authors; i++)
		n += batv_sent_pair(proof->key, bare, &proof->authors[i], &items[n]);
	i = known(proof, items, n);
	if (i == n)
		return false;
	*answer = (struct batv_proof_answer){.kind = BATV_PROOF_PAIR, .item = items[i]};
	return true;
}

bool batv_proof_for(const struct batv_proof *proof, const struct batv_addr *bare,
		    struct batv_proof_answer *answer)
{
	memset(answer, 0, sizeof *answer);
	return (proof->key.len > 0 && by_id(proof, bare, answer)) || by_tag(proof, bare, answer) ||
	       (proof->key.len > 0 && by_pair(proof, bare, answer));
}

const char *batv_proof_name(enum batv_proof_kind kind)
{
	switch (kind) {
	case BATV_PROOF_NONE: return "-";
	case BATV_PROOF_ID: return "id";
	case BATV_PROOF_TAG: return "tag";
	case BATV_PROOF_PAIR: return "pair";
	}
	return "?";
}
