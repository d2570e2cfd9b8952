/*
 * engine_redis.c - how parcels lie in Redis and Valkey, and what their answers mean.
 *
 *	batv:{FLEET}:live       stream of parcels, the last 15 minutes
 *	batv:{FLEET}:hist:DAY   streams of parcels
 *	batv:{FLEET}:rows       hash
 *	batv:{FLEET}:epoch      random; a host that finds none makes one
 *
 * An entry of a stream has one field, whose name is the version of the form ("1"), and whose value
 * is the parcel.  Two connections: the writer, which also asks how the server is, and the reader,
 * whose XREAD waits in the server.  That BLOCK is not a timer: entries end it at once, and nothing
 * depends on when it runs out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine_redis.h"
#include "redis_info.h"

#define BACK_OFF 500       /* ms, after a failure */
#define BACK_OFF_LONG 5000 /* after a wrong password: each one is logged there */
#define ASK_AGAIN 1000     /* while the server is in trouble */
#define ASK_EVERY 10000    /* while it is in order: its role and its policy may change */
#define BLOCK_MS 1000
#define LOOKUP_MS 10000
#define COUNT "200"
#define FIELD "1"
#define MINE_MAX 96

enum { AUTH, INFO, XINFO, TRIM, CLAIM, EPOCH, APPEND, EXPIRE, PUT, READ, GET, FOLLOW };

static const char *const commands[] = {
	[AUTH] = "auth", [INFO] = "info",  [XINFO] = "xinfo", [TRIM] = "xtrim",
	[CLAIM] = "set", [EPOCH] = "get",  [APPEND] = "xadd", [EXPIRE] = "expire",
	[PUT] = "hset",  [READ] = "xread", [GET] = "hgetall", [FOLLOW] = "xread",
};

static int64_t patience(const struct batv_engine_redis *r)
{
	return r->settings->timeout ? (int64_t)r->settings->timeout : 300;
}

/* batv:{FLEET}:KEY */
static struct batv_span full_key(const struct batv_engine_redis *r, const char *key, char *out,
				 size_t size)
{
	snprintf(out, size, "batv:{%s}:%s", r->settings->fleet, key);
	return batv_span_of(out);
}

static bool ask(struct batv_engine_redis *r, struct batv_redis_link *link, int what,
		uint64_t cookie, const struct batv_span *args, int n)
{
	return batv_redis_link_ask(link, (struct batv_redis_asked){what, cookie}, args, n, r->now);
}

/* ---- the status ---- */

static void set_status(struct batv_engine_redis *r, enum batv_engine_state state, bool warned,
		       const char *text)
{
	struct batv_engine_status *s = &r->status;

	if (s->state == state && s->warned == warned && strcmp(s->text, text) == 0)
		return;
	if (s->state != state)
		s->since = r->now;
	s->state = state;
	s->warned = warned;
	snprintf(s->text, sizeof s->text, "%s", text);
	r->hooks->changed(r->hooks->ctx, r->index);
}

