/*
 * exim_spool.h - reads the envelope of a message in Exim's queue: what `exim -Mvh ID` prints, which
 * is the file ID-H of the spool.
 */
#ifndef BATV_EXIM_SPOOL_H
#define BATV_EXIM_SPOOL_H

#include "base/span.h"
#include "tag/addr.h"

#define BATV_EXIM_SPOOL_RCPTS 20

struct batv_exim_spool {
	char sender[BATV_ADDR_SIZE]; /* "": the null sender */
	char host[64];   /* the sending host's address; "": it was made on this machine */
	uint64_t frozen; /* since then; 0: it is not */
	size_t n_rcpts;  /* kept, the first */
	uint64_t rcpts_all;
	char rcpts[BATV_EXIM_SPOOL_RCPTS][BATV_ADDR_SIZE];
};

/* Returns false if it is not such a text, or if an address in it is too long. */
bool batv_exim_spool_read(struct batv_span text, struct batv_exim_spool *out);

#endif
