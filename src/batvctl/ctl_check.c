/*
 * ctl_check.c - batvctl check: is the configuration right, do its keys fit, does Exim know its
 * lists?
 *
 * Invariant: changes nothing.  What could not be asked is called so, and is not taken for right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_exim.h"
#include "ctl.h"
#include "plain_list.h"
#include "plan.h"

struct checking {
	struct batv_ctl *ctl;
	struct batv_asker asker;
	json_t *lists; /* what was asked, for --json; NULL: print it */
	size_t asked, wrong, unknown;
};

/* Somebody that is in no list: only whether Exim can look is of interest. */
static const char *probe(enum batv_list_kind kind)
{
	switch (kind) {
	case BATV_LIST_DOMAINS:
		return "batv-check.invalid";
	case BATV_LIST_ADDRESSES:
		return "batv-check@batv-check.invalid";
	case BATV_LIST_HOSTS:
		break;
	}
	return "192.0.2.1";
}

/* A list that Exim can't look up is doubt for every mail: never signed, never refused. */
static bool is_error(const char *why)
{
	return strstr(why, "unknown named") || strstr(why, "failed to open") ||
	       strstr(why, "No such file");
}

static void ask(struct checking *c, const struct batv_policy *policy, const char *option,
		enum batv_list_kind kind, const char *list)
{
	enum batv_match match = batv_ask_exim(&c->asker, kind, probe(kind), list);
	bool wrong = match == BATV_MAYBE && is_error(c->asker.why);
	const char *answer = match != BATV_MAYBE ? "known" : wrong ? "wrong" : "not evaluated";
	const char *why = match == BATV_MAYBE ? c->asker.why : "";

	c->asked++;
	c->wrong += wrong;
	c->unknown += match == BATV_MAYBE && !wrong;
	if (c->lists)
		json_array_append_new(c->lists,
				      json_pack("{s:s, s:s, s:o, s:s, s:s}", "policy", policy->name,
						"option", option, "list", batv_ctl_json_text(list),
						"answer", answer, "why", why));
	else if (match == BATV_MAYBE)
		printf("  policy %s, %s: %.200s: %s: %s\n", policy->name, option, list, answer,
		       why);
}

/* Each named list of a list, one by one; then the whole, if it has anything else to look up. */
static void check_list(struct checking *c, const struct batv_policy *policy, const char *option,
		       enum batv_list_kind kind, const char *list)
{
	bool only_names = *list != '<';
	const char *rest = list;
	struct batv_span item;
	char name[256];

	while (only_names && batv_list_next(&rest, &item)) {
		if (item.len && item.p[0] == '!')
			item.p++, item.len--;
		if (!item.len || item.p[0] != '+' || item.len >= sizeof name) {
			only_names = false;
			continue;
		}
		memcpy(name, item.p, item.len);
		name[item.len] = '\0';
		ask(c, policy, option, kind, name);
	}
	/* Host names in a host list are not for match_ip; domains and addresses can be asked whole.
	 */
	if (!only_names && kind == BATV_LIST_DOMAINS &&
	    batv_plain_domain(probe(kind), list) == BATV_MAYBE)
		ask(c, policy, option, kind, list);
	else if (!only_names && kind == BATV_LIST_ADDRESSES &&
		 batv_plain_address(probe(kind), list) == BATV_MAYBE)
		ask(c, policy, option, kind, list);
}

static bool list_kind(enum batv_option_type type, enum batv_list_kind *kind)
{
	switch (type) {
	case BATV_OPT_DOMAINS:
		*kind = BATV_LIST_DOMAINS;
		return true;
	case BATV_OPT_ADDRESSES:
		*kind = BATV_LIST_ADDRESSES;
		return true;
	case BATV_OPT_HOSTS:
		*kind = BATV_LIST_HOSTS;
		return true;
	case BATV_OPT_BOOL:
	case BATV_OPT_CHOICE:
	case BATV_OPT_DURATION:
	case BATV_OPT_TEXT:
		break;
	}
	return false;
}

static const char *text_of(const struct batv_policy *policy, const struct batv_option *opt)
{
	const char *text;

	memcpy(&text, (const char *)policy + opt->offset, sizeof text);
	return text ? text : "";
}

static void check_lists(struct checking *c)
{
	const struct batv_config *config = &c->ctl->config;

	for (size_t p = 0; p < config->n_policies; p++) {
		for (size_t i = 0; i < batv_options_count; i++) {
			const struct batv_option *opt = &batv_options[i];
			enum batv_list_kind kind;
			const char *list;

			if (!list_kind(opt->type, &kind))
				continue;
			list = text_of(&config->policies[p], opt);
			if (!*list ||
			    (p > 0 && strcmp(list, text_of(&config->policies[0], opt)) == 0))
				continue; /* inherited: asked already */
			check_list(c, &config->policies[p], opt->name, kind, list);
		}
	}
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

static int finish(struct checking *c)
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
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "%s: Exim cannot look up %zu of the lists; "
				     "such mail is neither signed nor refused",
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
	batv_asker_init(&c.asker, ctl->config.exim, &matcher);
	if (*ctl->config.exim)
		check_lists(&c);
	return finish(&c);
}
