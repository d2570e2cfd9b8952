/*
 * conffile.h - reads the lines of a configuration file: "[section]", "option = value", comments.
 *
 * Why not the distribution's libini_config?  We tried version 0.6.2.  A NUL byte cuts a value
 * without an error.  One byte that is not UTF-8 makes the whole file unreadable, and the line is
 * not named.  A comment between the lines of a folded list is an error.  The list of a file's
 * options lacks the first option before any section, so a typing error there is not seen.
 * "[default]" looks the same as no section.
 *
 *	# a comment: only at the start of a line
 *	option = value			blanks around both are removed
 *	option = a list :		a value continues on indented lines; each
 *		that continues		line break becomes one space
 *	[section]
 */
#ifndef BATV_CONFFILE_H
#define BATV_CONFFILE_H

#include <stddef.h>

enum batv_conf_kind { BATV_CONF_END, BATV_CONF_SECTION, BATV_CONF_OPTION, BATV_CONF_ERROR };

struct batv_conffile {
	char *p, *end; /* private */
	unsigned line; /* private */
};

struct batv_conf_item {
	unsigned line;    /* where it begins */
	const char *name; /* of section or option; ERROR: the wrong text */
	char *value;      /* of the option, on one line */
	const char *why;  /* ERROR: what was expected */
};

/* Starts to read `text`: len writable bytes, and one more after them.  Items borrow from it. */
void batv_conffile_start(struct batv_conffile *file, char *text, size_t len);

/* Reads the next item.  After an error it returns only BATV_CONF_END. */
enum batv_conf_kind batv_conffile_next(struct batv_conffile *file, struct batv_conf_item *item);

#endif
