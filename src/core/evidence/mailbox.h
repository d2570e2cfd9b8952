/*
 * mailbox.h - finds the addresses in a header field that holds a list of them: From, Reply-To, To,
 * Disposition-Notification-To (RFC 5322 section 3.4, and what people write instead).
 */
#ifndef BATV_EVIDENCE_MAILBOX_H
#define BATV_EVIDENCE_MAILBOX_H

#include "tag/addr.h"

#define BATV_MAILBOX_BYTES 65536 /* of a field; the rest is ignored */

/*
 * Calls found() for the first `max` addresses in `value`, and returns how many there were.  `value`
 * is the field without its name, folded or not.  Display names, comments, groups, source routes and
 * white space are removed; encoded words (RFC 2047) can occur only in those.  Entries that are not
 * addresses (addr.h) are skipped.  addr is valid only during the call of found().  The work is
 * linear in the length of the field.
 */
size_t batv_mailbox_each(struct batv_span value, size_t max,
			 void (*found)(void *ctx, const struct batv_addr *addr), void *ctx);

/* Writes the first address, NUL-terminated.  If there is none, returns false and out is "". */
bool batv_mailbox_first(struct batv_span value, char out[static BATV_ADDR_SIZE]);

#endif
