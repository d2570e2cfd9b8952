/*
 * mailbox.h - the addresses in a header field that holds a list of them: From, Reply-To, To,
 * Disposition-Notification-To (RFC 5322 section 3.4, and what is written instead).
 */
#ifndef BATV_EVIDENCE_MAILBOX_H
#define BATV_EVIDENCE_MAILBOX_H

#include "tag/addr.h"

#define BATV_MAILBOX_BYTES 65536 /* of a field that are looked at */

/*
 * Calls found() for the first `max` addresses in `value` (folded or not, without the name) and
 * says how many there were.  Display names, comments, groups, source routes and white space are
 * taken off; encoded words (RFC 2047) can only be in what is taken off.  What is no address
 * (addr.h) is skipped.  addr is found()'s for the call only.  Linear.
 */
size_t batv_mailbox_each(struct batv_span value, size_t max,
			 void (*found)(void *ctx, const struct batv_addr *addr), void *ctx);

/* The first one, NUL-terminated; false: there is none that fits, and out is "". */
bool batv_mailbox_first(struct batv_span value, char out[static BATV_ADDR_SIZE]);

#endif
