/*
 * ctl_dns.c - asks the DNS, with libc's resolver.
 *
 * Invariant: an answer is of unknown origin.  Each record is checked before its bytes are used.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl_dns.h"

#define ANSWER_MAX 16384

struct answer {
	unsigned char bytes[ANSWER_MAX];
	ns_msg message;
	int n; /* records */
};

static void begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	(void)res_init();
	_res.retrans = 2; /* seconds: somebody waits */
	_res.retry = 2;
}

static enum batv_ctl_dns_answer ask(const char *name, int type, struct answer *a)
{
	int len;

	begin();
	a->n = 0;
	h_errno = 0;
	len = res_query(name, ns_c_in, type, a->bytes, sizeof a->bytes);
	if (len < 0)
		return h_errno == HOST_NOT_FOUND || h_errno == NO_DATA ? BATV_DNS_NONE
								       : BATV_DNS_FAILED;
	if ((size_t)len > sizeof a->bytes || ns_initparse(a->bytes, len, &a->message) < 0)
		return BATV_DNS_FAILED;
	a->n = ns_msg_count(a->message, ns_s_an);
	return BATV_DNS_FOUND;
}

/* Record number i of the answer, if it is of that type. */
static bool record_at(struct answer *a, int i, int type, ns_rr *rr)
{
	return ns_parserr(&a->message, ns_s_an, i, rr) == 0 && (int)ns_rr_type(*rr) == type;
}

/* Joins the strings of a TXT record.  A longer text is cut. */
static void join(const ns_rr *rr, char *out, size_t size)
{
	const unsigned char *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);
	size_t n = 0;

	while (p < end) {
		size_t len = *p++;

		if (len > (size_t)(end - p))
			break;
		for (size_t i = 0; i < len && n + 1 < size; i++)
			out[n++] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
		p += len;
	}
	out[n] = '\0';
}

enum batv_ctl_dns_answer batv_ctl_dns_text(const char *name, const char *start, char *out,
					   size_t size, size_t *count)
{
	struct answer a;
	enum batv_ctl_dns_answer answer = ask(name, ns_t_txt, &a);
	char text[BATV_DNS_TEXT_SIZE];
	ns_rr rr;

	*out = '\0';
	*count = 0;
	for (int i = 0; i < a.n; i++) {
		if (!record_at(&a, i, ns_t_txt, &rr))
			continue;
		join(&rr, text, sizeof text);
		if (strncasecmp(text, start, strlen(start)) == 0 && (*count)++ == 0)
			snprintf(out, size, "%s", text);
	}
	return answer == BATV_DNS_FOUND && !*count ? BATV_DNS_NONE : answer;
}

void batv_ctl_dns_add(struct batv_ctl_dns_addresses *list, const struct in6_addr *address)
{
	if (list->n < BATV_DNS_MAX)
		list->address[list->n++] = *address;
}

bool batv_ctl_dns_parse(const char *text, struct in6_addr *out)
{
	char mapped[80];

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, out) == 1;
	snprintf(mapped, sizeof mapped, "::ffff:%.50s", text);
	return inet_pton(AF_INET6, mapped, out) == 1;
}

static enum batv_ctl_dns_answer add_type(const char *name, int type,
					 struct batv_ctl_dns_addresses *out)
{
	struct answer a;
	enum batv_ctl_dns_answer answer = ask(name, type, &a);
	ns_rr rr;

	for (int i = 0; i < a.n; i++) {
		struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
		const size_t len = type == ns_t_a ? 4 : 16;

		if (!record_at(&a, i, type, &rr) || ns_rr_rdlen(rr) != len)
			continue;
		memcpy(address.s6_addr + 16 - len, ns_rr_rdata(rr), len);
		batv_ctl_dns_add(out, &address);
	}
	return answer;
}

enum batv_ctl_dns_answer batv_ctl_dns_host(const char *name, struct batv_ctl_dns_addresses *out)
{
	enum batv_ctl_dns_answer v4 = add_type(name, ns_t_a, out);
	enum batv_ctl_dns_answer v6 = add_type(name, ns_t_aaaa, out);

	if (v4 == BATV_DNS_FOUND || v6 == BATV_DNS_FOUND)
		return BATV_DNS_FOUND;
	return v4 == BATV_DNS_FAILED || v6 == BATV_DNS_FAILED ? BATV_DNS_FAILED : BATV_DNS_NONE;
}

enum batv_ctl_dns_answer batv_ctl_dns_mx(const char *name, struct batv_ctl_dns_addresses *out)
{
	struct answer a;
	enum batv_ctl_dns_answer answer = ask(name, ns_t_mx, &a);
	char host[BATV_DNS_NAME_SIZE];
	ns_rr rr;

	for (int i = 0, asked = 0; i < a.n && asked < 10; i++) {
		if (!record_at(&a, i, ns_t_mx, &rr) || ns_rr_rdlen(rr) < 3 ||
		    dn_expand(ns_msg_base(a.message), ns_msg_end(a.message), ns_rr_rdata(rr) + 2,
			      host, sizeof host) < 0)
			continue;
		asked++;
		(void)batv_ctl_dns_host(host, out);
	}
	return answer;
}

enum batv_ctl_dns_answer batv_ctl_dns_null_mx(const char *name)
{
	struct answer a;
	enum batv_ctl_dns_answer answer = ask(name, ns_t_mx, &a);
	bool root = false;
	int exchangers = 0;
	ns_rr rr;

	for (int i = 0; i < a.n; i++) {
		if (!record_at(&a, i, ns_t_mx, &rr) || ns_rr_rdlen(rr) < 3)
			continue;
		exchangers++;
		root = ns_rr_rdata(rr)[2] == 0;
	}
	if (answer != BATV_DNS_FOUND)
		return answer;
	return root && exchangers == 1 ? BATV_DNS_FOUND : BATV_DNS_NONE;
}
