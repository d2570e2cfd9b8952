/* links: core/evidence/proof core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode core/tag/tag core/tag/addr core/base/hmac core/tag/key core/base/span */
/*
 * test_proof.c - which evidence proves a message, and for whom.  The sent-mail memory is a table in
 * this test.  The search and the check of tags are the real ones.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/days.h"
#include "evidence/proof.h"
#include "unit.h"

#define NOW INT64_C(1800000000)

/* ---- a sent-mail memory that the test fills ---- */

static const char *known[4]; /* "id address", "ours>theirs", and a hint: "id ?address" */
static size_t asked;

static bool name_item(const char *text, enum batv_item_kind kind, struct batv_item *item)
{
	uint64_t sum = batv_fnv64(BATV_FNV_START, text, strlen(text));

	memset(item, 0, sizeof *item);
	item->kind = kind;
	memcpy(item->name, &sum, sizeof sum);
	return true;
}

bool batv_sent_id(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		  struct batv_item *item)
{
	char text[1200];

	ck_assert_uint_eq(key.len, 3);
	(void)snprintf(text, sizeof text, "%.*s %.*s", (int)id.len, id.p, (int)ours->text.len,
		       ours->text.p);
	return name_item(text, BATV_ITEM_ID, item);
}

bool batv_sent_hint(struct batv_span key, struct batv_span id, const struct batv_addr *ours,
		    struct batv_item *item)
{
	char text[1200];

	ck_assert_uint_eq(key.len, 3);
	(void)snprintf(text, sizeof text, "%.*s ?%.*s", (int)id.len, id.p, (int)ours->text.len,
		       ours->text.p);
	return name_item(text, BATV_ITEM_ID, item);
}

bool batv_sent_pair(struct batv_span key, const struct batv_addr *ours,
		    const struct batv_addr *theirs, struct batv_item *item)
{
	char text[1200];

	ck_assert_uint_eq(key.len, 3);
	(void)snprintf(text, sizeof text, "%.*s>%.*s", (int)ours->text.len, ours->text.p,
		       (int)theirs->text.len, theirs->text.p);
	return name_item(text, BATV_ITEM_PAIR, item);
}

static struct batv_memory memory, before;
static struct batv_memory *knows = &memory; /* which of the two memories has it */

size_t batv_sent_known_any(struct batv_memory *m, const struct batv_item *items, size_t n,
			   int64_t retention, int64_t now)
{
	struct batv_item item;

	if (n == 0)
		return 0;
	ck_assert_int_eq(retention, 14 * (int64_t)BATV_DAY);
	ck_assert_int_eq(now, NOW);
	asked += n;
	for (size_t i = 0; m == knows && i < n; i++)
		for (size_t k = 0; k < 4 && known[k]; k++)
			if (name_item(known[k], items[i].kind, &item) &&
			    memcmp(item.name, items[i].name, sizeof item.name) == 0)
				return i;
	return n;
}

/* ---- one message, one recipient ---- */

static struct batv_search search;
static struct batv_proof proof;
static struct batv_keyring ring;
static struct batv_proof_answer answer;

static void begin(enum batv_class class, const char *in_reply_to, const char *body)
{
	proof = (struct batv_proof){
		.search = &search,
		.memory = &memory,
		.key = {"key", 3},
		.ring = &ring,
		.retention = 14 * (int64_t)BATV_DAY,
		.now = NOW,
		.class = class,
	};
	asked = 0;
	batv_search_start(&search);
	if (in_reply_to)
		batv_search_header(&search, (struct batv_header){batv_span_of("In-Reply-To"),
								 batv_span_of(in_reply_to)});
	batv_search_body(&search, batv_span_of(body));
}

static bool proves(const char *rcpt)
{
	struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(rcpt, strlen(rcpt), &addr), BATV_OK);
	memset(&answer, 0x5a, sizeof answer);
	return batv_proof_for(&proof, &addr, &answer);
}

