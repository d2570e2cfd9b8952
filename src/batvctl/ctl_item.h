/*
 * ctl_item.h - which item of which list decided: one of exim-batv.conf, or one that batvctl
 * unsigned or batvctl exempt keeps.
 *
 * Exim's lists only answer yes or no, so the items are asked one by one, after the decision.
 */
#ifndef BATV_CTL_ITEM_H
#define BATV_CTL_ITEM_H

#include "ctl.h"
#include "decide/lists.h"
#include "overrides.h"

struct batv_ctl_item {
	const char *option;                     /* "exempt_hosts" */
	char text[300];                         /* as a person writes it */
	bool kept;                              /* by batvctl, not in exim-batv.conf */
	int64_t until;                          /* of a kept one; 0: it does not end */
	char note[BATV_OVERRIDES_NOTE_MAX + 1]; /* of a kept one; "": none */
};

/* What is asked about. */
struct batv_ctl_item_about {
	const struct batv_policy *policy; /* NULL: only kept items are looked at */
	const char *host, *address; /* the client or next hop; the untagged address; NULL: none */
	int64_t at;                 /* kept items that have ended by then do not count */
	const struct batv_matcher *matcher;
};

/*
 * Finds the item of the list that a reason names.  Returns false if there is none, or if it cannot
 * be told: a pattern with a backslash, or a list that Exim does not answer about.
 */
bool batv_ctl_item_of_reason(struct batv_ctl *ctl, enum batv_reason reason,
			     const struct batv_ctl_item_about *about, struct batv_ctl_item *item);
/* The same for the list that has this key. */
bool batv_ctl_item_of_list(struct batv_ctl *ctl, enum batv_override_key key,
			   const struct batv_ctl_item_about *about, struct batv_ctl_item *item);

/* The first item that batvctl keeps in this list and that has not ended; NULL: none. */
const char *batv_ctl_item_kept(struct batv_ctl *ctl, enum batv_override_key key);

/* "192.0.2.7, by batvctl exempt until 2026-12-01 12:00 UTC: their gateway" */
#define BATV_CTL_ITEM_SIZE 560
void batv_ctl_item_words(const struct batv_ctl_item *item, char out[static BATV_CTL_ITEM_SIZE]);
json_t *batv_ctl_item_json(const struct batv_ctl_item *item);

#endif
