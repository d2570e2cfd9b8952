/*
 * ctl_status_print.c - batvctl status, for people and as JSON.
 *
 * Invariant: problems come first.  Names of domains come from mail: they are made printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arming.h"
#include "ctl_status.h"
#include "memory/counters.h"
#include "plan.h"

#define DAYS 7 /* of counters */

static const char *const arm_names[] = {[BATV_ARM_ARMED] = "armed",
					[BATV_ARM_GRACE] = "grace",
					[BATV_ARM_NO_EVIDENCE] = "no-evidence",
					[BATV_ARM_STALE] = "stale",
					[BATV_ARM_SIGNING_OFF] = "signing-off",
					[BATV_ARM_MODE_OBSERVE] = "mode-observe",
					[BATV_ARM_MODE_REJECT] = "mode-reject",
					[BATV_ARM_NO_POLICY] = "no-policy",
					[BATV_ARM_CLOCK] = "clock"};
static const char *const enforcements[] = {[BATV_ENFORCE_AUTO] = "auto",
					   [BATV_ENFORCE_OBSERVE] = "observe",
					   [BATV_ENFORCE_REJECT] = "reject"};

static const char *daemon_word(enum batv_match m)
{
	return m == BATV_YES ? "running" : m == BATV_NO ? "not running" : "not known";
}

/* Does Exim take this domain for armed: the flag of the table; at another time than now, what it
 * will be. */
static bool armed(const struct batv_status *s, const struct batv_domain *d,
		  const struct batv_arm *arm)
{
	if (s->ctl->now != s->ctl->clock)
		return arm->armed;
	return (d->flags & BATV_DOMAIN_ARMED) != 0;
}

/* What Exim does: the flag, or the policy's own word. */
static bool refuses(const struct batv_status *s, const struct batv_domain *d,
		    const struct batv_arm *arm)
{
	if (s->observe || !s->state_usable)
		return false;
	return arm->why == BATV_ARM_MODE_REJECT ||
	       (arm->policy && arm->policy->enforcement == BATV_ENFORCE_AUTO && armed(s, d, arm));
}

/* The sentence of a domain: what is so, and what stands in the way. */
static void explain(const struct batv_status *s, const struct batv_domain *d,
		    const struct batv_arm *arm, char *out, size_t size)
{
	bool would = arm->armed || arm->why == BATV_ARM_MODE_REJECT;
	size_t used = 0;

	out[0] = '\0';
	if (would && s->observe)
		used = (size_t)snprintf(
			out, size,
			"observing, for the file %s is there; without it: ", BATV_OBSERVE_NAME);
	else if (would && !s->state_usable)
		used = (size_t)snprintf(out, size,
					"observing, for no usable state is published; with one: ");
	else if (arm->armed && !armed(s, d, arm))
		used = (size_t)snprintf(out, size, "observing, although grace is over, %s; then: ",
					s->daemon == BATV_NO
						? "for batvd is not running: start it"
						: "until batvd has seen it, in some seconds");
	if (used < size)
		batv_arming_explain(arm, out + used, size - used);
}

/* "armed" is said only of a domain that is. */
static const char *arm_name(const struct batv_status *s, const struct batv_domain *d,
			    const struct batv_arm *arm)
{
	return arm->armed && !armed(s, d, arm) ? "waits-for-batvd" : arm_names[arm->why];
}

/* ---- counters ---- */

static uint64_t judged(const struct batv_status *s, enum batv_verdict v, enum batv_action a)
{
	uint64_t sum = 0;

	for (int c = 0; c < BATV_CLASS_COUNT; c++)
		sum += batv_counted(&s->memory, batv_counter_of(v, (enum batv_class)c, a), DAYS,
				    s->ctl->now);
	return sum;
}

static uint64_t counted(const struct batv_status *s, size_t counter)
{
	return batv_counted(&s->memory, counter, DAYS, s->ctl->now);
}

