/*
 * roster_text.h - a roster as text, to go on with after a restart.
 *
 * A text that is older than what the roster knew is safe, but for the members: save it before
 * batv_roster_until() is used, whenever `urgent` is set.
 */
#ifndef BATV_ROSTER_TEXT_H
#define BATV_ROSTER_TEXT_H

#include "roster.h"

/* *text from malloc, NUL-terminated.  Errors: BATV_E_IO (out of memory). */
enum batv_err batv_roster_text_write(const struct batv_roster *roster, char **text, size_t *len);
/*
 * Reads one.  roster->own, member and room are the caller's; a text of another host is
 * BATV_E_SYNTAX. On error the roster is empty, as if it had been started with since 0; *line (0:
 * the whole) and *why (a constant) say what is wrong.  An offset of a clock
 * counts when it is seen again.
 */
enum batv_err batv_roster_text_read(const char *text, size_t len, struct batv_roster *roster,
				    unsigned *line, const char **why);

#endif
