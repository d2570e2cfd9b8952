/*
 * servers.h - reads the option fleet_servers: a comma-separated list of Redis or Valkey servers.
 */
#ifndef BATV_DECIDE_SERVERS_H
#define BATV_DECIDE_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define BATV_SERVERS_MAX 4
#define BATV_SERVER_PORT 6379
#define BATV_SERVER_HOST_MAX 253 /* bytes */
#define BATV_SERVER_PATH_MAX 107 /* bytes: struct sockaddr_un has room for these and a NUL */

struct batv_server {
	struct batv_span text; /* as it is written */
	struct batv_span host; /* a name, or an address without brackets; of a socket: its path */
	uint16_t port;         /* 0: `host` is the path of a unix socket */
	bool tls;
};

/*
 * Takes the first server off *list: host:6379, [::1]:6379, unix:/path, and redis://host:6379 or
 * rediss://host:6379 (with TLS).  Without a port it is 6379.  Returns NULL and fills *server, or
 * returns what was expected, a constant.  Its text borrows from the list.
 */
const char *batv_server_next(struct batv_span *list, struct batv_server *server);

/* Checks a whole list: 1 to BATV_SERVERS_MAX servers, none twice.  Returns NULL, or the same. */
const char *batv_servers_wrong(struct batv_span list);

#endif
