/* links: admin/exim_text core/base/span */
/*
 * test_exim_text.c - what Exim prints about its configuration, to the byte.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "exim_text.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *text, *options; /* DRIVER/NAME/VALUE; */
} lists[] = {
	{"", ""},
	{"\n\n \t\n*\n", ""},
	{"a", "/a/;"},
	{"a=b", "/a/b;"},
	{"*a = b\n", "/a/b;"},
	{" a  =  b c \r\n=x\n", "/a/b c;//x;"},
	{"a =\nb = c = d", "/a/;/b/c = d;"},
	{"one router:\na\ntwo transport:\nb = 1\n", "one/a/;two/b/1;"},
	{"one router:\ntwo transport:", ""},
	{"one router: \nrouter:\nxrouter:\n", "/one router:/;/router:/;/xrouter:/;"},
	{"one more router:\na", "one/a/;"},
	{" router:\na", "/a/;"},
};

START_TEST(options)
{
	struct batv_exim_options all;
	struct batv_exim_option o;
	char got[300] = "";
	size_t at = 0;

	batv_exim_text_start(&all, lists[_i].text);
	while (batv_exim_text_next(&all, &o))
		at += (size_t)snprintf(got + at, sizeof got - at, "%.*s/%.*s/%.*s;",
				       (int)o.driver.len, o.driver.p, (int)o.name.len, o.name.p,
				       (int)o.value.len, o.value.p);
	ck_assert_str_eq(got, lists[_i].options);
}
END_TEST

static const struct {
	const char *text, *name, *value; /* NULL: none */
} values[] = {
	{"a = b\n", "a", "b"},
	{"a = b", "a", "b"},
	{"a=b", "a", "b"},
	{"a =", "a", ""},
	{"=b", "a", NULL},
	{"", "a", NULL},
	{"a\n", "a", NULL},
	{"hide a = b", "a", "b"},
	{"xa = b\na = c", "a", "c"},
	{"a = b", "aa", NULL},
	{"b = a\na = x = y \r\n", "a", "x = y"},
	{"a = 123456789", "a", "123456789"},
	{"a = 1234567890", "a", NULL},
	{"a = 12345678901234", "a", NULL},
};

START_TEST(one_value)
{
	char out[12] = "##########!";
	bool found = batv_exim_text_value(values[_i].text, values[_i].name, out, 10);

	ck_assert(found == (values[_i].value != NULL));
	if (found)
		ck_assert_str_eq(out, values[_i].value);
	ck_assert_str_eq(out + 10, "!");
}
END_TEST

static const struct {
	const char *text, *rest; /* after "At "; NULL: none */
} starts[] = {
	{"At x", "x"},
	{"At x\n", "x"},
	{"first\nAt  x y \r\nAt z", "x y"},
	{"At ", ""},
	{"At", NULL},
	{" At x", NULL},
	{"at x", NULL},
	{"", NULL},
	{"At 123456789", "123456789"},
	{"At 1234567890", NULL},
};

START_TEST(after_a_start)
{
	char out[12] = "##########!";
	bool found = batv_exim_text_after(starts[_i].text, "At ", out, 10);

	ck_assert(found == (starts[_i].rest != NULL));
	if (found)
		ck_assert_str_eq(out, starts[_i].rest);
	ck_assert_str_eq(out + 10, "!");
}
END_TEST

#define ERROR "Exim configuration error"

static const struct {
	const char *text, *error; /* NULL: none */
} errors[] = {
	{"", NULL},
	{"Exim configuration", NULL},
	{ERROR, "configuration error"},
	{ERROR "\n", "configuration error "},
	{"x\n2026-11-28 " ERROR " in line 7:\n  \"a\"\n  is wrong\n",
	 "configuration error in line 7: \"a\""},
	{ERROR ":\r\n a  b   c", "configuration error: a b c"},
	{ERROR " \n\t\x1f\x1b[m \x7f~", "configuration error ??[m ?~"},
	{ERROR " \xc3\xbc", "configuration error \xc3\xbc"},
};

START_TEST(faults)
{
	char out[100] = "#";

	ck_assert(batv_exim_text_error(errors[_i].text, out, 99) == (errors[_i].error != NULL));
	ck_assert_str_eq(out, errors[_i].error ? errors[_i].error : "#");
	for (size_t size = 1; errors[_i].error && size < 30; size++) {
		memset(out, '#', sizeof out);
		ck_assert(batv_exim_text_error(errors[_i].text, out, size));
		ck_assert_uint_eq(strlen(out), strlen(errors[_i].error) < size
						       ? strlen(errors[_i].error)
						       : size - 1);
		ck_assert_int_eq(strncmp(out, errors[_i].error, strlen(out)), 0);
		ck_assert_int_eq(out[size], '#');
	}
}
END_TEST

static const struct {
	const char *list;
	bool has;
} supported[] = {
	{"Support for: A", true},       {"Support for: A B\n", true},    {"Support for: B A", true},
	{"Support for: B A C", true},   {"Support for: AB", false},      {"Support for: BA", false},
	{"Support for: BA AB A", true}, {"Support for: A_ BA", false},   {"Support for:", false},
	{"Lookups: A", false},          {"A\nSupport for: B\nA", false},
};

START_TEST(what_is_supported)
{
	ck_assert_msg(batv_exim_text_supports(supported[_i].list, "A") == supported[_i].has, "%s",
		      supported[_i].list);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("exim_text");
	TCase *tc = tcase_create("exim_text");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, options, 0, (int)COUNT(lists));
	tcase_add_loop_test(tc, one_value, 0, (int)COUNT(values));
	tcase_add_loop_test(tc, after_a_start, 0, (int)COUNT(starts));
	tcase_add_loop_test(tc, faults, 0, (int)COUNT(errors));
	tcase_add_loop_test(tc, what_is_supported, 0, (int)COUNT(supported));
	return s;
}
