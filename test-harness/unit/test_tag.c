/* links: core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_tag.c - tags: known answers (from Exim's ${prvs} and from batv-tools), shapes, lengths,
 * every pair of days, and random round trips.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/days.h"
#include "tag/tag.h"
#include "unit.h"

#define SEED UINT64_C(20261122)
#define ROUNDS 20000
#define DAY(n) ((int64_t)(n)*BATV_DAY)
#define LIFE_DAYS 22 /* two weeks ahead, one day over, one week of retention */

/* For the long loops: each of Check's own assertions writes to a pipe. */
#define EXPECT(condition, ...)                                                                     \
 do {                                                                                              \
  if (!(condition))                                                                                \
   ck_abort_msg(__VA_ARGS__);                                                                      \
 } while (0)

static struct batv_addr parsed(const char *text)
{
	struct batv_addr a = {.quoted = false};

	ck_assert_msg(batv_addr_parse(text, strlen(text), &a) == BATV_OK, "no address: %s", text);
	return a;
}

/* HMAC pads a short key with NULs, so a text padded with NULs is the same key. */
static struct batv_key key_of(const char *text, unsigned number, unsigned day)
{
	struct batv_key key = {
		.number = (uint8_t)number,
		.day = (uint16_t)day,
		.from = INT64_MIN,
		.until = INT64_MAX,
		.destroy = INT64_MAX,
	};

	memcpy(key.text, text, strlen(text));
	return key;
}

static struct batv_legacy_key legacy_of(const char *text)
{
	struct batv_legacy_key key = {.until = INT64_MAX, .len = (uint8_t)strlen(text)};

	memcpy(key.bytes, text, strlen(text));
	return key;
}

/* The worth of an address, in words. */
static const char *worth(const char *text, const struct batv_keyring *ring, int64_t now,
			 const struct batv_key **key)
{
	struct batv_addr a = parsed(text);
	struct batv_tag tag;

	if (!batv_tag_parse(&a, &tag))
		return "bare";
	switch (batv_tag_check(&a, &tag, ring, now, key)) {
	case BATV_TAG_VALID: return "valid";
	case BATV_TAG_EXPIRED: return "expired";
	case BATV_TAG_FORGED: return "forged";
	}
	return "?";
}

/* clang-format off */
static const struct {
	const char *key;
	unsigned number, day;
	enum batv_tag_style style;
	const char *bare, *tagged;
} answers[] = {
	{"secret", 0, 907, BATV_STYLE_PRVS, "user@example.com", "prvs=0907dd3667=user@example.com"},
	{"secret", 0, 907, BATV_STYLE_SUBADDRESS, "user@example.com",
	 "user+prvs=0907dd3667@example.com"},
	{"secret", 3, 907, BATV_STYLE_PRVS, "user@example.com", "prvs=39075bd0fa=user@example.com"},
	{"", 0, 907, BATV_STYLE_PRVS, "user@example.com", "prvs=09077b1e5c=user@example.com"},
	/* the address is folded for the hash, but written as it came */
	{"secret", 0, 907, BATV_STYLE_PRVS, "User@Example.COM", "prvs=0907dd3667=User@Example.COM"},
	{"secret", 0, 907, BATV_STYLE_SUBADDRESS, "USER@example.com",
	 "USER+prvs=0907dd3667@example.com"},
	/* quotes and backslashes are not hashed; the tag goes inside */
	{"secret", 0, 907, BATV_STYLE_PRVS, "\"user\"@example.com",
	 "\"prvs=0907dd3667=user\"@example.com"},
	{"secret", 0, 907, BATV_STYLE_SUBADDRESS, "\"User\"@example.com",
	 "\"User+prvs=0907dd3667\"@example.com"},
	{"secret", 0, 907, BATV_STYLE_PRVS, "\"us\\er\"@example.com",
	 "\"prvs=0907dd3667=us\\er\"@example.com"},
	{"secret", 0, 907, BATV_STYLE_PRVS, "\\user@example.com",
	 "prvs=0907dd3667=\\user@example.com"},
};
/* clang-format on */

