/*
 * counters.h - the counters of the memory file, and the times in its header page.
 */
#ifndef BATV_MEMORY_COUNTERS_H
#define BATV_MEMORY_COUNTERS_H

#include "memory/access.h"

/*
 * The counters.  Each counts for the life of the file and for each of the last 32 days.  These are
 * the numbers of rows in existing files.  A number never changes, and is never used for something
 * else.  docs/formats.md has the table; test_counters.c compares it with this enum.
 *
 * Rows 0 to 191 count judgements by verdict, class and action, see batv_counter_of() in verdict.h.
 */
enum batv_counter {
	BATV_COUNT_JUDGED_END = 192,
	BATV_COUNT_SIGNED = 192,           /* left signed, seen at the transport */
	BATV_COUNT_LEFT_NO_STATE = 193,    /* left untagged: there was no usable state */
	BATV_COUNT_LEFT_UNTRUSTED = 194,   /* left untagged */
	BATV_COUNT_LEFT_DESTINATION = 195, /* left untagged */
	BATV_COUNT_LEFT_OTHER = 196,       /* left untagged */
	BATV_COUNT_DOUBT = 197,            /* a decision that met a doubt */
	/* the sent-mail memory */
	BATV_COUNT_IDS = 198,   /* noted: also how full the day is */
	BATV_COUNT_PAIRS = 199, /* noted: also how full the day is */
	BATV_COUNT_LOOKUPS = 200,
	BATV_COUNT_HITS = 201,   /* of ids and pairs, when a message was judged */
	BATV_COUNT_FULL = 202,   /* not noted: the day's capacity is used up */
	BATV_COUNT_CLOCK = 203,  /* not noted: its place has a later day */
	BATV_COUNT_FORGED = 204, /* tags that were judged forged: batv_forged_note() */
	BATV_COUNT_END,          /* a file needs this many rows to be used */

	/* Of these, nothing counts MIXED, DEFERRED and MORE yet. */
	BATV_COUNT_MIXED = 205,        /* another recipient decided the action */
	BATV_COUNT_RECALL_KNOWN = 206, /* a DSN to a valid tag: the memory knew what it returned */
	BATV_COUNT_RECALL_MISSED = 207,
	/* Failed but not refused, by reason: 12 rows, and FLEET_BEHIND; see
	 * batv_verdict_spared_row().  A file with fewer rows is used too. */
	BATV_COUNT_SPARED = 208,
	BATV_COUNT_SPARED_END = 220,
	BATV_COUNT_DEFERRED = 220, /* by limit: 4 rows, enum batv_flood_limit */
	BATV_COUNT_DEFERRED_END = 224,
	BATV_COUNT_MORE = 224,       /* 32 rows for a new class, verdict or action: see verdict.c */
	BATV_COUNT_FLOOD_HOST = 256, /* deferred before DATA: its host is above its limit */
	BATV_COUNT_FLOOD_RCPT = 257, /* refused before DATA: a flooded recipient */
	BATV_COUNT_FLEET_BEHIND = 258,
};
#define BATV_COUNTERS_ROOM 264 /* rows of the file; an older one has 256 */

void batv_count(struct batv_memory *memory, size_t counter, int64_t now);
/*
 * Returns the count since the file was made (days == 0), or over today and the days - 1 days before
 * it (days is 1 to 32).  A row never overwrites a newer day with an older one.  So if a clock goes
 * back by 32 days or more, events are counted for life only.
 */
uint64_t batv_counted(struct batv_memory *memory, size_t counter, unsigned days, int64_t now);

/* Returns true if the file has a row for every counter. */
bool batv_counters_there(const struct batv_memory *memory);

/* The last time that mail left untagged because there was no usable state; 0: never. */
int64_t batv_counters_bare_last(struct batv_memory *memory);
void batv_counters_bare_now(struct batv_memory *memory, int64_t now); /* also counts it */
/* Notes that mail left untagged at `when`, as recorded elsewhere.  The later time is kept. */
void batv_counters_bare_since(struct batv_memory *memory, int64_t when);
int64_t batv_counters_created(struct batv_memory *memory);
/* Daemon only: this file was made because the one before was lost or damaged.  0: it was not. */
void batv_counters_note_lost(struct batv_memory *memory, int64_t now);
int64_t batv_counters_lost(struct batv_memory *memory);

/*
 * Daemon only: two times that it keeps for its next start.  looked is when it last looked.  doubted
 * is when it last doubted the clock.  0: never.
 */
int64_t batv_counters_looked(struct batv_memory *memory);
int64_t batv_counters_doubted(struct batv_memory *memory);
void batv_counters_note_look(struct batv_memory *memory, int64_t looked, int64_t doubted);

/* Call these within a guard, and only if the file has counters. */
struct batv_counter_row *batv_counter_row(struct batv_memory *m, size_t counter);
/* Returns false if the day's word has a later day. */
bool batv_counter_read(struct batv_memory *m, size_t counter, uint64_t day, uint64_t *count);
void batv_counter_add(struct batv_memory *m, size_t counter, uint64_t day);

#endif
