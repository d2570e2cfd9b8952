/*
 * returned.h - is the message that is returned one of the recipient's own?
 */
#ifndef BATV_EVIDENCE_RETURNED_H
#define BATV_EVIDENCE_RETURNED_H

#include "base/span.h"

/* The envelope recipients of the message in hand, which at() gives one by one, 0 to n - 1. */
struct batv_recipients {
	size_t n;
	const char *(*at)(void *ctx, size_t i);
	void *ctx;
};

/*
 * Is the author (From) or the envelope sender (Return-Path) of the message one of the recipients?
 * The text begins with the header of the message, and may be cut off.  Tags are no difference,
 * neither is case.  At most 100 recipients are asked for, and 16 KiB of the header are read.
 */
bool batv_returned_to(struct batv_span message, const struct batv_recipients *recipients);

#endif
