/*
 * fault.h - says in words why a file of the state directory cannot be used.
 */
#ifndef BATV_BASE_FAULT_H
#define BATV_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Returns a phrase for people.  For BATV_E_IO it is the system's message for errno, which must be
 * that of the failed call.  For an unsafe file it says what is unsafe; that text is written to
 * `why`.  For other errors it is the phrase of the error itself.  group_writes: as for
 * batv_file_open().
 */
const char *batv_fault(int dirfd, const char *name, bool group_writes, enum batv_err err, char *why,
		       size_t size);

/* The system's words for errno ("No space left on device"), otherwise our own. */
const char *batv_fault_phrase(enum batv_err err);
/* `what` ("cannot write it"), or that it is written, although it failed after that. */
const char *batv_fault_unwritten(enum batv_err err, const char *what);

#endif
