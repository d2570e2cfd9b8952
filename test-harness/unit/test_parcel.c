/* links: fleet/parcel fleet/payload admin/hkdf core/base/span */
/*
 * test_parcel.c - parcels against the test vectors of docs/formats.md, and against changed bytes,
 * other keys and wrong lengths.  Run from the top of the tree.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hkdf.h"
#include "payload.h"
#include "unit.h"

#define COLUMNS 12
#define VECTORS_MIN 6
#define HOST UINT64_C(0x0123456789abcdef)

static const uint8_t fleet[BATV_PARCEL_KEY_LEN] = "a key of thirty-two bytes, quite";
static struct batv_parcel_sealer sealer;

static void setup(void)
{
	ck_assert(batv_parcel_start(&sealer, fleet));
}

static void teardown(void)
{
	batv_parcel_end(&sealer);
}

static struct batv_parcel example(void)
{
	return (struct batv_parcel){
		.host = HOST,
		.position = batv_parcel_position(7, 99),
		.kind = BATV_PARCEL_ITEMS,
		.day = 20785,
		.count = 2,
		.until = INT64_C(1795824000123),
		.floor = batv_parcel_position(6, 1),
	};
}

static bool same(const struct batv_parcel *a, const struct batv_parcel *b)
{
	return a->host == b->host && a->position == b->position && a->kind == b->kind &&
	       a->day == b->day && a->count == b->count && a->until == b->until &&
	       a->floor == b->floor;
}

static const char text[] = "forty-two bytes of payload, of two items..";
static const struct batv_span payload = {text, sizeof text - 1};

static size_t seal_example(uint8_t *out)
{
	const struct batv_parcel p = example();
	const size_t len = batv_parcel_seal(&sealer, &p, payload, out);

	ck_assert_uint_eq(len, BATV_PARCEL_OVERHEAD + payload.len);
	return len;
}

static enum batv_parcel_answer open_copy(struct batv_parcel_sealer *with, const uint8_t *bytes,
					 size_t len)
{
	static uint8_t copy[2 * BATV_PARCEL_SIZE_MAX];
	struct batv_parcel p;
	struct batv_span inside;

	memcpy(copy, bytes, len);
	return batv_parcel_open(with, copy, len, &p, &inside);
}

/* ---- the table ---- */

struct row {
	char text[4096];
	struct batv_span cell[COLUMNS];
};

/* | `a` | `b` | ... |, where an empty cell has no quotes: false for any other line. */
static bool split(struct row *row)
{
	char *p = row->text;

	for (size_t i = 0; i < COLUMNS; i++) {
		char *end = strncmp(p, "| ", 2) == 0 ? strstr(p + 2, " |") : NULL;

		if (!end && strncmp(p, "|  |", 4) == 0)
			end = p + 2;
		if (!end)
			return false;
		row->cell[i] = batv_span_between(p + 2, end);
		if (row->cell[i].len > 2 && row->cell[i].p[0] == '`')
			row->cell[i] = batv_span_between(p + 3, end - 1);
		p = end + 1;
	}
	return strcmp(p, "|\n") == 0 && row->cell[0].len == 64;
}

static uint64_t number(struct batv_span cell)
{
	uint64_t n;

	ck_assert(batv_span_to_u64(cell, &n));
	return n;
}

static size_t bytes_of(struct batv_span cell, uint8_t *out)
{
	ck_assert(cell.len == 0 || batv_span_to_bytes(cell, out, cell.len / 2));
	return cell.len / 2;
}

static struct batv_parcel parcel_of(const struct row *row)
{
	uint8_t host[8];
	struct batv_parcel p = {0};

	ck_assert_uint_eq(bytes_of(row->cell[2], host), sizeof host);
	for (size_t i = 0; i < sizeof host; i++)
		p.host = p.host << 8 | host[i];
	p.position = batv_parcel_position((uint32_t)number(row->cell[3]), number(row->cell[4]));
	p.kind = (uint8_t)number(row->cell[5]);
	p.day = (uint16_t)number(row->cell[6]);
	p.count = (uint16_t)number(row->cell[7]);
	p.until = (int64_t)number(row->cell[8]);
	p.floor = number(row->cell[9]);
	return p;
}

