/*
 * log_ranking.c - counts by name.
 *
 * A stranger chooses the names, so their number is bounded, and the table keeps at least half of
 * its slots free.
 */
#include <stdlib.h>
#include <string.h>

#include "log_ranking.h"

#define ROOM_SIZE 65536

struct batv_log_room {
	struct batv_log_room *next;
	size_t used;
	char bytes[ROOM_SIZE];
};

static struct batv_log_ranked *slot_of(const struct batv_log_ranking *r, struct batv_span name)
{
	size_t at = (size_t)batv_fnv64(BATV_FNV_START, name.p, name.len);

	for (;; at++) {
		struct batv_log_ranked *slot = &r->slots[at & (r->size - 1)];

		if (!slot->name ||
		    (strncmp(slot->name, name.p, name.len) == 0 && !slot->name[name.len]))
			return slot;
	}
}

static const char *keep(struct batv_log_ranking *r, struct batv_span name)
{
	struct batv_log_room *room = r->rooms;
	char *p;

	if (!room || room->used + name.len + 1 > ROOM_SIZE) {
		room = malloc(sizeof *room);
		if (!room)
			return NULL;
		room->next = r->rooms;
		room->used = 0;
		r->rooms = room;
	}
	p = room->bytes + room->used;
	memcpy(p, name.p, name.len);
	p[name.len] = '\0';
	room->used += name.len + 1;
	return p;
}

static bool grow(struct batv_log_ranking *r)
{
	struct batv_log_ranking wider = *r;

	wider.size = r->size ? r->size * 2 : 256;
	wider.slots = calloc(wider.size, sizeof *wider.slots);
	if (!wider.slots)
		return false;
	for (size_t i = 0; i < r->size; i++)
		if (r->slots[i].name)
			*slot_of(&wider, batv_span_of(r->slots[i].name)) = r->slots[i];
	free(r->slots);
	*r = wider;
	return true;
}

static bool add_name(struct batv_log_ranking *r, struct batv_span name, uint64_t count)
{
	struct batv_log_ranked *slot = slot_of(r, name);

	if (!slot->name) {
		if (r->n == BATV_LOG_RANKING_MAX)
			return false;
		slot->name = keep(r, name);
		if (!slot->name)
			return false;
		r->n++;
	}
	slot->count += count;
	return true;
}

bool batv_log_ranking_add(struct batv_log_ranking *r, struct batv_span name, uint64_t count)
{
	name = batv_span_cut(name, BATV_LOG_RANKING_NAME);
	r->sum += count;
	if (memchr(name.p, '\0', name.len) || (r->n * 2 >= r->size && !grow(r)) ||
	    !add_name(r, name, count)) {
		r->others += count;
		return false;
	}
	return true;
}

uint64_t batv_log_ranking_count(const struct batv_log_ranking *r, struct batv_span name)
{
	return r->size ? slot_of(r, batv_span_cut(name, BATV_LOG_RANKING_NAME))->count : 0;
}

/* ---- the highest ---- */

static bool before(const struct batv_log_ranked *a, const struct batv_log_ranked *b)
{
	return a->count != b->count ? a->count > b->count : strcmp(a->name, b->name) < 0;
}

size_t batv_log_ranking_top(const struct batv_log_ranking *r, struct batv_log_ranked *out,
			    size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < r->size; i++) {
		size_t at;

		if (!r->slots[i].name || max == 0 ||
		    (n == max && !before(&r->slots[i], &out[n - 1])))
			continue;
		if (n < max)
			n++;
		for (at = n - 1; at > 0 && before(&r->slots[i], &out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = r->slots[i];
	}
	return n;
}

void batv_log_ranking_free(struct batv_log_ranking *r)
{
	while (r->rooms) {
		struct batv_log_room *room = r->rooms;

		r->rooms = room->next;
		free(room);
	}
	free(r->slots);
	*r = (struct batv_log_ranking){0};
}
