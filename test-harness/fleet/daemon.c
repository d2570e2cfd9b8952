/*
 * daemon.c - a host: Exim, which records items, and batv-fleet, which does what member.c decides.
 *
 * `here` is its sent-mail memory: a bit for each item that it recorded or was told of.  It is on
 * disk, as are the files of days, the texts and the journal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "roster_text.h"
#include "world.h"

#define CHUNK 500 /* items of a repetition at once */

static int64_t clock_of(const struct host *h) /* the daemon's */
{
	return world.now + h->even;
}

static uint16_t day_of(const struct host *h) /* by the clock as it is set now */
{
	return (uint16_t)((world.now + h->ahead - T0) / DAY_MS + 10000);
}

static unsigned number_of(const struct host *h)
{
	return (unsigned)(h - world.host);
}

static void mark_here(struct host *h, uint32_t item)
{
	h->here[item / 8] |= (uint8_t)(1u << item % 8);
}

void daemon_record(struct host *h)
{
	h->item = grown(h->item, &h->room, h->n + 1, sizeof h->item[0]);
	world.item[world.items] = (struct item){world.now, number_of(h), day_of(h)};
	mark_here(h, world.items);
	h->item[h->n++] = world.items++;
}

/* ---- saying ---- */

static void save_member(struct host *h)
{
	free(h->member_text);
	must(batv_member_write(&h->member, &h->member_text, &h->member_len) == BATV_OK);
	h->member.save = false;
}

static void save_roster(struct host *h)
{
	free(h->roster_text);
	must(batv_roster_text_write(&h->roster, &h->roster_text, &h->roster_len) == BATV_OK);
	h->roster.urgent = false;
}

static void say(struct host *h, enum batv_parcel_kind kind, uint16_t day, uint16_t count,
		struct batv_span payload, bool promise)
{
	struct batv_parcel p;

	must(batv_member_next(&h->member, kind, day, count, promise ? clock_of(h) : 0, day_of(h),
			      clock_of(h), &p));
	if (h->member.save)
		save_member(h);
	network_append(h, network_seal(h, &p, payload));
}

/* Parcels of items of one day each; the last one promises. */
static void say_items(struct host *h, const uint32_t *item, size_t n, bool promise)
{
	static uint8_t out[CHUNK * BATV_PAYLOAD_ITEM_LEN];
	uint8_t name[20] = {0};

	for (size_t i = 0; i < n;) {
		const uint16_t day = world.item[item[i]].day;
		uint16_t count = 0;

		for (; i < n && count < CHUNK && world.item[item[i]].day == day; i++) {
			memcpy(name, &item[i], sizeof item[i]);
			batv_payload_put_item(out + (size_t)BATV_PAYLOAD_ITEM_LEN * count++, 1,
					      name);
		}
		say(h, BATV_PARCEL_ITEMS, day, count,
		    (struct batv_span){(char *)out, (size_t)BATV_PAYLOAD_ITEM_LEN * count},
		    promise && i == n);
	}
}

/* Into the files of days first, then into parcels. */
static void say_journal(struct host *h)
{
	const size_t from = h->filed;

	h->filed = h->n;
	say_items(h, h->item + from, h->n - from, true);
}

static void say_payload(struct host *h, enum batv_parcel_kind kind)
{
	static uint8_t out[BATV_PARCEL_PAYLOAD_MAX];
	size_t len = 0;
	uint16_t count = 0;

	if (kind == BATV_PARCEL_MEMBERS)
		count = batv_member_members(&h->member, out, &len);
	else if (kind == BATV_PARCEL_ASK)
		count = batv_member_ask(&h->member, clock_of(h), out, &len);
	else
		batv_member_repeated(&h->member, clock_of(h), out), len = BATV_PAYLOAD_AGAIN_LEN;
	say(h, kind, 0, count, (struct batv_span){(char *)out, len}, true);
}

static void say_again(struct host *h, const struct batv_member_todo *todo)
{
	for (size_t i = h->kept.first; i < h->kept.n; i++) {
		const uint32_t shipment = h->kept.entry[i].shipment;
		const uint64_t position = world.shipment[shipment].head.position;

		if (position < todo->from || position > todo->to)
			continue;
		world.count.again++;
		network_append(h, shipment);
	}
}

