/*
 * network.c - two servers, and the ways to them.  A way keeps the order, as TCP does, and what is
 * on it when it is cut is lost.  The servers withhold some parcels, hand out some late, lose
 * everything now and then, and change bits.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define WITHHELD 400 /* one in so many appended or read parcels is lost on that way */
#define LATE 150     /* one comes up to so many ms later: */
#define LATE_MS 4000
#define BAD 5 /* while a server is bad, one in so many is withheld, and one in so many late */
#define REALLY_OPENED 500 /* one in so many deliveries is decrypted, and another one damaged */

void queue_put(struct queue *q, struct entry e)
{
	q->entry = grown(q->entry, &q->room, q->n + 1, sizeof e);
	q->entry[q->n++] = e;
}

/* Moves what is left to the front when that is less than what is gone. */
static size_t queue_compact(struct queue *q)
{
	const size_t gone = q->first;

	if (gone < 1024 || gone < q->n - q->first)
		return 0;
	memmove(q->entry, q->entry + gone, (q->n - gone) * sizeof q->entry[0]);
	q->n -= gone;
	q->first = 0;
	return gone;
}

bool network_up(const struct host *h, unsigned e)
{
	return h->link[e].back == 0 && world.server[e].back == 0;
}

bool network_any(const struct host *h)
{
	return network_up(h, 0) || network_up(h, 1);
}

void network_forget_links(struct host *h)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		h->link[e].out.first = h->link[e].out.n = 0;
		h->link[e].cursor = 0;
		h->link[e].was_down = false;
	}
	h->late.first = h->late.n = 0;
}

/* ---- parcels ---- */

/* One in n; more often while a server is bad; never without trouble. */
static bool goes_wrong(uint64_t n)
{
	return is_troubled() && once_in(world.now < world.bad ? BAD : n);
}

static void open_copy(struct shipment *s, const uint8_t *bytes, bool genuine)
{
	struct batv_parcel head;
	struct batv_span payload;
	uint8_t *copy = malloc(s->len);

	must(copy);
	memcpy(copy, bytes, s->len);
	if (!genuine)
		copy[below(s->len)] ^= (uint8_t)(1u << below(8));
	must((batv_parcel_open(&world.sealer, copy, s->len, &head, &payload) == BATV_PARCEL_OPEN) ==
	     genuine);
	if (!s->inside && genuine) {
		s->inside = copy;
		s->head = head;
		s->payload = payload;
		return;
	}
	must(!genuine || (head.position == s->head.position && payload.len == s->payload.len &&
			  memcmp(payload.p, s->payload.p, payload.len) == 0));
	free(copy);
}

uint32_t network_seal(struct host *h, const struct batv_parcel *parcel, struct batv_span payload)
{
	size_t room = world.shipments_room;
	struct shipment *s;

	world.shipment = grown(world.shipment, &room, world.n_shipments + 1, sizeof *s);
	world.shipments_room = (uint32_t)room;
	s = &world.shipment[world.n_shipments];
	*s = (struct shipment){.len = BATV_PARCEL_OVERHEAD + payload.len};
	s->bytes = malloc(s->len);
	must(s->bytes);
	must(batv_parcel_seal(&world.sealer, parcel, payload, s->bytes) == s->len);
	open_copy(s, s->bytes, true);
	must(batv_payload_fits(&s->head, s->payload));
	world.count.parcels[parcel->kind]++;
	world.count.bytes[parcel->kind] += s->len;
	queue_put(&h->kept, (struct entry){world.n_shipments, world.now, world.now});
	return world.n_shipments++;
}

void network_append(struct host *h, uint32_t shipment)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		struct queue *out = &h->link[e].out;
		int64_t when = world.now + h->link[e].delay + (int64_t)below(20);

		if (!network_up(h, e))
			continue;
		if (out->n > out->first && out->entry[out->n - 1].when > when)
			when = out->entry[out->n - 1].when;
		queue_put(out, (struct entry){shipment, when, 0});
		world.count.bytes_out += world.shipment[shipment].len;
	}
}

/* What has arrived at the servers. */
void network_move(struct host *h)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		struct queue *out = &h->link[e].out;

		for (; out->first < out->n && out->entry[out->first].when <= world.now;
		     out->first++) {
			const struct entry *arrived = &out->entry[out->first];

			if (goes_wrong(WITHHELD))
				world.count.lost++;
			else
				queue_put(&world.server[e].live,
					  (struct entry){arrived->shipment, world.now,
							 arrived->when});
		}
		queue_compact(out);
	}
}

static void deliver(struct host *h, const struct entry *e, hear_fn *hear)
{
	struct shipment *s = &world.shipment[e->shipment];

	world.count.bytes_in += s->len;
	if (once_in(REALLY_OPENED))
		open_copy(s, s->bytes, true);
	if (once_in(REALLY_OPENED)) {
		open_copy(s, s->bytes, false);
		world.count.bits++;
	}
	hear(h, s, e->appended);
}

