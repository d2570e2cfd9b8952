/*
 * ctl_check.c - batvctl check: is the configuration right, do its keys fit, and does Exim know its
 * lists?
 *
 * Invariant: it changes nothing.  A list that could not be asked is reported as such, not as right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_complete.h"
#include "ctl_price.h"
#include "ctl_lists.h"
#include "plan.h"

struct checking {
	struct batv_ctl *ctl;
	struct batv_asker asker;
	json_t *lists; /* the answers, for --json; NULL: print them */
	size_t asked, wrong, unknown;
};

static json_t *json_answer(const struct batv_list_answer *a, const char *answer)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "policy", a->policy);
	batv_ctl_put_text(o, "option", a->option);
	batv_ctl_put_text(o, "list", a->list);
	batv_ctl_put_text(o, "answer", answer);
	batv_ctl_put_text(o, "why", a->why);
	return o;
}

static void print_answer(void *ctx, const struct batv_list_answer *a)
{
	static const char *const answers[] = {"known", "wrong", "not evaluated"};
	struct checking *c = ctx;
	const char *answer = answers[a->answer];

	c->asked++;
	c->wrong += a->answer == BATV_LIST_WRONG;
	c->unknown += a->answer == BATV_LIST_UNKNOWN;
	if (c->lists)
		json_array_append_new(c->lists, json_answer(a, answer));
	else if (a->answer != BATV_LIST_KNOWN)
		printf("  policy %s, %s: %.200s: %s: %s\n", a->policy, a->option, a->list, answer,
		       a->why);
}

/* Counts the existing secrets too, if we may read them. */
static bool keys_fit(struct batv_ctl *ctl)
{
	struct batv_secrets *set = calloc(1, sizeof *set);
	bool known, fits;

	if (!set)
		return true;
	known = batv_store_open(&ctl->store, ctl->config.global.directory, ctl->message,
				sizeof ctl->message) == BATV_OK &&
		batv_store_read_secret(&ctl->store, set, ctl->message, sizeof ctl->message) ==
			BATV_OK;
	fits = batv_plan_fits(&ctl->config, known ? set : NULL, ctl->clock);
	batv_secrets_wipe(set);
	free(set);
	return fits;
}

/* Takes the reference to its lists. */
static json_t *json_checking(const struct checking *c, bool asked)
{
	json_t *o = json_object();
	char never[500];

	batv_ctl_put_text(o, "file", c->ctl->config_path);
	batv_ctl_put_flag(o, "ok", !c->wrong);
	batv_ctl_put_number(o, "policies", c->ctl->config.n_policies);
	batv_ctl_put_flag(o, "asked_exim", asked);
	batv_ctl_put(o, "lists", c->lists);
	batv_ctl_put_text(o, "note",
			  batv_ctl_complete_never(&c->ctl->config.global, never, sizeof never)
				  ? never
				  : NULL);
	return o;
}

static void print_prices(const struct checking *c)
{
	char price[BATV_CTL_PRICE_SIZE];

	for (size_t i = 0; i < c->ctl->config.n_policies; i++)
		if (batv_ctl_price(&c->ctl->config.policies[i], price))
			printf("%s: note: %s\n", c->ctl->config_path, price);
}

static int finish_check(struct checking *c)
{
	const char *file = c->ctl->config_path;
	bool asked = c->asker.command[0] != '\0';
	char never[500];

	if (c->lists)
		batv_ctl_print_json(json_checking(c, asked));
	else
		printf("%s: %s: %zu %s; %s\n", file, c->wrong ? "wrong" : "right",
		       c->ctl->config.n_policies,
		       c->ctl->config.n_policies == 1 ? "policy" : "policies",
		       asked ? "Exim was asked about its lists"
			     : "lists not evaluated because no Exim was found, or exim = none");
	if (!c->lists && batv_ctl_complete_never(&c->ctl->config.global, never, sizeof never))
		printf("%s: note: %s\n", file, never);
	if (!c->lists)
		print_prices(c);
	if (c->wrong)
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"%s: Exim cannot evaluate %zu of the lists; mail that needs them is "
			"neither signed nor refused, or stays in the queue; correct them",
			file, c->wrong);
	if (c->unknown)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "%s: %zu of the lists could not be evaluated", file,
				     c->unknown);
	return BATV_CTL_YES;
}

int batv_ctl_check(struct batv_ctl *ctl, char **args, int n)
{
	struct checking c = {.ctl = ctl};
	struct batv_matcher matcher;
	int code = batv_ctl_load(ctl);

	(void)args, (void)n;
	if (code)
		return code;
	if (!keys_fit(ctl))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "%s: key_rotation, key_retention: these would need more "
				     "than %d live keys; choose a longer key_rotation or a shorter "
				     "key_retention",
				     ctl->config_path, BATV_KEYS_MAX);
	if (ctl->json)
		c.lists = json_array();
	batv_ask_exim_init(&c.asker, ctl->config.global.exim, ctl->config_path, &matcher);
	c.asker.group = batv_ctl_exim_group(ctl);
	batv_ctl_lists(ctl->config.policies, ctl->config.n_policies, &c.asker, print_answer, &c);
	return finish_check(&c);
}
