/*
 * ctl_price.h - says what flood_refuse_at_rcpt costs, to those who turned it on.
 */
#ifndef BATV_CTL_PRICE_H
#define BATV_CTL_PRICE_H

#include <stdbool.h>
#include <stddef.h>

#include "decide/policy.h"

#define BATV_CTL_PRICE_SIZE 500

/* Writes one line of text, or returns false if the policy does not have the option on. */
bool batv_ctl_price(const struct batv_policy *policy, char out[static BATV_CTL_PRICE_SIZE]);

#endif
