/*
 * tag.c - recognises, makes and checks BATV tags, and removes any known tag.
 *
 * Pure: keys and the time are arguments.  All parts are spans of the address that came in.  A text
 * is never cut between a backslash and the character it escapes, so the rest of an address is still
 * an address.  Invariants: stripping a tag that was made here gives back the very same bytes; no
 * tag is valid without the MAC of a live key; MACs are compared in constant time.
 */
#include <string.h>

#include "base/days.h"
#include "base/hmac.h"
#include "tag/tag.h"

#define KDDD_LEN 4
#define DAY_CYCLE 1000       /* DDD repeats */
#define EXPIRED_BACK_MAX 499 /* a day further back counts as a day ahead */
#define LEGACY_AHEAD_MAX 7   /* days; Exim's ${prvs} and batv-tools sign for that long */
#define FOREIGN_TAG_MIN 9
#define FOREIGN_TAG_MAX 12

static const struct batv_span nothing = {"", 0};

/* The local part without its quotes; backslashes stay. */
static struct batv_span inner_of(const struct batv_addr *addr)
{
	if (!addr->quoted)
		return addr->local;
	return (struct batv_span){addr->local.p + 1, addr->local.len - 2};
}

/* Is the character at `at` the second one of a backslash pair? */
static bool is_escaped(struct batv_span s, size_t at)
{
	size_t backslashes = 0;

	while (backslashes < at && s.p[at - backslashes - 1] == '\\')
		backslashes++;
	return backslashes % 2 != 0;
}

/* Reads our KDDDSSSSSS at the start of s. */
static bool read_tag(struct batv_span s, struct batv_tag *tag)
{
	uint64_t stamp;

	if (s.len < BATV_TAG_LEN || !batv_span_to_u64((struct batv_span){s.p, KDDD_LEN}, &stamp) ||
	    !batv_span_to_bytes((struct batv_span){s.p + KDDD_LEN, 2 * sizeof tag->mac}, tag->mac,
				sizeof tag->mac))
		return false;
	tag->number = (uint8_t)(stamp / DAY_CYCLE);
	tag->day = (uint16_t)(stamp % DAY_CYCLE);
	return true;
}

bool batv_tag_parse(const struct batv_addr *addr, struct batv_tag *tag)
{
	struct batv_span local = inner_of(addr);
	struct batv_tag t = {.style = BATV_STYLE_PRVS};

	if (local.len <= BATV_TAG_OVERHEAD)
		return false;
	size_t bare_len = local.len - BATV_TAG_OVERHEAD;
	if (batv_span_begins_fold(local, "prvs=") && local.p[BATV_TAG_OVERHEAD - 1] == '=' &&
	    read_tag(batv_span_after(local, strlen("prvs=")), &t)) {
		t.inner = batv_span_after(local, BATV_TAG_OVERHEAD);
		*tag = t;
		return true;
	}
	if (batv_span_begins_fold(batv_span_after(local, bare_len), "+prvs=") &&
	    !is_escaped(local, bare_len) &&
	    read_tag(batv_span_after(local, bare_len + strlen("+prvs=")), &t)) {
		t.style = BATV_STYLE_SUBADDRESS;
		t.inner = (struct batv_span){local.p, bare_len};
		*tag = t;
		return true;
	}
	return false;
}

/* Writes before, inner and after (together in quotes, if quoted), "@" and the domain. */
static enum batv_err write_addr(bool quoted, struct batv_span before, struct batv_span inner,
				struct batv_span after, struct batv_span domain, char *out,
				size_t size)
{
	const struct batv_span quote = {"\"", quoted ? 1 : 0}, at = {"@", 1};
	const struct batv_span parts[] = {quote, before, inner, after, quote, at, domain};
	const size_t n = sizeof parts / sizeof parts[0];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	if (len >= size)
		return BATV_E_TOO_LONG;
	for (size_t i = 0; i < n; i++) {
		memcpy(out, parts[i].p, parts[i].len);
		out += parts[i].len;
	}
	*out = '\0';
	return BATV_OK;
}

enum batv_err batv_tag_strip(const struct batv_addr *addr, const struct batv_tag *tag, char *out,
			     size_t size)
{
	return write_addr(addr->quoted, nothing, tag->inner, nothing, addr->domain, out, size);
}

/*
 * Would router-unsign.conf route this local part, once it has a tag?  A redirect router could take
 * one that begins like this for a pipe, a file, a list or a comment, so the router leaves it alone.
 */
