/*
 * member.c - numbers parcels, and decides what is due.
 *
 * Invariant: the parcels from a mark's position up to now have no items of a day before the lowest
 * of the marks from it on.  So all names of the days from there on are all that was in them.
 */
#include "member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

#define HEAD "exim-batv member 1"
#define ANSWERED_FOR 2000 /* ms: within that, another one asks before it has heard the answer */
#define ASK_FIRST 3000
#define MEMBERS_EVERY 5000 /* ms, at most */

/* ---- numbers ---- */

/* As many marks as there are days to keep, not by their days: a clock may be wrong. */
static void add_mark(struct batv_member *m, uint16_t today)
{
	const unsigned most = m->retention_days + 2;

	if (m->n_marks > 0 && m->mark[m->n_marks - 1].day >= today)
		return;
	if (m->n_marks >= most) {
		memmove(&m->mark[0], &m->mark[1], (m->n_marks - 1) * sizeof m->mark[0]);
		m->n_marks--;
	}
	m->mark[m->n_marks++] = (struct batv_member_mark){m->last, today, today};
	m->members_due = true; /* it must not fall below the floor */
	m->save = true;
}

static void note_day(struct batv_member *m, uint16_t day)
{
	struct batv_member_mark *mark = &m->mark[m->n_marks - 1];

	if (day >= mark->lowest)
		return;
	mark->lowest = day;
	m->save = true;
}

/* Old parcels, up to the first mark, need no copy; nor does what was in them before a repetition of
 * all. */
static void raise_floor(struct batv_member *m)
{
	uint64_t floor = m->mark[0].position;

	if (m->members_at != 0 && m->members_at < floor)
		floor = m->members_at;
	if (m->floor != 0 && floor > m->floor)
		m->floor = floor;
}

bool batv_member_next(struct batv_member *m, enum batv_parcel_kind kind, uint16_t day,
		      uint16_t count, int64_t until, uint16_t today, int64_t now,
		      struct batv_parcel *out)
{
	if (batv_parcel_sequence(m->last) >= BATV_PARCEL_SEQUENCE_MAX)
		return false;
	m->last++;
	m->roster->own_position = m->last;
	add_mark(m, today);
	if (kind == BATV_PARCEL_ITEMS)
		note_day(m, day);
	if (kind == BATV_PARCEL_MEMBERS) {
		m->members_at = m->last;
		m->members_said = now;
	}
	if (kind == BATV_PARCEL_LEAVE)
		m->left = true;
	raise_floor(m);
	if (until > m->until)
		m->until = until;
	m->sent = now;
	*out = (struct batv_parcel){
		.host = m->roster->own,
		.position = m->last,
		.kind = (uint8_t)kind,
		.day = day,
		.count = count,
		.until = m->until,
		.floor = m->floor,
	};
	return true;
}

int64_t batv_member_beat_ms(const struct batv_member *m)
{
	const int64_t by_hosts = (int64_t)m->roster->n * 1000 / 300;

	return by_hosts > BATV_MEMBER_LEAD ? by_hosts : BATV_MEMBER_LEAD;
}

/* ---- owing ---- */

static void owe(struct batv_member *m, uint64_t from)
{
	if (!m->owes || from < m->owed_from)
		m->owed_from = from;
	m->owes = true;
}

void batv_member_start(struct batv_member *m, struct batv_roster *roster, uint32_t incarnation,
		       unsigned retention_days, int64_t now)
{
	struct batv_member new = {
		.roster = roster,
		.retention_days = retention_days < BATV_MEMBER_DAYS_MAX ? retention_days
									: BATV_MEMBER_DAYS_MAX,
		.last = batv_parcel_position(incarnation, 0),
		.members_due = true,
		.sent = now,
		.n_marks = m->n_marks,
	};

	memcpy(new.mark, m->mark, sizeof new.mark);
	if (m->n_marks > 0)
		new.floor = m->floor;
	else if (incarnation == 1)
		new.floor = batv_parcel_position(1, 1);
	if (incarnation > 1)
		owe(&new, m->n_marks > 0 ? m->last + 1 : 0);
	if (m->owes)
		owe(&new, m->owed_from);
	if (m->repeating)
		owe(&new, m->repeat_from);
	*m = new;
	roster->own_position = m->last;
}

