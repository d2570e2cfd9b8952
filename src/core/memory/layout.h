/*
 * layout.h - the memory file, byte for byte, for the other files of this room, the maker
 * (memory_file.c) and the tests.  docs/formats.md explains it.
 *
 * Numbers are in the byte order of the host that made the file.  `order` shows whether a file comes
 * from a host with the other byte order.  Every field has a fixed width and is aligned to it, so
 * 32-bit and 64-bit programs of one host can share a file.
 */
#ifndef BATV_MEMORY_LAYOUT_H
#define BATV_MEMORY_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define BATV_MEMORY_MAGIC "BATVmem\n" /* 8 bytes */
#define BATV_MEMORY_VERSION 2
#define BATV_MEMORY_VERSION_1 1 /* still read and written; batvd no longer makes it */
#define BATV_MEMORY_PAGE 4096   /* the header page: the directory of sections */
#define BATV_MEMORY_SECTIONS_MAX 32
#define BATV_DOMAIN_SLOTS 16384
#define BATV_DOMAIN_SLOT_SIZE 1024
#define BATV_DOMAIN_SLOT_SIZE_1 256 /* in version 1; a larger slot begins in the same way */
#define BATV_DOMAIN_NAME_MAX 219    /* a longer domain stays in observe */
#define BATV_COUNTER_DAYS 32

enum batv_section {
	BATV_SECTION_COUNTERS = 1,
	BATV_SECTION_DOMAINS,
	BATV_SECTION_IDS,
	BATV_SECTION_PAIRS, /* sent mail: memory/sent.h */
	BATV_SECTION_ID_HITS,
	BATV_SECTION_TAG_BOUNCES,
	BATV_SECTION_TAG_MAILS,
	BATV_SECTION_JOURNAL = 8,  /* what was recorded, for a fleet: journal.h */
	BATV_SECTION_FORGED = 9,   /* networks that forged tags came from: forged.h */
	BATV_SECTION_END = 10,     /* the last page, which shows that the file was never cut */
	BATV_SECTION_REFUSED = 11, /* refused bounces of the last hour: refused.h */
};

#define BATV_MEMORY_ORDER UINT64_C(0x0102030405060708)

struct batv_memory_section {
	uint32_t type;         /* enum batv_section; readers skip what they do not know */
	uint32_t key_check;    /* of ids and pairs; otherwise 0 */
	uint64_t offset, size; /* bytes; multiples of BATV_MEMORY_PAGE */
	uint64_t param[5];     /* by type; 0 if unused */
};

/*
 * Where Exim calls us.  These values index fields of the header page and never change.  A message
 * arrives through the first two, and leaves through the others.
 */
enum batv_door {
	BATV_DOOR_LOCAL_SCAN = 0,
	BATV_DOOR_ACL = 1,
	BATV_DOOR_ROUTER = 2,
	BATV_DOOR_TRANSPORT = 3,
	BATV_DOORS_MAX = 8,
};

#define BATV_HEAD_HOSTS 15

struct batv_head_host {      /* hosts.h */
	uint64_t address[2]; /* as an IPv6 address, in network order */
	uint64_t word;       /* check of the address << 48 | day << 32 | count; 0: free */
};

struct batv_memory_head { /* the header page */
	char magic[8];
	uint64_t order;
	uint32_t version, n_sections;
	uint64_t generation;
	int64_t created; /* seconds since 1970 */
	uint64_t size;   /* of the whole file */
	uint64_t sum;    /* batv_header_sum() of all fields above and the sections in use */
	uint64_t reserved;
	struct batv_memory_section section[BATV_MEMORY_SECTIONS_MAX];
	uint8_t later[960];
	int64_t bare_last;                 /* from here on, written while the file is in use */
	int64_t looked, doubted;           /* see batv_counters_note_look() */
	int64_t fleet_until;               /* milliseconds since 1970: fleet.h */
	int64_t door_last[BATV_DOORS_MAX]; /* last message by door: doors.h */
	int64_t unread; /* the last message whose own Received line could not be read */
	struct batv_head_host hosts[BATV_HEAD_HOSTS];
	int64_t lost; /* this file was made in place of one that was lost or damaged: when; 0: no */
	int64_t fleet_since; /* fleet.h */
	uint8_t more[544];
};
_Static_assert(sizeof(struct batv_memory_head) == BATV_MEMORY_PAGE, "one page");
_Static_assert(offsetof(struct batv_memory_head, sum) == 48, "as documented");
_Static_assert(offsetof(struct batv_memory_head, section) == 64, "as documented");
_Static_assert(offsetof(struct batv_memory_head, bare_last) == 3072, "as documented");
_Static_assert(offsetof(struct batv_memory_head, fleet_until) == 3096, "as documented");
_Static_assert(offsetof(struct batv_memory_head, door_last) == 3104, "as documented");
_Static_assert(offsetof(struct batv_memory_head, unread) == 3168, "as documented");
_Static_assert(offsetof(struct batv_memory_head, hosts) == 3176, "as documented");
_Static_assert(offsetof(struct batv_memory_head, lost) == 3536, "as documented");
_Static_assert(offsetof(struct batv_memory_head, fleet_since) == 3544, "as documented");

