/*
 * roster.c - keeps which parcels of which host are here, and concludes how far all are.
 *
 * Invariants of a member: its ranges ascend, do not touch, and there are at most
 * BATV_ROSTER_RANGES; floor is 0 or within a range.  A range is added only for a parcel that was
 * heard, or for one of which a parcel that is here, with all that it names, says that it is
 * repeated.
 */
#include "roster.h"

#include <string.h>

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void batv_roster_start(struct batv_roster *roster, uint64_t own, int64_t since,
		       struct batv_roster_member *member, size_t room)
{
	*roster = (struct batv_roster){.own = own, .since = since, .room = room, .member = member};
}

/* ---- members ---- */

/* Where the host is, or would be. */
static size_t place_of(const struct batv_roster *roster, uint64_t host)
{
	size_t low = 0, high = roster->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (roster->member[middle].host < host)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct batv_roster_member *member_of(const struct batv_roster *roster, uint64_t host)
{
	const size_t at = place_of(roster, host);

	return at < roster->n && roster->member[at].host == host ? &roster->member[at] : NULL;
}

const struct batv_roster_member *batv_roster_find(const struct batv_roster *roster, uint64_t host)
{
	return member_of(roster, host);
}

/* NULL: there is no room, and from then on nothing is promised. */
static struct batv_roster_member *add_member(struct batv_roster *roster, uint64_t host,
					     enum batv_roster_state state)
{
	const size_t at = place_of(roster, host);
	struct batv_roster_member *m = &roster->member[at];

	roster->urgent = true;
	if (roster->n == roster->room) {
		roster->overflow = true;
		return NULL;
	}
	memmove(m + 1, m, (roster->n - at) * sizeof *m);
	roster->n++;
	*m = (struct batv_roster_member){.host = host, .state = (uint8_t)state};
	return m;
}

static void set_state(struct batv_roster *roster, struct batv_roster_member *m,
		      enum batv_roster_state state)
{
	roster->urgent |= m->state != state;
	m->state = (uint8_t)state;
}

/* ---- ranges ---- */

static bool covers(const struct batv_roster_member *m, uint64_t from, uint64_t to)
{
	for (size_t i = m->n; i > 0; i--)
		if (m->range[i - 1].from <= from)
			return m->range[i - 1].to >= to;
	return false;
}

/* The range from the floor on; NULL: none. */
static const struct batv_roster_range *first_part(const struct batv_roster_member *m)
{
	for (size_t i = 0; m->floor != 0 && i < m->n; i++)
		if (m->range[i].from <= m->floor && m->range[i].to >= m->floor)
			return &m->range[i];
	return NULL;
}

/*
 * The two as one.  The promise is that of the upper end.  If that is not known, the lower one still
 * holds, but it is of another clock if the incarnation is another.
 */
static struct batv_roster_range join(struct batv_roster_range a, struct batv_roster_range b)
{
	const struct batv_roster_range low = a.to < b.to ? a : b, high = a.to < b.to ? b : a;
	const bool one = batv_parcel_incarnation(low.to) == batv_parcel_incarnation(high.to);

	return (struct batv_roster_range){
		.from = a.from < b.from ? a.from : b.from,
		.to = high.to,
		.until = high.until == 0 && one ? low.until : high.until,
	};
}

static void remove_range(struct batv_roster_range *range, size_t at, size_t n)
{
	memmove(range + at, range + at + 1, (n - at - 1) * sizeof *range);
}

/*
 * Adds positions.  If there are too many ranges, one is given up, which makes a larger gap: not the
 * first part, on which `until` rests, but the one after it.
 */
static void add_range(struct batv_roster_member *m, struct batv_roster_range add)
{
	struct batv_roster_range list[BATV_ROSTER_RANGES + 1];
	size_t n = 0, i = 0;

	while (i < m->n && m->range[i].to < add.from && m->range[i].to + 1 != add.from)
		list[n++] = m->range[i++];
	while (i < m->n && (m->range[i].from <= add.to || m->range[i].from - 1 == add.to))
		add = join(add, m->range[i++]);
	list[n++] = add;
	while (i < m->n)
		list[n++] = m->range[i++];
	if (n > BATV_ROSTER_RANGES) {
		remove_range(list, m->floor != 0 && list[0].to >= m->floor ? 1 : 0, n);
		n--;
	}
	memcpy(m->range, list, n * sizeof list[0]);
	m->n = (uint8_t)n;
}

static void raise_floor(struct batv_roster_member *m)
{
	m->floor = m->next_floor;
	while (m->n > 0 && m->range[0].to < m->floor)
		remove_range(m->range, 0, m->n--);
}

static void remove_again(struct batv_roster_member *m, size_t at)
{
	memmove(&m->again[at], &m->again[at + 1], (m->n_again - at - 1) * sizeof m->again[0]);
	m->n_again--;
}

/* A claim about positions holds when all is here on which it rests. */
static void conclude(struct batv_roster_member *m)
{
	for (size_t i = 0; i < m->n_again;) {
		const struct batv_roster_again a = m->again[i];

		if (!covers(m, a.first, a.last)) {
			i++;
			continue;
		}
		remove_again(m, i);
		add_range(m, (struct batv_roster_range){a.from, a.to, 0});
		i = 0;
	}
	if (m->next_floor > m->floor && covers(m, m->next_floor, m->said_at))
		raise_floor(m);
}

/* ---- what parcels say ---- */

/* A clock that was set right counts as before for one or two windows. */
static void note_offset(struct batv_roster_member *m, int64_t ahead, int64_t received)
{
	if (m->window == 0) {
		m->window = received;
	} else if (received - m->window >= BATV_ROSTER_WINDOW) {
		m->offset_before = m->offset;
		m->offset = 0;
		m->window = received;
	}
	m->offset = max64(m->offset, ahead);
}

/*
 * Two parcels that were as long on their way: then it was no long time, for parcels that are held
 * up or sent again come at one time.
 */
static void note_sample(struct batv_roster_member *m, int64_t ahead, int64_t until)
{
	const int64_t apart = max64(until, m->seen_until) - min64(until, m->seen_until);
	const int64_t differ = max64(ahead, m->seen) - min64(ahead, m->seen);
	const bool agree = m->seen_until != 0 && differ <= BATV_ROSTER_SLACK;

	if (agree && apart > 2 * BATV_ROSTER_SLACK)
		m->sampled = true;
	else if (agree)
		return;
	m->seen = ahead;
	m->seen_until = until;
}

static void note_clock(struct batv_roster_member *m, const struct batv_parcel *parcel,
		       int64_t received)
{
	const uint32_t incarnation = batv_parcel_incarnation(parcel->position);
	int64_t ahead;

	if (incarnation > m->incarnation) {
		m->offset_old = max64(m->offset_old, max64(m->offset, m->offset_before));
		m->incarnation = incarnation;
	}
	m->latest = max64(m->latest, parcel->until);
	if (parcel->until == 0)
		return;
	ahead = max64(min64(parcel->until - received, BATV_ROSTER_OFFSET_MAX),
		      -BATV_ROSTER_OFFSET_MAX);
	note_sample(m, ahead, parcel->until);
	note_offset(m, ahead, received);
}

/* The highest; said by the first parcel that says it, so that later ones need not be here. */
static void note_floor(struct batv_roster_member *m, const struct batv_parcel *parcel)
{
	if (parcel->floor < m->next_floor ||
	    (parcel->floor == m->next_floor && parcel->position >= m->said_at))
		return;
	m->next_floor = parcel->floor;
	m->said_at = parcel->position;
}

static void note_again(struct batv_roster_member *m, uint64_t position, struct batv_span payload)
{
	const struct batv_payload_again a = batv_payload_again(payload);

	if (a.from > a.to || a.to >= a.first || a.first > position)
		return;
	if (m->n_again == BATV_ROSTER_AGAINS)
		remove_again(m, 0);
	m->again[m->n_again++] = (struct batv_roster_again){a.first, position, a.from, a.to};
}

/* A host that another one knows, and this one has never heard. */
static void note_named(struct batv_roster *roster, const struct batv_payload_member *named)
{
	const bool gone = named->state == BATV_ROSTER_FORGOTTEN || named->state == BATV_ROSTER_LEFT;
	struct batv_roster_member *m = member_of(roster, named->host);

	if (named->host == roster->own || named->host == 0)
		return;
	if (!m)
		m = add_member(roster, named->host, BATV_ROSTER_NAMED);
	if (!m || m->state != BATV_ROSTER_NAMED)
		return;
	m->latest = max64(m->latest, named->until);
	if (!gone)
		return;
	m->left_at = named->position;
	set_state(roster, m, BATV_ROSTER_FORGOTTEN);
}

/* It adds members, so it takes a host, and no pointer into the table. */
static void note_members(struct batv_roster *roster, uint64_t host, size_t count,
			 struct batv_span payload)
{
	for (size_t i = 0; i < count; i++) {
		const struct batv_payload_member named = batv_payload_member(payload, i);

		/* Mostly it is known, and in the same place. */
		if (i >= roster->n || roster->member[i].host != named.host ||
		    roster->member[i].state == BATV_ROSTER_NAMED)
			note_named(roster, &named);
	}
	member_of(roster, host)->since = batv_payload_since(payload);
}

void batv_roster_forget(struct batv_roster *roster, const struct batv_payload_forget *forget)
{
	struct batv_roster_member *m = member_of(roster, forget->host);

	if (forget->host == roster->own || forget->host == 0)
		return;
	roster->lost = max64(roster->lost, forget->lost);
	if (!m)
		m = add_member(roster, forget->host, BATV_ROSTER_FORGOTTEN);
	if (!m || batv_roster_last(m) > forget->position)
		return;
	m->latest = max64(m->latest, forget->until);
	m->left_at = forget->position;
	set_state(roster, m, BATV_ROSTER_FORGOTTEN);
}

/* It is on disk before `until` goes on. */
void batv_roster_lost(struct batv_roster *roster, int64_t until)
{
	if (until <= roster->lost)
		return;
	roster->lost = until;
	roster->urgent = true;
}

static void note_payload(struct batv_roster *roster, struct batv_roster_member *m,
			 const struct batv_parcel *parcel, struct batv_span payload)
{
	switch (parcel->kind) {
	case BATV_PARCEL_AGAIN: note_again(m, parcel->position, payload); break;
	case BATV_PARCEL_LEAVE:
		if (parcel->position < batv_roster_last(m))
			break; /* it came back since */
		m->left_at = parcel->position;
		set_state(roster, m, BATV_ROSTER_LEFT);
		break;
	default: break;
	}
}

/* ---- hearing ---- */

enum batv_roster_answer batv_roster_look(const struct batv_roster *roster,
					 const struct batv_parcel *parcel)
{
	const struct batv_roster_member *m;

	if (parcel->host == roster->own)
		return parcel->position > roster->own_position ? BATV_ROSTER_CLONE
							       : BATV_ROSTER_OWN;
	m = member_of(roster, parcel->host);
	if (!m)
		return roster->n == roster->room ? BATV_ROSTER_FULL : BATV_ROSTER_NEW;
	if (parcel->position < m->floor || covers(m, parcel->position, parcel->position))
		return BATV_ROSTER_DUPLICATE;
	return BATV_ROSTER_NEW;
}

/* A host that is heard is a member, unless this is from before it went. */
static void note_life(struct batv_roster *roster, struct batv_roster_member *m, uint64_t position)
{
	const bool gone = m->state == BATV_ROSTER_LEFT || m->state == BATV_ROSTER_FORGOTTEN;

	if (!gone || position > m->left_at)
		set_state(roster, m, BATV_ROSTER_HEARD);
}

enum batv_roster_answer batv_roster_hear(struct batv_roster *roster,
					 const struct batv_parcel *parcel, struct batv_span payload,
					 int64_t received)
{
	const enum batv_roster_answer answer = batv_roster_look(roster, parcel);
	struct batv_roster_member *m;

	if (answer == BATV_ROSTER_FULL)
		roster->overflow = true;
	if (answer != BATV_ROSTER_NEW)
		return answer;
	m = member_of(roster, parcel->host);
	if (!m)
		m = add_member(roster, parcel->host, BATV_ROSTER_HEARD);
	note_life(roster, m, parcel->position);
	m->heard = received;
	note_clock(m, parcel, received);
	note_floor(m, parcel);
	note_payload(roster, m, parcel, payload);
	add_range(m, (struct batv_roster_range){parcel->position, parcel->position, parcel->until});
	conclude(m);
	if (parcel->kind == BATV_PARCEL_MEMBERS)
		note_members(roster, parcel->host, parcel->count, payload);
	if (parcel->kind == BATV_PARCEL_FORGET) {
		const struct batv_payload_forget forget = batv_payload_forget(payload);

		batv_roster_forget(roster, &forget);
	}
	return BATV_ROSTER_NEW;
}

/* ---- what follows ---- */

bool batv_roster_whole(const struct batv_roster_member *m)
{
	const struct batv_roster_range *first = first_part(m);

	return first && first == &m->range[m->n - 1];
}

bool batv_roster_counts(const struct batv_roster_member *m)
{
	if (m->state == BATV_ROSTER_FORGOTTEN)
		return false;
	return m->state != BATV_ROSTER_LEFT || !batv_roster_whole(m);
}

uint64_t batv_roster_last(const struct batv_roster_member *m)
{
	return m->n > 0 ? m->range[m->n - 1].to : 0;
}

int64_t batv_roster_member_until(const struct batv_roster_member *m)
{
	const struct batv_roster_range *first = first_part(m);
	int64_t offset = max64(m->offset, m->offset_before);

	if (!first || first->until == 0 || !m->sampled)
		return 0;
	if (batv_parcel_incarnation(first->to) != m->incarnation)
		offset = max64(offset, m->offset_old);
	return max64(first->until - offset - BATV_ROSTER_SLACK, 0);
}

/* Beyond now: this clock was set back, and nothing is known until the next parcels. */
int64_t batv_roster_until(const struct batv_roster *roster, int64_t now)
{
	int64_t until = now;

	if (roster->overflow || roster->urgent)
		return 0;
	for (size_t i = 0; i < roster->n; i++) {
		const struct batv_roster_member *m = &roster->member[i];
		const int64_t its = batv_roster_counts(m) ? batv_roster_member_until(m) : until;

		if (its == 0 || its > now)
			return 0;
		if (its < until)
			until = its;
	}
	return until;
}

int64_t batv_roster_since(struct batv_roster *roster)
{
	int64_t lent = INT64_MAX, lost = roster->lost;
	bool whole = !roster->overflow;

	for (size_t i = 0; i < roster->n; i++) {
		const struct batv_roster_member *m = &roster->member[i];

		if (m->state == BATV_ROSTER_FORGOTTEN)
			lost = batv_roster_whole(m) ? lost : max64(lost, m->latest);
		else if (!batv_roster_whole(m))
			whole = false;
		else if (m->since != 0 && m->since < lent)
			lent = m->since;
	}
	if (whole && lent != INT64_MAX && (roster->since == 0 || lent < roster->since))
		roster->since = lent;
	return roster->since == 0 ? 0 : max64(roster->since, lost);
}

void batv_roster_clock_set(struct batv_roster *roster)
{
	for (size_t i = 0; i < roster->n; i++) {
		struct batv_roster_member *m = &roster->member[i];

		m->sampled = false;
		m->offset = m->offset_before = m->window = 0;
		m->seen = m->seen_until = 0;
		m->offset_old = BATV_ROSTER_OFFSET_MAX;
	}
}

void batv_roster_nothing_here(struct batv_roster *roster, int64_t since)
{
	roster->since = since;
	roster->urgent = true;
	for (size_t i = 0; i < roster->n; i++) {
		struct batv_roster_member *m = &roster->member[i];

		m->n = m->n_again = 0;
		m->floor = m->next_floor = m->said_at = 0;
	}
}

void batv_roster_prune(struct batv_roster *roster, int64_t before)
{
	size_t kept = 0;

	for (size_t i = 0; i < roster->n; i++) {
		const struct batv_roster_member *m = &roster->member[i];
		const bool gone = m->state == BATV_ROSTER_LEFT || m->state == BATV_ROSTER_FORGOTTEN;

		if (!gone || batv_roster_counts(m) || m->latest >= before)
			roster->member[kept++] = *m;
	}
	roster->urgent |= kept != roster->n;
	roster->n = kept;
}

/* ---- gaps ---- */

static void add_gap(const struct batv_roster_member *m, uint64_t from, uint64_t to,
		    struct batv_payload_ask *gap, size_t max, size_t *n)
{
	if (*n < max)
		gap[*n] = (struct batv_payload_ask){m->host, from, to};
	(*n)++;
}

size_t batv_roster_gaps(const struct batv_roster_member *m, struct batv_payload_ask *gap,
			size_t max)
{
	const uint64_t floor = m->floor != 0 ? m->floor : m->next_floor;
	size_t n = 0;

	if (m->state == BATV_ROSTER_FORGOTTEN)
		return 0;
	if (m->n == 0)
		add_gap(m, 0, UINT64_MAX, gap, max, &n);
	else if (floor < m->range[0].from)
		add_gap(m, floor, m->range[0].from - 1, gap, max, &n);
	for (size_t i = 1; i < m->n; i++)
		if (m->range[i - 1].to >= floor || m->range[i].from > floor)
			add_gap(m, m->range[i - 1].to + 1, m->range[i].from - 1, gap, max, &n);
	return n;
}
