/*
 * ctl_cache.h - a matcher that remembers the answers of another one.  Asking an Exim takes
 * milliseconds, and a log has the same hosts and domains over and over.
 */
#ifndef BATV_CTL_CACHE_H
#define BATV_CTL_CACHE_H

#include "decide/judge.h"

struct batv_cache;

/* NULL: out of memory.  inner is borrowed. */
struct batv_cache *batv_ctl_cache_new(const struct batv_matcher *inner, struct batv_matcher *out);
void batv_ctl_cache_free(struct batv_cache *cache);

#endif