START_TEST(an_id_proves_to_its_own_address)
{
	known[0] = "sent@ours.example alice@ours.example";
	begin(BATV_CLASS_DSN, "<sent@ours.example>", "");
	ck_assert(proves("alice@ours.example"));
	ck_assert_int_eq(answer.kind, BATV_PROOF_ID);
	ck_assert(batv_span_equal(answer.clue->value, batv_span_of("sent@ours.example")));
	ck_assert(!proves("bob@ours.example"));
	ck_assert_int_eq(answer.kind, BATV_PROOF_NONE);
	ck_assert_ptr_null(answer.clue);
	begin(BATV_CLASS_DSN, "<other@ours.example>", "Message-ID: <another@ours.example>\n");
	ck_assert(!proves("alice@ours.example"));
	ck_assert_uint_eq(asked, 4); /* each id as a proof and as a hint */
}
END_TEST

START_TEST(the_generation_before_is_asked_too)
{
	known[0] = "sent@ours.example alice@ours.example";
	knows = &before;
	begin(BATV_CLASS_DSN, "<sent@ours.example>", "");
	ck_assert(!proves("alice@ours.example"));
	proof.before = &before;
	ck_assert(proves("alice@ours.example"));
}
END_TEST

START_TEST(four_ids_are_looked_up_and_no_more)
{
	static char body[40000];
	size_t at = 0;

	for (int i = 0; i < 1000; i++)
		at += (size_t)snprintf(body + at, sizeof body - at, "Message-ID: <%d@x.example>\n",
				       i);
	known[0] = "500@x.example alice@ours.example";
	begin(BATV_CLASS_DSN, NULL, body);
	ck_assert(!proves("alice@ours.example"));
	ck_assert_uint_eq(asked, 2 * BATV_LOOKUPS_MAX); /* as a proof, and as a hint */
}
END_TEST

static size_t used;      /* hints */
static size_t use_limit; /* more are none */

static bool use_hint(void *ctx, const struct batv_addr *bare, const struct batv_proof_answer *hint)
{
	ck_assert_ptr_eq(ctx, &used);
	ck_assert_int_eq(hint->kind, BATV_PROOF_HINT_ID);
	ck_assert_uint_gt(bare->text.len, 0);
	return used++ < use_limit;
}

static void ignore(void *ctx, const struct batv_proof_question *q)
{
	(void)ctx, (void)q;
}

START_TEST(a_hint_is_no_proof)
{
	for (int class = 0; class < BATV_CLASS_COUNT; class ++) {
		known[0] = "sent@ours.example ?shop@ours.example";
		known[1] = NULL;
		begin((enum batv_class) class, "<sent@ours.example>", "");
		ck_assert(!proves("shop@ours.example"));
		ck_assert_int_eq(answer.kind, BATV_PROOF_HINT_ID);
		ck_assert(batv_proof_is_hint(answer.kind) && !answer.cites_nothing);
		ck_assert(batv_span_equal(answer.clue->value, batv_span_of("sent@ours.example")));
		ck_assert(!proves("bob@ours.example"));
		ck_assert_int_eq(answer.kind, BATV_PROOF_NONE);
		known[1] = "sent@ours.example shop@ours.example"; /* a proof comes first */
		ck_assert(proves("shop@ours.example"));
		ck_assert_int_eq(answer.kind, BATV_PROOF_ID);
		ck_assert(!batv_proof_is_hint(answer.kind));
		proof.key.len = 0;
		ck_assert(!proves("shop@ours.example"));
		ck_assert_int_eq(answer.kind, BATV_PROOF_NONE);
	}
}
END_TEST

static bool told_forwarded;

static bool is_forwarded(void *ctx)
{
	ck_assert_ptr_eq(ctx, &told_forwarded);
	return told_forwarded;
}

/* Of a bounce only, and asked last. */
START_TEST(a_forwarded_bounce)
{
	known[0] = "sent@ours.example ?shop@ours.example";
	known[1] = NULL;
	for (int class = 0; class < BATV_CLASS_COUNT; class ++)
		for (int yes = 0; yes < 2; yes++) {
			bool is = yes && class == BATV_CLASS_DSN;

			begin((enum batv_class) class, "<sent@ours.example>", "");
			ck_assert(!proves("bob@ours.example"));
			ck_assert_int_eq(answer.kind, BATV_PROOF_NONE);
			told_forwarded = yes;
			proof.is_forwarded = is_forwarded;
			proof.is_forwarded_ctx = &told_forwarded;
			ck_assert(!proves("bob@ours.example"));
			ck_assert_int_eq(answer.kind,
					 is ? BATV_PROOF_HINT_FORWARDED : BATV_PROOF_NONE);
			ck_assert_int_eq(batv_proof_is_hint(answer.kind), is);
			ck_assert(!proves("shop@ours.example"));
			ck_assert_int_eq(answer.kind, BATV_PROOF_HINT_ID);
		}
}
END_TEST