/* The files of days, a piece at a time; files are by day, so the order is not that of recording. */
static void go_on_repeating(struct host *h)
{
	uint32_t item[CHUNK];
	size_t n = 0;

	for (; h->repeat_at < h->filed && n < CHUNK; h->repeat_at++)
		if (world.item[h->item[h->repeat_at]].day >= h->repeat_from)
			item[n++] = h->item[h->repeat_at];
	say_items(h, item, n, false);
	if (h->repeat_at < h->filed)
		return;
	h->repeats = false;
	say_payload(h, BATV_PARCEL_AGAIN);
}

static bool do_what_is_due(struct host *h)
{
	const struct batv_member_todo todo = batv_member_due(&h->member, clock_of(h));

	switch (todo.act) {
	case BATV_MEMBER_WAIT: return false;
	case BATV_MEMBER_BEAT:
		say(h, BATV_PARCEL_BEAT, 0, 0, (struct batv_span){NULL, 0}, true);
		break;
	case BATV_MEMBER_MEMBERS: say_payload(h, BATV_PARCEL_MEMBERS); break;
	case BATV_MEMBER_ASK: say_payload(h, BATV_PARCEL_ASK); break;
	case BATV_MEMBER_RESEND: say_again(h, &todo); break;
	case BATV_MEMBER_REPEAT:
		h->repeats = true;
		h->repeat_at = 0;
		h->repeat_from = todo.day_from;
		break;
	}
	return true;
}

/* ---- hearing ---- */

static void hear(struct host *h, struct shipment *s, int64_t appended)
{
	uint8_t kind;
	uint32_t item;

	world.count.delivered++;
	if (batv_roster_look(&h->roster, &s->head) != BATV_ROSTER_NEW) {
		must(batv_roster_look(&h->roster, &s->head) != BATV_ROSTER_CLONE);
		world.count.duplicates++;
		return;
	}
	for (size_t i = 0; s->head.kind == BATV_PARCEL_ITEMS && i < s->head.count; i++) {
		memcpy(&item, batv_payload_item(s->payload, i, &kind), sizeof item);
		mark_here(h, item);
	}
	world.count.items += s->head.kind == BATV_PARCEL_ITEMS ? s->head.count : 0;
	must(batv_roster_hear(&h->roster, &s->head, s->payload, appended + h->even) ==
	     BATV_ROSTER_NEW);
	batv_member_heard(&h->member, &s->head, s->payload, clock_of(h));
}

/* ---- life ---- */

void daemon_start(struct host *h, int64_t since)
{
	const bool first = h->incarnation == 0;

	h->back = 0;
	h->even = h->ahead;
	h->incarnation++;
	world.count.starts++;
	if (!h->roster.member) {
		h->roster.member = calloc(world.hosts, sizeof *h->roster.member);
		must(h->roster.member);
	}
	batv_roster_start(&h->roster, number_of(h) + 1, since, h->roster.member, world.hosts);
	memset(&h->member, 0, sizeof h->member);
	if (!first) {
		must(batv_roster_text_read(h->roster_text, h->roster_len, &h->roster, NULL, NULL) ==
		     BATV_OK);
		must(!h->member_text || batv_member_read(h->member_text, h->member_len, &h->member,
							 NULL, NULL) == BATV_OK);
	}
	batv_member_start(&h->member, &h->roster, h->incarnation, RETENTION, clock_of(h));
	save_roster(h);
	h->repeats = false;
	h->kept.first = h->kept.n = 0;
	h->probe = 0;
	network_forget_links(h);
}

void daemon_stop(struct host *h)
{
	h->back = world.now + 1 + (int64_t)below(5000);
	network_forget_links(h);
}

void daemon_leave(struct host *h)
{
	say_journal(h);
	say(h, BATV_PARCEL_LEAVE, 0, 0, (struct batv_span){NULL, 0}, true);
}

void daemon_forget(struct host *h, struct host *gone)
{
	const struct batv_roster_member *m = batv_roster_find(&h->roster, number_of(gone) + 1);
	uint8_t out[BATV_PAYLOAD_FORGET_LEN];
	struct batv_payload_forget forget;

	if (!m)
		return;
	forget = (struct batv_payload_forget){m->host, batv_roster_last(m), m->latest, 0};
	batv_payload_put_forget(out, &forget);
	batv_roster_forget(&h->roster, &forget);
	save_roster(h);
	say(h, BATV_PARCEL_FORGET, 0, 0, (struct batv_span){(char *)out, sizeof out}, true);
}

