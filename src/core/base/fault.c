/*
 * fault.c - why a file of the state directory cannot be used.
 *
 * Invariant: it only chooses the words; the file was judged when it was opened.
 */
#include "base/fault.h"

#include <errno.h>
#include <string.h>

#include "base/safefile.h"

const char *batv_fault(int dirfd, const char *name, bool group_writes, enum batv_err err, char *why,
		       size_t size)
{
	if (err == BATV_E_IO)
		return strerror(errno);
	if (err != BATV_E_UNSAFE_FILE)
		return batv_strerror(err);
	batv_file_why(dirfd, name, group_writes, why, size);
	return why;
}

const char *batv_fault_phrase(enum batv_err err)
{
	return err == BATV_E_IO || err == BATV_E_SYNC ? strerror(errno) : batv_strerror(err);
}

const char *batv_fault_unwritten(enum batv_err err, const char *what)
{
	return err == BATV_E_SYNC ? "it is written, but a crash may undo that" : what;
}