static void print_verdicts(const struct batv_status *s)
{
	printf("  %-12s", "");
	for (int a = 0; a < BATV_ACTION_COUNT; a++)
		printf(" %10s", batv_action_name((enum batv_action)a));
	putchar('\n');
	for (int v = 0; v < BATV_VERDICT_COUNT; v++) {
		uint64_t n[BATV_ACTION_COUNT], sum = 0;

		for (int a = 0; a < BATV_ACTION_COUNT; a++)
			sum += n[a] = judged(s, (enum batv_verdict)v, (enum batv_action)a);
		if (!sum)
			continue;
		printf("  %-12s", batv_verdict_name((enum batv_verdict)v));
		for (int a = 0; a < BATV_ACTION_COUNT; a++)
			printf(" %10" PRIu64, n[a]);
		putchar('\n');
	}
}

static void print_counters(const struct batv_status *s)
{
	if (!s->memory_ok)
		return;
	printf("\nThe last %d days\n  left signed %" PRIu64 "; bare: untrusted %" PRIu64
	       ", unsigned destination %" PRIu64 ", no usable state %" PRIu64 ", other %" PRIu64
	       "; decisions with a doubt %" PRIu64 "\n",
	       DAYS, counted(s, BATV_COUNT_SIGNED), counted(s, BATV_COUNT_LEFT_UNTRUSTED),
	       counted(s, BATV_COUNT_LEFT_DESTINATION), counted(s, BATV_COUNT_LEFT_NO_STATE),
	       counted(s, BATV_COUNT_LEFT_OTHER), counted(s, BATV_COUNT_DOUBT));
	print_verdicts(s);
}

/* ---- for people ---- */

static void print_problems(const struct batv_status *s)
{
	puts(s->n_problems ? "PROBLEMS" : "No problems.");
	for (size_t i = 0; i < s->n_problems; i++)
		printf("  - %s\n", s->problems[i]);
	if (s->n_notes)
		puts("Notes");
	for (size_t i = 0; i < s->n_notes; i++)
		printf("  - %s\n", s->notes[i]);
}

static void print_parts(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	char when[BATV_TIME_SIZE];

	printf("\nconfiguration  %s%s\ndirectory      %s\nbatvd          %s\n", s->ctl->config_path,
	       s->config_ok ? "" : ", NOT IN FORCE", s->ctl->config.directory,
	       daemon_word(s->daemon));
	if (s->fingerprint[0])
		printf("secret file    fingerprint %s\n", s->fingerprint);
	if (!s->state_read)
		return;
	batv_ctl_time_format(st->written, when, sizeof when);
	printf("state          number %" PRIu64 ", published %s%s\n", st->serial, when,
	       s->state_usable ? ", in force" : ", NOT USABLE");
}

static void print_policies(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	puts("\nPolicies");
	for (size_t i = 0; i < st->n_policies; i++) {
		/* The default one is tried last. */
		const struct batv_policy *p = &st->policies[(i + 1) % st->n_policies];
		char grace[40];

		batv_duration_format(p->grace, grace, sizeof grace);
		printf("  %s: signing %s, enforcement %s, grace %s, domains %.200s\n", p->name,
		       p->signing ? "on" : "off", enforcements[p->enforcement], grace,
		       *p->domains ? p->domains : "(none)");
	}
}

static void print_breaks(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	if (st->n_breaks)
		puts("\nGrace began anew");
	for (size_t i = 0; i < st->n_breaks; i++) {
		const struct batv_break *b = &st->breaks[i];
		char when[BATV_TIME_SIZE], until[BATV_TIME_SIZE];

		batv_ctl_time_format(b->when, when, sizeof when);
		batv_ctl_time_format(b->until, until, sizeof until);
		printf("  %s, %s%s: %s", when, strcmp(b->policy, BATV_BREAK_ALL) ? "policy " : "",
		       strcmp(b->policy, BATV_BREAK_ALL) ? b->policy : "all domains", b->why);
		if (b->until > s->ctl->now)
			printf("; nothing arms before %s", until);
		putchar('\n');
	}
}

