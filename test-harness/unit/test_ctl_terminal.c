/* links: batvctl/ctl_terminal */
/*
 * test_ctl_terminal.c - who gets colours, and how wide is a line?
 */
#include <check.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../src/batvctl/ctl_terminal.h"
#include "unit.h"

static int pipe_end, terminal;

/* A pipe, and a terminal of 132 columns.  Nothing is ever written to either. */
static void open_both(void)
{
	const struct winsize size = {.ws_row = 50, .ws_col = 132};
	int ends[2];
	char *name;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	ck_assert_int_eq(pipe(ends), 0);
	pipe_end = ends[1];
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	name = ptsname(master);
	ck_assert_ptr_nonnull(name);
	terminal = open(name, O_RDWR | O_NOCTTY);
	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
}

static bool colors(int fd, enum batv_ctl_color wish)
{
	struct batv_ctl_terminal t;

	batv_ctl_terminal_look(fd, wish, &t);
	ck_assert_int_eq(t.color, *batv_ctl_terminal_paint(&t, BATV_PAINT_BAD) != '\0');
	ck_assert_int_eq(t.color, *batv_ctl_terminal_plain(&t) != '\0');
	return t.color;
}

START_TEST(colors_are_for_terminals)
{
	ck_assert(colors(terminal, BATV_COLOR_AUTO));
	ck_assert(!colors(terminal, BATV_COLOR_NEVER));
	ck_assert(!colors(pipe_end, BATV_COLOR_AUTO));
	ck_assert(colors(pipe_end, BATV_COLOR_ALWAYS));
	setenv("TERM", "dumb", 1);
	ck_assert(!colors(terminal, BATV_COLOR_AUTO));
	ck_assert(colors(terminal, BATV_COLOR_ALWAYS));
	unsetenv("TERM");
	ck_assert(!colors(terminal, BATV_COLOR_AUTO));
}
END_TEST

START_TEST(no_color_beats_all)
{
	setenv("NO_COLOR", "1", 1);
	for (int wish = BATV_COLOR_AUTO; wish <= BATV_COLOR_NEVER; wish++)
		ck_assert(!colors(terminal, (enum batv_ctl_color)wish));
	setenv("NO_COLOR", "", 1);
	ck_assert(colors(terminal, BATV_COLOR_AUTO));
}
END_TEST

START_TEST(width)
{
	const struct winsize narrow = {.ws_row = 2, .ws_col = 3}, none = {0};
	struct batv_ctl_terminal t;

	batv_ctl_terminal_look(terminal, BATV_COLOR_AUTO, &t);
	ck_assert(t.is_terminal);
	ck_assert_uint_eq(t.width, 132);
	batv_ctl_terminal_look(pipe_end, BATV_COLOR_AUTO, &t);
	ck_assert(!t.is_terminal);
	ck_assert_uint_eq(t.width, 80);
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &narrow), 0);
	batv_ctl_terminal_look(terminal, BATV_COLOR_AUTO, &t);
	ck_assert_uint_eq(t.width, 40);
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &none), 0);
	batv_ctl_terminal_look(terminal, BATV_COLOR_AUTO, &t);
	ck_assert_uint_eq(t.width, 80);
}
END_TEST

START_TEST(utf8_is_the_locales)
{
	struct batv_ctl_terminal t;

	setenv("LC_ALL", "C.UTF-8", 1);
	batv_ctl_terminal_look(pipe_end, BATV_COLOR_AUTO, &t);
	ck_assert(t.utf8);
	setenv("LC_ALL", "C", 1);
	batv_ctl_terminal_look(pipe_end, BATV_COLOR_AUTO, &t);
	ck_assert(!t.utf8);
	setenv("LC_ALL", "xx_NOWHERE.UTF-8", 1);
	batv_ctl_terminal_look(pipe_end, BATV_COLOR_AUTO, &t);
	ck_assert(t.utf8 == (setlocale(LC_CTYPE, "") != NULL)); /* musl has every locale */
}
END_TEST

START_TEST(wishes)
{
	enum batv_ctl_color wish;

	ck_assert(batv_ctl_terminal_color("auto", &wish) && wish == BATV_COLOR_AUTO);
	ck_assert(batv_ctl_terminal_color("always", &wish) && wish == BATV_COLOR_ALWAYS);
	ck_assert(batv_ctl_terminal_color("never", &wish) && wish == BATV_COLOR_NEVER);
	ck_assert(!batv_ctl_terminal_color("", &wish) && !batv_ctl_terminal_color("yes", &wish));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("ctl_terminal");
	TCase *tc = tcase_create("ctl_terminal");

	tcase_add_checked_fixture(tc, open_both, NULL);
	tcase_add_test(tc, colors_are_for_terminals);
	tcase_add_test(tc, no_color_beats_all);
	tcase_add_test(tc, width);
	tcase_add_test(tc, utf8_is_the_locales);
	tcase_add_test(tc, wishes);
	suite_add_tcase(suite, tc);
	return suite;
}
