/* links: core/base/span core/base/err */
/*
 * test_span.c - numbers at their limits, hex, folding, white space, words and lines, comments, safe
 * printing, the checksum; and that every error has a text.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/span.h"
#include "unit.h"

#define TEXT(s) ((struct batv_span){(s), sizeof(s) - 1})

START_TEST(span_of_takes_null_for_empty)
{
	ck_assert_uint_eq(batv_span_of(NULL).len, 0);
	ck_assert_ptr_nonnull(batv_span_of(NULL).p);
	ck_assert_uint_eq(batv_span_of("").len, 0);
	ck_assert_uint_eq(batv_span_of("abc").len, 3);
}
END_TEST

START_TEST(every_byte_has_its_class)
{
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 'A' && i <= 'Z', digit = i >= '0' && i <= '9';
		bool lower = i >= 'a' && i <= 'z';
		int hex = digit ? i - '0' : -1;

		if (i >= 'a' && i <= 'f')
			hex = i - 'a' + 10;
		if (i >= 'A' && i <= 'F')
			hex = i - 'A' + 10;
		ck_assert_int_eq(batv_fold(c), upper ? (char)(i + 32) : c);
		ck_assert_int_eq(batv_is_digit(c), digit);
		ck_assert_int_eq(batv_is_letter(c), upper || lower);
		ck_assert_int_eq(batv_is_alnum(c), upper || lower || digit);
		ck_assert_int_eq(batv_is_control(c), i < 32 || i == 127);
		ck_assert_int_eq(batv_is_name_char(c),
				 upper || lower || digit || i == '-' || i == '_');
		ck_assert_int_eq(batv_is_atext(c),
				 i > 32 && i != 127 && !strchr("()<>[]:;@\\,\"", i));
		ck_assert_int_eq(batv_is_wsp(c), i == ' ' || i == 9);
		ck_assert_int_eq(batv_is_blank(c), i == ' ' || i == 9 || i == 13);
		ck_assert_int_eq(batv_is_space(c), i == ' ' || i == 9 || i == 13 || i == 10);
		ck_assert_int_eq(batv_hex_value(c), hex);
	}
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span a, b;
	bool equal, equal_fold;
} pairs[] = {
	{TEXT(""), TEXT(""), true, true},
	{{NULL, 0}, TEXT(""), true, true},
	{{NULL, 0}, {NULL, 0}, true, true},
	{TEXT("a"), TEXT(""), false, false},
	{TEXT("abc"), TEXT("abc"), true, true},
	{TEXT("abc"), TEXT("aBC"), false, true},
	{TEXT("abc"), TEXT("abcd"), false, false},
	{TEXT("a\0c"), TEXT("a\0d"), false, false},
	{TEXT("@[`{"), TEXT("`{@["), false, false}, /* the neighbours of the letters */
	{TEXT("@"), TEXT("`"), false, false},
	{TEXT("["), TEXT("{"), false, false},
	{TEXT("\xc4"), TEXT("\xe4"), false, false}, /* Latin-1 does not fold */
};
/* clang-format on */

START_TEST(equality)
{
	ck_assert_int_eq(batv_span_equal(pairs[_i].a, pairs[_i].b), pairs[_i].equal);
	ck_assert_int_eq(batv_span_equal(pairs[_i].b, pairs[_i].a), pairs[_i].equal);
	ck_assert_int_eq(batv_span_equal_fold(pairs[_i].a, pairs[_i].b), pairs[_i].equal_fold);
	ck_assert_int_eq(batv_span_equal_fold(pairs[_i].b, pairs[_i].a), pairs[_i].equal_fold);
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span s;
	const char *text;
	bool begins, begins_fold;
} begins[] = {
	{TEXT(""), "", true, true},
	{{NULL, 0}, "", true, true},
	{{NULL, 0}, "a", false, false},
	{TEXT("a"), "", true, true},
	{TEXT("abc"), "abc", true, true},
	{TEXT("abcd"), "abc", true, true},
	{TEXT("ab"), "abc", false, false}, /* though memory goes on with "c" or a NUL */
	{{"abc", 2}, "abc", false, false},
	{TEXT("ABCD"), "abc", false, true},
	{TEXT("abcd"), "ABC", false, true},
	{TEXT("xabc"), "abc", false, false},
	{TEXT("a\0c"), "a", true, true},
	{TEXT("\0"), "a", false, false},
	{TEXT("[x"), "{x", false, false},
	{TEXT("\xc4"), "\xe4", false, false},
};
/* clang-format on */

