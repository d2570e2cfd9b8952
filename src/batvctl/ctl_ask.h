/*
 * ctl_ask.h - opens all that is needed to judge as Exim does: state, memory, an Exim for lists.
 */
#ifndef BATV_CTL_ASK_H
#define BATV_CTL_ASK_H

#include "ask_exim.h"
#include "ctl.h"

struct batv_asking {
	struct batv_asker asker;
	struct batv_matcher matcher, whole; /* the second also knows hosts, see below */
	struct batv_origin origin;
	struct batv_memory memory, before; /* this generation and the one before */
	struct batv_context context;
};

/*
 * Opens configuration, state directory, state and memory.  If the code is not BATV_CTL_YES, the
 * reason is in ctl->message and has not been printed.
 */
int batv_ctl_ask(struct batv_ctl *ctl, struct batv_asking *a);
/* The same after batv_ctl_find(), and again after the state has changed. */
int batv_ctl_ask_found(struct batv_ctl *ctl, struct batv_asking *a);

/* The facts that tell whether the memory is complete for a domain, in lower case. */
void batv_ctl_ask_complete(struct batv_asking *a, const char *domain,
			   struct batv_complete_facts *facts);

void batv_ctl_ask_end(struct batv_asking *a);

/* Lets the message come from that host; NULL: from a host outside that is in no list. */
void batv_ctl_ask_from(struct batv_asking *a, const char *host);

#endif
