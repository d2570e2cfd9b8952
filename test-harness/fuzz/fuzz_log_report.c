/* links: log/log_report log/log_line log/log_decision log/log_mailed log/log_ranking core/decide/verdict core/decide/policy core/decide/exim_list core/evidence/class core/memory/counters core/memory/access core/memory/header core/tag/tag core/tag/key core/tag/addr core/base/network core/base/hmac core/base/safefile core/base/span */
/*
 * fuzz_log_report.c - any bytes as Exim's main log: what is taken from a line is within it and
 * comes after Exim's own words, and the sums of a report agree.
 */
#include "log_report.h"
#include "reach.h"

enum {
	ELSE,
	ARRIVED,
	DELIVERED,
	DECIDED,
	NO_LINE,
	HOST,
	REFUSED,
	WOULD,
	LOOK,
	STRANGER,
	BOUNCED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {"else",    "arrived",  "delivered", "decided",
					       "no_line", "host",     "refused",   "would",
					       "look",    "stranger", "bounced"};

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
	must(r->rcpts.sum == verdicts && r->hosts.sum == verdicts);
	must(r->would_rcpts.sum == r->figures[BATV_LOG_WOULD]);
	must(r->figures[BATV_LOG_STRANGERS] <= r->figures[BATV_LOG_BOUNCES]);
	must(r->doubtful <= r->figures[BATV_LOG_REFUSED]);
	if (verdicts)
		reached(REFUSED);
	if (r->figures[BATV_LOG_WOULD])
		reached(WOULD);
	if (r->doubtful)
		reached(LOOK);
	if (r->figures[BATV_LOG_STRANGERS])
		reached(STRANGER);
	if (r->bounced.n)
		reached(BOUNCED);
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
	return 0;
}