/* Is the range, or all of it that is kept, appended again already, or about to be? */
static bool is_answered(const struct batv_member *m, uint64_t from, uint64_t to, int64_t now)
{
	for (unsigned i = 0; i < m->n_resends; i++) {
		const struct batv_member_resend *r = &m->resend[i];

		if (r->from <= from && to <= r->to &&
		    (r->when == 0 || (now >= r->when && now - r->when < ANSWERED_FOR)))
			return true;
	}
	return false;
}

static void add_resend(struct batv_member *m, uint64_t from, uint64_t to)
{
	if (m->n_resends == BATV_MEMBER_RESENDS) {
		memmove(&m->resend[0], &m->resend[1], (m->n_resends - 1) * sizeof m->resend[0]);
		m->n_resends--;
	}
	m->resend[m->n_resends++] = (struct batv_member_resend){from, to, 0};
}

static void answer(struct batv_member *m, const struct batv_payload_ask *ask, int64_t now)
{
	const uint64_t to = ask->to < m->last ? ask->to : m->last;
	uint64_t from = ask->from > m->floor ? ask->from : m->floor;

	if (from > to)
		return;
	if (m->kept_from == 0 || from < m->kept_from) {
		owe(m, from);
		from = m->kept_from;
	}
	if (from != 0 && from <= to && !is_answered(m, from, to, now))
		add_resend(m, from, to);
}

void batv_member_heard(struct batv_member *m, const struct batv_parcel *parcel,
		       struct batv_span payload, int64_t now)
{
	if (m->roster->urgent)
		m->members_due = true;
	if (parcel->kind != BATV_PARCEL_ASK)
		return;
	for (size_t i = 0; i < parcel->count; i++) {
		const struct batv_payload_ask ask = batv_payload_ask(payload, i);

		if (ask.host == m->roster->own)
			answer(m, &ask, now);
	}
}

void batv_member_back(struct batv_member *m)
{
	if (m->kept_from != 0 && m->kept_from <= m->last)
		add_resend(m, m->kept_from, m->last);
}

void batv_member_lost(struct batv_member *m)
{
	owe(m, 0);
	m->members_due = true;
}

/* ---- repeating ---- */

/* The last mark at or before the position; NULL: it is older than all. */
static const struct batv_member_mark *mark_of(const struct batv_member *m, uint64_t position)
{
	for (unsigned i = m->n_marks; i > 0; i--)
		if (m->mark[i - 1].position <= position)
			return &m->mark[i - 1];
	return NULL;
}

static struct batv_member_todo begin_repeat(struct batv_member *m)
{
	const struct batv_member_mark *mark = mark_of(m, m->owed_from);
	struct batv_member_todo todo = {.act = BATV_MEMBER_REPEAT};

	m->owes = false;
	m->repeating = true;
	m->repeat_first = m->members_at; /* the last parcel */
	m->repeat_from = mark ? mark->position : 0;
	if (!mark)
		return todo;
	todo.day_from = mark->lowest;
	for (; mark < m->mark + m->n_marks; mark++)
		if (mark->lowest < todo.day_from)
			todo.day_from = mark->lowest;
	return todo;
}

/*
 * The mark from which all was sent again is lower than what was asked for, and what was sent before
 * the first mark is too old.  If there was no mark, all is in the new ones.
 */
void batv_member_repeated(struct batv_member *m, int64_t now,
			  uint8_t out[static BATV_PAYLOAD_AGAIN_LEN])
{
	const struct batv_payload_again again = {m->repeat_first, m->repeat_from,
						 m->repeat_first - 1};

	batv_payload_put_again(out, &again);
	if (m->floor == 0)
		m->floor = m->repeat_first;
	m->repeating = false;
	m->repeated = now;
}

