/*
 * ctl_status_json.c - batvctl status --json: all that status knows.
 *
 * Keys are only added.  Names of domains come from mail, so they are made
 * printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl_complete.h"
#include "ctl_status.h"
#include "memory/counters.h"

#define DAYS 7 /* the counters cover this many days */

static uint64_t counted(struct batv_status *s, size_t counter)
{
	return batv_counted(&s->memory, counter, DAYS, s->ctl->now);
}

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
	batv_ctl_put_text(o, "enforcement", batv_ctl_status_mode_name(p->enforcement));
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
	struct batv_arm arm = batv_ctl_arm(s->ctl, &s->state.state, d, s->ctl->now);
	char name[BATV_DOMAIN_NAME_MAX + 32], why[BATV_ARM_TEXT_SIZE];
	struct batv_complete_facts facts;
	json_t *o = json_object();

	batv_ctl_status_explain(s, d, &arm, why, sizeof why);
	batv_printable(batv_span_of(d->name), name, sizeof name);
	batv_ctl_put_text(o, "domain", name);
	batv_ctl_put_text(o, "policy", arm.policy ? arm.policy->name : NULL);
	batv_ctl_put_text(o, "mode", batv_ctl_status_refuses(s, d, &arm) ? "reject" : "observe");
	batv_ctl_put_flag(o, "armed", d->flags & BATV_DOMAIN_ARMED);
	batv_ctl_put_text(o, "why", batv_ctl_status_arm_name(s, d, &arm));
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
					    batv_ctl_status_judged(s, (enum batv_verdict)v,
								   (enum batv_action)a, DAYS));
		batv_ctl_put(verdicts, batv_verdict_name((enum batv_verdict)v), row);
	}
	return verdicts;
}

static json_t *json_spared(struct batv_status *s)
{
	json_t *o = json_object();
	size_t row;

	for (int why = 0; why < BATV_WHY_COUNT; why++)
		if (why != BATV_WHY_OBSERVE_FILE &&
		    batv_verdict_spared_row((enum batv_reason)why, &row))
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
	batv_ctl_put(o, "turned_away", batv_ctl_status_json_turned_away(s));
	batv_ctl_put(o, "hosts", batv_ctl_status_json_hosts(s));
	batv_ctl_put_number(o, "recall_known", counted(s, BATV_COUNT_RECALL_KNOWN));
	batv_ctl_put_number(o, "recall_missed", counted(s, BATV_COUNT_RECALL_MISSED));
	batv_ctl_put_number(o, "mixed", counted(s, BATV_COUNT_MIXED));
	return o;
}

/* Of the last days, the oldest first. */
static json_t *json_refused(struct batv_status *s)
{
	json_t *a = json_array();

	for (int day = DAYS - 1; s->memory_ok && day >= 0; day--) {
		struct batv_status_figures f;

		batv_ctl_status_figures(s, 1, s->ctl->now - day * (int64_t)BATV_DAY, &f);
		json_array_append_new(a, json_integer((json_int_t)f.refused));
	}
	return a;
}

void batv_ctl_status_print_json(struct batv_status *s)
{
	json_t *o = json_object();

	char host[256] = "";

	batv_ctl_put_number(o, "schema", 1);
	(void)gethostname(host, sizeof host - 1);
	batv_ctl_put_text(o, "host", host);
	batv_ctl_put(o, "at", json_integer((json_int_t)s->ctl->now));
	batv_ctl_put(o, "problems", json_lines(s->problems, s->n_problems));
	batv_ctl_put(o, "notes", json_lines(s->notes, s->n_notes));
	batv_ctl_put_text(o, "configuration", s->ctl->config_path);
	batv_ctl_put_flag(o, "configuration_ok", s->config_ok);
	batv_ctl_put_text(o, "directory", s->ctl->config.global.directory);
	batv_ctl_put_text(o, "batvd", batv_ctl_status_daemon_word(s));
	batv_ctl_put_time(o, "batvd_looked", s->looked);
	batv_ctl_put(o, "exim", batv_ctl_status_json_exim(s));
	batv_ctl_put_flag(o, "observe_file", s->observe);
	batv_ctl_put_number(o, "domains_in_use", s->domains);
	batv_ctl_put_number(o, "domain_places", s->memory.sections.domain_slots);
	batv_ctl_put_text(o, "secret_fingerprint", s->fingerprint[0] ? s->fingerprint : NULL);
	batv_ctl_put(o, "state", s->state_read ? json_state(s) : json_null());
	batv_ctl_put(o, "domains", json_domains(s));
	batv_ctl_put(o, "memory", batv_ctl_status_json_sent(s));
	batv_ctl_put(o, "counters", json_counters(s));
	batv_ctl_put(o, "today", batv_ctl_status_json_figures(s, 1));
	batv_ctl_put(o, "week", batv_ctl_status_json_figures(s, DAYS));
	batv_ctl_put(o, "refused_by_day", json_refused(s));
	batv_ctl_put_number(o, "refusing", batv_ctl_status_refusing(s));
	batv_ctl_put_time(o, "keys_end", batv_ctl_status_keys_end(s));
	batv_ctl_put(o, "overrides", batv_ctl_status_json_overrides(s));
	batv_ctl_put(o, "forged", batv_ctl_status_json_forged(s));
	batv_ctl_put(o, "secret_shared", s->fingerprint[0] ? json_boolean(s->shared) : json_null());
	batv_ctl_put(o, "fleet", batv_ctl_status_json_fleet(s));
	batv_ctl_print_json(o);
}
