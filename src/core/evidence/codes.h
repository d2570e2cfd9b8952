/*
 * codes.h - finds the code with which a mail server refuses mail: an SMTP reply code (RFC 5321) or
 * a status (RFC 3463) in a line of text.
 */
#ifndef BATV_EVIDENCE_CODES_H
#define BATV_EVIDENCE_CODES_H

#include "base/span.h"

/*
 * Does the line give a code 4yz or 5yz, or a status 4.y.z or 5.y.z?  A number alone does not count;
 * order numbers, prices, sizes, versions and dates look the same.  It must be both (550 5.1.1),
 * or come after what names it (said:, error, #, an address or host and a colon), or begin the line
 * and be followed by a word of mail servers (550 User unknown).
 */
bool batv_codes_in(struct batv_span line);

#endif
