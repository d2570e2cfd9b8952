/*
 * ctl_play.h - plays a bounce to this machine's Exim, as if from a host outside, and asks where an
 * address leads.  Exim keeps nothing of it: exim -bh and exim -bt.
 */
#ifndef BATV_CTL_PLAY_H
#define BATV_CTL_PLAY_H

#include <stddef.h>

#include "installation.h"

/* Exim's last answer to a played bounce, and what exim-batv said of it. */
struct batv_played {
	bool ran;          /* false: `text` says why not */
	int code;          /* of SMTP: 250, 550 ...; 0: Exim gave none */
	const char *after; /* what it answered to: "RCPT TO", "the message" ... */
	char text[600];    /* the answer, with its code */
	bool judged;       /* exim-batv judged it, and logged so: */
	char verdict[24], action[16], reason[32];
};

/* A bounce of mail that `author` wrote, to `rcpt`, from the host `host`. */
void batv_ctl_play(const struct batv_installation *inst, const char *host, const char *rcpt,
		   const char *author, struct batv_played *out);

/* Where mail for an address goes. */
struct batv_routed {
	bool ran;
	bool reaches;      /* somewhere */
	char address[300]; /* the last one on the way, e.g. a mailbox */
	char text[400];    /* "router mailboxes, transport local_mailbox", or why it does not */
};

void batv_ctl_play_route(const struct batv_installation *inst, const char *address,
			 struct batv_routed *out);

#endif
