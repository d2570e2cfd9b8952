/*
 * reload.h - makes Exim read its configuration again, in the way that this machine knows.
 */
#ifndef BATV_RELOAD_H
#define BATV_RELOAD_H

#include "installation.h"

/* Debian: makes the file that Exim reads from its parts.  On false, `why` is one sentence. */
bool batv_reload_generate(const struct batv_installation *inst, char *why, size_t size);

/*
 * Lets Exim's daemon read its configuration again, and waits until it has.  `how` is a word or two
 * for people: "reloaded", "no daemon runs", "reloaded by a signal: policy-rc.d denies it".  On
 * false, `how` is one sentence that says why.
 */
bool batv_reload_exim(const struct batv_installation *inst, char *how, size_t size);

#endif
