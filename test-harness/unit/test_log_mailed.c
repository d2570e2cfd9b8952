/* links: log/log_mailed core/tag/tag core/tag/key core/tag/addr core/base/hmac core/base/span */
/*
 * test_log_mailed.c - who wrote to which host: facts are found at once and later, the newest first.
 */
#include <stdio.h>

#include "log_mailed.h"
#include "unit.h"

#define MANY 1000 /* more than wait at a time */

static struct batv_log_mailed mailed;

static char text[3][64];

static struct batv_span id_of(unsigned i)
{
	snprintf(text[0], sizeof text[0], "1xXBmj-%011u-2j", i);
	return batv_span_of(text[0]);
}

static struct batv_span sender_of(unsigned i)
{
	snprintf(text[1], sizeof text[1], "user%u@example.com", i);
	return batv_span_of(text[1]);
}

static struct batv_span host_of(unsigned i)
{
	snprintf(text[2], sizeof text[2], "192.0.2.%u", i);
	return batv_span_of(text[2]);
}

static void start(void)
{
	ck_assert(batv_log_mailed_new(&mailed));
}

static void end(void)
{
	batv_log_mailed_free(&mailed);
}

START_TEST(test_at_once_and_later)
{
	for (unsigned i = 0; i < MANY; i++) {
		batv_log_mailed_from(&mailed, id_of(i), sender_of(i));
		batv_log_mailed_to(&mailed, id_of(i), host_of(i), 1000 + i);
		ck_assert_int_eq(batv_log_mailed_last(&mailed, sender_of(i), host_of(i)), 1000 + i);
		ck_assert_int_eq(batv_log_mailed_last(&mailed, sender_of(i), host_of(i + 1)), 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_int_eq(batv_log_mailed_last(&mailed, sender_of(i), host_of(i)), 1000 + i);
		ck_assert_int_eq(batv_log_mailed_anybody(&mailed, host_of(i)), 1000 + i);
	}
}
END_TEST

/* Each time is put when the one before may still wait. */
START_TEST(test_the_newest)
{
	batv_log_mailed_from(&mailed, id_of(1), sender_of(1));
	for (unsigned i = 1; i < MANY; i++) {
		batv_log_mailed_to(&mailed, id_of(1), host_of(1), i);
		ck_assert_int_eq(batv_log_mailed_anybody(&mailed, host_of(1)), i);
		for (unsigned j = 0; j < i % 11; j++)
			batv_log_mailed_from(&mailed, id_of(1000 + j), sender_of(j));
		ck_assert_int_eq(batv_log_mailed_last(&mailed, sender_of(1), host_of(1)), i);
	}
}
END_TEST

START_TEST(test_the_null_sender)
{
	batv_log_mailed_from(&mailed, id_of(1), batv_span_of("<>"));
	batv_log_mailed_from(&mailed, id_of(2), sender_of(2));
	ck_assert(batv_log_mailed_null(&mailed, id_of(1)));
	ck_assert(!batv_log_mailed_null(&mailed, id_of(2)));
	ck_assert(!batv_log_mailed_null(&mailed, id_of(3)));
	batv_log_mailed_from(&mailed, id_of(1), sender_of(1)); /* an id that is used again */
	ck_assert(!batv_log_mailed_null(&mailed, id_of(1)));
	batv_log_mailed_to(&mailed, id_of(3), host_of(3), 5); /* of an unknown message */
	ck_assert_int_eq(batv_log_mailed_anybody(&mailed, host_of(3)), 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("log_mailed");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, start, end);
	tcase_add_test(tc, test_at_once_and_later);
	tcase_add_test(tc, test_the_newest);
	tcase_add_test(tc, test_the_null_sender);
	suite_add_tcase(suite, tc);
	return suite;
}
