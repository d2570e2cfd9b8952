/*
 * roster_lab.h - what the tests of the roster share: a roster of eight members, and parcels of
 * hosts whose clocks are right.
 */
#ifndef ROSTER_LAB_H
#define ROSTER_LAB_H

#include <stdlib.h>
#include <string.h>

#include "roster.h"
#include "unit.h"

#define OWN 500
#define T0 INT64_C(1795824000000)
#define ROOM 8
#define P(i, s) batv_parcel_position(i, s)

static struct batv_roster_member members[ROOM];
static struct batv_roster roster;
static bool samples_at_once; /* one parcel of a host is enough to know its clock */

__attribute__((unused)) static void setup(void)
{
	memset(members, 0xee, sizeof members);
	batv_roster_start(&roster, OWN, T0, members, ROOM);
	roster.own_position = P(3, 100);
}

__attribute__((unused)) static struct batv_parcel beat(uint64_t host, uint64_t position,
						       int64_t until)
{
	return (struct batv_parcel){.host = host,
				    .position = position,
				    .kind = BATV_PARCEL_BEAT,
				    .until = until,
				    .floor = P(1, 1)};
}

__attribute__((unused)) static enum batv_roster_answer
hear_with(struct batv_parcel p, const void *payload, size_t len, int64_t received)
{
	enum batv_roster_answer answer =
		batv_roster_hear(&roster, &p, (struct batv_span){payload, len}, received);

	roster.urgent = false; /* saved */
	for (size_t i = 0; i < roster.n; i++)
		roster.member[i].sampled |= samples_at_once;
	return answer;
}

/* A beat that comes at once, of a host whose clock is right. */
__attribute__((unused)) static enum batv_roster_answer hear(uint64_t host, uint64_t position,
							    int64_t until)
{
	return hear_with(beat(host, position, until), NULL, 0, until);
}

__attribute__((unused)) static void hear_again(uint64_t host, uint64_t position, int64_t until,
					       uint64_t first, uint64_t from, uint64_t to)
{
	const struct batv_payload_again again = {first, from, to};
	struct batv_parcel p = beat(host, position, until);
	uint8_t out[BATV_PAYLOAD_AGAIN_LEN];

	p.kind = BATV_PARCEL_AGAIN;
	batv_payload_put_again(out, &again);
	hear_with(p, out, sizeof out, until);
}

__attribute__((unused)) static void hear_members(uint64_t host, uint64_t position, int64_t until,
						 int64_t since, struct batv_payload_member named)
{
	struct batv_parcel p = beat(host, position, until);
	uint8_t out[BATV_PAYLOAD_MEMBERS_HEAD + BATV_PAYLOAD_MEMBER_LEN];

	p.kind = BATV_PARCEL_MEMBERS;
	p.count = 1;
	batv_payload_put_since(out, since);
	batv_payload_put_member(out + BATV_PAYLOAD_MEMBERS_HEAD, &named);
	hear_with(p, out, sizeof out, until);
}

__attribute__((unused)) static void hear_forget(uint64_t host, uint64_t position, int64_t until,
						struct batv_payload_forget forget)
{
	struct batv_parcel p = beat(host, position, until);
	uint8_t out[BATV_PAYLOAD_FORGET_LEN];

	p.kind = BATV_PARCEL_FORGET;
	batv_payload_put_forget(out, &forget);
	hear_with(p, out, sizeof out, until);
}

__attribute__((unused)) static void hear_leave(uint64_t host, uint64_t position, int64_t until)
{
	struct batv_parcel p = beat(host, position, until);

	p.kind = BATV_PARCEL_LEAVE;
	hear_with(p, NULL, 0, until);
}

#endif
