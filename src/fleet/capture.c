/*
 * capture.c - follows the journals of two memory files.
 *
 * Invariant: `until` never passes the moment at which a record was first due that is neither handed
 * out nor a hole nor lost.  When it passes a loss, `gap` has passed it, too.
 */
#include "capture.h"

#include <string.h>

#define AGAIN 64 /* holes that one look reads again */

struct look {
	struct batv_capture *c;
	struct batv_capture_ring *ring;
	struct batv_memory *memory;
	int64_t now;
	struct batv_journal_entry *out;
	size_t n, room;
	uint64_t heads; /* records that the journals have, or had */
	bool incomplete;
};

static void lose(struct batv_capture *c, uint64_t records, int64_t now)
{
	c->lost += records;
	c->gap = now;
}

/* ---- which file ---- */

static uint64_t file_of(const struct batv_memory *m)
{
	return m && batv_memory_there(m) && batv_journal_there(m) ? m->sections.sum : 0;
}

/* Records that are still waited for in the file that was followed are lost. */
static void follow(struct batv_capture *c, struct batv_capture_ring *ring, uint64_t file,
		   int64_t now)
{
	for (size_t i = 0; i < ring->n_missing; i++)
		if (!ring->missing[i].hole)
			lose(c, 1, now);
	memset(ring, 0, sizeof *ring);
	ring->file = file;
}

/*
 * A memory in use that is not the one that was followed is its next generation, or was made in
 * place of a file that was damaged.  Then what was recorded in between is nowhere.
 */
static void choose_files(struct batv_capture *c, uint64_t current, const struct batv_memory *before,
			 int64_t now)
{
	const bool hidden = before && !batv_memory_there(before);

	if (current && c->ring[0].file != current) {
		if (c->ring[0].file && (hidden || c->ring[0].file == file_of(before))) {
			follow(c, &c->ring[1], 0, now);
			c->ring[1] = c->ring[0];
			memset(&c->ring[0], 0, sizeof c->ring[0]);
		} else if (c->ring[0].file) {
			lose(c, 1, now);
		}
		follow(c, &c->ring[0], current, now);
	}
	if (!hidden && c->ring[1].file != file_of(before))
		follow(c, &c->ring[1], file_of(before), now);
}

/* ---- missing records ---- */

static void forget(struct batv_capture_ring *ring, size_t i)
{
	ring->missing[i] = ring->missing[--ring->n_missing];
}

/* Makes room for one.  The place of a hole may be taken; it stays counted. */
static bool has_place(struct batv_capture_ring *ring)
{
	if (ring->n_missing < BATV_CAPTURE_OPEN)
		return true;
	for (size_t i = 0; i < ring->n_missing; i++)
		if (ring->missing[i].hole) {
			forget(ring, i);
			return true;
		}
	return false;
}

static enum batv_journal_answer take(struct look *l, uint64_t position)
{
	const enum batv_journal_answer answer =
		batv_journal_read(l->memory, position, &l->out[l->n]);

	l->n += answer == BATV_JOURNAL_WHOLE;
	return answer;
}

/* Reads it again.  Returns false if it is no longer missing: it is there, or will never be. */
static bool still_missing(struct look *l, struct batv_capture_missing *m)
{
	const enum batv_journal_answer answer = take(l, m->position);

	if (answer == BATV_JOURNAL_WHOLE)
		l->c->holes -= m->hole;
	else if (answer == BATV_JOURNAL_GONE && !m->hole)
		lose(l->c, 1, l->now);
	if (m->seen > l->now) { /* the clock went back */
		m->seen = l->now;
		m->before = 0;
	}
	if (answer == BATV_JOURNAL_MISSING && !m->hole &&
	    l->now - m->seen >= BATV_CAPTURE_PATIENCE) {
		m->hole = true;
		l->c->holes++;
	}
	return answer == BATV_JOURNAL_MISSING || answer == BATV_JOURNAL_NO_MEMORY;
}

/* All that are waited for, and some of the holes. */
static void look_again(struct look *l)
{
	struct batv_capture_ring *ring = l->ring;
	size_t i, holes = AGAIN;

	for (i = 0; i < ring->n_missing && l->n < l->room;)
		if (ring->missing[i].hole || still_missing(l, &ring->missing[i]))
			i++;
		else
			forget(ring, i);
	for (; holes > 0 && ring->n_missing > 0 && l->n < l->room; holes--, ring->hole_at++) {
		i = ring->hole_at % ring->n_missing;
		if (ring->missing[i].hole && !still_missing(l, &ring->missing[i]))
			forget(ring, i);
	}
}

/* ---- new records ---- */

static uint64_t oldest(const struct look *l, uint64_t head)
{
	const uint64_t room = batv_journal_room(l->memory);

	return head > room ? head - room : 0;
}

/* Goes to the oldest record, if the place is gone or the file has gone back (see resume). */
static void check_place(struct look *l, const struct batv_journal_head *head)
{
	struct batv_capture_ring *ring = l->ring;
	const uint64_t first = oldest(l, head->next);

	if (head->next < ring->next || head->failed < ring->failed) {
		memset(ring, 0, sizeof *ring);
		ring->file = l->memory->sections.sum;
		ring->failed = head->failed;
		ring->next = first;
	}
	if (head->failed > ring->failed)
		lose(l->c, head->failed - ring->failed, l->now);
	ring->failed = head->failed;
	if (ring->next < first)
		lose(l->c, first - ring->next, l->now);
	if (ring->next < first || ring->again)
		ring->next = first;
	ring->again = false;
}

