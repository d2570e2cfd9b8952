/* links: admin/told admin/replace core/base/safefile core/base/span */
/*
 * test_told.c - what batvctl notify has told, and what it tells next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"
#include "told.h"
#include "unit.h"

#define T0 INT64_C(1795824000)
#define HEAD "exim-batv notified 1\n"

START_TEST(a_change_is_told_once)
{
	struct batv_told_domain last = {"a.test", true, T0};

	ck_assert_int_eq(batv_told_ask(&last, true, T0 + 60), BATV_TOLD_SAME);
	ck_assert_int_eq(batv_told_ask(&last, true, T0 + 99 * BATV_DAY), BATV_TOLD_SAME);
	ck_assert_int_eq(batv_told_ask(&last, false, T0 + BATV_DAY), BATV_TOLD_NOW);
	last.refuses = false;
	ck_assert_int_eq(batv_told_ask(&last, false, T0 + BATV_DAY), BATV_TOLD_SAME);
	ck_assert_int_eq(batv_told_ask(&last, true, T0 + BATV_DAY), BATV_TOLD_NOW);
}
END_TEST

START_TEST(a_domain_that_flaps_is_told_of_once_a_day)
{
	struct batv_told_domain last = {"a.test", true, T0};

	ck_assert_int_eq(batv_told_ask(&last, false, T0), BATV_TOLD_LATER);
	ck_assert_int_eq(batv_told_ask(&last, false, T0 + BATV_DAY - 1), BATV_TOLD_LATER);
	ck_assert_int_eq(batv_told_ask(&last, false, T0 + BATV_DAY), BATV_TOLD_NOW);
	/* the clock went back: a time in the future must not silence it until then */
	ck_assert_int_eq(batv_told_ask(&last, false, T0 - 1), BATV_TOLD_NOW);
}
END_TEST

START_TEST(a_domain_that_was_never_told_of_observes)
{
	ck_assert_int_eq(batv_told_ask(NULL, false, T0), BATV_TOLD_SAME);
	ck_assert_int_eq(batv_told_ask(NULL, true, T0), BATV_TOLD_NOW);
}
END_TEST

START_TEST(what_says_nothing_is_forgotten)
{
	struct batv_told_domain last = {"a.test", false, T0};

	ck_assert(!batv_told_is_old(&last, T0 + BATV_DAY - 1)); /* it may still flap */
	ck_assert(batv_told_is_old(&last, T0 + BATV_DAY));
	last.refuses = true;
	ck_assert(!batv_told_is_old(&last, T0 + 99 * BATV_DAY));
}
END_TEST

START_TEST(text_and_back)
{
	struct batv_told told = {.n = 0}, again;
	char *text;
	size_t len;

	ck_assert_int_eq(batv_told_add(&told, "b.test", true, T0), BATV_OK);
	ck_assert_int_eq(batv_told_add(&told, "a.test", false, T0 + 1), BATV_OK);
	batv_told_sort(&told);
	ck_assert_int_eq(batv_told_format(&told, &text, &len), BATV_OK);
	ck_assert_str_eq(text, HEAD "a.test observes 1795824001\nb.test refuses 1795824000\n");
	ck_assert_int_eq(batv_told_parse(text, len, &again), BATV_OK);
	ck_assert_uint_eq(again.n, 2);
	ck_assert(!batv_told_find(&again, "a.test")->refuses);
	ck_assert(batv_told_find(&again, "b.test")->refuses);
	ck_assert_int_eq(batv_told_find(&again, "b.test")->when, T0);
	ck_assert_ptr_null(batv_told_find(&again, "c.test"));
	free(text);
	batv_told_free(&told);
	batv_told_free(&again);
	ck_assert_ptr_null(batv_told_find(&again, "a.test"));
}
END_TEST

START_TEST(thousands)
{
	struct batv_told told = {.n = 0};
	char name[32];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "d%u.test", i * 7919 % 5000);
		ck_assert_int_eq(batv_told_add(&told, name, i % 2, T0), BATV_OK);
	}
	batv_told_sort(&told);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "d%u.test", i);
		ck_assert_ptr_nonnull(batv_told_find(&told, name));
	}
	batv_told_free(&told);
}
END_TEST

START_TEST(what_could_not_be_read_back_is_refused)
{
	struct batv_told told = {.n = 0};
	char name[BATV_DOMAIN_NAME_MAX + 2] = "";

	memset(name, 'a', sizeof name - 1);
	ck_assert_int_eq(batv_told_add(&told, name, true, T0), BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_told_add(&told, "", true, T0), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_told_add(&told, "a b", true, T0), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_told_add(&told, "a\nb", true, T0), BATV_E_SYNTAX);
	ck_assert_uint_eq(told.n, 0);
	name[BATV_DOMAIN_NAME_MAX] = '\0';
	ck_assert_int_eq(batv_told_add(&told, name, true, T0), BATV_OK);
	batv_told_free(&told);
}
END_TEST