static void end_reads(struct batv_engine_redis *r)
{
	unsigned n = r->n_reads;

	r->n_reads = 0;
	r->read_from[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		r->hooks->end(r->hooks->ctx, r->index, r->reads[i].key, false);
}

/* Closes both connections, and tries again after a while. */
static void give_up(struct batv_engine_redis *r, enum batv_engine_state state, const char *text)
{
	batv_redis_link_close(&r->writer);
	batv_redis_link_close(&r->reader);
	r->greeting = r->following = r->status.caught_up = false;
	r->retry = r->now + (state == BATV_ENGINE_PASSWORD ? BACK_OFF_LONG : BACK_OFF);
	set_status(r, state, false, text);
	end_reads(r);
}

static void give_up_over(struct batv_engine_redis *r, enum batv_engine_state state,
			 const char *detail)
{
	char text[BATV_ENGINE_TEXT_SIZE];

	batv_engine_text_line(r->settings, state, "", batv_span_of(detail), text);
	give_up(r, state, text);
}

static void link_failed(struct batv_engine_redis *r, const struct batv_redis_link *link)
{
	char why[sizeof link->wire.why];

	if (r->greeting && r->bad != BATV_ENGINE_OK) { /* it said why before it hung up */
		give_up(r, r->bad, r->bad_text);
		return;
	}
	snprintf(why, sizeof why, "%s", link->wire.why);
	give_up_over(r, link->odd ? BATV_ENGINE_ODD : BATV_ENGINE_UNREACHABLE, why);
}

/* Notes the first failure among the answers to a greeting; later ones follow from it. */
static void note_bad(struct batv_engine_redis *r, int what, struct batv_span error)
{
	if (r->bad != BATV_ENGINE_OK)
		return;
	r->bad = batv_engine_text_meaning(error);
	batv_engine_text_line(r->settings, r->bad, commands[what], error, r->bad_text);
}

static void note_bad_info(struct batv_engine_redis *r, enum batv_engine_state state,
			  const char *detail)
{
	if (r->bad != BATV_ENGINE_OK)
		return;
	r->bad = state;
	batv_engine_text_line(r->settings, state, "", batv_span_of(detail), r->bad_text);
}

/* ---- the greeting: who are you, and how are you? ---- */

static void ask_auth(struct batv_engine_redis *r, struct batv_redis_link *link)
{
	const struct batv_engine_settings *s = r->settings;
	struct batv_span args[3] = {batv_span_of("AUTH")};
	int n = 1;

	if (!*s->password)
		return;
	if (*s->user)
		args[n++] = batv_span_of(s->user);
	args[n++] = batv_span_of(s->password);
	ask(r, link, AUTH, 0, args, n);
}

static void ask_trim(struct batv_engine_redis *r, struct batv_span key)
{
	char id[32];

	if (r->head <= BATV_ENGINE_LIVE_MS)
		return;
	snprintf(id, sizeof id, "%" PRIu64, r->head - BATV_ENGINE_LIVE_MS);
	ask(r, &r->writer, TRIM, 0,
	    (struct batv_span[]){batv_span_of("XTRIM"), key, batv_span_of("MINID"),
				 batv_span_of("~"), batv_span_of(id)},
	    5);
}

/* Claiming the epoch is a write, so it shows whether the server takes any. */
static void greet(struct batv_engine_redis *r)
{
	char live[MINE_MAX + 64], epoch[MINE_MAX + 64], random[33];
	uint8_t bytes[16];
	struct batv_span live_key = full_key(r, BATV_ENGINE_LIVE, live, sizeof live),
			 epoch_key = full_key(r, "epoch", epoch, sizeof epoch);

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return;
	batv_bytes_to_hex(bytes, sizeof bytes, random);
	r->greeting = true;
	r->bad = BATV_ENGINE_OK;
	r->warning[0] = '\0';
	ask(r, &r->writer, INFO, 0, (struct batv_span[]){batv_span_of("INFO")}, 1);
	ask(r, &r->writer, XINFO, 0,
	    (struct batv_span[]){batv_span_of("XINFO"), batv_span_of("STREAM"), live_key}, 3);
	ask_trim(r, live_key);
	ask(r, &r->writer, CLAIM, 0,
	    (struct batv_span[]){batv_span_of("SET"), epoch_key, batv_span_of(random),
				 batv_span_of("NX")},
	    4);
	ask(r, &r->writer, EPOCH, 0, (struct batv_span[]){batv_span_of("GET"), epoch_key}, 2);
}

static void open_writer(struct batv_engine_redis *r)
{
	if (!batv_redis_link_open(&r->writer, r->server, r->now)) {
		link_failed(r, &r->writer);
		return;
	}
	ask_auth(r, &r->writer);
	greet(r);
}

static void take_info(struct batv_engine_redis *r, struct batv_span text)
{
	struct batv_redis_info info;

	batv_redis_info_read(text, &info);
	memcpy(r->status.version, info.version, sizeof r->status.version);
	if (info.state != BATV_ENGINE_OK)
		note_bad_info(r, info.state,
			      info.state == BATV_ENGINE_OLD ? info.version : info.detail);
	if (info.evicts.len)
		batv_engine_text_evicts(info.evicts, r->warning);
}

static bool parse_id(struct batv_span text, uint64_t id[2])
{
	const char *dash = memchr(text.p, '-', text.len);
	uint64_t ms, n;

	if (!dash || !batv_span_to_u64(batv_span_between(text.p, dash), &ms) ||
	    !batv_span_to_u64(batv_span_after(text, (size_t)(dash - text.p) + 1), &n))
		return false;
	id[0] = ms;
	id[1] = n;
	return true;
}

static bool is_before(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

static struct batv_span text_of(const redisReply *reply)
{
	if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
		       reply->type != REDIS_REPLY_ERROR))
		return (struct batv_span){"", 0};
	return (struct batv_span){reply->str, (size_t)reply->len};
}

