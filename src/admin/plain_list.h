/*
 * plain_list.h - is it in this Exim list?  Answers without an Exim, and only when the answer is
 * certain: lists of literal items.  Anything else is BATV_MAYBE.
 *
 * Certain are: names, "*", "*.example.com", user@domain with "*" for either side, and IP addresses.
 * Items are taken in their order; the first one that matches answers, and the first one that is
 * not understood ends the certainty.
 */
#ifndef BATV_PLAIN_LIST_H
#define BATV_PLAIN_LIST_H

#include "decide/verdict.h"

enum batv_match batv_plain_list_domain(const char *domain, const char *list);
enum batv_match batv_plain_list_address(const char *address, const char *list);
enum batv_match batv_plain_list_host(const char *address, const char *list);

/* One item after the other.  *list moves on; false at the end, or where it is not plain. */
bool batv_plain_list_next(const char **list, struct batv_span *item);

#endif
