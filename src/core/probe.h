/*
 * probe.h - what has to be tried before Exim is asked about a list.
 *
 * Exim's matcher ends its process over a list with a file that can't be opened, a lookup type
 * that it does not know, or a regular expression that does not compile: mail would stay in
 * the queue, and a client would get 421.  An expansion that meets the same merely fails, so each such
 * item has an expansion that tries it without looking anything up.
 */
#ifndef BATV_PROBE_H
#define BATV_PROBE_H

#include "span.h"

#define BATV_PROBE_ITEM_MAX 1000	/* a longer item is Exim's own affair */

struct batv_probe {
	const char *rest;	/* of the list; private */
	char separator;		/* private */
	char expansion[BATV_PROBE_ITEM_MAX + 64];
};

/*
 * list: after Exim has expanded it (it takes backslashes off), without "$".  Borrowed.
 */
void batv_probe_start(struct batv_probe *probe, const char *list);

/*
 * The next item that has to be tried; false: there is none any more.  If Exim can't expand
 * probe->expansion, the list must not be given to its matcher.  What an expansion can't tell (named
 * lists, what a database answers) is passed over.
 */
bool batv_probe_next(struct batv_probe *probe);

#endif
