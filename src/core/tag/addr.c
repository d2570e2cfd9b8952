/*
 * addr.c - splits and checks an envelope address, and writes the form that is hashed.
 *
 *	Mailbox  = ( dot-string / quoted-string ) "@" ( domain / address-literal )
 *
 * The parser makes one pass from the left and never looks back.  It accepts some forms that RFC
 * 5321 forbids but mail servers let pass (odd dots, RFC 821's backslash before a character),
 * because a bounce to such an address would be delivered.  It refuses everything that could break
 * a line or a log (control characters, open quotes).
 * Invariant: a parsed address has no NUL or control character anywhere, and exactly one "@"
 * outside its local part.
 */
#include "tag/addr.h"

#include <string.h>

/* The length of a quoted-string at the start of s, quotes included; 0: there is none. */
static size_t quoted_len(struct batv_span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && ++i == s.len)
			return 0;
		if (batv_is_control(s.p[i]))
			return 0;
	}
	return 0;
}

/* The length of the dot-string at the start of s; it ends before the first other character. */
static size_t dot_string_len(struct batv_span s)
{
	size_t i = 0;

	while (i < s.len) {
		if (batv_is_atext(s.p[i]))
			i++;
		else if (s.p[i] == '\\' && s.len - i > 1 && !batv_is_control(s.p[i + 1]) &&
			 s.p[i + 1] != ' ')
			i += 2;
		else
			break;
	}
	return i;
}

static bool is_domain(struct batv_span s)
{
	bool literal = s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']';

	if (s.len == 0)
		return false;
	if (literal)
		s = (struct batv_span){s.p + 1, s.len - 2};
	for (size_t i = 0; i < s.len; i++)
		if (!batv_is_atext(s.p[i]) && !(literal && s.p[i] == ':'))
			return false;
	return true;
}

enum batv_err batv_addr_parse(const char *s, size_t len, struct batv_addr *out)
{
	struct batv_addr a = {.text = {s, len}};

	if (len > BATV_ADDR_INPUT_MAX)
		return BATV_E_TOO_LONG;
	a.quoted = len > 0 && s[0] == '"';
	a.local = (struct batv_span){s, a.quoted ? quoted_len(a.text) : dot_string_len(a.text)};
	if (a.local.len == 0 || a.local.len == len || s[a.local.len] != '@')
		return BATV_E_SYNTAX;
	a.domain = (struct batv_span){s + a.local.len + 1, len - a.local.len - 1};
	if (!is_domain(a.domain))
		return BATV_E_SYNTAX;
	*out = a;
	return BATV_OK;
}

static bool is_ascii(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

/* ---- internationalised domains ---- */

/* Exim's processes and batvctl replace these two (addr.h). */
__attribute__((weak)) enum batv_err batv_addr_to_alabel(const char *domain,
							char out[static BATV_ADDR_SIZE])
{
	(void)domain;
	(void)out;
	return BATV_E_NO_IDN;
}

__attribute__((weak)) enum batv_err batv_addr_to_ulabel(const char *domain,
							char out[static BATV_ADDR_SIZE])
{
	return batv_addr_to_alabel(domain, out);
}

/* The converters may give a domain to an expansion, so it has nothing but the bytes of names. */
static bool is_name(const char *domain)
{
	for (const char *p = domain; *p; p++)
		if (!batv_is_name_char(*p) && *p != '.' && (unsigned char)*p <= 0x7f)
			return false;
	return true;
}

enum batv_err batv_addr_domain(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE])
{
	char alabel[BATV_ADDR_SIZE];
	struct batv_span result;
	enum batv_err err;
	size_t n;

	out[0] = '\0';
	if (addr->domain.len >= BATV_ADDR_SIZE)
		return BATV_E_TOO_LONG;
	for (n = 0; n < addr->domain.len; n++)
		out[n] = batv_fold(addr->domain.p[n]);
	out[n] = '\0';
	if (is_ascii(addr->domain))
		return BATV_OK;
	if (!is_name(out))
		return BATV_E_SYNTAX;
	err = batv_addr_to_alabel(out, alabel);
	if (err == BATV_E_NO_IDN)
		return err;
	result = batv_span_of(err == BATV_OK ? alabel : "");
	if (!is_ascii(result) || !is_domain(result))
		return BATV_E_SYNTAX;
	for (n = 0; n < result.len; n++)
		out[n] = batv_fold(alabel[n]);
	out[n] = '\0';
	return BATV_OK;
}

bool batv_addr_other_form(const char *domain, char out[static BATV_ADDR_SIZE])
{
	const char *label = strstr(domain, "xn--");

	/* only at the beginning of a label */
	while (label && label != domain && label[-1] != '.')
		label = strstr(label + 1, "xn--");
	return label && strlen(domain) < BATV_ADDR_SIZE && is_name(domain) &&
	       batv_addr_to_ulabel(domain, out) == BATV_OK && strcmp(domain, out) != 0;
}

/* The length of the hashed form, in bytes. */
static size_t canon_len(struct batv_span local, struct batv_span domain)
{
	size_t n = 1 + domain.len;

	for (size_t i = 0; i < local.len; i++, n++) {
		if (local.p[i] == '"')
			n--;
		else if (local.p[i] == '\\')
			i++;
	}
	return n;
}

enum batv_err batv_addr_canon(const struct batv_addr *addr, char *out, size_t size, size_t *out_len)
{
	struct batv_span local = addr->local, domain = addr->domain;
	char alabel[BATV_ADDR_SIZE];
	size_t n = 0;

	if (!is_ascii(domain) && batv_addr_domain(addr, alabel) == BATV_OK)
		domain = batv_span_of(alabel);
	/* an address that seems too long may fit once quotes and backslashes are gone */
	if (local.len + domain.len + 1 >= size && canon_len(local, domain) >= size)
		return BATV_E_TOO_LONG;
	for (size_t i = 0; i < local.len; i++) {
		char c = local.p[i];

		if (c == '"') /* an escaped quote does not come here: the next lines take it */
			continue;
		if (c == '\\')
			c = local.p[++i];
		out[n++] = batv_fold(c);
	}
	out[n++] = '@';
	for (size_t i = 0; i < domain.len; i++)
		out[n++] = batv_fold(domain.p[i]);
	out[n] = '\0';
	*out_len = n;
	return BATV_OK;
}

bool batv_addr_same(const struct batv_addr *a, const struct batv_addr *b)
{
	char x[BATV_ADDR_SIZE], y[BATV_ADDR_SIZE];
	size_t x_len, y_len;

	return batv_addr_canon(a, x, sizeof x, &x_len) == BATV_OK &&
	       batv_addr_canon(b, y, sizeof y, &y_len) == BATV_OK &&
	       batv_span_equal((struct batv_span){x, x_len}, (struct batv_span){y, y_len});
}

bool batv_addr_is_ascii(const struct batv_addr *addr)
{
	return is_ascii(addr->text);
}
