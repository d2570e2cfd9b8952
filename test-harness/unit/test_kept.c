/* links: fleet/kept fleet/rows fleet/row_share core/base/span */
/*
 * test_kept.c - what batv-fleet keeps in mind: own parcels, the rows of hosts, the own row.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "parcel.h"
#include "row_share.h"
#include "rows.h"
#include "unit.h"

#define T0 INT64_C(1795824000000)

static struct batv_span text(const char *s)
{
	return batv_span_of(s);
}

START_TEST(parcels_are_found_by_position)
{
	struct batv_kept kept = {0};
	char bytes[20];

	ck_assert_ptr_null(batv_kept_find(&kept, 0));
	ck_assert_uint_eq(batv_kept_from(&kept), 0);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(bytes, sizeof bytes, "%u", i);
		ck_assert(batv_kept_add(&kept, 10 + 2 * i, text(bytes), T0 + i));
	}
	ck_assert_uint_eq(batv_kept_from(&kept), 10);
	ck_assert_uint_eq(batv_kept_find(&kept, 0)->position, 10);
	ck_assert_uint_eq(batv_kept_find(&kept, 11)->position, 12);
	ck_assert_mem_eq(batv_kept_find(&kept, 12)->bytes, "1", 1);
	ck_assert_uint_eq(batv_kept_find(&kept, 10 + 2 * 4999)->position, 10 + 2 * 4999);
	ck_assert_ptr_null(batv_kept_find(&kept, 11 + 2 * 4999));
	batv_kept_expire(&kept, T0 + 4000 + BATV_KEPT_MS);
	ck_assert_uint_eq(batv_kept_from(&kept), 10 + 2 * 4000);
	/* a clock that went back lets go of nothing */
	batv_kept_expire(&kept, T0 - 1000000);
	ck_assert_uint_eq(batv_kept_from(&kept), 10 + 2 * 4000);
	for (unsigned i = 5000; i < 6000; i++)
		ck_assert(batv_kept_add(&kept, 10 + 2 * i, text("x"), T0 + i));
	ck_assert_uint_eq(batv_kept_find(&kept, 10 + 2 * 5500)->position, 10 + 2 * 5500);
	batv_kept_free(&kept);
	ck_assert_uint_eq(kept.bytes, 0);
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
	struct batv_kept kept = {0};
	char *large = calloc(1, 65536);

	for (unsigned i = 1; i <= 1100; i++)
		ck_assert(batv_kept_add(&kept, i, (struct batv_span){large, 65536}, T0));
	ck_assert_uint_le(kept.bytes, BATV_KEPT_BYTES);
	ck_assert_uint_eq(batv_kept_from(&kept), 1100 - 1024 + 1);
	batv_kept_free(&kept);
	free(large);
}
END_TEST

START_TEST(the_later_row_counts)
{
	struct batv_rows rows = {0};

	ck_assert(batv_rows_put(&rows, 7, 100, text("seven"), 1));
	for (uint64_t host = 40; host > 8; host--)
		ck_assert(batv_rows_put(&rows, host, 1, text("x"), 1));
	ck_assert(!batv_rows_put(&rows, 7, 100, text("again"), 2));
	ck_assert(!batv_rows_put(&rows, 7, 99, text("older"), 2));
	ck_assert_str_eq(batv_rows_find(&rows, 7)->text, "seven");
	ck_assert(batv_rows_put(&rows, 7, 101, text("later"), 2));
	ck_assert_str_eq(batv_rows_find(&rows, 7)->text, "later");
	ck_assert_int_eq(batv_rows_find(&rows, 7)->at, 2);
	ck_assert_ptr_null(batv_rows_find(&rows, 8));
	ck_assert_str_eq(batv_rows_find(&rows, 25)->text, "x");
	batv_rows_drop(&rows, 25);
	batv_rows_drop(&rows, 25);
	ck_assert_ptr_null(batv_rows_find(&rows, 25));
	ck_assert_ptr_nonnull(batv_rows_find(&rows, 26));
	batv_rows_free(&rows);
}
END_TEST

static const struct batv_row_share_facts facts = {"relay1", 3, 1795824000123, 5};

