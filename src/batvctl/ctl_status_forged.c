/*
 * ctl_status_forged.c - batvctl status: forged tags, and the networks that they came from.
 *
 * Invariant: it only reads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl_status.h"
#include "memory/counters.h"
#include "memory/forged.h"

#define MANY 100 /* in a day; chance and late bounces make a few */
#define NAMED 3
#define LISTED 20

/* The count for the day of `when` alone. */
static uint64_t forged_on(struct batv_status *s, int64_t when)
{
	return batv_counted(&s->memory, BATV_COUNT_FORGED, 1, when);
}

/* Writes " (400 from 192.0.2.0/24, 7 from 2001:db8:1::/48)", or "" if no network is known. */
static void name_networks(struct batv_status *s, int64_t when, char *out, size_t size)
{
	struct batv_forger most[NAMED];
	size_t n = batv_forged_most(&s->memory, when, most, NAMED), used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%" PRIu32 " from %s%s",
					 i ? ", " : " (", most[i].count, most[i].network,
					 i + 1 == n ? ")" : "");
}

/* A time on the day that is worth reporting, today or yesterday; 0 if neither is. */
static int64_t busy_day(struct batv_status *s)
{
	int64_t now = s->ctl->now;

	if (!s->memory_ok)
		return 0;
	if (forged_on(s, now) >= MANY)
		return now;
	return forged_on(s, now - BATV_DAY) >= MANY ? now - BATV_DAY : 0;
}

void batv_ctl_status_check_forged(struct batv_status *s)
{
	int64_t when = busy_day(s);
	char networks[160];

	if (!when)
		return;
	name_networks(s, when, networks, sizeof networks);
	batv_ctl_status_problem(
		s,
		"%" PRIu64
		" forged tags %s%s: either somebody is guessing tags, or bounces come to tags of a "
		"key that this server lacks (a secret that was revoked or lost, or another "
		"server's; compare the fingerprints). Exim's main log has them as verdict=forged. "
		"If a secret is missing, import it; if a network is guessing, deny it in Exim's "
		"RCPT ACL",
		forged_on(s, when), when == s->ctl->now ? "today" : "yesterday", networks);
}

static json_t *json_forger(const struct batv_forger *forger)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "network", forger->network);
	batv_ctl_put_number(o, "count", forger->count);
	return o;
}

json_t *batv_ctl_status_json_forged(struct batv_status *s)
{
	struct batv_forger most[LISTED];
	int64_t when = busy_day(s);
	size_t n = when ? batv_forged_most(&s->memory, when, most, LISTED) : 0;
	json_t *o, *list;

	if (!when)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_forger(&most[i]));
	o = json_object();
	batv_ctl_put_text(o, "day", when == s->ctl->now ? "today" : "yesterday");
	batv_ctl_put_number(o, "count", forged_on(s, when));
	batv_ctl_put(o, "networks", list);
	return o;
}
