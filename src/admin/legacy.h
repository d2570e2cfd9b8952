/*
 * legacy.h - reads the file of legacy keys: "until 2026-12-31 text SECRET" or "... hex 00ff".
 */
#ifndef BATV_LEGACY_H
#define BATV_LEGACY_H

#include "tag/key.h"

/*
 * Reads the text of the file into ring->n_legacy and ring->legacy.  The rest of the ring is not
 * changed.  A key is valid through the end of the day named (UTC).  On error *line is the line, and
 * *why is a constant text with the reason.  It never shows the file's text, which is secret.
 * Errors: BATV_E_SYNTAX, BATV_E_FULL.
 */
enum batv_err batv_legacy_parse(const char *text, size_t len, struct batv_keyring *ring,
				unsigned *line, const char **why);

#endif
