/* links: admin/idn core/tag/addr core/base/span */
/*
 * fuzz_idn.c - any bytes as the domain of an address: its canonical form is one, and both forms of
 * it are the same domain.
 *
 * Input: a domain, up to its first NUL.
 */
#include "reach.h"
#include "tag/addr.h"

enum { ASCII, CONVERTED, NO_NAME, TOO_LONG, OTHER_FORM, NO_OTHER_FORM, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"ascii", "converted", "no_name", "too_long", "other_form", "no_other_form",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* The other form, of an A-label: it leads back to it, or cannot be converted. */
static void check_other(const char *domain)
{
	char other[BATV_ADDR_SIZE], back[BATV_ADDR_SIZE], again[BATV_ADDR_SIZE];

	if (!batv_addr_other_form(domain, other)) {
		reached(NO_OTHER_FORM);
		return;
	}
	must(strlen(other) < BATV_ADDR_SIZE);
	reached(OTHER_FORM);
	if (batv_addr_to_alabel(other, back) == BATV_OK &&
	    batv_addr_to_ulabel(back, again) == BATV_OK)
		must(strlen(again) < sizeof again && is_ascii(back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, domain[BATV_ADDR_SIZE], again[BATV_ADDR_SIZE], address[BATV_ADDR_SIZE + 2];
	struct batv_addr addr;
	enum batv_err err;

	must((text = malloc(size + 3)) != NULL);
	memcpy(text, "a@", 2);
	if (size > 0)
		memcpy(text + 2, data, size);
	text[size + 2] = '\0';
	if (batv_addr_parse(text, strlen(text), &addr) == BATV_OK) {
		err = batv_addr_domain(&addr, domain);
		must(err == BATV_OK || err == BATV_E_SYNTAX || err == BATV_E_TOO_LONG);
		must(strlen(domain) < sizeof domain);
		for (const char *c = domain; *c; c++)
			must(*c == batv_fold(*c));
		reached(err == BATV_E_TOO_LONG ? TOO_LONG
			: err == BATV_E_SYNTAX ? NO_NAME
			: is_ascii(text)       ? ASCII
					       : CONVERTED);
		must(err != BATV_OK || is_ascii(domain));
		snprintf(address, sizeof address, "a@%s", domain);
		if (err == BATV_OK && batv_addr_parse(address, strlen(address), &addr) == BATV_OK) {
			must(batv_addr_domain(&addr, again) == BATV_OK &&
			     strcmp(domain, again) == 0);
			check_other(domain);
		}
	}
	free(text);
	return 0;
}
