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
	const char *list; /* the whole list, or one item of it: "+name", a lookup */
	enum batv_list_verdict answer;
	const char *why; /* for WRONG and UNKNOWN; otherwise "" */
	bool ends_exim; /* for WRONG: the list makes Exim's process exit, so mail stays in the queue
			 */
};

/*
 * Checks each named list once for all policies, each file that a list reads, and each other list
 * that can be asked whole.  Without an Exim it checks only the files.  A list that a policy
 * inherits from the default policy is not checked again.
 */
void batv_ctl_lists(const struct batv_policy *policies, size_t n, struct batv_asker *asker,
		    void (*tell)(void *ctx, const struct batv_list_answer *answer), void *ctx);

/* The group of the state directory; (gid_t)-1 if there is no directory. */
gid_t batv_ctl_exim_group(const struct batv_ctl *ctl);

#endif
