/*
 * ctl.h - what batvctl's subcommands share: options, exit codes, opening files, printing.
 */
#ifndef BATV_CTL_H
#define BATV_CTL_H

#include <jansson.h>

#include "config.h"
#include "ctl_terminal.h"
#include "ctl_time.h"
#include "fleet_known.h"
#include "store.h"

enum batv_ctl_code {
	BATV_CTL_YES = 0,
	BATV_CTL_NO = 1,
	BATV_CTL_USAGE = 2,   /* wrong usage, or a wrong configuration */
	BATV_CTL_TROUBLE = 3, /* it could not be done, or there is no answer */
};

enum { /* what getopt_long() returns for an option that only some subcommands accept */
       BATV_OPTION_AT = 1 << 8, /* above all letters */
       BATV_OPTION_RCPT,
       BATV_OPTION_HOST,
       BATV_OPTION_REVOKE,
       BATV_OPTION_FORCE,
       BATV_OPTION_SHOW_SECRET,
       BATV_OPTION_FROM,
       BATV_OPTION_EXIM_LOG,
       BATV_OPTION_BACKUP,
       BATV_OPTION_FOR,
       BATV_OPTION_ANYWAY,
       BATV_OPTION_QUIET,
       BATV_OPTION_DNS,
       BATV_OPTION_AGAINST,
       BATV_OPTION_DOMAINS,
       BATV_OPTION_WATCH,
       BATV_OPTION_NAGIOS,
       BATV_OPTION_DRY_RUN,
       BATV_OPTION_YES,
       BATV_OPTION_DIFF,
       BATV_OPTION_PROBE,
       BATV_OPTION_MX_UNSIGNS,
       BATV_OPTION_REMOVE,
       BATV_OPTION_SINCE,
       BATV_OPTION_UNTIL,
       BATV_OPTION_TOP,
       BATV_OPTION_CSV,
       BATV_OPTION_ANONYMOUS,
       BATV_OPTION_BRIEF,
       BATV_OPTION_OUTPUT,
       BATV_OPTION_HTML,
       BATV_OPTION_NOTE,
       BATV_OPTION_FLEET,
       BATV_OPTION_FRESH,
       BATV_OPTION_ENDING,
       BATV_OPTION_END
};

struct batv_ctl {
	const char *config_path, *rcpt, *host, *from, *exim_log, *probe;
	const char *lasting; /* --for */
	const char *note;    /* of unsigned and exempt */
	const char *against;
	bool quiet, dns;
	bool json, revoke, force, show_secret, backup, anyway;
	const char *domains; /* of status: "all", or a list; NULL: not asked for */
	bool watch, nagios;
	bool dry_run, yes, diff, mx_unsigns, remove;
	const char *since, *until, *top, *html; /* of report */
	bool csv, anonymous;
	bool brief;      /* of explain */
	bool fleet_wide; /* --fleet */
	bool fresh, end;
	const char *output; /* of metrics */
	bool at_given;
	struct batv_ctl_terminal terminal; /* what stdout is */
	int64_t clock;                     /* the real time, read once */
	int64_t now;                       /* --at, or the clock */
	struct batv_config config;
	struct batv_store store;
	struct batv_fleet_known fleet; /* read when batv_ctl_arm() is first asked */
	bool fleet_read;
	char message[BATV_MESSAGE_SIZE];
};

struct batv_ctl_command {
	const char *name;
	const char *options; /* accepted besides -c, -h and --json, separated by blanks */
	int min, max;        /* number of arguments */
	const char *usage;   /* the words after the name */
	const char *help;    /* one line */
	const char *more;    /* the rest of batvctl COMMAND --help */
	int (*run)(struct batv_ctl *ctl, char **args, int n);
};

extern const struct batv_ctl_command batv_ctl_commands[];
extern const size_t batv_ctl_commands_count;

/* Prints "batvctl: ..." to stderr and returns `code`. */
int batv_ctl_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With --json, at the end: {"schema": 1, "error": ...}, if there was no other document. */
void batv_ctl_fail_in_json(void);