static const char *const damaged[] = {
	"",
	"exim-batv notified 2\n",
	HEAD "a.test refuses 1",
	HEAD "a.test refuses\n",
	HEAD "a.test refuses x\n",
	HEAD "a.test refuses -1\n",
	HEAD "a.test refuses 253402300800\n",
	HEAD "a.test rejects 1\n",
	HEAD " refuses 1\n",
	HEAD "\n",
	HEAD "a.test refuses 1\nb.test\n",
	"exim-batv notified 2\n",
};

START_TEST(a_damaged_file_says_nothing)
{
	struct batv_told told;

	ck_assert_int_eq(batv_told_parse(damaged[_i], strlen(damaged[_i]), &told), BATV_E_SYNTAX);
	ck_assert_uint_eq(told.n, 0);
	ck_assert_ptr_null(told.item);
}
END_TEST

static enum batv_err parse_name(const char *name, size_t len, struct batv_told *told)
{
	char text[600];
	size_t at = (size_t)(stpcpy(text, HEAD) - text);

	memcpy(text + at, name, len);
	at += len;
	at += (size_t)snprintf(text + at, sizeof text - at, " refuses 253402300799\n");
	return batv_told_parse(text, at, told);
}

START_TEST(names_and_times_at_their_limits)
{
	struct batv_told told;
	char name[BATV_DOMAIN_NAME_MAX + 2];

	memset(name, 'a', sizeof name);
	for (size_t len = 1; len <= BATV_DOMAIN_NAME_MAX; len += BATV_DOMAIN_NAME_MAX - 1) {
		ck_assert_int_eq(parse_name(name, len, &told), BATV_OK);
		ck_assert_uint_eq(told.n, 1);
		ck_assert_uint_eq(strlen(told.item[0].name), len);
		ck_assert_int_eq(told.item[0].when, BATV_TIME_MAX);
		batv_told_free(&told);
	}
	ck_assert_int_eq(parse_name(name, BATV_DOMAIN_NAME_MAX + 1, &told), BATV_E_SYNTAX);
	ck_assert_int_eq(parse_name("a\0b", 3, &told), BATV_E_SYNTAX);
}
END_TEST

START_TEST(a_file)
{
	struct batv_store store = {.dirfd = dir};
	struct batv_told told = {.n = 0}, again;

	ck_assert_int_eq(batv_told_read(&store, &again), BATV_OK); /* there is none */
	ck_assert_uint_eq(again.n, 0);
	ck_assert_int_eq(batv_told_write(&store, &told), BATV_OK);
	ck_assert_int_eq(batv_told_read(&store, &again), BATV_OK);
	ck_assert_uint_eq(again.n, 0);
	ck_assert_int_eq(batv_told_add(&told, "a.test", true, T0), BATV_OK);
	ck_assert_int_eq(batv_told_write(&store, &told), BATV_OK);
	ck_assert_int_eq(batv_told_read(&store, &again), BATV_OK);
	ck_assert_uint_eq(again.n, 1);
	ck_assert_str_eq(again.item[0].name, "a.test");
	batv_told_free(&again);
	batv_told_free(&told);
	ck_assert_int_eq(unlinkat(dir, BATV_TOLD_NAME, 0), 0);
	ck_assert_int_eq(mkdirat(dir, BATV_TOLD_NAME, 0700), 0);
	ck_assert_int_ne(batv_told_read(&store, &again), BATV_OK);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("told");
	TCase *tc = tcase_create("told");

	tcase_add_test(tc, a_change_is_told_once);
	tcase_add_test(tc, a_domain_that_flaps_is_told_of_once_a_day);
	tcase_add_test(tc, a_domain_that_was_never_told_of_observes);
	tcase_add_test(tc, what_says_nothing_is_forgotten);
	tcase_add_test(tc, text_and_back);
	tcase_add_test(tc, thousands);
	tcase_add_test(tc, what_could_not_be_read_back_is_refused);
	tcase_add_loop_test(tc, a_damaged_file_says_nothing, 0,
			    (int)(sizeof damaged / sizeof damaged[0]));
	tcase_add_test(tc, names_and_times_at_their_limits);
	suite_add_tcase(s, tc);
	tc = tcase_create("file");
	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, a_file);
	suite_add_tcase(s, tc);
	return s;
}
