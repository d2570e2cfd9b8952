/*
 * log_why.c - finds decisions, and Exim's own lines of the same messages.
 *
 * One pass, in bounded memory.  A decision that matches makes a message, which then takes all lines
 * of its id.  The name of a host is in Exim's own line after the decision, so while a host is
 * wanted, the last decisions wait for that line.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "log_anonymous.h"
#include "log_why.h"
#include "tag/tag.h"

#define WAITING 256    /* decisions that wait for the name of their host */
#define LOOK_BACK 4096 /* bytes before a decision that may have lines of its message */

/* The last `max` messages; the next one goes to at[n % max]. */
struct batv_log_ring {
	uint64_t n;
	size_t max;
	uint64_t *names; /* hashes of their ids */
	struct batv_log_message *at;
};

/* ---- rings ---- */

static uint64_t name_of(struct batv_span id)
{
	return batv_fnv64(BATV_FNV_START, id.p, id.len);
}

static size_t ring_len(const struct batv_log_ring *r)
{
	return r->n < r->max ? (size_t)r->n : r->max;
}

static struct batv_log_ring *ring_new(size_t max)
{
	struct batv_log_ring *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->max = max;
	r->names = calloc(max, sizeof *r->names);
	r->at = calloc(max, sizeof *r->at);
	if (r->names && r->at)
		return r;
	free(r->names);
	free(r->at);
	free(r);
	return NULL;
}

static void ring_free(struct batv_log_ring *r)
{
	if (!r)
		return;
	free(r->names);
	free(r->at);
	free(r);
}

static struct batv_log_message *ring_find(const struct batv_log_ring *r, struct batv_span id,
					  uint64_t name)
{
	size_t n = r ? ring_len(r) : 0;

	for (size_t i = 0; i < n; i++)
		if (r->names[i] == name && batv_span_equal(batv_span_of(r->at[i].id), id))
			return &r->at[i];
	return NULL;
}

/* In the place of the oldest. */
static struct batv_log_message *ring_add(struct batv_log_ring *r, struct batv_span id,
					 uint64_t name)
{
	size_t at = (size_t)(r->n++ % r->max);

	r->names[at] = name;
	memset(&r->at[at], 0, sizeof r->at[at]);
	memcpy(r->at[at].id, id.p, id.len);
	return &r->at[at];
}

/* ---- copies ---- */

/* For people: what is not printable ASCII becomes "?". */
static size_t show(struct batv_span s, char *out, size_t size)
{
	bool whole = s.len < size;
	size_t n = whole ? s.len : size - 4;

	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
	if (!whole) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
	return n;
}

/* The addresses in a decision, as they may be shown. */
static void show_addresses(const struct batv_log_why *w, const struct batv_log_decision *d,
			   struct batv_log_told *t)
{
	char domain[BATV_ADDR_SIZE], network[BATV_LOG_HOST_SIZE];

	if (!w->anonymous) {
		show(d->host, t->host, sizeof t->host);
		show(d->rcpt, t->rcpt, sizeof t->rcpt);
		show(d->msgid, t->msgid, sizeof t->msgid);
		return;
	}
	batv_log_anonymous_address(d->rcpt, domain);
	batv_log_anonymous_host(d->host, network);
	show(batv_span_of(domain), t->rcpt, sizeof t->rcpt);
	show(batv_span_of(network), t->host, sizeof t->host);
	show(batv_span_of("-"), t->msgid, sizeof t->msgid);
}

static void add_decision(const struct batv_log_why *w, struct batv_log_message *m,
			 const struct batv_log_decision *d, int64_t when)
{
	struct batv_log_told *t;

	m->decisions++;
	if (m->n_decisions == BATV_LOG_WHY_DECISIONS)
		return;
	t = &m->told[m->n_decisions++];
	t->when = when;
	t->verdict = d->verdict;
	t->action = d->action;
	t->reason = d->reason;
	show(d->proof, t->proof, sizeof t->proof);
	show(d->class, t->class, sizeof t->class);
	show_addresses(w, d, t);
}