START_TEST(known_answers)
{
	const struct batv_key key = key_of(answers[_i].key, answers[_i].number, answers[_i].day);
	struct batv_addr bare = parsed(answers[_i].bare), tagged = parsed(answers[_i].tagged);
	struct batv_keyring ring = {.n_keys = 1, .keys = {key}};
	const struct batv_key *answering = NULL;
	char out[BATV_ADDR_SIZE];
	struct batv_tag tag;

	ck_assert_int_eq(batv_tag_make(&bare, &key, answers[_i].style, out, sizeof out), BATV_OK);
	ck_assert_str_eq(out, answers[_i].tagged);
	ck_assert(!batv_tag_parse(&bare, &tag));
	ck_assert(batv_tag_parse(&tagged, &tag));
	ck_assert_int_eq(tag.style, answers[_i].style);
	ck_assert_uint_eq(tag.number, answers[_i].number);
	ck_assert_uint_eq(tag.day, answers[_i].day);
	ck_assert_int_eq(batv_tag_strip(&tagged, &tag, out, sizeof out), BATV_OK);
	ck_assert_str_eq(out, answers[_i].bare);
	ck_assert_str_eq(worth(answers[_i].tagged, &ring, DAY(20900), &answering), "valid");
	ck_assert_ptr_eq(answering, &ring.keys[0]);
	ck_assert_int_eq(
		batv_tag_bare(answers[_i].tagged, strlen(answers[_i].tagged), out, sizeof out),
		BATV_OK);
	ck_assert_str_eq(out, answers[_i].bare);
}
END_TEST