static void check_row(const struct row *row)
{
	static struct batv_parcel_sealer its;
	uint8_t memory_key[32], key[32], want_key[32], content[256], want[512], made[512];
	const struct batv_parcel p = parcel_of(row);
	struct batv_span inside = {(char *)content, bytes_of(row->cell[10], content)};
	const size_t len = bytes_of(row->cell[11], want);
	struct batv_parcel got;

	bytes_of(row->cell[0], memory_key);
	bytes_of(row->cell[1], want_key);
	ck_assert(batv_hkdf_fleet(memory_key, key));
	ck_assert_mem_eq(key, want_key, sizeof key);
	ck_assert(batv_parcel_start(&its, key));
	ck_assert(batv_payload_fits(&p, inside));
	ck_assert_uint_eq(batv_parcel_seal(&its, &p, inside, made), len);
	ck_assert_mem_eq(made, want, len);
	ck_assert_int_eq(batv_parcel_open(&its, want, len, &got, &inside), BATV_PARCEL_OPEN);
	ck_assert(same(&got, &p));
	ck_assert_uint_eq(inside.len, row->cell[10].len / 2);
	ck_assert(inside.len == 0 || memcmp(inside.p, content, inside.len) == 0);
	batv_parcel_end(&its);
}

START_TEST(agrees_with_the_test_vectors)
{
	static struct row row;
	FILE *f = fopen("docs/formats.md", "r");
	size_t rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(row.text, sizeof row.text, f))
		if (split(&row)) {
			check_row(&row);
			rows++;
		}
	fclose(f);
	ck_assert_uint_ge(rows, VECTORS_MIN);
}
END_TEST

START_TEST(the_table_is_that_of_the_other_implementation)
{
	ck_assert_int_eq(system("test-harness/tools/parcels.py --check"), 0);
}
END_TEST

/* ---- sealing and opening ---- */

START_TEST(opens_what_it_sealed)
{
	static const size_t lengths[] = {0, 1, 15, 16, 17, 63000, BATV_PARCEL_PAYLOAD_MAX};
	static uint8_t out[BATV_PARCEL_SIZE_MAX], content[BATV_PARCEL_PAYLOAD_MAX];
	const struct batv_parcel p = example();

	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct batv_span inside = {(char *)content, lengths[i]};
		struct batv_parcel got;
		const size_t len = batv_parcel_seal(&sealer, &p, inside, out);

		ck_assert_uint_eq(len, BATV_PARCEL_OVERHEAD + lengths[i]);
		ck_assert_int_eq(batv_parcel_open(&sealer, out, len, &got, &inside),
				 BATV_PARCEL_OPEN);
		ck_assert(same(&got, &p));
		ck_assert_uint_eq(inside.len, lengths[i]);
		ck_assert(memcmp(inside.p, content, inside.len) == 0);
	}
}
END_TEST

