/* links: core/evidence/clues core/base/span */
/*
 * test_clues.c - which clues are kept, each once, and in which order they are looked up.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/clues.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct batv_clues clues;
static size_t steps;

static void setup(void)
{
	memset(&clues, 0xee, sizeof clues);
	batv_clues_start(&clues);
	steps = 0;
}

static bool keep_span(enum batv_clue_kind kind, bool in_header, bool weak, struct batv_span value)
{
	uint8_t *place = batv_clues_place(&clues, kind, in_header, value, &steps);

	if (place)
		batv_clues_keep(
			&clues,
			(struct batv_clue){
				.kind = kind, .in_header = in_header, .weak = weak, .value = value},
			place);
	return place != NULL;
}

static bool keep(enum batv_clue_kind kind, bool in_header, const char *value)
{
	return keep_span(kind, in_header, false, batv_span_of(value));
}

static bool keep_number(enum batv_clue_kind kind, bool in_header, unsigned n)
{
	char text[20];

	(void)snprintf(text, sizeof text, "%u@x", n);
	return keep(kind, in_header, text);
}

START_TEST(each_is_kept_once)
{
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "a@x"));
	ck_assert_uint_eq(steps, 3);
	ck_assert(!keep(BATV_CLUE_RETURNED_ID, false, "a@x"));
	ck_assert(!keep(BATV_CLUE_RETURNED_ID, true, "a@x"));
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "b@x"));
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "a@x")); /* of another kind */
	ck_assert(keep(BATV_CLUE_TAG, false, "a@x"));
	ck_assert_uint_eq(clues.n, 4);
	ck_assert_uint_eq(clues.ids, 3);
	ck_assert_uint_eq(clues.tags, 1);
	ck_assert_uint_eq(clues.text_len, 12);
	ck_assert(!clues.full);
	ck_assert(batv_span_equal(clues.clues[1].value, batv_span_of("b@x")));
	ck_assert_ptr_eq(clues.clues[1].value.p, clues.text + 3);
}
END_TEST

/* How many of a kind there is room for, alone. */
static const struct {
	enum batv_clue_kind kind;
	bool in_header;
	unsigned room;
} rooms[] = {
	{BATV_CLUE_IN_REPLY_TO, true, 24}, {BATV_CLUE_IN_REPLY_TO, false, 48},
	{BATV_CLUE_INLINE_ID, true, 24},   {BATV_CLUE_INLINE_ID, false, 40},
	{BATV_CLUE_RETURN_PATH, true, 8},  {BATV_CLUE_RECORDED, false, 16},
};

START_TEST(there_is_room_for_so_many)
{
	for (unsigned n = 0; n < rooms[_i].room; n++) {
		ck_assert(keep_number(rooms[_i].kind, rooms[_i].in_header, n));
		ck_assert(!batv_clues_done(&clues, rooms[_i].kind, rooms[_i].in_header));
	}
	ck_assert(!clues.full);
	ck_assert(!keep_number(rooms[_i].kind, rooms[_i].in_header, 0)); /* is there already */
	ck_assert(!clues.full);
	ck_assert(!keep_number(rooms[_i].kind, rooms[_i].in_header, 1000));
	ck_assert(clues.full);
	ck_assert(batv_clues_done(&clues, rooms[_i].kind, rooms[_i].in_header));
	ck_assert_uint_eq(clues.n, rooms[_i].room);
}
END_TEST

/* One kind that is turned away is no reason to stop looking for others. */
START_TEST(ids_and_tags_have_room_of_their_own)
{
	for (unsigned n = 0; n < 41; n++)
		(void)keep_number(BATV_CLUE_INLINE_ID, false, n);
	ck_assert(batv_clues_done(&clues, BATV_CLUE_INLINE_ID, false));
	ck_assert(!batv_clues_done(&clues, BATV_CLUE_RETURNED_ID, false));
	ck_assert(!batv_clues_done(&clues, BATV_CLUE_TAG, false));
	for (unsigned n = 0; n < 16; n++)
		ck_assert(keep_number(BATV_CLUE_TAG, false, n));
	for (unsigned n = 0; n < 8; n++)
		ck_assert(keep_number(BATV_CLUE_RETURNED_ID, false, n));
	ck_assert(!keep_number(BATV_CLUE_RETURNED_ID, false, 99));
	ck_assert_uint_eq(clues.n, 64);
	for (unsigned n = 0; n < 8; n++) /* all of them are found again */
		ck_assert(!keep_number(BATV_CLUE_RETURNED_ID, false, n));
}
END_TEST

/* The bytes of one value that just fits: half of the text for the header, five sixths for ids of
 * any text. */
static const struct {
	enum batv_clue_kind kind;
	bool in_header;
	size_t most;
} longest[] = {
	{BATV_CLUE_REFERENCES, true, 8192},   {BATV_CLUE_INLINE_ID, true, 8192},
	{BATV_CLUE_REFERENCES, false, 16384}, {BATV_CLUE_INLINE_ID, false, 13654},
	{BATV_CLUE_TAG, false, 16384},        {BATV_CLUE_RECORDED, true, 8192},
};

START_TEST(so_much_text)
{
	static char text[20000];

	memset(text, 'x', sizeof text);
	ck_assert(!keep_span(longest[_i].kind, longest[_i].in_header, false,
			     (struct batv_span){text, longest[_i].most + 1}));
	ck_assert(clues.full);
	ck_assert(keep_span(longest[_i].kind, longest[_i].in_header, false,
			    (struct batv_span){text, longest[_i].most}));
	ck_assert(!keep(longest[_i].kind, longest[_i].in_header, "y"));
}
END_TEST

