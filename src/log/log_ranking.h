/*
 * log_ranking.h - counts by name, such as refusals by host, in bounded memory.
 */
#ifndef BATV_LOG_RANKING_H
#define BATV_LOG_RANKING_H

#include "base/span.h"

#define BATV_LOG_RANKING_MAX (1 << 18) /* names; what comes after them is counted in `others` */
#define BATV_LOG_RANKING_NAME 320      /* longer names are cut */

struct batv_log_ranked {
	const char *name; /* ends in NUL; belongs to the ranking */
	uint64_t count;
};

struct batv_log_ranking {
	struct batv_log_ranked *slots; /* private: open addressing */
	struct batv_log_room *rooms;   /* private: the names' bytes */
	size_t size, n;                /* n: different names that are kept */
	uint64_t sum, others;          /* all counts; those of names that are not kept */
};

/* Returns false if there is no more memory; then the count is in `others`. */
bool batv_log_ranking_add(struct batv_log_ranking *r, struct batv_span name, uint64_t count);
uint64_t batv_log_ranking_count(const struct batv_log_ranking *r, struct batv_span name);

/* Writes the highest counts, at most `max`, equal ones by name; returns how many. */
size_t batv_log_ranking_top(const struct batv_log_ranking *r, struct batv_log_ranked *out,
			    size_t max);
void batv_log_ranking_free(struct batv_log_ranking *r);

#endif
