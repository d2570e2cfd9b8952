/*
 * member.h - what a host of the fleet decides: how its parcels are numbered, when it beats, what it
 * asks the others for, and what it answers them.  batv-fleet and the simulation of
 * test-harness/fleet/ do what it says.
 *
 * The rules that the promises of parcels rest on (parcel.h), for the caller:
 *   - the incarnation is one more than any before, and on disk, before batv_member_start();
 *   - names are in the files of their days before batv_member_next() is asked for their parcel;
 *   - each parcel that batv_member_next() numbered is appended, in that order, with what it
 * promises; its bytes are kept for some minutes (`kept_from`), and appended again as they are;
 *   - when `save` is set, what batv_member_write() writes is on disk before the parcel is appended;
 *   - a parcel is numbered only while a server can take it: so a promise is never old when it
 * leaves.
 *
 * A parcel that somebody lacks is appended again while its bytes are kept.  After that, the names
 * of whole days are sent again, from the files, and then AGAIN says what that stands for.  So does
 * each start, for what was sent after the text was saved.
 *
 * Pure: no clock, no files, no allocation but in batv_member_write(); times are milliseconds, of
 * the clock that roster.h asks for: one that goes on evenly.
 */
#ifndef BATV_MEMBER_H
#define BATV_MEMBER_H

#include "roster.h"

#define BATV_MEMBER_DAYS_MAX 62    /* of retention */
#define BATV_MEMBER_RESENDS 16     /* ranges that are to be appended again */
#define BATV_MEMBER_ASK_AFTER 1000 /* a gap is asked for when it is this old */
#define BATV_MEMBER_ASK_MAX 60000  /* at first every three seconds, at last every minute */
#define BATV_MEMBER_REPEAT_EVERY 30000
#define BATV_MEMBER_LEAD 250 /* shortest time between beats */

/* The first parcel that was sealed on a day, and the lowest day of the items from it on. */
struct batv_member_mark {
	uint64_t position;
	uint16_t day, lowest;
};

struct batv_member_resend {
	uint64_t from, to;
	int64_t when; /* it was appended again then; 0: it is still due */
};

struct batv_member {
	struct batv_roster *roster;
	unsigned retention_days;
	uint64_t last;       /* position of the last parcel that was numbered */
	uint64_t kept_from;  /* the caller has the bytes of its parcels from there on; 0: of none */
	int64_t until;       /* the last promise */
	uint64_t floor;      /* as in parcels */
	uint64_t members_at; /* the last MEMBERS; 0: none in this incarnation */
	int64_t members_said;
	int64_t sent; /* when a parcel was numbered last */
	bool members_due;
	bool save;          /* write the text, and set this to false */
	bool left;          /* LEAVE was said: it says no more, but appends again what is kept */
	bool reading;       /* the caller still reads history: do not ask for it */
	bool owes;          /* names are to be sent again: */
	uint64_t owed_from; /* what was in the parcels from there on */
	bool repeating;     /* that is going on: */
	uint64_t repeat_first, repeat_from;
	int64_t repeated; /* when that ended last */
	unsigned n_marks, n_resends;
	struct batv_member_mark mark[BATV_MEMBER_DAYS_MAX + 2]; /* ascending */
	struct batv_member_resend resend[BATV_MEMBER_RESENDS];
};

/*
 * Starts an incarnation.  The roster is that of this host, read or started already.  *m holds what
 * batv_member_read() read, or zeros: then everything is sent again that is in the files of days.
 */
void batv_member_start(struct batv_member *m, struct batv_roster *roster, uint32_t incarnation,
		       unsigned retention_days, int64_t now);

/*
 * Numbers the next parcel, and fills in all of it.  day is that of the items, or 0; today is this
 * host's day.  `until`: all that was recorded before is in the parcels up to this one.  Returns
 * false when the numbers are used up: start again.
 */
bool batv_member_next(struct batv_member *m, enum batv_parcel_kind kind, uint16_t day,
		      uint16_t count, int64_t until, uint16_t today, int64_t now,
		      struct batv_parcel *out);
/* After batv_roster_hear() said NEW. */
void batv_member_heard(struct batv_member *m, const struct batv_parcel *parcel,
		       struct batv_span payload, int64_t now);
/* A server is back: what is kept is appended again. */
void batv_member_back(struct batv_member *m);
/* A server has lost everything: all names are sent again. */
void batv_member_lost(struct batv_member *m);

enum batv_member_act {
	BATV_MEMBER_WAIT,    /* until `when` */
	BATV_MEMBER_BEAT,    /* append a BEAT */
	BATV_MEMBER_MEMBERS, /* append MEMBERS: batv_member_members() */
	BATV_MEMBER_ASK,     /* append ASK: batv_member_ask() */
	BATV_MEMBER_RESEND,  /* append own parcels again, from one position to another */
	/* Append all names of the days from day_from on; the host's row, and what it said of
	 * others; then AGAIN: batv_member_repeated().  Others may come between. */
	BATV_MEMBER_REPEAT,
};
struct batv_member_todo {
	enum batv_member_act act;
	int64_t when;
	uint64_t from, to;
	uint16_t day_from;
};
/* What is due now.  It is taken as done, so ask again until it is WAIT. */
struct batv_member_todo batv_member_due(struct batv_member *m, int64_t now);

/*
 * Payloads; they return the count and set *len.  out has room for BATV_PARCEL_PAYLOAD_MAX.  Append
 * the parcel before batv_member_due() is asked again.
 */
uint16_t batv_member_members(const struct batv_member *m, uint8_t *out, size_t *len);
uint16_t batv_member_ask(struct batv_member *m, int64_t now, uint8_t *out, size_t *len);
void batv_member_repeated(struct batv_member *m, int64_t now,
			  uint8_t out[static BATV_PAYLOAD_AGAIN_LEN]);

/* How often this host beats, at least. */
int64_t batv_member_beat_ms(const struct batv_member *m);

/*
 * Text, from malloc, for the next start; and back.  On error *m is all zero, *line (0: the whole)
 * and *why say what is wrong.
 */
enum batv_err batv_member_write(const struct batv_member *m, char **text, size_t *len);
enum batv_err batv_member_read(const char *text, size_t len, struct batv_member *m, unsigned *line,
			       const char **why);

#endif
