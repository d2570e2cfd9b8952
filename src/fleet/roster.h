/*
 * roster.h - which hosts the fleet has, and how far each of them was heard.
 *
 * A host numbers its parcels (parcel.h: position).  The roster keeps, for each host, which
 * positions are here, as ranges.  So it does not matter in which order, how often and from which
 * server they come.  A position that is missing is a gap.  It closes when the parcel comes, or when
 * the host says that what was in it is in later parcels (AGAIN), or no longer matters (`floor`),
 * and those later ones are here.  A host that starts again begins a new incarnation, and nobody
 * knows how many parcels the one before had.  So there is always a gap between two incarnations,
 * until the host says AGAIN.
 *
 * Invariant: let t be what batv_roster_until() returned.  Each item that a member recorded before
 * the moment t of this host's clock, within the retention, was in a parcel that was heard.  So:
 *   - a gap holds `until` where the gap begins, for ever if need be: time closes nothing;
 *   - a member that another one names, and that was never heard, makes it 0;
 *   - a host that does not fit into the roster makes it 0;
 *   - what is forgotten on the way (too many gaps, a crash before it was saved) only makes it less.
 *
 * Clocks.  `until` of a parcel is by the sender's clock, times here are by this host's.  The
 * fastest parcel shows how far the sender's clock is ahead, less the time that it took to the
 * server.  So nothing is promised before a first parcel showed it, and BATV_ROSTER_SLACK is taken
 * off.  Within one run both clocks must go on evenly: take CLOCK_MONOTONIC, plus what it lacked to
 * the real time at the start; start again when that has changed by a second.  Known limit: a server
 * that lies about when it got parcels, or holds back all of a host, hides how far that host's clock
 * is ahead.  Clocks that are right to BATV_ROSTER_SLACK leave nothing to hide.
 *
 * Order, for the caller: ask batv_roster_look(); if NEW, check and apply the payload to the memory;
 * then batv_roster_hear().  After a crash between the two the parcel comes again, or is a gap.
 *
 * Pure: no clock, no files, no hidden allocation; times are milliseconds since 1970.
 */
#ifndef BATV_ROSTER_H
#define BATV_ROSTER_H

#include "base/err.h"
#include "payload.h"

#define BATV_ROSTER_MEMBERS_MAX 1024
#define BATV_ROSTER_RANGES 16
#define BATV_ROSTER_AGAINS 4
#define BATV_ROSTER_SLACK 100      /* ms */
#ifndef BATV_ROSTER_WINDOW         /* the simulation takes a shorter one */
# define BATV_ROSTER_WINDOW 600000 /* ms */
#endif
#define BATV_ROSTER_OFFSET_MAX (INT64_MAX / 4) /* so far ahead that nothing is promised */

/* The numbers are in parcels and in the file: never reused. */
enum batv_roster_state {
	BATV_ROSTER_NAMED = 1,     /* another host knows it; not one parcel of it was heard */
	BATV_ROSTER_HEARD = 2,     /* it is a member */
	BATV_ROSTER_LEFT = 3,      /* it said so; what it sent until then still counts */
	BATV_ROSTER_FORGOTTEN = 4, /* an administrator said so; it is back when it is heard */
};

/* Positions `from` to `to` are here.  until: the promise of the last parcel in it; 0: none known.
 */
struct batv_roster_range {
	uint64_t from, to;
	int64_t until;
};

/* When `first` to `last` are here, `from` to `to` are, too. */
struct batv_roster_again {
	uint64_t first, last, from, to;
};

/* member.c's: when this host asks for the first gap. */
struct batv_roster_asking {
	uint64_t gap; /* where it begins */
	int64_t at, wait;
};

struct batv_roster_member {
	uint64_t host;
	uint64_t floor;               /* what is below does not matter; 0: not known yet */
	uint64_t next_floor, said_at; /* is to become so when all from there to said_at is here */
	uint64_t left_at; /* LEFT: its last parcel; FORGOTTEN: a later one brings it back */
	int64_t heard;    /* when a parcel of it came last; 0: never */
	int64_t latest;   /* the latest promise that was heard, or heard of; its clock */
	/* Its clock is ahead at least so far: in this window, in the one before it (both count, of
	 * whatever incarnation), and in all earlier incarnations. */
	int64_t offset, offset_before, offset_old;
	int64_t window;           /* when this window began; 0: with the next parcel */
	int64_t seen, seen_until; /* what one parcel showed of its clock, and its promise */
	int64_t since;            /* as it says in MEMBERS: it has all since then; 0: not */
	uint32_t incarnation;     /* the latest that was heard */
	uint8_t state;            /* enum batv_roster_state */
	bool sampled;             /* since this host's start, two parcels agreed about its clock */
	uint8_t n, n_again;
	struct batv_roster_asking asking;
	struct batv_roster_range range[BATV_ROSTER_RANGES]; /* ascending, with gaps between */
	struct batv_roster_again again[BATV_ROSTER_AGAINS];
};

