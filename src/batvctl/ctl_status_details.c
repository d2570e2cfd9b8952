/*
 * ctl_status_details.c - batvctl status --domains: all that is known, below the
 * page.
 *
 * Invariant: names of domains come from mail, so they are made printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_status.h"
#include "memory/counters.h"
#include "plan.h"

#define DAYS 7 /* the counters cover this many days */

/* ---- counters ---- */

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
			sum += n[a] = batv_ctl_status_judged(s, (enum batv_verdict)v,
							     (enum batv_action)a, DAYS);
		if (!sum)
			continue;
		printf("  %-12s", batv_verdict_name((enum batv_verdict)v));
		for (int a = 0; a < BATV_ACTION_COUNT; a++)
			printf(" %10" PRIu64, n[a]);
		putchar('\n');
	}
}

/* Prints why failed recipients were not refused; nothing if all of them were.
 */
static void print_spared(struct batv_status *s)
{
	bool any = false;
	size_t row;

	for (int why = 0; why < BATV_WHY_COUNT; why++) {
		uint64_t n = why != BATV_WHY_OBSERVE_FILE &&
					     batv_verdict_spared_row((enum batv_reason)why, &row)
				     ? counted(s, row)
				     : 0;

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

static void print_parts(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	char when[BATV_TIME_SIZE];

	printf("\nconfiguration  %s%s\ndirectory      %s\nbatvd          %s\n", s->ctl->config_path,
	       s->config_ok ? "" : ", NOT IN FORCE", s->ctl->config.global.directory,
	       batv_ctl_status_daemon_word(s));
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
		       p->signing ? "on" : "off", batv_ctl_status_mode_name(p->enforcement), grace,
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
		puts("  none yet: no mail has left signed, and no valid bounce has come "
		     "back");
	else if (arms_by_itself(&s->state.state))
		puts("  (any other domain with enforcement = auto observes; its grace "
		     "begins with "
		     "its first signed mail)");
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++) {
		struct batv_arm arm = batv_ctl_arm(s->ctl, &s->state.state, &d, s->ctl->now);
		char name[BATV_DOMAIN_NAME_MAX + 32], why[BATV_ARM_TEXT_SIZE];

		if (!batv_ctl_status_wanted(s, d.name))
			continue;
		batv_ctl_status_explain(s, &d, &arm, why, sizeof why);
		batv_printable(batv_span_of(d.name), name, sizeof name);
		printf("  %s: %s\n", name, why);
	}
}

void batv_ctl_status_print_details(struct batv_status *status)
{
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
