/*
 * outgoing.c - this host's own parcels.
 *
 * Invariants, which member.h and parcel.h rest on: names are in their file before a parcel with
 * them is numbered.  A numbered parcel is appended to each server that is OK, in order, and kept.
 * What the next start must know of a mark is on disk before the first parcel after it leaves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "memory/journal.h"
#include "outgoing.h"
#include "report.h"
#include "row_share.h"
#include "station.h"

#define TURN_BATCHES 20           /* of items, in one turn */
#define TURN_REPEATS 8            /* parcels of old names, in one turn */
#define QUIET (UINT32_C(1) << 20) /* bytes that wait at a server: old names wait, too */
#define DUE_MAX 32
/* Old names of all hosts together: so many at once, then so many a second.  The servers keep them
 * for 15 minutes: 60 MB, and 370 MB more. */
#define BURST INT64_C(3000000)
#define PER_SECOND INT64_C(20000)

struct batv_outgoing {
	uint8_t sealed[BATV_PARCEL_SIZE_MAX], payload[BATV_PARCEL_PAYLOAD_MAX];
	struct batv_journal_entry entry[BATV_PAYLOAD_ITEMS_MAX];
	size_t n;                      /* entries that are not in the files of names yet */
	bool missed[BATV_SERVERS_MAX]; /* it missed a parcel, because too much was waiting */
	uint64_t saved_mark;
	struct {
		bool on;
		unsigned day;
		size_t index;
		int64_t may, since; /* so many names all may send, at the tick `since` */
	} repeat;
	uint64_t resend_at, resend_to;     /* 0: nothing */
	uint8_t row[BATV_PARCEL_SIZE_MAX]; /* sealed, as it is in the hash */
	size_t row_len;
	char *row_text; /* from malloc */
	size_t row_text_len;
	bool left, left_told;
	struct batv_payload_forget forgotten[64];
	unsigned n_forgotten;
	uint64_t asked[BATV_ROW_SHARE_FORGET_MAX]; /* whom the last row forgot */
	unsigned n_asked;
};

struct batv_outgoing *batv_outgoing_new(void)
{
	struct batv_outgoing *out = calloc(1, sizeof *out);

	if (out)
		out->repeat.may = BURST;
	return out;
}

void batv_outgoing_free(struct batv_outgoing *out)
{
	if (out)
		free(out->row_text);
	free(out);
}

/* ---- servers ---- */

static bool is_ok(const struct batv_station *st, unsigned server)
{
	return batv_engine_status(st->engine, server)->state == BATV_ENGINE_OK;
}

static bool any_ok(const struct batv_station *st)
{
	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++)
		if (is_ok(st, i))
			return true;
	return false;
}

static bool all_quiet(const struct batv_station *st)
{
	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++)
		if (is_ok(st, i) && batv_engine_waiting(st->engine, i) > QUIET)
			return false;
	return true;
}

static void append_everywhere(struct batv_station *st, struct batv_span bytes)
{
	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++)
		if (is_ok(st, i) && !batv_engine_append(st->engine, i, BATV_ENGINE_LIVE, bytes, 0))
			st->outgoing->missed[i] = true;
}

/* A server that missed something gets all that is kept, when it has caught up. */
static void mend_those_that_missed(struct batv_station *st)
{
	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++)
		if (st->outgoing->missed[i] && is_ok(st, i) &&
		    batv_engine_waiting(st->engine, i) == 0) {
			st->outgoing->missed[i] = false;
			batv_member_back(&st->member);
		}
}

/* ---- for the next start ---- */

static bool save_text(struct batv_station *st, const char *name, enum batv_err made, char *text,
		      size_t len)
{
	enum batv_err err = made;

	if (made == BATV_OK)
		err = batv_own_files_write(&st->own, name, text, len);
	free(made == BATV_OK ? text : NULL);
	return err == BATV_OK || err == BATV_E_SYNC;
}

static bool save_member(struct batv_station *st)
{
	char *text = NULL;
	size_t len = 0;
	enum batv_err made = batv_member_write(&st->member, &text, &len);
	bool ok = save_text(st, "member", made, text, len);

	if (ok && st->member.n_marks)
		st->outgoing->saved_mark = st->member.mark[st->member.n_marks - 1].position;
	return ok;
}

bool batv_outgoing_save(struct batv_station *st)
{
	char *text = NULL;
	size_t len = 0;
	enum batv_err made;

	batv_sent_names_sync(&st->names);
	made = batv_roster_text_write(&st->roster, &text, &len);
	if (!save_text(st, "roster", made, text, len) || !save_member(st))
		return false;
	st->roster.urgent = false;
	/* Entries that are not in the files of names yet are read again. */
	return st->outgoing->n || batv_capture_file_save(&st->own, &st->capture);
}

