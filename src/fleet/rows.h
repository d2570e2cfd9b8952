/*
 * rows.h - the latest row of each host: JSON, as its batvd wrote it.
 */
#ifndef BATV_ROWS_H
#define BATV_ROWS_H

#include <stdbool.h>

#include "base/span.h"

struct batv_rows_one {
	uint64_t host, position;
	int64_t at; /* s: when it was received */
	char *text; /* from malloc */
	size_t len;
};

struct batv_rows {                 /* all bytes zero: none */
	struct batv_rows_one *one; /* ascending by host */
	size_t n, room;
};

/* Keeps a copy, if it is later than what is here.  False: it is not, or there is no memory. */
bool batv_rows_put(struct batv_rows *rows, uint64_t host, uint64_t position, struct batv_span text,
		   int64_t now);
/* NULL: none. */
const struct batv_rows_one *batv_rows_find(const struct batv_rows *rows, uint64_t host);
void batv_rows_drop(struct batv_rows *rows, uint64_t host);
void batv_rows_free(struct batv_rows *rows);

#endif
