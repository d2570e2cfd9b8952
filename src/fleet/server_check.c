/*
 * server_check.c - connects to the servers as the daemon does, and says what it finds.
 */
#include <stdio.h>
#include <string.h>

#include "server_check.h"
#include "run.h"

#define PATIENCE 12000 /* ms: a name may be looked up for ten seconds */

static void no_parcel(void *ctx, unsigned server, const char *key, struct batv_span bytes)
{
	(void)ctx, (void)server, (void)key, (void)bytes;
}

static void no_row(void *ctx, unsigned server, struct batv_span field, struct batv_span bytes)
{
	(void)ctx, (void)server, (void)field, (void)bytes;
}

static void no_end(void *ctx, unsigned server, const char *key, bool whole)
{
	(void)ctx, (void)server, (void)key, (void)whole;
}

static void no_stored(void *ctx, unsigned server, uint64_t cookie)
{
	(void)ctx, (void)server, (void)cookie;
}

/* The first news of a server is what counts; later ones come from trying again. */
static void take_news(void *ctx, unsigned server)
{
	bool *heard = ctx;

	heard[server] = true;
}

static bool all_heard(const struct batv_engine *engine, const bool *heard)
{
	for (unsigned i = 0; i < batv_engine_servers(engine); i++)
		if (!heard[i])
			return false;
	return true;
}

static bool print_all(const struct batv_engine *engine)
{
	bool ok = true;

	for (unsigned i = 0; i < batv_engine_servers(engine); i++) {
		const struct batv_engine_status *s = batv_engine_status(engine, i);

		printf("%s: %s%s%s%s%s\n", s->server, s->warned ? "warning: " : "", s->text,
		       *s->version ? " (" : "", s->version, *s->version ? ")" : "");
		ok &= s->state == BATV_ENGINE_OK;
	}
	return ok;
}

bool batv_server_check(const struct batv_setup *setup)
{
	bool heard[BATV_SERVERS_MAX] = {false}, ok;
	struct batv_engine_hooks hooks = {heard, no_parcel, no_row, no_end, no_stored, take_news};
	struct batv_engine *engine =
		batv_engine_new(setup->servers, setup->n, &setup->engine, &hooks);
	int64_t now = batv_run_milliseconds(), end = now + PATIENCE;

	if (!engine) {
		fprintf(stderr, "batv-fleet: out of memory\n");
		return false;
	}
	for (; now < end && !all_heard(engine, heard); now = batv_run_milliseconds()) {
		struct pollfd fds[BATV_ENGINE_POLLS];
		int64_t due;
		size_t n;

		batv_engine_work(engine, now);
		if (all_heard(engine, heard))
			break;
		due = batv_engine_due(engine, now);
		n = batv_engine_poll(engine, fds);
		(void)poll(fds, n, due > now ? (int)(due - now) : 0);
	}
	ok = print_all(engine);
	batv_engine_free(engine);
	return ok;
}
