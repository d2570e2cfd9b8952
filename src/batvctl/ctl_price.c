/*
 * ctl_price.c - the price of refusing unread.
 */
#include "ctl_price.h"

#include <stdio.h>

bool batv_ctl_price(const struct batv_policy *policy, char out[static BATV_CTL_PRICE_SIZE])
{
	if (!policy->flood_refuse_at_rcpt)
		return false;
	if (batv_policy_leaves_untagged(policy))
		snprintf(out, BATV_CTL_PRICE_SIZE,
			 "policy %s: flood_refuse_at_rcpt has no effect, because mail may leave "
			 "untagged (unsigned_senders, unsigned_destinations, unsigned_hosts) and "
			 "its "
			 "bounces come "
			 "back untagged",
			 policy->name);
	else
		snprintf(out, BATV_CTL_PRICE_SIZE,
			 "policy %s: flood_refuse_at_rcpt = on: while forged bounces flood an "
			 "untagged address, automatic mail to it is refused unread, also bounces, "
			 "out-of-office replies and read receipts that only the sent-mail memory "
			 "could have proven. It needs BATV_RCPT_FLOOD_LIMIT in Exim's "
			 "configuration",
			 policy->name);
	return true;
}