/* Date and clock, then what comes after the id. */
static void add_line(const struct batv_log_why *w, struct batv_log_message *m,
		     const struct batv_log_line *line, struct batv_span text)
{
	const char *end = text.p + text.len, *rest = line->id.p + line->id.len + 1;
	char *out;
	size_t n;

	m->lines++;
	if (m->n_lines == BATV_LOG_WHY_LINES || w->anonymous)
		return;
	out = m->line[m->n_lines++];
	n = show(line->date, out, BATV_LOG_WHY_LINE);
	out[n++] = ' ';
	n += show(line->clock, out + n, BATV_LOG_WHY_LINE - n);
	out[n++] = ' ';
	show(batv_span_between(rest, end), out + n, BATV_LOG_WHY_LINE - n);
}

/* ---- does it match? ---- */

bool batv_log_why_address(struct batv_log_why *w, const char *address)
{
	char bare[BATV_ADDR_SIZE];
	const size_t len = strlen(address);
	struct batv_addr parsed;

	if (batv_addr_parse(address, len, &parsed) != BATV_OK)
		return false;
	w->kind = BATV_LOG_WHY_ADDRESS;
	if (batv_tag_bare(address, len, bare, sizeof bare) == BATV_OK && strlen(bare) < len)
		w->kind = BATV_LOG_WHY_TAGGED;
	batv_printable(batv_span_of(address), w->text, sizeof w->text);
	return true;
}

static bool is_address(const struct batv_log_why *w, struct batv_span rcpt)
{
	char bare[BATV_ADDR_SIZE];

	if (w->kind == BATV_LOG_WHY_ADDRESS &&
	    batv_tag_bare(rcpt.p, rcpt.len, bare, sizeof bare) == BATV_OK)
		return batv_span_equal_fold(batv_span_of(bare), batv_span_of(w->text));
	return batv_span_equal_fold(rcpt, batv_span_of(w->text));
}

/* One address may be written in several ways. */
static bool same_address(const char *a, const char *b)
{
	struct in6_addr x, y;

	if (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1)
		return memcmp(&x, &y, sizeof x) == 0;
	return strcmp(a, b) == 0;
}

static bool is_host(const struct batv_log_why *w, struct batv_span host)
{
	char text[64];

	show(host, text, sizeof text);
	for (size_t i = 0; i < w->n_hosts; i++)
		if (same_address(text, w->hosts[i]))
			return true;
	return false;
}

/* A delivery, a delay or a failure: its host is one that takes the message. */
static bool is_delivery(const struct batv_log_line *line)
{
	const char *mark = line->id.p + line->id.len + 1, *end = line->rest.p + line->rest.len;
	struct batv_span after = batv_span_between(mark, end);

	return line->mark == BATV_LOG_DELIVERED || batv_span_begins(after, "== ") ||
	       batv_span_begins(after, "** ");
}

/* Does the line name the host that sent the message? */
static bool is_peer(const struct batv_log_why *w, const struct batv_log_line *line)
{
	const struct batv_span text = batv_span_of(w->text);
	struct batv_log_peer peer;

	return !is_delivery(line) && batv_log_line_peer(line->rest, &peer) &&
	       ((peer.name.len > 0 && batv_span_equal_fold(peer.name, text)) ||
		(peer.helo.len > 0 && batv_span_equal_fold(peer.helo, text)));
}

static bool is_wanted(const struct batv_log_why *w, const struct batv_log_decision *d,
		      struct batv_span id)
{
	switch (w->kind) {
	case BATV_LOG_WHY_ID: return batv_span_equal(id, batv_span_of(w->text));
	case BATV_LOG_WHY_ADDRESS:
	case BATV_LOG_WHY_TAGGED: return is_address(w, d->rcpt);
	case BATV_LOG_WHY_HOST: return is_host(w, d->host);
	}
	return false;
}

/* ---- lines ---- */

/* What Exim logged of a message before its decision: lines in the block, in their order. */
static void look_back(const struct batv_log_why *w, struct batv_log_message *m,
		      struct batv_span block, struct batv_span text)
{
	struct batv_span before = batv_span_between(block.p, text.p), one;
	const char *start;

