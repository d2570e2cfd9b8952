/*
 * row_share.h - this host's row: batvd's file fleet.row in an envelope for the other hosts, and
 * what it asks of batv-fleet itself.
 */
#ifndef BATV_ROW_SHARE_H
#define BATV_ROW_SHARE_H

#include "base/err.h"
#include "base/span.h"

#define BATV_ROW_SHARE_FORGET_MAX 64

struct batv_row_share {
	char *text; /* from malloc: {"name":NAME,"version":V,"holes":N,"lost":MS,"row":{...}} */
	size_t len; /* at most BATV_PARCEL_PAYLOAD_MAX */
	bool cut;   /* not all domains had room */
	bool leave; /* this host leaves the fleet */
	uint64_t forget[BATV_ROW_SHARE_FORGET_MAX];
	unsigned n_forget;
};

struct batv_row_share_facts {
	const char *name; /* of this host */
	uint64_t holes;   /* records of the journal that were passed over */
	/* Milliseconds: what it sent before may be missing for good; 0: nothing.  `began` does not
	 * count for a host that had not sent any mail before it joined. */
	int64_t lost, began;
};

/* Makes it from the file's text.  Errors: BATV_E_SYNTAX, BATV_E_IO (memory); then nothing is held.
 */
enum batv_err batv_row_share_make(const char *json, size_t len,
				  const struct batv_row_share_facts *facts,
				  struct batv_row_share *out);
/* What another host says of `lost`; 0: nothing. */
int64_t batv_row_share_lost(struct batv_span text);
void batv_row_share_free(struct batv_row_share *share);

#endif
