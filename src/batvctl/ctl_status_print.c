/*
 * ctl_status_print.c - prints batvctl status, for people and as JSON.
 *
 * Invariant: problems come first.  Names of domains come from mail, so they are made printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arming.h"
#include "ctl_complete.h"
#include "ctl_status.h"
#include "memory/counters.h"
#include "plan.h"

#define DAYS 7 /* the counters cover this many days */

static const char *const arm_names[] = {[BATV_ARM_ARMED] = "armed",
					[BATV_ARM_GRACE] = "grace",
					[BATV_ARM_NO_EVIDENCE] = "no-evidence",
					[BATV_ARM_STALE] = "stale",
					[BATV_ARM_SIGNING_OFF] = "signing-off",
					[BATV_ARM_MODE_OBSERVE] = "mode-observe",
					[BATV_ARM_MODE_REJECT] = "mode-reject",
					[BATV_ARM_NO_POLICY] = "no-policy",
					[BATV_ARM_CLOCK] = "clock",
					[BATV_ARM_FEW] = "few",
					[BATV_ARM_ELSEWHERE] = "elsewhere",
					[BATV_ARM_UNTAGGED] = "untagged",
					[BATV_ARM_UNSEEN] = "unseen"};
_Static_assert(sizeof arm_names / sizeof arm_names[0] == BATV_ARM_WHY_COUNT, "one has no name");
static const char *const enforcements[] = {[BATV_ENFORCE_AUTO] = "auto",
					   [BATV_ENFORCE_OBSERVE] = "observe",
					   [BATV_ENFORCE_REJECT] = "reject"};

static const char *daemon_word(enum batv_match m)
{
	return m == BATV_YES ? "running" : m == BATV_NO ? "not running" : "not known";
}

/* Does Exim consider this domain armed?  The flag in the table says so.  For another time (--at),
 * the answer is computed. */
static bool armed(const struct batv_status *s, const struct batv_domain *d,
		  const struct batv_arm *arm)
{
	if (s->ctl->now != s->ctl->clock)
		return arm->armed;
	return (d->flags & BATV_DOMAIN_ARMED) != 0;
}

/* What Exim does.  The flag decides, unless the policy says reject. */
static bool refuses(const struct batv_status *s, const struct batv_domain *d,
		    const struct batv_arm *arm)
{
	if (s->observe || !s->state_usable)
		return false;
	return arm->policy &&
	       (arm->mode == BATV_ENFORCE_REJECT ||
		(arm->mode == BATV_ENFORCE_AUTO && arm->policy->signing && armed(s, d, arm)));
}

/* The sentence for a domain: what it does, and why it does not refuse yet. */
static void explain(const struct batv_status *s, const struct batv_domain *d,
		    const struct batv_arm *arm, char *out, size_t size)
{
	bool would = arm->policy && (arm->mode == BATV_ENFORCE_REJECT ||
				     (arm->mode == BATV_ENFORCE_AUTO && arm->armed));
	size_t used = 0;

	out[0] = '\0';
	if (would && s->observe)
		used = (size_t)snprintf(out, size,
					"observing because the file \"%s\" exists; without it: ",
					BATV_OBSERVE_NAME);
	else if (would && !s->state_usable)
		used = (size_t)snprintf(
			out, size, "observing because no usable state is published; with one: ");
	else if (would && arm->armed && !armed(s, d, arm))
		used = (size_t)snprintf(out, size, "observing, although grace is over, %s; then: ",
					s->daemon == BATV_NO
						? "because batvd is not running; start it"
						: "until batvd notices, within seconds");
	if (used < size)
		batv_arming_explain(arm, out + used, size - used);
}

/* Only a domain that Exim considers armed is called "armed". */
static const char *arm_name(const struct batv_status *s, const struct batv_domain *d,
			    const struct batv_arm *arm)
{
	return arm->armed && !armed(s, d, arm) ? "waits-for-batvd" : arm_names[arm->why];
}

/* ---- counters ---- */

static uint64_t judged(struct batv_status *s, enum batv_verdict v, enum batv_action a)
{
	uint64_t sum = 0;

	for (int c = 0; c < BATV_CLASS_COUNT; c++)
		sum += batv_counted(&s->memory, batv_counter_of(v, (enum batv_class)c, a), DAYS,
				    s->ctl->now);
	return sum;
}

static uint64_t counted(struct batv_status *s, size_t counter)
{
	return batv_counted(&s->memory, counter, DAYS, s->ctl->now);
}