START_TEST(beginnings)
{
	ck_assert_int_eq(batv_span_begins(begins[_i].s, begins[_i].text), begins[_i].begins);
	ck_assert_int_eq(batv_span_begins_fold(begins[_i].s, begins[_i].text),
			 begins[_i].begins_fold);
}
END_TEST

START_TEST(lists_of_texts)
{
	static const char list[] = "abc\0"
				   "d e\0";

	ck_assert(batv_span_begins_any(batv_span_of("ABCD"), list));
	ck_assert(batv_span_begins_any(batv_span_of("d e"), list));
	ck_assert(!batv_span_begins_any(batv_span_of("ab"), list));
	ck_assert(!batv_span_begins_any(batv_span_of(""), list));
	ck_assert(!batv_span_begins_any(batv_span_of("abc"), ""));
	ck_assert(batv_span_is_any(batv_span_of("D E"), list));
	ck_assert(!batv_span_is_any(batv_span_of("abcd"), list));
	ck_assert(!batv_span_is_any(batv_span_of(""), list));
}
END_TEST

START_TEST(control_characters_are_seen_anywhere)
{
	ck_assert(!batv_span_has_control(TEXT("")));
	ck_assert(!batv_span_has_control((struct batv_span){NULL, 0}));
	for (int i = 0; i < 256; i++) {
		char text[] = {'a', 'b', 'c'};

		for (size_t at = 0; at < sizeof text; at++) {
			memcpy(text, "abc", sizeof text);
			text[at] = (char)i;
			ck_assert_int_eq(batv_span_has_control((struct batv_span){text, 3}),
					 i < 32 || i == 127);
		}
	}
	ck_assert(!batv_span_has_control((struct batv_span){"ab\n", 2}));
}
END_TEST

START_TEST(pieces)
{
	static const char text[] = "abcdef";
	struct batv_span s = batv_span_between(text + 1, text + 4);

	ck_assert_ptr_eq(s.p, text + 1);
	ck_assert_uint_eq(s.len, 3);
	ck_assert_uint_eq(batv_span_between(text, text).len, 0);
	for (size_t max = 0; max < 6; max++) {
		ck_assert_ptr_eq(batv_span_cut(s, max).p, s.p);
		ck_assert_uint_eq(batv_span_cut(s, max).len, max < 3 ? max : 3);
	}
	ck_assert_uint_eq(batv_span_cut((struct batv_span){NULL, 0}, 5).len, 0);
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span text, want;
} trims[] = {
	{TEXT(""), TEXT("")},
	{{NULL, 0}, TEXT("")},
	{TEXT("a"), TEXT("a")},
	{TEXT(" a b "), TEXT("a b")},
	{TEXT("\t\r\n a \n\r\t"), TEXT("a")},
	{TEXT(" \t\r\n"), TEXT("")},
	{TEXT("\0a\0"), TEXT("\0a\0")},
	{TEXT("\va\f"), TEXT("\va\f")},
	{TEXT("\xa0 a \xa0"), TEXT("\xa0 a \xa0")},
};
/* clang-format on */

START_TEST(trimmed)
{
	ck_assert(batv_span_equal(batv_span_trim(trims[_i].text), trims[_i].want));
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span line, first, second, rest;
} words[] = {
	{TEXT(""), TEXT(""), TEXT(""), TEXT("")},
	{{NULL, 0}, TEXT(""), TEXT(""), TEXT("")},
	{TEXT(" \t\r"), TEXT(""), TEXT(""), TEXT("")},
	{TEXT("one"), TEXT("one"), TEXT(""), TEXT("")},
	{TEXT("one two"), TEXT("one"), TEXT("two"), TEXT("")},
	{TEXT("\t one\t\ttwo \tthree\r"), TEXT("one"), TEXT("two"), TEXT(" \tthree\r")},
	{TEXT("one\r"), TEXT("one"), TEXT(""), TEXT("")},
	{TEXT("o\0ne \0"), TEXT("o\0ne"), TEXT("\0"), TEXT("")},
	{TEXT("o\nne two"), TEXT("o\nne"), TEXT("two"), TEXT("")},
};
/* clang-format on */

