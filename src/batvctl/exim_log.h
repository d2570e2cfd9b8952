/*
 * exim_log.h - one line of Exim's main log: "<=", the arrival of a message.
 */
#ifndef BATV_EXIM_LOG_H
#define BATV_EXIM_LOG_H

#include "span.h"

#define BATV_ARRIVAL_RCPTS 50

struct batv_arrival {
	int64_t when;
	struct batv_span sender;	/* as in the log */
	struct batv_span host_name, host_address;	/* len 0: not known; no sending host */
	bool authenticated;
	struct batv_span id;		/* Message-ID without brackets; len 0: none */
	size_t n_recipients;		/* of "for ...", the first of them */
	struct batv_span recipients[BATV_ARRIVAL_RCPTS];
};

/*
 * False: another line, or one that can't be told for sure.  Much of a line is a stranger's text: what
 * tells where a message came from is believed only in front of all of that.  Times without a
 * zone are local ones.  Borrows line.
 */
bool batv_exim_log_arrival(struct batv_span line, struct batv_arrival *out);

#endif
