/* links: admin/mx batvctl/ctl_dns */
/*
 * fuzz_dns.c - any bytes as the DNS's answers: reading them ends, stays within them and within our
 * room, and asks for few names.
 *
 * Input: answers, each with its length before it (two bytes, the higher one first); a length above
 * 65000 is an error.  Every question gets the next one.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <resolv.h>

#include "../../src/batvctl/ctl_dns.h"
#include "mx.h"
#include "reach.h"

enum {
	TEXT,
	SEVERAL_TEXTS,
	CUT_TEXT,
	ADDRESSES,
	FULL,
	EXCHANGER,
	NONE,
	FAILED,
	MX,
	OUTCOMES = MX + 5
};
static const char *const outcomes[OUTCOMES] = {
	"text",   "several_texts", "cut_text",   "addresses", "full",     "exchanger",  "no_record",
	"failed", "mx_here",       "mx_private", "mx_none",   "mx_other", "mx_unknown",
};

static const uint8_t *rest;
static size_t left;
static unsigned asked;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* ---- instead of the resolver ---- */

/* Copies an answer that fits.  -1: an error, which *error names. */
static int answer(unsigned char *out, int size, int *error)
{
	size_t len;

	asked++;
	*error = NO_DATA;
	if (left < 2)
		return -1;
	len = (size_t)rest[0] << 8 | rest[1];
	rest += 2, left -= 2;
	if (len > 65000) {
		*error = len & 1 ? HOST_NOT_FOUND : TRY_AGAIN;
		return -1;
	}
	len = len < left ? len : left;
	if (len > 0)
		memcpy(out, rest, len < (size_t)size ? len : (size_t)size);
	rest += len, left -= len;
	return (int)len;
}

int stand_in_res_query(const char *name, int class, int type, unsigned char *out, int size);
int stand_in_res_query(const char *name, int class, int type, unsigned char *out, int size)
{
	int error, len;

	must(class == ns_c_in && type > 0 && strlen(name) < NS_MAXDNAME);
	len = answer(out, size, &error);
	if (len < 0)
		h_errno = error;
	return len;
}

/* The last letter of a name says what is known of it. */
int stand_in_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
			 struct addrinfo **out);
int stand_in_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
			 struct addrinfo **out)
{
	const size_t len = strlen(name);

	must(!service && hints && len < 300);
	asked++;
	switch (len > 1 ? name[len - 2] : 0) {
	case 'n': return EAI_NONAME;
	case 'f': return EAI_AGAIN;
	case 'h':
		return getaddrinfo("127.0.0.1", NULL,
				   &(struct addrinfo){.ai_flags = AI_NUMERICHOST}, out);
	case '6':
		return getaddrinfo("::1", NULL, &(struct addrinfo){.ai_flags = AI_NUMERICHOST},
				   out);
	default:
		return getaddrinfo("192.0.2.7", NULL,
				   &(struct addrinfo){.ai_flags = AI_NUMERICHOST}, out);
	}
}

int stand_in_getifaddrs(struct ifaddrs **out);
int stand_in_getifaddrs(struct ifaddrs **out)
{
	static struct sockaddr_in v4 = {.sin_family = AF_INET};
	static struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	static struct ifaddrs list[3];

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	list[0] = (struct ifaddrs){.ifa_next = &list[1], .ifa_addr = NULL};
	list[1] = (struct ifaddrs){.ifa_next = &list[2], .ifa_addr = (void *)&v4};
	list[2] = (struct ifaddrs){.ifa_next = NULL, .ifa_addr = (void *)&v6};
	*out = list;
	return 0;
}

void stand_in_freeifaddrs(struct ifaddrs *list);
void stand_in_freeifaddrs(struct ifaddrs *list)
{
	must(!list || !list->ifa_addr);
}

/* ---- the questions ---- */

static void start(const uint8_t *data, size_t size)
{
	rest = data;
	left = size;
	asked = 0;
}

static void note(enum batv_ctl_dns_answer a)
{
	must(a == BATV_DNS_FOUND || a == BATV_DNS_NONE || a == BATV_DNS_FAILED);
	if (a == BATV_DNS_NONE)
		reached(NONE);
	if (a == BATV_DNS_FAILED)
		reached(FAILED);
}

static void ask_text(size_t size)
{
	char *out = malloc(size);
	size_t count = 99;
	enum batv_ctl_dns_answer a;

	must(out);
	a = batv_ctl_dns_text("example.test", "v=spf1", out, size, &count);
	note(a);
	must(strlen(out) < size && (a == BATV_DNS_FOUND) == (count > 0));
	for (const char *c = out; *c; c++)
		must(*c >= ' ' && *c < 0x7f);
	if (count > 0) {
		must(strncasecmp(out, "v=spf1", strlen(out) < 6 ? strlen(out) : 6) == 0);
		reached(strlen(out) == size - 1 ? CUT_TEXT : TEXT);
	}
	if (count > 1)
		reached(SEVERAL_TEXTS);
	free(out);
}

static void ask_null_mx(const uint8_t *data, size_t size)
{
	start(data, size);
	note(batv_ctl_dns_null_mx("example.test"));
	must(asked == 1);
}

static void ask_hosts(const uint8_t *data, size_t size)
{
	struct batv_ctl_dns_addresses found = {0};

	start(data, size);
	note(batv_ctl_dns_host("example.test", &found));
	must(asked == 2 && found.n <= BATV_DNS_MAX);
	if (found.n > 0)
		reached(found.n == BATV_DNS_MAX ? FULL : ADDRESSES);
	start(data, size);
	found.n = 0;
	note(batv_ctl_dns_mx("example.test", &found));
	must(asked <= 21 && found.n <= BATV_DNS_MAX);
	if (asked > 1)
		reached(EXCHANGER);
}

static void find_mx(const char *domain, const uint8_t *data, size_t size)
{
	char server[40];
	enum batv_mx mx;

	start(data, size);
	mx = batv_mx_find(domain, "mx.ours.test", server, sizeof server);
	must(mx <= BATV_MX_UNKNOWN && strlen(server) < sizeof server && asked <= 19);
	must(mx != BATV_MX_NONE || !*server);
	reached((size_t)MX + mx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start(data, size);
	ask_text(BATV_DNS_TEXT_SIZE);
	start(data, size);
	ask_text(10);
	ask_null_mx(data, size);
	ask_hosts(data, size);
	find_mx("example.net", data, size);
	find_mx("nothing.znn", data, size);
	find_mx("fails.zff", data, size);
	find_mx("example.test", data, size);
	find_mx("localhost", data, size);
	return 0;
}
