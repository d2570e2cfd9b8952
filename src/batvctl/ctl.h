/*
 * ctl.h - what batvctl's subcommands share: options, exit codes, opening files, printing.
 */
#ifndef BATV_CTL_H
#define BATV_CTL_H

#include <jansson.h>

#include "config.h"
#include "ctl_time.h"
#include "store.h"

enum batv_ctl_code {
	BATV_CTL_YES = 0,
	BATV_CTL_NO = 1,
	BATV_CTL_USAGE = 2,   /* wrong usage, or a wrong configuration */
	BATV_CTL_TROUBLE = 3, /* it could not be done, or the answer is not known */
};

enum { /* which options go with a subcommand; -c, -h and --json go with all */
       BATV_OPTION_AT = 1 << 8, /* bits above all letters: getopt_long() returns them */
       BATV_OPTION_RCPT = 1 << 9,
       BATV_OPTION_HOST = 1 << 10,
       BATV_OPTION_REVOKE = 1 << 11,
       BATV_OPTION_FORCE = 1 << 12,
       BATV_OPTION_SHOW_SECRET = 1 << 13,
       BATV_OPTION_FROM = 1 << 14,
       BATV_OPTION_EXIM_LOG = 1 << 15,
};

struct batv_ctl {
	const char *config_path, *rcpt, *host, *from, *exim_log;
	bool json, revoke, force, show_secret;
	bool at_given;
	int64_t clock; /* the real time, read once */
	int64_t now;   /* --at, or the clock */
	struct batv_config config;
	struct batv_store store;
	char message[BATV_MESSAGE_SIZE];
};

struct batv_ctl_command {
	const char *name;
	unsigned options;
	int min, max;      /* number of arguments */
	const char *usage; /* after the name */
	const char *help;  /* one line */
	const char *more;  /* for batvctl COMMAND --help */
	int (*run)(struct batv_ctl *ctl, char **args, int n);
};

extern const struct batv_ctl_command batv_ctl_commands[];
extern const size_t batv_ctl_commands_count;

/* Prints "batvctl: ..." to stderr, and returns code. */
int batv_ctl_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * These functions print what is wrong and return a code, BATV_CTL_YES if all is well.  Only
 * batv_ctl_load() requires the configuration; the others warn, and use that of the published state.
 */
int batv_ctl_load(struct batv_ctl *ctl); /* loads the configuration */
int batv_ctl_open(struct batv_ctl *ctl); /* and opens the state directory */
/* Like batv_ctl_open(), but prints only that warning.  What is wrong is in ctl->message. */
int batv_ctl_find(struct batv_ctl *ctl);
int batv_ctl_open_as_owner(struct batv_ctl *ctl); /* and becomes its owner, to write there */

/* Prints to stdout, and takes the reference.  False: it could not be written. */
bool batv_ctl_print_json(json_t *object);
/* For text of unknown origin: if it is not UTF-8, it is escaped. */
json_t *batv_ctl_json_text(const char *text);
/* Seconds since 1970; null means "never". */
json_t *batv_ctl_json_time(int64_t when);

/* One member of an object.  batv_ctl_put() takes the reference; a text that is NULL becomes null.
 */
void batv_ctl_put(json_t *o, const char *key, json_t *value);
void batv_ctl_put_text(json_t *o, const char *key, const char *text);
void batv_ctl_put_number(json_t *o, const char *key, uint64_t number);
void batv_ctl_put_flag(json_t *o, const char *key, bool yes);
void batv_ctl_put_time(json_t *o, const char *key, int64_t when);

/* "next", "current", "retained". */
const char *batv_ctl_key_state(const struct batv_key *key, int64_t now);
/* The key's bytes are included only with show_secret. */
json_t *batv_ctl_json_key(const struct batv_key *key, int64_t now, bool show_secret);
/* Prints the table of keys of `keys` and `status`. */
void batv_ctl_print_keys(const struct batv_keyring *ring, int64_t now, bool show_secret);

int batv_ctl_status(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_check(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_keys(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_sign(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_verify(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_rotate(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_explain(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_remember(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_secret(struct batv_ctl *ctl, char **args, int n);

#endif