/* One that was used too often is no hint, and the next one counts. */
START_TEST(hints_have_a_limit)
{
	known[0] = "1@ours.example ?shop@ours.example";
	known[1] = "2@ours.example ?shop@ours.example";
	begin(BATV_CLASS_OTHER, "<1@ours.example>", "Message-ID: <2@ours.example>\n");
	proof.use_hint = use_hint;
	proof.use_hint_ctx = &used;
	for (use_limit = 0; use_limit < 3; use_limit++) {
		used = 0;
		ck_assert(!proves("shop@ours.example"));
		ck_assert_int_eq(batv_proof_is_hint(answer.kind), use_limit > 0);
		ck_assert_uint_eq(used, use_limit > 0 ? 1 : 2);
	}
	used = 0;
	use_limit = 1;
	known[1] = "2@ours.example shop@ours.example"; /* a proof uses none */
	ck_assert(proves("shop@ours.example"));
	ck_assert(!proves("bob@ours.example"));
	proof.report = ignore; /* nor if it is looked up for a report all the same */
	ck_assert(proves("shop@ours.example"));
	ck_assert_uint_eq(used, 0);
}
END_TEST

/* Ids are cited even if nobody can be asked about them; a tag or an author is not an id. */
START_TEST(what_cites_no_id_says_so)
{
	begin(BATV_CLASS_AUTOREPLY, NULL, "prvs=3700abcdef=alice@ours.example\n");
	batv_proof_author(&proof, batv_span_of("bob@theirs.example"));
	ck_assert(!proves("alice@ours.example") && answer.cites_nothing);
	begin(BATV_CLASS_AUTOREPLY, "<1@theirs.example>", "");
	ck_assert(!proves("alice@ours.example") && !answer.cites_nothing);
	proof.key.len = 0;
	ck_assert(!proves("alice@ours.example") && !answer.cites_nothing);
	begin(BATV_CLASS_AUTOREPLY, NULL, "Message-ID: <1@theirs.example>\n");
	ck_assert(!proves("alice@ours.example") && !answer.cites_nothing);
	known[0] = "1@theirs.example alice@ours.example";
	ck_assert(proves("alice@ours.example") && !answer.cites_nothing);
}
END_TEST

