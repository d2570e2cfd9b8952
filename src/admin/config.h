/*
 * config.h - exim-batv.conf: what people write.  Only batvd and batvctl read it; they check
 * it whole, and publish its effective content in the state.
 */
#ifndef BATV_CONFIG_H
#define BATV_CONFIG_H

#include "decide/policy.h"

#ifndef BATV_CONF
# define BATV_CONF "/etc/exim-batv/exim-batv.conf"
#endif
#define BATV_CONFIG_MAX 262144 /* bytes */

struct batv_config {
	struct batv_global global;
	size_t n_policies;
	struct batv_policy policies[BATV_POLICIES_MAX]; /* [0] is "default" */
	char sum[17];               /* hex, of both files' text: has it changed? */
	struct batv_keyring legacy; /* only its legacy part is filled */
	void *store;                /* owns all text */
};

/*
 * Read and check a whole configuration file, and the file of legacy keys that it names.  A
 * missing file is an error (BATV_E_NO_FILE).  Errors besides: BATV_E_SYNTAX, BATV_E_TOO_LONG,
 * BATV_E_UNSAFE_FILE (others may write it; the legacy file: others may read it), BATV_E_IO.
 * On error *out holds nothing, and `message` (NULL: none, its size is 0) is one line, complete:
 *	/etc/exim-batv/exim-batv.conf:12: key_rotation: expected a time such as 7d or 12h,
 *	from 1d to 366d, not "7"
 */
enum batv_err batv_config_load(const char *path, struct batv_config *out, char *message,
			       size_t size);
/* The same without the file of legacy keys: out->legacy stays empty, the sum is of one file. */
enum batv_err batv_config_load_alone(const char *path, struct batv_config *out, char *message,
				     size_t size);
/* The same of a text; looks into no file: out->legacy stays empty. */
enum batv_err batv_config_parse(const char *name, const char *text, size_t len,
				struct batv_config *out, char *message, size_t size);
void batv_config_free(struct batv_config *config); /* wipes legacy keys */

#endif