static bool may_begin(struct batv_span inner)
{
	size_t at = inner.len > 1 && inner.p[0] == '\\' ? 1 : 0;

	return inner.len > 0 && !memchr("|/\"\\#:", inner.p[at], 6);
}

bool batv_tag_routes(const struct batv_tag *tag)
{
	return may_begin(tag->inner);
}

/* Mail servers that cannot use UTF-8 see the domain's A-label, which may be longer. */
static bool domain_fits(const struct batv_addr *addr)
{
	const size_t others = addr->local.len + 1 + BATV_TAG_OVERHEAD;
	char domain[BATV_ADDR_SIZE];

	return addr->domain.len > 0 && others + addr->domain.len <= BATV_PATH_MAX &&
	       batv_addr_domain(addr, domain) == BATV_OK &&
	       others + strlen(domain) <= BATV_PATH_MAX;
}

bool batv_tag_fits(const struct batv_addr *addr)
{
	const struct batv_addr local = {.text = addr->local};

	return may_begin(inner_of(addr)) && batv_addr_is_ascii(&local) &&
	       addr->local.len + BATV_TAG_OVERHEAD <= BATV_LOCAL_MAX && domain_fits(addr);
}

static void write_kddd(unsigned number, unsigned day, char kddd[static KDDD_LEN])
{
	kddd[0] = (char)('0' + number % 10);
	kddd[1] = (char)('0' + day / 100 % 10);
	kddd[2] = (char)('0' + day / 10 % 10);
	kddd[3] = (char)('0' + day % 10);
}

static bool make_mac(struct batv_span key, const char kddd[static KDDD_LEN],
		     struct batv_span address, uint8_t mac[static 3])
{
	uint8_t whole[BATV_HMAC_LEN];
	bool ok = batv_hmac_sha1(key, (struct batv_span){kddd, KDDD_LEN}, address, whole);

	memcpy(mac, whole, 3);
	batv_wipe(whole, sizeof whole);
	return ok;
}

enum batv_err batv_tag_make(const struct batv_addr *addr, const struct batv_key *key,
			    enum batv_tag_style style, char *out, size_t size)
{
	char canon[BATV_ADDR_SIZE], tag[BATV_TAG_OVERHEAD + 1];
	char *value = tag + (style == BATV_STYLE_PRVS ? strlen("prvs=") : strlen("+prvs="));
	struct batv_span address = {canon, 0}, text = {tag, BATV_TAG_OVERHEAD};
	uint8_t mac[3];

	if (size > 0)
		*out = '\0';
	if (!batv_tag_fits(addr) ||
	    batv_addr_canon(addr, canon, sizeof canon, &address.len) != BATV_OK)
		return BATV_E_UNSIGNABLE;
	memcpy(tag, style == BATV_STYLE_PRVS ? "prvs=" : "+prvs=", (size_t)(value - tag));
	write_kddd(key->number, key->day, value);
	if (!make_mac((struct batv_span){key->text, sizeof key->text}, value, address, mac))
		return BATV_E_NO_KEY; /* a libcrypto without SHA-1 */
	batv_bytes_to_hex(mac, sizeof mac, value + KDDD_LEN);
	if (style == BATV_STYLE_SUBADDRESS)
		return write_addr(addr->quoted, nothing, inner_of(addr), text, addr->domain, out,
				  size);
	tag[BATV_TAG_OVERHEAD - 1] = '=';
	return write_addr(addr->quoted, text, inner_of(addr), nothing, addr->domain, out, size);
}

/* How many days after today is the next day with these last digits?  0..999 */
static unsigned days_ahead(unsigned day, int64_t now)
{
	int64_t today = now / BATV_DAY - (now % BATV_DAY < 0);

	today = (today % DAY_CYCLE + DAY_CYCLE) % DAY_CYCLE;
	return (unsigned)((day + DAY_CYCLE - today) % DAY_CYCLE);
}

static bool mac_is_right(const struct batv_tag *tag, struct batv_span key, struct batv_span address)
{
	char kddd[KDDD_LEN];
	uint8_t mac[3];

	write_kddd(tag->number, tag->day, kddd);
	bool ok = make_mac(key, kddd, address, mac) && batv_equal_secret(mac, tag->mac, sizeof mac);
	batv_wipe(mac, sizeof mac); /* if the tag is a guess, this is the right answer */
	return ok;
}

