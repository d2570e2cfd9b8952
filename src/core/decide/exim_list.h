/*
 * exim_list.h - splits an Exim list into items exactly as Exim does, and says which items our lists
 * may have.
 *
 * Exim evaluates the lists of the state, and does so as root when it delivers.  A list needs no "$"
 * to do harm: "sqlite;/file ATTACH ..." writes files, "lsearch;/etc/shadow" reads them, and a fifo
 * stops the process.  So batvd, batvctl and the code in Exim's process share one rule.  An item may
 * be a literal, a pattern, "+name", or a look-up of type lsearch, wildlsearch, nwildlsearch,
 * iplsearch or cdb in a file that passes list_file.h.  Everything else must be in a named list of
 * Exim's configuration, which is trusted.
 */
#ifndef BATV_DECIDE_EXIM_LIST_H
#define BATV_DECIDE_EXIM_LIST_H

#include <string.h>

#include "base/span.h"

#define BATV_LIST_ITEM_MAX 1000 /* bytes of an item; a longer one is refused */

enum batv_list_kind { BATV_LIST_DOMAINS, BATV_LIST_ADDRESSES, BATV_LIST_HOSTS };

enum batv_item_sort {
	BATV_LIST_ITEM_PLAIN, /* a name, an address, a network, "*.name", "@", "@[]", or nothing */
	BATV_LIST_ITEM_PATTERN, /* a regular expression, also after "user@" */
	BATV_LIST_ITEM_NAMED,   /* "+name", also after "user@" */
	BATV_LIST_ITEM_LOOKUP,  /* a look-up in a file */
	BATV_LIST_ITEM_REFUSED,
};

/* How Exim reads the text in the file of a look-up. */
enum batv_content {
	BATV_CONTENT_KEYS,     /* keys and values, nothing more */
	BATV_CONTENT_PATTERNS, /* items, which may be look-ups themselves (nwildlsearch, "@@") */
	BATV_CONTENT_EXPANDED, /* the same, but Exim expands them first (wildlsearch) */
};

/* Filled by batv_exim_list_next().  All pointers but `why` point into `text` of the same item. */
struct batv_list_item {
	enum batv_item_sort sort;
	const char *why;       /* REFUSED: the reason, a constant */
	const char *part;      /* PATTERN: from its "^"; NAMED: from its "+" */
	struct batv_span type; /* LOOKUP: "partial-lsearch*", without "net-", "user@" and "@@" */
	const char *path;      /* LOOKUP: absolute, without ".", "..", "//" */
	enum batv_content content; /* LOOKUP */
	char text[BATV_LIST_ITEM_MAX +
		  1]; /* after expansion: without the backslashes that Exim removes */
};

/* Private. */
struct batv_list_items {
	enum batv_list_kind kind;
	const char *rest;
	int separator;
	bool verbatim; /* between \N and \N */
};

/* Starts at the first item.  list is as written in the configuration, and is borrowed. */
void batv_exim_list_start(struct batv_list_items *items, enum batv_list_kind kind,
			  const char *list);

/* Reads the next item; returns false if there are no more.  A REFUSED item is the last one. */
bool batv_exim_list_next(struct batv_list_items *items, struct batv_list_item *item);

/* Returns true if all items are allowed.  If not, *item is the first REFUSED one. */
bool batv_exim_list_allowed(enum batv_list_kind kind, const char *list,
			    struct batv_list_item *item);

/*
 * Returns true if `expanded` is the text that batv_exim_list_next() splits: the list without the
 * backslashes that Exim's expansion removes.  The code in Exim's process asks this, so that Exim
 * matches the same text that was checked.
 */
bool batv_exim_list_expands_to(const char *list, const char *expanded);

/*
 * One named list of hosts may be missing in Exim's configuration: main.conf of the snippets defines
 * it, and the shipped configuration of a package names it before anybody has included main.conf.
 * Where it is missing it has no members.  An unknown list would make every answer a doubt, and then
 * nothing is refused.
 */
#define BATV_LIST_OPTIONAL "batv_local_exceptions"

static inline bool batv_exim_list_has_optional(enum batv_list_kind kind, const char *list)
{
	return kind == BATV_LIST_HOSTS && strstr(list, "+" BATV_LIST_OPTIONAL);
}

/* Overwrites the items "+batv_local_exceptions" of a list of hosts by one that no client is. */
void batv_exim_list_drop_optional(char *list);

#endif