/* ---- one parcel ---- */

static bool mark_is_saved(struct batv_station *st)
{
	const struct batv_member *m = &st->member;

	return !m->n_marks || m->mark[m->n_marks - 1].position == st->outgoing->saved_mark ||
	       save_member(st);
}

/* Numbers, seals, keeps and appends.  The payload is in out->payload.  Returns the sealed length.
 */
static size_t post(struct batv_station *st, enum batv_parcel_kind kind, uint16_t day,
		   uint16_t count, size_t len, int64_t until)
{
	struct batv_outgoing *out = st->outgoing;
	struct batv_parcel parcel;
	size_t sealed;

	if (!batv_member_next(&st->member, kind, day, count, until, batv_station_today(st), st->now,
			      &parcel)) {
		st->exhausted = true;
		return 0;
	}
	sealed = batv_parcel_seal(st->sealer, &parcel,
				  (struct batv_span){(const char *)out->payload, len}, out->sealed);
	if (!sealed || !mark_is_saved(st))
		return 0; /* a gap, which AGAIN closes */
	(void)batv_kept_add(&st->kept, parcel.position,
			    (struct batv_span){(const char *)out->sealed, sealed}, st->now);
	st->member.kept_from = batv_kept_from(&st->kept);
	append_everywhere(st, (struct batv_span){(const char *)out->sealed, sealed});
	return sealed;
}

/* ---- what this host recorded ---- */

/* The day of a name, as far from today as it may be. */
static uint16_t day_of(const struct batv_station *st, uint16_t day)
{
	return (uint16_t)batv_payload_day(day, batv_station_today(st), batv_station_days(st));
}

/* Takes the entries of one day from the front on, as long as they are of that day. */
static size_t take_day(struct batv_station *st, size_t from, uint16_t *day)
{
	struct batv_outgoing *out = st->outgoing;
	size_t n = 0;

	*day = day_of(st, out->entry[from].day);
	for (; from + n < out->n && day_of(st, out->entry[from + n].day) == *day; n++)
		batv_payload_put_item(out->payload + n * BATV_PAYLOAD_ITEM_LEN,
				      out->entry[from + n].kind, out->entry[from + n].name);
	return n;
}

static void names_failed(struct batv_station *st)
{
	if (!st->stuck)
		batv_report(LOG_ERR,
			    "%s/sent: cannot write what was sent: %s; the other hosts are told "
			    "when it can be written",
			    st->own.path, strerror(errno));
	st->stuck = st->changed = true;
}

/* The last one of a batch carries what the batch promises.  False: the disk refuses. */
static bool post_batch(struct batv_station *st, int64_t until)
{
	struct batv_outgoing *out = st->outgoing;
	uint16_t day;

	for (size_t from = 0; from < out->n;) {
		size_t n = take_day(st, from, &day);

		if (!batv_sent_names_add(&st->names, day, out->payload, n)) {
			out->n -= from;
			memmove(out->entry, out->entry + from, out->n * sizeof out->entry[0]);
			names_failed(st);
			return false;
		}
		from += n;
		st->counts.sent += n;
		if (!out->left)
			post(st, BATV_PARCEL_ITEMS, day, (uint16_t)n, n * BATV_PAYLOAD_ITEM_LEN,
			     from == out->n ? until : 0);
	}
	out->n = 0;
	if (st->stuck)
		batv_report(LOG_NOTICE, "%s/sent: can be written again", st->own.path);
	st->stuck = false;
	return true;
}

/* No promise passes a gap that the others were not told of. */
static int64_t promise(const struct batv_station *st)
{
	const struct batv_capture *c = &st->capture;

	return c->gap == st->gap_told && c->began == st->began_told ? c->until : 0;
}

/* Returns the promise: all that was recorded before it is in the parcels so far.  0: none. */
static int64_t post_items(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;
	struct batv_memory *before = batv_memory_there(&st->before) ? &st->before : NULL;
	bool more = true;

	if (out->n && !post_batch(st, 0))
		return 0;
	for (int i = 0; more && i < TURN_BATCHES; i++) {
		out->n = batv_capture_look(&st->capture, &st->memory, before, st->now, out->entry,
					   BATV_PAYLOAD_ITEMS_MAX);
		more = out->n == BATV_PAYLOAD_ITEMS_MAX;
		if (out->n && !post_batch(st, more ? 0 : promise(st)))
			return 0;
	}
	return more ? 0 : promise(st);
}

/* ---- sent again ---- */

static void resend(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;
	const struct batv_kept_one *one;

	while (out->resend_to && all_quiet(st)) {
		one = batv_kept_find(&st->kept, out->resend_at);
		if (!one || one->position > out->resend_to) {
			out->resend_at = out->resend_to = 0;
			return;
		}
		append_everywhere(st, (struct batv_span){(const char *)one->bytes, one->len});
		out->resend_at = one->position + 1;
	}
}

