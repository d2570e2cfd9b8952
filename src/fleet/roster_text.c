/*
 * roster_text.c - writes and reads a roster.
 *
 * Invariant: a roster that was read keeps all of roster.c's invariants, whatever the text was.
 */
#include "roster_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

#define HEAD "exim-batv roster 1"

/* ---- writing ---- */

static unsigned write_member(FILE *f, const struct batv_roster_member *m)
{
	fprintf(f,
		"member %" PRIu64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64
		" %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 "\n",
		m->host, m->state, m->floor, m->next_floor, m->said_at, m->left_at, m->heard,
		m->latest, m->offset, m->offset_before, m->offset_old, m->since, m->incarnation);
	for (size_t i = 0; i < m->n; i++)
		fprintf(f, "range %" PRIu64 " %" PRIu64 " %" PRId64 "\n", m->range[i].from,
			m->range[i].to, m->range[i].until);
	for (size_t i = 0; i < m->n_again; i++)
		fprintf(f, "again %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			m->again[i].first, m->again[i].last, m->again[i].from, m->again[i].to);
	return 1u + m->n + m->n_again;
}

enum batv_err batv_roster_text_write(const struct batv_roster *roster, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);
	unsigned lines = 1;

	if (!f)
		return BATV_E_IO;
	fprintf(f, HEAD "\nroster %" PRIu64 " %" PRId64 " %" PRId64 " %d\n", roster->own,
		roster->since, roster->lost, roster->overflow);
	for (size_t i = 0; i < roster->n; i++)
		lines += write_member(f, &roster->member[i]);
	fprintf(f, "end %u\n", lines);
	return fclose(f) == 0 ? BATV_OK : BATV_E_IO;
}

/* ---- reading ---- */

static bool refuse(struct batv_saved *saved, const char *why)
{
	if (!saved->why)
		saved->why = why;
	return false;
}

static bool read_head(struct batv_saved *saved, struct batv_roster *roster)
{
	if (!batv_saved_next(saved) || !batv_saved_is(saved, "roster", 4))
		return refuse(saved, "the roster line is expected");
	if (saved->number[0] != roster->own)
		return refuse(saved, "the roster of another host");
	roster->since = batv_saved_signed(saved, 1);
	roster->lost = batv_saved_signed(saved, 2);
	roster->overflow = saved->number[3] != 0;
	return saved->why == NULL;
}

static bool read_member(struct batv_saved *saved, struct batv_roster *roster)
{
	const uint64_t *n = saved->number;
	struct batv_roster_member *m = &roster->member[roster->n];

	if (roster->n == roster->room)
		return refuse(saved, "too many members");
	if (n[0] == 0 || n[0] == roster->own || (roster->n > 0 && n[0] <= m[-1].host))
		return refuse(saved, "the members are not in order");
	if (n[1] < BATV_ROSTER_NAMED || n[1] > BATV_ROSTER_FORGOTTEN ||
	    n[12] > BATV_PARCEL_INCARNATION_MAX || n[8] > BATV_ROSTER_OFFSET_MAX ||
	    n[9] > BATV_ROSTER_OFFSET_MAX || n[10] > BATV_ROSTER_OFFSET_MAX)
		return refuse(saved, "a state, an incarnation or an offset that does not exist");
	*m = (struct batv_roster_member){
		.host = n[0],
		.state = (uint8_t)n[1],
		.floor = n[2],
		.next_floor = n[3],
		.said_at = n[4],
		.left_at = n[5],
		.heard = batv_saved_signed(saved, 6),
		.latest = batv_saved_signed(saved, 7),
		.offset = batv_saved_signed(saved, 8),
		.offset_before = batv_saved_signed(saved, 9),
		.offset_old = batv_saved_signed(saved, 10),
		.since = batv_saved_signed(saved, 11),
		.incarnation = (uint32_t)n[12],
	};
	roster->n++;
	return saved->why == NULL;
}

static bool read_range(struct batv_saved *saved, struct batv_roster_member *m)
{
	const uint64_t from = saved->number[0], to = saved->number[1];

	if (m->n == BATV_ROSTER_RANGES)
		return refuse(saved, "too many ranges");
	if (from > to || to == UINT64_MAX ||
	    (m->n > 0 && (from <= m->range[m->n - 1].to || from == m->range[m->n - 1].to + 1)))
		return refuse(saved, "the ranges are not in order");
	m->range[m->n++] = (struct batv_roster_range){from, to, batv_saved_signed(saved, 2)};
	return saved->why == NULL;
}

static bool read_again(struct batv_saved *saved, struct batv_roster_member *m)
{
	const uint64_t *n = saved->number;

	if (m->n_again == BATV_ROSTER_AGAINS)
		return refuse(saved, "too many repetitions");
	if (n[0] > n[1] || n[1] == UINT64_MAX || n[2] > n[3] || n[3] >= n[0])
		return refuse(saved, "a repetition of something else");
	m->again[m->n_again++] = (struct batv_roster_again){n[0], n[1], n[2], n[3]};
	return true;
}

/* The floor is in a range: `until` rests on that. */
static bool is_whole(const struct batv_roster_member *m)
{
	for (size_t i = 0; m->floor != 0 && i < m->n; i++)
		if (m->range[i].from <= m->floor && m->floor <= m->range[i].to)
			return true;
	return m->floor == 0;
}

static bool read_line(struct batv_saved *saved, struct batv_roster *roster)
{
	struct batv_roster_member *m = roster->n > 0 ? &roster->member[roster->n - 1] : NULL;

	if (batv_saved_is(saved, "member", 13))
		return m && !is_whole(m) ? refuse(saved, "the member before has another floor")
					 : read_member(saved, roster);
	if (m && batv_saved_is(saved, "range", 3))
		return read_range(saved, m);
	if (m && batv_saved_is(saved, "again", 4))
		return read_again(saved, m);
	return refuse(saved, "an unknown line");
}

enum batv_err batv_roster_text_read(const char *text, size_t len, struct batv_roster *roster,
				    unsigned *line, const char **why)
{
	const struct batv_roster empty = {.own = roster->own,
					  .own_position = roster->own_position,
					  .room = roster->room,
					  .member = roster->member};
	struct batv_roster read = empty;
	struct batv_saved saved;
	enum batv_err err;

	if (batv_saved_begin(&saved, text, len, HEAD) && read_head(&saved, &read))
		while (batv_saved_next(&saved) && read_line(&saved, &read))
			;
	if (!saved.why && read.n > 0 && !is_whole(&read.member[read.n - 1]))
		saved.why = "the last member has another floor";
	err = batv_saved_end(&saved, line, why);
	*roster = err == BATV_OK ? read : empty;
	return err;
}
