/*
 * ctl_item.c - finds the item of a list that decided.
 */
#include "ctl_item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_kept.h"
#include "ctl_override.h"

/* The lists of a policy that a reason names, or that batvctl adds to. */
static const struct list {
	const char *option;
	int key; /* enum batv_override_key; -1: batvctl adds nothing to it */
	enum batv_reason reason;
	enum batv_list_kind kind;
} lists[] = {
	{"exempt_hosts", BATV_OVERRIDE_EXEMPT_HOST, BATV_WHY_EXEMPT_HOST, BATV_LIST_HOSTS},
	{"exempt_recipients", BATV_OVERRIDE_EXEMPT_RECIPIENT, BATV_WHY_EXEMPT_RECIPIENT,
	 BATV_LIST_ADDRESSES},
	{"unsigned_senders", BATV_OVERRIDE_UNSIGNED_SENDER, BATV_WHY_UNSIGNED_SENDER,
	 BATV_LIST_ADDRESSES},
	{"unsigned_destinations", BATV_OVERRIDE_UNSIGNED_DESTINATION, BATV_WHY_NONE,
	 BATV_LIST_ADDRESSES},
	{"unsigned_hosts", BATV_OVERRIDE_UNSIGNED_HOST, BATV_WHY_NONE, BATV_LIST_HOSTS},
	{"own_hosts", -1, BATV_WHY_OWN_HOST, BATV_LIST_HOSTS},
	{"relay_in_hosts", -1, BATV_WHY_RELAY_HOST, BATV_LIST_HOSTS},
	{"trusted_hosts", -1, BATV_WHY_TRUSTED_HOST, BATV_LIST_HOSTS},
};
#define LISTS (sizeof lists / sizeof lists[0])

/* ---- matching ---- */

static bool matches(const struct list *l, const struct batv_ctl_item_about *about, const char *list)
{
	const struct batv_origin origin = {.host_address = about->host};

	return (l->kind == BATV_LIST_HOSTS
			? batv_lists_host(about->matcher, &origin, list)
			: batv_lists_address(about->matcher, about->address, list)) == BATV_YES;
}

/* A list of this item alone, with a separator that is not in it. */
static bool alone(const char *item, char *out, size_t size)
{
	static const char separators[] = ":;|,";
	const char *s = separators;

	while (*s && strchr(item, *s))
		s++;
	return *s && !strchr(item, '\\') && snprintf(out, size, "<%c%s", *s, item) < (int)size;
}

static bool find_configured(const struct list *l, const struct batv_ctl_item_about *about,
			    struct batv_ctl_item *item)
{
	const struct batv_option *option = batv_option_find(batv_span_of(l->option));
	char list[BATV_LIST_ITEM_MAX + 3];
	struct batv_list_items items;
	struct batv_list_item one;
	const char *whole;

	whole = option && about->policy ? batv_option_text(about->policy, option) : "";
	if (!*whole || !matches(l, about, whole))
		return false;
	batv_exim_list_start(&items, l->kind, whole);
	while (batv_exim_list_next(&items, &one) && one.sort != BATV_LIST_ITEM_REFUSED)
		if (one.text[0] != '!' && alone(one.text, list, sizeof list) &&
		    matches(l, about, list)) {
			snprintf(item->text, sizeof item->text, "%.*s", (int)sizeof item->text - 1,
				 one.text);
			return true;
		}
	return false;
}

/* ---- kept items ---- */

/* The file of overrides, read once; without one that can be read there are none. */
static const struct batv_overrides *kept_items(struct batv_ctl *ctl)
{
	static struct batv_overrides set;
	static bool read;
	char message[1000];

	if (!read && batv_overrides_read(&ctl->store, &set, message, sizeof message) != BATV_OK)
		set.n = 0;
	read = true;
	return &set;
}

static bool find_kept(struct batv_ctl *ctl, const struct list *l,
		      const struct batv_ctl_item_about *about, struct batv_ctl_item *item)
{
	const struct batv_overrides *set = kept_items(ctl);

	for (size_t i = 0; i < set->n && l->key >= 0; i++) {
		const struct batv_overrides_line *line = &set->line[i];
		const struct batv_override *o = &line->override;

		if (o->key != l->key || (o->until && o->until <= about->at) ||
		    !matches(l, about, o->domain))
			continue;
		item->kept = true;
		item->until = o->until;
		snprintf(item->text, sizeof item->text, "%s", batv_ctl_kept_item(o));
		snprintf(item->note, sizeof item->note, "%s", line->note);
		return true;
	}
	return false;
}

const char *batv_ctl_item_kept(struct batv_ctl *ctl, enum batv_override_key key)
{
	const struct batv_overrides *set = kept_items(ctl);

	for (size_t i = 0; i < set->n; i++) {
		const struct batv_override *o = &set->line[i].override;

		if (o->key == key && (!o->until || o->until > ctl->now))
			return batv_ctl_kept_item(o);
	}
	return NULL;
}

/* ---- both ---- */

static bool find(struct batv_ctl *ctl, const struct list *l,
		 const struct batv_ctl_item_about *about, struct batv_ctl_item *item)
{
	*item = (struct batv_ctl_item){.option = l->option};
	return find_configured(l, about, item) || find_kept(ctl, l, about, item);
}

bool batv_ctl_item_of_reason(struct batv_ctl *ctl, enum batv_reason reason,
			     const struct batv_ctl_item_about *about, struct batv_ctl_item *item)
{
	for (size_t i = 0; i < LISTS && reason != BATV_WHY_NONE; i++)
		if (lists[i].reason == reason)
			return find(ctl, &lists[i], about, item);
	return false;
}

bool batv_ctl_item_of_list(struct batv_ctl *ctl, enum batv_override_key key,
			   const struct batv_ctl_item_about *about, struct batv_ctl_item *item)
{
	for (size_t i = 0; i < LISTS; i++)
		if (lists[i].key == (int)key)
			return find(ctl, &lists[i], about, item);
	return false;
}

/* ---- in words ---- */

void batv_ctl_item_words(const struct batv_ctl_item *item, char out[static BATV_CTL_ITEM_SIZE])
{
	char until[60];

	if (!item->kept) {
		snprintf(out, BATV_CTL_ITEM_SIZE, "%s", item->text);
		return;
	}
	batv_ctl_override_until(item->until, until, sizeof until);
	snprintf(out, BATV_CTL_ITEM_SIZE, "%s, by batvctl %s %s%s%s", item->text,
		 strncmp(item->option, "exempt", 6) == 0 ? "exempt" : "unsigned", until,
		 *item->note ? ": " : "", item->note);
}

json_t *batv_ctl_item_json(const struct batv_ctl_item *item)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "list", item->option);
	batv_ctl_put_text(o, "item", item->text);
	batv_ctl_put_flag(o, "kept", item->kept);
	batv_ctl_put_time(o, "until", item->until);
	batv_ctl_put_text(o, "note", *item->note ? item->note : NULL);
	return o;
}