static void start_repeat(struct batv_station *st, unsigned day_from)
{
	struct batv_outgoing *out = st->outgoing;
	const unsigned today = batv_station_today(st), days = batv_station_days(st) + 2;
	const unsigned oldest = today > days ? today - days : 0;

	out->repeat.on = true;
	out->repeat.day = day_from > oldest ? day_from : oldest;
	out->repeat.index = 0;
	batv_report(LOG_NOTICE,
		    "sending again what this host sent in the last %u days, for hosts that lack it",
		    today >= out->repeat.day ? today - out->repeat.day + 1 : 1);
}

static void post_row(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;
	char host[17];

	if (!out->row_text_len || out->left)
		return;
	memcpy(out->payload, out->row_text, out->row_text_len);
	out->row_len = post(st, BATV_PARCEL_ROW, 0, 0, out->row_text_len, 0);
	memcpy(out->row, out->sealed, out->row_len);
	(void)batv_rows_put(&st->rows, st->own.host, st->member.last,
			    (struct batv_span){out->row_text, out->row_text_len}, st->now / 1000);
	snprintf(host, sizeof host, "%016" PRIx64, st->own.host);
	for (unsigned i = 0; out->row_len && i < batv_engine_servers(st->engine); i++)
		(void)batv_engine_put(st->engine, i, BATV_ENGINE_ROWS, batv_span_of(host),
				      (struct batv_span){(const char *)out->row, out->row_len}, 0);
}

static void post_forget(struct batv_station *st, const struct batv_payload_forget *forget)
{
	batv_payload_put_forget(st->outgoing->payload, forget);
	post(st, BATV_PARCEL_FORGET, 0, 0, BATV_PAYLOAD_FORGET_LEN, 0);
}

static void end_repeat(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;

	post_row(st);
	for (unsigned i = 0; i < out->n_forgotten; i++)
		post_forget(st, &out->forgotten[i]);
	batv_member_repeated(&st->member, st->now, out->payload);
	post(st, BATV_PARCEL_AGAIN, 0, 0, BATV_PAYLOAD_AGAIN_LEN, 0);
	out->repeat.on = false;
}

/* Each name of this host counts as one of every host: they all send at the same time. */
static bool may_repeat(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;
	const int64_t passed = st->tick - out->repeat.since;

	if (passed > 0)
		out->repeat.may += passed * PER_SECOND / 1000;
	if (out->repeat.may > BURST)
		out->repeat.may = BURST;
	out->repeat.since = st->tick;
	return out->repeat.may > 0;
}

static void repeat(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;
	const unsigned last = batv_station_today(st) + 1u;

	if (!out->repeat.on || !may_repeat(st))
		return;
	for (int i = 0; out->repeat.on && i < TURN_REPEATS && all_quiet(st); i++) {
		size_t n;

		out->repeat.day = batv_sent_names_next(&st->names, out->repeat.day, last);
		if (out->repeat.day > last) {
			end_repeat(st);
			return;
		}
		n = batv_sent_names_read(&st->names, (uint16_t)out->repeat.day, out->repeat.index,
					 out->payload, BATV_PAYLOAD_ITEMS_MAX);
		if (n)
			post(st, BATV_PARCEL_ITEMS, (uint16_t)out->repeat.day, (uint16_t)n,
			     n * BATV_PAYLOAD_ITEM_LEN, 0);
		out->repeat.index += n;
		out->repeat.may -= (int64_t)(n * (st->roster.n + 1));
		if (n < BATV_PAYLOAD_ITEMS_MAX) {
			out->repeat.day++;
			out->repeat.index = 0;
		}
	}
}

/* ---- leaving ---- */

/* Once nothing waits at a server that is OK, that one has the last parcel: that this host leaves.
 */
static void look_whether_told(struct batv_station *st)
{
	struct batv_outgoing *out = st->outgoing;

	for (unsigned i = 0; !out->left_told && i < batv_engine_servers(st->engine); i++)
		if (is_ok(st, i) && !out->missed[i] && batv_engine_waiting(st->engine, i) == 0)
			out->left_told = st->changed = true;
}

bool batv_outgoing_has_left(const struct batv_station *st)
{
	return st->outgoing->left && st->outgoing->left_told;
}

/* ---- what is due ---- */

