/*
 * list_probe.c - makes the expansion that tries a file or a pattern.
 *
 * Pure.  Invariant: an expansion consists of our own text and a file name or pattern that cannot
 * end its argument (exim_list.c refuses those that could), so no text of a list is ever run.
 */
#include "list_probe.h"

#include <stdio.h>

bool batv_list_probe(const struct batv_list_item *item, char out[static BATV_LIST_PROBE_SIZE])
{
	switch (item->sort) {
	case BATV_LIST_ITEM_PATTERN:
		(void)snprintf(out, BATV_LIST_PROBE_SIZE, "${if match{}{\\N%s\\N}{}{}}",
			       item->part);
		return true;
	case BATV_LIST_ITEM_LOOKUP: /* Exim opens the file, but never looks up an empty key */
		(void)snprintf(out, BATV_LIST_PROBE_SIZE, "${lookup{}%.*s{%s}{}{}}",
			       (int)item->type.len, item->type.p, item->path);
		return true;
	case BATV_LIST_ITEM_PLAIN:
	case BATV_LIST_ITEM_NAMED:
	case BATV_LIST_ITEM_REFUSED: break;
	}
	return false;
}
