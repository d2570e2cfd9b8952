/*
 * redis_link.c - hiredis writes the commands and takes the replies apart; the sockets are ours.
 *
 * Whatever a server sends is bounded here: the length of a reply and of an array.  hiredis 0.14
 * bounds neither.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_link.h"

#define READ_AT_ONCE 65536
#define READ_MAX (UINT32_C(4) << 20) /* in one step, so that others get their turn */
#define ARGS_MAX 16
#define OUT_KEPT 262144 /* a larger buffer is freed when it is empty */

#if HIREDIS_MAJOR < 1
static redisReplyObjectFunctions bounded;
static void *(*plain_array)(const redisReadTask *, int);

static void *bounded_array(const redisReadTask *task, int elements)
{
	if (elements < 0 || (unsigned)elements > BATV_REDIS_LINK_ELEMENTS)
		return NULL;
	return plain_array(task, elements);
}

static redisReader *make_reader(void)
{
	redisReader *reader = redisReaderCreate();

	if (!reader)
		return NULL;
	if (!plain_array) {
		bounded = *reader->fn;
		plain_array = bounded.createArray;
		bounded.createArray = bounded_array;
	}
	reader->fn = &bounded;
	return reader;
}
#else
static redisReader *make_reader(void)
{
	redisReader *reader = redisReaderCreate();

	if (reader)
		reader->maxelements = BATV_REDIS_LINK_ELEMENTS;
	return reader;
}
#endif

void batv_redis_link_close(struct batv_redis_link *link)
{
	batv_wire_close(&link->wire);
	if (link->reader)
		redisReaderFree(link->reader);
	free(link->out);
	free(link->asked);
	link->reader = NULL;
	link->out = NULL;
	link->asked = NULL;
	link->out_at = link->out_len = link->out_size = 0;
	link->asked_at = link->asked_n = link->asked_size = 0;
}

static bool fail_odd(struct batv_redis_link *link, const char *why)
{
	link->odd = true;
	snprintf(link->wire.why, sizeof link->wire.why, "%s", why);
	batv_redis_link_close(link);
	return false;
}

bool batv_redis_link_open(struct batv_redis_link *link, const struct batv_wire_server *server,
			  int64_t now)
{
	memset(link, 0, sizeof *link);
	link->moved = now;
	link->reader = make_reader();
	if (!link->reader) {
		snprintf(link->wire.why, sizeof link->wire.why, "%s", strerror(ENOMEM));
		return false;
	}
	if (batv_wire_open(&link->wire, server))
		return true;
	batv_redis_link_close(link);
	return false;
}

/* ---- sending ---- */

static bool make_room(struct batv_redis_link *link, size_t more)
{
	size_t waiting = link->out_len - link->out_at, size = link->out_size;
	char *grown;

	if (waiting + more > BATV_REDIS_LINK_ROOM)
		return false;
	if (link->out_at) {
		memmove(link->out, link->out + link->out_at, waiting);
		link->out_at = 0;
		link->out_len = waiting;
	}
	while (size < waiting + more)
		size = size ? size * 2 : 16384;
	if (size == link->out_size)
		return true;
	grown = realloc(link->out, size);
	if (!grown)
		return false;
	link->out = grown;
	link->out_size = size;
	return true;
}

static bool note_asked(struct batv_redis_link *link, struct batv_redis_asked asked)
{
	if (link->asked_n == link->asked_size) {
		size_t size = link->asked_size ? link->asked_size * 2 : 64;
		struct batv_redis_asked *ring = calloc(size, sizeof *ring);

		if (!ring)
			return false;
		for (size_t i = 0; i < link->asked_n; i++)
			ring[i] = link->asked[(link->asked_at + i) % link->asked_size];
		free(link->asked);
		link->asked = ring;
		link->asked_at = 0;
		link->asked_size = size;
	}
	link->asked[(link->asked_at + link->asked_n++) % link->asked_size] = asked;
	return true;
}

bool batv_redis_link_ask(struct batv_redis_link *link, struct batv_redis_asked asked,
			 const struct batv_span *args, int n, int64_t now)
{
	const char *argv[ARGS_MAX];
	size_t lens[ARGS_MAX];
	char *command = NULL;
	bool idle = !link->asked_n, ok = false;
	int len;

	if (link->wire.state == BATV_WIRE_CLOSED || n > ARGS_MAX)
		return false;
	for (int i = 0; i < n; i++) {
		argv[i] = args[i].p;
		lens[i] = args[i].len;
	}
	len = redisFormatCommandArgv(&command, n, argv, lens);
	if (len <= 0)
		return false;
	if (make_room(link, (size_t)len) && note_asked(link, asked)) {
		memcpy(link->out + link->out_len, command, (size_t)len);
		link->out_len += (size_t)len;
		if (idle)
			link->moved = now; /* the server's time begins now */
		ok = true;
	}
	redisFreeCommand(command);
	return ok;
}

static bool send_some(struct batv_redis_link *link, int64_t now)
{
	while (link->out_at < link->out_len) {
		ssize_t put = batv_wire_write(&link->wire, link->out + link->out_at,
					      link->out_len - link->out_at);

		if (put < 0)
			return false;
		if (put == 0)
			return true;
		link->out_at += (size_t)put;
		link->moved = now;
	}
	link->out_at = link->out_len = 0;
	if (link->out_size > OUT_KEPT) {
		free(link->out);
		link->out = NULL;
		link->out_size = 0;
	}
	return true;
}

/* ---- receiving ---- */

/* What came before the connection ended is still in the reader. */
static bool receive_some(struct batv_redis_link *link, int64_t now)
{
	static char buf[READ_AT_ONCE];
	size_t sum = 0;
	ssize_t got = 0;

	while (sum < READ_MAX && (got = batv_wire_read(&link->wire, buf, sizeof buf)) > 0) {
		sum += (size_t)got;
		link->moved = now;
		if (redisReaderFeed(link->reader, buf, (size_t)got) != REDIS_OK)
			return fail_odd(link, link->reader->errstr);
		link->fed += (size_t)got;
		if (link->fed > BATV_REDIS_LINK_REPLY + READ_MAX)
			return fail_odd(link, "a reply without end");
	}
	return got >= 0 || sum > 0;
}

bool batv_redis_link_step(struct batv_redis_link *link, int64_t now)
{
	if (!batv_wire_step(&link->wire))
		return false;
	if (link->wire.state != BATV_WIRE_OPEN)
		return true;
	return send_some(link, now) && receive_some(link, now);
}

redisReply *batv_redis_link_next(struct batv_redis_link *link, struct batv_redis_asked *asked)
{
	void *reply = NULL;

	if (!link->reader)
		return NULL;
	if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
		fail_odd(link, link->reader->errstr);
		return NULL;
	}
	if (!reply)
		return NULL;
	if (!link->asked_n) {
		freeReplyObject(reply);
		fail_odd(link, "a reply that nobody asked for");
		return NULL;
	}
	link->fed = 0;
	*asked = link->asked[link->asked_at];
	link->asked_at = (link->asked_at + 1) % link->asked_size;
	link->asked_n--;
	return reply;
}

bool batv_redis_link_overdue(const struct batv_redis_link *link, int64_t now, int64_t limit)
{
	if (link->wire.state == BATV_WIRE_CLOSED)
		return false;
	return (link->asked_n || link->wire.state != BATV_WIRE_OPEN) && now - link->moved > limit;
}

struct pollfd batv_redis_link_poll(const struct batv_redis_link *link)
{
	return batv_wire_poll(&link->wire, link->out_at < link->out_len);
}
