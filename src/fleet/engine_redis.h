/*
 * engine_redis.h - one server of the engine: Redis 6.2 or later, or Valkey.
 */
#ifndef BATV_ENGINE_REDIS_H
#define BATV_ENGINE_REDIS_H

#include "engine.h"
#include "redis_link.h"

#define BATV_ENGINE_REDIS_READS 64 /* reads and gets that wait, at most */

struct batv_engine_redis {
	unsigned index;
	const struct batv_wire_server *server;
	const struct batv_engine_settings *settings;
	const struct batv_engine_hooks *hooks;
	struct batv_engine_status status;
	struct batv_redis_link writer, reader;
	int64_t now;                /* ms, of the present call */
	int64_t retry;              /* when it connects, or asks how the server is */
	bool greeting;              /* the answers to that are awaited */
	enum batv_engine_state bad; /* the first failure among them; OK: none */
	char bad_text[BATV_ENGINE_TEXT_SIZE], warning[BATV_ENGINE_TEXT_SIZE];
	bool alien;       /* parcels of another version are there */
	uint64_t last[2]; /* the id of the last entry of LIVE that was read */
	uint64_t goal[2]; /* that of the last one that was there when it was connected */
	uint64_t head;    /* ms, by the server's clock: its newest id known */
	struct {
		char key[BATV_ENGINE_KEY_MAX];
		bool hash;
	} reads[BATV_ENGINE_REDIS_READS];
	unsigned n_reads;
	char read_from[48]; /* the id after which reads[0] goes on */
	bool following;     /* a reply to XREAD of LIVE is awaited, or one to reads[0] */
};

void batv_engine_redis_start(struct batv_engine_redis *redis);
void batv_engine_redis_work(struct batv_engine_redis *redis, int64_t now);
int64_t batv_engine_redis_due(const struct batv_engine_redis *redis);
bool batv_engine_redis_append(struct batv_engine_redis *redis, const char *key,
			      struct batv_span bytes, uint64_t cookie);
bool batv_engine_redis_read(struct batv_engine_redis *redis, const char *key, bool hash);
bool batv_engine_redis_put(struct batv_engine_redis *redis, const char *key, struct batv_span field,
			   struct batv_span bytes, uint64_t cookie);
void batv_engine_redis_stop(struct batv_engine_redis *redis);

#endif
