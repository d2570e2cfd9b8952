/* links: core/evidence/recorded core/base/span */
/*
 * test_recorded.c - the recipient that a server before us wrote into its field.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/recorded.h"
#include "exact.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *name, *value;
	enum batv_recorded which;
	const char *recipient;
} fields[] = {
	{"Received", "from a by b for <x@y>; date", BATV_RECORDED_FOR, "<x@y>"},
	{"RECEIVED", "FOR x", BATV_RECORDED_FOR, "x"},
	{"Received", "from a\r\n\tfor\n x(c)", BATV_RECORDED_FOR, "x"},
	{"Received", "for (c (d)) x;d", BATV_RECORDED_FOR, "x"},
	{"Received", "from (for z) for x", BATV_RECORDED_FOR, "x"},
	{"Received", "from \"for z\" for x", BATV_RECORDED_FOR, "x"},
	{"Received", "from \"a\\\" for z\" for x", BATV_RECORDED_FOR, "x"},
	{"Received", "from \"a\\\\\" for x", BATV_RECORDED_FOR, "x"},
	{"Received", "from a\"b for z\"c for x", BATV_RECORDED_FOR, "x"},
	{"Received", "for <\"a (b;\"@x>", BATV_RECORDED_FOR, "<\"a (b;\"@x>"},
	{"Received", "for \"\"x", BATV_RECORDED_FOR, "x"},
	{"Received", "from a(c)for x", BATV_RECORDED_FOR, "x"},
	{"Received", "", BATV_RECORDED_NO, NULL},
	{"Received", "for", BATV_RECORDED_NO, NULL},
	{"Received", "for ", BATV_RECORDED_NO, NULL},
	{"Received", "for;x", BATV_RECORDED_NO, NULL},
	{"Received", "fort x", BATV_RECORDED_NO, NULL},
	{"Received", "from a; for x", BATV_RECORDED_NO, NULL},
	{"Received", "from \"open for x", BATV_RECORDED_NO, NULL},
	{"Received", "from \"open\\", BATV_RECORDED_NO, NULL},
	{"Received", "from a\"open for x", BATV_RECORDED_NO, NULL},
	{"Received", "from (open for x", BATV_RECORDED_NO, NULL},
	{"Delivered-To", " x@y", BATV_RECORDED_DELIVERED_TO, " x@y"},
	{"x-original-to", "x@y", BATV_RECORDED_X_ORIGINAL_TO, "x@y"},
	{"Envelope-To", "x@y, z", BATV_RECORDED_ENVELOPE_TO, "x@y, z"},
	{"Envelope-T", "x@y", BATV_RECORDED_NO, NULL},
	{"Delivered-Too", "x@y", BATV_RECORDED_NO, NULL},
	{"", "x@y", BATV_RECORDED_NO, NULL},
};

START_TEST(a_field)
{
	size_t len = strlen(fields[_i].value);
	char *value = exact_room(len);
	struct batv_span recipient = {"untouched", 9};

	memcpy(value, fields[_i].value, len);
	ck_assert_int_eq(
		batv_recorded_in((struct batv_header){batv_span_of(fields[_i].name), {value, len}},
				 &recipient),
		fields[_i].which);
	ck_assert(batv_span_equal(
		recipient,
		batv_span_of(fields[_i].recipient ? fields[_i].recipient : "untouched")));
	free(value);
}
END_TEST

/* So much of a field is read. */
START_TEST(a_long_field)
{
	static char value[BATV_RECORDED_MAX + 10];
	const struct batv_span whole = {value, sizeof value};
	struct batv_span recipient;

	memset(value, 'x', sizeof value);
	ck_assert_int_eq(batv_recorded_in((struct batv_header){batv_span_of("Delivered-To"), whole},
					  &recipient),
			 BATV_RECORDED_DELIVERED_TO);
	ck_assert_uint_eq(recipient.len, BATV_RECORDED_MAX);
	memset(value, ' ', sizeof value);
	memcpy(value + BATV_RECORDED_MAX - 5, "for xy", 6);
	ck_assert_int_eq(
		batv_recorded_in((struct batv_header){batv_span_of("Received"), whole}, &recipient),
		BATV_RECORDED_FOR);
	ck_assert_uint_eq(recipient.len, 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("recorded");
	TCase *tc = tcase_create("recorded");

	tcase_add_loop_test(tc, a_field, 0, (int)COUNT(fields));
	tcase_add_test(tc, a_long_field);
	suite_add_tcase(s, tc);
	return s;
}
