/*
 * automatic.h - tells whether a sender is a machine.  The only user of PCRE2.
 *
 * The null sender always is one.  Any other sender is compared with "mailer-daemon" (its local
 * part), or matched against the administrator's pattern.  Quotes and backslashes of its local part
 * make no difference: it is compared as it is written, and without them.  Matching has match, depth
 * and heap limits, so no pattern and no sender can hold up a mail process.
 */
#ifndef BATV_DECIDE_AUTOMATIC_H
#define BATV_DECIDE_AUTOMATIC_H

#include "base/err.h"
#include "base/span.h"

/*
 * Returns true if the sender is a machine.  pattern NULL or "" is the built-in comparison.  If the
 * pattern does not compile or reaches a limit, *doubt is set to true and the result is false;
 * otherwise *doubt is set to false.  Each call compiles the pattern: a process judges few senders.
 */
bool batv_automatic_sender(const char *sender, const char *pattern, bool *doubt);

/*
 * Returns true if the pattern compiles.  If not, *offset is the position of the error in characters
 * and why is PCRE2's text, NUL-terminated.  size must be at least 120.
 */
bool batv_automatic_check(const char *pattern, size_t *offset, char *why, size_t size);

#endif
