/* links: fleet/parcel fleet/payload fleet/roster admin/hkdf core/base/span */
/*
 * fuzz_parcel.c - parcels from a hostile server, and from a member of the fleet that seals
 * anything.
 *
 * Input: records of a byte that says how, a length, and so many bytes.  How 0: the bytes are a
 * parcel as a server would hand it out.  How 1: the bytes are the fields and the payload of a
 * parcel that a member seals; one that says too much about the roster must do no harm to this
 * program. How 2: the same, and then a bit of it is changed.
 */
#include "reach.h"
#include "roster.h"

#define OWN 77
#define MEMBERS 6
#define FIELDS                                                                                     \
 28 /* host 1, incarnation 1, sequence 1, kind 1, count 2, day 2, until 8, floor 8, pad */

enum {
	NOT_ONE,
	NEWER,
	FOREIGN,
	SHAPE,
	FORGED,
	OPENED,
	NOT_SEALED,
	MISFIT,
	ITEMS,
	NEW,
	DUPLICATE,
	OURS,
	CLONE,
	FULL,
	GAPS,
	PROMISED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"not_one", "newer", "foreign",   "shape", "forged", "opened", "not_sealed", "misfit",
	"items",   "new",   "duplicate", "own",   "clone",  "full",   "gaps",       "promised",
};

static struct batv_parcel_sealer sealer;
static struct batv_roster_member members[MEMBERS];
static struct batv_roster roster;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t key[BATV_PARCEL_KEY_LEN] = "the key that nobody else has....";

	(void)argc, (void)argv;
	must(batv_parcel_start(&sealer, key));
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* What holds of any roster. */
static void check_roster(int64_t now)
{
	const int64_t until = batv_roster_until(&roster, now);
	struct batv_payload_ask gap[BATV_ROSTER_RANGES + 1];

	must(until >= 0 && until <= now);
	if (until != 0 && roster.n > 0)
		reached(PROMISED);
	for (size_t i = 0; i < roster.n; i++) {
		const struct batv_roster_member *m = &roster.member[i];
		const size_t n = batv_roster_gaps(m, gap, BATV_ROSTER_RANGES + 1);

		must(i == 0 || m[-1].host < m->host);
		must(m->host != 0 && m->host != OWN && n <= BATV_ROSTER_RANGES);
		for (size_t k = 1; k < m->n; k++)
			must(m->range[k - 1].to + 1 < m->range[k].from);
		for (size_t k = 0; k < n; k++)
			must(gap[k].from <= gap[k].to);
		must(until == 0 || !batv_roster_counts(m) || batv_roster_member_until(m) >= until);
		must(!batv_roster_whole(m) || n == 0 || m->state == BATV_ROSTER_NAMED);
		if (n > 0)
			reached(GAPS);
	}
	(void)batv_roster_since(&roster);
	roster.urgent = false;
}

static void read_items(const struct batv_parcel *p, struct batv_span payload)
{
	uint8_t kind, sum = 0;

	for (size_t i = 0; i < p->count; i++) {
		const uint8_t *name = batv_payload_item(payload, i, &kind);

		for (size_t k = 0; k < 20; k++)
			sum ^= name[k];
	}
	if (p->count > 0 && (sum ^ kind) != 0)
		reached(ITEMS);
}

static void hear(const struct batv_parcel *p, struct batv_span payload, int64_t now)
{
	static const size_t reached_by[] = {NEW, DUPLICATE, OURS, CLONE, FULL};
	const enum batv_roster_answer looked = batv_roster_look(&roster, p);

	must(p->host != 0 && p->until >= 0 && p->floor <= p->position);
	if (!batv_payload_fits(p, payload)) {
		reached(MISFIT);
		return;
	}
	if (p->kind == BATV_PARCEL_ITEMS)
		read_items(p, payload);
	must(batv_roster_hear(&roster, p, payload, now) == looked);
	reached(reached_by[looked]);
	if (looked == BATV_ROSTER_NEW)
		must(batv_roster_look(&roster, p) != BATV_ROSTER_OWN);
	check_roster(now + 1000);
}

static bool open_parcel(uint8_t *bytes, size_t len, int64_t now)
{
	static const size_t reached_by[] = {OPENED, NOT_ONE, NEWER, FOREIGN, SHAPE, FORGED};
	struct batv_parcel p;
	struct batv_span payload;
	const enum batv_parcel_answer answer = batv_parcel_open(&sealer, bytes, len, &p, &payload);
	uint64_t host, position;

	reached(reached_by[answer]);
	must(*batv_parcel_say(answer));
	must(answer == BATV_PARCEL_NOT_ONE || batv_parcel_claims(bytes, len, &host, &position));
	if (answer != BATV_PARCEL_OPEN)
		return false;
	must(host == p.host && position == p.position);
	must((uint8_t *)payload.p >= bytes && payload.len == len - BATV_PARCEL_OVERHEAD);
	hear(&p, payload, now);
	return true;
}

/* The fields are small, so that they meet each other. */
static struct batv_parcel fields_of(const uint8_t *f)
{
	return (struct batv_parcel){
		.host = f[0] & 0x80 ? batv_number_at(f + 8, 8)
			: f[0] & 8  ? OWN
				    : f[0] & 7u,
		.position = batv_parcel_position(f[1] & 3u, f[2]),
		.kind = f[3],
		.count = (uint16_t)batv_number_at(f + 4, 2),
		.day = (uint16_t)batv_number_at(f + 6, 2),
		.until = f[1] & 0x80 ? (int64_t)batv_number_at(f + 8, 8) : f[8] * INT64_C(250),
		.floor = f[1] & 0x40 ? batv_number_at(f + 16, 8) : batv_parcel_position(1, f[16]),
	};
}

static void seal_and_open(const uint8_t *data, size_t len, bool change, int64_t now)
{
	const struct batv_parcel p = fields_of(data);
	const struct batv_span payload = {(const char *)data + FIELDS, len - FIELDS};
	uint8_t *bytes = malloc(BATV_PARCEL_OVERHEAD + payload.len);
	size_t sealed;

	must(bytes);
	sealed = batv_parcel_seal(&sealer, &p, payload, bytes);
	if (sealed == 0) {
		reached(NOT_SEALED);
	} else if (change) {
		bytes[batv_number_at(data, 4) % sealed] ^= (uint8_t)(1u << (data[4] & 7));
		must(!open_parcel(bytes, sealed, now));
	} else {
		must(open_parcel(bytes, sealed, now));
	}
	free(bytes);
}

static void play(uint8_t how, const uint8_t *data, size_t len, int64_t now)
{
	char *copy;

	if (how % 3 != 0 && len >= FIELDS) {
		seal_and_open(data, len, how % 3 == 2, now);
		return;
	}
	copy = reach_text(data, len);
	if (len >= 8 && how & 0x40)
		memcpy(copy + 4, &sealer.check, 4); /* as a server knows it from other parcels */
	must(!open_parcel((uint8_t *)copy, len, now));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t now = 1000;

	batv_roster_start(&roster, OWN, 1, members, MEMBERS);
	roster.own_position = batv_parcel_position(2, 9);
	roster.own = OWN;
	while (size >= 3) {
		const uint8_t how = data[0];
		size_t len = batv_number_at(data + 1, 2);

		data += 3, size -= 3;
		len = len < size ? len : size;
		play(how, data, len, now);
		data += len, size -= len;
		now += 250;
	}
	return 0;
}
