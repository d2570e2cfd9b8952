/*
 * ctl_dns.h - asks the DNS, through the resolver that /etc/resolv.conf names.
 */
#ifndef BATV_CTL_DNS_H
#define BATV_CTL_DNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum batv_ctl_dns_answer {
	BATV_DNS_FOUND,
	BATV_DNS_NONE,   /* there is no such record, or no such name */
	BATV_DNS_FAILED, /* the DNS did not say: no answer in time, or a broken zone */
};

#define BATV_DNS_TEXT_SIZE 2048
#define BATV_DNS_NAME_SIZE 256
#define BATV_DNS_MAX 32 /* addresses or hosts that are looked at */

/* Addresses as IPv6 addresses; an IPv4 address is mapped (::ffff:192.0.2.1). */
struct batv_ctl_dns_addresses {
	size_t n;
	struct in6_addr address[BATV_DNS_MAX];
};

/*
 * The TXT record of the name that begins with `start` (compared without case), its strings joined.
 * *count is how many there are; `out` is the first one.
 */
enum batv_ctl_dns_answer batv_ctl_dns_text(const char *name, const char *start, char *out,
					   size_t size, size_t *count);
/* Adds the name's addresses. */
enum batv_ctl_dns_answer batv_ctl_dns_host(const char *name, struct batv_ctl_dns_addresses *out);
/* Adds the addresses of its mail exchangers. */
enum batv_ctl_dns_answer batv_ctl_dns_mx(const char *name, struct batv_ctl_dns_addresses *out);

/* Does it say that it takes no mail (RFC 7505)?  Its only mail exchanger is then the root, ".". */
enum batv_ctl_dns_answer batv_ctl_dns_null_mx(const char *name);

void batv_ctl_dns_add(struct batv_ctl_dns_addresses *list, const struct in6_addr *address);
/* Reads "192.0.2.1" or "2001:db8::1". */
bool batv_ctl_dns_parse(const char *text, struct in6_addr *out);

#endif
