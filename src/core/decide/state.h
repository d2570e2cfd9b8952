/*
 * state.h - the published state: the one small file that Exim's processes read.
 *
 * It is complete and right, or it is refused: the first line names format and version,
 * the last one carries a checksum over all before it.  Nothing in it needs an Exim, a
 * configuration or a secret file to be understood.  docs/formats.md has the format.
 */
#ifndef BATV_DECIDE_STATE_H
#define BATV_DECIDE_STATE_H

#include "base/days.h"
#include "decide/policy.h"

#define BATV_STATE_NAME "state"
#define BATV_STATE_MAX 65536 /* bytes of the file */
#define BATV_STATE_SKEW 300  /* seconds that a state may lie in the future */
#define BATV_BREAKS_MAX (BATV_POLICIES_MAX + 1)

/* When grace last began anew, for all domains (policy "*") or those of one policy. */
struct batv_break {
	const char *policy;
	int64_t when;
	int64_t until;   /* nothing arms before (revoked tags still come back); 0: none */
	const char *why; /* one line of text */
};

struct batv_state {
	int64_t written;
	uint64_t serial;           /* grows by one with every publication */
	const char *memory;        /* file name of the memory; "": none */
	const char *memory_before; /* of the generation before, asked as well; "": none */
	uint8_t memory_key[BATV_MEMORY_KEY_LEN]; /* see batv_state_memory_key() */
	bool has_memory_key;
	const char *fingerprint;   /* of the secret file; for status */
	const char *config_sum;    /* of the configuration's text; for status and reload */
	struct batv_global global; /* as configured when it was published */
	int64_t lost_until;   /* tags of a lost secret come back until then: 0: none was lost */
	uint32_t lost_secret; /* its number; 0: not known, or another one has it now */
	size_t n_policies, n_breaks;
	struct batv_policy policies[BATV_POLICIES_MAX]; /* [0] is "default", tried last */
	struct batv_break breaks[BATV_BREAKS_MAX];
	struct batv_keyring ring;
};

/*
 * Parse `text` (len bytes, writable, with room for one more byte behind it): lines are
 * NUL-terminated in place and the state borrows from it.  On error *state is unusable and
 * *line, *why (may be NULL) name the place; nothing in a state is ever half believed.
 * Errors: BATV_E_VERSION, BATV_E_DAMAGED (no end line, wrong checksum), BATV_E_SYNTAX,
 * BATV_E_TOO_LONG, BATV_E_FULL.
 */
enum batv_err batv_state_parse(char *text, size_t len, struct batv_state *state, unsigned *line,
			       const char **why);

/* The key that names what the sent-message memory holds; len 0: none, and nothing is remembered. */
struct batv_span batv_state_memory_key(const struct batv_state *state);

/*
 * A state as a process holds it: the text, what was parsed from it, and which file it was.
 * Start with all zero bytes.  About 70 KiB: static in Exim's processes.
 */
struct batv_state_holder {
	char text[BATV_STATE_MAX + 1]; /* in front: what is touched behind it lies together */
	bool usable;
	enum batv_err err;                          /* why not */
	unsigned line;                              /* where in the file, 0: nowhere */
	int64_t dev, ino, mtime_ns, ctime_ns, size; /* which file was read, or refused */
	uint64_t end; /* a sum of its last bytes, which are its checksum */
	struct batv_state state;
};

/*
 * Read dir/state unless it is the very file that is held already.  After it,
 * holder->usable says whether holder->state may be used; it is false for a state
 * more than BATV_STATE_SKEW seconds after `now`, each time anew.
 */
enum batv_err batv_state_refresh(struct batv_state_holder *holder, int dirfd, int64_t now);

/* A file named "observe" in the directory stops all refusals, whatever it holds. */
#define BATV_OBSERVE_NAME "observe"
bool batv_state_observe_file(int dirfd);

#endif