START_TEST(the_own_row)
{
	static const char json[] = "{\"schema\": 1, \"leave\": true, \"forget\": "
				   "[\"00000000000000ff\", \"short\", 5], \"domains\": []}";
	struct batv_row_share share;

	ck_assert_int_eq(batv_row_share_make(json, sizeof json - 1, &facts, &share), BATV_OK);
	ck_assert_uint_eq(share.len, strlen(share.text));
	ck_assert_ptr_nonnull(strstr(share.text, "{\"name\":\"relay1\",\"version\":\""));
	ck_assert_ptr_nonnull(strstr(share.text, "\"holes\":3,\"lost\":1795824000123,\"row\":{"));
	ck_assert(share.leave);
	ck_assert_uint_eq(share.n_forget, 1);
	ck_assert_uint_eq(share.forget[0], 0xff);
	ck_assert(!share.cut);
	ck_assert_int_eq(batv_row_share_lost((struct batv_span){share.text, share.len}),
			 1795824000123);
	ck_assert_int_eq(batv_row_share_lost(text("{\"lost\":-5}")), 0);
	ck_assert_int_eq(batv_row_share_lost(text("{\"lost\":\"x\"}")), 0);
	ck_assert_int_eq(batv_row_share_lost(text("rubbish")), 0);
	batv_row_share_free(&share);
	ck_assert_int_eq(batv_row_share_make("[]", 2, &facts, &share), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_row_share_make("{", 1, &facts, &share), BATV_E_SYNTAX);
}
END_TEST

/* Mail from before its journal is a gap, unless the host had not sent any. */
START_TEST(a_gap_in_the_row)
{
	static const struct {
		const char *json;
		int64_t lost, began, said;
	} rows[] = {
		{"{}", 0, 0, 0},
		{"{}", 0, 7, 7},
		{"{}", 9, 7, 9},
		{"{\"fresh\": false}", 5, 7, 7},
		{"{\"fresh\": true}", 0, 7, 0},
		{"{\"fresh\": true}", 5, 7, 5},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct batv_row_share_facts f = {"a", 0, rows[i].lost, rows[i].began};
		struct batv_row_share share;

		ck_assert_int_eq(
			batv_row_share_make(rows[i].json, strlen(rows[i].json), &f, &share),
			BATV_OK);
		ck_assert_int_eq(batv_row_share_lost((struct batv_span){share.text, share.len}),
				 rows[i].said);
		batv_row_share_free(&share);
	}
}
END_TEST

/* Domains are left out until the row fits into a parcel, and the row says so. */
START_TEST(a_row_that_is_too_long)
{
	json_t *row = json_object(), *domains = json_array();
	struct batv_row_share share;
	json_t *back;
	char *json, name[300];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "%0200d.example", i);
		json_array_append_new(domains, json_pack("{s:s}", "name", name));
	}
	json_object_set_new(row, "domains", domains);
	json = json_dumps(row, 0);
	ck_assert_int_eq(batv_row_share_make(json, strlen(json), &facts, &share), BATV_OK);
	ck_assert(share.cut);
	ck_assert_uint_le(share.len, BATV_PARCEL_PAYLOAD_MAX);
	back = json_loads(share.text, 0, NULL);
	ck_assert(json_is_true(json_object_get(json_object_get(back, "row"), "cut")));
	domains = json_object_get(json_object_get(back, "row"), "domains");
	ck_assert_uint_gt(json_array_size(domains), 100);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(domains, 1), "name")) +
				 199,
			 "1.example");
	json_decref(back);
	batv_row_share_free(&share);
	/* and one that is long without domains is not sent */
	json_decref(row);
	free(json);
	row = json_object();
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "%0200d", i);
		json_object_set_new(row, name, json_true());
	}
	json = json_dumps(row, 0);
	ck_assert_int_eq(batv_row_share_make(json, strlen(json), &facts, &share), BATV_E_IO);
	ck_assert_ptr_null(share.text);
	json_decref(row);
	free(json);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("kept");
	TCase *tc = tcase_create("kept");

	tcase_add_test(tc, parcels_are_found_by_position);
	tcase_add_test(tc, no_more_than_there_is_room_for);
	tcase_add_test(tc, the_later_row_counts);
	tcase_add_test(tc, the_own_row);
	tcase_add_test(tc, a_gap_in_the_row);
	tcase_add_test(tc, a_row_that_is_too_long);
	suite_add_tcase(s, tc);
	return s;
}
