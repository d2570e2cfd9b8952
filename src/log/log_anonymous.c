/*
 * log_anonymous.c - the domain of an address, and the network of a host.
 */
#include "log_anonymous.h"

#include <stdio.h>
#include <string.h>

#include "base/network.h"

static void copy(struct batv_span s, char *out, size_t size)
{
	s = batv_span_cut(s, size - 1);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
}

void batv_log_anonymous_address(struct batv_span address, char out[static BATV_ADDR_SIZE])
{
	const char *at = memrchr(address.p, '@', address.len);

	copy(at ? batv_span_between(at + 1, address.p + address.len) : batv_span_of("(local)"), out,
	     BATV_ADDR_SIZE);
	for (size_t i = 0; out[i]; i++)
		out[i] = batv_fold(out[i]);
}

void batv_log_anonymous_host(struct batv_span host, char out[static BATV_LOG_HOST_SIZE])
{
	char network[BATV_NETWORK_TEXT_SIZE];
	uint64_t number;

	copy(host, out, BATV_LOG_HOST_SIZE);
	if (batv_network_of(out, &number))
		batv_network_text(number, network);
	else
		strcpy(network, "-");
	copy(batv_span_of(network), out, BATV_LOG_HOST_SIZE);
}