START_TEST(any_changed_bit_shuts_it)
{
	uint8_t out[256];
	const size_t len = seal_example(out);

	ck_assert_int_eq(open_copy(&sealer, out, len), BATV_PARCEL_OPEN);
	for (size_t i = 0; i < 8 * len; i++) {
		enum batv_parcel_answer answer;

		out[i / 8] ^= (uint8_t)(1u << i % 8);
		answer = open_copy(&sealer, out, len);
		ck_assert_int_ne(answer, BATV_PARCEL_OPEN);
		if (i / 8 >= 32 && i / 8 < 37) /* day, count, kind are authenticated */
			ck_assert_int_eq(answer, BATV_PARCEL_FORGED);
		out[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	ck_assert_int_eq(open_copy(&sealer, out, len), BATV_PARCEL_OPEN);
}
END_TEST

START_TEST(any_other_length_shuts_it)
{
	uint8_t out[512] = {0};
	const size_t len = seal_example(out);

	for (size_t n = 0; n <= sizeof out; n++)
		ck_assert(n == len || open_copy(&sealer, out, n) != BATV_PARCEL_OPEN);
	ck_assert_int_eq(open_copy(&sealer, out, BATV_PARCEL_OVERHEAD - 1), BATV_PARCEL_NOT_ONE);
	ck_assert_int_eq(open_copy(&sealer, out, len - 1), BATV_PARCEL_SHAPE);
	ck_assert_int_eq(open_copy(&sealer, out, len + 1), BATV_PARCEL_SHAPE);
}
END_TEST

/* One that says of itself that it is longer than any may be. */
START_TEST(one_that_is_too_long_is_refused)
{
	static uint8_t out[BATV_PARCEL_SIZE_MAX + 1];
	const uint32_t inner = BATV_PARCEL_PAYLOAD_MAX + 16 + 1;

	seal_example(out);
	for (size_t i = 0; i < 4; i++)
		out[28 + i] = (uint8_t)(inner >> (8 * i));
	ck_assert_int_eq(open_copy(&sealer, out, sizeof out), BATV_PARCEL_SHAPE);
}
END_TEST

START_TEST(what_is_wrong_has_a_name)
{
	static struct batv_parcel_sealer other;
	uint8_t out[256], key[32];
	const size_t len = seal_example(out);

	memcpy(key, fleet, sizeof key);
	key[31] ^= 1;
	ck_assert(batv_parcel_start(&other, key));
	ck_assert_int_eq(open_copy(&other, out, len), BATV_PARCEL_FOREIGN);
	memcpy(&out[4], &other.check, 4); /* it lies about the key */
	ck_assert_int_eq(open_copy(&other, out, len), BATV_PARCEL_FORGED);
	batv_parcel_end(&other);
	seal_example(out);
	out[3] = 2;
	ck_assert_int_eq(open_copy(&sealer, out, len), BATV_PARCEL_NEWER);
	out[0] = 'b';
	ck_assert_int_eq(open_copy(&sealer, out, len), BATV_PARCEL_NOT_ONE);
	for (int a = BATV_PARCEL_OPEN; a <= BATV_PARCEL_FORGED; a++)
		ck_assert_str_ne(batv_parcel_say((enum batv_parcel_answer)a), "unknown");
}
END_TEST

/* The same number of another host or start has another key: nothing can be exchanged. */
START_TEST(a_parcel_of_another_start_is_another)
{
	struct batv_parcel p = example();
	uint8_t a[256], b[256];
	size_t len = seal_example(a);

	p.position = batv_parcel_position(8, 99);
	ck_assert_uint_eq(batv_parcel_seal(&sealer, &p, payload, b), len);
	ck_assert_int_ne(memcmp(a + 40, b + 40, len - 40), 0);
	b[24] = 7;
	ck_assert_int_eq(open_copy(&sealer, b, len), BATV_PARCEL_FORGED);
	p = example();
	p.host ^= 1;
	ck_assert_uint_eq(batv_parcel_seal(&sealer, &p, payload, b), len);
	b[8] ^= 1;
	ck_assert_int_eq(open_copy(&sealer, b, len), BATV_PARCEL_FORGED);
}
END_TEST

static void refuses(struct batv_parcel p, size_t payload_len)
{
	static uint8_t out[BATV_PARCEL_SIZE_MAX + 16], content[BATV_PARCEL_PAYLOAD_MAX + 1];

	ck_assert_uint_eq(batv_parcel_seal(&sealer, &p,
					   (struct batv_span){(char *)content, payload_len}, out),
			  0);
}

START_TEST(seals_nothing_beyond_the_limits)
{
	struct batv_parcel p = example();

	refuses(p, BATV_PARCEL_PAYLOAD_MAX + 1);
	p.host = 0;
	refuses(p, 0);
	p = example();
	p.position = batv_parcel_position(7, 0);
	refuses(p, 0);
	p.position = batv_parcel_position(7, BATV_PARCEL_SEQUENCE_MAX + 1);
	refuses(p, 0);
	p.position = batv_parcel_position(0, 99);
	p.floor = 0;
	refuses(p, 0);
	p = example();
	p.until = -1;
	refuses(p, 0);
	p = example();
	p.floor = p.position + 1;
	refuses(p, 0);
}
END_TEST

START_TEST(says_whose_it_is_without_a_key)
{
	uint8_t out[256];
	const size_t len = seal_example(out);
	uint64_t host = 0, position = 0;

	ck_assert(batv_parcel_claims(out, len, &host, &position));
	ck_assert_uint_eq(host, HOST);
	ck_assert_uint_eq(position, batv_parcel_position(7, 99));
	ck_assert(!batv_parcel_claims(out, BATV_PARCEL_CLEAR_LEN - 1, &host, &position));
	out[0]++;
	ck_assert(!batv_parcel_claims(out, len, &host, &position));
}
END_TEST

/* Hosts that share a place in the table of keys. */
START_TEST(more_hosts_than_keys_are_kept)
{
	static uint8_t out[3 * BATV_PARCEL_KEYS][BATV_PARCEL_OVERHEAD];
	struct batv_parcel p = example();

	p.kind = BATV_PARCEL_BEAT;
	p.count = 0;
	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
		p.host = i + 1;
		ck_assert_uint_eq(batv_parcel_seal(&sealer, &p, (struct batv_span){0}, out[i]),
				  sizeof out[i]);
	}
	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
		ck_assert_int_eq(open_copy(&sealer, out[i], sizeof out[i]), BATV_PARCEL_OPEN);
}
END_TEST

START_TEST(wipes_its_keys)
{
	static struct batv_parcel_sealer zero;
	uint8_t out[256];

	seal_example(out);
	ck_assert_mem_eq(sealer.fleet, fleet, sizeof fleet);
	batv_parcel_end(&sealer);
	ck_assert_mem_eq(&sealer, &zero, sizeof sealer);
}
END_TEST

/* The key of the fleet never shows in a parcel, nor does the payload. */
START_TEST(shows_nothing)
{
	uint8_t out[256];
	const size_t len = seal_example(out);

	for (size_t i = 0; i + 8 <= sizeof fleet; i++)
		ck_assert_ptr_null(memmem(out, len, fleet + i, 8));
	ck_assert_ptr_null(memmem(out, len, text, 8));
}
END_TEST

START_TEST(keys_are_for_one_thing)
{
	uint8_t a[32], b[32];
	char info[BATV_HKDF_INFO_MAX + 1] = "";

	ck_assert(batv_hkdf(fleet, (struct batv_span){info, BATV_HKDF_INFO_MAX}, a));
	ck_assert(batv_hkdf(fleet, (struct batv_span){info, 0}, b));
	ck_assert_mem_ne(a, b, sizeof a);
	ck_assert(!batv_hkdf(fleet, (struct batv_span){info, sizeof info}, a));
	memset(b, 0, sizeof b);
	ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

/* ---- what is inside ---- */

/* Does a payload of this length fit, and none of a byte more or less? */
static void only_fits(uint8_t kind, uint16_t count, size_t len)
{
	static const char content[BATV_PARCEL_PAYLOAD_MAX + 1];
	struct batv_parcel p = example();

	p.kind = kind;
	p.count = count;
	ck_assert(batv_payload_fits(&p, (struct batv_span){content, len}));
	ck_assert(!batv_payload_fits(&p, (struct batv_span){content, len + 1}));
	ck_assert(len == 0 || !batv_payload_fits(&p, (struct batv_span){content, len - 1}));
	p.count++;
	ck_assert(!batv_payload_fits(&p, (struct batv_span){content, len}));
}

START_TEST(a_payload_is_what_its_kind_says)
{
	struct batv_parcel p = example();

	only_fits(BATV_PARCEL_ITEMS, 1, 21);
	only_fits(BATV_PARCEL_ITEMS, 3000, 63000);
	only_fits(BATV_PARCEL_ASK, 200, 4800);
	only_fits(BATV_PARCEL_MEMBERS, 0, 8);
	only_fits(BATV_PARCEL_MEMBERS, 1024, 25608);
	only_fits(BATV_PARCEL_BEAT, 0, 0);
	only_fits(BATV_PARCEL_LEAVE, 0, 0);
	only_fits(BATV_PARCEL_FORGET, 0, 32);
	only_fits(BATV_PARCEL_AGAIN, 0, 24);
	p.count = 3001;
	ck_assert(!batv_payload_fits(&p, (struct batv_span){text, 63021}));
	p.kind = BATV_PARCEL_ASK;
	p.count = 201;
	ck_assert(!batv_payload_fits(&p, (struct batv_span){text, 4824}));
	p.kind = 200; /* of a newer version */
	ck_assert(batv_payload_fits(&p, payload));
}
END_TEST

START_TEST(payloads_come_back)
{
	uint8_t out[64], kind;
	const struct batv_span in = {(char *)out, sizeof out};
	const struct batv_payload_ask ask = {HOST, 5, UINT64_MAX};
	const struct batv_payload_again again = {9, 1, 8};
	const struct batv_payload_member member = {HOST, 7, INT64_MAX, 4};
	const struct batv_payload_forget forget = {HOST, 7, 6, 5};
	struct batv_payload_ask a;
	struct batv_payload_again g;
	struct batv_payload_member m;
	struct batv_payload_forget f;

	batv_payload_put_item(out + 21, 2, (const uint8_t *)"twenty bytes of name");
	ck_assert_mem_eq(batv_payload_item(in, 1, &kind), "twenty bytes of name", 20);
	ck_assert_uint_eq(kind, 2);
	batv_payload_put_ask(out + 24, &ask);
	a = batv_payload_ask(in, 1);
	ck_assert(a.host == HOST && a.from == 5 && a.to == UINT64_MAX);
	batv_payload_put_again(out, &again);
	g = batv_payload_again(in);
	ck_assert(g.first == 9 && g.from == 1 && g.to == 8);
	batv_payload_put_since(out, INT64_MAX);
	batv_payload_put_member(out + 8 + 25, &member);
	m = batv_payload_member(in, 1);
	ck_assert(m.host == HOST && m.position == 7 && m.until == INT64_MAX && m.state == 4);
	ck_assert_int_eq(batv_payload_since(in), INT64_MAX);
	batv_payload_put_forget(out, &forget);
	f = batv_payload_forget(in);
	ck_assert(f.host == HOST && f.position == 7 && f.until == 6 && f.lost == 5);
	memset(out, 0xff, sizeof out); /* no time is beyond all times */
	ck_assert_int_eq(batv_payload_since(in), 0);
}
END_TEST

START_TEST(a_wrong_clock_changes_no_other_day)
{
	ck_assert_uint_eq(batv_payload_day(1000, 1000, 14), 1000);
	ck_assert_uint_eq(batv_payload_day(1001, 1000, 14), 1001);
	ck_assert_uint_eq(batv_payload_day(1002, 1000, 14), 1000);
	ck_assert_uint_eq(batv_payload_day(987, 1000, 14), 987);
	ck_assert_uint_eq(batv_payload_day(986, 1000, 14), 1000);
	ck_assert_uint_eq(batv_payload_day(0, 1000, 14), 1000);
	ck_assert_uint_eq(batv_payload_day(UINT16_MAX, 1000, 14), 1000);
	ck_assert_uint_eq(batv_payload_day(0, 3, 14), 0); /* soon after 1970 */
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("parcel");
	TCase *tc = tcase_create("parcel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, agrees_with_the_test_vectors);
	tcase_add_test(tc, the_table_is_that_of_the_other_implementation);
	tcase_add_test(tc, opens_what_it_sealed);
	tcase_add_test(tc, any_changed_bit_shuts_it);
	tcase_add_test(tc, any_other_length_shuts_it);
	tcase_add_test(tc, one_that_is_too_long_is_refused);
	tcase_add_test(tc, what_is_wrong_has_a_name);
	tcase_add_test(tc, a_parcel_of_another_start_is_another);
	tcase_add_test(tc, seals_nothing_beyond_the_limits);
	tcase_add_test(tc, says_whose_it_is_without_a_key);
	tcase_add_test(tc, more_hosts_than_keys_are_kept);
	tcase_add_test(tc, wipes_its_keys);
	tcase_add_test(tc, shows_nothing);
	tcase_add_test(tc, keys_are_for_one_thing);
	tcase_add_test(tc, a_payload_is_what_its_kind_says);
	tcase_add_test(tc, payloads_come_back);
	tcase_add_test(tc, a_wrong_clock_changes_no_other_day);
	suite_add_tcase(s, tc);
	return s;
}
