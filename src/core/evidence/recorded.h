/*
 * recorded.h - the fields of a message's own header in which a server before us wrote down the
 * envelope recipient.
 */
#ifndef BATV_EVIDENCE_RECORDED_H
#define BATV_EVIDENCE_RECORDED_H

#include "evidence/classify.h"

#define BATV_RECORDED_MAX 4096 /* bytes of a field that are read */

/* Which field it is; for a set of them, add them. */
enum batv_recorded {
	BATV_RECORDED_NO = 0,
	BATV_RECORDED_DELIVERED_TO = 1,
	BATV_RECORDED_X_ORIGINAL_TO = 2,
	BATV_RECORDED_ENVELOPE_TO = 4,
	BATV_RECORDED_FOR = 8, /* "for" in a Received field */
};

/*
 * Finds the part of the field that has the recipient: the whole value, or what comes after "for" in
 * a Received field, outside of comments and quoted strings.  *recipient borrows from the field, and
 * is written only if the answer is not NO.
 */
enum batv_recorded batv_recorded_in(struct batv_header field, struct batv_span *recipient);

#endif
