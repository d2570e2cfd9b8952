/*
 * ctl_ask.h - what is needed to judge as Exim does: state, memory, and an Exim for the lists.
 */
#ifndef BATV_CTL_ASK_H
#define BATV_CTL_ASK_H

#include "ask_exim.h"
#include "ctl.h"

struct batv_asking {
	struct batv_asker asker;
	struct batv_matcher matcher;
	struct batv_origin origin;
	struct batv_memory memory, before; /* this generation and the one before */
	struct batv_context context;
};

/*
 * Opens configuration, state directory, state and memory.  Other codes than BATV_CTL_YES: why not
 * is in ctl->message, and nothing has been printed.
 */
int batv_ctl_ask(struct batv_ctl *ctl, struct batv_asking *a);

void batv_ctl_ask_end(struct batv_asking *a);

/* The message comes from that host; NULL: from somebody outside, in no list of hosts. */
void batv_ctl_ask_from(struct batv_asking *a, const char *host);

#endif