/* Begins to read from the start if the stream is not the one that was read before. */
static void take_last_id(struct batv_engine_redis *r, const redisReply *reply)
{
	uint64_t id[2] = {0, 0};

	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if (batv_span_equal(text_of(reply->element[i]), batv_span_of("last-generated-id")))
			(void)parse_id(text_of(reply->element[i + 1]), id);
	r->head = id[0];
	memcpy(r->goal, id, sizeof id);
	if (is_before(id, r->last))
		r->last[0] = r->last[1] = 0;
}

static void take_epoch(struct batv_engine_redis *r, struct batv_span epoch)
{
	char shown[sizeof r->status.epoch];

	batv_printable(epoch, shown, sizeof shown);
	if (*r->status.epoch && strcmp(r->status.epoch, shown) != 0)
		r->last[0] = r->last[1] = 0;
	snprintf(r->status.epoch, sizeof r->status.epoch, "%s", shown);
}

static bool may_go_on(enum batv_engine_state state)
{
	return state == BATV_ENGINE_OK || state == BATV_ENGINE_FULL ||
	       state == BATV_ENGINE_READONLY || state == BATV_ENGINE_UNSAVED;
}

static void open_reader(struct batv_engine_redis *r)
{
	if (r->reader.wire.state != BATV_WIRE_CLOSED)
		return;
	r->following = r->status.caught_up = false;
	if (batv_redis_link_open(&r->reader, r->server, r->now))
		ask_auth(r, &r->reader);
	else
		link_failed(r, &r->reader);
}

/* All answers to the greeting are there. */
static void greeted(struct batv_engine_redis *r)
{
	r->greeting = false;
	if (!may_go_on(r->bad)) {
		char text[BATV_ENGINE_TEXT_SIZE];

		memcpy(text, r->bad_text, sizeof text);
		give_up(r, r->bad, text);
		return;
	}
	open_reader(r);
	if (r->writer.wire.state == BATV_WIRE_CLOSED)
		return; /* the reader could not be opened */
	if (r->bad != BATV_ENGINE_OK) {
		r->retry = r->now + ASK_AGAIN;
		set_status(r, r->bad, false, r->bad_text);
		return;
	}
	r->retry = r->now + ASK_EVERY;
	if (r->alien && !*r->warning)
		snprintf(r->warning, sizeof r->warning,
			 "parcels of another version are there; update exim-batv on this host, or "
			 "on the others");
	if (*r->warning)
		set_status(r, BATV_ENGINE_OK, true, r->warning);
	else {
		batv_engine_text_line(r->settings, BATV_ENGINE_OK, "", batv_span_of(""),
				      r->bad_text);
		set_status(r, BATV_ENGINE_OK, false, r->bad_text);
	}
}

/* ---- the writer ---- */

/* A write failed in the middle of a good time: ask at once how the server is. */
static void write_failed(struct batv_engine_redis *r, int what, struct batv_span error)
{
	enum batv_engine_state state = batv_engine_text_meaning(error);
	char text[BATV_ENGINE_TEXT_SIZE];

	if (r->greeting) {
		note_bad(r, what, error);
		return;
	}
	batv_engine_text_line(r->settings, state, commands[what], error, text);
	r->retry = r->now + ASK_AGAIN;
	set_status(r, state, false, text);
}

