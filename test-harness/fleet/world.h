/*
 * world.h - the simulated fleet: hosts with the real roster.c and member.c, servers that lose and
 * delay parcels of the real parcel.c, and a judge that knows each item.
 *
 * All times are milliseconds of the true clock, but where a name says otherwise.
 */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H

#include <stdio.h>

#include "member.h"

#define T0 INT64_C(1795824000000)
#define ENGINES 2
#define DAY_MS 20000  /* days are short, so that marks and floors come into play */
#define RETENTION 5   /* of these days */
#define KEPT_MS 10000 /* how long a host keeps its parcels */
#define LIVE_MS 30000 /* and a server */
#define KINDS 16

/* Dies with a message if the condition, which must hold, does not. */
#define must(condition)                                                                            \
 do {                                                                                              \
  if (!(condition))                                                                                \
   fail(__FILE__, __LINE__, #condition);                                                           \
 } while (0)
_Noreturn void fail(const char *file, int line, const char *what);

/* A sealed parcel, and the same opened. */
struct shipment {
	uint8_t *bytes;
	size_t len;
	struct batv_parcel head;
	uint8_t *inside;
	struct batv_span payload;
};

struct entry {
	uint32_t shipment;
	int64_t when;     /* it can be read from then on; in an outbox: it arrives */
	int64_t appended; /* when the server got it */
};

struct queue {
	struct entry *entry;
	size_t first, n, room; /* entries first to n - 1 are there */
};

struct server {
	struct queue live;
	unsigned epoch;
	int64_t back; /* down until then; 0: up */
};

struct link {
	struct queue out;
	size_t cursor;
	unsigned epoch;
	int64_t delay; /* one way, at least */
	int64_t back;  /* cut until then; 0: it is not */
	bool was_down;
};

struct item {
	int64_t when;
	uint32_t host;
	uint16_t day;
};

enum life { UNBORN, ALIVE, LEAVING, GONE };

struct host {
	enum life life;
	int64_t born, gone; /* when; gone: LEAVING ends, or it is to be forgotten */
	bool forgotten;     /* an administrator did so */
	bool records;       /* Exim runs */
	int64_t ahead;      /* its clock */
	int64_t even;       /* the same, as its daemon believes since it started */
	int64_t back;       /* the daemon is down until then; 0: it runs */
	struct link link[ENGINES];
	struct queue late; /* parcels that come out of order */
	/* On its disk: */
	uint32_t incarnation;
	char *member_text, *roster_text;
	size_t member_len, roster_len;
	uint32_t *item;        /* what it recorded */
	size_t n, room, filed; /* filed of them are in the files of days */
	/* In its memory: */
	uint8_t *here;  /* a bit for each item of all hosts */
	uint32_t *next; /* for each host, its first item that is not here */
	struct batv_roster roster;
	struct batv_member member;
	struct queue kept;    /* own parcels */
	size_t repeat_at;     /* the next item to be sent again */
	uint16_t repeat_from; /* from that day on */
	bool repeats;
	int64_t saved;
	int64_t probe; /* a message came at that time of the even clock, and waits; 0: none */
};

struct counts {
	uint64_t parcels[KINDS], bytes[KINDS], again; /* sealed; appended again */
	uint64_t delivered, duplicates, items, bits;  /* bits: flipped, and refused */
	uint64_t bytes_in, bytes_out;                 /* of all hosts */
	uint64_t starts, cuts, crashes, deletions, jumps, joins, leaves, deaths, late, lost;
	uint64_t checks, promised; /* times that `until` was asked for; that it was not 0 */
	size_t live_max;           /* bytes in one server */
};

struct world {
	unsigned hosts;
	uint32_t messages;
	int64_t now, calm, quiet; /* there is trouble from calm to quiet */
	int64_t bad;              /* the servers are worse until then */
	int64_t step;
	struct host *host;
	struct server server[ENGINES];
	struct shipment *shipment;
	uint32_t n_shipments, shipments_room;
	struct item *item;
	uint32_t items;
	struct batv_parcel_sealer sealer;
	struct counts count;
	uint32_t waits[2][2001]; /* of the barrier, by ms, without and with trouble; the last:
				    longer */
	uint64_t chance;
};
extern struct world world;

/* Below n, from the seed. */
uint64_t below(uint64_t n);
/* Once in so many times. */
bool once_in(uint64_t n);
bool is_troubled(void);
void *grown(void *p, size_t *room, size_t n, size_t each);
void queue_put(struct queue *q, struct entry e);

/* network.c */
bool network_up(const struct host *h, unsigned engine);
bool network_any(const struct host *h);
uint32_t network_seal(struct host *h, const struct batv_parcel *parcel, struct batv_span payload);
void network_append(struct host *h, uint32_t shipment);
void network_move(struct host *h);
/* Takes a parcel that has come; the server got it at `appended`. */
typedef void hear_fn(struct host *h, struct shipment *s, int64_t appended);
/* Calls hear() for what has come to the host.  False: more is waiting to be read. */
bool network_read(struct host *h, hear_fn *hear);
void network_trouble(void);
void network_forget_links(struct host *h);

/* daemon.c */
void daemon_start(struct host *h, int64_t since);
void daemon_stop(struct host *h);
void daemon_step(struct host *h);
void daemon_record(struct host *h);
void daemon_forget(struct host *h, struct host *gone);
void daemon_leave(struct host *h);
void show_host(const struct host *h);

#endif
