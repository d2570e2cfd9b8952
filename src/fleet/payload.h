/*
 * payload.h - what is inside of parcels, by kind: written, checked and read.  Numbers are of fixed
 * length, lowest byte first.  docs/formats.md ("Fleet parcel") has the tables.
 *
 * A parcel that opened was sealed by a member of the fleet, but a member may run another version,
 * or be somebody else's by now.  So batv_payload_fits() is asked before anything is read.
 */
#ifndef BATV_PAYLOAD_H
#define BATV_PAYLOAD_H

#include "parcel.h"

#define BATV_PAYLOAD_ITEM_LEN 21 /* kind (enum batv_journal_kind), 20 bytes of name */
#define BATV_PAYLOAD_ITEMS_MAX 3000
#define BATV_PAYLOAD_ASKS_MAX 200

/* Is the payload what the parcel's kind and count say?  True for a kind that is not known. */
bool batv_payload_fits(const struct batv_parcel *parcel, struct batv_span payload);

/* ITEMS: count of them.  i is below the parcel's count.  A kind may be unknown: skip that item. */
void batv_payload_put_item(uint8_t *out, uint8_t kind, const uint8_t name[static 20]);
const uint8_t *batv_payload_item(struct batv_span payload, size_t i, uint8_t *kind);

/* ASK: count times what is asked for: the parcels of a host from one position to another, both
 * included.  from 0 and to UINT64_MAX: all. */
#define BATV_PAYLOAD_ASK_LEN 24
struct batv_payload_ask {
	uint64_t host, from, to;
};
void batv_payload_put_ask(uint8_t *out, const struct batv_payload_ask *ask);
struct batv_payload_ask batv_payload_ask(struct batv_span payload, size_t i);

/* AGAIN: whatever was in the sender's parcels `from` to `to` is also in its parcels from `first` up
 * to this one. */
#define BATV_PAYLOAD_AGAIN_LEN 24
struct batv_payload_again {
	uint64_t first, from, to;
};
void batv_payload_put_again(uint8_t *out, const struct batv_payload_again *again);
struct batv_payload_again batv_payload_again(struct batv_span payload);

/*
 * MEMBERS: since when (ms, its own clock; 0: not) the sender has all that the fleet sent; then
 * count hosts that it knows, itself not among them: how it knows each, its last parcel and last
 * promise.
 */
#define BATV_PAYLOAD_MEMBERS_HEAD 8
#define BATV_PAYLOAD_MEMBER_LEN 25
struct batv_payload_member {
	uint64_t host, position;
	int64_t until;
	uint8_t state; /* enum batv_roster_state */
};
void batv_payload_put_since(uint8_t *out, int64_t since);
void batv_payload_put_member(uint8_t *out, const struct batv_payload_member *member);
int64_t batv_payload_since(struct batv_span payload);
struct batv_payload_member batv_payload_member(struct batv_span payload, size_t i);

/*
 * FORGET: this host is gone.  Its last parcel and promise are those that the sender knows; a
 * receiver that heard a later one does not forget it.  `lost` (ms): what it sent before that moment
 * may be missing for good, everywhere; 0: it is certain that it sent nothing after `until`.
 */
#define BATV_PAYLOAD_FORGET_LEN 32
struct batv_payload_forget {
	uint64_t host, position;
	int64_t until, lost;
};
void batv_payload_put_forget(uint8_t *out, const struct batv_payload_forget *forget);
struct batv_payload_forget batv_payload_forget(struct batv_span payload);

/* The day for which a receiver records items: the sender's, unless its clock is wrong. */
uint64_t batv_payload_day(uint64_t day, uint64_t today, uint64_t retention_days);

#endif