/* The two forms in which an untagged address may have been hashed. */
struct hashed {
	char as_received[BATV_ADDR_INPUT_MAX + 1], canon[BATV_ADDR_INPUT_MAX + 1];
	struct batv_span received_span, canon_span;
};

static bool hashed_forms(const struct batv_addr *addr, const struct batv_tag *tag, struct hashed *h)
{
	struct batv_addr bare;

	h->received_span.p = h->as_received;
	h->canon_span.p = h->canon;
	if (batv_tag_strip(addr, tag, h->as_received, sizeof h->as_received) != BATV_OK)
		return false;
	h->received_span.len = strlen(h->as_received);
	return batv_addr_parse(h->as_received, h->received_span.len, &bare) == BATV_OK &&
	       batv_addr_canon(&bare, h->canon, sizeof h->canon, &h->canon_span.len) == BATV_OK;
}

static bool legacy_is_right(const struct batv_tag *tag, const struct batv_legacy_key *key,
			    const struct hashed *h)
{
	struct batv_span bytes = {key->bytes, key->len};

	return mac_is_right(tag, bytes, h->received_span) ||
	       mac_is_right(tag, bytes, h->canon_span);
}

enum batv_tag_worth batv_tag_check(const struct batv_addr *addr, const struct batv_tag *tag,
				   const struct batv_keyring *ring, int64_t now,
				   const struct batv_key **key)
{
	const unsigned ahead = days_ahead(tag->day, now);
	bool asked = false; /* some live key could have made the tag */
	struct hashed h;

	if (key)
		*key = NULL;
	if (!hashed_forms(addr, tag, &h))
		return BATV_TAG_FORGED;
	for (size_t i = 0; i < ring->n_keys; i++) {
		const struct batv_key *k = &ring->keys[i];

		if (now >= k->destroy || k->number != tag->number || k->day != tag->day)
			continue;
		asked = true;
		if (!mac_is_right(tag, (struct batv_span){k->text, sizeof k->text}, h.canon_span))
			continue;
		if (key)
			*key = k;
		return BATV_TAG_VALID;
	}
	for (size_t i = 0; i < ring->n_legacy; i++) {
		if (now >= ring->legacy[i].until || ahead > LEGACY_AHEAD_MAX)
			continue;
		asked = true;
		if (legacy_is_right(tag, &ring->legacy[i], &h))
			return BATV_TAG_VALID;
	}
	return !asked && (ahead == 0 || ahead >= DAY_CYCLE - EXPIRED_BACK_MAX) ? BATV_TAG_EXPIRED
									       : BATV_TAG_FORGED;
}

bool batv_tag_is_srs(const struct batv_addr *addr)
{
	struct batv_span local = inner_of(addr);

	return (batv_span_begins_fold(local, "SRS0") || batv_span_begins_fold(local, "SRS1")) &&
	       local.len > 4 && (local.p[4] == '=' || local.p[4] == '+' || local.p[4] == '-');
}

/*
 * From here on: tags of any site.  Each peel_ function removes the outermost tag from *local, and
 * sets *domain to the original domain if the tag has one.  If there is no such tag, it changes
 * neither and returns false.
 */

/* Cuts the field before the next '=', and that '=', off the front of *s. */
static bool take_field(struct batv_span *s, struct batv_span *field)
{
	const char *end = s->len > 0 ? memchr(s->p, '=', s->len) : NULL;

	if (!end || end == s->p)
		return false;
	*field = (struct batv_span){s->p, (size_t)(end - s->p)};
	if (memchr(field->p, '\\', field->len))
		return false;
	*s = batv_span_after(*s, field->len + 1);
	return true;
}

/* The tag of prvs and btv1: a digit, then hex digits. */
static bool is_hex_tag(struct batv_span s)
{
	if (s.len < FOREIGN_TAG_MIN || s.len > FOREIGN_TAG_MAX || !batv_is_digit(s.p[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (batv_hex_value(s.p[i]) < 0)
			return false;
	return true;
}

/* Is s made of letters, digits and the characters of `more`?  False if s is empty. */
static bool is_made_of(struct batv_span s, const char *more)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!batv_is_alnum(c) && (c == '\0' || !strchr(more, c)))
			return false;
	}
	return s.len > 0;
}

