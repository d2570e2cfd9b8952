/*
 * clues.c - keeps what was found, each once, and chooses what is looked up.
 *
 * Pure: no allocation.  It never reads a message, only the values that it is given.  Invariant:
 * n == ids + tags; the first n clues are different, in the order in which they were kept, and
 * known[] has each of them once; it is never more than half full.
 */
#include <string.h>

#include "evidence/clues.h"

void batv_clues_start(struct batv_clues *c)
{
	/* not the clues and the text: they are 20 KiB that nobody reads before they are written */
	c->n = c->ids = c->tags = c->text_len = 0;
	c->full = false;
	memset(c->known, 0, sizeof c->known);
}

bool batv_clue_is_id(enum batv_clue_kind kind)
{
	return kind <= BATV_CLUE_INLINE_ID;
}

/* Where in known[] such a clue is, or would be.  There is always an empty place. */
static uint8_t *place_in_known(struct batv_clues *c, enum batv_clue_kind kind,
			       struct batv_span value, size_t *steps)
{
	const unsigned char of = (unsigned char)kind;
	uint64_t sum = batv_fnv64(batv_fnv64(BATV_FNV_START, &of, 1), value.p, value.len);

	*steps += value.len;
	for (size_t i = (size_t)(sum ^ sum >> 32);; i++) {
		uint8_t *at = &c->known[i % sizeof c->known];

		if (*at == 0 || (c->clues[*at - 1].kind == kind &&
				 batv_span_equal(c->clues[*at - 1].value, value)))
			return at;
		*steps += value.len;
	}
}

/*
 * Half of the room is for the body alone.  Of the rest, a sixth is not for ids of any text: the
 * message that is returned comes after it.
 */
static size_t room_for(enum batv_clue_kind kind, bool in_header)
{
	size_t all = batv_clue_is_id(kind) ? BATV_CLUE_IDS_MAX : BATV_CLUE_TAGS_MAX;

	if (in_header)
		return all / 2;
	return kind == BATV_CLUE_INLINE_ID ? all - all / 6 : all;
}

bool batv_clues_done(const struct batv_clues *c, enum batv_clue_kind kind, bool in_header)
{
	return c->full && (batv_clue_is_id(kind) ? c->ids : c->tags) >= room_for(kind, in_header);
}

static bool has_room(struct batv_clues *c, enum batv_clue_kind kind, bool in_header, size_t len)
{
	const bool is_id = batv_clue_is_id(kind);
	size_t text = sizeof c->text / (in_header ? 2 : 1);

	if (kind == BATV_CLUE_INLINE_ID && !in_header)
		text -= text / 6;
	if ((is_id ? c->ids : c->tags) < room_for(kind, in_header) && c->text_len + len <= text)
		return true;
	c->full = true;
	return false;
}

uint8_t *batv_clues_place(struct batv_clues *c, enum batv_clue_kind kind, bool in_header,
			  struct batv_span value, size_t *steps)
{
	uint8_t *place = place_in_known(c, kind, value, steps);

	return *place == 0 && has_room(c, kind, in_header, value.len) ? place : NULL;
}

void batv_clues_keep(struct batv_clues *c, struct batv_clue clue, uint8_t *place)
{
	memcpy(c->text + c->text_len, clue.value.p, clue.value.len);
	clue.value.p = c->text + c->text_len;
	c->text_len += clue.value.len;
	*(batv_clue_is_id(clue.kind) ? &c->ids : &c->tags) += 1;
	c->clues[c->n++] = clue;
	*place = (uint8_t)c->n;
}

/* ---- what is to be looked up ---- */

struct choice {
	const struct batv_clue *clues[BATV_LOOKUPS_MAX];
	size_t n, max;
};

static void choose(struct choice *c, const struct batv_clue *clue)
{
	for (size_t i = 0; i < c->n; i++)
		if (batv_span_equal(c->clues[i]->value, clue->value))
			return;
	if (c->n < c->max)
		c->clues[c->n++] = clue;
}

/* One of each kind first, then what is left. */
static void choose_of_header(const struct batv_clues *c, struct choice *choice)
{
	for (unsigned kind = 0; kind <= BATV_CLUE_INLINE_ID; kind++)
		for (size_t i = 0; i < c->n; i++)
			if (c->clues[i].in_header && c->clues[i].kind == kind) {
				choose(choice, &c->clues[i]);
				break;
			}
	for (size_t i = 0; i < c->n; i++)
		if (c->clues[i].in_header && batv_clue_is_id(c->clues[i].kind))
			choose(choice, &c->clues[i]);
}

