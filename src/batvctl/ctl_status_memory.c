/*
 * ctl_status_memory.c - batvctl status: the sent-mail memory.  It shows how full the memory is, how
 * likely forged mail passes by chance, and since when the memory is complete.
 *
 * Invariant: it only reads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_complete.h"
#include "ctl_status.h"
#include "generation.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory_fill.h"

#define NEARLY 80 /* percent of the capacity; from there on a note says so */

/* The counters cover this many days, as in ctl_status_page.c. */
#define DAYS 7

static const char *const kinds[] = {
	[BATV_ITEM_ID] = "Message-IDs",
	[BATV_ITEM_PAIR] = "pairs of people",
};

static int64_t retention_of(const struct batv_status *s)
{
	struct batv_global defaults;

	batv_policy_init_global(&defaults);
	return s->state_read ? s->state.state.global.memory_retention : defaults.memory_retention;
}

/* Both sections are complete since then: the later of their two times. */
static int64_t since_of(const struct batv_status *s)
{
	const struct batv_filter *f = s->memory.sections.filters;

	return f[0].since > f[1].since ? f[0].since : f[1].since;
}

static bool is_complete(struct batv_status *s)
{
	return batv_sent_complete_with(&s->memory, *s->before_name ? &s->before : NULL,
				       retention_of(s), s->ctl->now);
}

static unsigned percent_of(uint64_t n, uint64_t capacity)
{
	return capacity ? (unsigned)(n * 100 / capacity) : 0;
}

static void check_capacity(struct batv_status *s)
{
	uint64_t full = batv_counted(&s->memory, BATV_COUNT_FULL, 1, s->ctl->now);
	struct batv_memory_fill fill;

	if (full > 0)
		batv_ctl_status_problem(s,
					"%" PRIu64
					" times today, sent mail was not remembered because the "
					"capacity is used up; raise memory_capacity",
					full);
	for (int kind = BATV_ITEM_ID; kind <= BATV_ITEM_PAIR && !full; kind++) {
		unsigned percent;

		if (!batv_memory_fill(&s->memory, (enum batv_item_kind)kind, s->ctl->now, &fill))
			continue;
		percent = percent_of(fill.fullest, fill.capacity);
		if (percent >= NEARLY)
			batv_ctl_status_note(
				s,
				"%u %% of memory_capacity was used by %s on the fullest "
				"day; raise it in time",
				percent, kinds[kind]);
	}
}

/* A changed capacity waits while the file before is still consulted. */
static void check_wishes(struct batv_status *s)
{
	const char *why = batv_generation_wanted(&s->memory, &s->ctl->config, 0, s->ctl->now);
	char when[BATV_TIME_SIZE];

	if (!why)
		return;
	batv_ctl_time_format(batv_generation_ends(&s->memory, &s->before,
						  s->ctl->config.global.memory_retention,
						  s->ctl->now),
			     when, sizeof when);
	if (*s->before_name)
		batv_ctl_status_note(
			s,
			"a new memory file will be made, because %s, when %s is no longer "
			"needed, after %s",
			why, s->before_name, when);
	else
		batv_ctl_status_note(s, "batvd must make a new memory file, because %s", why);
}

/* Until the new file is as old as its retention, what the old one knew may be missed. */
static void check_lost_file(struct batv_status *s)
{
	int64_t lost = batv_counters_lost(&s->memory);
	char when[BATV_TIME_SIZE];

	if (!lost || lost + retention_of(s) < s->ctl->now)
		return;
	batv_ctl_time_format(lost, when, sizeof when);
	batv_ctl_status_note(s,
			     "%s/%s was lost or damaged, and batvd made a new one on %s: what was "
			     "sent before is not remembered, and the counters began again",
			     s->ctl->store.path, s->memory_name, when);
}

static void check_retention(struct batv_status *s)
{
	char text[500];

	if (batv_ctl_complete_never(&s->ctl->config.global, text, sizeof text))
		batv_ctl_status_note(s, "%s", text);
}

void batv_ctl_status_check_sent(struct batv_status *s)
{
	if (!s->memory_ok)
		return;
	check_capacity(s);
	check_lost_file(s);
	if (s->config_ok) {
		check_wishes(s);
		check_retention(s);
	}
	if (s->state_read && !s->state.state.has_memory_key)
		batv_ctl_status_problem(
			s,
			"%s/%s: has no key for the sent-mail memory, so sent mail is not "
			"remembered; see batvd's log",
			s->ctl->store.path, BATV_STATE_NAME);
}

void batv_ctl_status_facts(struct batv_status *s, const char *domain,
			   struct batv_complete_facts *facts)
{
	batv_complete_gather(&s->state.state, &s->memory, *s->before_name ? &s->before : NULL,
			     domain, s->ctl->now, facts);
}

/* ---- for people ---- */

