/*
 * servers.c - reads the option fleet_servers.
 *
 * Invariant: a name, an address or a path that it hands out has only characters that it allows.
 */
#include "decide/servers.h"

#include <string.h>

#define EXPECTED_SERVER                                                                            \
 "expected servers such as redis1.example:6379 or unix:/run/redis/redis.sock, with commas "        \
 "between them"
#define PLAIN_SCHEME "redis://"
#define TLS_SCHEME "rediss://"
#define UNIX_SCHEME "unix:"

static bool take_prefix(struct batv_span *s, const char *prefix)
{
	const size_t len = strlen(prefix);

	if (s->len < len || memcmp(s->p, prefix, len) != 0)
		return false;
	*s = batv_span_after(*s, len);
	return true;
}

static bool all_of(struct batv_span s, const char *more)
{
	for (size_t i = 0; i < s.len; i++)
		if (!batv_is_alnum(s.p[i]) && !memchr(more, s.p[i], strlen(more)))
			return false;
	return s.len > 0;
}

static bool read_path(struct batv_span path, struct batv_server *server)
{
	server->host = path;
	server->port = 0;
	return path.len > 1 && path.len <= BATV_SERVER_PATH_MAX && path.p[0] == '/' &&
	       !batv_span_has_control(path);
}

/* What is after the host: nothing, or a colon and a port. */
static bool read_port(struct batv_span s, struct batv_server *server)
{
	uint64_t port = BATV_SERVER_PORT;

	if (s.len > 0 && (s.p[0] != ':' || !batv_span_to_u64(batv_span_after(s, 1), &port)))
		return false;
	server->port = (uint16_t)port;
	return port >= 1 && port <= UINT16_MAX;
}

static bool read_host(struct batv_span s, struct batv_server *server)
{
	const bool brackets = s.len > 0 && s.p[0] == '[';
	const char *end;

	if (brackets)
		s = batv_span_after(s, 1);
	end = s.len > 0 ? memchr(s.p, brackets ? ']' : ':', s.len) : NULL;
	if (brackets && !end)
		return false;
	server->host = (struct batv_span){s.p, end ? (size_t)(end - s.p) : s.len};
	s = batv_span_after(s, server->host.len + brackets);
	return server->host.len <= BATV_SERVER_HOST_MAX &&
	       all_of(server->host, brackets ? ":." : ".-_") && server->host.p[0] != '-' &&
	       read_port(s, server);
}

const char *batv_server_next(struct batv_span *list, struct batv_server *server)
{
	const char *comma = list->len > 0 ? memchr(list->p, ',', list->len) : NULL;
	struct batv_span s = {list->p, comma ? (size_t)(comma - list->p) : list->len};

	*list = batv_span_after(*list, s.len + (comma ? 1 : 0));
	s = batv_span_trim(s);
	*server = (struct batv_server){.text = s};
	if (comma && batv_span_trim(*list).len == 0)
		return EXPECTED_SERVER; /* a comma at the end */
	if (take_prefix(&s, UNIX_SCHEME))
		return read_path(s, server) ? NULL : EXPECTED_SERVER;
	server->tls = take_prefix(&s, TLS_SCHEME);
	if (!server->tls)
		(void)take_prefix(&s, PLAIN_SCHEME);
	return read_host(s, server) ? NULL : EXPECTED_SERVER;
}

static bool same(const struct batv_server *a, const struct batv_server *b)
{
	return a->port == b->port && (a->port ? batv_span_equal_fold(a->host, b->host)
					      : batv_span_equal(a->host, b->host));
}

const char *batv_servers_wrong(struct batv_span list)
{
	struct batv_server server[BATV_SERVERS_MAX];
	size_t n = 0;

	if (batv_span_has_control(list))
		return EXPECTED_SERVER;
	do {
		const char *wrong;

		if (n == BATV_SERVERS_MAX)
			return "expected at most 4 servers";
		wrong = batv_server_next(&list, &server[n]);
		if (wrong)
			return wrong;
		for (size_t i = 0; i < n; i++)
			if (same(&server[i], &server[n]))
				return "expected servers that differ: two of these are the same";
		n++;
	} while (list.len > 0);
	return NULL;
}
