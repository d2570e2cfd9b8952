/*
 * payload.c - writes, checks and reads what is inside of parcels.
 */
#include "payload.h"

#include <string.h>

static void put(uint8_t *p, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(struct batv_span payload, size_t at)
{
	return batv_number_at((const uint8_t *)payload.p + at, 8);
}

/* A time beyond all times counts as 0. */
static int64_t get_time(struct batv_span payload, size_t at)
{
	const uint64_t t = get(payload, at);

	return t <= INT64_MAX ? (int64_t)t : 0;
}

static bool has(const struct batv_parcel *parcel, struct batv_span payload, size_t head,
		size_t each, size_t max)
{
	return parcel->count <= max && payload.len == head + parcel->count * each;
}

bool batv_payload_fits(const struct batv_parcel *parcel, struct batv_span payload)
{
	switch (parcel->kind) {
	case BATV_PARCEL_ITEMS:
		return has(parcel, payload, 0, BATV_PAYLOAD_ITEM_LEN, BATV_PAYLOAD_ITEMS_MAX);
	case BATV_PARCEL_ASK:
		return has(parcel, payload, 0, BATV_PAYLOAD_ASK_LEN, BATV_PAYLOAD_ASKS_MAX);
	case BATV_PARCEL_MEMBERS:
		return has(parcel, payload, BATV_PAYLOAD_MEMBERS_HEAD, BATV_PAYLOAD_MEMBER_LEN,
			   UINT16_MAX);
	case BATV_PARCEL_BEAT:
	case BATV_PARCEL_LEAVE: return has(parcel, payload, 0, 0, 0);
	case BATV_PARCEL_FORGET: return has(parcel, payload, BATV_PAYLOAD_FORGET_LEN, 0, 0);
	case BATV_PARCEL_AGAIN: return has(parcel, payload, BATV_PAYLOAD_AGAIN_LEN, 0, 0);
	default: return true;
	}
}

void batv_payload_put_item(uint8_t *out, uint8_t kind, const uint8_t name[static 20])
{
	out[0] = kind;
	memcpy(out + 1, name, 20);
}

const uint8_t *batv_payload_item(struct batv_span payload, size_t i, uint8_t *kind)
{
	const uint8_t *p = (const uint8_t *)payload.p + i * BATV_PAYLOAD_ITEM_LEN;

	*kind = p[0];
	return p + 1;
}

void batv_payload_put_ask(uint8_t *out, const struct batv_payload_ask *ask)
{
	put(out, ask->host);
	put(out + 8, ask->from);
	put(out + 16, ask->to);
}

struct batv_payload_ask batv_payload_ask(struct batv_span payload, size_t i)
{
	const size_t at = i * BATV_PAYLOAD_ASK_LEN;

	return (struct batv_payload_ask){get(payload, at), get(payload, at + 8),
					 get(payload, at + 16)};
}

void batv_payload_put_again(uint8_t *out, const struct batv_payload_again *again)
{
	put(out, again->first);
	put(out + 8, again->from);
	put(out + 16, again->to);
}

struct batv_payload_again batv_payload_again(struct batv_span payload)
{
	return (struct batv_payload_again){get(payload, 0), get(payload, 8), get(payload, 16)};
}

void batv_payload_put_since(uint8_t *out, int64_t since)
{
	put(out, (uint64_t)since);
}

void batv_payload_put_member(uint8_t *out, const struct batv_payload_member *member)
{
	put(out, member->host);
	put(out + 8, member->position);
	put(out + 16, (uint64_t)member->until);
	out[24] = member->state;
}

int64_t batv_payload_since(struct batv_span payload)
{
	return get_time(payload, 0);
}

struct batv_payload_member batv_payload_member(struct batv_span payload, size_t i)
{
	const size_t at = BATV_PAYLOAD_MEMBERS_HEAD + i * BATV_PAYLOAD_MEMBER_LEN;

	return (struct batv_payload_member){get(payload, at), get(payload, at + 8),
					    get_time(payload, at + 16),
					    (uint8_t)payload.p[at + 24]};
}

void batv_payload_put_forget(uint8_t *out, const struct batv_payload_forget *forget)
{
	put(out, forget->host);
	put(out + 8, forget->position);
	put(out + 16, (uint64_t)forget->until);
	put(out + 24, (uint64_t)forget->lost);
}

struct batv_payload_forget batv_payload_forget(struct batv_span payload)
{
	return (struct batv_payload_forget){get(payload, 0), get(payload, 8), get_time(payload, 16),
					    get_time(payload, 24)};
}

uint64_t batv_payload_day(uint64_t day, uint64_t today, uint64_t retention_days)
{
	return day + retention_days > today && day <= today + 1 ? day : today;
}
