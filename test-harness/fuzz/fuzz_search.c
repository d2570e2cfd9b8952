/* links: core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode core/tag/tag core/base/hmac core/tag/addr core/evidence/mailbox core/evidence/field core/evidence/forwarded core/evidence/original core/base/span */
/* also: test-harness/unit/evidence */
/*
 * fuzz_search.c - any bytes as a message: what is found lies where it says, and is what a later
 * look at it may rely on.
 *
 * Input: a message; up to the first empty line its header.  Every field is also read as a list of
 * addresses, and as the Message-ID of a message that leaves.
 */
#include "evidence/forwarded.h"
#include "evidence/mailbox.h"
#include "evidence/original.h"
#include "evidence/search.h"
#include "reach.h"
#include "tag/tag.h"

/* Kinds and encodings by their own numbers, then the rest. */
enum {
	ENCODINGS = BATV_CLUE_KINDS,
	WEAK = ENCODINGS + BATV_ENCODING_COUNT,
	FULL,
	PART,
	HEADER_MORE_THAN_HALF,
	LOOK_UPS_FULL,
	LEAVING,
	MAILBOX,
	ORIGINAL,
	SIGNED,
	FORWARDED,
	OUTCOMES
};
static const char *outcomes[OUTCOMES] = {
	[WEAK] = "weak",
	[FULL] = "full",
	[PART] = "part",
	[HEADER_MORE_THAN_HALF] = "header_more_than_half",
	[LOOK_UPS_FULL] = "look_ups_full",
	[LEAVING] = "leaving",
	[MAILBOX] = "mailbox",
	[ORIGINAL] = "original",
	[SIGNED] = "signed",
	[FORWARDED] = "forwarded",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	for (unsigned i = 0; i < BATV_CLUE_KINDS; i++)
		outcomes[i] = batv_clue_kind_name((enum batv_clue_kind)i);
	for (unsigned i = 0; i < BATV_ENCODING_COUNT; i++)
		outcomes[ENCODINGS + i] = batv_clue_encoding_name((enum batv_clue_encoding)i);
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_within(struct batv_span inner, struct batv_span outer)
{
	return inner.p >= outer.p && inner.len <= outer.len &&
	       inner.p + inner.len <= outer.p + outer.len;
}

static void check_clue(const struct batv_search *s, const struct batv_clue *c,
		       struct batv_span message, struct batv_span body)
{
	struct batv_addr addr;
	struct batv_tag tag;

	must(c->kind < BATV_CLUE_KINDS && c->encoding < BATV_ENCODING_COUNT);
	must(is_within(c->raw, c->in_header ? message : body) && c->raw.len > 0);
	must(c->in_header || c->raw.p == body.p + c->offset);
	must(c->part <= s->part && (!c->in_header || c->part == 0));
	must(is_within(c->value, (struct batv_span){s->found.text, s->found.text_len}));
	must(c->value.len > 0 && c->value.len <= BATV_ID_MAX);
	for (size_t i = 0; i < c->value.len; i++)
		must((unsigned char)c->value.p[i] >= 0x20 && c->value.p[i] != 0x7f);
	if (!batv_clue_is_id(c->kind)) {
		must(batv_addr_parse(c->value.p, c->value.len, &addr) == BATV_OK);
		must(batv_tag_parse(&addr, &tag));
	} else {
		must(!memchr(c->value.p, '<', c->value.len) &&
		     !memchr(c->value.p, ' ', c->value.len));
	}
	reached(c->kind);
	reached((size_t)ENCODINGS + c->encoding);
	if (c->weak)
		reached(WEAK);
	if (c->part > 0)
		reached(PART);
}

static void check_look_ups(const struct batv_search *s)
{
	const struct batv_clue *found[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_ids(&s->found, found), header = 0;

	must(n <= BATV_LOOKUPS_MAX && (n > 0) == (s->found.ids > 0));
	for (size_t i = 0; i < n; i++) {
		must(batv_clue_is_id(found[i]->kind));
		must(i == 0 || found[i - 1]->in_header || !found[i]->in_header);
		header += found[i]->in_header;
		for (size_t j = 0; j < i; j++)
			must(!batv_span_equal(found[i]->value, found[j]->value));
	}
	if (header > BATV_LOOKUPS_MAX / 2)
		reached(HEADER_MORE_THAN_HALF);
	if (n == BATV_LOOKUPS_MAX)
		reached(LOOK_UPS_FULL);
	n = batv_clues_tags(&s->found, found);
	must(n <= BATV_LOOKUPS_MAX && (n > 0) == (s->found.tags > 0));
	for (size_t i = 0; i < n; i++)
		must(!batv_clue_is_id(found[i]->kind));
}

static void count_mailbox(void *ctx, const struct batv_addr *addr)
{
	struct batv_addr again;

	(void)ctx;
	must(addr->text.len <= BATV_PATH_MAX);
	must(batv_addr_parse(addr->text.p, addr->text.len, &again) == BATV_OK);
	reached(MAILBOX);
}

static struct batv_forwarded forwarded;

/* Every second domain is ours. */
static bool is_foreign(void *ctx, const struct batv_addr *addr)
{
	(void)ctx;
	must(addr->domain.len > 0);
	return addr->domain.p[0] % 2 == 0;
}

static void check_field(struct batv_search *s, struct batv_header h)
{
	char id[BATV_ID_MAX];
	size_t len;

	batv_search_header(s, h);
	batv_forwarded_header(&forwarded, h);
	must(batv_mailbox_each(h.value, 5, count_mailbox, NULL) <= 5);
	if (batv_search_message_id(h.value, id, &len)) {
		must(len > 0 && len <= sizeof id);
		reached(LEAVING);
	}
}

/* Fields as Exim hands them over; what has no colon ends the header. */
static const char *check_header(struct batv_search *s, const char *p, const char *end)
{
	while (p < end && *p != '\n') {
		const char *colon = memchr(p, ':', (size_t)(end - p)), *stop = p, *nl;

		if (!colon)
			return p;
		do {
			nl = memchr(stop, '\n', (size_t)(end - stop));
			stop = nl ? nl + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		if (colon >= stop)
			return p;
		check_field(s, (struct batv_header){{p, (size_t)(colon - p)},
						    {colon + 1, (size_t)(stop - colon - 1)}});
		p = stop;
	}
	return p < end ? p + 1 : end;
}

/* Whose message is returned?  The authors are those of the bounces in the seeds. */
static void check_original(const struct batv_search *s, struct batv_span body)
{
	static const char *const authors[] = {"alice@test", "alice@example.com",
					      "alice@ours.example"};
	struct batv_original_signed original;

	for (size_t i = 0; i < sizeof authors / sizeof authors[0]; i++) {
		const struct batv_clue *id;
		struct batv_addr author;

		must(batv_addr_parse(authors[i], strlen(authors[i]), &author) == BATV_OK);
		id = batv_original_by(s, body, &author);
		if (!id)
			continue;
		must(!id->in_header && !id->weak && batv_clue_is_id(id->kind));
		reached(ORIGINAL);
	}
	if (batv_original_signed(s, body, "ours.example", &original)) {
		must(is_within(original.selector, body) && original.selector.len < body.len);
		must(!original.from.p || is_within(original.from, body));
		must(batv_clue_is_id(original.id->kind));
		reached(SIGNED);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct batv_search s;
	struct batv_span message = {(const char *)data, size}, body;

	batv_search_start(&s);
	batv_forwarded_start(&forwarded);
	body.p = check_header(&s, message.p, message.p + size);
	body.len = (size_t)(message.p + size - body.p);
	batv_search_body(&s, body);
	if (batv_forwarded_is(&forwarded, body, is_foreign, NULL))
		reached(FORWARDED);
	must(s.found.n <= BATV_CLUES_MAX && s.found.n == s.found.ids + s.found.tags);
	must(s.closer <= s.passed + BATV_CLOSER_MORE && s.passed <= 8 * size + 8);
	for (size_t i = 0; i < s.found.n; i++)
		check_clue(&s, &s.found.clues[i], message, body);
	if (s.found.full)
		reached(FULL);
	check_look_ups(&s);
	check_original(&s, body);
	return 0;
}
