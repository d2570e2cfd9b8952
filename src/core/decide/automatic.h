/*
 * automatic.h - is this sender one of a machine?  The only user of PCRE2.
 *
 * Null sender: yes.  Otherwise the built-in comparison (local part mailer-daemon), or the
 * administrator's pattern under match, depth and heap limits, so that no pattern and no
 * sender can hold a mail process.
 */
#ifndef BATV_DECIDE_AUTOMATIC_H
#define BATV_DECIDE_AUTOMATIC_H

#include "base/err.h"
#include "base/span.h"

/* The pattern is compiled anew for each call: a process judges few senders. pattern "" is built in.
 * *doubt is set (and false returned) when the pattern does not compile or hits a limit. */
bool batv_automatic_sender(const char *sender, const char *pattern, bool *doubt);

/* Does it compile?  On error *offset (characters) and why (NUL-terminated, size >= 120) tell. */
bool batv_automatic_check(const char *pattern, size_t *offset, char *why, size_t size);

#endif
