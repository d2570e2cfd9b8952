/*
 * plain_list.h - is a value in this Exim list?  Answers without an Exim, for lists of literal items
 * only.  Any other list is BATV_MAYBE.
 *
 * These items are literal: names, "*", "*.example.com", user@domain with "*" on either side, and IP
 * addresses.  The items are tried in order.  The first one that matches decides; the first one that
 * is not literal makes the answer BATV_MAYBE.
 */
#ifndef BATV_PLAIN_LIST_H
#define BATV_PLAIN_LIST_H

#include "decide/verdict.h"

enum batv_match batv_plain_list_domain(const char *domain, const char *list);
enum batv_match batv_plain_list_address(const char *address, const char *list);
enum batv_match batv_plain_list_host(const char *address, const char *list);

/* Takes the next item off *list, plain or not.  Returns false at the end. */
bool batv_plain_list_next(const char **list, struct batv_span *item);

#endif