/* clang-format off */
static const struct {
	const char *address;
	const char *bare;	/* NULL: not a tag's shape */
	enum batv_tag_style style;
	unsigned number, day;
	const char *mac, *inner;
} shapes[] = {
	{"prvs=0907dd3667=u@d", "u@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "u"},
	{"PRVS=0907DD3667=U@D", "U@D", BATV_STYLE_PRVS, 0, 907, "dd3667", "U"},
	{"Prvs=9000abCDef=u@d", "u@d", BATV_STYLE_PRVS, 9, 0, "abcdef", "u"},
	{"u+prvs=1999000000@d", "u@d", BATV_STYLE_SUBADDRESS, 1, 999, "000000", "u"},
	{"U+PRVS=1999FFFFFF@D", "U@D", BATV_STYLE_SUBADDRESS, 1, 999, "ffffff", "U"},
	{"u+list+prvs=1999000000@d", "u+list@d", BATV_STYLE_SUBADDRESS, 1, 999, "000000", "u+list"},
	{"prvs=0907dd3667=a=b@d", "a=b@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "a=b"},
	{"prvs=0907dd3667==@d", "=@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "="},
	{"\"prvs=0907dd3667=a b\"@d", "\"a b\"@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "a b"},
	{"\"prvs=0907dd3667=\\\"\"@d", "\"\\\"\"@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "\\\""},
	{"\"a@b+prvs=0907dd3667\"@d", "\"a@b\"@d", BATV_STYLE_SUBADDRESS, 0, 907, "dd3667", "a@b"},
	{"\"a\\\\+prvs=0907dd3667\"@d", "\"a\\\\\"@d", BATV_STYLE_SUBADDRESS, 0, 907, "dd3667", "a\\\\"},
	{"prvs=0907dd3667=\xc3\xa4@d", "\xc3\xa4@d", BATV_STYLE_PRVS, 0, 907, "dd3667", "\xc3\xa4"},
	/* nested: one at a time, prvs= first */
	{"prvs=1111111111=prvs=2222222222=u@d", "prvs=2222222222=u@d", BATV_STYLE_PRVS, 1, 111,
	 "111111", "prvs=2222222222=u"},
	{"u+prvs=1111111111+prvs=2222222222@d", "u+prvs=1111111111@d", BATV_STYLE_SUBADDRESS, 2, 222,
	 "222222", "u+prvs=1111111111"},
	{"prvs=1111111111=u+prvs=2222222222@d", "u+prvs=2222222222@d", BATV_STYLE_PRVS, 1, 111,
	 "111111", "u+prvs=2222222222"},

	{"u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0907dd3667=@d", NULL, 0, 0, 0, NULL, NULL},
	{"\"prvs=0907dd3667=\"@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},	/* Cisco's */
	{"prvs=907dd3667=us@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=00907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=a907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0a07dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=090add3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0907gd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0907dd366g=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=-907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs-0907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=0907dd3667-u@d", NULL, 0, 0, 0, NULL, NULL},
	{"prvs=u=0907dd3667@d", NULL, 0, 0, 0, NULL, NULL},	/* the older order is not ours */
	{"xprvs=0907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"btv1==0907dd36677==u@d", NULL, 0, 0, 0, NULL, NULL},
	{"msprvs1=0907dd3667=u@d", NULL, 0, 0, 0, NULL, NULL},
	{"+prvs=0907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	{"\"+prvs=0907dd3667\"@d", NULL, 0, 0, 0, NULL, NULL},
	{"u-prvs=0907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	{"u+prvs=0907dd3667x@d", NULL, 0, 0, 0, NULL, NULL},
	{"u+prvs=907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	{"u+prvs=0907dd366@d", NULL, 0, 0, 0, NULL, NULL},
	{"u+prvs=a907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	/* the plus is escaped: a cut there would leave a quote open */
	{"\"a\\+prvs=0907dd3667\"@d", NULL, 0, 0, 0, NULL, NULL},
	{"a\\+prvs=0907dd3667@d", NULL, 0, 0, 0, NULL, NULL},
	{"\"\\prvs=0907dd3667=u\"@d", NULL, 0, 0, 0, NULL, NULL},
	{"u@prvs=0907dd3667=d", NULL, 0, 0, 0, NULL, NULL},
};
/* clang-format on */

START_TEST(shape)
{
	struct batv_addr a = parsed(shapes[_i].address), again;
	struct batv_tag tag = {.day = 4242}; /* unchanged if there is no tag */
	char out[64], hex[7];

	ck_assert_int_eq(batv_tag_parse(&a, &tag), shapes[_i].bare != NULL);
	if (!shapes[_i].bare) {
		ck_assert_uint_eq(tag.day, 4242);
		return;
	}
	ck_assert_int_eq(tag.style, shapes[_i].style);
	ck_assert_uint_eq(tag.number, shapes[_i].number);
	ck_assert_uint_eq(tag.day, shapes[_i].day);
	batv_bytes_to_hex(tag.mac, sizeof tag.mac, hex);
	ck_assert_str_eq(hex, shapes[_i].mac);
	ck_assert(batv_span_equal(tag.inner, batv_span_of(shapes[_i].inner)));
	ck_assert_int_eq(batv_tag_strip(&a, &tag, out, sizeof out), BATV_OK);
	ck_assert_str_eq(out, shapes[_i].bare);
	ck_assert_int_eq(batv_addr_parse(out, strlen(out), &again), BATV_OK);
}
END_TEST

START_TEST(strip_needs_room_for_the_nul)
{
	struct batv_addr a = parsed("\"prvs=0907dd3667=u\"@d"); /* "u"@d */
	struct batv_tag tag;

	ck_assert(batv_tag_parse(&a, &tag));
	for (size_t size = 0; size < 8; size++) {
		char *out = malloc(8);

		ck_assert_ptr_nonnull(out);
		memset(out, 'X', 8);
		ck_assert_int_eq(batv_tag_strip(&a, &tag, out, size),
				 size > 5 ? BATV_OK : BATV_E_TOO_LONG);
		ck_assert_mem_eq(out, size > 5 ? "\"u\"@d\0XX" : "XXXXXXXX", 8);
		free(out);
	}
}
END_TEST

/* local_len times 'l' (quotes count, if quoted), "@", domain_len times 'd' */
static const char *sized(char *out, size_t local_len, size_t domain_len, bool quoted)
{
	memset(out, 'l', local_len);
	if (quoted)
		out[0] = out[local_len - 1] = '"';
	out[local_len] = '@';
	memset(out + local_len + 1, 'd', domain_len);
	out[local_len + 1 + domain_len] = '\0';
	return out;
}

/* clang-format off */
static const struct {
	size_t local_len, domain_len;
	bool quoted, fits;
} lengths[] = {
	{1, 1, false, true},
	{47, 1, false, true},
	{48, 1, false, true},
	{49, 1, false, false},
	{64, 1, false, false},
	{2, 1, true, false},	/* "" */
	{3, 1, true, true},
	{47, 1, true, true},
	{48, 1, true, true},
	{49, 1, true, false},
	/* the path: local + 1 + domain + 16 is at most 254 */
	{1, 235, false, true},
	{1, 236, false, true},
	{1, 237, false, false},
	{48, 188, false, true},
	{48, 189, false, true},
	{48, 190, false, false},
	{48, 190, true, false},
	{48, 189, true, true},
	{1, 254, false, false},
	{49, 190, false, false},
	{500, 500, false, false},
};
/* clang-format on */

START_TEST(length)
{
	static const enum batv_tag_style styles[] = {BATV_STYLE_PRVS, BATV_STYLE_SUBADDRESS};
	const struct batv_key key = key_of("secret", 0, 907);
	const struct batv_keyring ring = {.n_keys = 1, .keys = {key}};
	char text[1100], out[BATV_ADDR_SIZE], bare[BATV_ADDR_SIZE];
	struct batv_addr a = parsed(
		sized(text, lengths[_i].local_len, lengths[_i].domain_len, lengths[_i].quoted));
	struct batv_tag tag;

	ck_assert_int_eq(batv_tag_fits(&a), lengths[_i].fits);
	for (size_t i = 0; i < 2; i++) {
		memset(out, 'X', sizeof out);
		if (!lengths[_i].fits) {
			ck_assert_int_eq(batv_tag_make(&a, &key, styles[i], out, sizeof out),
					 BATV_E_UNSIGNABLE);
			ck_assert_str_eq(out, "");
			continue;
		}
		ck_assert_int_eq(batv_tag_make(&a, &key, styles[i], out, sizeof out), BATV_OK);
		ck_assert_uint_eq(strlen(out), strlen(text) + BATV_TAG_OVERHEAD);
		ck_assert_str_eq(worth(out, &ring, 0, NULL), "valid");
		struct batv_addr signed_addr = parsed(out);
		ck_assert_uint_le(signed_addr.local.len, BATV_LOCAL_MAX);
		ck_assert_uint_le(signed_addr.text.len, BATV_PATH_MAX);
		ck_assert(batv_tag_parse(&signed_addr, &tag));
		ck_assert_int_eq(batv_tag_strip(&signed_addr, &tag, bare, sizeof bare), BATV_OK);
		ck_assert_str_eq(bare, text);
	}
}
END_TEST

START_TEST(bytes_above_127_are_unsignable)
{
	static const char *const texts[] = {
		"\xc3\xa4@d", "a@b\xc3\xbcx", "\"\xc3\xa4\"@d", "a\x80@d", "a@d\xff",
	};
	const struct batv_key key = key_of("secret", 0, 907);
	char out[BATV_ADDR_SIZE];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct batv_addr a = parsed(texts[i]);

		ck_assert(!batv_tag_fits(&a));
		ck_assert_int_eq(batv_tag_make(&a, &key, BATV_STYLE_PRVS, out, sizeof out),
				 BATV_E_UNSIGNABLE);
	}
}
END_TEST

START_TEST(make_into_a_small_buffer)
{
	const struct batv_key key = key_of("secret", 0, 907);
	const struct batv_addr a = parsed("u@d");
	const size_t need = sizeof "prvs=0907xxxxxx=u@d";

	for (size_t size = 0; size <= need; size++) {
		char *out = malloc(need + 1);

		ck_assert_ptr_nonnull(out);
		memset(out, 'X', need + 1);
		ck_assert_int_eq(batv_tag_make(&a, &key, BATV_STYLE_PRVS, out, size),
				 size < need ? BATV_E_TOO_LONG : BATV_OK);
		ck_assert_int_eq(out[size], 'X');
		ck_assert(size == 0 || size == need || out[0] == '\0');
		free(out);
	}
}
END_TEST

START_TEST(what_a_tag_is_worth_and_who_answers)
{
	const struct batv_keyring ring = {
		.n_keys = 4,
		.keys =
			{
				key_of("first", 1, 907),
				key_of("second", 1, 907),
				key_of("third", 2, 907),
				key_of("fourth", 1, 908),
			},
	};
	const struct batv_addr bare = parsed("Alice@Example.org");
	char text[BATV_ADDR_SIZE];

	for (size_t i = 0; i < ring.n_keys; i++) { /* two of them share number and day */
		const struct batv_key *key = NULL;

		ck_assert_int_eq(
			batv_tag_make(&bare, &ring.keys[i], BATV_STYLE_PRVS, text, sizeof text),
			BATV_OK);
		ck_assert_str_eq(worth(text, &ring, DAY(20900), &key), "valid");
		ck_assert_ptr_eq(key, &ring.keys[i]);
		for (char *c = text; *c; c++) /* a machine that shouts */
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
		ck_assert_str_eq(worth(text, &ring, DAY(20900), NULL), "valid");
	}
}
END_TEST

START_TEST(number_and_day_are_the_key_s_own)
{
	/* right MACs, but over a number and day that the key does not have */
	const struct batv_keyring ring = {.n_keys = 1, .keys = {key_of("secret", 0, 907)}};
	const struct batv_key other[] = {key_of("secret", 1, 907), key_of("secret", 0, 908)};
	const struct batv_addr bare = parsed("user@example.com");
	char text[BATV_ADDR_SIZE];

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(
			batv_tag_make(&bare, &other[i], BATV_STYLE_PRVS, text, sizeof text),
			BATV_OK);
		ck_assert_str_eq(worth(text, &ring, DAY(20900), NULL), "forged");
	}
}
END_TEST

START_TEST(any_change_is_forged)
{
	const struct batv_keyring ring = {.n_keys = 1, .keys = {key_of("secret", 0, 907)}};
	const char good[] = "prvs=0907dd3667=user@example.com";
	unsigned asked = 0;

	/* KDDD included: no other key is there, and day 907 is today */
	for (size_t i = strlen("prvs="); i < sizeof good - 1; i++)
		for (const char *c = "0123456789abcdef"; *c; c++) {
			const struct batv_key *key = &ring.keys[0];
			char text[sizeof good];

			memcpy(text, good, sizeof good);
			if (text[i] == *c || text[i] == '=' || text[i] == '@')
				continue;
			text[i] = *c;
			const char *got = worth(text, &ring, DAY(907), &key);
			ck_assert_msg(strcmp(got, "valid") != 0, "%s: %s", text, got);
			if (strcmp(got, "bare") == 0)
				continue;
			asked++;
			ck_assert_ptr_null(key);
		}
	ck_assert_uint_gt(asked, 300);
	ck_assert_str_eq(worth("prvs=0907dd3668=user@example.com", &ring, DAY(907), NULL),
			 "forged");
	ck_assert_str_eq(worth("prvs=0907dd3667=user@example.net", &ring, DAY(900), NULL),
			 "forged");
	ck_assert_str_eq(worth("prvs=0907dd3667=usr@example.com", &ring, DAY(900), NULL), "forged");
}
END_TEST

START_TEST(the_hour_of_destruction)
{
	struct batv_keyring ring = {.n_keys = 1, .keys = {key_of("secret", 0, 907)}};
	const char text[] = "prvs=0907dd3667=user@example.com";
	const struct batv_key *key = &ring.keys[0];

	/* not at midnight, as with a rotation of 36 hours */
	ring.keys[0].destroy = DAY(20907) + 3600;
	ck_assert_str_eq(worth(text, &ring, DAY(20907) + 3599, NULL), "valid");
	ck_assert_str_eq(worth(text, &ring, DAY(20907) + 3600, &key), "expired");
	ck_assert_ptr_null(key);
	ck_assert_str_eq(worth(text, &ring, DAY(20908), NULL), "expired");
	ck_assert_str_eq(worth(text, &ring, DAY(20907 + 499), NULL), "expired");
	ck_assert_str_eq(worth(text, &ring, DAY(20907 + 500), NULL), "forged");
	ck_assert_str_ne(worth(text, &ring, INT64_MAX, NULL), "valid");
	ring.n_keys = 0; /* the daemon has removed it */
	ck_assert_str_eq(worth(text, &ring, DAY(20907) + 3600, NULL), "expired");
	ck_assert_str_eq(worth(text, &ring, DAY(20907 - 1), NULL), "forged");
	ck_assert_str_eq(worth(text, &ring, DAY(20907 - 500), NULL), "forged");
	ck_assert_str_eq(worth(text, &ring, DAY(20907 - 501), NULL), "expired");
	/* a clock before 1970 counts days downwards: -93 is day 907 */
	ck_assert_str_eq(worth(text, &ring, DAY(-93), NULL), "expired");
	ck_assert_str_eq(worth(text, &ring, DAY(-93) - 1, NULL), "forged");
	ck_assert_str_ne(worth(text, &ring, INT64_MIN, NULL), "valid"); /* no overflow */
}
END_TEST

/* A tag of each day of a thousand, and the pieces to check it. */
static char day_text[1000][BATV_ADDR_SIZE];
static struct batv_addr day_addr[1000];
static struct batv_tag day_tag[1000];

static void make_all_days(const char *key_text)
{
	const struct batv_addr bare = parsed("user@example.com");

	for (unsigned day = 0; day < 1000; day++) {
		const struct batv_key key = key_of(key_text, 4, day);

		ck_assert_int_eq(batv_tag_make(&bare, &key, BATV_STYLE_PRVS, day_text[day],
					       sizeof day_text[day]),
				 BATV_OK);
		day_addr[day] = parsed(day_text[day]);
		ck_assert(batv_tag_parse(&day_addr[day], &day_tag[day]));
	}
}

START_TEST(all_days_by_all_days)
{
	/* A key that dies on day D is published LIFE_DAYS before; `forgotten` is a state that
	 * nobody renews, which holds it for ever.  From its publication on, 1000 todays. */
	struct batv_keyring forgotten = {.n_keys = 1};
	const struct batv_keyring empty = {.n_keys = 0};
	const int64_t cycle = 20000; /* a multiple of 1000 */
	unsigned valid = 0;

	make_all_days("secret");
	for (int day = 0; day < 1000; day++) {
		forgotten.keys[0] = key_of("secret", 4, (unsigned)day);
		forgotten.keys[0].destroy = DAY(cycle + day);
		for (int age = -LIFE_DAYS; age < 1000 - LIFE_DAYS; age++) {
			int64_t now = DAY(cycle + day + age) + (day * 86 + age) % BATV_DAY;
			const struct batv_addr *a = &day_addr[day];
			enum batv_tag_worth dead = BATV_TAG_FORGED, want;

			now = now < DAY(cycle + day + age) ? DAY(cycle + day + age) : now;
			if (age >= 0 && age <= 499)
				dead = BATV_TAG_EXPIRED;
			want = age < 0 ? BATV_TAG_VALID : dead;
			enum batv_tag_worth got =
				batv_tag_check(a, &day_tag[day], &forgotten, now, NULL);
			EXPECT(got == want, "tag %d age %d: %d", day, age, got);
			got = batv_tag_check(a, &day_tag[day], &empty, now, NULL);
			EXPECT(got == dead, "tag %d age %d, no key: %d", day, age, got);
			valid += want == BATV_TAG_VALID;
		}
	}
	ck_assert_uint_eq(valid, 1000 * LIFE_DAYS);
}
END_TEST

START_TEST(a_thousand_days_later)
{
	/* the same digits under another key of the same number: nothing comes back */
	struct batv_keyring ring = {.n_keys = 1};

	make_all_days("secret");
	for (unsigned day = 0; day < 1000; day++) {
		ring.keys[0] = key_of("another", 4, day);
		ring.keys[0].destroy = DAY(21000 + (int)day);
		for (int age = 1; age <= LIFE_DAYS; age++) {
			int64_t now = DAY(21000 + (int)day - age);

			ck_assert_int_eq(
				batv_tag_check(&day_addr[day], &day_tag[day], &ring, now, NULL),
				BATV_TAG_FORGED);
		}
	}
}
END_TEST

START_TEST(legacy_all_days_by_all_days)
{
	struct batv_keyring ring = {.n_legacy = 1, .legacy = {legacy_of("secret")}};
	struct batv_keyring wrong = {.n_legacy = 1, .legacy = {legacy_of("Secret")}};
	unsigned valid = 0;

	make_all_days("secret");
	for (int day = 0; day < 1000; day++)
		for (int today = 0; today < 1000; today++) {
			int ahead = (day - today + 1000) % 1000;
			int64_t now = DAY(20000 + today) + (today % 2 ? BATV_DAY - 1 : 0);
			enum batv_tag_worth other = BATV_TAG_FORGED, got;

			if (ahead >= 501)
				other = BATV_TAG_EXPIRED;
			got = batv_tag_check(&day_addr[day], &day_tag[day], &ring, now, NULL);
			EXPECT(got == (ahead <= 7 ? BATV_TAG_VALID : other), "tag %d today %d: %d",
			       day, today, got);
			got = batv_tag_check(&day_addr[day], &day_tag[day], &wrong, now, NULL);
			EXPECT(got == other, "wrong key, tag %d today %d: %d", day, today, got);
			valid += ahead <= 7;
		}
	ck_assert_uint_eq(valid, 8000);
}
END_TEST

/* clang-format off */
static const struct {
	const char *address;
	int64_t now;
	const char *want;
} legacies[] = {
	/* known answers of Exim and batv-tools, key "secret", signed on day 20900 */
	{"prvs=0907dd3667=user@example.com", DAY(20900), "valid"},
	{"user+prvs=0907dd3667@example.com", DAY(20900), "valid"},
	{"prvs=39075bd0fa=user@example.com", DAY(20900), "valid"},	/* any K */
	{"prvs=09071f849a=User@Example.COM", DAY(20900), "valid"},	/* hashed as it was written */
	{"prvs=0907dd3667=User@EXAMPLE.com", DAY(20900), "valid"},	/* case changed in transit */
	{"PRVS=0907DD3667=USER@EXAMPLE.COM", DAY(20900), "valid"},
	{"\"prvs=0907dd3667=user\"@example.com", DAY(20900), "valid"},
	{"prvs=09071f849a=user@example.com", DAY(20900), "forged"},
	{"prvs=0907dd3667=user@example.com", DAY(20900) - 1, "forged"},
	{"prvs=0907dd3667=user@example.com", DAY(20908) - 1, "valid"},
	{"prvs=0907dd3667=user@example.com", DAY(20908), "expired"},
	{"prvs=0907dd3667=user@example.com", DAY(20920), "expired"},	/* the key's own end */
	{"prvs=1907dd3667=user@example.com", DAY(20907), "forged"},
};
/* clang-format on */

START_TEST(legacy_keys)
{
	struct batv_keyring ring = {
		.n_keys = 1,
		.keys = {key_of("current", 0, 907)},
		.n_legacy = 2,
		.legacy = {legacy_of("other"), legacy_of("secret")},
	};
	const struct batv_key *key = &ring.keys[0];

	ring.keys[0].destroy = DAY(20900) - 1;
	ck_assert_str_eq(worth(legacies[_i].address, &ring, legacies[_i].now, &key),
			 legacies[_i].want);
	ck_assert_ptr_null(key);
	/* a legacy key is ignored from its date on */
	ring.legacy[1].until = legacies[_i].now;
	ck_assert_str_ne(worth(legacies[_i].address, &ring, legacies[_i].now, NULL), "valid");
	ring.legacy[1].until = legacies[_i].now + 1;
	ck_assert_str_eq(worth(legacies[_i].address, &ring, legacies[_i].now, NULL),
			 legacies[_i].want);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t random_address(uint64_t *state, char *out)
{
	static const char alphabet[] = "abzABZ019.=+-_!\\\"@ \xc3";
	size_t len = 0, local = next_random(state) % 52, domain = 1 + next_random(state) % 20;
	bool quoted = next_random(state) % 2;

	if (quoted)
		out[len++] = '"';
	for (size_t i = 0; i < local; i++)
		out[len++] = alphabet[next_random(state) % (quoted ? 20 : 14)];
	if (quoted)
		out[len++] = '"';
	out[len++] = '@';
	for (size_t i = 0; i < domain; i++)
		out[len++] = alphabet[next_random(state) % 10];
	out[len] = '\0';
	return len;
}

START_TEST(random_round_trips)
{
	uint64_t state = SEED;
	unsigned made = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct batv_keyring ring = {.n_keys = 1};
		struct batv_key *key = &ring.keys[0];
		char text[128], tagged[BATV_ADDR_SIZE], back[BATV_ADDR_SIZE];
		struct batv_addr a, b;
		struct batv_tag tag;

		if (batv_addr_parse(text, random_address(&state, text), &a) != BATV_OK)
			continue;
		key->number = (uint8_t)(next_random(&state) % 10);
		key->day = (uint16_t)(next_random(&state) % 1000);
		key->destroy = DAY(20000 + key->day);
		for (size_t i = 0; i < sizeof key->text; i++)
			key->text[i] = (char)next_random(&state);
		if (batv_tag_make(&a, key, round % 2 ? BATV_STYLE_PRVS : BATV_STYLE_SUBADDRESS,
				  tagged, sizeof tagged) != BATV_OK) {
			ck_assert(!batv_tag_fits(&a));
			continue;
		}
		made++;
		ck_assert_int_eq(batv_addr_parse(tagged, strlen(tagged), &b), BATV_OK);
		ck_assert(batv_tag_parse(&b, &tag));
		ck_assert_int_eq(batv_tag_strip(&b, &tag, back, sizeof back), BATV_OK);
		ck_assert_str_eq(back, text);
		ck_assert_int_eq(batv_tag_check(&b, &tag, &ring, key->destroy - 1, NULL),
				 BATV_TAG_VALID);
		ck_assert_int_eq(batv_tag_check(&b, &tag, &ring, key->destroy, NULL),
				 BATV_TAG_EXPIRED);
		key->text[next_random(&state) % sizeof key->text] ^= 1;
		ck_assert_int_eq(batv_tag_check(&b, &tag, &ring, key->destroy - 1, NULL),
				 BATV_TAG_FORGED);
	}
	ck_assert_uint_gt(made, ROUNDS / 4);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
 tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

Suite *unit_suite(void)
{
	Suite *suite = suite_create("tag");
	TCase *tc = tcase_create("tag");

	printf("tag: seed %" PRIu64 "\n", SEED);
	suite_add_tcase(suite, tc);
	LOOP(tc, known_answers, answers);
	LOOP(tc, shape, shapes);
	tcase_add_test(tc, strip_needs_room_for_the_nul);
	LOOP(tc, length, lengths);
	tcase_add_test(tc, bytes_above_127_are_unsignable);
	tcase_add_test(tc, make_into_a_small_buffer);
	tcase_add_test(tc, what_a_tag_is_worth_and_who_answers);
	tcase_add_test(tc, number_and_day_are_the_key_s_own);
	tcase_add_test(tc, any_change_is_forged);
	tcase_add_test(tc, the_hour_of_destruction);
	tcase_add_test(tc, all_days_by_all_days);
	tcase_add_test(tc, a_thousand_days_later);
	tcase_add_test(tc, legacy_all_days_by_all_days);
	LOOP(tc, legacy_keys, legacies);
	tcase_add_test(tc, random_round_trips);
	return suite;
}
