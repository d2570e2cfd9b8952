/*
 * ctl_spf.h - reads an SPF record (RFC 7208): does it name one of our addresses, and whom else?
 */
#ifndef BATV_CTL_SPF_H
#define BATV_CTL_SPF_H

#include "ctl_dns.h"

struct batv_ctl_spf {
	enum batv_ctl_dns_answer answer; /* is there a record? */
	size_t count;                    /* more than one is an error for every receiver */
	bool names_us;                   /* one of the addresses passes */
	bool unknown;       /* it has parts that were not evaluated: macros, exists, ptr */
	bool sends_nothing; /* it is "v=spf1 -all" */
	char other[300];    /* the first part that passes others than us; "" none */
	char record[BATV_DNS_TEXT_SIZE];
};

void batv_ctl_spf_read(const char *domain, const struct batv_ctl_dns_addresses *ours,
		       struct batv_ctl_spf *out);

/* Is the address in the network of `bits` bits?  Both as IPv6 addresses.  (Public for the tests.)
 */
bool batv_ctl_spf_in(const struct in6_addr *address, const struct in6_addr *network, unsigned bits);

#endif
