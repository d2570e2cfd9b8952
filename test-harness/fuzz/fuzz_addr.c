/* links: core/tag/addr core/base/span */
/*
 * fuzz_addr.c - any bytes as an address: what is let through is split without loss, and its
 * canonical form is folded and stable.
 */
#include "reach.h"
#include "tag/addr.h"

enum { REFUSED, TOO_LONG, PARSED, QUOTED, ESCAPED, FOLDED, LITERAL, NOT_ASCII, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"refused", "too_long", "parsed", "quoted", "escaped", "folded", "literal", "not_ascii",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void check_printable(struct batv_span text, size_t size)
{
	char *out = malloc(size);

	must(out);
	batv_printable(text, out, size);
	must(strlen(out) < size);
	for (const char *c = out; *c; c++)
		must(*c > ' ' && *c < 0x7f && *c != '<' && *c != '>');
	free(out);
}

/* The canonical form with its local part in quotes, every character escaped. */
static size_t requote(const char *canon, size_t len, char *out)
{
	size_t n = 0, local = (size_t)((const char *)memrchr(canon, '@', len) - canon);

	out[n++] = '"';
	for (size_t i = 0; i < local; i++) {
		out[n++] = '\\';
		out[n++] = canon[i];
	}
	out[n++] = '"';
	memcpy(out + n, canon + local, len - local);
	return n + len - local;
}

static void check_canon(const struct batv_addr *a)
{
	static char canon[BATV_ADDR_INPUT_MAX + 1], canon2[BATV_ADDR_INPUT_MAX + 1];
	static char again[2 * BATV_ADDR_INPUT_MAX + 2];
	size_t len, len2, again_len;
	struct batv_addr b;

	must(batv_addr_canon(a, canon, sizeof canon, &len) == BATV_OK);
	must(len <= a->text.len && canon[len] == '\0' && strlen(canon) == len);
	must(batv_addr_canon(a, canon2, len, &len2) == BATV_E_TOO_LONG);
	for (size_t i = 0; i < len; i++)
		must(canon[i] == batv_fold(canon[i]));
	if (len < a->text.len)
		reached(ESCAPED);
	if (!batv_span_equal(a->text, (struct batv_span){canon, len}))
		reached(FOLDED);
	again_len = requote(canon, len, again);
	if (again_len > BATV_ADDR_INPUT_MAX)
		return;
	must(batv_addr_parse(again, again_len, &b) == BATV_OK);
	must(batv_addr_canon(&b, canon2, sizeof canon2, &len2) == BATV_OK);
	must(len2 == len && memcmp(canon, canon2, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct batv_addr a;
	enum batv_err err = batv_addr_parse(text, size, &a);

	check_printable((struct batv_span){text, size}, 8 + (size > 0 ? data[0] : 0));
	must((err == BATV_E_TOO_LONG) == (size > BATV_ADDR_INPUT_MAX));
	if (err != BATV_OK) {
		reached(err == BATV_E_TOO_LONG ? TOO_LONG : REFUSED);
		return 0;
	}
	reached(PARSED);
	must(a.text.p == text && a.text.len == size && a.local.p == text);
	must(a.local.len > 0 && a.domain.len > 0 && a.local.len + 1 + a.domain.len == size);
	must(a.domain.p == text + a.local.len + 1 && text[a.local.len] == '@');
	must(!memchr(a.domain.p, '@', a.domain.len));
	must(a.quoted == (text[0] == '"'));
	for (size_t i = 0; i < size; i++)
		must(data[i] >= ' ' && data[i] != 0x7f);
	if (a.quoted)
		reached(QUOTED);
	if (a.domain.p[0] == '[')
		reached(LITERAL);
	if (!batv_addr_is_ascii(&a))
		reached(NOT_ASCII);
	check_canon(&a);
	return 0;
}
