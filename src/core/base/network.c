/*
 * network.c - reads an IP address as text, and keeps the part that names its network.
 */
#include "base/network.h"

#include <stdio.h>
#include <string.h>

#include "base/span.h"

/* Reads the first numbers of a.b.c.d. */
static bool ipv4_parts(const char *s, unsigned parts, uint64_t *out)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < parts; i++) {
		const char *dot = i < 3 ? strchr(s, '.') : s + strlen(s);
		uint64_t part;

		if (!dot || !batv_span_to_u64((struct batv_span){s, (size_t)(dot - s)}, &part) ||
		    part > 255)
			return false;
		n = n << 8 | part;
		s = dot + 1;
	}
	*out = n;
	return true;
}

/*
 * Reads groups of hex digits, as many as there are.  *gap is the place of "::".  A dotted end
 * counts as two groups.
 */
static bool ipv6_groups(const char *s, uint16_t group[static 8], unsigned *n, unsigned *gap)
{
	for (*n = 0, *gap = 8; *s && *n < 8; ++*n) {
		if (s[0] == ':' && s[1] == ':') {
			*gap = *n;
			s++;
		}
		s += *s == ':';
		if (!*s)
			break;
		if (batv_hex_value(*s) < 0)
			return false;
		for (; batv_hex_value(*s) >= 0; s++)
			group[*n] = (uint16_t)(group[*n] << 4 | batv_hex_value(*s));
		if (*s == '.') {
			*n += 2;
			return *n <= 8;
		}
	}
	return *gap < 8 || *n == 8;
}

/* Reads the first groups. */
static bool ipv6_parts(const char *s, unsigned parts, uint64_t *out)
{
	uint16_t group[8] = {0};
	unsigned n, gap;
	uint64_t bits = 0;

	if (!ipv6_groups(s, group, &n, &gap))
		return false;
	for (unsigned i = 0; i < parts; i++) {
		bool right = i >= gap + (8 - n); /* after the groups that "::" stands for */
		uint64_t part = i < gap ? group[i] : right ? group[i - (8 - n)] : 0;

		bits = bits << 16 | part;
	}
	*out = bits;
	return true;
}

bool batv_network_of(const char *host, uint64_t *network)
{
	const bool ipv6 = host && strchr(host, ':');
	uint64_t parts = 0;

	if (!host || !*host || !(ipv6 ? ipv6_parts : ipv4_parts)(host, 3, &parts))
		return false;
	*network = parts << 16 | (ipv6 ? BATV_NETWORK_IPV6 : 0);
	return true;
}

bool batv_network_host(const char *host, uint64_t *number)
{
	if (!host || !*host)
		return false;
	return strchr(host, ':') ? ipv6_parts(host, 4, number) : ipv4_parts(host, 4, number);
}

void batv_network_text(uint64_t network, char out[static BATV_NETWORK_TEXT_SIZE])
{
	unsigned a = (unsigned)(network >> 48) & 0xffff, b = (unsigned)(network >> 32) & 0xffff,
		 c = (unsigned)(network >> 16) & 0xffff;

	if (network & BATV_NETWORK_IPV6)
		snprintf(out, BATV_NETWORK_TEXT_SIZE, "%x:%x:%x::/48", a, b, c);
	else
		snprintf(out, BATV_NETWORK_TEXT_SIZE, "%u.%u.%u.0/24", b & 0xff, c >> 8, c & 0xff);
}
