/*
 * conffile.h - the lines of a configuration file: "[section]", "option = value", comments.
 *
 * Why not libini_config of the distribution (0.6.2, tried): a NUL byte cuts a value without an
 * error; one byte that is not UTF-8 makes the whole file unreadable, without its line; a
 * comment between the lines of a folded list is an error; the list of a file's options lacks
 * the first one that stands before any section, so that a typing error there goes unseen; and
 * "[default]" can't be told from no section.
 *
 *	# a comment: only at the start of a line
 *	option = value			blanks around both are taken off
 *	option = a list :		a value goes on in indented lines; each joint is
 *		that goes on		one space
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
	const char *name; /* of section or option; ERROR: the text that is wrong */
	char *value;      /* of the option, on one line */
	const char *why;  /* ERROR: what was expected */
};

/* text: len bytes, writable, and one more behind them; items borrow from it. */
void batv_conffile_start(struct batv_conffile *file, char *text, size_t len);

/* The next item.  After an error only BATV_CONF_END is left. */
enum batv_conf_kind batv_conffile_next(struct batv_conffile *file, struct batv_conf_item *item);

#endif