/* Counters: param[0] rows, param[1] days (32), param[2] bytes of a row (512). */
struct batv_counter_row {
	uint64_t life;
	uint64_t day[BATV_COUNTER_DAYS]; /* at day modulo 32: stamp << 40 | count */
	uint64_t journal;      /* row 198: records of the journal; row 199: those that failed */
	uint64_t reserved[30]; /* a row never crosses a page */
};
_Static_assert(offsetof(struct batv_counter_row, journal) == 264, "as documented");
_Static_assert(sizeof(struct batv_counter_row) == 512, "eight rows a page");

#define BATV_COUNT_BITS 40
#define BATV_COUNT_MAX ((UINT64_C(1) << BATV_COUNT_BITS) - 1)

/*
 * Domains: param[0] slots (a power of two), param[1] bytes of a slot, param[2] probes.
 *
 * Each word from `senders` on has a day since 1970 in its upper 16 bits, and is changed by
 * compare-and-swap.  The other bits are a keyed hash, a count, or a bitmap in which bit n is the
 * day n days earlier.  `broken` is a time.  memory/sending.c writes them.
 */
#define BATV_DOMAIN_HASHES 3
#define BATV_DOMAIN_DAYS 8          /* at day modulo 8 */
#define BATV_DOMAIN_FOREIGN_DAYS 16 /* at day modulo 16 */

struct batv_domain_day {                      /* sent by this domain on one day */
	uint64_t accepted, seen;              /* counts: for outside; seen at our transports */
	uint64_t senders[BATV_DOMAIN_HASHES]; /* of accepted mail */
};

struct batv_domain_foreign { /* mail of this domain that was sent elsewhere, on one day */
	uint64_t id;         /* hash of its Message-ID */
	uint64_t networks;   /* two hashes of 24 bits */
};

struct batv_domain_slot {
	uint64_t claim; /* time of the claim << 32 | enum batv_slot_state */
	uint32_t policy_sum, flags;
	uint32_t first_signed, last_signed, first_valid, last_valid, decided;
	char name[BATV_DOMAIN_NAME_MAX + 1]; /* lower case, ends in a NUL */
	/* A slot of version 1 ends here. */
	uint64_t senders[BATV_DOMAIN_HASHES];  /* local parts that signed */
	uint64_t domains[BATV_DOMAIN_HASHES];  /* recipient domains that they wrote to */
	uint64_t tags[BATV_DOMAIN_HASHES];     /* tags that valid bounces came to */
	uint64_t networks[BATV_DOMAIN_HASHES]; /* networks that valid bounces came from */
	uint64_t signed_days, counted_days;    /* bitmaps of 32 days: signed mail; sent elsewhere */
	struct batv_domain_day days[BATV_DOMAIN_DAYS];
	struct batv_domain_foreign foreign[BATV_DOMAIN_FOREIGN_DAYS];
	uint64_t recall_known, recall_missed;        /* counts: recall.h */
	uint64_t known_networks[BATV_DOMAIN_HASHES]; /* three known samples: where each came from */
	uint64_t missed_networks[BATV_DOMAIN_HASHES]; /* the last three, all different */
	uint64_t missed_days;                         /* bitmap of 48 days */
	uint32_t broken; /* time of the last break of this domain alone */
	uint16_t
		untagged_day; /* the last day with a DSN to an untagged address that an id proved */
	uint8_t untagged;     /* how many of them there were, at most 255 */
	uint8_t broken_why;   /* enum batv_domain_why: domains.h */
};
_Static_assert(sizeof(struct batv_domain_slot) == BATV_DOMAIN_SLOT_SIZE, "four slots a page");
_Static_assert(offsetof(struct batv_domain_slot, senders) == BATV_DOMAIN_SLOT_SIZE_1,
	       "begins as in version 1");
_Static_assert(offsetof(struct batv_domain_slot, name) == 36, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, domains) == 280, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, tags) == 304, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, networks) == 328, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, signed_days) == 352, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, counted_days) == 360, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, days) == 368, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, foreign) == 688, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, recall_known) == 944, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, known_networks) == 960, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, missed_networks) == 984, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, missed_days) == 1008, "as documented");
_Static_assert(offsetof(struct batv_domain_slot, broken) == 1016, "as documented");

