/*
 * engine.c - several servers, side by side.  None of them waits for another one.
 */
#include <stdlib.h>

#include "engine_redis.h"

struct batv_engine {
	struct batv_engine_settings settings;
	struct batv_engine_hooks hooks;
	unsigned n;
	struct batv_engine_redis servers[BATV_SERVERS_MAX];
};

struct batv_engine *batv_engine_new(const struct batv_wire_server *servers, unsigned n,
				    const struct batv_engine_settings *settings,
				    const struct batv_engine_hooks *hooks)
{
	struct batv_engine *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->settings = *settings;
	e->hooks = *hooks;
	e->n = n < BATV_SERVERS_MAX ? n : BATV_SERVERS_MAX;
	for (unsigned i = 0; i < e->n; i++) {
		e->servers[i].index = i;
		e->servers[i].server = &servers[i];
		e->servers[i].settings = &e->settings;
		e->servers[i].hooks = &e->hooks;
		batv_engine_redis_start(&e->servers[i]);
	}
	return e;
}

void batv_engine_free(struct batv_engine *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->n; i++)
		batv_engine_redis_stop(&e->servers[i]);
	free(e);
}

size_t batv_engine_poll(const struct batv_engine *e, struct pollfd fds[static BATV_ENGINE_POLLS])
{
	size_t n = 0;

	for (unsigned i = 0; i < e->n; i++) {
		fds[n++] = batv_redis_link_poll(&e->servers[i].writer);
		fds[n++] = batv_redis_link_poll(&e->servers[i].reader);
	}
	return n;
}

int64_t batv_engine_due(const struct batv_engine *e, int64_t now)
{
	int64_t due = now + 1000;

	for (unsigned i = 0; i < e->n; i++) {
		int64_t one = batv_engine_redis_due(&e->servers[i]);

		due = one < due ? one : due;
	}
	return due;
}

void batv_engine_work(struct batv_engine *e, int64_t now)
{
	for (unsigned i = 0; i < e->n; i++)
		batv_engine_redis_work(&e->servers[i], now);
}

unsigned batv_engine_servers(const struct batv_engine *e)
{
	return e->n;
}

const struct batv_engine_status *batv_engine_status(const struct batv_engine *e, unsigned server)
{
	return &e->servers[server].status;
}

size_t batv_engine_waiting(const struct batv_engine *e, unsigned server)
{
	const struct batv_redis_link *link = &e->servers[server].writer;

	return link->out_len - link->out_at;
}

bool batv_engine_append(struct batv_engine *e, unsigned server, const char *key,
			struct batv_span bytes, uint64_t cookie)
{
	return batv_engine_redis_append(&e->servers[server], key, bytes, cookie);
}

bool batv_engine_read(struct batv_engine *e, unsigned server, const char *key)
{
	return batv_engine_redis_read(&e->servers[server], key, false);
}

bool batv_engine_put(struct batv_engine *e, unsigned server, const char *key,
		     struct batv_span field, struct batv_span bytes, uint64_t cookie)
{
	return batv_engine_redis_put(&e->servers[server], key, field, bytes, cookie);
}

bool batv_engine_get(struct batv_engine *e, unsigned server, const char *key)
{
	return batv_engine_redis_read(&e->servers[server], key, true);
}
