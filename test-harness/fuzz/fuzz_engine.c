/* links: fleet/engine fleet/engine_redis fleet/engine_text fleet/redis_info fleet/redis_link core/base/span */
/*
 * fuzz_engine.c - a server that says anything, whole or in pieces, to both connections.
 *
 * Input: records of a byte that says what happens before, a length of two bytes (big end first),
 * and so many bytes that the server says then.  The byte: 1 to the reader, not to the writer; 2 it
 * hangs up after them; 4, 8, 16, 32 something is appended, put, read, got; 64 a second passes, not
 * 20 ms; 128 the engine works before, too.
 *
 * The target takes the place of wire.c: what is written to a connection is thrown away.
 */
#include "engine.h"
#include "reach.h"
#include "wire.h"

enum {
	OK = 0,
	STATES = BATV_ENGINE_STATES,
	PARCEL = STATES,
	ROW,
	WHOLE,
	BROKEN,
	STORED,
	CAUGHT_UP,
	WARNED,
	FULL_QUEUE,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"starting",  "ok",      "unreachable", "silent", "password",  "denied",  "full", "loading",
	"read_only", "unsaved", "cluster",     "old",    "taken",     "crowded", "odd",  "parcel",
	"row",       "whole",   "broken",      "stored", "caught_up", "warned",  "many",
};

#define ROOM 262144
static struct side {
	const struct batv_wire *wire; /* the one that is open; NULL: none */
	uint8_t bytes[ROOM];
	size_t at, len;
	bool ends;
} sides[2]; /* writer, reader */
static struct batv_engine *engine;
static int64_t now;

static struct side *side_of(const struct batv_wire *wire)
{
	must(sides[0].wire == wire || sides[1].wire == wire);
	return sides[0].wire == wire ? &sides[0] : &sides[1];
}

bool batv_wire_open(struct batv_wire *wire, const struct batv_wire_server *server)
{
	struct side *side = sides[0].wire ? &sides[1] : &sides[0];

	must(!side->wire); /* each connection is closed before it is opened again */
	memset(wire, 0, sizeof *wire);
	side->wire = wire;
	side->at = side->len = 0;
	side->ends = false;
	wire->server = server;
	wire->fd = -1;
	wire->state = BATV_WIRE_OPEN;
	return true;
}

struct pollfd batv_wire_poll(const struct batv_wire *wire, bool writing)
{
	(void)wire, (void)writing;
	return (struct pollfd){.fd = -1};
}

bool batv_wire_step(struct batv_wire *wire)
{
	return wire->state == BATV_WIRE_OPEN;
}

ssize_t batv_wire_read(struct batv_wire *wire, void *buf, size_t size)
{
	struct side *side = side_of(wire);
	size_t n = side->len - side->at < size ? side->len - side->at : size;

	if (!n && side->ends) {
		snprintf(wire->why, sizeof wire->why, "the server closed the connection");
		batv_wire_close(wire);
		return -1;
	}
	memcpy(buf, side->bytes + side->at, n);
	side->at += n;
	return (ssize_t)n;
}

ssize_t batv_wire_write(struct batv_wire *wire, const void *buf, size_t len)
{
	must(side_of(wire)->wire == wire && buf);
	return (ssize_t)len;
}

void batv_wire_close(struct batv_wire *wire)
{
	for (int i = 0; i < 2; i++)
		if (sides[i].wire == wire)
			sides[i].wire = NULL;
	wire->state = BATV_WIRE_CLOSED;
}

/* ---- what comes out ---- */

static void take_parcel(void *ctx, unsigned server, const char *key, struct batv_span bytes)
{
	(void)ctx;
	must(server == 0 && *key && bytes.p && bytes.len <= ROOM);
	reached(PARCEL);
}

static void take_row(void *ctx, unsigned server, struct batv_span field, struct batv_span bytes)
{
	(void)ctx;
	must(server == 0 && field.p && bytes.p && field.len + bytes.len <= ROOM);
	reached(ROW);
}

static void take_end(void *ctx, unsigned server, const char *key, bool whole)
{
	(void)ctx;
	must(server == 0);
	reached(strcmp(key, BATV_ENGINE_LIVE) == 0 ? CAUGHT_UP : whole ? WHOLE : BROKEN);
}

static void take_stored(void *ctx, unsigned server, uint64_t cookie)
{
	(void)ctx;
	must(server == 0 && (cookie == 5 || cookie == 6));
	reached(STORED);
}

static void take_change(void *ctx, unsigned server)
{
	const struct batv_engine_status *s = batv_engine_status(engine, server);

	(void)ctx;
	must(s->state < BATV_ENGINE_STATES && *s->text);
	must(strlen(s->epoch) < sizeof s->epoch && strlen(s->version) < sizeof s->version);
	for (const char *p = s->text; *p; p++)
		must(*p >= ' ' && *p <= '~');
	reached(s->state);
	if (s->warned)
		reached(WARNED);
}

static const struct batv_engine_hooks hooks = {NULL,     take_parcel, take_row,
					       take_end, take_stored, take_change};
static const struct batv_engine_settings settings = {
	.fleet = "f", .user = "u", .password = "p", .password_file = "/p", .keep = 5};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* ---- what goes in ---- */

static void ask(unsigned how)
{
	if (how & 4)
		(void)batv_engine_append(engine, 0, how & 8 ? "hist:7" : "live", batv_span_of("x"),
					 5);
	if (how & 8)
		(void)batv_engine_put(engine, 0, "rows", batv_span_of("h"), batv_span_of("r"), 6);
	if ((how & 16) && !batv_engine_read(engine, 0, "hist:7"))
		reached(FULL_QUEUE);
	if (how & 32)
		(void)batv_engine_get(engine, 0, "rows");
}

static void say(unsigned how, const uint8_t *bytes, size_t len)
{
	struct side *side = &sides[how & 1];

	if (!side->wire)
		return;
	if (side->at) {
		memmove(side->bytes, side->bytes + side->at, side->len - side->at);
		side->len -= side->at;
		side->at = 0;
	}
	if (len > ROOM - side->len)
		len = ROOM - side->len;
	memcpy(side->bytes + side->len, bytes, len);
	side->len += len;
	side->ends |= (how & 2) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct batv_wire_server server = {.text = "s:1", .host = "s", .port = "1"};

	engine = batv_engine_new(&server, 1, &settings, &hooks);
	must(engine);
	now = 1000000;
	batv_engine_work(engine, now);
	while (size >= 3) {
		const unsigned how = data[0];
		size_t len = (size_t)data[1] << 8 | data[2];

		len = len < size - 3 ? len : size - 3;
		if (how & 128)
			batv_engine_work(engine, now);
		ask(how);
		say(how, data + 3, len);
		now += how & 64 ? 1000 : 20;
		batv_engine_work(engine, now);
		must(batv_engine_due(engine, now) <= now + 1000);
		data += 3 + len;
		size -= 3 + len;
	}
	reached(batv_engine_status(engine, 0)->state);
	batv_engine_free(engine);
	must(!sides[0].wire && !sides[1].wire);
	return 0;
}