START_TEST(without_a_key_nothing_is_asked)
{
	known[0] = "sent@ours.example alice@ours.example";
	known[1] = "alice@ours.example>bob@theirs.example";
	begin(BATV_CLASS_AUTOREPLY, "<sent@ours.example>", "");
	batv_proof_author(&proof, batv_span_of("bob@theirs.example"));
	proof.key.len = 0;
	ck_assert(!proves("alice@ours.example"));
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* The tagged address, as our transport would have made it. */
static void tag_of(const char *address, char out[static BATV_ADDR_SIZE])
{
	struct batv_addr addr;
	struct batv_key *key = &ring.keys[0];

	ring.n_keys = 1;
	*key = (struct batv_key){.secret = 1,
				 .number = 3,
				 .day = 700,
				 .from = NOW - 10,
				 .until = NOW + 10,
				 .destroy = NOW + 1000};
	memset(key->text, 'a', sizeof key->text);
	ck_assert_int_eq(batv_addr_parse(address, strlen(address), &addr), BATV_OK);
	ck_assert_int_eq(batv_tag_make(&addr, key, BATV_STYLE_PRVS, out, BATV_ADDR_SIZE), BATV_OK);
}

START_TEST(a_tag_proves_to_its_own_address)
{
	char tagged[BATV_ADDR_SIZE], body[600];

	tag_of("alice@ours.example", tagged);
	(void)snprintf(body, sizeof body, "Return-Path: <%s>\n", tagged);
	begin(BATV_CLASS_DSN, NULL, body);
	ck_assert(proves("alice@ours.example"));
	ck_assert_int_eq(answer.kind, BATV_PROOF_TAG);
	ck_assert(proves("Alice@OURS.example"));
	ck_assert(!proves("bob@ours.example"));
	proof.now = NOW + 1000; /* its key is destroyed */
	proof.key.len = 0;
	ck_assert(!proves("alice@ours.example"));
	tagged[strcspn(tagged, "=") + 10] ^= 1; /* a digit of the MAC */
	(void)snprintf(body, sizeof body, "Return-Path: <%s>\n", tagged);
	begin(BATV_CLASS_DSN, NULL, body);
	ck_assert(!proves("alice@ours.example"));
}
END_TEST

/* A filter on another host, fetchmail or a forwarder took the tag off the envelope. */
START_TEST(a_tag_in_the_own_header_proves_too)
{
	static const char *const fields[] = {"Delivered-To", "X-Original-To", "Envelope-To", "To"};
	char tagged[BATV_ADDR_SIZE];

	tag_of("alice@ours.example", tagged);
	for (size_t i = 0; i < 4; i++) {
		begin(BATV_CLASS_DSN, NULL, "");
		batv_search_header(&search, (struct batv_header){batv_span_of(fields[i]),
								 batv_span_of(tagged)});
		ck_assert_int_eq(proves("alice@ours.example"), i < 3);
		ck_assert_int_eq(answer.kind, i < 3 ? BATV_PROOF_TAG : BATV_PROOF_NONE);
		ck_assert(answer.cites_nothing);
		ck_assert(!proves("bob@ours.example"));
		proof.now = NOW + 1000; /* its key is destroyed */
		ck_assert(!proves("alice@ours.example"));
	}
}
END_TEST

START_TEST(a_pair_proves_replies_and_no_bounce)
{
	known[0] = "alice@ours.example>bob@theirs.example";
	for (int class = 0; class < BATV_CLASS_COUNT; class ++) {
		begin((enum batv_class) class, NULL, "");
		batv_proof_author(&proof, batv_span_of("prvs=0907dd3667=bob@theirs.example"));
		ck_assert_int_eq(proves("alice@ours.example"), class != BATV_CLASS_DSN);
		ck_assert_int_eq(answer.kind,
				 class == BATV_CLASS_DSN ? BATV_PROOF_NONE : BATV_PROOF_PAIR);
		ck_assert(!proves("carol@ours.example"));
	}
}
END_TEST

START_TEST(authors_are_few_and_addresses)
{
	begin(BATV_CLASS_AUTOREPLY, NULL, "");
	batv_proof_author(&proof, batv_span_of("no address"));
	ck_assert_uint_eq(proof.n_authors, 0);
	for (char c = 'a'; c < 'f'; c++)
		batv_proof_author(&proof, batv_span_of((char[]){c, '@', 'd', '\0'}));
	ck_assert_uint_eq(proof.n_authors, BATV_AUTHORS_MAX);
	for (unsigned i = 0; i < BATV_AUTHORS_MAX; i++) { /* each in its own place */
		ck_assert_uint_eq(proof.authors[i].text.len, 3);
		ck_assert_int_eq(proof.authors[i].text.p[0], (char)('a' + i));
	}
}
END_TEST

/* ---- what a report is told ---- */

static char told[4096];

static void tell(void *ctx, const struct batv_proof_question *q)
{
	static const char *const replies[] = {
		[BATV_REPLY_KNOWN] = "known",         [BATV_REPLY_UNKNOWN] = "unknown",
		[BATV_REPLY_NO_MEMORY] = "no memory", [BATV_REPLY_NO_RECIPIENT] = "no recipient",
		[BATV_REPLY_VALID] = "valid",         [BATV_REPLY_VALID_OF_ANOTHER] = "of another",
		[BATV_REPLY_EXPIRED] = "expired",     [BATV_REPLY_FORGED] = "forged",
		[BATV_REPLY_NO_TAG] = "no tag",       [BATV_REPLY_NO_STATE] = "no state",
	};
	size_t len = strlen(told);

	++*(size_t *)ctx;
	(void)snprintf(told + len, sizeof told - len, "%s %.*s: %s\n", batv_proof_name(q->kind),
		       (int)q->about.len, q->about.p, replies[q->reply]);
}

/* With a report; how many questions it was told.  The answer must be the same as without. */
static size_t tells(const char *rcpt)
{
	struct batv_proof_answer plain;
	struct batv_addr addr;
	size_t n = 0;
	bool proved = false;

	memset(&plain, 0, sizeof plain);
	if (rcpt) {
		proved = proves(rcpt);
		plain = answer;
		ck_assert_int_eq(batv_addr_parse(rcpt, strlen(rcpt), &addr), BATV_OK);
	}
	*told = '\0';
	proof.report = tell;
	proof.report_ctx = &n;
	ck_assert_int_eq(batv_proof_for(&proof, rcpt ? &addr : NULL, &answer), proved);
	proof.report = NULL;
	ck_assert_int_eq(answer.kind, plain.kind);
	ck_assert_ptr_eq(answer.clue, plain.clue);
	ck_assert_int_eq(memcmp(answer.item.name, plain.item.name, sizeof plain.item.name), 0);
	return n;
}

/* Two ids, four tags of which one is alice's, and an author. */
static void begin_all_kinds(enum batv_class class)
{
	static char tags[4][BATV_ADDR_SIZE], body[5 * BATV_ADDR_SIZE];
	char *digit;

	tag_of("carol@ours.example", tags[0]);
	tag_of("alice@ours.example", tags[1]);
	tag_of("dave@ours.example", tags[2]);
	digit = &tags[2][strcspn(tags[2], "=") + 10]; /* of the MAC */
	*digit = *digit == '0' ? '1' : '0';
	tag_of("erin@ours.example", tags[3]);
	(void)snprintf(body, sizeof body, "Message-ID: <2@ours.example>\n%s\n%s\n%s\n%s\n", tags[0],
		       tags[1], tags[2], tags[3]);
	begin(class, "<1@ours.example>", body);
	batv_proof_author(&proof, batv_span_of("bob@theirs.example"));
}

/* What is told of tags names them by their addresses. */
static void told_is(const char *want)
{
	char plain[sizeof told], *out = plain;

	for (const char *p = told; *p;)
		if (strncmp(p, "tag prvs=", 9) == 0) {
			p += 9 + strcspn(p + 9, "=") + 1;
			memcpy(out, "tag ", 4);
			out += 4;
		} else {
			*out++ = *p++;
		}
	*out = '\0';
	ck_assert_str_eq(plain, want);
}

START_TEST(a_report_is_told_every_question_in_order)
{
	memory.base = &memory;
	known[0] = "2@ours.example alice@ours.example";
	known[1] = "alice@ours.example>bob@theirs.example";
	begin_all_kinds(BATV_CLASS_AUTOREPLY);
	ck_assert_uint_eq(tells("alice@ours.example"), 9);
	ck_assert_int_eq(answer.kind, BATV_PROOF_ID);
	told_is("id 1@ours.example: unknown\nid 2@ours.example: known\n"
		"tag carol@ours.example: of another\ntag alice@ours.example: valid\n"
		"tag dave@ours.example: forged\ntag erin@ours.example: of another\n"
		"pair bob@theirs.example: known\n"
		"hint-id 1@ours.example: unknown\nhint-id 2@ours.example: unknown\n");
	begin_all_kinds(BATV_CLASS_DSN); /* of which no author is asked about */
	ck_assert_uint_eq(tells("alice@ours.example"), 8);
	known[0] = NULL;
	ck_assert_uint_eq(tells("alice@ours.example"), 8);
	ck_assert_int_eq(answer.kind, BATV_PROOF_TAG);
	ck_assert_ptr_nonnull(strstr(told, "id 2@ours.example: unknown\n"));
	proof.now = NOW + 1000; /* the key is destroyed */
	proof.key.len = 0;
	(void)tells("alice@ours.example");
	told_is("id 1@ours.example: no memory\nid 2@ours.example: no memory\n"
		"tag carol@ours.example: expired\ntag alice@ours.example: expired\n"
		"tag dave@ours.example: expired\ntag erin@ours.example: expired\n"
		"hint-id 1@ours.example: no memory\nhint-id 2@ours.example: no memory\n");
}
END_TEST

START_TEST(a_report_is_told_what_is_missing)
{
	known[0] = "1@ours.example alice@ours.example";
	begin_all_kinds(BATV_CLASS_AUTOREPLY);
	ck_assert_uint_eq(tells(NULL), 9);
	told_is("id 1@ours.example: no recipient\nid 2@ours.example: no recipient\n"
		"tag carol@ours.example: of another\ntag alice@ours.example: of another\n"
		"tag dave@ours.example: forged\ntag erin@ours.example: of another\n"
		"pair bob@theirs.example: no recipient\n"
		"hint-id 1@ours.example: no recipient\nhint-id 2@ours.example: no recipient\n");
	proof.ring = NULL;
	proof.key.len = 0;
	ck_assert_uint_eq(tells("alice@ours.example"), 9);
	told_is("id 1@ours.example: no memory\nid 2@ours.example: no memory\n"
		"tag carol@ours.example: no state\ntag alice@ours.example: no state\n"
		"tag dave@ours.example: no state\ntag erin@ours.example: no state\n"
		"pair bob@theirs.example: no memory\n"
		"hint-id 1@ours.example: no memory\nhint-id 2@ours.example: no memory\n");
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* The generation in use is lost: the one before it proves, and a report says so. */
START_TEST(a_report_is_told_of_the_generation_before)
{
	known[0] = "1@ours.example alice@ours.example";
	knows = &before;
	begin_all_kinds(BATV_CLASS_DSN);
	(void)tells("bob@ours.example");
	ck_assert_ptr_nonnull(strstr(told, "id 1@ours.example: no memory\n"));
	before.base = &before;
	proof.before = &before;
	(void)tells("alice@ours.example");
	ck_assert_int_eq(answer.kind, BATV_PROOF_ID);
	ck_assert_ptr_nonnull(strstr(told, "id 1@ours.example: known\n"));
	ck_assert_ptr_nonnull(strstr(told, "id 2@ours.example: unknown\n"));
}
END_TEST

START_TEST(a_report_is_told_so_much_and_no_more)
{
	static char body[60000];
	char tagged[BATV_ADDR_SIZE], address[64];
	size_t at = 0;

	for (int i = 0; i < 200; i++) {
		(void)snprintf(address, sizeof address, "user%d@ours.example", i);
		tag_of(address, tagged);
		at += (size_t)snprintf(body + at, sizeof body - at,
				       "Message-ID: <%d@x.example>\n%s\n", i, tagged);
	}
	begin(BATV_CLASS_AUTOREPLY, "<1@ours.example>", body);
	for (int i = 0; i < 5; i++)
		batv_proof_author(&proof, batv_span_of("bob@theirs.example"));
	ck_assert_uint_eq(tells("alice@ours.example"), BATV_QUESTIONS_MAX);
}
END_TEST

START_TEST(without_a_report_nothing_is_asked_after_a_proof)
{
	known[0] = "1@ours.example alice@ours.example";
	begin_all_kinds(BATV_CLASS_AUTOREPLY);
	ck_assert(proves("alice@ours.example"));
	ck_assert_uint_eq(asked, 2); /* the ids, at once */
	known[0] = NULL;
	begin_all_kinds(BATV_CLASS_AUTOREPLY);
	ck_assert(proves("alice@ours.example"));
	ck_assert_int_eq(answer.kind, BATV_PROOF_TAG);
	ck_assert_uint_eq(asked, 2); /* and no pair */
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_NONE), "-");
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_ID), "id");
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_TAG), "tag");
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_PAIR), "pair");
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_HINT_ID), "hint-id");
	ck_assert_str_eq(batv_proof_name(BATV_PROOF_HINT_FORWARDED), "hint-forwarded");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("proof");
	TCase *tc = tcase_create("proof");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, an_id_proves_to_its_own_address);
	tcase_add_test(tc, the_generation_before_is_asked_too);
	tcase_add_test(tc, four_ids_are_looked_up_and_no_more);
	tcase_add_test(tc, a_hint_is_no_proof);
	tcase_add_test(tc, a_forwarded_bounce);
	tcase_add_test(tc, hints_have_a_limit);
	tcase_add_test(tc, what_cites_no_id_says_so);
	tcase_add_test(tc, without_a_key_nothing_is_asked);
	tcase_add_test(tc, a_tag_proves_to_its_own_address);
	tcase_add_test(tc, a_tag_in_the_own_header_proves_too);
	tcase_add_test(tc, a_pair_proves_replies_and_no_bounce);
	tcase_add_test(tc, authors_are_few_and_addresses);
	tcase_add_test(tc, a_report_is_told_every_question_in_order);
	tcase_add_test(tc, a_report_is_told_what_is_missing);
	tcase_add_test(tc, a_report_is_told_of_the_generation_before);
	tcase_add_test(tc, a_report_is_told_so_much_and_no_more);
	tcase_add_test(tc, without_a_report_nothing_is_asked_after_a_proof);
	tcase_add_test(tc, names);
	return s;
}
