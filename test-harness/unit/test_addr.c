/* links: core/tag/addr core/base/span */
/*
 * test_addr.c - which texts are addresses, and the form that is hashed.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tag/addr.h"
#include "unit.h"

#define SEED UINT64_C(20261122)
#define ROUNDS 100000

/* Text that may hold NULs; the length of a literal comes from the compiler. */
#define TEXT(s) (s), sizeof(s) - 1

/* clang-format off */
static const struct {
	const char *text;
	size_t len;
	const char *local;	/* NULL: BATV_E_SYNTAX */
	const char *domain;
	const char *canon;
} addresses[] = {
	{TEXT("a@b"), "a", "b", "a@b"},
	{TEXT("user@example.com"), "user", "example.com", "user@example.com"},
	{TEXT("User@Example.COM"), "User", "Example.COM", "user@example.com"},
	{TEXT("!#$%&'*+-/=?^_`{|}~@d"), "!#$%&'*+-/=?^_`{|}~", "d", "!#$%&'*+-/=?^_`{|}~@d"},
	{TEXT("prvs=0907dd3667=user@d"), "prvs=0907dd3667=user", "d", "prvs=0907dd3667=user@d"},
	/* odd dots are in use */
	{TEXT("a..b@d"), "a..b", "d", "a..b@d"},
	{TEXT(".a@d"), ".a", "d", ".a@d"},
	{TEXT("a.@d"), "a.", "d", "a.@d"},
	{TEXT("a@d."), "a", "d.", "a@d."},
	/* quotes */
	{TEXT("\"alice\"@d"), "\"alice\"", "d", "alice@d"},
	{TEXT("\"A b\"@d"), "\"A b\"", "d", "a b@d"},
	{TEXT("\"a@b\"@d"), "\"a@b\"", "d", "a@b@d"},
	{TEXT("\"a\\\"b\"@d"), "\"a\\\"b\"", "d", "a\"b@d"},
	{TEXT("\"a\\\\\"@d"), "\"a\\\\\"", "d", "a\\@d"},
	{TEXT("\"\\A\\l\"@d"), "\"\\A\\l\"", "d", "al@d"},
	{TEXT("\"\\ \"@d"), "\"\\ \"", "d", " @d"},
	{TEXT("\"()<>[]:;,\"@d"), "\"()<>[]:;,\"", "d", "()<>[]:;,@d"},
	{TEXT("\"\"@d"), "\"\"", "d", "@d"},
	/* RFC 821 */
	{TEXT("\\Alice@d"), "\\Alice", "d", "alice@d"},
	{TEXT("a\\@b@d"), "a\\@b", "d", "a@b@d"},
	{TEXT("a\\\"b@d"), "a\\\"b", "d", "a\"b@d"},
	{TEXT("a\\\\@d"), "a\\\\", "d", "a\\@d"},
	/* domains */
	{TEXT("a@[1]"), "a", "[1]", "a@[1]"},
	{TEXT("a@[192.0.2.1]"), "a", "[192.0.2.1]", "a@[192.0.2.1]"},
	{TEXT("a@[IPv6:2001:DB8::1]"), "a", "[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
	{TEXT("a@x_y-z.d"), "a", "x_y-z.d", "a@x_y-z.d"},
	/* bytes above 127 are kept as they are, and never folded */
	{TEXT("\xc3\x84@d"), "\xc3\x84", "d", "\xc3\x84@d"},
	{TEXT("a@b\xc3\xbc" "cher.example"), "a", "b\xc3\xbc" "cher.example", "a@b\xc3\xbc" "cher.example"},
	{TEXT("\"\x80\xff\"@d"), "\"\x80\xff\"", "d", "\x80\xff@d"},

	{TEXT(""), NULL, NULL, NULL},
	{TEXT("a"), NULL, NULL, NULL},
	{TEXT("@"), NULL, NULL, NULL},
	{TEXT("a@"), NULL, NULL, NULL},
	{TEXT("@d"), NULL, NULL, NULL},
	{TEXT("a@b@d"), NULL, NULL, NULL},
	{TEXT("<a@d>"), NULL, NULL, NULL},
	{TEXT("a@d>"), NULL, NULL, NULL},
	{TEXT("@a,@b:c@d"), NULL, NULL, NULL},
	{TEXT("a b@d"), NULL, NULL, NULL},
	{TEXT("a @d"), NULL, NULL, NULL},
	{TEXT(" a@d"), NULL, NULL, NULL},
	{TEXT("a@d "), NULL, NULL, NULL},
	{TEXT("a@d e"), NULL, NULL, NULL},
	{TEXT("a\t@d"), NULL, NULL, NULL},
	{TEXT("a@d\r\n"), NULL, NULL, NULL},
	{TEXT("a\0@d"), NULL, NULL, NULL},
	{TEXT("a@d\0"), NULL, NULL, NULL},
	{TEXT("a\x7f@d"), NULL, NULL, NULL},
	{TEXT("\"a\0\"@d"), NULL, NULL, NULL},
	{TEXT("\"a\n\"@d"), NULL, NULL, NULL},
	{TEXT("\"a\\\n\"@d"), NULL, NULL, NULL},
	{TEXT("\"a\\\0\"@d"), NULL, NULL, NULL},
	{TEXT("\""), NULL, NULL, NULL},
	{TEXT("\"\\"), NULL, NULL, NULL},
	{TEXT("\"a@d"), NULL, NULL, NULL},
	{TEXT("\"@d"), NULL, NULL, NULL},
	{TEXT("\"a\\\"@d"), NULL, NULL, NULL},
	{TEXT("\"a\""), NULL, NULL, NULL},
	{TEXT("\"a\"b@d"), NULL, NULL, NULL},
	{TEXT("\"a\".b@d"), NULL, NULL, NULL},
	{TEXT("a\"b\"@d"), NULL, NULL, NULL},
	{TEXT("a\"@d"), NULL, NULL, NULL},
	{TEXT("a(b)@d"), NULL, NULL, NULL},
	{TEXT("a,b@d"), NULL, NULL, NULL},
	{TEXT("a:b@d"), NULL, NULL, NULL},
	{TEXT("a\\"), NULL, NULL, NULL},
	{TEXT("a\\@d"), NULL, NULL, NULL},	/* the backslash escapes the "@" */
	{TEXT("a\\ b@d"), NULL, NULL, NULL},
	{TEXT("a\\\x01@d"), NULL, NULL, NULL},
	{TEXT("a@\"d\""), NULL, NULL, NULL},
	{TEXT("a@d\\e"), NULL, NULL, NULL},
	{TEXT("a@[]"), NULL, NULL, NULL},
	{TEXT("a@["), NULL, NULL, NULL},
	{TEXT("a@]"), NULL, NULL, NULL},
	{TEXT("a@[1.2.3.4"), NULL, NULL, NULL},
	{TEXT("a@1.2.3.4]"), NULL, NULL, NULL},
	{TEXT("a@[1]]"), NULL, NULL, NULL},
	{TEXT("a@[[1]"), NULL, NULL, NULL},
	{TEXT("a@[1 2]"), NULL, NULL, NULL},
	{TEXT("a@[a@b]"), NULL, NULL, NULL},
	{TEXT("a@d:25"), NULL, NULL, NULL},
};
/* clang-format on */

START_TEST(parse_and_canon)
{
	struct batv_addr a = {.quoted = true};
	char canon[64],
		*text = malloc(addresses[_i].len + !addresses[_i].len); /* of that very size */
	size_t len;

	ck_assert_ptr_nonnull(text);
	memcpy(text, addresses[_i].text, addresses[_i].len);

	if (!addresses[_i].local) {
		ck_assert_int_eq(batv_addr_parse(text, addresses[_i].len, &a), BATV_E_SYNTAX);
		ck_assert(a.quoted && !a.text.p && !a.local.p && !a.domain.p);
		free(text);
		return;
	}
	ck_assert_int_eq(batv_addr_parse(text, addresses[_i].len, &a), BATV_OK);
	ck_assert(batv_span_equal(a.local, batv_span_of(addresses[_i].local)));
	ck_assert(batv_span_equal(a.domain, batv_span_of(addresses[_i].domain)));
	ck_assert_int_eq(a.quoted, addresses[_i].text[0] == '"');
	ck_assert_ptr_eq(a.text.p, text);
	ck_assert_uint_eq(a.text.len, addresses[_i].len);
	ck_assert_int_eq(batv_addr_canon(&a, canon, sizeof canon, &len), BATV_OK);
	ck_assert_str_eq(canon, addresses[_i].canon);
	ck_assert_uint_eq(len, strlen(canon));
	(void)batv_addr_is_ascii(&a);
	free(text);
}
END_TEST

static bool same(const char *one, const char *other)
{
	struct batv_addr a, b;

	ck_assert_int_eq(batv_addr_parse(one, strlen(one), &a), BATV_OK);
	ck_assert_int_eq(batv_addr_parse(other, strlen(other), &b), BATV_OK);
	return batv_addr_same(&a, &b) && batv_addr_same(&b, &a);
}

START_TEST(the_same_however_it_is_written)
{
	ck_assert(same("user@d", "\"us\\er\"@D"));
	ck_assert(!same("user@d", "user@e"));
	ck_assert(!same("user@d", "users@d"));
	ck_assert(!same("user@d", "use@d"));
}
END_TEST

START_TEST(canon_needs_room_for_the_nul)
{
	const char text[] = "\"A\\b\"@D"; /* ab@d */
	struct batv_addr a;

	ck_assert_int_eq(batv_addr_parse(text, sizeof text - 1, &a), BATV_OK);
	for (size_t size = 0; size < 8; size++) {
		char *out = malloc(8);
		size_t len = 42;

		ck_assert_ptr_nonnull(out);
		memset(out, 'X', 8);
		if (size < 5) {
			ck_assert_int_eq(batv_addr_canon(&a, out, size, &len), BATV_E_TOO_LONG);
			ck_assert_mem_eq(out, "XXXXXXXX", 8);
			ck_assert_uint_eq(len, 42);
		} else {
			ck_assert_int_eq(batv_addr_canon(&a, out, size, &len), BATV_OK);
			ck_assert_mem_eq(out, "ab@d\0XXX", 8);
			ck_assert_uint_eq(len, 4);
		}
		free(out);
	}
}
END_TEST

START_TEST(canon_of_a_plain_address_needs_room_too)
{
	static const char *const texts[] = {"abcdefghij@ddd", "abc@dddddddddd"};
	struct batv_addr a;
	size_t len;

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(batv_addr_parse(texts[i], strlen(texts[i]), &a), BATV_OK);
		for (size_t size = 0; size <= 15; size++) {
			char *out = malloc(size + !size);

			ck_assert_ptr_nonnull(out);
			ck_assert_int_eq(batv_addr_canon(&a, out, size, &len),
					 size < 15 ? BATV_E_TOO_LONG : BATV_OK);
			free(out);
		}
	}
}
END_TEST