START_TEST(words_of_a_line)
{
	struct batv_span rest = words[_i].line;

	ck_assert(batv_span_equal(batv_span_next_word(&rest), words[_i].first));
	ck_assert(batv_span_equal(batv_span_next_word(&rest), words[_i].second));
	ck_assert(batv_span_equal(rest, words[_i].rest));
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span text;
	const char *lines[4]; /* up to NULL */
} texts[] = {
	{TEXT(""), {NULL}},
	{{NULL, 0}, {NULL}},
	{TEXT("\n"), {"", NULL}},
	{TEXT("a"), {"a", NULL}},
	{TEXT("a\n"), {"a", NULL}},
	{TEXT("a\nb"), {"a", "b", NULL}},
	{TEXT("a\r\n\nb\n"), {"a\r", "", "b", NULL}},
};
/* clang-format on */

START_TEST(lines_of_a_text)
{
	struct batv_span rest = texts[_i].text, line = TEXT("untouched");

	for (size_t i = 0; texts[_i].lines[i]; i++) {
		ck_assert(batv_span_next_line(&rest, &line));
		ck_assert(batv_span_equal(line, batv_span_of(texts[_i].lines[i])));
	}
	line = TEXT("untouched");
	ck_assert(!batv_span_next_line(&rest, &line));
	ck_assert(batv_span_equal(line, TEXT("untouched")));
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span text;
	size_t len;
} comments[] = {
	{TEXT("()"), 2},
	{TEXT("(a) b)"), 3},
	{TEXT("(a(b)c) d"), 7},
	{TEXT("(\\))x"), 4},
	{TEXT("(\\(a)x"), 5},
	{TEXT("(\\\\)x"), 4},
	{TEXT("(\")\")"), 3}, /* a quote means nothing here */
	{TEXT("("), 1}, /* never closed: to the end */
	{TEXT("(a"), 2},
	{TEXT("((a)"), 4},
	{TEXT("(\\"), 2},
	{TEXT("(\\)"), 3},
	{TEXT("(\0)x"), 3},
};
/* clang-format on */

START_TEST(comment_lengths)
{
	ck_assert_uint_eq(batv_span_comment_len(comments[_i].text), comments[_i].len);
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span text;
	bool is_u64, is_i64;
	uint64_t u64;
	int64_t i64;
} numbers[] = {
	{TEXT(""), false, false, 0, 0},
	{{NULL, 0}, false, false, 0, 0},
	{TEXT("0"), true, true, 0, 0},
	{TEXT("-0"), false, true, 0, 0},
	{TEXT("007"), true, true, 7, 7},
	{TEXT("9"), true, true, 9, 9},
	{TEXT("9223372036854775806"), true, true, INT64_MAX - 1, INT64_MAX - 1},
	{TEXT("9223372036854775807"), true, true, INT64_MAX, INT64_MAX},
	{TEXT("9223372036854775808"), true, false, (uint64_t)INT64_MAX + 1, 0},
	{TEXT("-9223372036854775807"), false, true, 0, -INT64_MAX},
	{TEXT("-9223372036854775808"), false, true, 0, INT64_MIN},
	{TEXT("-9223372036854775809"), false, false, 0, 0},
	{TEXT("18446744073709551614"), true, false, UINT64_MAX - 1, 0},
	{TEXT("18446744073709551615"), true, false, UINT64_MAX, 0},
	{TEXT("18446744073709551616"), false, false, 0, 0},
	{TEXT("18446744073709551620"), false, false, 0, 0},
	{TEXT("99999999999999999999"), false, false, 0, 0},
	{TEXT("184467440737095516150"), false, false, 0, 0},
	{TEXT("00000000000000000000000000001"), true, true, 1, 1},
	{TEXT("+1"), false, false, 0, 0},
	{TEXT("-"), false, false, 0, 0},
	{TEXT("--1"), false, false, 0, 0},
	{TEXT("- 1"), false, false, 0, 0},
	{TEXT(" 1"), false, false, 0, 0},
	{TEXT("1 "), false, false, 0, 0},
	{TEXT("1\0"), false, false, 0, 0},
	{TEXT("1a"), false, false, 0, 0},
	{TEXT("0x1"), false, false, 0, 0},
	{TEXT("1:"), false, false, 0, 0}, /* after '9' */
	{TEXT("1/"), false, false, 0, 0}, /* before '0' */
};
/* clang-format on */