static void print_fill(struct batv_status *s, enum batv_item_kind kind)
{
	struct batv_memory_fill fill;

	if (!batv_memory_fill(&s->memory, kind, s->ctl->now, &fill))
		return;
	printf("  %-16s today %" PRIu64 ", fullest day %" PRIu64 ", of %" PRIu64 " (%u %%); ",
	       kinds[kind], fill.today, fill.fullest, fill.capacity,
	       percent_of(fill.fullest, fill.capacity));
	if (fill.chance < 1e-9)
		puts("forged mail passes by chance less than once in 1,000,000,000");
	else
		printf("forged mail passes by chance once in %.0f\n", 1 / fill.chance);
}

static void print_domains(struct batv_status *s)
{
	struct batv_domain d;

	if (s->state_read && s->domains > 0)
		puts("  for each domain:");
	for (size_t i = 0; s->state_read && batv_domain_next(&s->memory, &i, &d); i++) {
		char name[BATV_DOMAIN_NAME_MAX + 32];
		struct batv_complete_facts facts;

		if (!batv_ctl_status_wanted(s, d.name))
			continue;
		batv_ctl_status_facts(s, d.name, &facts);
		batv_printable(batv_span_of(d.name), name, sizeof name);
		batv_ctl_complete_print(name, &facts);
	}
}

bool batv_ctl_status_sent_facts(struct batv_status *s, int64_t *since, unsigned *percent)
{
	bool complete = is_complete(s);

	*since = since_of(s) + (complete ? 0 : retention_of(s));
	*percent = 0;
	for (int kind = BATV_ITEM_ID; kind <= BATV_ITEM_PAIR; kind++) {
		struct batv_memory_fill fill;
		unsigned full;

		if (!batv_memory_fill(&s->memory, (enum batv_item_kind)kind, s->ctl->now, &fill))
			continue;
		full = percent_of(fill.fullest, fill.capacity);
		*percent = full > *percent ? full : *percent;
	}
	return complete;
}

void batv_ctl_status_print_sent(struct batv_status *s)
{
	char since[BATV_TIME_SIZE], from[BATV_TIME_SIZE], retention[48];

	if (!s->memory_ok || !s->memory.sections.filters[0].at)
		return;
	batv_duration_format(retention_of(s), retention, sizeof retention);
	batv_ctl_time_format(since_of(s), since, sizeof since);
	batv_ctl_time_format(since_of(s) + retention_of(s), from, sizeof from);
	printf("\nSent mail (%s, %zu MB", s->memory_name, (s->memory.size + 500000) / 1000000);
	if (*s->before_name)
		printf("; %s is still consulted", s->before_name);
	printf(")\n  remembered for %s, since %s: %s\n", retention, since,
	       is_complete(s) ? "complete" : "not complete");
	if (!is_complete(s) && since_of(s) + retention_of(s) > s->ctl->now)
		printf("  complete from %s on\n", from);
	print_fill(s, BATV_ITEM_ID);
	print_fill(s, BATV_ITEM_PAIR);
	printf("  looked up %" PRIu64 " times in the last %d days, found %" PRIu64 " times\n",
	       batv_counted(&s->memory, BATV_COUNT_LOOKUPS, DAYS, s->ctl->now), DAYS,
	       batv_counted(&s->memory, BATV_COUNT_HITS, DAYS, s->ctl->now));
	print_domains(s);
}

/* ---- JSON ---- */

static json_t *json_fill(struct batv_status *s, enum batv_item_kind kind)
{
	struct batv_memory_fill fill;
	json_t *o;

	if (!batv_memory_fill(&s->memory, kind, s->ctl->now, &fill))
		return json_null();
	o = json_object();
	batv_ctl_put_number(o, "capacity", fill.capacity);
	batv_ctl_put_number(o, "today", fill.today);
	batv_ctl_put_number(o, "fullest", fill.fullest);
	batv_ctl_put(o, "chance", json_real(fill.chance));
	return o;
}

static void put_counted(json_t *o, const char *key, struct batv_status *s, size_t counter)
{
	batv_ctl_put_number(o, key, batv_counted(&s->memory, counter, DAYS, s->ctl->now));
}

json_t *batv_ctl_status_json_sent(struct batv_status *s)
{
	json_t *o;

	if (!s->memory_ok)
		return json_null();
	o = json_object();
	batv_ctl_put_text(o, "file", s->memory_name);
	batv_ctl_put_text(o, "before", *s->before_name ? s->before_name : NULL);
	batv_ctl_put_number(o, "bytes", s->memory.size);
	batv_ctl_put_number(o, "retention", (uint64_t)retention_of(s));
	batv_ctl_put_flag(o, "complete", is_complete(s));
	batv_ctl_put_time(o, "since", since_of(s));
	batv_ctl_put(o, "ids", json_fill(s, BATV_ITEM_ID));
	batv_ctl_put(o, "pairs", json_fill(s, BATV_ITEM_PAIR));
	put_counted(o, "lookups", s, BATV_COUNT_LOOKUPS);
	put_counted(o, "hits", s, BATV_COUNT_HITS);
	put_counted(o, "not_remembered", s, BATV_COUNT_FULL);
	return o;
}
