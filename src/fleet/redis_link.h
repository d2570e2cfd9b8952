/*
 * redis_link.h - one connection to a Redis or Valkey server: commands go out, replies come back in
 * the same order.  Nothing here waits.
 */
#ifndef BATV_REDIS_LINK_H
#define BATV_REDIS_LINK_H

#include <hiredis/hiredis.h>

#include "wire.h"

#define BATV_REDIS_LINK_ROOM (UINT32_C(32) << 20)    /* bytes that wait to be sent, at most */
#define BATV_REDIS_LINK_REPLY (UINT32_C(96) << 20)   /* of one reply; a longer one is refused */
#define BATV_REDIS_LINK_ELEMENTS (UINT32_C(1) << 20) /* of one array */

struct batv_redis_asked {
	int what; /* the caller's */
	uint64_t cookie;
};

/* All bytes zero: closed. */
struct batv_redis_link {
	struct batv_wire wire;
	redisReader *reader;
	char *out;                            /* from malloc: what is to be sent */
	size_t out_at, out_len, out_size;     /* sent, filled, allocated */
	struct batv_redis_asked *asked;       /* a ring, from malloc */
	size_t asked_at, asked_n, asked_size; /* the oldest, how many, room */
	size_t fed;                           /* bytes of the reply that is not whole yet */
	int64_t moved;                        /* ms: when bytes moved last */
	bool odd;                             /* it failed because the server speaks otherwise */
};

/* Begins to connect.  False: it failed, and link->wire.why says why. */
bool batv_redis_link_open(struct batv_redis_link *link, const struct batv_wire_server *server,
			  int64_t now);
/* Queues a command.  False: no room; nothing is queued. */
bool batv_redis_link_ask(struct batv_redis_link *link, struct batv_redis_asked asked,
			 const struct batv_span *args, int n, int64_t now);
/* Connects, sends and receives what is possible now.  False: it failed, see `odd` and wire.why. */
bool batv_redis_link_step(struct batv_redis_link *link, int64_t now);
/*
 * The next reply, and what it is for.  Free it with freeReplyObject().  NULL: none now, or it
 * failed: then the link is closed.
 */
redisReply *batv_redis_link_next(struct batv_redis_link *link, struct batv_redis_asked *asked);
/* Has nothing moved for so many ms, although something is awaited? */
bool batv_redis_link_overdue(const struct batv_redis_link *link, int64_t now, int64_t limit);
struct pollfd batv_redis_link_poll(const struct batv_redis_link *link);
void batv_redis_link_close(struct batv_redis_link *link); /* wire.why and odd stay */

#endif
