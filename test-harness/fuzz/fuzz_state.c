/* links: core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac admin/publish */
/*
 * fuzz_state.c - any bytes as a state, as they are and with the right end line under them:
 * what is believed is within its bounds, and is written and read back to the same.
 */
#include <inttypes.h>

#include "publish.h"
#include "reach.h"

#define END_LEN 21

enum { DAMAGED, VERSION, SYNTAX, FULL, PARSED, POLICY, KEY, LEGACY, BREAK, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"damaged", "version", "syntax", "full", "parsed", "policy", "key", "legacy", "break",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void count_error(enum batv_err err)
{
	switch ((int)err) {
	case BATV_E_DAMAGED: reached(DAMAGED); break;
	case BATV_E_VERSION: reached(VERSION); break;
	case BATV_E_SYNTAX: reached(SYNTAX); break;
	case BATV_E_TOO_LONG: /* test_state.c's: no input here is that large */ break;
	case BATV_E_FULL: reached(FULL); break;
	default: must(err == BATV_OK); /* no other is documented */
	}
}

/* A copy of exactly the size that the reader may touch. */
static char *copy_of(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	must(copy);
	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

static bool is_list(const struct batv_option *opt)
{
	return opt->type == BATV_OPT_DOMAINS || opt->type == BATV_OPT_ADDRESSES ||
	       opt->type == BATV_OPT_HOSTS || opt->type == BATV_OPT_TEXT;
}

static void check_policy(const struct batv_policy *policy)
{
	static char text[BATV_STATE_MAX];

	must(batv_policy_name_valid(batv_span_of(policy->name)));
	for (size_t i = 0; i < batv_options_count; i++) {
		struct batv_policy copy = *policy;

		must(batv_option_get(policy, &batv_options[i], text, sizeof text) == BATV_OK);
		must(batv_option_set(&copy, &batv_options[i], text, NULL) == BATV_OK);
		must(!is_list(&batv_options[i]) || !strpbrk(text, "$\n\t\x7f"));
	}
}

static void check_keys(const struct batv_keyring *ring)
{
	must(ring->n_keys <= BATV_KEYS_MAX && ring->n_legacy <= BATV_LEGACY_MAX);
	for (size_t i = 0; i < ring->n_keys; i++) {
		must(ring->keys[i].number <= 9 && ring->keys[i].day <= 999);
		must(ring->keys[i].from >= 0 && ring->keys[i].destroy >= 0);
		for (size_t j = 0; j < BATV_KEY_TEXT_LEN; j++)
			must(strchr("0123456789abcdef", ring->keys[i].text[j]));
	}
	for (size_t i = 0; i < ring->n_legacy; i++)
		must(ring->legacy[i].len >= 1 && ring->legacy[i].len <= 64);
}

/* Written, read and written again it is the same text. */
static void check_round_trip(const struct batv_state *state)
{
	static struct batv_state again;
	char *text, *second, *copy;
	size_t len, len2;

	/* Written it may be longer: the default policy is written whole. */
	if (batv_publish_format(state, &text, &len, NULL, 0) == BATV_E_TOO_LONG)
		return;
	copy = copy_of(text, len);
	must(batv_state_parse(copy, len, &again, NULL, NULL) == BATV_OK);
	must(again.ring.n_keys == state->ring.n_keys && again.n_policies == state->n_policies);
	must(batv_publish_format(&again, &second, &len2, NULL, 0) == BATV_OK);
	must(len == len2 && memcmp(text, second, len) == 0);
	free(copy);
	free(second);
	free(text);
}

static void try(const char *text, size_t len)
{
	static struct batv_state state;
	char *copy = copy_of(text, len);
	const char *why = NULL;
	unsigned line = 0;
	enum batv_err err = batv_state_parse(copy, len, &state, &line, &why);

	if (err != BATV_OK) {
		must(why && *why);
		count_error(err);
		free(copy);
		return;
	}
	reached(PARSED);
	must(state.n_policies >= 1 && state.n_policies <= BATV_POLICIES_MAX);
	for (size_t i = 0; i < state.n_policies; i++)
		check_policy(&state.policies[i]);
	check_keys(&state.ring);
	must(state.n_breaks <= BATV_BREAKS_MAX && !strchr(state.memory, '/'));
	if (state.n_policies > 1)
		reached(POLICY);
	if (state.ring.n_keys > 0)
		reached(KEY);
	if (state.ring.n_legacy > 0)
		reached(LEGACY);
	if (state.n_breaks > 0)
		reached(BREAK);
	check_round_trip(&state);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char sealed[2 * BATV_STATE_MAX];
	size_t len = size < BATV_STATE_MAX ? size : BATV_STATE_MAX;

	try((const char *)data, size);
	if (size > BATV_STATE_MAX)
		return 0;
	if (len > 0)
		memcpy(sealed, data, len);
	if (len > END_LEN && memcmp(sealed + len - END_LEN, "end ", 4) == 0)
		len -= END_LEN;
	if (len > 0 && sealed[len - 1] != '\n')
		sealed[len++] = '\n';
	snprintf(sealed + len, END_LEN + 1, "end %016" PRIx64 "\n",
		 batv_fnv64(BATV_FNV_START, sealed, len));
	try(sealed, len + END_LEN);
	return 0;
}