START_TEST(length_limit)
{
	char text[BATV_ADDR_INPUT_MAX + 1];
	struct batv_addr a;

	memset(text, 'a', sizeof text);
	text[1] = '@';
	ck_assert_int_eq(batv_addr_parse(text, BATV_ADDR_INPUT_MAX, &a), BATV_OK);
	ck_assert_int_eq(batv_addr_parse(text, BATV_ADDR_INPUT_MAX + 1, &a), BATV_E_TOO_LONG);
	/* the text is not read: "too long" comes before any other error */
	ck_assert_int_eq(batv_addr_parse(NULL, SIZE_MAX, &a), BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_addr_parse(NULL, 0, &a), BATV_E_SYNTAX);
}
END_TEST

START_TEST(ascii)
{
	static const struct {
		const char *text;
		bool ascii;
	} rows[] = {
		{"a@d", true},     {"~@d", true},          {"\x80@d", false},
		{"a@\xff", false}, {"a@d\xc3\xa4", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct batv_addr a;

		ck_assert_int_eq(batv_addr_parse(rows[i].text, strlen(rows[i].text), &a), BATV_OK);
		ck_assert_int_eq(batv_addr_is_ascii(&a), rows[i].ascii);
	}
}
END_TEST

START_TEST(every_byte_everywhere)
{
	/* controls are allowed nowhere; specials only in quotes or after a backslash */
	for (int i = 0; i < 256; i++) {
		const char word[] = {'a', (char)i, '@', 'd'}, domain[] = {'a', '@', 'd', (char)i};
		const char quoted[] = {'"', (char)i, '"', '@', 'd'};
		const char pair[] = {'"', '\\', (char)i, '"', '@', 'd'};
		const char rfc821[] = {'\\', (char)i, '@', 'd'};
		bool control = i < 32 || i == 127;
		bool special = i == ' ' || (i > 32 && i < 127 && strchr("()<>[]:;@\\,\"", i));
		struct batv_addr a;

		ck_assert_int_eq(batv_addr_parse(word, sizeof word, &a) == BATV_OK,
				 !control && !special);
		ck_assert_int_eq(batv_addr_parse(domain, sizeof domain, &a) == BATV_OK,
				 !control && !special);
		ck_assert_int_eq(batv_addr_parse(quoted, sizeof quoted, &a) == BATV_OK,
				 !control && i != '"' && i != '\\');
		ck_assert_int_eq(batv_addr_parse(pair, sizeof pair, &a) == BATV_OK, !control);
		ck_assert_int_eq(batv_addr_parse(rfc821, sizeof rfc821, &a) == BATV_OK,
				 !control && i != ' ');
	}
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Writes a canonical form as an address again: all in quotes, and every character escaped. */
static size_t requote(const char *canon, size_t len, char *out)
{
	const char *at = memrchr(canon, '@', len);
	size_t n = 0, local = (size_t)(at - canon);

	out[n++] = '"';
	for (size_t i = 0; i < local; i++) {
		out[n++] = '\\';
		out[n++] = canon[i];
	}
	out[n++] = '"';
	memcpy(out + n, at, len - local);
	return n + len - local;
}

START_TEST(canon_of_random_addresses_is_stable)
{
	static const char alphabet[] = "aAzZ0.\"\"\\\\@@=+-[]: \n\x7f\xc3\xa4<prvs";
	uint64_t state = SEED;
	unsigned parsed = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[12], canon[16], again[64], canon2[64];
		size_t len = next_random(&state) % sizeof text, canon_len, canon2_len;
		struct batv_addr a, b;

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[next_random(&state) % (sizeof alphabet - 1)];
		if (len > 4 && round % 2) { /* otherwise too few are addresses */
			text[0] = '"';
			memcpy(text + len - 3, "\"@D", 3);
		}
		if (batv_addr_parse(text, len, &a) != BATV_OK)
			continue;
		parsed++;
		ck_assert_uint_eq(a.local.len + 1 + a.domain.len, len);
		ck_assert_int_eq(a.local.p[a.local.len], '@');
		ck_assert_int_eq(batv_addr_canon(&a, canon, sizeof canon, &canon_len), BATV_OK);
		ck_assert_uint_le(canon_len, len);
		for (size_t i = 0; i < canon_len; i++)
			if (canon[i] >= 'A' && canon[i] <= 'Z')
				ck_abort_msg("not folded: %s", canon);
		ck_assert_int_eq(batv_addr_parse(again, requote(canon, canon_len, again), &b),
				 BATV_OK);
		ck_assert_int_eq(batv_addr_canon(&b, canon2, sizeof canon2, &canon2_len), BATV_OK);
		ck_assert_str_eq(canon, canon2);
	}
	ck_assert_uint_gt(parsed, ROUNDS / 50);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	printf("addr: seed %" PRIu64 "\n", SEED);
	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, parse_and_canon, 0, (int)(sizeof addresses / sizeof addresses[0]));
	tcase_add_test(tc, the_same_however_it_is_written);
	tcase_add_test(tc, canon_needs_room_for_the_nul);
	tcase_add_test(tc, canon_of_a_plain_address_needs_room_too);
	tcase_add_test(tc, length_limit);
	tcase_add_test(tc, ascii);
	tcase_add_test(tc, every_byte_everywhere);
	tcase_add_test(tc, canon_of_random_addresses_is_stable);
	return suite;
}
