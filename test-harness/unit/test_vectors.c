/* links: admin/timeline admin/hkdf admin/secret core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * test_vectors.c - reads the table of test vectors in docs/formats.md.  The program makes each key,
 * K, DDD and tag itself, and checks each tag.  Run from the top of the tree.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tag/tag.h"
#include "timeline.h"
#include "unit.h"

#define FILE_NAME "docs/formats.md"
#define VECTORS_MIN 12
#define COLUMNS 10

enum column { SECRET, NUMBER, ROTATION, RETENTION, EPOCH, KEY, K, DDD, ADDRESS, TAGGED };

struct row {
	char text[1024];
	struct batv_span cell[COLUMNS];
};

/* | `a` | `b` | ... |: false for any other line. */
static bool split(struct row *row)
{
	const char *p = row->text;

	for (size_t i = 0; i < COLUMNS; i++) {
		const char *end;

		if (strncmp(p, "| `", 3) != 0 || (end = strstr(p + 3, "` |")) == NULL)
			return false;
		row->cell[i] = (struct batv_span){p + 3, (size_t)(end - p - 3)};
		p = end + 2;
	}
	return strcmp(p, "|\n") == 0;
}

static int64_t number_of(struct batv_span cell)
{
	int64_t value;

	ck_assert(batv_span_to_i64(cell, &value));
	return value;
}

static struct batv_addr address_of(struct batv_span cell)
{
	struct batv_addr addr;

	ck_assert_int_eq(batv_addr_parse(cell.p, cell.len, &addr), BATV_OK);
	return addr;
}

/* The key of the row as a timeline publishes it, in the middle of its epoch. */
static void find_key(const struct row *row, struct batv_keyring *ring, struct batv_key *out)
{
	static struct batv_secrets set;
	struct batv_secret *s = &set.list[0];
	int64_t epoch = number_of(row->cell[EPOCH]), now;

	memset(&set, 0, sizeof set);
	set.n = 1;
	s->number = (uint32_t)number_of(row->cell[NUMBER]);
	s->rotation = number_of(row->cell[ROTATION]);
	s->retention = number_of(row->cell[RETENTION]);
	s->start = epoch * s->rotation;
	ck_assert(batv_span_to_bytes(row->cell[SECRET], s->bytes, sizeof s->bytes));
	now = s->start + s->rotation / 2;
	ck_assert_int_eq(batv_timeline_at(&set, now, ring), BATV_OK);
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].from <= now && now < ring->keys[i].until) {
			*out = ring->keys[i];
			ck_assert_uint_eq(out->epoch, (uint64_t)epoch);
			return;
		}
	ck_abort_msg("no key is current");
}

static void check_row(const struct row *row)
{
	static struct batv_keyring ring;
	struct batv_addr addr = address_of(row->cell[ADDRESS]),
			 tagged = address_of(row->cell[TAGGED]);
	const struct batv_key *found;
	char out[BATV_ADDR_SIZE], want[BATV_ADDR_SIZE];
	enum batv_tag_style style;
	struct batv_tag tag;
	struct batv_key key;

	find_key(row, &ring, &key);
	ck_assert_uint_eq(row->cell[KEY].len, BATV_KEY_TEXT_LEN);
	ck_assert_mem_eq(key.text, row->cell[KEY].p, BATV_KEY_TEXT_LEN);
	ck_assert_int_eq(key.number, number_of(row->cell[K]));
	ck_assert_int_eq(key.day, number_of(row->cell[DDD]));

	style = memmem(tagged.text.p, tagged.text.len, "+prvs=", 6) ? BATV_STYLE_SUBADDRESS
								    : BATV_STYLE_PRVS;
	ck_assert_int_eq(batv_tag_make(&addr, &key, style, out, sizeof out), BATV_OK);
	(void)snprintf(want, sizeof want, "%.*s", (int)tagged.text.len, tagged.text.p);
	ck_assert_str_eq(out, want);

	ck_assert(batv_tag_parse(&tagged, &tag));
	ck_assert_int_eq(batv_tag_check(&tagged, &tag, &ring, key.from, &found), BATV_TAG_VALID);
	ck_assert_uint_eq(found->epoch, key.epoch);
	ck_assert_int_eq(batv_tag_strip(&tagged, &tag, out, sizeof out), BATV_OK);
	(void)snprintf(want, sizeof want, "%.*s", (int)addr.text.len, addr.text.p);
	ck_assert_str_eq(out, want);
}

START_TEST(all_vectors_of_the_manual)
{
	FILE *f = fopen(FILE_NAME, "r");
	unsigned rows = 0;
	bool here = false;
	struct row row;

	ck_assert_msg(f, "cannot open " FILE_NAME);
	while (fgets(row.text, sizeof row.text, f)) {
		if (row.text[0] == '#')
			here = strcmp(row.text, "## Test vectors\n") == 0;
		if (!here || !split(&row))
			continue;
		check_row(&row);
		rows++;
	}
	(void)fclose(f);
	ck_assert_uint_ge(rows, VECTORS_MIN);
}
END_TEST

/* The table is the output of the independent implementation. */
START_TEST(the_table_is_the_scripts)
{
	ck_assert_int_eq(system("test-harness/tools/vectors.py --check"), 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("vectors");
	TCase *tc = tcase_create("formats.md");

	tcase_add_test(tc, all_vectors_of_the_manual);
	tcase_add_test(tc, the_table_is_the_scripts);
	suite_add_tcase(s, tc);
	return s;
}
