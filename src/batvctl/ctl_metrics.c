/*
 * ctl_metrics.c - batvctl metrics: what status knows, as text for Prometheus (format 0.0.4).
 *
 * Invariants: the text is made as a whole before any of it is written.  Label values are names of
 * enums, so all series exist from the first time on, and nothing in a label comes from mail.  A
 * counter only falls if what it counts was lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_output.h"
#include "ctl_status.h"
#include "decide/flood.h"
#include "memory/counters.h"
#include "memory_fill.h"

struct page {
	struct batv_status *s;
	FILE *out;
};

/* ---- the format ---- */

static void family(const struct page *p, const char *name, const char *type, const char *help)
{
	fprintf(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(const struct page *p, const char *name, const char *help, int64_t value)
{
	family(p, name, "gauge", help);
	fprintf(p->out, "%s %" PRId64 "\n", name, value);
}

/* ---- how it is ---- */

static void put_parts(const struct page *p)
{
	const struct batv_status *s = p->s;

	family(p, "batv_build_info", "gauge", "The version of batvctl.");
	fputs("batv_build_info{version=\"" BATV_VERSION "\"} 1\n", p->out);
	gauge(p, "batv_daemon_up", "Is batvd running? 0 also if this user may not look.",
	      s->daemon == BATV_YES);
	gauge(p, "batv_daemon_looked_timestamp_seconds",
	      "When batvd looked last, which it does every 15 seconds; 0: not known.", s->looked);
	gauge(p, "batv_exim_called_timestamp_seconds",
	      "When Exim last called exim-batv for a message; 0: never, or not known.",
	      batv_ctl_status_called(p->s));
	gauge(p, "batv_problems", "Problems that batvctl status finds without asking Exim.",
	      (int64_t)s->n_problems);
	gauge(p, "batv_observe_file", "Does the file observe exist? Then nothing is refused.",
	      s->observe);
}

/* The secret file is only for root and its owner.  The state names what is in force. */
static const char *fingerprint_of(const struct batv_status *s)
{
	return !*s->fingerprint && s->state_read ? s->state.state.fingerprint : s->fingerprint;
}

static void put_state(const struct page *p)
{
	const struct batv_status *s = p->s;
	const char *fingerprint = fingerprint_of(s);

	gauge(p, "batv_state_usable",
	      "Is there a state that Exim can use? Without, nothing is signed or refused.",
	      s->state_usable);
	gauge(p, "batv_state_written_timestamp_seconds",
	      "When batvd published the state; 0: there is none.",
	      s->state_read ? s->state.state.written : 0);
	gauge(p, "batv_keys_end_timestamp_seconds",
	      "When the last published key ends; 0: there is none.", batv_ctl_status_keys_end(s));
	family(p, "batv_secret_info", "gauge",
	       "The fingerprint of the secrets, the same on all servers that share them.");
	if (*fingerprint)
		fprintf(p->out, "batv_secret_info{fingerprint=\"%s\"} 1\n", fingerprint);
}

static void put_domains(const struct page *p)
{
	size_t refusing = batv_ctl_status_refusing(p->s);

	family(p, "batv_domains", "gauge",
	       "Domains that have sent mail, by what they do with forged bounces.");
	fprintf(p->out, "batv_domains{mode=\"reject\"} %zu\nbatv_domains{mode=\"observe\"} %zu\n",
		refusing, p->s->domains - refusing);
}

static void put_fill(const struct page *p, enum batv_item_kind kind, const char *name)
{
	struct batv_memory_fill fill = {0};

	if (p->s->memory_ok)
		(void)batv_memory_fill(&p->s->memory, kind, p->s->ctl->now, &fill);
	fprintf(p->out, "batv_memory_fill_ratio{kind=\"%s\"} %.6g\n", name,
		fill.capacity ? (double)fill.fullest / (double)fill.capacity : 0);
}

static void put_memory(const struct page *p)
{
	struct batv_status *s = p->s;
	unsigned percent;
	int64_t since;

	gauge(p, "batv_memory_usable", "Can the sent-mail memory be read?", s->memory_ok);
	gauge(p, "batv_memory_complete", "Does it know all mail sent within its retention?",
	      s->memory_ok && batv_ctl_status_sent_facts(s, &since, &percent));
	family(p, "batv_memory_fill_ratio", "gauge",
	       "Items of the fullest day, by the capacity of a day.");
	put_fill(p, BATV_ITEM_ID, "id");
	put_fill(p, BATV_ITEM_PAIR, "pair");
}

/* Without a fleet all of them are 0. */
static void put_fleet(const struct page *p)
{
	struct batv_status_fleet f;

	batv_ctl_status_fleet(p->s, &f);
	gauge(p, "batv_fleet_configured", "Does the configuration name a fleet?", f.on);
	gauge(p, "batv_fleet_looked_timestamp_seconds",
	      "When batv-fleet wrote what it knows, at least every 10 seconds; 0: never.",
	      f.written);
	gauge(p, "batv_fleet_until_timestamp_seconds",
	      "Up to when all that the fleet sent is in the memory here; 0: not known.", f.until);
	gauge(p, "batv_fleet_complete", "Is the memory complete for the fleet?", f.complete);
	gauge(p, "batv_fleet_gap_timestamp_seconds",
	      "What some host sent before may be unknown to the others for good; 0: nothing.",
	      f.gap);
	family(p, "batv_fleet_hosts", "gauge",
	       "Hosts of the fleet, this one too, by whether they "
	       "were heard in the last minute.");
	fprintf(p->out,
		"batv_fleet_hosts{state=\"heard\"} %zu\nbatv_fleet_hosts{state=\"silent\"} %zu\n",
		f.heard, f.silent);
	family(p, "batv_fleet_servers", "gauge",
	       "Redis and Valkey servers of the fleet, by whether they can be used.");
	fprintf(p->out,
		"batv_fleet_servers{state=\"ok\"} %zu\nbatv_fleet_servers{state=\"down\"} %zu\n",
		f.servers_ok, f.servers_down);
	gauge(p, "batv_fleet_missing", "Parcels of other hosts that have not arrived.",
	      (int64_t)f.missing);
	gauge(p, "batv_fleet_holes", "Records of journals that a killed process left out.",
	      (int64_t)f.holes);
}

/* ---- what was counted ---- */

/*
 * Counters are known if they can be read, or if there is no file yet.  A file that cannot be read
 * has no 0: Prometheus would take that for a restart, and all of the next value for an increase.
 */
static bool are_known(const struct batv_status *s)
{
	return s->memory_ok || s->first_start ||
	       (*s->memory_name &&
		faccessat(s->ctl->store.dirfd, s->memory_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		errno == ENOENT);
}

/* Since the first file was made.  For a moment a count may still be in the file before. */
static uint64_t counted(const struct page *p, size_t row)
{
	return batv_counted(&p->s->memory, row, 0, 0) + batv_counted(&p->s->before, row, 0, 0);
}

/* A label of NULL: the family has none. */
static void put_count(const struct page *p, const char *name, const char *label, const char *value,
		      size_t row)
{
	if (!are_known(p->s))
		return;
	if (label)
		fprintf(p->out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, counted(p, row));
	else
		fprintf(p->out, "%s %" PRIu64 "\n", name, counted(p, row));
}

static void counter(const struct page *p, const char *name, const char *help, size_t row)
{
	family(p, name, "counter", help);
	put_count(p, name, NULL, NULL, row);
}

static void put_judged(const struct page *p)
{
	family(p, "batv_judged_total", "counter",
	       "Recipients of automatic messages, by verdict, class and action.");
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		for (int c = 0; c < BATV_CLASS_COUNT; c++)
			for (int a = 0; a < BATV_ACTION_COUNT; a++)
				if (are_known(p->s))
					fprintf(p->out,
						"batv_judged_total{verdict=\"%s\",class=\"%s\","
						"action=\"%s\"} %" PRIu64 "\n",
						batv_verdict_name((enum batv_verdict)v),
						batv_class_name((enum batv_class)c),
						batv_action_name((enum batv_action)a),
						counted(p, batv_counter_of((enum batv_verdict)v,
									   (enum batv_class)c,
									   (enum batv_action)a)));
}

static void put_spared(const struct page *p)
{
	size_t row;

	family(p, "batv_spared_total", "counter",
	       "Recipients that failed and were not refused, by reason.");
	for (int why = 0; why < BATV_WHY_COUNT; why++)
		if (why != BATV_WHY_OBSERVE_FILE && /* counted as observe */
		    batv_verdict_spared_row((enum batv_reason)why, &row))
			put_count(p, "batv_spared_total", "reason",
				  batv_reason_name((enum batv_reason)why), row);
}

static void put_deferred(const struct page *p)
{
	family(p, "batv_deferred_total", "counter",
	       "Messages deferred because a proof was used too often, by limit; hint: judged "
	       "without it.");
	for (int limit = 0; limit < BATV_FLOOD_NONE; limit++)
		put_count(p, "batv_deferred_total", "limit",
			  batv_flood_name((enum batv_flood_limit)limit),
			  BATV_COUNT_DEFERRED + (size_t)limit);
}

static void put_turned_away(const struct page *p)
{
	static const char name[] = "batv_turned_away_total";

	family(p, name, "counter",
	       "Recipients turned away at RCPT while forged bounces flood, by limit: host "
	       "(deferred), rcpt (refused).");
	put_count(p, name, "limit", batv_flood_subject_name(BATV_FLOOD_HOST),
		  BATV_COUNT_FLOOD_HOST);
	put_count(p, name, "limit", batv_flood_subject_name(BATV_FLOOD_RCPT),
		  BATV_COUNT_FLOOD_RCPT);
}

static void put_outgoing(const struct page *p)
{
	static const char name[] = "batv_outgoing_total";

	family(p, name, "counter",
	       "Messages that left, by what became of their sender; not signed: why.");
	put_count(p, name, "result", "signed", BATV_COUNT_SIGNED);
	put_count(p, name, "result", "no-state", BATV_COUNT_LEFT_NO_STATE);
	put_count(p, name, "result", "untrusted", BATV_COUNT_LEFT_UNTRUSTED);
	put_count(p, name, "result", "destination", BATV_COUNT_LEFT_DESTINATION);
	put_count(p, name, "result", "other", BATV_COUNT_LEFT_OTHER);
}

static void put_items(const struct page *p)
{
	static const char name[] = "batv_memory_items_total";

	family(p, name, "counter",
	       "Items of sent mail: Message-IDs, and pairs of people; any: not told apart.");
	put_count(p, name, "kind=\"id\",result", "remembered", BATV_COUNT_IDS);
	put_count(p, name, "kind=\"pair\",result", "remembered", BATV_COUNT_PAIRS);
	put_count(p, name, "kind=\"any\",result", "full", BATV_COUNT_FULL);
	put_count(p, name, "kind=\"any\",result", "clock", BATV_COUNT_CLOCK);
	counter(p, "batv_memory_lookups_total", "Look-ups in the sent-mail memory.",
		BATV_COUNT_LOOKUPS);
	counter(p, "batv_memory_hits_total", "Look-ups that found something.", BATV_COUNT_HITS);
	family(p, "batv_recall_total", "counter",
	       "Bounces to valid tags, by whether the memory knew what they return.");
	put_count(p, "batv_recall_total", "result", "known", BATV_COUNT_RECALL_KNOWN);
	put_count(p, "batv_recall_total", "result", "missed", BATV_COUNT_RECALL_MISSED);
}

static void put_counters(const struct page *p)
{
	put_judged(p);
	put_spared(p);
	put_deferred(p);
	put_turned_away(p);
	put_outgoing(p);
	counter(p, "batv_doubt_total",
		"Decisions in doubt: mail that could not be judged was accepted.",
		BATV_COUNT_DOUBT);
	counter(p, "batv_forged_tags_total", "Tags with a wrong MAC or an unknown key.",
		BATV_COUNT_FORGED);
	put_items(p);
}

/* From malloc; NULL: out of memory. */
static char *text_of(struct batv_status *s, size_t *len)
{
	struct page page = {.s = s};
	char *text = NULL;
	bool ok;

	page.out = open_memstream(&text, len);
	if (!page.out)
		return NULL;
	put_parts(&page);
	put_state(&page);
	put_domains(&page);
	put_memory(&page);
	put_fleet(&page);
	put_counters(&page);
	ok = !ferror(page.out);
	if (fclose(page.out) == 0 && ok)
		return text;
	free(text);
	return NULL;
}

int batv_ctl_metrics(struct batv_ctl *ctl, char **args, int n)
{
	struct batv_status *s;
	size_t len = 0;
	char *text;
	int code;

	(void)args, (void)n;
	if (ctl->json)
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"metrics: --json is not valid here; see batvctl status --json");
	s = batv_ctl_status_begin(ctl);
	text = s ? text_of(s, &len) : NULL;
	if (s)
		batv_ctl_status_end(s);
	if (!text)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	if (ctl->output)
		code = batv_ctl_output("metrics", ctl->output, 0644, false, text, len);
	else
		code = fwrite(text, 1, len, stdout) == len ? BATV_CTL_YES : BATV_CTL_TROUBLE;
	free(text);
	return code;
}
