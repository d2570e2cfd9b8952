/*
 * ctl_spf.c - evaluates an SPF record for addresses of ours.
 *
 * Invariant: at most LOOKUPS_MAX names are asked for, as RFC 7208 says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl_spf.h"

#define LOOKUPS_MAX 10
#define DEPTH_MAX 5

struct reading {
	const struct batv_ctl_dns_addresses *ours;
	struct batv_ctl_spf *out;
	unsigned lookups, depth;
	const char *part; /* of the record of the domain itself: what `other` names */
};

bool batv_ctl_spf_in(const struct in6_addr *address, const struct in6_addr *network, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;

	if (bits > 128 || memcmp(address->s6_addr, network->s6_addr, whole) != 0)
		return false;
	return !rest || (address->s6_addr[whole] ^ network->s6_addr[whole]) >> (8 - rest) == 0;
}

static bool is_v4(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

/* A network that passes: is one of our addresses in it, or is it somebody else's? */
static void take_network(struct reading *r, const struct in6_addr *network, unsigned bits)
{
	bool hit = false;

	for (size_t i = 0; i < r->ours->n; i++)
		hit = hit || batv_ctl_spf_in(&r->ours->address[i], network, bits);
	if (hit)
		r->out->names_us = true;
	else if (!*r->out->other && r->part)
		snprintf(r->out->other, sizeof r->out->other, "%s", r->part);
}

/* "/24//64": the lengths for IPv4 and for IPv6. */
static void take_lengths(const char *text, unsigned *v4, unsigned *v6)
{
	const char *second = strstr(text, "//");

	*v4 = *text == '/' && text != second ? (unsigned)strtoul(text + 1, NULL, 10) : 32;
	*v6 = second ? (unsigned)strtoul(second + 2, NULL, 10) : 128;
	if (*v4 > 32)
		*v4 = 32;
}

static void take_ip(struct reading *r, const char *value)
{
	char text[80];
	struct in6_addr network;
	const char *slash = strchr(value, '/');
	unsigned bits;

	snprintf(text, sizeof text, "%.*s", slash ? (int)(slash - value) : (int)strlen(value),
		 value);
	if (!batv_ctl_dns_parse(text, &network)) {
		r->out->unknown = true;
		return;
	}
	bits = slash ? (unsigned)strtoul(slash + 1, NULL, 10) : is_v4(&network) ? 32 : 128;
	take_network(r, &network, is_v4(&network) ? bits + 96 : bits);
}

static void take_hosts(struct reading *r, bool mx, const char *domain, const char *lengths)
{
	struct batv_ctl_dns_addresses found = {0};
	unsigned v4, v6;

	if (++r->lookups > LOOKUPS_MAX)
		return;
	take_lengths(lengths, &v4, &v6);
	if ((mx ? batv_ctl_dns_mx(domain, &found) : batv_ctl_dns_host(domain, &found)) ==
	    BATV_DNS_FAILED)
		r->out->unknown = true;
	for (size_t i = 0; i < found.n; i++)
		take_network(r, &found.address[i], is_v4(&found.address[i]) ? v4 + 96 : v6);
}

static void read_record(struct reading *r, const char *domain, char *record);

static void take_include(struct reading *r, const char *domain)
{
	char record[BATV_DNS_TEXT_SIZE];
	size_t count;

	if (++r->lookups > LOOKUPS_MAX || r->depth == DEPTH_MAX)
		return;
	if (strlen(domain) >= BATV_DNS_NAME_SIZE || /* no name is that long */
	    batv_ctl_dns_text(domain, "v=spf1", record, sizeof record, &count) != BATV_DNS_FOUND) {
		r->out->unknown = true;
		return;
	}
	r->depth++;
	read_record(r, domain, record);
	r->depth--;
}

/* "a", "a:host", "mx/24": the name after the colon, or the domain itself. */
static bool take_a_or_mx(struct reading *r, const char *domain, const char *term, const char *word)
{
	const size_t len = strlen(word);
	char host[BATV_DNS_NAME_SIZE];
	size_t name, n;

	if (strncasecmp(term, word, len) != 0 || (term[len] && !strchr(":/", term[len])))
		return false;
	name = len + (term[len] == ':');
	n = strcspn(term + name, "/");
	snprintf(host, sizeof host, "%.*s", (int)n, term + name);
	take_hosts(r, *word == 'm', *host ? host : domain, term + name + n);
	return true;
}

static void take_term(struct reading *r, const char *domain, const char *term)
{
	if (strchr("-~?", *term)) /* what does not pass, such as -all */
		return;
	term += *term == '+';
	if (strchr(term, '%'))
		r->out->unknown = true;
	else if (strncasecmp(term, "ip4:", 4) == 0 || strncasecmp(term, "ip6:", 4) == 0)
		take_ip(r, term + 4);
	else if (strncasecmp(term, "include:", 8) == 0)
		take_include(r, term + 8);
	else if (strncasecmp(term, "redirect=", 9) == 0)
		take_include(r, term + 9);
	else if (strcasecmp(term, "all") == 0)
		r->out->names_us = true;
	else if (!take_a_or_mx(r, domain, term, "a") && !take_a_or_mx(r, domain, term, "mx") &&
		 !strchr(term, '='))
		r->out->unknown = true;
}

static void read_record(struct reading *r, const char *domain, char *record)
{
	char *save = NULL;

	for (char *term = strtok_r(record + strlen("v=spf1"), " ", &save); term;
	     term = strtok_r(NULL, " ", &save)) {
		if (r->depth == 0)
			r->part = term;
		take_term(r, domain, term);
	}
}

void batv_ctl_spf_read(const char *domain, const struct batv_ctl_dns_addresses *ours,
		       struct batv_ctl_spf *out)
{
	struct reading r = {.ours = ours, .out = out};
	char record[BATV_DNS_TEXT_SIZE];

	*out = (struct batv_ctl_spf){0};
	out->answer =
		batv_ctl_dns_text(domain, "v=spf1", out->record, sizeof out->record, &out->count);
	if (out->answer != BATV_DNS_FOUND)
		return;
	out->sends_nothing = strcasecmp(out->record, "v=spf1 -all") == 0;
	memcpy(record, out->record, sizeof record);
	read_record(&r, domain, record);
}
