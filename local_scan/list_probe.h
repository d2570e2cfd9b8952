/*
 * list_probe.h - what must be tried before Exim is asked about an item of a list.
 *
 * Exim's matcher ends its process over a list with a file that cannot be opened, a lookup type
 * that it does not know, or a regular expression that does not compile: mail would stay in the
 * queue, and a client would get 421.  An expansion that meets the same merely fails, so each such
 * item has an expansion that tries it without looking anything up.
 */
#ifndef BATV_LIST_PROBE_H
#define BATV_LIST_PROBE_H

#include "decide/exim_list.h"

#define BATV_LIST_PROBE_SIZE (BATV_LIST_ITEM_MAX + 64)

/*
 * The expansion for an item that is not REFUSED; false: there is nothing to try.  If Exim cannot
 * expand it, the list must not be given to its matcher.  Named lists are Exim's own, and are
 * passed over.
 */
bool batv_list_probe(const struct batv_list_item *item, char out[static BATV_LIST_PROBE_SIZE]);

#endif