static void writer_reply(struct batv_engine_redis *r, struct batv_redis_asked asked,
			 const redisReply *reply)
{
	bool bad = reply->type == REDIS_REPLY_ERROR;
	uint64_t id[2];

	if (bad && asked.what == XINFO &&
	    batv_span_begins_fold(text_of(reply), "ERR no such key")) {
		r->last[0] = r->last[1] = r->head = r->goal[0] = r->goal[1] = 0;
		return;
	}
	if (bad && asked.what >= APPEND) {
		write_failed(r, asked.what, text_of(reply));
		return;
	}
	if (bad)
		note_bad(r, asked.what, text_of(reply));
	if (asked.what == EPOCH) {
		if (!bad)
			take_epoch(r, text_of(reply));
		greeted(r);
	} else if (bad) {
		return;
	} else if (asked.what == INFO) {
		take_info(r, text_of(reply));
	} else if (asked.what == XINFO) {
		take_last_id(r, reply);
	} else if (asked.what == APPEND || asked.what == PUT) {
		if (asked.what == APPEND && parse_id(text_of(reply), id) && id[0] > r->head)
			r->head = id[0];
		r->hooks->stored(r->hooks->ctx, r->index, asked.cookie);
	}
}

/* Nothing came in time. */
static void late(struct batv_engine_redis *r, const struct batv_redis_link *link)
{
	if (link->wire.state == BATV_WIRE_OPEN)
		give_up_over(r, BATV_ENGINE_SILENT, "");
	else if (link->wire.state == BATV_WIRE_GREETING)
		give_up_over(r, BATV_ENGINE_UNREACHABLE,
			     "no answer in TLS; is this its port for TLS?");
	else
		give_up_over(r, BATV_ENGINE_UNREACHABLE, "it did not take the connection in time");
}

static bool is_late(const struct batv_engine_redis *r, const struct batv_redis_link *link,
		    int64_t limit)
{
	return batv_redis_link_overdue(
		link, r->now, link->wire.state == BATV_WIRE_LOOKING_UP ? LOOKUP_MS : limit);
}

/* It may have said something before it hung up: that was read first. */
static bool is_gone(const struct batv_redis_link *link)
{
	return link->odd || link->wire.state == BATV_WIRE_CLOSED;
}

static void work_writer(struct batv_engine_redis *r)
{
	struct batv_redis_asked asked;
	bool ok = batv_redis_link_step(&r->writer, r->now);
	redisReply *reply;

	while ((reply = batv_redis_link_next(&r->writer, &asked)) != NULL) {
		writer_reply(r, asked, reply);
		freeReplyObject(reply);
		if (!r->writer.reader)
			return; /* it was closed over that reply */
	}
	if (!ok || is_gone(&r->writer))
		link_failed(r, &r->writer);
	else if (is_late(r, &r->writer, patience(r)))
		late(r, &r->writer);
	else if (!r->greeting && r->now >= r->retry)
		greet(r);
}

/* ---- the reader ---- */

static void ask_stream(struct batv_engine_redis *r, int what, const char *key, const char *after)
{
	char full[MINE_MAX + 64], block[12];
	struct batv_span args[8] = {batv_span_of("XREAD"), batv_span_of("COUNT"),
				    batv_span_of(COUNT)};
	int n = 3;

	if (what == FOLLOW) {
		snprintf(block, sizeof block, "%d", BLOCK_MS);
		args[n++] = batv_span_of("BLOCK");
		args[n++] = batv_span_of(block);
	}
	args[n++] = batv_span_of("STREAMS");
	args[n++] = full_key(r, key, full, sizeof full);
	args[n++] = batv_span_of(after);
	r->following = ask(r, &r->reader, what, 0, args, n);
}

static void see_the_end(struct batv_engine_redis *r)
{
	if (r->status.caught_up || is_before(r->last, r->goal))
		return;
	r->status.caught_up = true;
	r->hooks->end(r->hooks->ctx, r->index, BATV_ENGINE_LIVE, true);
}

/* Asks for what waits to be read, or for what is new. */
static void ask_next(struct batv_engine_redis *r)
{
	char full[MINE_MAX + 64], id[48];

	if (r->n_reads && r->reads[0].hash)
		r->following =
			ask(r, &r->reader, GET, 0,
			    (struct batv_span[]){batv_span_of("HGETALL"),
						 full_key(r, r->reads[0].key, full, sizeof full)},
			    2);
	else if (r->n_reads)
		ask_stream(r, READ, r->reads[0].key, *r->read_from ? r->read_from : "0-0");
	else {
		snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, r->last[0], r->last[1]);
		ask_stream(r, FOLLOW, BATV_ENGINE_LIVE, id);
	}
}

