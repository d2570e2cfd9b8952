/*
 * incoming.c - parcels of others.
 *
 * Invariant: a parcel is noted in the roster only after what it has is in the memory.  After a
 * crash between the two it comes again, or is a gap that is asked for.
 *
 * Items wait until the turn ends and are recorded sorted by block, because that is ten times as
 * fast when history comes.
 */
#include <stdlib.h>
#include <string.h>

#include "incoming.h"
#include "memory/journal.h"
#include "report.h"
#include "row_share.h"
#include "station.h"

#include <syslog.h>

#define ROOM (UINT32_C(16) << 20) /* bytes of payloads that wait, at most */
#define WAITING 16384             /* parcels that wait, at most */
#define AT_ONCE 1024              /* items in one guard */

struct waiting {
	struct batv_parcel parcel;
	size_t at, len; /* its payload */
};

struct sorted {
	uint32_t block; /* what the place in the memory depends on */
	uint16_t day;
	const uint8_t *item; /* BATV_PAYLOAD_ITEM_LEN bytes */
};

struct batv_incoming {
	struct waiting waiting[WAITING];
	size_t n, used;
	uint8_t bytes[ROOM];
	uint8_t open[BATV_PARCEL_SIZE_MAX];
	struct sorted *sorted; /* from malloc */
	size_t sorted_n, sorted_room;
};

struct batv_incoming *batv_incoming_new(void)
{
	return calloc(1, sizeof(struct batv_incoming));
}

void batv_incoming_free(struct batv_incoming *in)
{
	if (in)
		free(in->sorted);
	free(in);
}

/* ---- taking ---- */

static void refuse(struct batv_station *st, enum batv_parcel_answer answer)
{
	/* One line for each thousand: anybody who writes to the server could fill the log. */
	if (st->counts.refused++ % 1000 != 0)
		return;
	batv_report(answer == BATV_PARCEL_NEWER ? LOG_WARNING : LOG_NOTICE,
		    "a parcel on a server was not taken: %s (%llu so far)%s",
		    batv_parcel_say(answer), (unsigned long long)st->counts.refused,
		    answer == BATV_PARCEL_FOREIGN
			    ? "; do all hosts of the fleet have the same secret?"
			    : "");
}

static void keep(struct batv_incoming *in, const struct batv_parcel *parcel,
		 struct batv_span payload)
{
	in->waiting[in->n++] = (struct waiting){*parcel, in->used, payload.len};
	if (payload.len)
		memcpy(in->bytes + in->used, payload.p, payload.len);
	in->used += payload.len;
}

/* Rows are not on the disk: after a start they are read out of the hash, although they were heard.
 */
static bool is_row_to_read_again(const struct batv_station *st, const struct batv_parcel *parcel)
{
	const struct batv_roster_member *m = batv_roster_find(&st->roster, parcel->host);
	const struct batv_rows_one *row = batv_rows_find(&st->rows, parcel->host);

	return parcel->kind == BATV_PARCEL_ROW && m && m->state != BATV_ROSTER_FORGOTTEN &&
	       (!row || row->position < parcel->position);
}

void batv_incoming_take(struct batv_station *st, struct batv_span bytes)
{
	struct batv_incoming *in = st->incoming;
	enum batv_parcel_answer answer = BATV_PARCEL_SHAPE;
	struct batv_parcel parcel;
	struct batv_span payload;

	if (bytes.len <= sizeof in->open) {
		memcpy(in->open, bytes.p, bytes.len);
		answer = batv_parcel_open(st->sealer, in->open, bytes.len, &parcel, &payload);
	}
	if (answer == BATV_PARCEL_OPEN && !batv_payload_fits(&parcel, payload))
		answer = BATV_PARCEL_SHAPE;
	if (answer != BATV_PARCEL_OPEN) {
		refuse(st, answer);
		return;
	}
	switch (batv_roster_look(&st->roster, &parcel)) {
	case BATV_ROSTER_CLONE: st->clone = true; return;
	case BATV_ROSTER_OWN: return;
	case BATV_ROSTER_DUPLICATE:
		if (!is_row_to_read_again(st, &parcel))
			return;
		break;
	case BATV_ROSTER_NEW:
	case BATV_ROSTER_FULL: break;
	}
	if (in->n == WAITING || in->used + payload.len > ROOM)
		batv_incoming_apply(st);
	keep(in, &parcel, payload);
}

/* ---- items ---- */