static bool arms_by_itself(const struct batv_state *st)
{
	for (size_t i = 0; i < st->n_policies; i++)
		if (st->policies[i].enforcement == BATV_ENFORCE_AUTO && st->policies[i].signing)
			return true;
	return false;
}

static void print_domains(const struct batv_status *s)
{
	struct batv_domain d;

	if (!s->memory_ok)
		return;
	printf("\nDomains (%zu of %zu places in use)\n", s->domains,
	       s->memory.sections.domain_slots);
	if (!s->domains)
		puts("  none yet: no mail has left signed, and no valid bounce has come back");
	else if (arms_by_itself(&s->state.state))
		puts("  (any other domain with enforcement = auto observes: its grace begins with "
		     "its first "
		     "signed mail)");
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++) {
		struct batv_arm arm = batv_arming_decide(&s->state.state, &d, s->ctl->now);
		char name[BATV_DOMAIN_NAME_MAX + 32], why[600];

		explain(s, &d, &arm, why, sizeof why);
		batv_printable(batv_span_of(d.name), name, sizeof name);
		printf("  %s: %s\n", name, why);
	}
}

void batv_ctl_status_print(const struct batv_status *status)
{
	print_problems(status);
	print_parts(status);
	if (status->state_read) {
		print_policies(status);
		puts("\nKeys");
		batv_ctl_print_keys(&status->state.state.ring, status->ctl->now, false);
		print_breaks(status);
		print_domains(status);
	}
	batv_ctl_status_print_sent(status);
	print_counters(status);
}

/* ---- JSON ---- */

static json_t *json_lines(const char lines[][1024], size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, batv_ctl_json_text(lines[i]));
	return a;
}

static json_t *json_policies(const struct batv_state *st)
{
	json_t *a = json_array();

	for (size_t i = 0; i < st->n_policies; i++) {
		const struct batv_policy *p = &st->policies[i];

		json_array_append_new(a, json_pack("{s:s, s:b, s:s, s:I, s:o}", "name", p->name,
						   "signing", (int)p->signing, "enforcement",
						   enforcements[p->enforcement], "grace",
						   (json_int_t)p->grace, "domains",
						   batv_ctl_json_text(p->domains)));
	}
	return a;
}

static json_t *json_state(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	json_t *keys = json_array(), *breaks = json_array();

	for (size_t i = 0; i < st->ring.n_keys; i++)
		json_array_append_new(keys,
				      batv_ctl_json_key(&st->ring.keys[i], s->ctl->now, false));
	for (size_t i = 0; i < st->n_breaks; i++)
		json_array_append_new(
			breaks, json_pack("{s:s, s:o, s:o, s:o}", "policy", st->breaks[i].policy,
					  "when", batv_ctl_json_time(st->breaks[i].when), "until",
					  batv_ctl_json_time(st->breaks[i].until), "why",
					  batv_ctl_json_text(st->breaks[i].why)));
	return json_pack("{s:b, s:I, s:I, s:s, s:s, s:I, s:I, s:i, s:o, s:o, s:o, s:o}", "usable",
			 (int)s->state_usable, "serial", (json_int_t)st->serial, "written",
			 (json_int_t)st->written, "fingerprint", st->fingerprint, "config_sum",
			 st->config_sum, "key_rotation", (json_int_t)st->key_rotation,
			 "key_retention", (json_int_t)st->key_retention, "legacy_keys",
			 (int)st->ring.n_legacy, "policies", json_policies(st), "keys", keys,
			 "breaks", breaks, "lost_until", batv_ctl_json_time(st->lost_until));
}