/* The first read is done. */
static void end_read(struct batv_engine_redis *r, bool whole)
{
	char key[BATV_ENGINE_KEY_MAX];

	if (!r->n_reads)
		return;
	memcpy(key, r->reads[0].key, sizeof key);
	r->n_reads--;
	memmove(&r->reads[0], &r->reads[1], r->n_reads * sizeof r->reads[0]);
	r->read_from[0] = '\0';
	r->hooks->end(r->hooks->ctx, r->index, key, whole);
}

/* An entry: id, and fields with values by turns. */
static bool take_entry(struct batv_engine_redis *r, const redisReply *entry, const char *key,
		       struct batv_span *id)
{
	const redisReply *fields;

	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2)
		return false;
	*id = text_of(entry->element[0]);
	fields = entry->element[1];
	if (fields->type != REDIS_REPLY_ARRAY)
		return true; /* it was deleted meanwhile */
	if (fields->elements == 2 &&
	    batv_span_equal(text_of(fields->element[0]), batv_span_of(FIELD)))
		r->hooks->parcel(r->hooks->ctx, r->index, key, text_of(fields->element[1]));
	else
		r->alien = true;
	return true;
}

/* The entries of one stream's reply; NULL: none. */
static const redisReply *entries_of(const redisReply *reply)
{
	const redisReply *stream;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
		return NULL;
	stream = reply->element[0];
	if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 ||
	    stream->element[1]->type != REDIS_REPLY_ARRAY)
		return NULL;
	return stream->element[1]->elements ? stream->element[1] : NULL;
}

static void take_live(struct batv_engine_redis *r, const redisReply *entries)
{
	struct batv_span id;

	for (size_t i = 0; i < entries->elements; i++)
		if (take_entry(r, entries->element[i], BATV_ENGINE_LIVE, &id))
			(void)parse_id(id, r->last);
}

static void take_read(struct batv_engine_redis *r, const redisReply *entries)
{
	char key[BATV_ENGINE_KEY_MAX];
	struct batv_span id = {"", 0};
	uint64_t parsed[2];

	if (!r->n_reads)
		return;
	if (!entries) {
		end_read(r, true);
		return;
	}
	memcpy(key, r->reads[0].key, sizeof key);
	for (size_t i = 0; i < entries->elements; i++)
		(void)take_entry(r, entries->element[i], key, &id);
	if (parse_id(id, parsed))
		snprintf(r->read_from, sizeof r->read_from, "%" PRIu64 "-%" PRIu64, parsed[0],
			 parsed[1]);
	else
		end_read(r, false);
}

static void take_hash(struct batv_engine_redis *r, const redisReply *reply)
{
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		r->hooks->row(r->hooks->ctx, r->index, text_of(reply->element[i]),
			      text_of(reply->element[i + 1]));
	end_read(r, true);
}

static void reader_reply(struct batv_engine_redis *r, int what, const redisReply *reply)
{
	const redisReply *entries;

	if (reply->type == REDIS_REPLY_ERROR) {
		enum batv_engine_state state = batv_engine_text_meaning(text_of(reply));
		char text[BATV_ENGINE_TEXT_SIZE];

		batv_engine_text_line(r->settings, state, commands[what], text_of(reply), text);
		give_up(r, state, text);
		return;
	}
	if (what == AUTH)
		return;
	r->following = false;
	entries = entries_of(reply);
	if (what == GET)
		take_hash(r, reply);
	else if (what == READ)
		take_read(r, entries);
	else if (entries)
		take_live(r, entries);
	else /* its end, although its last entry was deleted */
		memcpy(r->goal, r->last, sizeof r->goal);
	see_the_end(r);
}