START_TEST(whole_numbers_or_nothing)
{
	uint64_t u = 42;
	int64_t i = 42;

	ck_assert_int_eq(batv_span_to_u64(numbers[_i].text, &u), numbers[_i].is_u64);
	ck_assert_uint_eq(u, numbers[_i].is_u64 ? numbers[_i].u64 : 42);
	ck_assert_int_eq(batv_span_to_i64(numbers[_i].text, &i), numbers[_i].is_i64);
	ck_assert_int_eq(i, numbers[_i].is_i64 ? numbers[_i].i64 : 42);
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span hex;
	size_t n;
	const char *bytes; /* NULL: refused */
} hexes[] = {
	{TEXT(""), 0, ""},
	{TEXT("00ff7F"), 3, "\x00\xff\x7f"},
	{TEXT("DeadBeef"), 4, "\xde\xad\xbe\xef"},
	{TEXT("00ff7"), 3, NULL},
	{TEXT("00ff7"), 2, NULL},
	{TEXT("00ff7f0"), 3, NULL},
	{TEXT("00ff7f"), 2, NULL},
	{TEXT("00ff7f"), 4, NULL},
	{TEXT("0g"), 1, NULL},
	{TEXT("/0"), 1, NULL},
	{TEXT("0:"), 1, NULL},
	{TEXT(" 0"), 1, NULL},
	{TEXT("0x"), 1, NULL},
	{TEXT("0\0"), 1, NULL},
};
/* clang-format on */

START_TEST(hex_to_bytes)
{
	uint8_t out[4] = {0xaa, 0xaa, 0xaa, 0xaa};
	const uint8_t untouched[4] = {0xaa, 0xaa, 0xaa, 0xaa};
	bool want = hexes[_i].bytes != NULL;

	ck_assert_int_eq(batv_span_to_bytes(hexes[_i].hex, out, hexes[_i].n), want);
	if (want && hexes[_i].n > 0)
		ck_assert_mem_eq(out, hexes[_i].bytes, hexes[_i].n);
	if (!want)
		ck_assert_mem_eq(out, untouched, sizeof untouched);
}
END_TEST

START_TEST(bytes_to_hex_and_back)
{
	uint8_t all[256], back[256];
	char hex[513];

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	batv_bytes_to_hex(all, sizeof all, hex);
	ck_assert_uint_eq(strlen(hex), 512);
	ck_assert_int_eq(strncmp(hex, "000102030405060708090a0b", 24), 0);
	ck_assert(batv_span_to_bytes(batv_span_of(hex), back, sizeof back));
	ck_assert_mem_eq(all, back, sizeof all);
	batv_bytes_to_hex(all, 0, hex);
	ck_assert_str_eq(hex, "");
}
END_TEST

/* clang-format off */
static const struct {
	struct batv_span text;
	size_t size;
	const char *want;
} prints[] = {
	{TEXT(""), 8, ""},
	{TEXT("alice@a.org"), 64, "alice@a.org"},
	{TEXT("a b"), 64, "a\\x20b"},
	{TEXT("a\r\nb"), 64, "a\\x0d\\x0ab"},
	{TEXT("a\0b"), 64, "a\\x00b"},
	{TEXT("<a\\b>"), 64, "\\x3ca\\x5cb\\x3e"},
	{TEXT("!~\x7f\x80\xff"), 64, "!~\\x7f\\x80\\xff"},
	{TEXT("1234567"), 8, "1234567"}, /* fits to the last byte */
	{TEXT("12345678"), 8, "1234..."},
	{TEXT("123456789012345"), 8, "1234..."},
	{TEXT("123\n"), 8, "123\\x0a"},
	{TEXT("1234\n"), 8, "1234..."},
	{TEXT("\n\n"), 8, "\\x0a..."},
	{TEXT("123\n4"), 8, "123..."}, /* never half an escape */
	{TEXT("abc"), 1, ""}, /* below what is promised, and still in bounds */
	{TEXT("abc"), 2, "."},
	{TEXT("abcd"), 4, "..."},
	{TEXT("abc"), 4, "abc"},
};
/* clang-format on */

