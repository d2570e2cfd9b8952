/* links: core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * fuzz_tag.c - any bytes as an address, bare or tagged, under a key that the input chooses.
 *
 * Input: number, two bytes of day, style; then the address.  What can be signed is signed,
 * checked and stripped again; what is tagged already is asked of a keyring without its key.
 */
#include "base/days.h"
#include "reach.h"
#include "tag/tag.h"

enum {
	PARSED,
	TAGGED,
	STRIPPED,
	UNSIGNABLE,
	SIGNED,
	VALID,
	EXPIRED,
	FORGED,
	LEGACY,
	SRS,
	BARE_CHANGED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"parsed",  "tagged", "stripped", "unsignable", "signed",       "valid",
	"expired", "forged", "legacy",   "srs",        "bare_changed",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* Taking off all tags leaves an address that has none. */
static void check_bare(struct batv_span text)
{
	static char once[BATV_ADDR_INPUT_MAX + 1], twice[BATV_ADDR_INPUT_MAX + 1];
	struct batv_addr a;
	struct batv_tag tag;

	must(batv_tag_bare(text.p, text.len, once, text.len + 1) == BATV_OK);
	must(batv_tag_bare(once, strlen(once), twice, sizeof twice) == BATV_OK);
	must(strcmp(once, twice) == 0);
	must(batv_addr_parse(once, strlen(once), &a) == BATV_OK);
	must(!batv_tag_parse(&a, &tag));
	if (!batv_span_equal(text, batv_span_of(once)))
		reached(BARE_CHANGED);
}

/* An address that came tagged: nothing of ours is valid but under an old key "secret". */
static void check_tagged(const struct batv_addr *a, const struct batv_tag *tag)
{
	static const struct batv_legacy_key secret = {INT64_MAX, 6, "secret"};
	struct batv_keyring ring = {.n_keys = 1};
	const struct batv_key *key = &ring.keys[0];
	char out[BATV_ADDR_INPUT_MAX + 1];
	struct batv_addr bare;

	reached(TAGGED);
	must(tag->number <= 9 && tag->day <= 999 && tag->inner.len > 0);
	must(batv_tag_strip(a, tag, out, sizeof out) == BATV_OK);
	must(strlen(out) + BATV_TAG_OVERHEAD == a->text.len);
	must(batv_addr_parse(out, strlen(out), &bare) == BATV_OK && bare.quoted == a->quoted);
	reached(STRIPPED);
	ring.keys[0].number = tag->number;
	ring.keys[0].day = tag->day;
	ring.keys[0].destroy = 20900 * (int64_t)BATV_DAY; /* dead, but not yet taken away */
	must(batv_tag_check(a, tag, &ring, ring.keys[0].destroy, &key) != BATV_TAG_VALID && !key);
	ring.n_legacy = 1;
	ring.legacy[0] = secret;
	if (batv_tag_check(a, tag, &ring, ring.keys[0].destroy, &key) == BATV_TAG_VALID)
		reached(LEGACY);
	must(!key);
}

/* An address that can be signed, under the key of the input. */
static void check_signed(const struct batv_addr *a, const struct batv_key *k,
			 enum batv_tag_style style)
{
	struct batv_keyring ring = {.n_keys = 1, .keys = {*k}};
	char made[BATV_ADDR_SIZE], out[BATV_ADDR_SIZE];
	const struct batv_key *key;
	struct batv_addr b;
	struct batv_tag tag;

	must(batv_tag_make(a, k, style, made, sizeof made) == BATV_OK);
	reached(SIGNED);
	must(batv_addr_parse(made, strlen(made), &b) == BATV_OK && b.local.len <= BATV_LOCAL_MAX);
	must(batv_tag_parse(&b, &tag));
	if (tag.style != style) /* a bare address that looks tagged in the other style, too */
		return;
	must(batv_tag_strip(&b, &tag, out, sizeof out) == BATV_OK);
	must(batv_span_equal(a->text, batv_span_of(out)));
	must(batv_tag_check(&b, &tag, &ring, k->destroy - 1, &key) == BATV_TAG_VALID);
	must(key == &ring.keys[0]);
	reached(VALID);
	must(batv_tag_check(&b, &tag, &ring, k->destroy, &key) == BATV_TAG_EXPIRED && !key);
	reached(EXPIRED);
	ring.keys[0].text[63] ^= 1;
	must(batv_tag_check(&b, &tag, &ring, k->destroy - 1, &key) == BATV_TAG_FORGED && !key);
	reached(FORGED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batv_key key = {.text = "a key of 64 bytes, the rest of them zero"};
	struct batv_addr a;
	struct batv_tag tag;
	char out[BATV_ADDR_SIZE];

	if (size < 4 || batv_addr_parse((const char *)data + 4, size - 4, &a) != BATV_OK)
		return 0;
	reached(PARSED);
	key.number = data[0] % 10;
	key.day = (uint16_t)((data[1] * 256 + data[2]) % 1000);
	key.destroy = (20000 + key.day) * (int64_t)BATV_DAY;
	enum batv_tag_style style = data[3] & 1 ? BATV_STYLE_SUBADDRESS : BATV_STYLE_PRVS;

	check_bare(a.text);
	if (batv_tag_is_srs(&a))
		reached(SRS);
	if (batv_tag_parse(&a, &tag))
		check_tagged(&a, &tag);
	if (batv_tag_fits(&a)) {
		check_signed(&a, &key, style);
	} else {
		reached(UNSIGNABLE);
		must(batv_tag_make(&a, &key, style, out, sizeof out) == BATV_E_UNSIGNABLE);
		must(out[0] == '\0');
	}
	return 0;
}
