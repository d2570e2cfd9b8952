/* links: core/evidence/parts core/evidence/field core/base/span */
/*
 * test_parts.c - the parts of a multipart, by the boundaries that are open.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/parts.h"
#include "exact.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What a walk sees, as "level:type/boundary>body" for each part; it enters all it can. */
static const struct {
	const char *body, *seen;
} bodies[] = {
	{"", ""},
	{"text\n", ""},
	{"--b\n\nx\n--b--\n", "0:/>x\n--b--\n|"},
	{"--b\r\nContent-Type: text/plain\r\n\r\nx", "0:text/>x|"},
	{"--b\nContent-Type: text\n", "0:text/>|"},
	{"--b\n", "0:/>|"},
	{"--b", "0:/>|"},
	{"--\n--b\n\n", "0:/>|"},
	{"-b\n", ""},
	{"-x\n--b\n\n", "0:/>|"},
	{"b\n", ""},
	{"x-b\n\n1", ""},
	{"-xb\n\n1", ""},
	{"--b\nContent-Type: text/plain;\nX: ; boundary=c\n\n1", "0:text/>1|"},
	{"--b x\n", ""},
	{"--b \t\r\n\n1", "0:/>1|"},
	{"--bb\n", ""},
	{"--c\n", ""},
	{"--b--\n--b\n", ""},
	{"--b-\n", ""},
	{"--b--x\n--b\n\n1", "0:/>1|"},
	{"--b\nSubject: x\ncontent-type: text/html\nContent-Type: a/b\n\n1", "0:text/>1|"},
	{"--b\nContent-Type: text/plain;\n boundary=c\nX: y\n\n1\n--c\n\n2",
	 "0:text/c>1\n--c\n\n2|1:/>2|"},
	{"--b\nno field\nx", "0:/>no field\nx|"},
	{"--b\nA: 1\n--b\n\n2", "0:/>--b\n\n2|0:/>2|"},
	{"--b\nA: 1\n--b--\n--b\n", "0:/>--b--\n--b\n|"},
	{"--b\nContent-Type: m/x; boundary=c\n\n--c\n\n1\n--b\n\n2\n--c\n\n",
	 "0:m/c>--c\n\n1\n--b\n\n2\n--c\n\n|1:/>1\n--b\n\n2\n--c\n\n|0:/>2\n--c\n\n|"},
	{"--b\nContent-Type: m/x; boundary=c\n\n--c\n\n1\n--c--\n--b\n\n2",
	 "0:m/c>--c\n\n1\n--c--\n--b\n\n2|1:/>1\n--c--\n--b\n\n2|0:/>2|"},
	{"--b\nContent-Type: m/x; boundary=c\n\n--c\n\n1\n--b--\n--c\n\n2",
	 "0:m/c>--c\n\n1\n--b--\n--c\n\n2|1:/>1\n--b--\n--c\n\n2|"},
	{"--b\nContent-Type: m/x; boundary=bc\n\n--bc\n\n1", "0:m/bc>--bc\n\n1|1:/>1|"},
};

START_TEST(the_parts_of_a_body)
{
	struct batv_span body = exact_copy(bodies[_i].body);
	struct batv_parts walk;
	struct batv_part part;
	char seen[400] = "";

	batv_parts_start(&walk, body, batv_span_of("b"));
	while (batv_parts_next(&walk, &part)) {
		size_t at = strlen(seen);

		ck_assert_int_eq(part.begin[0], '-');
		ck_assert_ptr_null(memchr(part.type.type.text, '\0', part.type.type.len));
		(void)snprintf(seen + at, sizeof seen - at, "%zu:%.*s/%.*s>%.*s|", part.level,
			       (int)part.type.type.len, part.type.type.text,
			       (int)part.type.boundary.len, part.type.boundary.text,
			       (int)(body.p + body.len - part.body), part.body);
		ck_assert_int_eq(batv_parts_enter(&walk, &part), part.type.boundary.len > 0);
	}
	ck_assert_str_eq(seen, bodies[_i].seen);
	free((void *)(uintptr_t)body.p);
}
END_TEST

START_TEST(so_deep_and_no_deeper)
{
	char body[2000] = "";
	struct batv_parts walk;
	struct batv_part part;

	for (unsigned level = 0; level < 10; level++)
		(void)snprintf(body + strlen(body), sizeof body - strlen(body),
			       "--b%u\nContent-Type: m/x; boundary=b%u\n\n", level, level + 1);
	batv_parts_start(&walk, batv_span_of(body), batv_span_of("b0"));
	for (unsigned level = 0; level < BATV_PARTS_LEVELS; level++) {
		ck_assert(batv_parts_next(&walk, &part));
		ck_assert_uint_eq(part.level, level);
		ck_assert_int_eq(batv_parts_enter(&walk, &part), level + 1 < BATV_PARTS_LEVELS);
	}
	ck_assert_uint_eq(walk.open, BATV_PARTS_LEVELS);
	ck_assert(!batv_parts_next(&walk, &part));
}
END_TEST

/* So much of a Content-Type is read; a boundary that is too long is cut. */
START_TEST(long_ones)
{
	char body[1200], boundary[300];
	struct batv_parts walk;
	struct batv_part part;

	for (unsigned fits = 0; fits < 2; fits++) {
		/* the field's name is not part of the 512 bytes */
		(void)snprintf(body, sizeof body, "--b\nContent-Type: a/b;%*s boundary=c\n\n",
			       497 - (int)fits, "");
		batv_parts_start(&walk, batv_span_of(body), batv_span_of("b"));
		ck_assert(batv_parts_next(&walk, &part));
		ck_assert_uint_eq(part.type.boundary.len, fits);
	}
	memset(boundary, 'x', sizeof boundary - 1);
	boundary[sizeof boundary - 1] = '\0';
	(void)snprintf(body, sizeof body, "--%.128s\n\n1", boundary);
	batv_parts_start(&walk, batv_span_of(body), batv_span_of(boundary));
	ck_assert(batv_parts_next(&walk, &part));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("parts");
	TCase *tc = tcase_create("parts");

	tcase_add_loop_test(tc, the_parts_of_a_body, 0, (int)COUNT(bodies));
	tcase_add_test(tc, so_deep_and_no_deeper);
	tcase_add_test(tc, long_ones);
	suite_add_tcase(s, tc);
	return s;
}
