/*
 * log_mailed.h - who wrote to which host, as the log tells it: "<=" names the sender of a message,
 * "=>" with the same id the host that took it.
 *
 * Its memory is bounded, so old facts give way to new ones.  A fact that is gone, or two names with
 * one hash (1 in 10^12 for a million facts), change a hint in a report and nothing else.
 */
#ifndef BATV_LOG_MAILED_H
#define BATV_LOG_MAILED_H

#include "base/span.h"

#define BATV_LOG_MAILED_WAITING 8 /* a power of two */

struct batv_log_mailed { /* private */
	struct batv_log_fact *senders, *hosts;
	struct batv_log_waiting { /* facts that are not yet in their table */
		struct batv_log_fact *bucket;
		uint64_t name, value;
	} waiting[BATV_LOG_MAILED_WAITING];
	unsigned next;
};

/* Returns false if there is not enough memory. */
bool batv_log_mailed_new(struct batv_log_mailed *m);
void batv_log_mailed_free(struct batv_log_mailed *m);

/* A message of this id came from this sender: an address, tagged or not, in any case; or "<>". */
void batv_log_mailed_from(struct batv_log_mailed *m, struct batv_span id, struct batv_span sender);
/* This host took the message, at that time. */
void batv_log_mailed_to(struct batv_log_mailed *m, struct batv_span id, struct batv_span host,
			int64_t when);
/* Did the message of this id come from the null sender?  False if it is not known. */
bool batv_log_mailed_null(const struct batv_log_mailed *m, struct batv_span id);

/* The last time that this address wrote to this host; 0: never. */
int64_t batv_log_mailed_last(const struct batv_log_mailed *m, struct batv_span address,
			     struct batv_span host);
/* The last time that anybody here wrote to this host; 0: never. */
int64_t batv_log_mailed_anybody(const struct batv_log_mailed *m, struct batv_span host);

#endif
