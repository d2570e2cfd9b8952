/*
 * cutthrough.c - finds the connection of cutthrough delivery.
 *
 * Exim's API does not tell of it.  But $sending_port is the local port of the last connection that
 * this process made to another mail server, and that of cutthrough delivery is still open in
 * local_scan().  One that was made for a callout is closed.  Without any, this costs one expansion.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/span.h"
#include "cutthrough.h"
#include "exim_glue.h"

#define DESCRIPTORS                                                                                \
 64 /* an Exim process that receives has few, and the lowest free one is taken                     \
     */

/* The local port of a connected TCP socket; 0: this is not one. */
static unsigned port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} here = {.v6 = {0}}, there;
	socklen_t size = sizeof here, size_there = sizeof there;

	if (getsockname(fd, &here.any, &size) != 0 || getpeername(fd, &there.any, &size_there) != 0)
		return 0;
	if (here.any.sa_family == AF_INET)
		return ntohs(here.v4.sin_port);
	return here.any.sa_family == AF_INET6 ? ntohs(here.v6.sin6_port) : 0;
}

bool batv_cutthrough(void)
{
	const char *text = batv_glue_expand("$sending_port");
	uint64_t port;

	if (!text || !batv_span_to_u64(batv_span_of(text), &port) || port == 0)
		return false;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (port_of(fd) == port)
			return true;
	return false;
}
