/*
 * exim_list.h - takes an Exim list apart exactly as Exim does, and says which items may be in a
 * list of ours.
 *
 * Exim evaluates the lists of the state, as root when it delivers.  A list needs no "$" to do
 * harm: "sqlite;/file ATTACH ..." writes files, "lsearch;/etc/shadow" reads them, a fifo stops the
 * process.  So there is one rule for batvd, batvctl and the code in Exim's process.  An item is a
 * literal, a pattern, "+name", or a look-up lsearch, wildlsearch, nwildlsearch, iplsearch or cdb
 * in a file that passes list_file.h.  Everything else must be in a named list of Exim's
 * configuration, which is trusted.
 */
#ifndef BATV_DECIDE_EXIM_LIST_H
#define BATV_DECIDE_EXIM_LIST_H

#include "base/span.h"

#define BATV_LIST_ITEM_MAX 1000 /* bytes of an item; a longer one is refused */

enum batv_list_kind { BATV_LIST_DOMAINS, BATV_LIST_ADDRESSES, BATV_LIST_HOSTS };

enum batv_item_sort {
	BATV_LIST_ITEM_PLAIN, /* a name, an address, a network, "*.name", "@", "@[]", or nothing */
	BATV_LIST_ITEM_PATTERN, /* a regular expression, also behind "user@" */
	BATV_LIST_ITEM_NAMED,   /* "+name", also behind "user@" */
	BATV_LIST_ITEM_LOOKUP,  /* in a file */
	BATV_LIST_ITEM_REFUSED,
};

/* What Exim takes the text in the file of a look-up for. */
enum batv_content {
	BATV_CONTENT_KEYS,     /* keys and values, nothing more */
	BATV_CONTENT_PATTERNS, /* items, which may be look-ups again (nwildlsearch, "@@") */
	BATV_CONTENT_EXPANDED, /* the same, and it expands them first (wildlsearch) */
};

/* Filled by batv_exim_list_next(); everything points into `text` of the same item. */
struct batv_list_item {
	enum batv_item_sort sort;
	const char *why;       /* REFUSED: the reason, a constant */
	const char *part;      /* PATTERN: from its "^"; NAMED: from its "+" */
	struct batv_span type; /* LOOKUP: "partial-lsearch*", without "net-", "user@" and "@@" */
	const char *path;      /* LOOKUP: absolute, without ".", "..", "//" */
	enum batv_content content; /* LOOKUP */
	char text[BATV_LIST_ITEM_MAX +
		  1]; /* after expansion: without the backslashes that Exim takes off */
};

/* Private. */
struct batv_list_items {
	enum batv_list_kind kind;
	const char *rest;
	int separator;
	bool verbatim; /* between \N and \N */
};

/* list: as it is written in the configuration.  Borrowed. */
void batv_exim_list_start(struct batv_list_items *items, enum batv_list_kind kind,
			  const char *list);

/* The next item; false: there are no more.  A REFUSED one is the last. */
bool batv_exim_list_next(struct batv_list_items *items, struct batv_list_item *item);

/* True: all items are allowed.  False: *item is the first that is REFUSED. */
bool batv_exim_list_allowed(enum batv_list_kind kind, const char *list,
			    struct batv_list_item *item);

/*
 * Is this what batv_exim_list_next() takes apart: the list without the backslashes that Exim's
 * expansion takes off?  The code in Exim's process asks it, so that what is matched is what was
 * checked.
 */
bool batv_exim_list_expands_to(const char *list, const char *expanded);

#endif