/* How likely an id of the body is that of the message that is answered: 0 is the likeliest. */
static unsigned rank_of(const struct batv_clue *clue)
{
	if (clue->weak)
		return 3;
	if (clue->kind == BATV_CLUE_RETURNED_ID)
		return 0;
	return clue->kind == BATV_CLUE_INLINE_ID ? 2 : 1;
}

static void choose_of_body(const struct batv_clues *c, struct choice *choice)
{
	for (unsigned rank = 0; rank <= 3; rank++)
		for (size_t i = 0; i < c->n; i++)
			if (!c->clues[i].in_header && batv_clue_is_id(c->clues[i].kind) &&
			    rank_of(&c->clues[i]) == rank)
				choose(choice, &c->clues[i]);
}

size_t batv_clues_ids(const struct batv_clues *c,
		      const struct batv_clue *ids[static BATV_LOOKUPS_MAX])
{
	struct choice header = {.max = BATV_LOOKUPS_MAX / 2}, all;

	choose_of_header(c, &header);
	all = header;
	all.max = BATV_LOOKUPS_MAX;
	choose_of_body(c, &all);
	if (all.n < all.max) { /* room is left for more of the header */
		header.max = BATV_LOOKUPS_MAX - (all.n - header.n);
		choose_of_header(c, &header);
		all = header;
		all.max = BATV_LOOKUPS_MAX;
		choose_of_body(c, &all);
	}
	memcpy(ids, all.clues, all.n * sizeof all.clues[0]);
	return all.n;
}

static void choose_tags(const struct batv_clues *c, bool in_header, struct choice *choice)
{
	for (size_t i = 0; i < c->n; i++)
		if (!batv_clue_is_id(c->clues[i].kind) && c->clues[i].in_header == in_header)
			choose(choice, &c->clues[i]);
}

size_t batv_clues_tags(const struct batv_clues *c,
		       const struct batv_clue *tags[static BATV_LOOKUPS_MAX])
{
	struct choice all = {.max = BATV_LOOKUPS_MAX / 2};

	choose_tags(c, true, &all);
	all.max = BATV_LOOKUPS_MAX;
	choose_tags(c, false, &all);
	choose_tags(c, true, &all);
	memcpy(tags, all.clues, all.n * sizeof all.clues[0]);
	return all.n;
}

/* ---- names ---- */

const char *batv_clue_kind_name(enum batv_clue_kind kind)
{
	static const char *const names[] = {
		[BATV_CLUE_IN_REPLY_TO] = "in-reply-to",
		[BATV_CLUE_REFERENCES] = "references",
		[BATV_CLUE_ORIGINAL_ID] = "original-message-id",
		[BATV_CLUE_PARENT_ID] = "x-ms-exchange-parent-message-id",
		[BATV_CLUE_X_ORIGINAL_ID] = "x-original-message-id",
		[BATV_CLUE_RETURNED_ID] = "returned-message-id",
		[BATV_CLUE_INLINE_ID] = "inline-message-id",
		[BATV_CLUE_RETURN_PATH] = "return-path",
		[BATV_CLUE_X_POSTFIX_SENDER] = "x-postfix-sender",
		[BATV_CLUE_ENVELOPE_FROM] = "envelope-from",
		[BATV_CLUE_SMTP_MAILFROM] = "smtp.mailfrom",
		[BATV_CLUE_MAIL_FROM] = "mail-from",
		[BATV_CLUE_TAG] = "tagged-address",
		[BATV_CLUE_RECORDED] = "recorded-recipient",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_CLUE_KINDS, "a kind has no name");
	return (unsigned)kind < BATV_CLUE_KINDS ? names[kind] : "?";
}

const char *batv_clue_encoding_name(enum batv_clue_encoding e)
{
	static const char *const names[] = {
		[BATV_ENCODING_NONE] = "none",
		[BATV_ENCODING_QP] = "quoted-printable",
		[BATV_ENCODING_BASE64] = "base64",
		[BATV_ENCODING_BASE64_QP] = "base64+quoted-printable",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_ENCODING_COUNT, "one has no name");
	return (unsigned)e < BATV_ENCODING_COUNT ? names[e] : "?";
}