static void work_reader(struct batv_engine_redis *r)
{
	struct batv_redis_asked asked;
	redisReply *reply;
	bool ok;

	if (r->reader.wire.state == BATV_WIRE_CLOSED)
		return;
	see_the_end(r);
	if (!r->following)
		ask_next(r);
	ok = batv_redis_link_step(&r->reader, r->now);
	while ((reply = batv_redis_link_next(&r->reader, &asked)) != NULL) {
		reader_reply(r, asked.what, reply);
		freeReplyObject(reply);
		if (!r->reader.reader)
			return;
	}
	if (!ok || is_gone(&r->reader)) {
		link_failed(r, &r->reader);
		return;
	}
	if (!r->following) { /* go on at once, not when poll() comes back */
		ask_next(r);
		if (!batv_redis_link_step(&r->reader, r->now))
			link_failed(r, &r->reader);
	} else if (is_late(r, &r->reader, BLOCK_MS + 200 + patience(r))) {
		late(r, &r->reader);
	}
}

/* ---- for engine.c ---- */

void batv_engine_redis_start(struct batv_engine_redis *r)
{
	r->status.server = r->server->text;
	r->bad = BATV_ENGINE_OK;
	batv_engine_text_line(r->settings, BATV_ENGINE_STARTING, "", batv_span_of(""),
			      r->status.text);
}

void batv_engine_redis_work(struct batv_engine_redis *r, int64_t now)
{
	r->now = now;
	if (r->writer.wire.state == BATV_WIRE_CLOSED) {
		if (now < r->retry)
			return;
		open_writer(r);
	}
	if (r->writer.reader)
		work_writer(r);
	if (r->writer.reader)
		work_reader(r);
}

int64_t batv_engine_redis_due(const struct batv_engine_redis *r)
{
	/* An answer is looked for often enough to see that it is late. */
	return r->writer.wire.state == BATV_WIRE_CLOSED ? r->retry : r->now + patience(r) / 3;
}

bool batv_engine_redis_append(struct batv_engine_redis *r, const char *key, struct batv_span bytes,
			      uint64_t cookie)
{
	char full[MINE_MAX + 64], id[32], seconds[24];
	struct batv_span args[8] = {batv_span_of("XADD"), full_key(r, key, full, sizeof full)};
	int n = 2;

	if (r->status.state != BATV_ENGINE_OK)
		return false;
	if (strcmp(key, BATV_ENGINE_LIVE) == 0 && r->head > BATV_ENGINE_LIVE_MS) {
		snprintf(id, sizeof id, "%" PRIu64, r->head - BATV_ENGINE_LIVE_MS);
		args[n++] = batv_span_of("MINID");
		args[n++] = batv_span_of("~");
		args[n++] = batv_span_of(id);
	}
	args[n++] = batv_span_of("*");
	args[n++] = batv_span_of(FIELD);
	args[n++] = bytes;
	if (!ask(r, &r->writer, APPEND, cookie, args, n))
		return false;
	if (strncmp(key, BATV_ENGINE_HIST, strlen(BATV_ENGINE_HIST)) != 0)
		return true;
	snprintf(seconds, sizeof seconds, "%" PRId64, r->settings->keep);
	ask(r, &r->writer, EXPIRE, 0,
	    (struct batv_span[]){batv_span_of("EXPIRE"), args[1], batv_span_of(seconds)}, 3);
	return true;
}

bool batv_engine_redis_put(struct batv_engine_redis *r, const char *key, struct batv_span field,
			   struct batv_span bytes, uint64_t cookie)
{
	char full[MINE_MAX + 64];

	if (r->status.state != BATV_ENGINE_OK)
		return false;
	return ask(r, &r->writer, PUT, cookie,
		   (struct batv_span[]){batv_span_of("HSET"), full_key(r, key, full, sizeof full),
					field, bytes},
		   4);
}

bool batv_engine_redis_read(struct batv_engine_redis *r, const char *key, bool hash)
{
	if (r->reader.wire.state == BATV_WIRE_CLOSED || r->n_reads == BATV_ENGINE_REDIS_READS)
		return false;
	snprintf(r->reads[r->n_reads].key, BATV_ENGINE_KEY_MAX, "%s", key);
	r->reads[r->n_reads].hash = hash;
	r->n_reads++;
	return true;
}

void batv_engine_redis_stop(struct batv_engine_redis *r)
{
	batv_redis_link_close(&r->writer);
	batv_redis_link_close(&r->reader);
}
