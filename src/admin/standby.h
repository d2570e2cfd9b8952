/*
 * standby.h - what stands in for exim-batv.conf while it cannot be read, or is wrong: the published
 * state.  It has all policies and periods, so batvd and batvctl go on from it.
 */
#ifndef BATV_STANDBY_H
#define BATV_STANDBY_H

#include "config.h"
#include "decide/state.h"

/*
 * The configuration that this state was published under.  All text is copied.  memory_capacity is
 * 0, for it is not in a state: the memory that is there keeps its own.  There is no exim, and
 * legacy_keys has no file; the keys themselves are there.  Free with batv_config_free(). Errors:
 * BATV_E_IO (no memory); *out then holds nothing.
 */
enum batv_err batv_standby_config(const struct batv_state *state, const char *directory,
				  struct batv_config *out);

/*
 * The state directory that a wrong configuration names: its line "directory = /x", if there is one
 * and nobody else may write the file; else `fallback`.
 */
void batv_standby_directory(const char *config_path, const char *fallback, char *out, size_t size);

/* When the file became what it is now, by its times or those of its directory; 0: not known. */
int64_t batv_standby_since(const char *config_path);

#endif
