/*
 * station.c - starts and ends the work with one key of the fleet and one memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/hmac.h"
#include "incoming.h"
#include "memory/fleet.h"
#include "outgoing.h"
#include "report.h"
#include "station.h"

/* ---- what the last start left ---- */

static void read_roster(struct batv_station *st, int64_t since)
{
	const char *why = "";
	unsigned line;
	char *text;
	size_t len;
	enum batv_err err = batv_own_files_read(&st->own, "roster", &text, &len);

	batv_roster_start(&st->roster, st->own.host, since, st->members, BATV_ROSTER_MEMBERS_MAX);
	if (err != BATV_OK || st->own.fresh) {
		if (err == BATV_OK)
			free(text);
		return;
	}
	err = batv_roster_text_read(text, len, &st->roster, &line, &why);
	free(text);
	if (err == BATV_OK)
		return;
	batv_report(LOG_WARNING, "%s/roster: cannot be used (%s): the others are asked for all",
		    st->own.path, why);
	batv_roster_start(&st->roster, st->own.host, since, st->members, BATV_ROSTER_MEMBERS_MAX);
}

static void read_member(struct batv_station *st)
{
	const char *why = "";
	unsigned line;
	char *text;
	size_t len;

	memset(&st->member, 0, sizeof st->member);
	if (st->own.fresh || batv_own_files_read(&st->own, "member", &text, &len) != BATV_OK)
		return;
	if (batv_member_read(text, len, &st->member, &line, &why) != BATV_OK)
		batv_report(LOG_WARNING, "%s/member: cannot be used (%s): all is sent again",
			    st->own.path, why);
	free(text);
}

/* ---- the memory ---- */

/* Opens the files that the key names, unless they are open.  False: there is no usable memory. */
bool batv_station_open_memory(struct batv_station *st, const char **why)
{
	enum batv_err err = batv_memory_open(&st->memory, st->state_dir, st->key.memory);

	if (!*st->key.before ||
	    batv_memory_open(&st->before, st->state_dir, st->key.before) != BATV_OK)
		batv_memory_close(&st->before);
	*why = err == BATV_OK ? "batv-fleet may not write to it" : batv_strerror(err);
	return err == BATV_OK && st->memory.writable;
}

static int64_t memory_since(struct batv_station *st)
{
	struct batv_sent_facts facts =
		batv_sent_facts(&st->memory, st->key.retention, (st->now + st->drift) / 1000);

	return facts.readable && facts.since < INT64_MAX ? facts.since * 1000 : 0;
}

void batv_station_read_words(struct batv_station *st)
{
	st->until = batv_fleet_until(&st->memory);
	st->since = batv_fleet_since(&st->memory);
}

void batv_station_memory_lost(struct batv_station *st)
{
	batv_roster_nothing_here(&st->roster, memory_since(st));
	st->until = st->since = 0;
	st->changed = true;
}

/* ---- starting and ending ---- */

static bool make_parts(struct batv_station *st)
{
	st->sealer = calloc(1, sizeof *st->sealer);
	st->incoming = batv_incoming_new();
	st->outgoing = batv_outgoing_new();
	if (!st->sealer || !st->incoming || !st->outgoing)
		return false;
	return batv_parcel_start(st->sealer, st->key.key);
}

static void start_member(struct batv_station *st)
{
	batv_member_start(&st->member, &st->roster, st->own.incarnation, batv_station_days(st),
			  st->now);
	batv_roster_prune(&st->roster, st->now - 2 * st->key.retention * 1000);
}

bool batv_station_start(struct batv_station *st, const struct batv_engine_hooks *hooks)
{
	if (!make_parts(st)) {
		batv_report(LOG_ERR, "out of memory, or libcrypto refuses AES-256-GCM");
		return false;
	}
	read_roster(st, memory_since(st));
	read_member(st);
	start_member(st);
	batv_sent_names_start(&st->names, st->own.sent);
	batv_capture_file_load(&st->own, &st->capture);
	if (st->own.fresh)
		memset(&st->capture, 0, sizeof st->capture);
	st->gap_told = st->began_told = 0;
	batv_station_read_words(st);
	st->deaf = true;
	st->engine = batv_engine_new(st->setup.servers, st->setup.n, &st->setup.engine, hooks);
	return st->engine != NULL;
}

bool batv_station_again(struct batv_station *st, char *message, size_t size)
{
	if (batv_own_files_begin(&st->own, message, size) != BATV_OK)
		return false;
	if (st->own.fresh)
		batv_roster_start(&st->roster, st->own.host, memory_since(st), st->members,
				  BATV_ROSTER_MEMBERS_MAX);
	if (st->own.fresh)
		memset(&st->member, 0, sizeof st->member);
	batv_kept_free(&st->kept);
	start_member(st);
	st->exhausted = st->clone = false;
	return true;
}

void batv_station_stop(struct batv_station *st)
{
	batv_engine_free(st->engine);
	st->engine = NULL;
	batv_incoming_free(st->incoming);
	batv_outgoing_free(st->outgoing);
	if (st->sealer) {
		batv_parcel_end(st->sealer);
		free(st->sealer);
	}
	st->incoming = NULL;
	st->outgoing = NULL;
	st->sealer = NULL;
	batv_sent_names_end(&st->names);
	batv_kept_free(&st->kept);
	batv_rows_free(&st->rows);
	batv_memory_close(&st->memory);
	batv_memory_close(&st->before);
	batv_wipe(&st->key, sizeof st->key);
}
