/*
 * fault.h - why a file of the state directory cannot be used, as a phrase for people.
 */
#ifndef BATV_BASE_FAULT_H
#define BATV_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * What the system said for BATV_E_IO (errno is that of the failed look), what is unsafe about the
 * file (written to `why`), or the error's own phrase.  group_writes: as for batv_file_open().
 */
const char *batv_fault(int dirfd, const char *name, bool group_writes, enum batv_err err, char *why,
		       size_t size);

#endif
