/*
 * ctl_status_flood.c - batvctl status: messages that were deferred because a proof was used too
 * often, and what to do about it.
 *
 * Invariant: it only reads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl_price.h"
#include "ctl_status.h"
#include "decide/flood.h"
#include "memory/counters.h"

#define DAYS 7 /* the counters cover this many days, as in ctl_status_page.c */

static const struct {
	const char *why, *remedy;
} texts[] = {
	[BATV_FLOOD_NETWORK] =
		{"a network sent too many bounces or replies to one address",
		 "If the network is a stranger's, deny it in Exim. If these are real "
		 "bounces, raise flood_base or flood_share"},
	[BATV_FLOOD_TAG] = {"bounces to one tag came from many networks",
			    "Somebody sends spam with that tag. What cites no message of ours is "
			    "deferred until the tag's key dies; batvctl rotate --revoke ends it at "
			    "once, for all tags of its secret. If these are real bounces, raise "
			    "flood_base or flood_share"},
	[BATV_FLOOD_ID] = {"a network sent too many replies to one message",
			   "If the network is a stranger's, deny it in Exim. If these are real "
			   "replies, raise flood_base or flood_share"},
};
#define LIMITS BATV_FLOOD_NONE
_Static_assert(LIMITS == BATV_COUNT_DEFERRED_END - BATV_COUNT_DEFERRED, "one row for each limit");

static uint64_t deferred(struct batv_status *s, size_t limit, unsigned days)
{
	return batv_counted(&s->memory, BATV_COUNT_DEFERRED + limit, days, s->ctl->now);
}

static void tell_price(struct batv_status *s)
{
	char price[BATV_CTL_PRICE_SIZE];

	for (size_t i = 0; s->config_ok && i < s->ctl->config.n_policies; i++)
		if (batv_ctl_price(&s->ctl->config.policies[i], price))
			batv_ctl_status_note(s, "%s", price);
}

void batv_ctl_status_check_flood(struct batv_status *s)
{
	tell_price(s);
	if (s->memory_ok && deferred(s, BATV_FLOOD_HINT, 1) > 0)
		batv_ctl_status_problem(
			s,
			"%" PRIu64
			" times today, a hint had been used too often, and the message was judged "
			"without it (reason=hint-). If these are real answers to a local program, "
			"let it send with the address of its From header as the envelope sender",
			deferred(s, BATV_FLOOD_HINT, 1));
	for (size_t i = 0; s->memory_ok && i < sizeof texts / sizeof texts[0]; i++)
		if (deferred(s, i, 1) > 0)
			batv_ctl_status_problem(s,
						"%" PRIu64 " times today, mail was deferred "
						"because %s; Exim's main log has the "
						"details (flood=). %s",
						deferred(s, i, 1), texts[i].why, texts[i].remedy);
}

static uint64_t turned_away(struct batv_status *s, size_t row)
{
	return batv_counted(&s->memory, row, DAYS, s->ctl->now);
}

void batv_ctl_status_print_flood(struct batv_status *s)
{
	uint64_t sum = 0;

	if (turned_away(s, BATV_COUNT_FLOOD_HOST) + turned_away(s, BATV_COUNT_FLOOD_RCPT) > 0)
		printf("  turned away before DATA: deferred for their host %" PRIu64
		       ", refused for a flooded recipient %" PRIu64 "\n",
		       turned_away(s, BATV_COUNT_FLOOD_HOST),
		       turned_away(s, BATV_COUNT_FLOOD_RCPT));

	for (size_t i = 0; i < LIMITS; i++)
		sum += deferred(s, i, DAYS);
	if (sum > 0)
		printf("  deferred: a network's limit %" PRIu64 ", a tag's %" PRIu64
		       ", an id's %" PRIu64 "; hints not used %" PRIu64 "\n",
		       deferred(s, 0, DAYS), deferred(s, 1, DAYS), deferred(s, 2, DAYS),
		       deferred(s, 3, DAYS));
}

json_t *batv_ctl_status_json_turned_away(struct batv_status *s)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "host", turned_away(s, BATV_COUNT_FLOOD_HOST));
	batv_ctl_put_number(o, "rcpt", turned_away(s, BATV_COUNT_FLOOD_RCPT));
	return o;
}

json_t *batv_ctl_status_json_flood(struct batv_status *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < LIMITS; i++)
		batv_ctl_put_number(o, batv_flood_name((enum batv_flood_limit)i),
				    deferred(s, i, DAYS));
	return o;
}
