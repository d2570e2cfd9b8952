/*
 * counters.h - the shared memory file: counters and the domain table (the sent-message
 * filters come as further sections).  Many processes write at once, without locks; the
 * daemon alone creates files and decides flags.
 *
 * batvd and batvctl map the file whole.  A process of Exim's looks at a few places and ends, and
 * pays most for page faults and page tables: it opens the file with windows.  What it reads, it reads
 * with pread(); what it writes to, it maps, page by page.
 *
 * Every access to a mapping goes through a guard: a file that somebody truncates while
 * it is mapped is "no memory", never a SIGBUS.  docs/formats.md has the layout.
 */
#ifndef BATV_MEMORY_COUNTERS_H
#define BATV_MEMORY_COUNTERS_H

#include "decide/verdict.h"

#define BATV_MEMORY_MAGIC "BATVmem\n"	/* 8 bytes */
#define BATV_MEMORY_VERSION 1
#define BATV_MEMORY_PAGE 4096		/* the header page: the directory of sections */
#define BATV_MEMORY_SECTIONS_MAX 32
#define BATV_DOMAIN_SLOTS 16384
#define BATV_DOMAIN_SLOT_SIZE 256
#define BATV_DOMAIN_NAME_MAX 219	/* a longer domain stays in observe */
#define BATV_COUNTER_DAYS 32

enum batv_section {
	BATV_SECTION_COUNTERS = 1, BATV_SECTION_DOMAINS,
	BATV_SECTION_IDS, BATV_SECTION_PAIRS,	/* what was sent: memory/sent.h */
	BATV_SECTION_ID_HITS, BATV_SECTION_TAG_BOUNCES, BATV_SECTION_TAG_MAILS,
	BATV_SECTION_FORGED = 9,	/* networks that forged tags came from: forged.h; 8 is kept for a journal */
};
#define BATV_FILTERS 2			/* ids, pairs */
#define BATV_TALLIES 3

struct batv_filter {
	size_t at;			/* offset; 0: the section is not there */
	uint32_t blocks;
	unsigned lines, bits;		/* days of the ring, a power of two; bits of an item */
	uint64_t capacity;		/* items a day */
	int64_t since;			/* what was sent from then on is in it, or in the file before */
	uint32_t key_check;		/* batv_memory_key_check() of the key that names items */
};

#define BATV_MEMORY_WINDOWS 64		/* pages that one process has mapped at once */

struct batv_memory {			/* start with all zero bytes */
	void *base;			/* what is mapped: the file, or room for windows; NULL: nothing */
	size_t size;			/* of what is mapped */
	size_t file_size;
	int64_t dev, ino;
	uint64_t generation;
	size_t counters_at, domains_at;	/* offsets; 0: the section is not there */
	size_t counters_count;
	size_t domain_slots;
	struct batv_filter filters[BATV_FILTERS];
	size_t tally_at[BATV_TALLIES], tally_pages[BATV_TALLIES];
	size_t forged_at, forged_pages;
	bool writable;
	bool windowed;			/* from here on: for batv_memory_open_windows() only */
	bool held;			/* fd is open */
	int fd;
	size_t window_size;		/* bytes: a page of the system's, and of the file's */
	uint64_t windows;		/* mapped so far; the next one takes the place windows % 64 */
	uint64_t window[BATV_MEMORY_WINDOWS];	/* which page of the file lies there */
};

/* Is there a memory? */
static inline bool batv_memory_there(const struct batv_memory *memory)
{
	return memory->base || memory->windowed;
}

/*
 * Map dir/name, unless that very file is mapped already.  On error memory->base is NULL and every
 * other function treats it as "no memory".  Errors: those of batv_file_open,
 * BATV_E_DAMAGED (not ours, sizes that contradict each other), BATV_E_VERSION.
 */
enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_close(struct batv_memory *memory);

/*
 * The same without mapping anything yet.  It holds a descriptor until batv_memory_release(); after that it
 * has to be opened again before its next use, which is cheap when it still is the same file.  Exim closes
 * descriptors that it does not know, so they are held for one decision only.
 */
enum batv_err batv_memory_open_windows(struct batv_memory *memory, int dirfd, const char *name);
void batv_memory_release(struct batv_memory *memory);

/* What is counted, for the life of the file and for each of the last 32 days. */
enum batv_counter {
	/* verdict x class x action come first: batv_counter_of() */
	BATV_COUNT_JUDGED_END = BATV_VERDICT_COUNT * BATV_CLASS_COUNT * BATV_ACTION_COUNT,
	BATV_COUNT_SIGNED = BATV_COUNT_JUDGED_END,	/* left signed, seen at the transport */
	BATV_COUNT_LEFT_NO_STATE,	/* left bare for want of a usable state */
	BATV_COUNT_LEFT_UNTRUSTED, BATV_COUNT_LEFT_DESTINATION, BATV_COUNT_LEFT_OTHER,
	BATV_COUNT_DOUBT,		/* a decision that met a doubt */
	/* the sent-message memory */
	BATV_COUNT_IDS, BATV_COUNT_PAIRS,	/* remembered: also how full the day is */
	BATV_COUNT_LOOKUPS, BATV_COUNT_HITS,	/* of ids and pairs, to judge a message */
	BATV_COUNT_FULL,		/* not remembered: the day's capacity was used up */
	BATV_COUNT_CLOCK,		/* not remembered: its place holds a later day */
	BATV_COUNT_FORGED,		/* tags that were judged forged: batv_forged_note() */
	BATV_COUNT_END
};
#define BATV_COUNTERS_ROOM 256		/* in the file: room for later ones */

