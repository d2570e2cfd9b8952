/*
 * exim_log.h - reads one line of Exim's main log: "<=", the arrival of a message.
 */
#ifndef BATV_EXIM_LOG_H
#define BATV_EXIM_LOG_H

#include "base/span.h"

#define BATV_ARRIVAL_RCPTS 50

struct batv_arrival {
	int64_t when;
	struct batv_span exim_id; /* Exim's own id of the message, 16 or 23 characters */
	struct batv_span sender;  /* as in the log */
	struct batv_span host_name, host_address; /* len 0: not known; no sending host */
	bool authenticated;
	struct batv_span id; /* Message-ID without brackets; len 0: none */
	size_t n_recipients; /* the first ones after "for" */
	struct batv_span recipients[BATV_ARRIVAL_RCPTS];
};

enum batv_exim_log_line {
	BATV_LOG_ARRIVAL,
	BATV_LOG_BOUNCE, /* an arrival with the null sender */
	BATV_LOG_OTHER,  /* another line of Exim's */
	BATV_LOG_ODD     /* not a line of Exim's, or an arrival that cannot be read for sure */
};

/*
 * Much of a line is text from strangers, so the whole line must follow the grammar to its last
 * byte: every field known, in Exim's order, at most once.  A time without a zone is local time.
 * *out is written only for an arrival, and borrows line.
 */
enum batv_exim_log_line batv_exim_log_read(struct batv_span line, struct batv_arrival *out);

#endif
