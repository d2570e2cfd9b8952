/*
 * flood.h - counts what was accepted because of a proof, and says when one proof was used too
 * often.
 *
 * A tag, and an id, can be read in list archives: everybody can use them.  So for one address, one
 * network may bring as many bounces and replies as flood_base and flood_share allow.  A network has
 * a count of its own for each tag, id and pair, so its flood defers nobody else's bounce.
 *
 * A tag has one more count, over all networks, with the same limit.  Of each network only the first
 * few count there (an eighth of flood_base): so it takes many networks to reach it, as when a tag
 * is used to send spam, and the bounces come from everywhere.
 *
 * A message over a limit is not counted.  When the address writes to more people, its limit rises,
 * and the next ones pass.
 */
#ifndef BATV_DECIDE_FLOOD_H
#define BATV_DECIDE_FLOOD_H

#include "decide/state.h"
#include "memory/sent.h"
#include "tag/tag.h"

/* The limit that was reached.  The rows of deferred mail are numbered by it: memory/counters.h. */
enum batv_flood_limit {
	BATV_FLOOD_NETWORK = 0, /* a network's bounces to one tag, or its replies by one pair */
	BATV_FLOOD_TAG = 1,     /* bounces to one tag from all networks */
	BATV_FLOOD_ID = 2,      /* a network's replies that cite one id */
	BATV_FLOOD_HINT = 3, /* messages with one hint; they are judged as if it were not there */
	BATV_FLOOD_NONE = 4, /* none was */
};

struct batv_flood_context {
	struct batv_memory *memory;
	struct batv_memory *before; /* the previous generation; NULL: none */
	const struct batv_state *state;
	const struct batv_policy *policy;
	const char *host;             /* address of the sending host; NULL or "": not known */
	const struct batv_addr *bare; /* the recipient without its tag */
	int64_t now;
};

struct batv_flood {
	enum batv_flood_limit over;
	uint32_t count, limit;       /* if over: with this one */
	uint8_t name[BATV_ITEM_LEN]; /* if over: what was counted, for batv_flood_deferred() */
};

/*
 * Counts a bounce to a valid tag, whether it came to the tag or returned it.  *out is always
 * written.  Without a memory, nothing is counted, and nothing is over.
 */
void batv_flood_tag(const struct batv_flood_context *context, const struct batv_tag *tag,
		    struct batv_flood *out);

/* Counts a message that was proved by an id or a pair. */
void batv_flood_item(const struct batv_flood_context *context, const struct batv_item *item,
		     struct batv_flood *out);

/*
 * Floods of forged bounces.  Refused bounces are counted by the host that brought them, and by the
 * untagged recipient (memory/refused.h).  The administrator's ACL asks before DATA whether one of
 * these is above a limit.
 */
enum batv_flood_subject { BATV_FLOOD_HOST, BATV_FLOOD_RCPT };

/* "100 / 1h", or "100", which is in an hour.  The time is 10m to 1h.  Writes *out on success only.
 */
struct batv_flood_rate {
	uint32_t limit;
	int64_t period; /* seconds */
};
bool batv_flood_rate(struct batv_span text, struct batv_flood_rate *out);

/* Counts a refused bounce.  The recipient may be NULL: then only the host is counted. */
void batv_flood_refused(struct batv_memory *memory, const struct batv_state *state,
			const char *host, const struct batv_addr *bare, int64_t now);

/*
 * How many were refused from this host, or for this recipient.  0 also if it is not known, and in a
 * memory that nobody can write, because it only shows what was once.
 */
uint32_t batv_flood_count(const struct batv_flood_context *context, enum batv_flood_subject subject,
			  int64_t period);

/*
 * Counts a deferral, and returns how many there were for this limit and name today.  0: not known.
 */
uint32_t batv_flood_deferred(struct batv_memory *memory, const struct batv_flood *flood,
			     int64_t now);

/*
 * Is the n-th deferral of a day worth a line in the log?  The 1st, 10th, 100th and so on are, so a
 * flood does not flood the log.
 */
bool batv_flood_is_news(uint32_t n);

/* base and share x recipients (in thousandths); UINT32_MAX if it is more than that. */
uint32_t batv_flood_limit(uint64_t base, uint64_t share, uint64_t recipients);

const char *batv_flood_subject_name(enum batv_flood_subject subject); /* "host", "rcpt" */
const char *batv_flood_name(enum batv_flood_limit limit); /* "network", "tag", "id", "hint" */

#endif