static void read_late(struct host *h, hear_fn *hear)
{
	for (size_t i = 0; i < h->late.n;) {
		const struct entry e = h->late.entry[i];

		if (e.when > world.now) {
			i++;
			continue;
		}
		h->late.entry[i] = h->late.entry[--h->late.n];
		deliver(h, &e, hear);
	}
}

static void read_entry(struct host *h, const struct entry *e, hear_fn *hear)
{
	const int64_t late = world.now + (int64_t)below(LATE_MS);

	if (goes_wrong(WITHHELD)) {
		world.count.lost++;
	} else if (goes_wrong(LATE)) {
		world.count.late++;
		queue_put(&h->late, (struct entry){e->shipment, late, e->appended});
	} else {
		deliver(h, e, hear);
	}
}

bool network_read(struct host *h, hear_fn *hear)
{
	bool all = false;

	read_late(h, hear);
	for (unsigned e = 0; e < ENGINES; e++) {
		struct link *l = &h->link[e];
		const struct queue *live = &world.server[e].live;

		if (!network_up(h, e))
			continue;
		if (l->epoch != world.server[e].epoch)
			l->cursor = 0;
		l->epoch = world.server[e].epoch;
		if (l->cursor < live->first)
			l->cursor = live->first;
		for (; l->cursor < live->n && live->entry[l->cursor].when + l->delay <= world.now;
		     l->cursor++)
			read_entry(h, &live->entry[l->cursor], hear);
		all = true;
	}
	return all;
}

/* ---- trouble ---- */

static void trim(struct server *s)
{
	size_t bytes = 0, gone;

	while (s->live.first < s->live.n && s->live.entry[s->live.first].when < world.now - LIVE_MS)
		s->live.first++;
	for (size_t i = s->live.first; i < s->live.n; i++)
		bytes += world.shipment[s->live.entry[i].shipment].len;
	if (bytes > world.count.live_max)
		world.count.live_max = bytes;
	gone = queue_compact(&s->live);
	for (unsigned k = 0; gone > 0 && k < world.hosts; k++) {
		struct link *l = &world.host[k].link[s - world.server];

		l->cursor = l->cursor > gone ? l->cursor - gone : 0;
	}
}

static void empty(struct server *s)
{
	s->live.first = s->live.n = 0;
	s->epoch++;
}

static void server_trouble(struct server *s, bool quiet)
{
	if (s->back != 0 && (world.now >= s->back || quiet))
		s->back = 0;
	if (quiet || s->back != 0)
		return;
	if (once_in(40)) { /* seconds */
		world.count.crashes++;
		s->back = world.now + (int64_t)below(6000);
		empty(s);
	} else if (once_in(60)) {
		world.count.deletions++;
		empty(s);
	}
}

static void cut(struct host *h, unsigned e, int64_t ms)
{
	struct link *l = &h->link[e];

	world.count.cuts++;
	l->back = world.now + ms;
	l->out.first = l->out.n = 0; /* what was on its way */
}

static void link_trouble(struct host *h, bool quiet)
{
	for (unsigned e = 0; e < ENGINES; e++)
		if (h->link[e].back != 0 && (world.now >= h->link[e].back || quiet))
			h->link[e].back = 0;
	if (quiet)
		return;
	if (once_in(60))
		cut(h, (unsigned)below(ENGINES), (int64_t)below(8000));
	if (once_in(120)) {
		const int64_t ms = (int64_t)below(15000);

		cut(h, 0, ms);
		cut(h, 1, ms + (int64_t)below(1000));
	}
}

/* A part of the hosts does not reach one server. */
static void partition(void)
{
	const unsigned e = (unsigned)below(ENGINES), from = (unsigned)below(world.hosts);
	const int64_t ms = (int64_t)below(10000);

	for (unsigned k = from; k < world.hosts; k++)
		if (world.host[k].life != UNBORN)
			cut(&world.host[k], e, ms);
}

/* Once a second. */
void network_trouble(void)
{
	const bool quiet = !is_troubled();

	for (unsigned e = 0; e < ENGINES; e++) {
		trim(&world.server[e]);
		server_trouble(&world.server[e], quiet);
	}
	if (!quiet && once_in(120)) /* both at once */
		for (unsigned e = 0; e < ENGINES; e++) {
			world.count.crashes++;
			world.server[e].back = world.now + 3000;
			empty(&world.server[e]);
		}
	if (!quiet && once_in(45))
		partition();
	if (!quiet && once_in(30))
		world.bad = world.now + (int64_t)below(8000);
	for (unsigned k = 0; k < world.hosts; k++)
		link_trouble(&world.host[k], quiet);
}