/*
 * A slot goes from EMPTY to CLAIMING, and then to READY or GONE for ever.  That is why a name can
 * have only one slot: see slots.c.
 */
enum batv_slot_state {
	BATV_SLOT_EMPTY = 0,
	BATV_SLOT_CLAIMING = 1, /* a process is writing the name */
	BATV_SLOT_READY = 2,
	BATV_SLOT_GONE = 3, /* a claim that was never finished: unused, but a search goes on */
};

#define BATV_CLAIM_SECONDS 60 /* the daemon ends older claims */

/* A walk along a name's run visits at most this many slots. */
#define BATV_DOMAIN_PROBES 256

/*
 * Ids, pairs: param[0] blocks, param[1] lines of a block (days; a power of two, 4 to 64), param[2]
 * bits of an item (1 to 14), param[3] capacity, param[4] the time since when it is complete.  A
 * line has 64 bytes: 8 words, each with a day since 1970 in its upper 16 bits and 48 filter bits.
 */
#define BATV_LINE_WORDS 8
#define BATV_LINE_BITS 384 /* 8 words of 48 */
#define BATV_LINE_SIZE 64
#define BATV_LINES_MIN 4
#define BATV_LINES_MAX 64     /* a block never crosses a page */
#define BATV_ITEM_BITS_MAX 14 /* two numbers of 64 bits hold seven places of 384 each */
#define BATV_DAY_MAX 65535    /* 2149-06-06 */
#define BATV_DAY_SHIFT 48     /* of the day in such a word */

/*
 * Tallies: param[0] pages.  A page has 256 places of two words, one for a day and one for life.  In
 * version 1 it has 512 places of one word, for a day.  A word has a day in its upper 16 bits and
 * the count in the others.
 */
#define BATV_TALLY_PAGE_WORDS 512
#define BATV_TALLY_WORDS 2 /* of one place */

/*
 * Forged tags: param[0] pages, param[1] slots of a page (256), param[2] bytes of a slot (16).  A
 * network's page is the FNV-1a hash of its first word without the day, modulo the number of pages.
 */
#define BATV_FORGED_SLOTS 256
#define BATV_FORGED_PAGES 4

struct batv_forged_slot {
	uint64_t who;   /* network in the upper 48 bits, 1 bit IPv6, 15 bits day; 0: empty */
	uint64_t count; /* check: both halves of who, combined by exclusive or; count below */
};
_Static_assert(BATV_FORGED_SLOTS * sizeof(struct batv_forged_slot) == BATV_MEMORY_PAGE,
	       "a page of slots");

/*
 * Refused bounces: param[0] pages, param[1] slots of a page (64), param[2] bytes of a slot (64).  A
 * name's page is bytes 8 to 11 of the name, x pages >> 32.
 */
#define BATV_REFUSED_PAGES 256
#define BATV_REFUSED_SLOTS 64
#define BATV_REFUSED_STEPS 7 /* of ten minutes: an hour, and the step that has begun */

struct batv_refused_slot {
	uint64_t who; /* bytes 0 to 7 of the name; 0: empty */
	/* at step modulo 7: check of who << 32 | step << 16 | count.  A step is ten minutes since
	 * 1970, modulo 65536.  The check is both halves of who, combined by exclusive or. */
	uint64_t step[BATV_REFUSED_STEPS];
};
_Static_assert(BATV_REFUSED_SLOTS * sizeof(struct batv_refused_slot) == BATV_MEMORY_PAGE,
	       "a page of slots");

/*
 * Journal: param[0] records, param[1] bytes of a record (32).  It is never the last section.  The
 * record at position n is at n modulo records.
 */
struct batv_journal_record {
	uint32_t position; /* its lower half */
	uint16_t day;      /* since 1970 */
	uint8_t kind;      /* enum batv_journal_kind: journal.h; 0: no record */
	uint8_t topic;     /* 0 */
	uint32_t check;    /* FNV-1a of position, day, kind, topic, name; both halves combined */
	uint8_t name[20];  /* of the item */
};
_Static_assert(sizeof(struct batv_journal_record) == 32, "as documented");
_Static_assert(offsetof(struct batv_journal_record, name) == 12, "as documented");

/*
 * End: one page.  Its last 8 bytes are the last of the file, and repeat `sum` of the header page. A
 * file that was cut anywhere and has grown again has zeros there.
 */
#define BATV_END_SIZE BATV_MEMORY_PAGE

#define BATV_ITEM_LEN 20 /* bytes of an item's name */

#endif
