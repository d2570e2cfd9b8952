/*
 * view.c - all that this host knows of the fleet, as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outgoing.h"
#include "row_share.h"
#include "view.h"

#define NAME "view"
#define TOO_OLD 3000 /* ms: a promise that is so old is of no use to the barrier */

/* Keys are few and values short: when memory is out, the whole view is not written. */
static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static json_t *hex_id(uint64_t id)
{
	char text[17];

	snprintf(text, sizeof text, "%016" PRIx64, id);
	return json_string(text);
}

static json_t *engines(const struct batv_station *st)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++) {
		const struct batv_engine_status *s = batv_engine_status(st->engine, i);
		json_t *one = json_object();

		set(one, "server", json_string(s->server));
		set(one, "state", json_string(batv_engine_text_state(s->state)));
		set(one, "warned", json_boolean(s->warned));
		set(one, "text", json_string(s->text));
		set(one, "version", json_string(s->version));
		set(one, "since", json_integer((st->now - (st->tick - s->since)) / 1000));
		(void)json_array_append_new(list, one);
	}
	return list;
}

/* ---- hosts ---- */

/* The row as its host sent it; NULL: none, or it is no JSON. */
static json_t *row_of(const struct batv_station *st, uint64_t host, int64_t *at)
{
	const struct batv_rows_one *row = batv_rows_find(&st->rows, host);

	*at = row ? row->at : 0;
	return row ? json_loadb(row->text, row->len, 0, NULL) : NULL;
}

static void set_row(json_t *one, const struct batv_station *st, uint64_t host)
{
	int64_t at;
	json_t *said = row_of(st, host, &at), *row = json_object_get(said, "row");
	const char *version = json_string_value(json_object_get(said, "version"));
	char name[100];

	batv_news_name(st, host, name);
	set(one, "name", json_string(name));
	set(one, "version", json_string(version ? version : ""));
	set(one, "holes", json_integer(json_integer_value(json_object_get(said, "holes"))));
	set(one, "gap", json_integer(json_integer_value(json_object_get(said, "lost"))));
	set(one, "row_at", json_integer(at));
	set(one, "row", json_is_object(row) ? json_incref(row) : json_null());
	json_decref(said);
}

static json_t *own_host(const struct batv_station *st)
{
	json_t *one = json_object();

	set(one, "id", hex_id(st->own.host));
	set_row(one, st, st->own.host);
	set(one, "name", json_string(st->setup.host));
	set(one, "own", json_true());
	set(one, "heard", json_integer(st->now / 1000));
	set(one, "until", json_integer(st->member.until));
	set(one, "offset", json_integer(0));
	set(one, "gaps", json_integer(0));
	set(one, "incarnation", json_integer(st->own.incarnation));
	set(one, "left", json_boolean(batv_outgoing_has_left(st)));
	return one;
}

static json_t *other_host(const struct batv_station *st, const struct batv_news *news,
			  const struct batv_roster_member *m)
{
	struct batv_payload_ask gaps[BATV_ROSTER_RANGES + 1];
	json_t *one = json_object();

	set(one, "id", hex_id(m->host));
	set_row(one, st, m->host);
	set(one, "own", json_false());
	set(one, "heard", json_integer(m->heard / 1000));
	set(one, "silent", json_boolean(batv_news_is_silent(news, m->host)));
	set(one, "until", json_integer(batv_roster_member_until(m)));
	set(one, "offset", json_integer(m->offset));
	set(one, "gaps",
	    json_integer((json_int_t)batv_roster_gaps(m, gaps, sizeof gaps / sizeof gaps[0])));
	set(one, "incarnation", json_integer(m->incarnation));
	set(one, "left", json_boolean(m->state == BATV_ROSTER_LEFT));
	return one;
}

static json_t *hosts(const struct batv_station *st, const struct batv_news *news)
{
	json_t *list = json_array();

	(void)json_array_append_new(list, own_host(st));
	for (size_t i = 0; i < st->roster.n; i++)
		if (st->roster.member[i].state != BATV_ROSTER_FORGOTTEN)
			(void)json_array_append_new(list,
						    other_host(st, news, &st->roster.member[i]));
	return list;
}

/* ---- what is missing ---- */

static void __attribute__((format(printf, 2, 3))) lack(json_t *list, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)json_array_append_new(list, json_string(text));
}

