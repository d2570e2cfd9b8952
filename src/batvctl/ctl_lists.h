/*
 * ctl_lists.h - can Exim evaluate the lists of the configuration?  For `check` and `status`.
 */
#ifndef BATV_CTL_LISTS_H
#define BATV_CTL_LISTS_H

#include "ask_exim.h"
#include "ctl.h"

enum batv_list_verdict { BATV_LIST_KNOWN, BATV_LIST_WRONG, BATV_LIST_UNKNOWN };

struct batv_list_answer {
	const char *policy, *option;
	const char *list; /* the whole list, or one item of it: "+name", a look-up */
	enum batv_list_verdict answer;
	const char *why; /* WRONG, UNKNOWN; else "" */
	bool ends_exim;  /* WRONG: Exim's process ends over it, and mail stays in the queue */
};

/*
 * Each named list once, for all policies; each file that is looked into; and what else can be
 * asked whole. Without an Exim only the files.  Lists that a policy has from the default one are
 * not asked again.
 */
void batv_ctl_lists(const struct batv_policy *policies, size_t n, struct batv_asker *asker,
		    void (*tell)(void *ctx, const struct batv_list_answer *answer), void *ctx);

/* The group of the state directory; (gid_t)-1 while there is none. */
gid_t batv_ctl_exim_group(const struct batv_ctl *ctl);

#endif