static void print_verdicts(struct batv_status *s)
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

/* Prints why failed recipients were not refused; nothing if all of them were. */
static void print_spared(struct batv_status *s)
{
	bool any = false;
	size_t row;

	for (int why = 0; why < BATV_WHY_COUNT; why++) {
		uint64_t n =
			batv_verdict_spared_row((enum batv_reason)why, &row) ? counted(s, row) : 0;

		if (n == 0)
			continue;
		printf("%s %s %" PRIu64, any ? "," : "  failed and not refused:",
		       batv_reason_name((enum batv_reason)why), n);
		any = true;
	}
	if (any)
		putchar('\n');
}

static void print_counters(struct batv_status *s)
{
	if (!s->memory_ok)
		return;
	printf("\nThe last %d days\n  left signed %" PRIu64 "; untagged: untrusted %" PRIu64
	       ", unsigned destination %" PRIu64 ", no usable state %" PRIu64 ", other %" PRIu64
	       "; decisions in doubt %" PRIu64 "\n",
	       DAYS, counted(s, BATV_COUNT_SIGNED), counted(s, BATV_COUNT_LEFT_UNTRUSTED),
	       counted(s, BATV_COUNT_LEFT_DESTINATION), counted(s, BATV_COUNT_LEFT_NO_STATE),
	       counted(s, BATV_COUNT_LEFT_OTHER), counted(s, BATV_COUNT_DOUBT));
	print_verdicts(s);
	print_spared(s);
	batv_ctl_status_print_flood(s);
	batv_ctl_status_print_hosts(s);
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
	       s->config_ok ? "" : ", NOT IN FORCE", s->ctl->config.global.directory,
	       daemon_word(s->daemon));
	if (s->fingerprint[0])
		printf("secret file    fingerprint %s%s\n", s->fingerprint,
		       s->shared ? ", shared with another server" : "");
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
		/* The default policy is tried last. */
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
		puts("\nGrace began again");
	for (size_t i = 0; i < st->n_breaks; i++) {
		const struct batv_break *b = &st->breaks[i];
		char when[BATV_TIME_SIZE], until[BATV_TIME_SIZE];

		batv_ctl_time_format(b->when, when, sizeof when);
		batv_ctl_time_format(b->until, until, sizeof until);
		printf("  %s, %s%s: %s", when, strcmp(b->policy, BATV_BREAK_ALL) ? "policy " : "",
		       strcmp(b->policy, BATV_BREAK_ALL) ? b->policy : "all domains", b->why);
		if (b->until > s->ctl->now)
			printf("; no domain arms before %s", until);
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

static void print_domains(struct batv_status *s)
{
	struct batv_domain d;

	if (!s->memory_ok)
		return;
	printf("\nDomains (%zu of %zu slots in use)\n", s->domains,
	       s->memory.sections.domain_slots);
	if (!s->domains)
		puts("  none yet: no mail has left signed, and no valid bounce has come back");
	else if (arms_by_itself(&s->state.state))
		puts("  (any other domain with enforcement = auto observes; its grace begins with "
		     "its first signed mail)");
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++) {
		struct batv_arm arm = batv_arming_decide(&s->state.state, &d, s->ctl->now);
		char name[BATV_DOMAIN_NAME_MAX + 32], why[BATV_ARM_TEXT_SIZE];

		explain(s, &d, &arm, why, sizeof why);
		batv_printable(batv_span_of(d.name), name, sizeof name);
		printf("  %s: %s\n", name, why);
	}
}

void batv_ctl_status_print(struct batv_status *status)
{
	print_problems(status);
	print_parts(status);
	if (status->state_read) {
		print_policies(status);
		batv_ctl_status_print_overrides(status);
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

static json_t *json_policy(const struct batv_policy *p)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "name", p->name);
	batv_ctl_put_flag(o, "signing", p->signing);
	batv_ctl_put_text(o, "enforcement", enforcements[p->enforcement]);
	batv_ctl_put(o, "grace", json_integer((json_int_t)p->grace));
	batv_ctl_put_text(o, "domains", p->domains);
	return o;
}

static json_t *json_policies(const struct batv_state *st)
{
	json_t *a = json_array();

	for (size_t i = 0; i < st->n_policies; i++)
		json_array_append_new(a, json_policy(&st->policies[i]));
	return a;
}

