/*
 * ctl_terminal.h - how stdout may be written to: colour, UTF-8, and the width of a line.
 */
#ifndef BATV_CTL_TERMINAL_H
#define BATV_CTL_TERMINAL_H

#include <stdbool.h>

enum batv_ctl_color { BATV_COLOR_AUTO, BATV_COLOR_ALWAYS, BATV_COLOR_NEVER };

struct batv_ctl_terminal {
	bool is_terminal;
	bool color;
	bool utf8;      /* the locale's character set is UTF-8 */
	unsigned width; /* columns; 80 if it is not a terminal, or does not say */
};

/* Reads auto, always or never.  Returns false for any other text. */
bool batv_ctl_terminal_color(const char *text, enum batv_ctl_color *out);

/*
 * Looks at what fd is, and at NO_COLOR, TERM and the locale.  A NO_COLOR that is not empty beats
 * every wish.  With BATV_COLOR_AUTO only a terminal that is not "dumb" gets colours.
 */
/* Asks for the width again. */
void batv_ctl_terminal_resize(int fd, struct batv_ctl_terminal *terminal);
void batv_ctl_terminal_look(int fd, enum batv_ctl_color wish, struct batv_ctl_terminal *out);

/*
 * The escape sequences around a text, "" without colours.  They are put around whole columns, after
 * padding, because they count as characters for printf().
 */
enum batv_ctl_paint { BATV_PAINT_GOOD, BATV_PAINT_ADVICE, BATV_PAINT_BAD, BATV_PAINT_DIM };
const char *batv_ctl_terminal_paint(const struct batv_ctl_terminal *terminal,
				    enum batv_ctl_paint paint);
const char *batv_ctl_terminal_plain(const struct batv_ctl_terminal *terminal);

#endif
