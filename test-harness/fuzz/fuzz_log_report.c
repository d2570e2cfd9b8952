/* links: log/log_anonymous log/log_report log/log_why log/log_line log/log_decision log/log_mailed log/log_ranking core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/evidence/class core/memory/counters core/memory/access core/memory/header core/tag/tag core/tag/key core/tag/addr core/base/network core/base/hmac core/base/safefile core/base/span */
/*
 * fuzz_log_report.c - any bytes as Exim's main log: what is taken from a line is within it and
 * comes after Exim's own words, the sums of a report agree, and a decision is found by its id,
 * recipient and host.
 */
#include "log_report.h"
#include "log_why.h"
#include "reach.h"

enum {
	ELSE,
	ARRIVED,
	DELIVERED,
	DECIDED,
	UNREAD,
	NO_LINE,
	HOST,
	REFUSED,
	UNREAD_REFUSED,
	UNREAD_DEFERRED,
	WOULD,
	LOOK,
	STRANGER,
	BOUNCED,
	WHY_ID,
	WHY_ADDRESS,
	WHY_TAGGED,
	WHY_HOST,
	WHY_NAME,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"else",        "arrived",    "delivered", "decided",        "unread",
	"no_line",     "host",       "refused",   "unread_refused", "unread_deferred",
	"would",       "look",       "stranger",  "bounced",        "why_id",
	"why_address", "why_tagged", "why_host",  "why_name"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_within(struct batv_span inner, struct batv_span outer)
{
	return inner.len == 0 || (inner.p >= outer.p && inner.p + inner.len <= outer.p + outer.len);
}

static void check_line(struct batv_span text)
{
	struct batv_log_line line;
	struct batv_span rest, address, host;

	batv_log_line_read(text, &line);
	must((unsigned)line.mark <= BATV_LOG_NO_LINE);
	reached(line.mark);
	must(is_within(line.date, text) && is_within(line.clock, text) &&
	     is_within(line.id, text) && is_within(line.rest, text));
	must(line.id.len == 0 || line.id.len == 16 || line.id.len == 23);
	if (line.mark == BATV_LOG_DECIDED) /* nothing but date, zone, process and id is before it */
		must(line.id.p + line.id.len + 7 == line.rest.p && line.id.p <= text.p + 64);
	rest = line.rest;
	address = batv_log_line_address(&rest);
	must(is_within(address, line.rest) && is_within(rest, line.rest));
	if (batv_log_line_host(line.rest, &host)) {
		must(is_within(host, line.rest) && host.p[-1] == '[' && host.p[host.len] == ']');
		reached(HOST);
	}
}

static void check_sums(const struct batv_log_report *r)
{
	uint64_t sums[BATV_LOG_FIGURES] = {0}, verdicts = 0;

	for (size_t i = 0; i < r->n_days; i++) {
		must(i == 0 || r->days[i - 1].day < r->days[i].day);
		for (int f = 0; f < BATV_LOG_FIGURES; f++)
			sums[f] += r->days[i].figures[f];
	}
	for (int f = 0; f < BATV_LOG_FIGURES; f++)
		must(sums[f] == r->figures[f]);
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		verdicts += r->verdicts[v];
	must(verdicts == r->figures[BATV_LOG_REFUSED]);
	must(r->rcpts.sum == batv_log_report_refused(r->figures) &&
	     r->hosts.sum == batv_log_report_refused(r->figures));
	must(r->would_rcpts.sum == r->figures[BATV_LOG_WOULD]);
	must(r->figures[BATV_LOG_STRANGERS] <= r->figures[BATV_LOG_BOUNCES]);
	must(r->doubtful <= r->figures[BATV_LOG_REFUSED]);
	if (verdicts)
		reached(REFUSED);
	if (r->figures[BATV_LOG_UNREAD_REFUSED])
		reached(UNREAD_REFUSED);
	if (r->figures[BATV_LOG_UNREAD_DEFERRED])
		reached(UNREAD_DEFERRED);
	if (r->figures[BATV_LOG_WOULD])
		reached(WOULD);
	if (r->doubtful)
		reached(LOOK);
	if (r->figures[BATV_LOG_STRANGERS])
		reached(STRANGER);
	if (r->bounced.n)
		reached(BOUNCED);
}

/* ---- why ---- */

static void check_text(const char *text, size_t size)
{
	must(strnlen(text, size) < size);
	for (; *text; text++)
		must((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f);
}

static void check_message(const struct batv_log_message *m)
{
	must(m->matched && batv_log_line_is_id(batv_span_of(m->id)));
	must(m->n_decisions <= BATV_LOG_WHY_DECISIONS && m->n_decisions <= m->decisions);
	must(m->n_lines <= BATV_LOG_WHY_LINES && m->n_lines <= m->lines);
	for (size_t i = 0; i < m->n_decisions; i++) {
		check_text(m->told[i].rcpt, sizeof m->told[i].rcpt);
		check_text(m->told[i].host, sizeof m->told[i].host);
		check_text(m->told[i].class, sizeof m->told[i].class);
		check_text(m->told[i].msgid, sizeof m->told[i].msgid);
	}
	for (size_t i = 0; i < m->n_lines; i++)
		check_text(m->line[i], sizeof m->line[i]);
}

/* Returns how many messages match. */
static uint64_t look_for(struct batv_log_why *w, struct batv_span all)
{
	w->since = INT64_MIN;
	w->until = INT64_MAX;
	w->top = 2;
	must(batv_log_why_start(w));
	batv_log_why_lines(w, all);
	must(batv_log_why_kept(w) == (w->found < 2 ? w->found : 2));
	for (size_t i = 0; i < batv_log_why_kept(w); i++)
		check_message(batv_log_why_message(w, i));
	batv_log_why_end(w);
	return w->found;
}

static bool copy(struct batv_span s, char *out, size_t size)
{
	if (s.len == 0 || s.len >= size || batv_span_has_control(s))
		return false;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

/* The first decision of the input is found by all that it has. */
static void check_decision(const struct batv_log_line *line, const struct batv_log_decision *d,
			   struct batv_span all)
{
	struct batv_log_why w = {.kind = BATV_LOG_WHY_ID};
	char rcpt[BATV_ADDR_SIZE];

	if (copy(line->id, w.text, sizeof w.text) && batv_log_line_is_id(line->id)) {
		must(look_for(&w, all) >= 1);
		reached(WHY_ID);
	}
	w = (struct batv_log_why){.kind = BATV_LOG_WHY_HOST, .n_hosts = 1};
	if (copy(d->host, w.hosts[0], sizeof w.hosts[0])) {
		(void)look_for(&w, all);
		reached(WHY_HOST);
	}
	w = (struct batv_log_why){0};
	if (copy(d->rcpt, rcpt, sizeof rcpt) && !strchr(rcpt, '\\') &&
	    batv_log_why_address(&w, rcpt)) {
		(void)look_for(&w, all);
		reached(w.kind == BATV_LOG_WHY_TAGGED ? WHY_TAGGED : WHY_ADDRESS);
	}
}

static void check_why(struct batv_span all)
{
	struct batv_log_why by_name = {.kind = BATV_LOG_WHY_HOST, .text = "mx.test"};
	struct batv_span rest = all, text;
	struct batv_log_decision d;
	struct batv_log_line line;
	int64_t when;

	if (look_for(&by_name, all) > 0)
		reached(WHY_NAME);
	while (batv_span_next_line(&rest, &text)) {
		batv_log_line_read(text, &line);
		if (line.mark != BATV_LOG_DECIDED || !batv_log_line_seconds(&line, &when) ||
		    !batv_log_decision_read(line.rest, &d))
			continue;
		check_decision(&line, &d, all);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct batv_keyring ring = {
		.n_keys = 1, .keys = {{.number = 6, .day = 123, .from = 0, .destroy = INT64_MAX}}};
	struct batv_span all = {(const char *)data, size}, rest = all, text;
	struct batv_log_report report = {
		.until = INT64_MAX, .keys = &ring, .anonymous = size % 8 == 7};

	while (batv_span_next_line(&rest, &text))
		check_line(text);
	must(batv_log_report_start(&report));
	batv_log_report_lines(&report, all);
	check_sums(&report);
	batv_log_report_end(&report);
	check_why(all);
	return 0;
}