static json_t *json_domain(const struct batv_status *s, const struct batv_domain *d)
{
	struct batv_arm arm = batv_arming_decide(&s->state.state, d, s->ctl->now);
	char name[BATV_DOMAIN_NAME_MAX + 32], why[600];

	explain(s, d, &arm, why, sizeof why);
	batv_printable(batv_span_of(d->name), name, sizeof name);
	return json_pack("{s:s, s:o, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "domain",
			 name, "policy", arm.policy ? json_string(arm.policy->name) : json_null(),
			 "mode", refuses(s, d, &arm) ? "reject" : "observe", "armed",
			 (d->flags & BATV_DOMAIN_ARMED) != 0, "why", arm_name(s, d, &arm), "text",
			 why, "since", batv_ctl_json_time(arm.since), "when",
			 batv_ctl_json_time(arm.when), "first_signed",
			 batv_ctl_json_time(d->first_signed), "last_signed",
			 batv_ctl_json_time(d->last_signed), "first_valid",
			 batv_ctl_json_time(d->first_valid), "last_valid",
			 batv_ctl_json_time(d->last_valid));
}

static json_t *json_domains(const struct batv_status *s)
{
	json_t *a = json_array();
	struct batv_domain d;

	if (!s->state_read)
		return a;
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++)
		json_array_append_new(a, json_domain(s, &d));
	return a;
}

static json_t *json_counters(const struct batv_status *s)
{
	json_t *all = json_object(), *verdicts = json_object();

	if (!s->memory_ok) {
		json_decref(verdicts);
		json_decref(all);
		return json_null();
	}
	for (int v = 0; v < BATV_VERDICT_COUNT; v++) {
		json_t *row = json_object();

		for (int a = 0; a < BATV_ACTION_COUNT; a++)
			json_object_set_new(row, batv_action_name((enum batv_action)a),
					    json_integer((json_int_t)judged(s, (enum batv_verdict)v,
									    (enum batv_action)a)));
		json_object_set_new(verdicts, batv_verdict_name((enum batv_verdict)v), row);
	}
	json_object_set_new(all, "days", json_integer(DAYS));
	json_object_set_new(all, "judged", verdicts);
	json_object_set_new(all, "signed", json_integer((json_int_t)counted(s, BATV_COUNT_SIGNED)));
	json_object_set_new(all, "left_no_state",
			    json_integer((json_int_t)counted(s, BATV_COUNT_LEFT_NO_STATE)));
	json_object_set_new(all, "left_untrusted",
			    json_integer((json_int_t)counted(s, BATV_COUNT_LEFT_UNTRUSTED)));
	json_object_set_new(all, "left_destination",
			    json_integer((json_int_t)counted(s, BATV_COUNT_LEFT_DESTINATION)));
	json_object_set_new(all, "left_other",
			    json_integer((json_int_t)counted(s, BATV_COUNT_LEFT_OTHER)));
	json_object_set_new(all, "doubt", json_integer((json_int_t)counted(s, BATV_COUNT_DOUBT)));
	return all;
}

void batv_ctl_status_print_json(const struct batv_status *s)
{
	json_t *o = json_pack(
		"{s:o, s:o, s:o, s:o, s:b, s:s, s:b, s:i, s:i}", "problems",
		json_lines(s->problems, s->n_problems), "notes", json_lines(s->notes, s->n_notes),
		"configuration", batv_ctl_json_text(s->ctl->config_path), "directory",
		batv_ctl_json_text(s->ctl->config.directory), "configuration_ok", (int)s->config_ok,
		"batvd", daemon_word(s->daemon), "observe_file", (int)s->observe, "domains_in_use",
		(int)s->domains, "domain_places", (int)s->memory.sections.domain_slots);

	json_object_set_new(o, "secret_fingerprint",
			    s->fingerprint[0] ? json_string(s->fingerprint) : json_null());
	json_object_set_new(o, "state", s->state_read ? json_state(s) : json_null());
	json_object_set_new(o, "domains", json_domains(s));
	json_object_set_new(o, "memory", batv_ctl_status_json_sent(s));
	json_object_set_new(o, "counters", json_counters(s));
	json_object_set_new(o, "forged", batv_ctl_status_json_forged(s));
	batv_ctl_print_json(o);
}