static void do_due(struct batv_station *st, const struct batv_member_todo *todo, int64_t until)
{
	struct batv_outgoing *out = st->outgoing;
	size_t len = 0;
	uint16_t count;

	switch (todo->act) {
	case BATV_MEMBER_WAIT: break;
	case BATV_MEMBER_BEAT: post(st, BATV_PARCEL_BEAT, 0, 0, 0, until); break;
	case BATV_MEMBER_MEMBERS:
		count = batv_member_members(&st->member, out->payload, &len);
		post(st, BATV_PARCEL_MEMBERS, 0, count, len, until);
		break;
	case BATV_MEMBER_ASK:
		count = batv_member_ask(&st->member, st->now, out->payload, &len);
		post(st, BATV_PARCEL_ASK, 0, count, len, until);
		break;
	case BATV_MEMBER_RESEND:
		out->resend_at = todo->from;
		out->resend_to = todo->to;
		break;
	case BATV_MEMBER_REPEAT: start_repeat(st, todo->day_from); break;
	}
}

static void post_due(struct batv_station *st, int64_t until)
{
	struct batv_member_todo todo;

	for (int i = 0; i < DUE_MAX && !st->outgoing->resend_to && !st->exhausted; i++) {
		todo = batv_member_due(&st->member, st->now);
		if (todo.act == BATV_MEMBER_WAIT)
			return;
		do_due(st, &todo, until);
		resend(st);
	}
}

void batv_outgoing_work(struct batv_station *st)
{
	int64_t until = post_items(st);

	batv_kept_expire(&st->kept, st->now);
	st->member.kept_from = batv_kept_from(&st->kept);
	st->member.reading = st->deaf;
	if (st->outgoing->left)
		look_whether_told(st);
	if (!any_ok(st) || st->outgoing->left || st->exhausted)
		return;
	mend_those_that_missed(st);
	resend(st);
	post_due(st, until);
	repeat(st);
}

/* ---- news ---- */

void batv_outgoing_server(struct batv_station *st, unsigned server)
{
	char host[17];

	batv_member_back(&st->member);
	if (st->outgoing->left) {
		if (!st->outgoing->left_told)
			post(st, BATV_PARCEL_LEAVE, 0, 0, 0, 0);
		return;
	}
	if (!st->outgoing->row_len)
		return;
	snprintf(host, sizeof host, "%016" PRIx64, st->own.host);
	(void)batv_engine_put(
		st->engine, server, BATV_ENGINE_ROWS, batv_span_of(host),
		(struct batv_span){(const char *)st->outgoing->row, st->outgoing->row_len}, 0);
}

void batv_outgoing_row(struct batv_station *st, struct batv_span text)
{
	struct batv_outgoing *out = st->outgoing;
	char *copy = malloc(text.len + 1);

	if (!copy || text.len > BATV_PARCEL_PAYLOAD_MAX) {
		free(copy);
		return;
	}
	memcpy(copy, text.p, text.len);
	free(out->row_text);
	out->row_text = copy;
	out->row_text_len = text.len;
	post_row(st);
	st->changed = true;
}

void batv_outgoing_leave(struct batv_station *st, bool leave)
{
	if (st->outgoing->left == leave)
		return;
	if (leave)
		post(st, BATV_PARCEL_LEAVE, 0, 0, 0, 0);
	else
		st->exhausted = true; /* back, as after a start: what was not sent is owed */
	st->outgoing->left = leave;
	st->outgoing->left_told = false;
	st->changed = true;
}

/* The place for a host that is forgotten, perhaps again. */
static struct batv_payload_forget *place_for(struct batv_outgoing *out, uint64_t host)
{
	for (unsigned i = 0; i < out->n_forgotten; i++)
		if (out->forgotten[i].host == host)
			return &out->forgotten[i];
	if (out->n_forgotten == sizeof out->forgotten / sizeof out->forgotten[0])
		return NULL;
	return &out->forgotten[out->n_forgotten++];
}

/* Until now it may have sent what nobody heard of. */
static void forget(struct batv_station *st, uint64_t host)
{
	const struct batv_roster_member *m = batv_roster_find(&st->roster, host);
	struct batv_payload_forget *place;

	if (!m || m->state == BATV_ROSTER_FORGOTTEN)
		return;
	place = place_for(st->outgoing, host);
	if (!place)
		return;
	*place = (struct batv_payload_forget){
		.host = host, .lost = st->now, .position = batv_roster_last(m), .until = m->latest};
	batv_roster_forget(&st->roster, place);
	batv_rows_drop(&st->rows, host);
	post_forget(st, place);
	st->changed = true;
}

void batv_outgoing_forget(struct batv_station *st, const uint64_t *hosts, unsigned n)
{
	struct batv_outgoing *out = st->outgoing;

	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < out->n_asked && out->asked[k] != hosts[i])
			k++;
		if (k == out->n_asked)
			forget(st, hosts[i]);
	}
	memcpy(out->asked, hosts, n * sizeof hosts[0]);
	out->n_asked = n;
}
