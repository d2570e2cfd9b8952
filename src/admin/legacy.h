/*
 * legacy.h - the file of legacy keys: "until 2026-12-31 text SECRET", "until 2026-12-31 hex 00ff".
 */
#ifndef BATV_LEGACY_H
#define BATV_LEGACY_H

#include "tag/key.h"

/*
 * Its text to ring->n_legacy and ring->legacy; nothing else of the ring is touched.  The day named
 * is the last one (UTC).  On error *line and *why (constant) tell; neither shows the text, which
 * is secret.
 * Errors: BATV_E_SYNTAX, BATV_E_FULL.
 */
enum batv_err batv_legacy_parse(const char *text, size_t len, struct batv_keyring *ring,
				unsigned *line, const char **why);

#endif
