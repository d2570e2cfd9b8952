/*
 * ctl_check.c - batvctl check: is the configuration right, do its keys fit, does Exim know its
 * lists?
 *
 * Invariant: changes nothing.  What could not be asked is called so, and is not taken for right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_lists.h"
#include "plan.h"

struct checking {
	struct batv_ctl *ctl;
	struct batv_asker asker;
	json_t *lists; /* what was asked, for --json; NULL: print it */
	size_t asked, wrong, unknown;
};

static void print_answer(void *ctx, const struct batv_list_answer *a)
{
	static const char *const answers[] = {"known", "wrong", "not evaluated"};
	struct checking *c = ctx;
	const char *answer = answers[a->answer];

	c->asked++;
	c->wrong += a->answer == BATV_LIST_WRONG;
	c->unknown += a->answer == BATV_LIST_UNKNOWN;
	if (c->lists)
		json_array_append_new(c->lists,
				      json_pack("{s:s, s:s, s:o, s:s, s:o}", "policy", a->policy,
						"option", a->option, "list",
						batv_ctl_json_text(a->list), "answer", answer,
						"why", batv_ctl_json_text(a->why)));
	else if (a->answer != BATV_LIST_KNOWN)
		printf("  policy %s, %s: %.200s: %s: %s\n", a->policy, a->option, a->list, answer,
		       a->why);
}

/* With the secrets that there are, if we may read them. */
static bool keys_fit(struct batv_ctl *ctl)
{
	struct batv_secrets *set = calloc(1, sizeof *set);
	bool known, fits;

	if (!set)
		return true;
	known = batv_store_open(&ctl->store, ctl->config.directory, ctl->message,
				sizeof ctl->message) == BATV_OK &&
		batv_store_read_secret(&ctl->store, set, ctl->message, sizeof ctl->message) ==
			BATV_OK;
	fits = batv_plan_fits(&ctl->config, known ? set : NULL, ctl->clock);
	batv_secrets_wipe(set);
	free(set);
	return fits;
}

static int finish_check(struct checking *c)
{
	const char *file = c->ctl->config_path;
	bool asked = c->asker.command[0] != '\0';

	if (c->lists)
		batv_ctl_print_json(json_pack("{s:o, s:b, s:i, s:b, s:o}", "file",
					      batv_ctl_json_text(file), "ok", !c->wrong, "policies",
					      (int)c->ctl->config.n_policies, "asked_exim",
					      (int)asked, "lists", c->lists));
	else
		printf("%s: %s: %zu %s; %s\n", file, c->wrong ? "wrong" : "right",
		       c->ctl->config.n_policies,
		       c->ctl->config.n_policies == 1 ? "policy" : "policies",
		       asked ? "Exim was asked about its lists"
			     : "lists not evaluated, for no exim is configured");
	if (c->wrong)
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"%s: Exim cannot look up %zu of the lists; "
			"mail that needs them is neither signed nor refused, or stays in the queue",
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
				     "%s: key_rotation, key_retention: would need more "
				     "than %d live keys; choose a longer key_rotation or a shorter "
				     "key_retention",
				     ctl->config_path, BATV_KEYS_MAX);
	if (ctl->json)
		c.lists = json_array();
	batv_ask_exim_init(&c.asker, ctl->config.exim, ctl->config_path, &matcher);
	c.asker.group = batv_ctl_exim_group(ctl);
	batv_ctl_lists(ctl->config.policies, ctl->config.n_policies, &c.asker, print_answer, &c);
	return finish_check(&c);
}
