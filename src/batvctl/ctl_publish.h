/*
 * ctl_publish.h - after a change in the state directory: publishes it if no batvd is running, or
 * waits until batvd has.
 */
#ifndef BATV_CTL_PUBLISH_H
#define BATV_CTL_PUBLISH_H

#include "ctl.h"

/*
 * Asks `look` until it says true, for at most ten seconds.  If batvd is not running, the state is
 * published first, by us, and `look` is asked once.  Returns what to print about it; *ok says
 * whether `look` said true.  The caller must be the owner of the directory, without the lock.
 */
const char *batv_ctl_publish(struct batv_ctl *ctl, bool (*look)(void *ctx), void *ctx, bool *ok);

#endif