/* Returns false if it cannot be read now. */
static bool read_next(struct look *l)
{
	struct batv_capture_ring *ring = l->ring;

	switch (take(l, ring->next)) {
	case BATV_JOURNAL_WHOLE: break;
	case BATV_JOURNAL_MISSING:
		if (!has_place(ring))
			return false;
		ring->missing[ring->n_missing++] = (struct batv_capture_missing){
			.position = ring->next, .before = ring->known, .seen = l->now};
		break;
	case BATV_JOURNAL_GONE: lose(l->c, 1, l->now); break;
	case BATV_JOURNAL_NO_MEMORY: return false;
	}
	ring->next++;
	return true;
}

/* A loss from before anybody followed it is not counted: see note_begin(). */
static void follow_first(struct look *l, const struct batv_journal_head *head)
{
	l->ring->next = oldest(l, head->next);
	l->ring->failed = head->failed;
	l->heads += head->next;
	l->incomplete |= l->ring->next > 0 || head->failed > 0;
}

/* Returns false if the journal cannot be read now. */
static bool read_ring(struct look *l)
{
	struct batv_capture_ring *ring = l->ring;
	struct batv_journal_head head;

	if (!batv_journal_head(l->memory, &head))
		return false;
	if (l->c->began == 0)
		follow_first(l, &head);
	check_place(l, &head);
	look_again(l);
	while (ring->next < head.next && l->n < l->room && read_next(l))
		;
	if (ring->next == head.next)
		ring->known = l->now;
	ring->unread = head.next - ring->next;
	return batv_memory_there(l->memory);
}

/* ---- what the others will never hear of ---- */

static uint64_t recorded(struct batv_memory *m, int64_t now)
{
	return m ? batv_counted(m, BATV_COUNT_IDS, 0, now) +
			       batv_counted(m, BATV_COUNT_PAIRS, 0, now)
		 : 0;
}

/*
 * The journal has all since the memory began, if it has all that was ever recorded; otherwise all
 * since this file was made.  But if it has come round already, nobody knows.
 */
static void note_begin(struct look *l, struct batv_memory *memory, struct batv_memory *before)
{
	const int64_t s = l->now / 1000;
	int64_t began = batv_counters_created(memory);

	if (recorded(memory, s) + recorded(before, s) <= l->heads)
		began = batv_sent_facts(memory, 0, s).since;
	l->c->began = l->incomplete || began > s ? l->now : began * 1000;
	if (l->c->began <= 0)
		l->c->began = 1;
}

/* Mail that left while there was no usable state has no name that could be told. */
static void note_bare(struct batv_capture *c, struct batv_memory *memory, int64_t now)
{
	const int64_t bare = batv_counters_bare_last(memory);
	const int64_t end = bare < now / 1000 ? (bare + 1) * 1000 : now;

	if (bare != 0 && bare != c->bare && end > c->gap)
		c->gap = end;
	c->bare = bare;
}

/* ---- up to when ---- */

static int64_t until(const struct batv_capture_ring *ring)
{
	int64_t t = ring->known;

	for (size_t i = 0; i < ring->n_missing; i++)
		if (!ring->missing[i].hole && ring->missing[i].before < t)
			t = ring->missing[i].before;
	return t;
}

size_t batv_capture_look(struct batv_capture *c, struct batv_memory *memory,
			 struct batv_memory *before, int64_t now, struct batv_journal_entry *out,
			 size_t room)
{
	struct batv_memory *const files[] = {memory, before};
	struct look l = {.c = c, .now = now, .out = out, .room = room};
	bool readable = file_of(memory) != 0 && (!before || batv_memory_there(before));
	int64_t t = INT64_MAX;

	choose_files(c, file_of(memory), before, now);
	for (unsigned i = 2; i-- > 0;) {
		if (!file_of(files[i]))
			continue;
		l.ring = &c->ring[i];
		l.memory = files[i];
		if (!read_ring(&l))
			readable = false;
		else if (until(l.ring) < t)
			t = until(l.ring);
	}
	if (readable && c->began == 0)
		note_begin(&l, memory, before);
	if (readable) {
		note_bare(c, memory, now);
		c->until = t;
	}
	return l.n;
}

/* ---- stopping and starting ---- */

void batv_capture_save(const struct batv_capture *c, struct batv_capture_place place[static 2])
{
	for (unsigned i = 0; i < 2; i++) {
		const struct batv_capture_ring *ring = &c->ring[i];

		place[i] = (struct batv_capture_place){ring->file, ring->next, ring->failed};
		for (size_t j = 0; j < ring->n_missing; j++)
			if (!ring->missing[j].hole && ring->missing[j].position < place[i].next)
				place[i].next = ring->missing[j].position;
	}
}

void batv_capture_resume(struct batv_capture *c, const struct batv_capture_place place[static 2],
			 bool again)
{
	memset(c, 0, sizeof *c);
	for (unsigned i = 0; i < 2; i++) {
		c->ring[i].file = place[i].file;
		c->ring[i].next = place[i].next;
		c->ring[i].failed = place[i].failed;
		c->ring[i].again = again;
	}
}
