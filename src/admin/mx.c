/*
 * mx.c - asks for MX records, and compares their addresses with this host's.
 */
#include <arpa/nameser.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mx.h"

#define HOSTS_MAX 16

struct hosts {
	size_t n;
	struct {
		unsigned preference;
		char name[256];
	} list[HOSTS_MAX];
};

/* RFC 6761, RFC 6762, RFC 8375, and what people use inside. */
static int is_private(const char *domain)
{
	static const char *const names[] = {"test",  "localhost", "invalid",  "example",
					    "local", "lan",       "internal", "localdomain",
					    "home",  "arpa",      "intern"};
	const char *dot = strrchr(domain, '.');

	if (!dot)
		return 1;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(dot + 1, names[i]) == 0)
			return 1;
	return 0;
}

static void read_answer(const unsigned char *answer, int len, struct hosts *out)
{
	ns_msg msg;
	ns_rr rr;

	if (ns_initparse(answer, len, &msg) < 0)
		return;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an) && out->n < HOSTS_MAX; i++) {
		if (ns_parserr(&msg, ns_s_an, i, &rr) < 0 || ns_rr_type(rr) != ns_t_mx ||
		    ns_rr_rdlen(rr) < 3)
			continue;
		out->list[out->n].preference = ns_get16(ns_rr_rdata(rr));
		if (ns_name_uncompress(ns_msg_base(msg), ns_msg_end(msg), ns_rr_rdata(rr) + 2,
				       out->list[out->n].name, sizeof out->list[out->n].name) >= 0)
			out->n++;
	}
}

/* 1: there are some; 0: there are none; -1: no answer. */
static int ask(const char *domain, struct hosts *out)
{
	static unsigned char answer[16384];
	char name[300];
	int len;

	*out = (struct hosts){0};
	if (res_init() < 0) /* musl has no res_ninit() */
		return -1;
	_res.retrans = 3; /* seconds */
	_res.retry = 2;
	snprintf(name, sizeof name, "%.250s.", domain);
	len = res_query(name, ns_c_in, ns_t_mx, answer, sizeof answer);
	if (len < 0)
		return h_errno == HOST_NOT_FOUND || h_errno == NO_DATA ? 0 : -1;
	read_answer(answer, len < (int)sizeof answer ? len : (int)sizeof answer, out);
	return out->n > 0;
}

static int is_own(const struct sockaddr *a, const struct ifaddrs *own)
{
	for (; own; own = own->ifa_next) {
		if (!own->ifa_addr || own->ifa_addr->sa_family != a->sa_family)
			continue;
		if (a->sa_family == AF_INET &&
		    memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
			   &((struct sockaddr_in *)(void *)own->ifa_addr)->sin_addr,
			   sizeof(struct in_addr)) == 0)
			return 1;
		if (a->sa_family == AF_INET6 &&
		    memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
			   &((struct sockaddr_in6 *)(void *)own->ifa_addr)->sin6_addr,
			   sizeof(struct in6_addr)) == 0)
			return 1;
	}
	return 0;
}

/* 1: an address of that name is ours; 0: none is; -1: not known. */
static int is_here(const char *name, const struct ifaddrs *own)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	char dotted[300];
	int error, here = 0;

	snprintf(dotted, sizeof dotted, "%.255s.", name);
	error = getaddrinfo(dotted, NULL, &hints, &list);
	if (error)
		return error == EAI_NONAME || error == EAI_NODATA ? 0 : -1;
	for (const struct addrinfo *a = list; a && !here; a = a->ai_next)
		here = is_own(a->ai_addr, own);
	freeaddrinfo(list);
	return here;
}

static void best_name(const struct hosts *hosts, char *server, size_t size)
{
	size_t best = 0;

	for (size_t i = 1; i < hosts->n; i++)
		if (hosts->list[i].preference < hosts->list[best].preference)
			best = i;
	snprintf(server, size, "%s", hosts->n ? hosts->list[best].name : "");
}

enum batv_mx batv_mx_find(const char *domain, const char *hostname, char *server, size_t size)
{
	enum batv_mx found = BATV_MX_OTHER;
	struct ifaddrs *own = NULL;
	struct hosts hosts;
	int answer, implicit = 0;

	*server = '\0';
	if (is_private(domain))
		return BATV_MX_PRIVATE;
	answer = ask(domain, &hosts);
	if (answer < 0)
		return BATV_MX_UNKNOWN;
	if (answer == 0) { /* RFC 5321 5.1: then the domain's own address counts */
		implicit = 1;
		hosts.n = 1;
		snprintf(hosts.list[0].name, sizeof hosts.list[0].name, "%.255s", domain);
	}
	best_name(&hosts, server, size);
	if (getifaddrs(&own) < 0)
		own = NULL;
	for (size_t i = 0; i < hosts.n && found != BATV_MX_HERE; i++) {
		int here = strcasecmp(hosts.list[i].name, hostname) == 0
				   ? 1
				   : is_here(hosts.list[i].name, own);

		if (here > 0)
			found = BATV_MX_HERE;
		else if (here < 0)
			found = BATV_MX_UNKNOWN;
		else if (implicit) {
			const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
			struct addrinfo *list = NULL;

			if (getaddrinfo(domain, NULL, &hints, &list) != 0) {
				found = BATV_MX_NONE;
				*server = '\0';
			} else
				freeaddrinfo(list);
		}
	}
	freeifaddrs(own);
	return found;
}
