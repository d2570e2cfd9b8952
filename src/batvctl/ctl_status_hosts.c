/*
 * ctl_status_hosts.c - batvctl status: hosts that a list of the configuration lacks, or should not
 * have, and a received_header_text that cannot be read.
 *
 * Invariant: it only reads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl_status.h"
#include "memory/counters.h"
#include "memory/hosts.h"

#define DAYS 7    /* as in ctl_status_page.c */
#define MANY 20   /* bounces of one trusted host, within about two days */
#define RECENT 14 /* days */

static uint64_t of_failed(struct batv_status *s)
{
	uint64_t sum = 0;

	for (int v = BATV_MISSING; v <= BATV_FORGED; v++)
		for (int c = 0; c < BATV_CLASS_COUNT; c++)
			for (int a = 0; a < BATV_ACTION_COUNT; a++)
				sum += batv_counted(&s->memory,
						    batv_counter_of((enum batv_verdict)v,
								    (enum batv_class)c,
								    (enum batv_action)a),
						    DAYS, s->ctl->now);
	return sum;
}

static uint64_t of_trusted(struct batv_status *s)
{
	size_t row;

	return batv_verdict_spared_row(BATV_WHY_TRUSTED_HOST, &row)
		       ? batv_counted(&s->memory, row, DAYS, s->ctl->now)
		       : 0;
}

static void check_trusted(struct batv_status *s)
{
	struct batv_host hosts[BATV_HOSTS_EACH];
	size_t n = batv_host_list(&s->memory, BATV_HOST_TRUSTED, 2, s->ctl->now, hosts);

	for (size_t i = 0; i < n; i++)
		if (hosts[i].count >= MANY && of_trusted(s) * 2 >= of_failed(s))
			batv_ctl_status_problem(
				s,
				"host %s brings most bounces that nothing proves (%" PRIu32
				" lately), and they are marked, not rejected, because it is in "
				"trusted_hosts. If it brings mail of strangers (a proxy, a relay), "
				"take it out of trusted_hosts, or set mark_trusted_hosts = off, or "
				"list it in relay_in_hosts",
				hosts[i].address, hosts[i].count);
}

static void check_each(struct batv_status *s, enum batv_host_kind kind, const char *text)
{
	struct batv_host hosts[BATV_HOSTS_EACH];
	size_t n = batv_host_list(&s->memory, kind, RECENT, s->ctl->now, hosts);

	for (size_t i = 0; i < n; i++)
		batv_ctl_status_problem(s, "host %s %s", hosts[i].address, text);
}

void batv_ctl_status_check_hosts(struct batv_status *s)
{
	if (!s->memory_ok)
		return;
	check_trusted(s);
	check_each(
		s, BATV_HOST_FETCHES,
		"brings mail that was fetched from a mailbox elsewhere, and some of it failed. If "
		"the host is yours, list it in relay_in_hosts, or what we reject stays in that "
		"mailbox for ever");
	check_each(
		s, BATV_HOST_RELAY_SENDS,
		"is in relay_in_hosts, and sends mail of your domains that it wrote itself. That "
		"mail leaves untagged, so bounces to the untagged addresses of these domains are "
		"marked, not rejected. Let the host send with SMTP AUTH, or give it the secret "
		"(batvctl secret export)");
	if (batv_host_unread_last(&s->memory) + BATV_DAY > s->ctl->now)
		batv_ctl_status_problem(
			s, "Exim's own Received line cannot be read: received_header_text was "
			   "changed. Mail of strangers that comes back from a filter, a list or a "
			   "user's rules is then taken for ours, unless an ACL sets acl_m_batv to "
			   "untrusted; see install.md");
}

void batv_ctl_status_print_hosts(struct batv_status *s)
{
	uint64_t trusted = of_trusted(s);

	if (trusted > 0)
		printf("  from trusted hosts: %" PRIu64 " of %" PRIu64 " that failed\n", trusted,
		       of_failed(s));
}

static json_t *json_kind(struct batv_status *s, enum batv_host_kind kind)
{
	struct batv_host hosts[BATV_HOSTS_EACH];
	size_t n = batv_host_list(&s->memory, kind, RECENT, s->ctl->now, hosts);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		batv_ctl_put_text(o, "host", hosts[i].address);
		batv_ctl_put_number(o, "count", hosts[i].count);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *batv_ctl_status_json_hosts(struct batv_status *s)
{
	json_t *o = json_object();

	batv_ctl_put(o, "trusted", json_kind(s, BATV_HOST_TRUSTED));
	batv_ctl_put(o, "fetches", json_kind(s, BATV_HOST_FETCHES));
	batv_ctl_put(o, "relay_sends", json_kind(s, BATV_HOST_RELAY_SENDS));
	return o;
}
