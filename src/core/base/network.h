/*
 * network.h - the network of a host: a /24 of IPv4, a /48 of IPv6.  A stranger has many addresses,
 * but few networks.
 */
#ifndef BATV_BASE_NETWORK_H
#define BATV_BASE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#define BATV_NETWORK_IPV6 UINT64_C(0x8000) /* bit 15: an IPv6 network */

/*
 * Reads an IP address and writes the number of its network: the network in the upper 48 bits (IPv4:
 * in the lower 24 of these), and BATV_NETWORK_IPV6.  The lower 15 bits are 0.  Returns false if
 * host is NULL or not an IP address.
 */
bool batv_network_of(const char *host, uint64_t *network);

/*
 * The number of the host itself: an IPv4 address, or the /64 of an IPv6 one, because a host may use
 * any address of that.  Returns false if host is NULL or not an IP address.
 */
bool batv_network_host(const char *host, uint64_t *number);

/* Writes a network as text: "192.0.2.0/24", "2001:db8:1::/48".  The lower 15 bits do not matter. */
#define BATV_NETWORK_TEXT_SIZE 32
void batv_network_text(uint64_t network, char out[static BATV_NETWORK_TEXT_SIZE]);

#endif
