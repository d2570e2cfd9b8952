/*
 * list_probe.h - makes the expansion that tries a list item before Exim is asked about it.
 *
 * Exim's matcher ends its process if a list has a file that cannot be opened, a look-up type that
 * it does not know, or a regular expression that does not compile.  Mail would stay in the queue,
 * and a client would get 421.  In an expansion the same faults are mere failures.  So each such
 * item has an expansion that tries it without looking anything up.
 */
#ifndef BATV_LIST_PROBE_H
#define BATV_LIST_PROBE_H

#include "decide/exim_list.h"

#define BATV_LIST_PROBE_SIZE (BATV_LIST_ITEM_MAX + 64)

/*
 * Writes the expansion for an item, NUL-terminated.  Returns false if there is nothing to try.  If
 * Exim cannot expand the text, the list must not reach Exim's matcher.  Named lists are not tried,
 * because they are Exim's own.
 */
bool batv_list_probe(const struct batv_list_item *item, char out[static BATV_LIST_PROBE_SIZE]);

#endif
