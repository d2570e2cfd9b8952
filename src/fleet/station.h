/*
 * station.h - all that batv-fleet holds while it works: outgoing.c sends, incoming.c receives,
 * daemon.c lets them.
 */
#ifndef BATV_STATION_H
#define BATV_STATION_H

#include "capture_file.h"
#include "kept.h"
#include "member.h"
#include "own_files.h"
#include "roster_text.h"
#include "rows.h"
#include "sent_names.h"
#include "setup.h"
#include "fleet_share.h"

/* Counted since the start. */
struct batv_station_counts {
	uint64_t sent, received; /* items */
	uint64_t full;           /* items that the memory had no room for */
	uint64_t refused;        /* parcels that did not open */
};

struct batv_station {
	struct batv_setup setup;
	struct batv_own_files own;
	int state_dir; /* the state directory, O_PATH: batv-fleet may not list it */
	struct batv_fleet_share key;
	struct batv_engine *engine; /* NULL: not yet */
	struct batv_parcel_sealer *sealer;
	struct batv_memory memory, before;
	struct batv_capture capture;
	struct batv_roster roster;
	struct batv_roster_member members[BATV_ROSTER_MEMBERS_MAX];
	struct batv_member member;
	struct batv_sent_names names;
	struct batv_kept kept;
	struct batv_rows rows;
	struct batv_incoming *incoming;
	struct batv_outgoing *outgoing;
	struct batv_station_counts counts;
	int64_t now;   /* ms since 1970, of this turn, by a clock that goes on evenly: roster.h */
	int64_t drift; /* ms: what the system's clock says beyond that; it was set */
	int64_t tick;  /* ms, of a clock that nobody sets */
	int64_t until; /* in the header; ms, by the system's clock */
	/* As the others were told: capture.h. */
	int64_t gap_told, began_told;
	int64_t since;  /* in the header; s */
	bool deaf;      /* no server was read up to its end since it was connected */
	bool clone;     /* another host has this host's id */
	bool stuck;     /* names cannot be written */
	bool changed;   /* the view is to be written at once */
	bool exhausted; /* positions are used up: start again */
};

/*
 * Opens the memory files that the key names, unless they are open.  False: there is no memory that
 * can be written to, and *why says why.
 */
bool batv_station_open_memory(struct batv_station *st, const char **why);
/* Takes over what the header of the memory has. */
void batv_station_read_words(struct batv_station *st);
/* The memory is an empty one: nothing of the fleet is here. */
void batv_station_memory_lost(struct batv_station *st);
/* Starts the work; key, memory and own are open.  False: it was reported why. */
bool batv_station_start(struct batv_station *st, const struct batv_engine_hooks *hooks);
/* Begins a new incarnation in the middle of the work. */
bool batv_station_again(struct batv_station *st, char *message, size_t size);
/* Ends the work, and closes key and memory.  Setup and own stay. */
void batv_station_stop(struct batv_station *st);

static inline uint16_t batv_station_today(const struct batv_station *st)
{
	const int64_t real = st->now + st->drift;

	return (uint16_t)(real > 0 ? real / 86400000 : 0);
}
static inline unsigned batv_station_days(const struct batv_station *st)
{
	return (unsigned)((st->key.retention + 86399) / 86400);
}

#endif
