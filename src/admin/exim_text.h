/*
 * exim_text.h - reads what Exim prints about its configuration: `exim -bP ...` and `exim -bV`.
 */
#ifndef BATV_EXIM_TEXT_H
#define BATV_EXIM_TEXT_H

#include "base/span.h"

/* One option of a router or transport, as `exim -bP routers` prints it. */
struct batv_exim_option {
	struct batv_span driver; /* the name of the router or transport */
	struct batv_span name;   /* without "*", which marks an option that people cannot change */
	struct batv_span value;  /* without blanks at its ends; empty for a switch */
};

struct batv_exim_options {
	struct batv_span rest, driver; /* private */
};

/* Starts at the first option of `text`, which is borrowed. */
void batv_exim_text_start(struct batv_exim_options *options, const char *text);
bool batv_exim_text_next(struct batv_exim_options *options, struct batv_exim_option *option);

/*
 * Finds the value after "NAME = ", "NAME=" or "kind NAME = " (of a named list) at the start of a
 * line.  Returns false if there is none, or if it is too long.
 */
bool batv_exim_text_value(const char *text, const char *name, char *out, size_t size);

/* Is `word` among what `exim -bV` says that this Exim supports? */
bool batv_exim_text_supports(const char *text, const char *word);

/*
 * Finds the error that Exim reports in its configuration, which takes two lines, and makes one line
 * of it.  Returns false if there is none.
 */
bool batv_exim_text_error(const char *text, char *out, size_t size);

/* Finds the rest of the first line that starts with `start`. */
bool batv_exim_text_after(const char *text, const char *start, char *out, size_t size);

#endif
