/*
 * addr.h - an envelope address (RFC 5321 section 4.1.2, Mailbox) without angle brackets.
 */
#ifndef BATV_TAG_ADDR_H
#define BATV_TAG_ADDR_H

#include "base/err.h"
#include "base/span.h"

#define BATV_LOCAL_MAX 64 /* octets of a local part as written, RFC 5321 4.5.3.1.1 */
#define BATV_PATH_MAX 254 /* octets of local@domain: a path of 256 less its brackets */
#define BATV_ADDR_SIZE (BATV_PATH_MAX + 1) /* a buffer for any address that may leave */
#define BATV_ADDR_INPUT_MAX 1024           /* longer input is refused before it is looked at */
#define BATV_ID_MAX 998                    /* octets of a Message-ID: a line, RFC 5322 2.1.1 */

struct batv_addr {
	struct batv_span text;   /* the whole, as given */
	struct batv_span local;  /* as written, the quotes included */
	struct batv_span domain; /* as written; may be a literal in brackets */
	bool quoted;             /* local is a quoted-string */
};

/*
 * Split and validate.  Accepted: dot-string or quoted-string, "@", domain or address
 * literal; bytes above 127 are let through here (RFC 6531) and are unsignable.
 * A dot-string may have the dots in odd places (a..b, a.): such addresses are in use; and
 * backslashes before single characters (RFC 821), because Exim delivers to them.  The
 * quoted-string may be empty (""@d), which is an address but unsignable.
 * The result borrows s.
 * Errors: BATV_E_SYNTAX (no "@", empty part, a control character anywhere, a space or one of
 * ()<>[]:;,@" outside quotes, open quote, empty address), BATV_E_TOO_LONG (above
 * BATV_ADDR_INPUT_MAX).
 */
enum batv_err batv_addr_parse(const char *s, size_t len, struct batv_addr *out);

/*
 * The canonical form, the one that is hashed: the local part without quotes and
 * backslashes, "@", the domain; ASCII letters in lower case.  Not always an address itself:
 * what stood in quotes now stands without.  out is NUL-terminated, *out_len without the NUL.
 * Errors: BATV_E_TOO_LONG.
 */
enum batv_err batv_addr_canon(const struct batv_addr *addr, char *out, size_t size,
			      size_t *out_len);

bool batv_addr_is_ascii(const struct batv_addr *addr);

#endif
