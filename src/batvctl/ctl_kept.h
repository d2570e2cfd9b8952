/*
 * ctl_kept.h - the items of lists that batvctl unsigned and batvctl exempt keep, for status.
 */
#ifndef BATV_CTL_KEPT_H
#define BATV_CTL_KEPT_H

#include "ctl.h"

/* "unsigned host" and so on; NULL: the override is not an item of a list. */
const char *batv_ctl_kept_name(const struct batv_override *override);
/* The item as people write it. */
const char *batv_ctl_kept_item(const struct batv_override *override);

#endif
