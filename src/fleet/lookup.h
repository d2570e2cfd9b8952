/*
 * lookup.h - finds the addresses of a host name without making the caller wait: a thread asks.
 */
#ifndef BATV_LOOKUP_H
#define BATV_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

struct batv_lookup;

/* Begins to look up a name, or a number.  NULL: no memory, or no thread; errno is kept. */
struct batv_lookup *batv_lookup_start(const char *host, const char *port);
/* Becomes readable when the answer is there. */
int batv_lookup_fd(const struct batv_lookup *lookup);
/*
 * Is the answer there?  Then *found is a list for freeaddrinfo(), or NULL and *why says why.  Ask
 * once only.
 */
bool batv_lookup_done(struct batv_lookup *lookup, struct addrinfo **found, const char **why);
/* Forgets it, finished or not. */
void batv_lookup_free(struct batv_lookup *lookup);

#endif