	if (before.len > LOOK_BACK) {
		before = batv_span_after(before, before.len - LOOK_BACK);
		start = memchr(before.p, '\n', before.len);
		before = batv_span_after(before,
					 start ? (size_t)(start + 1 - before.p) : before.len);
	}
	while (batv_span_next_line(&before, &one)) {
		struct batv_log_line line;

		batv_log_line_read(one, &line);
		if (line.mark != BATV_LOG_DECIDED && batv_span_equal(line.id, batv_span_of(m->id)))
			add_line(w, m, &line, one);
	}
}

static struct batv_log_message *make(struct batv_log_why *w, struct batv_log_ring *ring,
				     const struct batv_log_line *line, int64_t when)
{
	struct batv_log_message *m = ring_add(ring, line->id, name_of(line->id));

	m->when = when;
	m->matched = ring == w->kept;
	w->found += m->matched;
	return m;
}

static void take_decision(struct batv_log_why *w, const struct batv_log_line *line, int64_t when,
			  struct batv_log_message *m, struct batv_span block, struct batv_span text)
{
	struct batv_log_decision d;
	bool wanted;

	if (!batv_log_decision_read(line->rest, &d) || when < w->since || when >= w->until)
		return;
	w->decisions++;
	wanted = is_wanted(w, &d, line->id);
	if (!m && !wanted && !w->waiting)
		return;
	if (!m) {
		m = make(w, wanted ? w->kept : w->waiting, line, when);
		look_back(w, m, block, text);
	}
	if (wanted || w->kind == BATV_LOG_WHY_HOST)
		add_decision(w, m, &d, when);
}

/* A message whose host has got its name. */
static void promote(struct batv_log_why *w, struct batv_log_message *waiting)
{
	const struct batv_span id = batv_span_of(waiting->id);
	struct batv_log_message *m = ring_add(w->kept, id, name_of(id));

	*m = *waiting;
	m->matched = true;
	w->found++;
	waiting->id[0] = '\0'; /* found no more */
}

static void take_other(struct batv_log_why *w, const struct batv_log_line *line, int64_t when,
		       struct batv_log_message *m, struct batv_span text)
{
	bool wanted = w->kind == BATV_LOG_WHY_ID && when >= w->since && when < w->until &&
		      batv_span_equal(line->id, batv_span_of(w->text));

	if (!m && wanted)
		m = make(w, w->kept, line, when);
	if (!m)
		return;
	add_line(w, m, line, text);
	if (!m->matched && is_peer(w, line))
		promote(w, m);
}

static void take_line(struct batv_log_why *w, struct batv_span block, struct batv_span text)
{
	struct batv_log_message *m;
	struct batv_log_line line;
	uint64_t name;
	int64_t when;

	batv_log_line_read(text, &line);
	if (line.mark == BATV_LOG_NO_LINE || !batv_log_line_seconds(&line, &when))
		return;
	if (w->first == 0 || when < w->first)
		w->first = when;
	if (when > w->last)
		w->last = when;
	if (!batv_log_line_is_id(line.id))
		return;
	name = name_of(line.id);
	m = ring_find(w->kept, line.id, name);
	if (!m)
		m = ring_find(w->waiting, line.id, name);
	if (line.mark == BATV_LOG_DECIDED)
		take_decision(w, &line, when, m, block, text);
	else
		take_other(w, &line, when, m, text);
}

void batv_log_why_lines(struct batv_log_why *w, struct batv_span lines)
{
	struct batv_span rest = lines, text;

	while (batv_span_next_line(&rest, &text)) {
		w->lines++;
		take_line(w, lines, text);
	}
}

/* ---- begin and end ---- */

bool batv_log_why_start(struct batv_log_why *w)
{
	bool by_name = w->kind == BATV_LOG_WHY_HOST && *w->text;

	w->kept = ring_new(w->top);
	w->waiting = by_name ? ring_new(WAITING) : NULL;
	if (w->kept && (w->waiting || !by_name))
		return true;
	batv_log_why_end(w);
	return false;
}

void batv_log_why_end(struct batv_log_why *w)
{
	ring_free(w->kept);
	ring_free(w->waiting);
	w->kept = w->waiting = NULL;
}

size_t batv_log_why_kept(const struct batv_log_why *w)
{
	return ring_len(w->kept);
}

const struct batv_log_message *batv_log_why_message(const struct batv_log_why *w, size_t i)
{
	return &w->kept->at[(w->kept->n - ring_len(w->kept) + i) % w->kept->max];
}
