/*
 * plain_list.c - decides Exim lists of literal items without an Exim.
 *
 * This is pure.  Invariant: YES and NO are what Exim would answer according to its documentation.
 * When in doubt the answer is MAYBE: no answer is better than a guess.
 */
#include <arpa/inet.h>
#include <string.h>

#include "plain_list.h"

bool batv_plain_list_next(const char **list, struct batv_span *item)
{
	const char *p = *list, *end;

	while (batv_is_space(*p) || *p == ':') /* empty items say nothing */
		p++;
	if (!*p)
		return false;
	end = strchr(p, ':');
	if (!end)
		end = p + strlen(p);
	*list = end;
	while (end > p && batv_is_space(end[-1]))
		end--;
	*item = (struct batv_span){p, (size_t)(end - p)};
	return true;
}

/* Another separator, a doubled one (a colon that is meant), or an expansion. */
static bool is_plain_list(const char *list)
{
	while (batv_is_space(*list))
		list++;
	return *list != '<' && !strstr(list, "::") && !strpbrk(list, "$\\");
}

static bool is_literal(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!batv_is_alnum(c) && !strchr("._-=", c) && (unsigned char)c <= 0x7f)
			return false;
	}
	return s.len > 0;
}

/* One item of a domain list, or the domain of an item of an address list. */
static enum batv_match match_domain_item(struct batv_span domain, struct batv_span item)
{
	struct batv_span tail = {item.p + 1, item.len - 1};

	if (item.len == 1 && item.p[0] == '*')
		return BATV_YES;
	if (item.len > 1 && item.p[0] == '*' && is_literal(tail)) {
		if (domain.len < tail.len)
			return BATV_NO;
		domain.p += domain.len - tail.len;
		domain.len = tail.len;
		return batv_span_equal_fold(domain, tail) ? BATV_YES : BATV_NO;
	}
	if (!is_literal(item))
		return BATV_MAYBE;
	return batv_span_equal_fold(domain, item) ? BATV_YES : BATV_NO;
}

static const char *last_at(struct batv_span s)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.p[i - 1] == '@')
			return &s.p[i - 1];
	return NULL;
}

static enum batv_match match_address_item(struct batv_span address, struct batv_span item)
{
	const char *a = last_at(address), *i = last_at(item);
	struct batv_span local, domain, want_local, want_domain;
	enum batv_match match;

	if (item.len == 1 && item.p[0] == '*')
		return BATV_YES;
	if (!i) { /* a domain alone matches any address in it */
		if (!a || !is_literal(item))
			return BATV_MAYBE;
		domain = (struct batv_span){a + 1, (size_t)(address.p + address.len - a) - 1};
		return batv_span_equal_fold(domain, item) ? BATV_YES : BATV_NO;
	}
	want_local = (struct batv_span){item.p, (size_t)(i - item.p)};
	want_domain = (struct batv_span){i + 1, (size_t)(item.p + item.len - i) - 1};
	if (!a || !want_domain.len ||
	    (!is_literal(want_local) && !(want_local.len == 1 && want_local.p[0] == '*')))
		return BATV_MAYBE;
	local = (struct batv_span){address.p, (size_t)(a - address.p)};
	domain = (struct batv_span){a + 1, (size_t)(address.p + address.len - a) - 1};
	match = match_domain_item(domain, want_domain);
	if (match != BATV_YES || want_local.p[0] == '*')
		return match;
	return batv_span_equal_fold(local, want_local) ? BATV_YES : BATV_NO;
}

static enum batv_match match_host_item(struct batv_span address, struct batv_span item)
{
	char a[64], b[64];
	unsigned char x[16], y[4];
	int family;

	if (item.len == 1 && item.p[0] == '*')
		return BATV_YES;
	if (address.len >= sizeof a || item.len >= sizeof b)
		return BATV_MAYBE;
	memcpy(a, address.p, address.len), a[address.len] = '\0';
	memcpy(b, item.p, item.len), b[item.len] = '\0';
	family = strchr(a, ':') ? AF_INET6 : AF_INET;
	/* The colon separates items, so that none of them is an IPv6 address. */
	if (inet_pton(family, a, x) != 1 || inet_pton(AF_INET, b, y) != 1)
		return BATV_MAYBE;
	return family == AF_INET && memcmp(x, y, sizeof y) == 0 ? BATV_YES : BATV_NO;
}

static enum batv_match match_items(const char *value, const char *list,
				   enum batv_match (*match)(struct batv_span, struct batv_span))
{
	struct batv_span item, text = batv_span_of(value);

	if (!is_plain_list(list))
		return BATV_MAYBE;
	while (batv_plain_list_next(&list, &item)) {
		enum batv_match m = match(text, item);

		if (m != BATV_NO)
			return m;
	}
	return BATV_NO;
}

enum batv_match batv_plain_list_domain(const char *domain, const char *list)
{
	return match_items(domain, list, match_domain_item);
}

enum batv_match batv_plain_list_address(const char *address, const char *list)
{
	return match_items(address, list, match_address_item);
}

enum batv_match batv_plain_list_host(const char *address, const char *list)
{
	return match_items(address, list, match_host_item);
}