/* ---- asking ---- */

/* When this host asks for the member's gaps; INT64_MAX: it has none. */
static int64_t ask_at(struct batv_roster_member *r, int64_t now)
{
	struct batv_payload_ask gap;

	if (batv_roster_whole(r) || batv_roster_gaps(r, &gap, 1) == 0) {
		r->asking.wait = 0;
		return INT64_MAX;
	}
	if (r->asking.wait == 0 || r->asking.gap != gap.from)
		r->asking = (struct batv_roster_asking){gap.from, now + BATV_MEMBER_ASK_AFTER,
							ASK_FIRST};
	return r->asking.at;
}

static int64_t next_ask(const struct batv_member *m, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; !m->reading && i < m->roster->n; i++) {
		const int64_t at = ask_at(&m->roster->member[i], now);

		if (at < next)
			next = at;
	}
	return next;
}

uint16_t batv_member_ask(struct batv_member *m, int64_t now, uint8_t *out, size_t *len)
{
	struct batv_payload_ask gap[BATV_ROSTER_RANGES + 1];
	size_t count = 0;

	for (size_t i = 0; i < m->roster->n; i++) {
		struct batv_roster_member *r = &m->roster->member[i];
		size_t n;

		if (ask_at(r, now) > now)
			continue;
		n = batv_roster_gaps(r, gap, sizeof gap / sizeof gap[0]);
		if (count + n > BATV_PAYLOAD_ASKS_MAX)
			break;
		for (size_t k = 0; k < n; k++)
			batv_payload_put_ask(out + BATV_PAYLOAD_ASK_LEN * count++, &gap[k]);
		r->asking.at = now + r->asking.wait;
		r->asking.wait = 2 * r->asking.wait < BATV_MEMBER_ASK_MAX ? 2 * r->asking.wait
									  : BATV_MEMBER_ASK_MAX;
	}
	*len = BATV_PAYLOAD_ASK_LEN * count;
	return (uint16_t)count;
}

uint16_t batv_member_members(const struct batv_member *m, uint8_t *out, size_t *len)
{
	uint8_t *p = out + BATV_PAYLOAD_MEMBERS_HEAD;

	batv_payload_put_since(out, batv_roster_since(m->roster));
	for (size_t i = 0; i < m->roster->n; i++, p += BATV_PAYLOAD_MEMBER_LEN) {
		const struct batv_roster_member *r = &m->roster->member[i];
		const struct batv_payload_member member = {r->host, batv_roster_last(r), r->latest,
							   r->state};

		batv_payload_put_member(p, &member);
	}
	*len = (size_t)(p - out);
	return (uint16_t)m->roster->n;
}

/* ---- what is due ---- */

static struct batv_member_resend *next_resend(struct batv_member *m)
{
	for (unsigned i = 0; i < m->n_resends; i++)
		if (m->resend[i].when == 0)
			return &m->resend[i];
	return NULL;
}

static struct batv_member_todo resend(struct batv_member *m, struct batv_member_resend *r,
				      int64_t now)
{
	struct batv_member_todo todo = {.act = BATV_MEMBER_RESEND, .from = r->from, .to = r->to};

	r->when = now;
	if (todo.from < m->kept_from)
		todo.from = m->kept_from; /* for the rest, they will ask again */
	return todo;
}

static bool may_repeat(const struct batv_member *m, int64_t now)
{
	return m->owes && !m->repeating &&
	       (m->repeated == 0 || now < m->repeated ||
		now - m->repeated >= BATV_MEMBER_REPEAT_EVERY);
}

static bool may_say_members(const struct batv_member *m, int64_t now)
{
	return m->members_at == 0 || now < m->members_said ||
	       now - m->members_said >= MEMBERS_EVERY;
}

/*
 * MEMBERS goes before a repetition, so that AGAIN stands for one that was lost, too.  A new parcel
 * goes before old ones: a host that knows nothing of this one's clock must not learn it from these.
 */
