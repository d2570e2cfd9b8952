/*
 * engine.h - where parcels of the fleet go and come from: several plain servers at once.
 *
 * Each parcel is appended to all of them and read from all of them, so that one of them is enough.
 * Nothing here waits: the caller polls, and lets the engine work.  Keys are short names, such as
 * "live"; the engine puts batv:{FLEET}: in front.
 *
 * BUGS: a parcel is known to be there only when `stored` was called for it.  A server that
 * comes back has perhaps lost it; the caller appends it once more.
 */
#ifndef BATV_ENGINE_H
#define BATV_ENGINE_H

#include "engine_text.h"
#include "wire.h"

#define BATV_ENGINE_LIVE "live"  /* a stream that the engine follows; it keeps 15 minutes */
#define BATV_ENGINE_HIST "hist:" /* and a number: streams that live as long as settings.keep */
#define BATV_ENGINE_ROWS "rows"  /* a hash */
#define BATV_ENGINE_KEY_MAX 24
#define BATV_ENGINE_POLLS (2 * BATV_SERVERS_MAX)
#define BATV_ENGINE_LIVE_MS INT64_C(900000)

struct batv_engine_hooks {
	void *ctx;
	/* A parcel of a stream; of LIVE, whenever one comes. */
	void (*parcel)(void *ctx, unsigned server, const char *key, struct batv_span bytes);
	/* A field of a hash that was asked for. */
	void (*row)(void *ctx, unsigned server, struct batv_span field, struct batv_span bytes);
	/* A read or get has come to its end; whole: without an error.  LIVE: it has caught up. */
	void (*end)(void *ctx, unsigned server, const char *key, bool whole);
	/* The parcel or field with this cookie is there. */
	void (*stored)(void *ctx, unsigned server, uint64_t cookie);
	/* The server's status has changed.  If it is OK now, it may have lost everything. */
	void (*changed)(void *ctx, unsigned server);
};

struct batv_engine_status {
	const char *server; /* its address, as shown */
	enum batv_engine_state state;
	bool warned;    /* it is OK, but `text` is a warning */
	bool caught_up; /* since it was connected, LIVE was read up to its end once */
	char text[BATV_ENGINE_TEXT_SIZE]; /* a clause: what is wrong, and what to do */
	int64_t since;    /* ms, of the caller's clock: the state holds since then */
	char epoch[33];   /* another one: the server has lost everything; "": not known */
	char version[40]; /* such as "redis 7.0.15"; "": not known */
};

struct batv_engine;

/* All text of settings, and the servers, are borrowed.  NULL: no memory. */
struct batv_engine *batv_engine_new(const struct batv_wire_server *servers, unsigned n,
				    const struct batv_engine_settings *settings,
				    const struct batv_engine_hooks *hooks);
void batv_engine_free(struct batv_engine *engine);

/* now: ms, of a clock that nobody sets. */
size_t batv_engine_poll(const struct batv_engine *engine,
			struct pollfd fds[static BATV_ENGINE_POLLS]);
/* When batv_engine_work() is due at the latest, though no descriptor is ready. */
int64_t batv_engine_due(const struct batv_engine *engine, int64_t now);
void batv_engine_work(struct batv_engine *engine, int64_t now);

unsigned batv_engine_servers(const struct batv_engine *engine);
const struct batv_engine_status *batv_engine_status(const struct batv_engine *engine,
						    unsigned server);

/* Bytes that wait to be sent to the server. */
size_t batv_engine_waiting(const struct batv_engine *engine, unsigned server);
/*
 * The four calls.  False: not now, because the server is not OK, or too much is waiting to be sent.
 * Reading and getting end with `end`.
 */
bool batv_engine_append(struct batv_engine *engine, unsigned server, const char *key,
			struct batv_span bytes, uint64_t cookie);
bool batv_engine_read(struct batv_engine *engine, unsigned server, const char *key);
bool batv_engine_put(struct batv_engine *engine, unsigned server, const char *key,
		     struct batv_span field, struct batv_span bytes, uint64_t cookie);
bool batv_engine_get(struct batv_engine *engine, unsigned server, const char *key);

#endif
