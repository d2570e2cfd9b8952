/*
 * ctl_terminal.c - decides how stdout may be written to.
 *
 * Invariant: a pipe or file gets no escape sequence unless the user asked for it.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl_terminal.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40

bool batv_ctl_terminal_color(const char *text, enum batv_ctl_color *out)
{
	static const char *const names[] = {[BATV_COLOR_AUTO] = "auto",
					    [BATV_COLOR_ALWAYS] = "always",
					    [BATV_COLOR_NEVER] = "never"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum batv_ctl_color)i;
			return true;
		}
	return false;
}

static bool wants_color(bool is_terminal, enum batv_ctl_color wish)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	if (wish != BATV_COLOR_AUTO)
		return wish == BATV_COLOR_ALWAYS;
	return is_terminal && term && *term && strcmp(term, "dumb") != 0;
}

/* Asks the locale of the environment.  The program itself stays in "C". */
static bool locale_is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8;

	if (!locale)
		return false;
	utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

void batv_ctl_terminal_resize(int fd, struct batv_ctl_terminal *terminal)
{
	struct winsize size = {0};

	terminal->width = WIDTH_DEFAULT;
	if (terminal->is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		terminal->width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

void batv_ctl_terminal_look(int fd, enum batv_ctl_color wish, struct batv_ctl_terminal *out)
{
	out->is_terminal = isatty(fd);
	out->color = wants_color(out->is_terminal, wish);
	out->utf8 = locale_is_utf8();
	batv_ctl_terminal_resize(fd, out);
}

const char *batv_ctl_terminal_paint(const struct batv_ctl_terminal *terminal,
				    enum batv_ctl_paint paint)
{
	static const char *const paints[] = {[BATV_PAINT_GOOD] = "\033[32m",
					     [BATV_PAINT_ADVICE] = "\033[33m",
					     [BATV_PAINT_BAD] = "\033[1;31m",
					     [BATV_PAINT_DIM] = "\033[2m"};

	return terminal->color ? paints[paint] : "";
}

const char *batv_ctl_terminal_plain(const struct batv_ctl_terminal *terminal)
{
	return terminal->color ? "\033[0m" : "";
}
