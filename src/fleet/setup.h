/*
 * setup.h - what batv-fleet is told: its part of exim-batv.conf, and the password.
 */
#ifndef BATV_SETUP_H
#define BATV_SETUP_H

#include "config.h"
#include "engine.h"

#define BATV_SETUP_PASSWORD_MAX 512

struct batv_setup {
	struct batv_config config; /* owns the text that others borrow */
	struct batv_wire_server servers[BATV_SERVERS_MAX];
	unsigned n;
	char password[BATV_SETUP_PASSWORD_MAX + 1]; /* secret; "" none */
	char host[65];                              /* this host's name in the fleet */
	struct batv_engine_settings engine;
};

/*
 * Reads the configuration and the password.  On error nothing is held, and `message` is one line,
 * complete.  Errors: those of batv_config_load(); BATV_E_NO_FILE with an empty message if the
 * configuration has no fleet.
 */
enum batv_err batv_setup_load(const char *path, struct batv_setup *out, char *message, size_t size);
/* Do both say the same? */
bool batv_setup_same(const struct batv_setup *a, const struct batv_setup *b);
/* *to takes over what *from holds. */
void batv_setup_move(struct batv_setup *from, struct batv_setup *to);
void batv_setup_free(struct batv_setup *setup); /* wipes the password */

#endif
