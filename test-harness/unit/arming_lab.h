/*
 * arming_lab.h - what the tests of arming share: a state of three policies, and domains with
 * evidence.
 */
#ifndef ARMING_LAB_H
#define ARMING_LAB_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arming.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define T0 INT64_C(1795348800) /* 2026-11-22 12:00 UTC */
#define H 3600
#define D 86400
#define GRACE (7 * D)

/* Relative to T0; 0 is "never" here as well. */
struct evidence {
	int64_t first_signed, last_signed, first_valid, last_valid;
};

static struct batv_state state; /* large */

__attribute__((unused)) static void make_state(void)
{
	memset(&state, 0, sizeof state);
	state.n_policies = 3;
	state.policies[0] = (struct batv_policy){.name = "default", .signing = true};
	state.policies[0].grace = GRACE;
	state.policies[1] = (struct batv_policy){.name = "off", .grace = GRACE};
	state.policies[2] = (struct batv_policy){.name = "short", .signing = true};
	for (size_t i = 0; i < state.n_policies; i++) {
		state.policies[i].enforcement = BATV_ENFORCE_AUTO;
		state.policies[i].domains = "+local_domains";
	}
	state.global.key_rotation = 7 * D;
	state.global.key_retention = 7 * D;
}

__attribute__((unused)) static uint64_t day_at(int64_t t)
{
	return (uint64_t)((T0 + t) / D);
}

__attribute__((unused)) static uint64_t word_at(int64_t t, uint64_t value)
{
	return day_at(t) << 48 | value;
}

__attribute__((unused)) static void add_break(const char *policy, int64_t when, int64_t until)
{
	struct batv_break *b = &state.breaks[state.n_breaks++];

	*b = (struct batv_break){.policy = policy, .when = T0 + when, .why = "a test"};
	b->until = until ? T0 + until : 0;
}

__attribute__((unused)) static uint32_t at(int64_t t)
{
	return t ? (uint32_t)(T0 + t) : 0;
}

/* Three hashes of the day at t. */
__attribute__((unused)) static void fill(uint64_t words[static BATV_DOMAIN_HASHES], int64_t t,
					 unsigned n)
{
	for (unsigned i = 0; i < BATV_DOMAIN_HASHES; i++)
		words[i] = i < n ? word_at(t, i + 1) : 0;
}

/* Mail left signed on each day from the first to the last, and bounces alone make it complete. */
__attribute__((unused)) static struct batv_domain domain_of(const char *policy, struct evidence e,
							    int64_t now)
{
	struct batv_domain d = {.name = "example.com",
				.policy_sum = batv_domain_policy_sum(policy)};

	d.first_signed = at(e.first_signed);
	d.last_signed = at(e.last_signed);
	d.first_valid = at(e.first_valid);
	d.last_valid = at(e.last_valid);
	for (int64_t t = e.last_signed;
	     d.first_signed && day_at(t) >= day_at(e.first_signed) && e.last_signed - t < 47 * D;
	     t -= D)
		d.sending.signed_days |= UINT64_C(1) << (day_at(e.last_signed) - day_at(t));
	d.sending.signed_days |= day_at(e.last_signed) << 48;
	fill(d.sending.tags, now, 3);
	fill(d.sending.networks, now, 3);
	return d;
}

__attribute__((unused)) static struct batv_arm decide(const char *policy, struct evidence e,
						      int64_t now)
{
	struct batv_domain d = domain_of(policy, e, now);

	return batv_arming_decide(&state, &d, T0 + now);
}

__attribute__((unused)) static void expect_sentence(const struct batv_arm *arm,
						    const char *const *says, size_t n)
{
	char text[BATV_ARM_TEXT_SIZE], cut[20];
	size_t i;

	batv_arming_explain(arm, text, sizeof text);
	for (i = 0; i < n && says[i]; i++)
		ck_assert_msg(strstr(text, says[i]) != NULL, "no \"%s\" in \"%s\"", says[i], text);
	ck_assert_msg(strlen(text) < sizeof text - 1 && !strchr(text, '\n'), "%s", text);
	batv_arming_explain(arm, cut, sizeof cut);
	ck_assert_int_eq(strncmp(cut, text, sizeof cut - 1), 0);
	ck_assert_int_eq(cut[sizeof cut - 1], '\0');
	batv_arming_explain(arm, cut, 1);
	ck_assert_str_eq(cut, "");
}

#endif
