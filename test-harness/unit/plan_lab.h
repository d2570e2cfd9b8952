/*
 * plan_lab.h - what the tests of plan.c share: facts, a step to the next state, and what is
 * expected of it.
 */
#ifndef PLAN_LAB_H
#define PLAN_LAB_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"
#include "plan.h"
#include "timeline.h"
#include "unit.h"

#define T0 INT64_C(1795348800) /* 2026-11-22 12:00 UTC */
#define D BATV_DAY

static struct batv_config config;
static struct batv_secrets secrets;
static struct batv_plan plans[2];
static unsigned turn; /* plans[turn] is the state that is published */
static bool has_state;
static struct batv_plan_facts facts; /* what a test changes before step() */

__attribute__((unused)) static void add_secret(uint32_t number, int64_t start, int byte)
{
	struct batv_secret *s = &secrets.list[secrets.n++];

	*s = (struct batv_secret){
		.number = number, .start = start, .rotation = 7 * D, .retention = 7 * D};
	memset(s->bytes, byte, sizeof s->bytes);
}

__attribute__((unused)) static void setup(void)
{
	memset(&config, 0, sizeof config);
	memset(&secrets, 0, sizeof secrets);
	batv_policy_init_global(&config.global);
	config.n_policies = 3;
	batv_policy_init(&config.policies[0], "default");
	batv_policy_init(&config.policies[1], "shop");
	batv_policy_init(&config.policies[2], "club");
	memcpy(config.sum, "0123456789abcdef", 17);
	add_secret(1000, T0 - 30 * D, 1);
	facts = (struct batv_plan_facts){
		.config = &config, .secrets = &secrets, .memory = "memory"};
	has_state = false;
}

/* Publish the next state at `now`; returns it. */
__attribute__((unused)) static const struct batv_state *step(int64_t now)
{
	facts.previous = has_state ? &plans[turn].state : NULL;
	facts.now = now;
	turn = !turn;
	ck_assert_int_eq(batv_plan_next(&facts, &plans[turn]), BATV_OK);
	has_state = true;
	facts.jumped = 0;
	return &plans[turn].state;
}

__attribute__((unused)) static const struct batv_break *find(const char *policy)
{
	const struct batv_state *st = &plans[turn].state;

	for (size_t i = 0; i < st->n_breaks; i++)
		if (strcmp(st->breaks[i].policy, policy) == 0)
			return &st->breaks[i];
	return NULL;
}

/* One break, of all, of this time, and with this word in its reason. */
__attribute__((unused)) static void expect_break(int64_t when, int64_t until, const char *word)
{
	const struct batv_break *b = find("*");

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(b->when, when);
	ck_assert_int_eq(b->until, until);
	ck_assert_msg(strstr(b->why, word) != NULL, "%s is not in: %s", word, b->why);
	ck_assert(plans[turn].new_breaks != 0);
}

__attribute__((unused)) static void expect_no_break(void)
{
	const struct batv_state *st = &plans[turn].state;

	ck_assert_msg(plans[turn].new_breaks == 0, "break: %s",
		      st->n_breaks ? st->breaks[0].why : "?");
}

__attribute__((unused)) static void expect_lost(int64_t until, uint32_t number)
{
	ck_assert_int_eq(plans[turn].state.lost_until, until);
	ck_assert_uint_eq(plans[turn].state.lost_secret, number);
}

#endif
