/*
 * redis_info.c - reads the lines NAME:VALUE of INFO.
 */
#include <stdio.h>
#include <string.h>

#include "redis_info.h"

/* The value of a line "NAME:VALUE" of INFO; empty if there is none. */
static struct batv_span info_value(struct batv_span info, const char *name)
{
	struct batv_span line;
	size_t len = strlen(name);

	while (batv_span_next_line(&info, &line))
		if (batv_span_begins(line, name) && line.len > len && line.p[len] == ':')
			return batv_span_trim(batv_span_after(line, len + 1));
	return (struct batv_span){"", 0};
}

/* Is it 6.2 or later?  Valkey says which Redis it is like. */
static bool new_enough(struct batv_span version)
{
	unsigned major = 0, minor = 0;
	size_t i = 0;

	for (; i < version.len && batv_is_digit(version.p[i]) && major < 1000; i++)
		major = major * 10 + (unsigned)(version.p[i] - '0');
	for (i++; i < version.len && batv_is_digit(version.p[i]) && minor < 1000; i++)
		minor = minor * 10 + (unsigned)(version.p[i] - '0');
	return major > 6 || (major == 6 && minor >= 2);
}

void batv_redis_info_read(struct batv_span text, struct batv_redis_info *out)
{
	struct batv_span redis = info_value(text, "redis_version"),
			 valkey = info_value(text, "valkey_version"),
			 policy = info_value(text, "maxmemory_policy");
	char version[30];

	memset(out, 0, sizeof *out);
	out->state = BATV_ENGINE_OK;
	out->detail = "";
	batv_printable(valkey.len ? valkey : redis, version, sizeof version);
	snprintf(out->version, sizeof out->version, "%s %s", valkey.len ? "valkey" : "redis",
		 version);
	if (!redis.len) {
		out->state = BATV_ENGINE_ODD;
		out->detail = "INFO has no redis_version";
	} else if (!new_enough(redis)) {
		out->state = BATV_ENGINE_OLD;
	} else if (batv_span_equal(info_value(text, "loading"), batv_span_of("1"))) {
		out->state = BATV_ENGINE_LOADING;
	} else if (batv_span_equal(info_value(text, "role"), batv_span_of("slave"))) {
		out->state = BATV_ENGINE_READONLY;
	}
	if (policy.len && !batv_span_equal(policy, batv_span_of("noeviction")) &&
	    !batv_span_equal(info_value(text, "maxmemory"), batv_span_of("0")))
		out->evicts = policy;
}