static void drop_old_parcels(struct host *h)
{
	while (h->kept.first < h->kept.n && h->kept.entry[h->kept.first].when < world.now - KEPT_MS)
		h->kept.first++;
	h->member.kept_from =
		h->kept.first < h->kept.n
			? world.shipment[h->kept.entry[h->kept.first].shipment].head.position
			: 0;
}

static void notice_servers(struct host *h)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		const bool up = network_up(h, e);

		if (up && h->link[e].was_down)
			batv_member_back(&h->member);
		h->link[e].was_down = !up;
	}
}

/* ---- the judge ---- */

static bool is_here(const struct host *h, uint32_t item)
{
	return h->here[item / 8] >> item % 8 & 1;
}

/*
 * Does `h` need the items of `from`?  Not if it knows that it is gone: then what it lacks is lost,
 * and batv_roster_since() says so.
 */
static bool counts(const struct host *h, unsigned from)
{
	const struct batv_roster_member *m = batv_roster_find(&h->roster, from + 1);

	return m ? m->state != BATV_ROSTER_FORGOTTEN : !world.host[from].forgotten;
}

/* Why a host knows something, or not: its roster, as text. */
void show_host(const struct host *h)
{
	char *text;
	size_t len;

	must(batv_roster_text_write(&h->roster, &text, &len) == BATV_OK);
	fprintf(stderr, "host %u, its clock %" PRId64 " (%+" PRId64 "):\n%s", number_of(h),
		clock_of(h), h->even, text);
	free(text);
}

/* No item of the retention that was recorded before `until` is missing. */
static void judge(struct host *h, int64_t until)
{
	const int64_t now = until - h->even, oldest = now - RETENTION * DAY_MS;

	for (unsigned k = 0; k < world.hosts; k++) {
		const struct host *from = &world.host[k];
		uint32_t *next = &h->next[k];

		while (*next < from->n && (is_here(h, from->item[*next]) ||
					   world.item[from->item[*next]].when < oldest))
			(*next)++;
		if (*next == from->n || world.item[from->item[*next]].when >= now || !counts(h, k))
			continue;
		fprintf(stderr,
			"host %u says %.3f s, at %.3f s, but item %u of host %u, recorded at "
			"%.3f s, is missing\n",
			number_of(h), (double)(now - T0) / 1000, (double)(world.now - T0) / 1000,
			*next, k, (double)(world.item[from->item[*next]].when - T0) / 1000);
		show_host(h);
		fprintf(stderr, "that host: life %d, incarnation %u, clock %+" PRId64 " ms\n",
			from->life, from->incarnation, from->even);
		must(!"complete while an item is missing");
	}
}

/* A message for which the barrier waits. */
static void probe(struct host *h, int64_t until)
{
	const int64_t waited = clock_of(h) - h->probe;

	if (h->probe == 0) {
		if (below(2000) < (uint64_t)world.step)
			h->probe = clock_of(h);
		return;
	}
	if (until <= h->probe && waited < 2000)
		return;
	world.waits[world.now >= world.calm][until > h->probe && waited < 2000 ? waited : 2000]++;
	h->probe = 0;
}

static void ask_until(struct host *h)
{
	const int64_t until = batv_roster_until(&h->roster, clock_of(h));

	world.count.checks++;
	world.count.promised += until != 0;
	if (h->records || h->life == ALIVE)
		probe(h, until);
	if (until != 0 && batv_roster_since(&h->roster) != 0)
		judge(h, until);
}

/* ---- a step ---- */

/* Parcels are numbered only while they can be appended: so they are never old. */
void daemon_step(struct host *h)
{
	network_move(h);
	if (h->life == UNBORN || h->life == GONE)
		return;
	if (h->back != 0) {
		if (world.now < h->back)
			return;
		daemon_start(h, 0);
	}
	notice_servers(h);
	drop_old_parcels(h);
	const bool all = network_read(h, hear);

	if (h->roster.urgent)
		save_roster(h);
	if (all)
		ask_until(h);
	if (!network_any(h))
		return;
	say_journal(h);
	if (h->repeats)
		go_on_repeating(h);
	for (unsigned i = 0; i < 20 && do_what_is_due(h); i++)
		;
	if (world.now - h->saved >= 2000) {
		save_member(h);
		save_roster(h);
		h->saved = world.now;
	}
}