/*
 * These functions return BATV_CTL_YES on success.  Otherwise they print the error and return
 * another code.  Only batv_ctl_load() requires the configuration.  The others print a warning
 * without it, and use the one in the published state.
 */
int batv_ctl_load(struct batv_ctl *ctl); /* loads the configuration */
int batv_ctl_open(struct batv_ctl *ctl); /* and opens the state directory */
/* Like batv_ctl_open(), but prints only that warning.  The error is left in ctl->message. */
int batv_ctl_find(struct batv_ctl *ctl);
int batv_ctl_open_as_owner(struct batv_ctl *ctl); /* and becomes its owner, to write there */

/*
 * Does some work in a child process that has become the owner of the state directory, and holds the
 * writers' lock; root stays root here.  The store must be open.  Returns false if the work or
 * anything before it failed; `why` says so.  The work prints nothing, and what it changes in memory
 * is lost.
 */
bool batv_ctl_as_owner(struct batv_ctl *ctl, bool (*work)(void *ctx, char *why, size_t size),
		       void *ctx, char *why, size_t size);

/* What the other hosts of the fleet say, read once; without a fleet, nothing. */
const struct batv_fleet_known *batv_ctl_fleet(struct batv_ctl *ctl);
/* The same, read once more, with the time of now. */
const struct batv_fleet_known *batv_ctl_fleet_again(struct batv_ctl *ctl);
/* Does the domain refuse, by the evidence of this server, or of its fleet?  The store must be open.
 */
struct batv_arm batv_ctl_arm(struct batv_ctl *ctl, const struct batv_state *state,
			     const struct batv_domain *domain, int64_t now);

/* The name of the user who gives the command; with sudo, of the one who used it. */
const char *batv_ctl_who(void);

/* Prints the object to stdout and takes the reference.  Returns false if writing failed. */
bool batv_ctl_print_json(json_t *object);
/* The object as it is printed, from malloc; takes the reference.  NULL: no memory. */
char *batv_ctl_dump_json(json_t *object);
/* Makes a string from text of unknown origin.  Text that is not UTF-8 is escaped. */
json_t *batv_ctl_json_text(const char *text);
/* Makes a number of seconds since 1970, or null for "never". */
json_t *batv_ctl_json_time(int64_t when);

/* Each sets one member of an object.  batv_ctl_put() takes the reference.  NULL becomes null. */
void batv_ctl_put(json_t *o, const char *key, json_t *value);
void batv_ctl_put_text(json_t *o, const char *key, const char *text);
void batv_ctl_put_number(json_t *o, const char *key, uint64_t number);
void batv_ctl_put_flag(json_t *o, const char *key, bool yes);
void batv_ctl_put_time(json_t *o, const char *key, int64_t when);

#define BATV_KDDD_SIZE 5
/* Writes the first four digits of a tag: the number of its key, and the day on which it dies. */
void batv_ctl_kddd(unsigned number, unsigned day, char out[static BATV_KDDD_SIZE]);

/* Returns "next", "current" or "retained". */
const char *batv_ctl_key_state(const struct batv_key *key, int64_t now);
/* Makes an object for a key.  Its bytes are included only with show_secret. */
json_t *batv_ctl_json_key(const struct batv_key *key, int64_t now, bool show_secret);
/* Prints the table of keys, for the commands `keys` and `status`. */
void batv_ctl_print_keys(const struct batv_keyring *ring, int64_t now, bool show_secret);

int batv_ctl_status(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_doctor(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_notify(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_metrics(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_check(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_enable(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_disable(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_keys(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_sign(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_verify(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_test(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_enforce(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_memory(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_observe(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_fleet_command(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_unsigned(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_exempt(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_rotate(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_explain(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_remember(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_report(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_why(struct batv_ctl *ctl, char **args, int n);
int batv_ctl_secret(struct batv_ctl *ctl, char **args, int n);

#endif
