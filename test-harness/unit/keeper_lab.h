/*
 * keeper_lab.h - what the tests of the keeper share: a configuration with one policy, a directory,
 * and looks at it.
 */
#ifndef KEEPER_LAB_H
#define KEEPER_LAB_H

#include <check.h>
#include <string.h>

#include "keeper.h"
#include "sandbox.h"

#define T0 INT64_C(1795348800) /* 2026-11-22 12:00 UTC */
#define D BATV_DAY

static struct batv_config config;
static struct batv_keeper keeper;
static struct batv_looked looked;
static char said[65536]; /* since the last look */

static void listen(void *ctx, int priority, const char *line)
{
	(void)ctx, (void)priority;
	strncat(said, line, sizeof said - strlen(said) - 2);
	strcat(said, "\n");
}

static void start(void)
{
	char why[BATV_MESSAGE_SIZE];

	memset(&keeper, 0, sizeof keeper);
	ck_assert_int_eq(batv_store_open(&keeper.store, sandbox, why, sizeof why), BATV_OK);
	keeper.notices.say = listen;
}

/* The caller adds whatever more it needs, and starts. */
static void make_config(void)
{
	sandbox_make();
	memset(&config, 0, sizeof config);
	batv_policy_init_global(&config.global);
	config.global.memory_capacity = 1000;
	config.n_policies = 1;
	batv_policy_init(&config.policies[0], "default");
	config.policies[0].domains = "a.test : b.test"; /* by name: three days arm them */
	memcpy(config.sum, "0123456789abcdef", 17);
}

static void look_as(const struct batv_look *look)
{
	said[0] = '\0';
	batv_keeper_look(&keeper, &config, look, &looked);
}

/* A look that expects no trouble. */
static void look(int64_t now)
{
	look_as(&(struct batv_look){.now = now, .make_secret = true});
	for (size_t i = 0; i < BATV_TROUBLE_COUNT; i++)
		ck_assert_str_eq(keeper.notices.trouble[i], "");
	ck_assert(looked.usable);
}

#endif
