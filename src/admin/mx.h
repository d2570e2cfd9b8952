/*
 * mx.h - does mail for a domain come to this host?
 */
#ifndef BATV_MX_H
#define BATV_MX_H

#include <stddef.h>

enum batv_mx {
	BATV_MX_HERE,
	BATV_MX_PRIVATE, /* a name that has no MX in the public DNS: "localhost", "lan", "test" */
	BATV_MX_NONE,    /* the DNS has no mail server for it */
	BATV_MX_OTHER,
	BATV_MX_UNKNOWN, /* the DNS did not answer */
};

/*
 * Asks the DNS for the mail servers of a domain, and whether one of them has an address of this
 * host, or the name `hostname`.  `server` becomes the name of the best one; "": none is known.
 */
enum batv_mx batv_mx_find(const char *domain, const char *hostname, char *server, size_t size);

#endif
