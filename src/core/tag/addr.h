/*
 * addr.h - envelope addresses: the Mailbox of RFC 5321 section 4.1.2, without angle brackets.
 */
#ifndef BATV_TAG_ADDR_H
#define BATV_TAG_ADDR_H

#include "base/err.h"
#include "base/span.h"

#define BATV_LOCAL_MAX 64 /* octets of a local part as written: RFC 5321 section 4.5.3.1.1 */
#define BATV_PATH_MAX 254 /* octets of local@domain: a path of 256 minus its brackets */
#define BATV_ADDR_SIZE (BATV_PATH_MAX + 1) /* a buffer for any address that may be sent out */
#define BATV_ADDR_INPUT_MAX 1024           /* longer input is refused unread */
#define BATV_ID_MAX 998 /* octets of a Message-ID: one line, RFC 5322 section 2.1.1 */

struct batv_addr {
	struct batv_span text;   /* the whole address, as given */
	struct batv_span local;  /* as written, quotes included */
	struct batv_span domain; /* as written; may be a literal in brackets */
	bool quoted;             /* local is a quoted-string */
};

/*
 * Splits an address and validates it: a dot-string or quoted-string, "@", and a domain or address
 * literal.  More than RFC 5321 allows is accepted:
 *  - Bytes above 127 pass (RFC 6531).  In a local part they make the address unsignable.
 *  - A dot-string may have dots in odd places (a..b, a.), because such addresses are in use.
 *  - A dot-string may have backslashes before single characters (RFC 821), because Exim delivers
 *    to such addresses.
 *  - A quoted-string may be empty (""@d).  That is an address, but an unsignable one.
 * The result borrows s and is written only on success.
 * Errors: BATV_E_SYNTAX (no "@", an empty part, a control character anywhere, a space or one of
 * ()<>[]:;,@" outside quotes, an open quote, an empty address), BATV_E_TOO_LONG (above
 * BATV_ADDR_INPUT_MAX).
 */
enum batv_err batv_addr_parse(const char *s, size_t len, struct batv_addr *out);

/*
 * Writes the canonical form of an address, which is the form that is hashed: the local part
 * without quotes and backslashes, "@", and the domain as batv_addr_domain() writes it, with ASCII
 * letters in lower case.  The result is not always an address itself, because it lost its quotes.
 * out is NUL-terminated; *out_len does not count the NUL.
 * Errors: BATV_E_TOO_LONG (it does not fit into size bytes).
 */
enum batv_err batv_addr_canon(const struct batv_addr *addr, char *out, size_t size,
			      size_t *out_len);

/* Returns true if both have the same canonical form, which must fit into BATV_ADDR_SIZE bytes. */
bool batv_addr_same(const struct batv_addr *a, const struct batv_addr *b);

/*
 * Writes the domain as it is hashed, looked up and stored: ASCII letters in lower case, and as its
 * A-label (RFC 5890) if it has bytes above 127.
 * Errors: BATV_E_TOO_LONG (out is ""); BATV_E_SYNTAX (bytes above 127 that are no domain name) and
 * BATV_E_NO_IDN (nothing here can convert it).  With the last two, out is the domain as written, in
 * lower case.
 */
enum batv_err batv_addr_domain(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE]);

/*
 * Writes the other form of a domain with an A-label: with U-labels, for lists that have those.
 * Returns false if the domain has no A-label, or cannot be converted.
 */
bool batv_addr_other_form(const char *domain, char out[static BATV_ADDR_SIZE]);

/*
 * Convert a domain, and write at most BATV_ADDR_SIZE bytes.  The core itself cannot do this: its
 * own definitions are weak and return BATV_E_NO_IDN.  Exim's processes ask Exim (exim_glue.c);
 * batvd and batvctl ask libidn2 (admin/idn.c).  They are called only for a domain that has bytes
 * above 127, or an A-label; its other bytes are lower-case letters, digits, ".", "-" and "_".
 * Errors: BATV_E_SYNTAX, BATV_E_TOO_LONG, BATV_E_NO_IDN.
 */
enum batv_err batv_addr_to_alabel(const char *domain, char out[static BATV_ADDR_SIZE]);
enum batv_err batv_addr_to_ulabel(const char *domain, char out[static BATV_ADDR_SIZE]);

bool batv_addr_is_ascii(const struct batv_addr *addr);

#endif
