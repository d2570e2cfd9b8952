/*
 * exim_log.h - one line of Exim's main log: "<=", the arrival of a message.
 */
#ifndef BATV_EXIM_LOG_H
#define BATV_EXIM_LOG_H

#include "base/span.h"

#define BATV_ARRIVAL_RCPTS 50

struct batv_arrival {
	int64_t when;
	struct batv_span exim_id; /* Exim's own name of the message, 16 or 23 characters */
	struct batv_span sender;  /* as in the log */
	struct batv_span host_name, host_address; /* len 0: not known; no sending host */
	bool authenticated;
	struct batv_span id; /* Message-ID without brackets; len 0: none */
	size_t n_recipients; /* of "for ...", the first of them */
	struct batv_span recipients[BATV_ARRIVAL_RCPTS];
};

enum batv_log_line {
	BATV_LOG_ARRIVAL,
	BATV_LOG_BOUNCE, /* an arrival with the null sender */
	BATV_LOG_OTHER,  /* a line of Exim's that is no arrival */
	BATV_LOG_ODD     /* not a line of Exim's, or an arrival that cannot be told for sure */
};

/*
 * Much of a line is a stranger's text, so the whole line must follow the grammar: every field
 * known, in the order in which Exim writes it, once, to the last byte.  Times without a zone are
 * local ones.  *out is written for an arrival only, and borrows line.
 */
enum batv_log_line batv_exim_log_read(struct batv_span line, struct batv_arrival *out);

#endif
