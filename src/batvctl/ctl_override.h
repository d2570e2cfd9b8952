/*
 * ctl_override.h - changes the file of overrides, for batvctl enforce, enable and disable.
 */
#ifndef BATV_CTL_OVERRIDE_H
#define BATV_CTL_OVERRIDE_H

#include "ctl.h"
#include "decide/override.h"
#include "overrides.h"

/* One line that is set, or removed. */
struct batv_ctl_override {
	const char *note;          /* NULL: none */
	struct batv_override line; /* its key and domain alone, if it is removed */
	bool remove;
};

/*
 * Makes all n changes or none, and waits until they are published.  batvctl becomes the owner of
 * the state directory for good; batv_ctl_find() must have been called.  Returns BATV_CTL_YES if the
 * file has them: *seen then says in words what became of it, and *published whether it is in force.
 * Otherwise prints the error, and nothing has changed.
 */
int batv_ctl_override(struct batv_ctl *ctl, const struct batv_ctl_override *changes, size_t n,
		      const char **seen, bool *published);

/* "until 2026-12-01 12:00 UTC", or "until further notice". */
void batv_ctl_override_until(int64_t until, char *out, size_t size);

#endif