static json_t *json_keys(const struct batv_status *s)
{
	const struct batv_keyring *ring = &s->state.state.ring;
	json_t *a = json_array();

	for (size_t i = 0; i < ring->n_keys; i++)
		json_array_append_new(a, batv_ctl_json_key(&ring->keys[i], s->ctl->now, false));
	return a;
}

static json_t *json_breaks(const struct batv_state *st)
{
	json_t *a = json_array();

	for (size_t i = 0; i < st->n_breaks; i++) {
		json_t *o = json_object();

		batv_ctl_put_text(o, "policy", st->breaks[i].policy);
		batv_ctl_put_time(o, "when", st->breaks[i].when);
		batv_ctl_put_time(o, "until", st->breaks[i].until);
		batv_ctl_put_text(o, "why", st->breaks[i].why);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *json_state(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	json_t *o = json_object();

	batv_ctl_put_flag(o, "usable", s->state_usable);
	batv_ctl_put(o, "serial", json_integer((json_int_t)st->serial));
	batv_ctl_put(o, "written", json_integer((json_int_t)st->written));
	batv_ctl_put_text(o, "fingerprint", st->fingerprint);
	batv_ctl_put_text(o, "config_sum", st->config_sum);
	batv_ctl_put(o, "key_rotation", json_integer((json_int_t)st->global.key_rotation));
	batv_ctl_put(o, "key_retention", json_integer((json_int_t)st->global.key_retention));
	batv_ctl_put_number(o, "legacy_keys", st->ring.n_legacy);
	batv_ctl_put(o, "policies", json_policies(st));
	batv_ctl_put(o, "keys", json_keys(s));
	batv_ctl_put(o, "breaks", json_breaks(st));
	batv_ctl_put_time(o, "lost_until", st->lost_until);
	batv_ctl_put_flag(o, "shared", st->shared);
	return o;
}

static json_t *json_evidence(const struct batv_arm *arm)
{
	const struct batv_sending_evidence *e = &arm->evidence;
	json_t *o = json_object();

	batv_ctl_put_flag(o, "complete", arm->complete);
	batv_ctl_put_flag(o, "own_name", arm->own_name);
	batv_ctl_put_number(o, "signed_days", e->days);
	batv_ctl_put_number(o, "senders", e->senders);
	batv_ctl_put_number(o, "recipient_domains", e->domains);
	batv_ctl_put_number(o, "tags", e->tags);
	batv_ctl_put_number(o, "networks", e->networks);
	batv_ctl_put_number(o, "untagged", e->untagged);
	batv_ctl_put_number(o, "unseen", arm->unseen.accepted);
	batv_ctl_put_number(o, "elsewhere_days", arm->foreign.recent);
	batv_ctl_put_number(o, "few_accepted", arm->unseen.few_accepted);
	batv_ctl_put_number(o, "few_seen", arm->unseen.few_seen);
	return o;
}

static json_t *json_domain(struct batv_status *s, const struct batv_domain *d)
{
	struct batv_arm arm = batv_arming_decide(&s->state.state, d, s->ctl->now);
	char name[BATV_DOMAIN_NAME_MAX + 32], why[BATV_ARM_TEXT_SIZE];
	struct batv_complete_facts facts;
	json_t *o = json_object();

	explain(s, d, &arm, why, sizeof why);
	batv_printable(batv_span_of(d->name), name, sizeof name);
	batv_ctl_put_text(o, "domain", name);
	batv_ctl_put_text(o, "policy", arm.policy ? arm.policy->name : NULL);
	batv_ctl_put_text(o, "mode", refuses(s, d, &arm) ? "reject" : "observe");
	batv_ctl_put_flag(o, "armed", d->flags & BATV_DOMAIN_ARMED);
	batv_ctl_put_text(o, "why", arm_name(s, d, &arm));
	batv_ctl_put_text(o, "text", why);
	batv_ctl_put_time(o, "since", arm.since);
	batv_ctl_put_time(o, "when", arm.when);
	batv_ctl_put_time(o, "first_signed", d->first_signed);
	batv_ctl_put_time(o, "last_signed", d->last_signed);
	batv_ctl_put_time(o, "first_valid", d->first_valid);
	batv_ctl_put_time(o, "last_valid", d->last_valid);
	batv_ctl_status_facts(s, d->name, &facts);
	batv_ctl_put(o, "memory", batv_ctl_complete_json(&facts));
	batv_ctl_put_time(o, "broken", arm.broken);
	batv_ctl_put(o, "evidence", json_evidence(&arm));
	return o;
}

static json_t *json_domains(struct batv_status *s)
{
	json_t *a = json_array();
	struct batv_domain d;

	if (!s->state_read)
		return a;
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++)
		json_array_append_new(a, json_domain(s, &d));
	return a;
}

static json_t *json_judged(struct batv_status *s)
{
	json_t *verdicts = json_object();

	for (int v = 0; v < BATV_VERDICT_COUNT; v++) {
		json_t *row = json_object();

		for (int a = 0; a < BATV_ACTION_COUNT; a++)
			batv_ctl_put_number(row, batv_action_name((enum batv_action)a),
					    judged(s, (enum batv_verdict)v, (enum batv_action)a));
		batv_ctl_put(verdicts, batv_verdict_name((enum batv_verdict)v), row);
	}
	return verdicts;
}

static json_t *json_spared(struct batv_status *s)
{
	json_t *o = json_object();
	size_t row;

	for (int why = 0; why < BATV_WHY_COUNT; why++)
		if (batv_verdict_spared_row((enum batv_reason)why, &row))
			batv_ctl_put_number(o, batv_reason_name((enum batv_reason)why),
					    counted(s, row));
	return o;
}

static json_t *json_counters(struct batv_status *s)
{
	json_t *o;

	if (!s->memory_ok)
		return json_null();
	o = json_object();
	batv_ctl_put_number(o, "days", DAYS);
	batv_ctl_put(o, "judged", json_judged(s));
	batv_ctl_put_number(o, "signed", counted(s, BATV_COUNT_SIGNED));
	batv_ctl_put_number(o, "left_no_state", counted(s, BATV_COUNT_LEFT_NO_STATE));
	batv_ctl_put_number(o, "left_untrusted", counted(s, BATV_COUNT_LEFT_UNTRUSTED));
	batv_ctl_put_number(o, "left_destination", counted(s, BATV_COUNT_LEFT_DESTINATION));
	batv_ctl_put_number(o, "left_other", counted(s, BATV_COUNT_LEFT_OTHER));
	batv_ctl_put_number(o, "doubt", counted(s, BATV_COUNT_DOUBT));
	batv_ctl_put(o, "spared", json_spared(s));
	batv_ctl_put(o, "deferred", batv_ctl_status_json_flood(s));
	batv_ctl_put(o, "hosts", batv_ctl_status_json_hosts(s));
	batv_ctl_put_number(o, "recall_known", counted(s, BATV_COUNT_RECALL_KNOWN));
	batv_ctl_put_number(o, "recall_missed", counted(s, BATV_COUNT_RECALL_MISSED));
	batv_ctl_put_number(o, "mixed", counted(s, BATV_COUNT_MIXED));
	return o;
}

void batv_ctl_status_print_json(struct batv_status *s)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "problems", json_lines(s->problems, s->n_problems));
	batv_ctl_put(o, "notes", json_lines(s->notes, s->n_notes));
	batv_ctl_put_text(o, "configuration", s->ctl->config_path);
	batv_ctl_put_flag(o, "configuration_ok", s->config_ok);
	batv_ctl_put_text(o, "directory", s->ctl->config.global.directory);
	batv_ctl_put_text(o, "batvd", daemon_word(s->daemon));
	batv_ctl_put_time(o, "batvd_looked", s->looked);
	batv_ctl_put(o, "exim", batv_ctl_status_json_exim(s));
	batv_ctl_put_flag(o, "observe_file", s->observe);
	batv_ctl_put_number(o, "domains_in_use", s->domains);
	batv_ctl_put_number(o, "domain_places", s->memory.sections.domain_slots);
	batv_ctl_put_text(o, "secret_fingerprint", s->fingerprint[0] ? s->fingerprint : NULL);
	batv_ctl_put(o, "state", s->state_read ? json_state(s) : json_null());
	batv_ctl_put(o, "overrides", batv_ctl_status_json_overrides(s));
	batv_ctl_put(o, "domains", json_domains(s));
	batv_ctl_put(o, "memory", batv_ctl_status_json_sent(s));
	batv_ctl_put(o, "counters", json_counters(s));
	batv_ctl_put(o, "forged", batv_ctl_status_json_forged(s));
	batv_ctl_put(o, "secret_shared", s->fingerprint[0] ? json_boolean(s->shared) : json_null());
	batv_ctl_print_json(o);
}
