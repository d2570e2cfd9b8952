/* links: fleet/roster fleet/roster_text fleet/saved fleet/payload core/base/span */
/*
 * test_roster_model.c - the roster against a model that knows each item.  Hosts record items and
 * send parcels with them; a network loses, delays, repeats and reorders these on two ways; hosts
 * start again, and repeat; the receiver starts again from an old text.  At each step, no item that
 * was recorded before `until` is missing.  In the end nothing is.
 *
 * SEED=N chooses the runs, which a failure names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster_text.h"
#include "unit.h"

#define OWN 500
#define HOSTS 5
#define PARCELS 600 /* of a host, at most */
#define ITEMS 600
#define FLYING 4096
#define T0 INT64_C(1795824000000)
#define MANY_STEPS 400
#define RUNS 150
#define P(i, s) batv_parcel_position(i, s)

struct sent {
	struct batv_parcel parcel;
	struct batv_payload_again again;
	unsigned item_from, item_to; /* it has these items of the host */
};

struct host {
	int64_t ahead; /* of the true clock */
	uint32_t incarnation;
	uint64_t sequence, floor;
	uint64_t last_kept; /* what it knew of its own parcels when it was last saved */
	unsigned items, packed, kept_items; /* recorded; in parcels; in parcels when saved */
	int64_t recorded[ITEMS];            /* by the true clock */
	bool here[ITEMS];
	unsigned n;
	struct sent sent[PARCELS];
};

struct flying {
	unsigned host, parcel;
	int64_t when;
};

static struct host hosts[HOSTS];
static struct flying flying[FLYING];
static unsigned n_flying;
static struct batv_roster_member members[HOSTS];
static struct batv_roster roster;
static char *saved;
static size_t saved_len;
static int64_t now, received; /* true time; received is the receiver's clock: the same */
static uint64_t chance;

static unsigned below(unsigned n)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(chance >> 33) % n;
}

/* loss 0: it comes, and fast, which shows the host's clock. */
static void fly(unsigned host, unsigned parcel, unsigned loss)
{
	for (unsigned way = 0; way < 2; way++) {
		const int64_t delay = 1 + below(loss > 0 && below(4) == 0 ? 3000 : 90);

		if (below(100) >= loss && n_flying < FLYING)
			flying[n_flying++] = (struct flying){host, parcel, now + delay};
	}
}

static struct sent *send_parcel(unsigned which, uint8_t kind, unsigned loss)
{
	struct host *h = &hosts[which];
	struct sent *s = &h->sent[h->n];

	ck_assert_uint_lt(h->n, PARCELS);
	*s = (struct sent){
		.parcel = {.host = which + 1,
			   .position = P(h->incarnation, ++h->sequence),
			   .kind = kind,
			   .until = now + h->ahead,
			   .floor = h->floor},
		.item_from = h->packed,
		.item_to = h->items,
	};
	h->packed = h->items;
	fly(which, h->n++, loss);
	return s;
}

/* Everything since its text was saved, and AGAIN for it, in the new incarnation. */
static void start_again(unsigned which, unsigned loss)
{
	struct host *h = &hosts[which];
	const uint64_t from = h->last_kept + 1;
	struct sent *s;

	h->ahead = (int64_t)below(4000) - 1000;
	h->incarnation++;
	h->sequence = 0;
	h->packed = h->kept_items;
	send_parcel(which, BATV_PARCEL_ITEMS, loss);
	s = send_parcel(which, BATV_PARCEL_AGAIN, 0);
	s->again = (struct batv_payload_again){P(h->incarnation, 1), from, P(h->incarnation, 0)};
}

/* The same without a new start: what may be lost is sent again. */
static void repeat(unsigned which, unsigned loss)
{
	struct host *h = &hosts[which];
	const uint64_t from = h->last_kept + 1, first = P(h->incarnation, h->sequence + 1);
	struct sent *s;

	if (from >= first)
		return;
	h->packed = h->kept_items;
	send_parcel(which, BATV_PARCEL_ITEMS, loss);
	s = send_parcel(which, BATV_PARCEL_AGAIN, loss);
	s->again = (struct batv_payload_again){first, from, first - 1};
}

static void save_host(struct host *h)
{
	h->last_kept = P(h->incarnation, h->sequence);
	h->kept_items = h->packed;
}

static void record(struct host *h)
{
	if (h->items < ITEMS)
		h->recorded[h->items++] = now;
}

static void save_roster(void)
{
	free(saved);
	ck_assert_int_eq(batv_roster_text_write(&roster, &saved, &saved_len), BATV_OK);
	roster.urgent = false;
}

static void load_roster(void)
{
	ck_assert_int_eq(batv_roster_text_read(saved, saved_len, &roster, NULL, NULL), BATV_OK);
}

