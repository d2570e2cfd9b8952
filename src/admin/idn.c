/*
 * idn.c - converts internationalised domain names with libidn2, as Exim does.
 *
 * These replace the core's own definitions (tag/addr.h).  In Exim's processes Exim converts, and
 * libidn2 is not loaded there.
 */
#include <idn2.h>
#include <string.h>

#include "tag/addr.h"

/* Takes what libidn2 allocated. */
static enum batv_err take(int error, char *text, char out[static BATV_ADDR_SIZE])
{
	enum batv_err err = error == IDN2_OK ? BATV_OK : BATV_E_SYNTAX;

	if (err == BATV_OK && strlen(text) >= BATV_ADDR_SIZE)
		err = BATV_E_TOO_LONG;
	if (err == BATV_OK)
		strcpy(out, text);
	if (error == IDN2_OK)
		idn2_free(text);
	return err;
}

enum batv_err batv_addr_to_alabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	uint8_t *text = NULL;
	int error = idn2_lookup_u8((const uint8_t *)domain, &text, IDN2_NFC_INPUT);

	return take(error, (char *)text, out);
}

enum batv_err batv_addr_to_ulabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	char *text = NULL;
	int error = idn2_to_unicode_8z8z(domain, &text, 0);

	return take(error, text, out);
}
