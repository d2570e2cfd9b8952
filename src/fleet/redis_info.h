/*
 * redis_info.h - what a server says of itself: the text of INFO.
 */
#ifndef BATV_REDIS_INFO_H
#define BATV_REDIS_INFO_H

#include "engine_text.h"

struct batv_redis_info {
	enum batv_engine_state state; /* OK, or why it cannot be used */
	const char *detail;           /* a constant; "": none */
	char version[40];             /* such as "redis 7.0.15" */
	struct batv_span
		evicts; /* its maxmemory-policy, if that may throw parcels away; borrowed */
};

void batv_redis_info_read(struct batv_span text, struct batv_redis_info *out);

#endif