static void deliver(struct flying f)
{
	struct host *h = &hosts[f.host];
	struct sent *s = &h->sent[f.parcel];
	uint8_t again[BATV_PAYLOAD_AGAIN_LEN];
	struct batv_span payload = {NULL, 0};

	if (batv_roster_look(&roster, &s->parcel) != BATV_ROSTER_NEW)
		return;
	for (unsigned i = s->item_from; i < s->item_to; i++)
		h->here[i] = true;
	if (s->parcel.kind == BATV_PARCEL_AGAIN) {
		batv_payload_put_again(again, &s->again);
		payload = (struct batv_span){(char *)again, sizeof again};
	}
	ck_assert_int_eq(batv_roster_hear(&roster, &s->parcel, payload, received), BATV_ROSTER_NEW);
}

static void deliver_due(void)
{
	for (unsigned i = 0; i < n_flying;) {
		if (flying[i].when > now) {
			i++;
			continue;
		}
		deliver(flying[i]);
		flying[i] = flying[--n_flying];
	}
}

static void check(unsigned run)
{
	const int64_t until = batv_roster_until(&roster, now);

	for (unsigned k = 0; k < HOSTS; k++)
		for (unsigned i = 0; i < hosts[k].items && hosts[k].recorded[i] < until; i++)
			ck_assert_msg(hosts[k].here[i],
				      "run %u: host %u's item %u of %" PRId64
				      " is missing, and until is %" PRId64,
				      run, k, i, hosts[k].recorded[i] - T0, until - T0);
}

/* Whatever a gap needs is sent again as it was. */
static void answer_gaps(void)
{
	struct batv_payload_ask gap[BATV_ROSTER_RANGES + 1];

	for (unsigned k = 0; k < HOSTS; k++) {
		const struct batv_roster_member *m = batv_roster_find(&roster, k + 1);
		const size_t n = m ? batv_roster_gaps(m, gap, BATV_ROSTER_RANGES + 1) : 0;

		for (unsigned i = 0; i < hosts[k].n; i++)
			for (size_t g = 0; g < n; g++)
				if (hosts[k].sent[i].parcel.position >= gap[g].from &&
				    hosts[k].sent[i].parcel.position <= gap[g].to)
					deliver((struct flying){k, i, 0});
	}
}

static void begin(unsigned run, uint64_t seed)
{
	chance = seed + run;
	now = received = T0;
	n_flying = 0;
	batv_roster_start(&roster, OWN, T0, members, HOSTS);
	memset(hosts, 0, sizeof hosts);
	for (unsigned k = 0; k < HOSTS; k++) {
		hosts[k].incarnation = 1;
		hosts[k].floor = P(1, 1);
		/* A clock that is ahead is known only by parcels that are fast; see the slack. */
		hosts[k].ahead = (int64_t)below(6000) - 3000;
		send_parcel(k, BATV_PARCEL_BEAT, 0);
	}
	now = received = T0 + 1000;
	deliver_due();
	ck_assert_uint_eq(roster.n, HOSTS);
	save_roster();
}

static void step(unsigned loss)
{
	const unsigned which = below(HOSTS);

	now += below(20);
	received = now;
	switch (below(60)) {
	case 0: start_again(which, loss); break;
	case 1: load_roster(); break;
	case 4: repeat(which, loss); break;
	case 2: answer_gaps(); break;
	case 3: save_roster(); break;
	default:
		record(&hosts[which]);
		if (below(3) == 0)
			send_parcel(which, BATV_PARCEL_ITEMS, loss);
		if (below(60) == 0)
			save_host(&hosts[which]);
	}
	deliver_due();
	if (roster.urgent)
		save_roster();
}

static void end(unsigned run)
{
	for (unsigned k = 0; k < HOSTS; k++)
		send_parcel(k, BATV_PARCEL_ITEMS, 0);
	now = received = now + 200;
	deliver_due();
	for (unsigned i = 0; i < 10; i++)
		answer_gaps();
	check(run);
	for (unsigned k = 0; k < HOSTS; k++) {
		ck_assert_msg(batv_roster_whole(batv_roster_find(&roster, k + 1)),
			      "run %u: host %u has gaps", run, k);
		for (unsigned i = 0; i < hosts[k].items; i++)
			ck_assert(hosts[k].here[i]);
	}
}

START_TEST(no_item_is_missing)
{
	const char *seed = getenv("SEED");
	const uint64_t number = seed ? strtoull(seed, NULL, 16) : 1;
	unsigned promised = 0;

	for (unsigned run = 0; run < RUNS; run++) {
		const unsigned loss = 1 + run % 3 * 20;

		begin(run, number);
		for (unsigned i = 0; i < MANY_STEPS; i++) {
			step(loss);
			check(run);
			promised += batv_roster_until(&roster, now) > T0 + 1000;
		}
		end(run);
	}
	ck_assert_uint_gt(promised, RUNS * MANY_STEPS / 40); /* it did promise something */
	free(saved);
	saved = NULL;
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("roster_model");
	TCase *tc = tcase_create("model");

	tcase_add_test(tc, no_item_is_missing);
	suite_add_tcase(s, tc);
	return s;
}
