/* links: admin/notices core/base/span */
/*
 * test_notices.c - lines that are passed on, and what a stranger's name in one may not do to a
 * terminal.
 */
#include <string.h>
#include <syslog.h>

#include "notices.h"
#include "unit.h"

static char heard[BATV_MESSAGE_SIZE];
static int how, times;

static void listen(void *ctx, int priority, const char *line)
{
	ck_assert_ptr_eq(ctx, &times);
	(void)strcpy(heard, line);
	how = priority;
	times++;
}

static struct batv_notices notices = {.say = listen, .say_ctx = &times};

static const struct {
	const char *text, *shown;
} cases[] = {
	{"", ""},
	{"plain text ~", "plain text ~"},
	{"a\tb\nc", "a\tb\nc"},
	{"\x1b[2J", "?[2J"},
	{"\x01 \b \v \f \r \x1f \x7f", "? ? ? ? ? ? ?"},
	/* U+0080 to U+009F, and their neighbours */
	{"\xc2\x80 \xc2\x9b \xc2\x9f", "?? ?? ??"},
	{"\xc2\xa0 \xc3\x80 \xc3\x9f \xc1\x85", "\xc2\xa0 \xc3\x80 \xc3\x9f \xc1\x85"},
	{"\xc2", "\xc2"},
	{"\xc2\x7f", "\xc2?"},
	{"\xc2z\x85", "\xc2z\x85"},
	{"\xe2\x82\xac", "\xe2\x82\xac"},
};

START_TEST(control_characters)
{
	batv_notices_say(&notices, LOG_NOTICE, "%s", cases[_i].text);
	ck_assert_str_eq(heard, cases[_i].shown);
	batv_notices_trouble(&notices, BATV_TROUBLE_STATE, "%s", cases[_i].text);
	ck_assert_str_eq(notices.trouble[BATV_TROUBLE_STATE], cases[_i].shown);
}
END_TEST

START_TEST(said_and_noted)
{
	static struct batv_notices deaf;
	char longer[BATV_MESSAGE_SIZE + 10];

	batv_notices_say(&notices, LOG_WARNING, "%d %s", 7, "x");
	ck_assert_str_eq(heard, "7 x");
	ck_assert_int_eq(how, LOG_WARNING);
	ck_assert_int_eq(times, 1);
	batv_notices_say(&deaf, LOG_WARNING, "nobody listens");
	batv_notices_trouble(&deaf, BATV_TROUBLE_KEYS, "first");
	batv_notices_trouble(&deaf, BATV_TROUBLE_KEYS, "second");
	batv_notices_trouble(&deaf, BATV_TROUBLE_LOCK, "other");
	ck_assert_str_eq(deaf.trouble[BATV_TROUBLE_KEYS], "second");
	ck_assert_str_eq(deaf.trouble[BATV_TROUBLE_LOCK], "other");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	batv_notices_say(&notices, LOG_ERR, "%s", longer);
	ck_assert_uint_eq(strlen(heard), BATV_MESSAGE_SIZE - 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("notices");
	TCase *tc = tcase_create("notices");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, control_characters, 0, (int)(sizeof cases / sizeof cases[0]));
	tcase_add_test(tc, said_and_noted);
	return s;
}