struct batv_roster {
	uint64_t own;          /* this host */
	uint64_t own_position; /* of the last parcel that it sealed; the caller keeps it up to date
				*/
	int64_t since; /* all that the fleet sent since then is here, but for gaps; 0: not */
	int64_t lost;  /* until then, something may be missing for good; 0: nothing */
	bool overflow; /* a host did not fit; until the roster is started again */
	bool urgent;   /* the members changed: save, and set it to false, before `until` is used */
	size_t n, room;
	struct batv_roster_member *member; /* the caller's, ascending by host */
};

/* Starts empty.  since: from when on this host's file alone has what it sent; 0: not. */
void batv_roster_start(struct batv_roster *roster, uint64_t own, int64_t since,
		       struct batv_roster_member *member, size_t room);

enum batv_roster_answer {
	BATV_ROSTER_NEW,
	BATV_ROSTER_DUPLICATE, /* it is here already, or does not matter */
	BATV_ROSTER_OWN,       /* this host sent it */
	BATV_ROSTER_CLONE, /* it has this host's id, but this host did not send it: a copied disk */
	BATV_ROSTER_FULL,  /* one host too many */
};
enum batv_roster_answer batv_roster_look(const struct batv_roster *roster,
					 const struct batv_parcel *parcel);
/*
 * Notes a parcel that was applied, and what it says of hosts (MEMBERS, LEAVE, FORGET, AGAIN).  The
 * payload fits (batv_payload_fits()).  `received` is when the server got it, by this host's clock,
 * or a later time if that is not known.
 */
enum batv_roster_answer batv_roster_hear(struct batv_roster *roster,
					 const struct batv_parcel *parcel, struct batv_span payload,
					 int64_t received);
/* This host itself forgets one: what it then tells the others by FORGET. */
void batv_roster_forget(struct batv_roster *roster, const struct batv_payload_forget *forget);
/* What some host sent before that moment may be missing for good: see capture.h. */
void batv_roster_lost(struct batv_roster *roster, int64_t until);
/* Drops members that left or were forgotten, and promised nothing since `before`. */
void batv_roster_prune(struct batv_roster *roster, int64_t before);

/* See above.  0: not known, or `urgent`. */
int64_t batv_roster_until(const struct batv_roster *roster, int64_t now);
/*
 * Since when this host's file has all that the fleet sent, gaps apart; 0: not.  Members that have
 * all for longer lend what they know: when no gap is open, all that matters of it is here.
 */
int64_t batv_roster_since(struct batv_roster *roster);
/* This host's clock went on unevenly: what was seen of other clocks is void. */
void batv_roster_clock_set(struct batv_roster *roster);
/* The memory was replaced by an empty one: nothing is here. */
void batv_roster_nothing_here(struct batv_roster *roster, int64_t since);

const struct batv_roster_member *batv_roster_find(const struct batv_roster *roster, uint64_t host);
/* Does the member still count for `until`?  Not when it left, and all that it sent is here. */
bool batv_roster_counts(const struct batv_roster_member *member);
/* Is all of it here, as far as is known? */
bool batv_roster_whole(const struct batv_roster_member *member);
/* Its promise, up to its first gap, in this host's time; 0: none. */
int64_t batv_roster_member_until(const struct batv_roster_member *member);
/* The last of its positions that was heard; 0: none. */
uint64_t batv_roster_last(const struct batv_roster_member *member);
/*
 * What of the member is missing, oldest first: writes up to max, returns how many there are.  A
 * member that was never heard lacks everything (0 to UINT64_MAX).
 */
size_t batv_roster_gaps(const struct batv_roster_member *member, struct batv_payload_ask *gap,
			size_t max);

#endif