size_t batv_counter_of(enum batv_verdict v, enum batv_class c, enum batv_action a);
void batv_count(struct batv_memory *memory, size_t counter, int64_t now);
/*
 * Since the file was made (days == 0), or over today and the days - 1 days before (1..32).
 * What is counted on a day 32 or more days before one that a row has seen already (a clock
 * that went far back) is counted for life only: a newer day is never overwritten.
 */
uint64_t batv_counted(const struct batv_memory *memory, size_t counter, unsigned days, int64_t now);

/* The last time that mail left bare for want of a usable state; 0: never. */
int64_t batv_memory_bare_last(const struct batv_memory *memory);
void batv_memory_bare_now(struct batv_memory *memory, int64_t now);	/* counts too */
/* That mail left bare at `when`, noted elsewhere; the later time stays. */
void batv_memory_bare_since(struct batv_memory *memory, int64_t when);
int64_t batv_memory_created(const struct batv_memory *memory);

/*
 * Daemon only: what it notes for its next start.  looked: when it last looked.  doubted: when it last
 * doubted the clock.  0: never.
 */
int64_t batv_memory_looked(const struct batv_memory *memory);
int64_t batv_memory_doubted(const struct batv_memory *memory);
void batv_memory_note_look(struct batv_memory *memory, int64_t looked, int64_t doubted);

/*
 * The domain table.  Names are folded to lower case.  Times are seconds since 1970 in 32
 * bits (until 2106), 0: never; the last_ ones are written at most once an hour.
 */
#define BATV_DOMAIN_ARMED 1u		/* flags: set by the daemon alone */

struct batv_domain {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	uint32_t policy_sum;		/* batv_policy_sum() of the last evidence's policy */
	uint32_t flags;
	uint32_t first_signed, last_signed;	/* seen at the transport */
	uint32_t first_valid, last_valid;	/* valid bounces that came back */
	uint32_t decided;		/* when the daemon last changed flags */
};

enum batv_evidence { BATV_EVIDENCE_SIGNED, BATV_EVIDENCE_VALID };

uint32_t batv_policy_sum(const char *policy_name);

/*
 * Note evidence for a domain; claims a slot if it has none.  first_ is set once, and anew if it
 * lies more than a day ahead: a clock was wrong.  last_ follows the clock, in both directions, in
 * steps of an hour.  None of the errors matters to the mail at hand: BATV_E_NO_FILE (no memory, or
 * it may only be read), BATV_E_FULL, BATV_E_TOO_LONG, BATV_E_SYNTAX ("").
 */
enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain,
			       const char *policy, enum batv_evidence what, int64_t now);
/*
 * Mail of this domain left bare, for its policy does not sign, or it has none (policy NULL): what
 * was noted before is no evidence any more, and it is not armed.  A domain that is not in the table
 * stays out of it.
 */
void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy);
/* False: no memory, or not in the table.  One look-up touches a page or two. */
bool batv_domain_find(const struct batv_memory *memory, const char *domain,
		      struct batv_domain *out);

/* For daemon and status: the slot at index (0..domain_slots-1); false: empty. */
bool batv_domain_at(const struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * The first one in use at *index or behind it, and its index; false: no more.  One guard for all the
 * empty ones: for (size_t i = 0; batv_domain_next(m, &i, &d); i++)
 */
bool batv_domain_next(const struct batv_memory *memory, size_t *index, struct batv_domain *out);
/*
 * Daemon only; what is set already is left alone.  Errors: BATV_E_NO_FILE, BATV_E_SYNTAX (no such
 * slot, or not in use).
 */
enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now);
/* Daemon only: takes the evidence out of a slot; false: there was none. */
bool batv_domain_take(struct batv_memory *memory, size_t index, struct batv_domain *out);
/*
 * Daemon only: what another memory file knows of a domain.  The earlier first times and the later
 * last ones stay; flags are taken where the daemon has not decided.  Errors: as batv_domain_note.
 */
enum batv_err batv_domain_merge(struct batv_memory *memory, const struct batv_domain *domain);
/*
 * Daemon only: ends claims that were never finished (a killed process) and are a minute old;
 * returns how many.  The slots themselves stay unused.
 */
unsigned batv_domain_reclaim(struct batv_memory *memory, int64_t now);

/* Daemon only: to the disk.  Waits for it. */
void batv_memory_sync(const struct batv_memory *memory);

/*
 * Run `body` with a guard: false when the mapping broke under it (SIGBUS, or a window that can't be
 * mapped), and then there is no memory for good; false, without running it, when there was none before.
 * All functions above that write use it.  body touches the mapping and its own argument, and keeps
 * nothing that needs releasing: it may end at any access, and a signal handler may jump out
 * of it.  Two system calls: do several things in one.  Guards may be nested (four deep).
 * SIGBUS must not be blocked.  Not for several threads at once.
 */
bool batv_memory_guard(struct batv_memory *memory, void (*body)(struct batv_memory *, void *),
		       void *arg);

#endif
