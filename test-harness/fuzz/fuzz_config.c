/* links: admin/config admin/conffile admin/nearest admin/legacy admin/publish core/decide/automatic core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * fuzz_config.c - any bytes as exim-batv.conf, and as a file of legacy keys: an error is one line
 * that names its place and leaves nothing over; what is taken can be published.
 */
#include "config.h"
#include "legacy.h"
#include "publish.h"
#include "reach.h"

enum { REFUSED, TAKEN, GLOBAL, POLICY, PUBLISHED, LEGACY, LEGACY_REFUSED, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"refused", "taken", "global", "policy", "published", "legacy", "legacy_refused",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void check_message(const char *message)
{
	must(strncmp(message, "f.conf:", 7) == 0 && strlen(message) > 10);
	for (const char *c = message; *c; c++)
		must(*c >= ' ' && *c < 0x7f);
}

static void publish(const struct batv_config *config)
{
	static struct batv_state state;
	char *text;
	size_t len;
	enum batv_err err;

	memset(&state, 0, sizeof state);
	state.memory = state.fingerprint = "";
	state.config_sum = config->sum;
	state.memory_before = "";
	state.global = config->global;
	state.n_policies = config->n_policies;
	memcpy(state.policies, config->policies, sizeof state.policies);
	err = batv_publish_format(&state, &text, &len, NULL, 0);
	must(err == BATV_OK || err == BATV_E_TOO_LONG);
	if (err == BATV_OK) {
		reached(PUBLISHED);
		free(text);
	}
}

static void try_config(const char *text, size_t size)
{
	static struct batv_config config;
	static const struct batv_config nothing;
	char message[4096] = "";
	enum batv_err err =
		batv_config_parse("f.conf", text, size, &config, message, sizeof message);

	if (err != BATV_OK) {
		must(err == BATV_E_SYNTAX || err == BATV_E_TOO_LONG);
		reached(REFUSED);
		must(memcmp(&config, &nothing, sizeof config) == 0);
		check_message(message);
		return;
	}
	reached(TAKEN);
	must(config.n_policies >= 1 && config.n_policies <= BATV_POLICIES_MAX);
	must(config.global.directory[0] == '/' && config.legacy.n_legacy == 0);
	must(config.global.key_rotation >= BATV_DAY && config.global.key_retention >= BATV_DAY);
	if (config.global.key_rotation != 7 * BATV_DAY || config.global.exim[0])
		reached(GLOBAL);
	if (config.n_policies > 1)
		reached(POLICY);
	publish(&config);
	batv_config_free(&config);
}

static void try_legacy(const char *text, size_t size)
{
	static struct batv_keyring ring;
	const char *why = NULL;
	unsigned line = 0;

	memset(&ring, 0, sizeof ring);
	if (batv_legacy_parse(text, size, &ring, &line, &why) != BATV_OK) {
		reached(LEGACY_REFUSED);
		must(line > 0 && why && *why && ring.n_legacy == 0 && ring.legacy[0].len == 0);
		return;
	}
	must(ring.n_legacy <= BATV_LEGACY_MAX);
	for (size_t i = 0; i < ring.n_legacy; i++) {
		reached(LEGACY);
		must(ring.legacy[i].len >= 1 && ring.legacy[i].len <= 64);
		must(ring.legacy[i].until > 0 && ring.legacy[i].until % BATV_DAY == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_config((const char *)data, size);
	try_legacy((const char *)data, size);
	return 0;
}
