/*
 * wire.h - one connection to a server: TCP, a unix socket, or TLS.  Nothing here waits.
 */
#ifndef BATV_WIRE_H
#define BATV_WIRE_H

#include <poll.h>
#include <sys/types.h>

#include "decide/servers.h"

/* A server of fleet_servers, as text for the system. */
struct batv_wire_server {
	char text[300]; /* as it is shown: host:port, [v6]:port, unix:/path, rediss://host:port */
	char host[256]; /* a name or a number, without brackets; or the path of a socket */
	char port[6];   /* "": a unix socket */
	bool tls;
};

/* Takes the first server off *list, as batv_server_next(); returns NULL, or what was expected. */
const char *batv_wire_server_next(struct batv_span *list, struct batv_wire_server *out);

enum batv_wire_state {
	BATV_WIRE_CLOSED,
	BATV_WIRE_LOOKING_UP, /* the name of the host */
	BATV_WIRE_CONNECTING,
	BATV_WIRE_GREETING, /* TLS shakes hands */
	BATV_WIRE_OPEN,
};

/* All bytes zero: closed. */
struct batv_wire {
	enum batv_wire_state state;
	const struct batv_wire_server *server; /* borrowed while it is not closed */
	int fd;
	short tls_wants; /* POLLIN or POLLOUT: what the last call of TLS waits for */
	void *tls;
	struct batv_lookup *lookup;
	struct addrinfo *found, *next;
	char why[300]; /* after a failure: a clause without a full stop */
};

/* Begins to connect.  On failure (false, here and below) it is closed, and `why` is set. */
bool batv_wire_open(struct batv_wire *wire, const struct batv_wire_server *server);
/* What to poll for; writing: the caller has something to write.  fd -1: nothing. */
struct pollfd batv_wire_poll(const struct batv_wire *wire, bool writing);
/* Goes on until it is open, or must wait. */
bool batv_wire_step(struct batv_wire *wire);
/* Return the number of bytes, 0 if it must wait, -1 after a failure. */
ssize_t batv_wire_read(struct batv_wire *wire, void *buf, size_t size);
ssize_t batv_wire_write(struct batv_wire *wire, const void *buf, size_t len);
/* Closes it.  `why` stays. */
void batv_wire_close(struct batv_wire *wire);

#endif