static int by_place(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

static bool sort_room(struct batv_incoming *in, size_t n)
{
	struct sorted *grown;

	if (n <= in->sorted_room)
		return true;
	grown = realloc(in->sorted, n * sizeof *grown);
	if (!grown)
		return false;
	in->sorted = grown;
	in->sorted_room = n;
	return true;
}

static void gather(struct batv_station *st, const struct waiting *w)
{
	struct batv_incoming *in = st->incoming;
	const uint16_t day = (uint16_t)batv_payload_day(w->parcel.day, batv_station_today(st),
							batv_station_days(st));
	const uint8_t *item = in->bytes + w->at;

	for (uint16_t i = 0; i < w->parcel.count; i++, item += BATV_PAYLOAD_ITEM_LEN)
		in->sorted[in->sorted_n++] =
			(struct sorted){(uint32_t)batv_number_at(item + 1, 4), day, item};
}

static bool as_item(const uint8_t *bytes, struct batv_item *out)
{
	if (bytes[0] != BATV_JOURNAL_ID && bytes[0] != BATV_JOURNAL_PAIR)
		return false; /* of a later version */
	out->kind = bytes[0] == BATV_JOURNAL_ID ? BATV_ITEM_ID : BATV_ITEM_PAIR;
	memcpy(out->name, bytes + 1, sizeof out->name);
	return true;
}

static void merge(struct batv_station *st, const struct batv_item *items, size_t n, uint16_t day)
{
	enum batv_sent_answer answers[AT_ONCE];

	if (!n)
		return;
	batv_sent_merge_all(&st->memory, items, n, day, answers);
	for (size_t i = 0; i < n; i++)
		st->counts.full += answers[i] == BATV_SENT_FULL;
	st->counts.received += n;
}

static void merge_sorted(struct batv_station *st)
{
	struct batv_incoming *in = st->incoming;
	struct batv_item items[AT_ONCE];
	uint16_t day = 0;
	size_t n = 0;

	qsort(in->sorted, in->sorted_n, sizeof in->sorted[0], by_place);
	for (size_t i = 0; i < in->sorted_n; i++) {
		if (n == AT_ONCE || (n && in->sorted[i].day != day)) {
			merge(st, items, n, day);
			n = 0;
		}
		day = in->sorted[i].day;
		n += as_item(in->sorted[i].item, &items[n]);
	}
	merge(st, items, n, day);
	in->sorted_n = 0;
}

/* False: the memory cannot take them. */
static bool merge_waiting(struct batv_station *st)
{
	struct batv_incoming *in = st->incoming;
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += in->waiting[i].parcel.kind == BATV_PARCEL_ITEMS ? in->waiting[i].parcel.count
								     : 0;
	if (!n)
		return batv_memory_there(&st->memory);
	if (!sort_room(in, n))
		return false;
	for (size_t i = 0; i < in->n; i++)
		if (in->waiting[i].parcel.kind == BATV_PARCEL_ITEMS)
			gather(st, &in->waiting[i]);
	merge_sorted(st);
	return batv_memory_there(&st->memory) && st->memory.writable;
}

/* ---- the roster ---- */

/* A host that has a gap says until when; not beyond now, whatever it says. */
static void note_row(struct batv_station *st, const struct batv_parcel *parcel,
		     struct batv_span payload)
{
	int64_t lost = batv_row_share_lost(payload);

	batv_roster_lost(&st->roster, lost < st->now ? lost : st->now);
	if (batv_rows_put(&st->rows, parcel->host, parcel->position, payload, st->now / 1000))
		st->changed = true;
}

static void note(struct batv_station *st, const struct waiting *w)
{
	const struct batv_span payload = {(const char *)st->incoming->bytes + w->at, w->len};

	if (w->parcel.kind == BATV_PARCEL_ROW)
		note_row(st, &w->parcel, payload);
	if (batv_roster_hear(&st->roster, &w->parcel, payload, st->now) != BATV_ROSTER_NEW)
		return;
	batv_member_heard(&st->member, &w->parcel, payload, st->now);
	if (w->parcel.kind == BATV_PARCEL_LEAVE || w->parcel.kind == BATV_PARCEL_FORGET)
		st->changed = true;
}

void batv_incoming_apply(struct batv_station *st)
{
	struct batv_incoming *in = st->incoming;

	if (in->n && merge_waiting(st))
		for (size_t i = 0; i < in->n; i++)
			note(st, &in->waiting[i]);
	in->n = in->used = 0;
}
