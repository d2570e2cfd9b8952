/*
 * state.h - the published state: the one small file that Exim's processes read.
 *
 * A state is complete and correct, or it is refused.  The first line names the format and its
 * version; the last line has a checksum over everything before it.  A reader needs no Exim, no
 * configuration and no secret file to understand a state.  docs/formats.md describes the format.
 */
#ifndef BATV_DECIDE_STATE_H
#define BATV_DECIDE_STATE_H

#include "base/days.h"
#include "decide/policy.h"

#define BATV_STATE_NAME "state"
#define BATV_STATE_MAX 65536  /* bytes of the file */
#define BATV_STATE_END_LEN 21 /* the last line: "end ", 16 hex digits, newline */
#define BATV_STATE_SKEW 300   /* seconds that a state may be ahead of the clock */
#define BATV_BREAKS_MAX (BATV_POLICIES_MAX + 1)

/* When grace last started again, for all domains (policy "*") or for those of one policy. */
struct batv_break {
	const char *policy;
	int64_t when;
	int64_t until;   /* nothing arms before this (revoked tags still return); 0: none */
	const char *why; /* one line of text */
};

/*
 * What batvctl enforce, disable or enable said beside the configuration.  The state has it in a
 * place of its own, so that its end is known in Exim's processes, too; override.h says what holds.
 */
#define BATV_OVERRIDES_MAX 64

enum batv_override_key {
	BATV_OVERRIDE_ENFORCEMENT, /* a mode, for a domain or "*" */
	BATV_OVERRIDE_ANYWAY,      /* the domain arms although another server sends for it */
	BATV_OVERRIDE_SIGNING,     /* signing is off, for "*" */
	/* One more item of such a list, in all policies. */
	BATV_OVERRIDE_UNSIGNED_DESTINATION,
	BATV_OVERRIDE_UNSIGNED_SENDER,
	BATV_OVERRIDE_UNSIGNED_HOST,
	BATV_OVERRIDE_EXEMPT_HOST,
	BATV_OVERRIDE_EXEMPT_RECIPIENT,
	BATV_OVERRIDE_KEYS
};

struct batv_override {
	/* an A-label in lower case, or "*"; or an Exim list of one plain item */
	const char *domain;
	int64_t until; /* 0: it does not end */
	uint8_t key;   /* enum batv_override_key */
	uint8_t mode;  /* of ENFORCEMENT: enum batv_enforcement; otherwise 0 */
};

struct batv_state {
	int64_t written;
	uint64_t serial;           /* grows by one with every publication */
	const char *memory;        /* file name of the sent-mail memory; "": none */
	const char *memory_before; /* of the previous generation, still consulted; "": none */
	uint8_t memory_key[BATV_MEMORY_KEY_LEN]; /* see batv_state_memory_key() */
	bool has_memory_key;
	const char *fingerprint;   /* of the secret file; for status */
	const char *config_sum;    /* of the configuration's text; for status and reload */
	struct batv_global global; /* as configured at the time of publication */
	int64_t lost_until;   /* tags of a lost secret may return until then; 0: none was lost */
	uint32_t lost_secret; /* its number; 0: not known, or another secret has it now */
	bool shared;          /* another server has the secret, and sends what we do not see */
	size_t n_policies, n_breaks, n_overrides;
	/* Bit i: policy i has signing on in the configuration.  While an override switches it off,
	 * policies[i].signing is off. */
	uint32_t signing_configured;
	struct batv_policy policies[BATV_POLICIES_MAX]; /* [0] is "default", tried last */
	struct batv_break breaks[BATV_BREAKS_MAX];
	struct batv_keyring ring;
	struct batv_override overrides[BATV_OVERRIDES_MAX];
};

/*
 * Parses `text`: len bytes, writable, with room for one more byte after them.  Lines are
 * NUL-terminated in place, and the state borrows from the text.
 *
 * On error *state must not be used; no part of a faulty state is believed.  *line and *why then say
 * where and why; the two pointers may be NULL.
 * Errors: BATV_E_VERSION, BATV_E_DAMAGED (no end line, wrong checksum), BATV_E_SYNTAX,
 * BATV_E_TOO_LONG, BATV_E_FULL.
 */
enum batv_err batv_state_parse(char *text, size_t len, struct batv_state *state, unsigned *line,
			       const char **why);

/*
 * Notes what the policies say about signing, and switches it off if an override does.  Notes in
 * them, too, which of their mail leaves untagged because of an override.
 */
void batv_state_apply_overrides(struct batv_state *state);

/*
 * Reads the three fields of an override: KEY DOMAIN VALUE, as the state and the file `overrides`
 * have them.  Writes key and mode of *out alone.  Returns NULL, or what was expected instead.
 */
const char *batv_state_override(struct batv_span key, struct batv_span domain,
				struct batv_span value, struct batv_override *out);
const char *batv_state_override_name(enum batv_override_key key); /* "enforcement" */

/* Writes VALUE as batv_state_override() reads it: "observe", "-" or "off". */
#define BATV_STATE_OVERRIDE_VALUE_SIZE 16
void batv_state_override_value(const struct batv_override *override,
			       char out[static BATV_STATE_OVERRIDE_VALUE_SIZE]);

/* Is the override an item of a list?  Only then is *kind written. */
bool batv_state_override_is_item(enum batv_override_key key, enum batv_list_kind *kind);

/*
 * The key that names the items of the sent-mail memory.  If its length is 0, there is no key, and
 * nothing is recorded.
 */
struct batv_span batv_state_memory_key(const struct batv_state *state);

/* Is this server one of a fleet?  Then the memory has what the others sent, too. */
static inline bool batv_state_has_fleet(const struct batv_state *state)
{
	return state->global.fleet && *state->global.fleet;
}

/* A file named "observe" in the directory stops all refusals, whatever the file contains. */
#define BATV_OBSERVE_NAME "observe"
bool batv_state_observe_file(int dirfd);

#endif