static void lacks_of_host(json_t *list, const struct batv_station *st, const struct batv_news *news,
			  const struct batv_roster_member *m)
{
	struct batv_payload_ask gap;
	int64_t until = batv_roster_member_until(m);
	char name[100];

	if (!batv_roster_counts(m))
		return;
	batv_news_name(st, m->host, name);
	if (m->state == BATV_ROSTER_NAMED)
		lack(list, "%s was never heard here; if it is gone: batvctl fleet forget %s", name,
		     name);
	else if (batv_news_is_silent(news, m->host))
		lack(list,
		     "%s is not heard; is batv-fleet running there? If it is gone: batvctl "
		     "fleet forget %s",
		     name, name);
	else if (batv_roster_gaps(m, &gap, 1) > 0)
		lack(list, "some of what %s sent is missing; it was asked for", name);
	else if (until && st->now - until > TOO_OLD && st->now - m->heard < 1000)
		lack(list, "the clock of %s is at least %" PRId64 " s slow; set it", name,
		     (st->now - until) / 1000);
}

/* Whose gap makes everybody wait?  Text: empty, or the end of a sentence. */
static const char *name_gap(const struct batv_station *st, char *out, size_t size)
{
	const struct batv_rows_one *last = NULL;
	int64_t gap = (st->since - 1) * 1000;
	char name[100];

	for (size_t i = 0; i < st->rows.n; i++) {
		const struct batv_rows_one *row = &st->rows.one[i];
		int64_t its = batv_row_share_lost((struct batv_span){row->text, row->len});

		if (row->host == st->own.host || its <= gap)
			continue;
		gap = its;
		last = row;
	}
	*out = '\0';
	if (!last)
		return out;
	batv_news_name(st, last->host, name);
	snprintf(out, size, "; %s cannot tell all that it sent before", name);
	return out;
}

static json_t *lacks(const struct batv_station *st, const struct batv_news *news)
{
	json_t *list = json_array();
	int64_t age = st->now / 1000 - st->key.retention;
	char gap[160];

	if (st->deaf)
		lack(list, "no server of the fleet can be used: see engines");
	for (size_t i = 0; !st->deaf && i < st->roster.n; i++)
		lacks_of_host(list, st, news, &st->roster.member[i]);
	if (st->roster.overflow)
		lack(list, "the fleet has more than %d hosts; divide it", BATV_ROSTER_MEMBERS_MAX);
	if (st->stuck)
		lack(list, "what this host sent cannot be written to %s/sent; free disk space",
		     st->own.path);
	if (st->counts.full)
		lack(list,
		     "the memory had no room for %" PRIu64
		     " items of the fleet; raise memory_capacity on this host",
		     st->counts.full);
	if (!st->since)
		lack(list, "not all that the fleet sent is in the memory yet");
	else if (st->since > age)
		lack(list,
		     "the memory has what the fleet sent for less than memory_retention; "
		     "wait %" PRId64 " hours%s",
		     (st->since - age + 3599) / 3600, name_gap(st, gap, sizeof gap));
	return list;
}

/* ---- the whole ---- */

/* Items of the last whole day, of all hosts, as far as was received. */
static json_t *items(const struct batv_station *st)
{
	json_t *one = json_object();
	uint64_t yesterday =
		batv_sent_names_count(&st->names, (uint16_t)(batv_station_today(st) - 1));

	set(one, "sent", json_integer((json_int_t)st->counts.sent));
	set(one, "received", json_integer((json_int_t)st->counts.received));
	set(one, "sent_yesterday", json_integer((json_int_t)yesterday));
	return one;
}

static json_t *make(const struct batv_station *st, const struct batv_news *news)
{
	json_t *view = json_object(), *host = json_object(), *missing = lacks(st, news);

	set(view, "schema", json_integer(1));
	set(view, "written", json_integer(st->now / 1000));
	set(view, "fleet", json_string(st->key.fleet));
	set(host, "id", hex_id(st->own.host));
	set(host, "name", json_string(st->setup.host));
	set(view, "host", host);
	set(view, "pid", json_integer(getpid()));
	set(view, "until", json_integer(st->until));
	set(view, "since", json_integer(st->since));
	set(view, "complete", json_boolean(json_array_size(missing) == 0));
	set(view, "lacks", missing);
	set(view, "engines", engines(st));
	set(view, "hosts", hosts(st, news));
	set(view, "items", items(st));
	return view;
}

bool batv_view_write(const struct batv_station *st, const struct batv_news *news)
{
	json_t *view = make(st, news);
	char *text = view ? json_dumps(view, JSON_COMPACT) : NULL;
	enum batv_err err = BATV_E_IO;

	json_decref(view);
	if (text)
		err = batv_own_files_write(&st->own, NAME, text, strlen(text));
	else
		errno = ENOMEM;
	free(text);
	return err == BATV_OK || err == BATV_E_SYNC;
}
