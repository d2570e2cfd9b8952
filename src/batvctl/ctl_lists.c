/*
 * ctl_lists.c - asks Exim about the lists of the configuration, one by one.
 *
 * Invariant: Exim is asked only about lists that list_file.h and exim_list.h allow (ask_exim.c
 * ensures that).  A list that could not be asked is not reported as right.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl_lists.h"

#define NAMES_MAX 64 /* so many named lists are asked only once */

struct name {
	enum batv_list_kind kind;
	bool good;
	char text[80];
};

struct looking {
	struct batv_asker *asker;
	void (*tell)(void *ctx, const struct batv_list_answer *answer);
	void *ctx;
	const char *policy, *option;
	struct name names[NAMES_MAX];
	size_t n_names;
};

/* A value that is in no list: all that matters is whether Exim can look. */
static const char *nobody(enum batv_list_kind kind)
{
	switch (kind) {
	case BATV_LIST_DOMAINS: return "batv-check.invalid";
	case BATV_LIST_ADDRESSES: return "batv-check@batv-check.invalid";
	case BATV_LIST_HOSTS: break;
	}
	return "192.0.2.1";
}

static bool answer_with(struct looking *l, const char *list, enum batv_match match)
{
	struct batv_list_answer answer = {
		.policy = l->policy, .option = l->option, .list = list, .why = ""};

	if (match == BATV_MAYBE) {
		answer.answer = l->asker->wrong ? BATV_LIST_WRONG : BATV_LIST_UNKNOWN;
		answer.ends_exim = l->asker->wrong && l->asker->ended;
		answer.why = l->asker->why;
	}
	l->tell(l->ctx, &answer);
	return match != BATV_MAYBE;
}

/* False: Exim cannot look, and this has been told. */
static bool try_in_exim(struct looking *l, enum batv_list_kind kind, const char *list)
{
	return !*l->asker->command ||
	       answer_with(l, list, batv_ask_exim(l->asker, kind, nobody(kind), list));
}

/* ---- named lists ---- */

static struct name *find_name(struct looking *l, enum batv_list_kind kind, const char *text)
{
	for (size_t i = 0; i < l->n_names; i++)
		if (l->names[i].kind == kind && strcmp(l->names[i].text, text) == 0)
			return &l->names[i];
	return NULL;
}

static bool ask_name(struct looking *l, enum batv_list_kind kind, const char *text)
{
	struct name *name = find_name(l, kind, text);
	bool good;

	if (name)
		return name->good;
	good = try_in_exim(l, kind, text);
	if (l->n_names < NAMES_MAX && strlen(text) < sizeof name->text) {
		name = &l->names[l->n_names++];
		name->kind = kind;
		name->good = good;
		strcpy(name->text, text);
	}
	return good;
}

/* "+caseful" and the like look like named lists, but are not. */
static bool is_switch(const char *name)
{
	static const char *const switches[] = {"+caseful", "+include_unknown", "+ignore_unknown",
					       "+include_defer", "+ignore_defer"};

	for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
		if (strcmp(name, switches[i]) == 0)
			return true;
	return false;
}

static bool ask_named(struct looking *l, enum batv_list_kind kind,
		      const struct batv_list_item *item)
{
	/* after "user@" it is a list of domains */
	if (memchr(item->text, '@', (size_t)(item->part - item->text)))
		kind = BATV_LIST_DOMAINS;
	return is_switch(item->part) || ask_name(l, kind, item->part);
}

/* ---- all lists ---- */

static void look_at_list(struct looking *l, enum batv_list_kind kind, const char *list)
{
	struct batv_list_items items;
	struct batv_list_item item;
	bool good = batv_ask_exim_allowed(l->asker, kind, list), looks = false;

	if (!good)
		(void)answer_with(l, list, BATV_MAYBE);
	batv_exim_list_start(&items, kind, list);
	while (batv_exim_list_next(&items, &item)) {
		if (item.sort == BATV_LIST_ITEM_NAMED)
			good = ask_named(l, kind, &item) && good;
		else if (item.sort != BATV_LIST_ITEM_PLAIN)
			looks = true;
	}
	/* match_ip does not take host names, so a list of hosts cannot be asked whole */
	if (good && looks && kind != BATV_LIST_HOSTS)
		(void)try_in_exim(l, kind, list);
}

void batv_ctl_lists(const struct batv_policy *policies, size_t n, struct batv_asker *asker,
		    void (*tell)(void *ctx, const struct batv_list_answer *answer), void *ctx)
{
	struct looking l = {.asker = asker, .tell = tell, .ctx = ctx};

	for (size_t p = 0; p < n; p++)
		for (size_t i = 0; i < batv_options_count; i++) {
			const struct batv_option *opt = &batv_options[i];
			enum batv_list_kind kind;
			const char *list;

			if (!batv_option_is_list(opt, &kind))
				continue;
			list = batv_option_text(&policies[p], opt);
			if (!*list ||
			    (p > 0 && strcmp(list, batv_option_text(&policies[0], opt)) == 0))
				continue; /* inherited: asked already */
			l.policy = policies[p].name;
			l.option = opt->name;
			look_at_list(&l, kind, list);
		}
}

gid_t batv_ctl_exim_group(const struct batv_ctl *ctl)
{
	struct stat st;

	return stat(ctl->config.global.directory, &st) == 0 ? st.st_gid : (gid_t)-1;
}
