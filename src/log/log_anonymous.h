/*
 * log_anonymous.h - what may be shown of an address and of a host to people who must not know them:
 * the domain, and the network.
 */
#ifndef BATV_LOG_ANONYMOUS_H
#define BATV_LOG_ANONYMOUS_H

#include "base/span.h"
#include "tag/addr.h"

#define BATV_LOG_HOST_SIZE 64

/* Writes the domain, in lower case; "(local)": there is none. */
void batv_log_anonymous_address(struct batv_span address, char out[static BATV_ADDR_SIZE]);
/* Writes the network of an IP address; "-": it is not one. */
void batv_log_anonymous_host(struct batv_span host, char out[static BATV_LOG_HOST_SIZE]);

#endif