/* Removes a tag after the last `mark` of the local part: prvs=local=TAG, local+prvs=TAG. */
static bool peel_behind(struct batv_span *local, char mark, const char *name)
{
	const char *at = local->len > 0 ? memrchr(local->p, mark, local->len) : NULL;
	size_t bare_len = at ? (size_t)(at - local->p) : 0;

	if (bare_len == 0 || is_escaped(*local, bare_len))
		return false;
	struct batv_span rest = batv_span_after(*local, bare_len + 1);
	if (!batv_span_begins_fold(rest, name) || !is_hex_tag(batv_span_after(rest, strlen(name))))
		return false;
	local->len = bare_len;
	return true;
}

static bool peel_prvs(struct batv_span *local)
{
	struct batv_span rest, field;

	if (!batv_span_begins_fold(*local, "prvs="))
		return false;
	rest = batv_span_after(*local, strlen("prvs="));
	if (!take_field(&rest, &field) || !is_hex_tag(field) || rest.len == 0)
		return false;
	*local = rest;
	return true;
}

/* prvs=local=TAG, the order of the first drafts. */
static bool peel_older_prvs(struct batv_span *local)
{
	struct batv_span rest;

	if (!batv_span_begins_fold(*local, "prvs="))
		return false;
	rest = batv_span_after(*local, strlen("prvs="));
	if (!peel_behind(&rest, '=', ""))
		return false;
	*local = rest;
	return true;
}

static bool peel_btv1(struct batv_span *local)
{
	struct batv_span rest, field;

	if (!batv_span_begins_fold(*local, "btv1=="))
		return false;
	rest = batv_span_after(*local, strlen("btv1=="));
	if (!take_field(&rest, &field) || !is_hex_tag(field) || rest.len < 2 || rest.p[0] != '=')
		return false;
	*local = batv_span_after(rest, 1);
	return true;
}

/* Momentum's tag: five digits of a day, then characters of base64url. */
static bool peel_msprvs1(struct batv_span *local)
{
	struct batv_span rest, field;

	if (!batv_span_begins_fold(*local, "msprvs1="))
		return false;
	rest = batv_span_after(*local, strlen("msprvs1="));
	if (!take_field(&rest, &field) || rest.len == 0 || !batv_is_digit(field.p[0]) ||
	    !is_made_of(field, "-_"))
		return false;
	*local = rest;
	return true;
}

/* SRS0=hash=tt=domain=local, or SRS1=hash=host= and then all that follows "SRS0". */
static bool peel_srs(struct batv_span *local, struct batv_span *domain)
{
	const struct batv_addr addr = {.local = *local};
	struct batv_span rest, hash, stamp, host;

	if (!batv_tag_is_srs(&addr))
		return false;
	rest = batv_span_after(*local, strlen("SRS0="));
	if (local->p[3] == '1') {
		if (!take_field(&rest, &hash) || !take_field(&rest, &host) || rest.len == 0 ||
		    !strchr("=+-", rest.p[0]))
			return false;
		rest = batv_span_after(rest, 1);
	}
	if (!take_field(&rest, &hash) || !take_field(&rest, &stamp) || !take_field(&rest, &host) ||
	    rest.len == 0 || !is_made_of(host, ".-_"))
		return false;
	*local = rest;
	*domain = host;
	return true;
}

enum batv_err batv_tag_bare(const char *s, size_t len, char *out, size_t size)
{
	struct batv_span local, domain;
	struct batv_addr addr;
	enum batv_err err = batv_addr_parse(s, len, &addr);

	if (err != BATV_OK)
		return err;
	local = inner_of(&addr);
	domain = addr.domain;
	/* this ends, because each removed tag makes the local part shorter */
	while (peel_prvs(&local) || peel_btv1(&local) || peel_msprvs1(&local) ||
	       peel_srs(&local, &domain) || peel_behind(&local, '+', "prvs=") ||
	       peel_older_prvs(&local)) /* the vaguest shape comes last */
		;
	return write_addr(addr.quoted, nothing, local, nothing, domain, out, size);
}

bool batv_tag_canon(struct batv_span address, char out[static BATV_ADDR_SIZE])
{
	char bare[BATV_ADDR_SIZE];
	struct batv_addr addr;
	size_t len;

	if (batv_tag_bare(address.p, address.len, bare, sizeof bare) == BATV_OK &&
	    batv_addr_parse(bare, strlen(bare), &addr) == BATV_OK &&
	    batv_addr_canon(&addr, out, BATV_ADDR_SIZE, &len) == BATV_OK)
		return true;
	out[0] = '\0';
	return false;
}