struct batv_member_todo batv_member_due(struct batv_member *m, int64_t now)
{
	const int64_t beat = m->sent + batv_member_beat_ms(m), ask = next_ask(m, now);
	const bool fresh = now >= m->sent && now - m->sent < BATV_ROSTER_SLACK;
	struct batv_member_resend *r = next_resend(m);
	const bool repeat = !r && may_repeat(m, now);
	struct batv_member_todo todo = {.when = ask < beat ? ask : beat};

	if (r && (fresh || m->left))
		return resend(m, r, now);
	if (m->left)
		return todo;
	if ((m->members_due && may_say_members(m, now)) || (repeat && m->members_at != m->last)) {
		m->members_due = false;
		todo.act = BATV_MEMBER_MEMBERS;
	} else if (repeat) {
		return begin_repeat(m);
	} else if (r || now >= beat || now < m->sent) {
		todo.act = BATV_MEMBER_BEAT;
	} else if (ask <= now) {
		todo.act = BATV_MEMBER_ASK;
	}
	return todo;
}

/* ---- the next start ---- */

enum batv_err batv_member_write(const struct batv_member *m, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);
	uint64_t owed = m->owes ? m->owed_from : UINT64_MAX;

	if (!f)
		return BATV_E_IO;
	if (m->repeating && m->repeat_from < owed)
		owed = m->repeat_from;
	fprintf(f, HEAD "\nlast %" PRIu64 "\nfloor %" PRIu64 "\nowes %" PRIu64 "\n", m->last,
		m->floor, owed);
	for (unsigned i = 0; i < m->n_marks; i++)
		fprintf(f, "mark %" PRIu64 " %u %u\n", m->mark[i].position, m->mark[i].day,
			m->mark[i].lowest);
	fprintf(f, "end %u\n", 3 + m->n_marks);
	return fclose(f) == 0 ? BATV_OK : BATV_E_IO;
}

static bool read_number(struct batv_saved *saved, const char *word, uint64_t *out)
{
	if (!batv_saved_next(saved) || !batv_saved_is(saved, word, 1)) {
		if (!saved->why)
			saved->why = "the lines last, floor and owes are expected";
		return false;
	}
	*out = saved->number[0];
	return true;
}

static bool read_mark(struct batv_saved *saved, struct batv_member *m)
{
	const uint64_t *n = saved->number;
	const struct batv_member_mark *before = m->n_marks > 0 ? &m->mark[m->n_marks - 1] : NULL;

	if (!batv_saved_is(saved, "mark", 3) || m->n_marks == BATV_MEMBER_DAYS_MAX + 2)
		saved->why = saved->why ? saved->why : "an unknown line, or too many marks";
	else if (n[1] > UINT16_MAX || n[2] > n[1] || n[0] > m->last ||
		 (before && (n[0] <= before->position || n[1] <= before->day)))
		saved->why = "the marks are not in order";
	if (saved->why)
		return false;
	m->mark[m->n_marks++] = (struct batv_member_mark){n[0], (uint16_t)n[1], (uint16_t)n[2]};
	return true;
}

enum batv_err batv_member_read(const char *text, size_t len, struct batv_member *m, unsigned *line,
			       const char **why)
{
	struct batv_saved saved;
	struct batv_member read = {0};
	enum batv_err err;

	if (batv_saved_begin(&saved, text, len, HEAD) && read_number(&saved, "last", &read.last) &&
	    read_number(&saved, "floor", &read.floor) &&
	    read_number(&saved, "owes", &read.owed_from))
		while (batv_saved_next(&saved) && read_mark(&saved, &read))
			;
	if (!saved.why && read.floor > read.last)
		saved.why = "the floor is higher than the last parcel";
	read.owes = read.owed_from != UINT64_MAX;
	err = batv_saved_end(&saved, line, why);
	*m = err == BATV_OK ? read : (struct batv_member){0};
	return err;
}