static void expect_ids(const char *want)
{
	const struct batv_clue *ids[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_ids(&clues, ids);
	char got[100] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? " " : "",
			       (int)ids[i]->value.len, ids[i]->value.p);
	ck_assert_str_eq(got, want);
}

static void keep_weak(const char *value)
{
	ck_assert(keep_span(BATV_CLUE_RETURNED_ID, false, true, batv_span_of(value)));
}

/* In the body: what is returned, what is named as the original's, any text, weak ones. */
START_TEST(ids_of_the_body)
{
	expect_ids("");
	keep_weak("w");
	expect_ids("w");
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "i"));
	ck_assert(keep(BATV_CLUE_X_ORIGINAL_ID, false, "o"));
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "r"));
	expect_ids("r o i w");
	ck_assert(keep(BATV_CLUE_ORIGINAL_ID, false, "p"));
	ck_assert(keep(BATV_CLUE_TAG, false, "t"));
	expect_ids("r o p i");
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "r")); /* once */
	expect_ids("r o p i");
}
END_TEST

/* In the header: one of each kind first, in the order of the kinds. */
START_TEST(ids_of_the_header)
{
	ck_assert(keep(BATV_CLUE_REFERENCES, true, "r1"));
	ck_assert(keep(BATV_CLUE_REFERENCES, true, "r2"));
	ck_assert(keep(BATV_CLUE_IN_REPLY_TO, true, "i1"));
	expect_ids("i1 r1 r2");
	ck_assert(keep(BATV_CLUE_IN_REPLY_TO, true, "i2"));
	expect_ids("i1 r1 r2 i2");
	ck_assert(keep(BATV_CLUE_INLINE_ID, true, "l1"));
	expect_ids("i1 r1 l1 r2");
	ck_assert(keep(BATV_CLUE_RECORDED, true, "no id"));
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "b1"));
	expect_ids("i1 r1 l1 b1");
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "b2"));
	expect_ids("i1 r1 b1 b2");
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "b3"));
	expect_ids("i1 r1 b3 b1");
}
END_TEST

START_TEST(the_same_id_in_both)
{
	ck_assert(keep(BATV_CLUE_IN_REPLY_TO, true, "a"));
	ck_assert(keep(BATV_CLUE_REFERENCES, true, "a"));
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "a"));
	ck_assert(keep(BATV_CLUE_INLINE_ID, false, "b"));
	expect_ids("a b");
}
END_TEST

static void expect_tags(const char *want)
{
	const struct batv_clue *tags[BATV_LOOKUPS_MAX];
	size_t n = batv_clues_tags(&clues, tags);
	char got[100] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? " " : "",
			       (int)tags[i]->value.len, tags[i]->value.p);
	ck_assert_str_eq(got, want);
}

START_TEST(tags)
{
	expect_tags("");
	ck_assert(keep(BATV_CLUE_RECORDED, true, "h1"));
	ck_assert(keep(BATV_CLUE_RECORDED, true, "h2"));
	ck_assert(keep(BATV_CLUE_RECORDED, true, "h3"));
	ck_assert(keep(BATV_CLUE_RETURNED_ID, false, "an id"));
	expect_tags("h1 h2 h3");
	ck_assert(keep(BATV_CLUE_TAG, false, "b1"));
	expect_tags("h1 h2 b1 h3");
	ck_assert(keep(BATV_CLUE_RETURN_PATH, false, "b2"));
	expect_tags("h1 h2 b1 b2");
	ck_assert(keep(BATV_CLUE_MAIL_FROM, false, "b3"));
	expect_tags("h1 h2 b1 b2");
}
END_TEST

START_TEST(names)
{
	for (unsigned kind = 0; kind < BATV_CLUE_KINDS; kind++) {
		ck_assert_str_ne(batv_clue_kind_name((enum batv_clue_kind)kind), "?");
		ck_assert_int_eq(batv_clue_is_id((enum batv_clue_kind)kind),
				 kind <= BATV_CLUE_INLINE_ID);
	}
	ck_assert_str_eq(batv_clue_kind_name(BATV_CLUE_RECORDED), "recorded-recipient");
	ck_assert_str_eq(batv_clue_kind_name(BATV_CLUE_KINDS), "?");
	ck_assert_str_eq(batv_clue_encoding_name(BATV_ENCODING_BASE64_QP),
			 "base64+quoted-printable");
	ck_assert_str_eq(batv_clue_encoding_name(BATV_ENCODING_COUNT), "?");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("clues");
	TCase *tc = tcase_create("clues");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, each_is_kept_once);
	tcase_add_loop_test(tc, there_is_room_for_so_many, 0, (int)COUNT(rooms));
	tcase_add_test(tc, ids_and_tags_have_room_of_their_own);
	tcase_add_loop_test(tc, so_much_text, 0, (int)COUNT(longest));
	tcase_add_test(tc, ids_of_the_body);
	tcase_add_test(tc, ids_of_the_header);
	tcase_add_test(tc, the_same_id_in_both);
	tcase_add_test(tc, tags);
	tcase_add_test(tc, names);
	suite_add_tcase(s, tc);
	return s;
}