START_TEST(printable)
{
	char out[64];

	memset(out, 'X', sizeof out);
	batv_printable(prints[_i].text, out, prints[_i].size);
	ck_assert_str_eq(out, prints[_i].want);
	for (size_t i = prints[_i].size; i < sizeof out; i++)
		ck_assert_int_eq(out[i], 'X');
}
END_TEST

START_TEST(printable_of_any_size_stays_in_bounds)
{
	static const char text[] = "ab\ncd<e>fgh\xffij\\klmnop";

	for (size_t size = 0; size < 64; size++) {
		char *out = malloc(size + 1); /* so that a sanitizer sees a byte too many */

		ck_assert_ptr_nonnull(out);
		memset(out, 'X', size + 1);
		batv_printable(TEXT(text), out, size);
		ck_assert_int_eq(out[size], 'X');
		if (size > 0)
			ck_assert_uint_lt(strlen(out), size);
		free(out);
	}
}
END_TEST

START_TEST(fnv64_known_answers)
{
	ck_assert_uint_eq(batv_fnv64(BATV_FNV_START, "", 0), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(batv_fnv64(BATV_FNV_START, NULL, 0), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(batv_fnv64(BATV_FNV_START, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(batv_fnv64(BATV_FNV_START, "foobar", 6), UINT64_C(0x85944171f73967e8));
	/* in two pieces */
	ck_assert_uint_eq(batv_fnv64(batv_fnv64(BATV_FNV_START, "foo", 3), "bar", 3),
			  UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(fnv64_sees_every_change_of_one_byte)
{
	unsigned char text[16] = "exim-batv-state";
	const uint64_t sum = batv_fnv64(BATV_FNV_START, text, sizeof text);

	for (size_t i = 0; i < sizeof text; i++)
		for (unsigned change = 1; change < 256; change++) {
			text[i] = (unsigned char)(text[i] ^ change);
			ck_assert_uint_ne(batv_fnv64(BATV_FNV_START, text, sizeof text), sum);
			text[i] = (unsigned char)(text[i] ^ change);
		}
}
END_TEST

START_TEST(every_error_has_a_text_of_its_own)
{
	for (int e = BATV_OK; e <= BATV_E_NO_IDN; e++) {
		const char *text = batv_strerror((enum batv_err)e);

		ck_assert_str_ne(text, "unknown error");
		ck_assert_uint_gt(strlen(text), 3);
		ck_assert_int_ne(text[strlen(text) - 1], '.');
		for (int other = BATV_OK; other < e; other++)
			ck_assert_str_ne(text, batv_strerror((enum batv_err)other));
	}
	ck_assert_str_eq(batv_strerror(BATV_E_UNSAFE_FILE), "unsafe owner, mode, links or type");
	ck_assert_str_eq(batv_strerror((enum batv_err)(BATV_E_NO_IDN + 1)), "unknown error");
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
 tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

START_TEST(fields)
{
	struct batv_span rest = batv_span_of("a bc  d");
	static const char *const expected[] = {"a", "bc", "", "d", "", ""};

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		ck_assert(batv_span_equal(batv_span_field(&rest), batv_span_of(expected[i])));
	ck_assert_uint_eq(rest.len, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("span");
	TCase *tc = tcase_create("span");

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, fields);
	tcase_add_test(tc, span_of_takes_null_for_empty);
	tcase_add_test(tc, every_byte_has_its_class);
	LOOP(tc, equality, pairs);
	LOOP(tc, beginnings, begins);
	tcase_add_test(tc, control_characters_are_seen_anywhere);
	tcase_add_test(tc, pieces);
	LOOP(tc, trimmed, trims);
	LOOP(tc, words_of_a_line, words);
	LOOP(tc, lines_of_a_text, texts);
	LOOP(tc, comment_lengths, comments);
	LOOP(tc, whole_numbers_or_nothing, numbers);
	LOOP(tc, hex_to_bytes, hexes);
	tcase_add_test(tc, bytes_to_hex_and_back);
	LOOP(tc, printable, prints);
	tcase_add_test(tc, printable_of_any_size_stays_in_bounds);
	tcase_add_test(tc, lists_of_texts);
	tcase_add_test(tc, fnv64_known_answers);
	tcase_add_test(tc, fnv64_sees_every_change_of_one_byte);
	tcase_add_test(tc, every_error_has_a_text_of_its_own);
	return suite;
}
