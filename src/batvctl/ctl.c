/*
 * ctl.c - what batvctl's subcommands share.
 *
 * Invariant: the function that returns a code also prints one line to stderr that says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "notices.h"
#include "standby.h"

/* Did the system refuse it to an ordinary user? */
static bool lacks_rights(const char *text)
{
	const char *refusal = strerror(EACCES);
	const size_t len = strlen(text), end = strlen(refusal);

	return geteuid() != 0 && len >= end && strcmp(text + len - end, refusal) == 0;
}

static char failure[2 * BATV_MESSAGE_SIZE]; /* the last one; "": none */
static bool answered;                       /* a JSON document was printed */

int batv_ctl_fail(int code, const char *format, ...)
{
	char text[2 * BATV_MESSAGE_SIZE];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(text, sizeof text, format, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "batvctl: %s%s\n", text, lacks_rights(text) ? "; run as root or batv" : "");
	if (code != BATV_CTL_YES)
		memcpy(failure, text, strlen(text) + 1);
	return code;
}

void batv_ctl_fail_in_json(void)
{
	json_t *o;

	if (answered || !*failure)
		return;
	o = json_object();
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put_text(o, "error", failure);
	batv_ctl_print_json(o);
}

int batv_ctl_load(struct batv_ctl *ctl)
{
	if (batv_config_load(ctl->config_path, &ctl->config, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_USAGE, "%s", ctl->message);
	return BATV_CTL_YES;
}

/* Finds the state directory of a wrong configuration, and uses the configuration in its state. */
static bool stand_by(struct batv_ctl *ctl)
{
	struct batv_stored_state *st = calloc(1, sizeof *st);
	char directory[BATV_OPTION_PATH_SIZE], why[BATV_MESSAGE_SIZE];
	bool ok;

	batv_standby_directory(ctl->config_path, BATV_DIR, directory, sizeof directory);
	ok = st && batv_store_open(&ctl->store, directory, why, sizeof why) == BATV_OK &&
	     batv_store_read_state(&ctl->store, st, why, sizeof why) == BATV_OK &&
	     batv_standby_config(&st->state, directory, &ctl->config) == BATV_OK;
	if (st)
		batv_store_free_state(st);
	free(st);
	return ok;
}

int batv_ctl_find(struct batv_ctl *ctl)
{
	if (batv_config_load(ctl->config_path, &ctl->config, ctl->message, sizeof ctl->message)) {
		if (!stand_by(ctl))
			return BATV_CTL_USAGE;
		return batv_ctl_fail(BATV_CTL_YES,
				     "warning: %s; using the configuration in the published "
				     "state",
				     ctl->message);
	}
	if (batv_store_open(&ctl->store, ctl->config.global.directory, ctl->message,
			    sizeof ctl->message))
		return BATV_CTL_TROUBLE;
	return BATV_CTL_YES;
}

int batv_ctl_open(struct batv_ctl *ctl)
{
	int code = batv_ctl_find(ctl);

	return code ? batv_ctl_fail(code, "%s", ctl->message) : BATV_CTL_YES;
}

int batv_ctl_open_as_owner(struct batv_ctl *ctl)
{
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	if (batv_store_own(&ctl->store, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return BATV_CTL_YES;
}

const struct batv_fleet_known *batv_ctl_fleet(struct batv_ctl *ctl)
{
	if (!ctl->fleet_read)
		batv_fleet_known_read(&ctl->fleet, &ctl->store, &ctl->config.global, ctl->clock);
	ctl->fleet_read = true;
	return &ctl->fleet;
}

const struct batv_fleet_known *batv_ctl_fleet_again(struct batv_ctl *ctl)
{
	ctl->fleet_read = false;
	ctl->clock = time(NULL);
	return batv_ctl_fleet(ctl);
}

struct batv_arm batv_ctl_arm(struct batv_ctl *ctl, const struct batv_state *state,
			     const struct batv_domain *domain, int64_t now)
{
	return batv_fleet_known_decide(batv_ctl_fleet(ctl), state, domain, now);
}

#define LOCK_SECONDS 10

/* The child's exit status; what is wrong goes to `out`. */
static int own_and_work(struct batv_ctl *ctl, bool (*work)(void *ctx, char *why, size_t size),
			void *ctx, int out)
{
	char *why = ctl->message;
	size_t size = sizeof ctl->message;
	int lock;

	why[0] = '\0';
	if (batv_store_own(&ctl->store, why, size) == BATV_OK &&
	    batv_store_lock(&ctl->store, BATV_WRITER_LOCK, LOCK_SECONDS, &lock, why, size) ==
		    BATV_OK &&
	    work(ctx, why, size))
		return 0;
	if (!*why)
		snprintf(why, size, "%s: %s", ctl->store.path, strerror(errno));
	return write(out, why, strlen(why)) < 0 ? 2 : 1;
}

bool batv_ctl_as_owner(struct batv_ctl *ctl, bool (*work)(void *ctx, char *why, size_t size),
		       void *ctx, char *why, size_t size)
{
	int ends[2], status = -1;
	ssize_t n;
	pid_t pid;

	snprintf(why, size, "cannot write to %s", ctl->store.path);
	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(own_and_work(ctl, work, ctx, ends[1]));
	close(ends[1]);
	n = read(ends[0], why, size - 1);
	if (n > 0)
		why[n] = '\0';
	close(ends[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

const char *batv_ctl_who(void)
{
	const char *name = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw;

	if (name && *name)
		return name;
	pw = getpwuid(getuid());
	return pw ? pw->pw_name : "-";
}

char *batv_ctl_dump_json(json_t *object)
{
	char *text =
		object ? json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_SORT_KEYS)
		       : NULL;

	json_decref(object);
	return text;
}

bool batv_ctl_print_json(json_t *object)
{
	char *text = batv_ctl_dump_json(object);
	bool ok = text && puts(text) != EOF;

	answered = true;
	free(text);
	return ok;
}

json_t *batv_ctl_json_text(const char *text)
{
	char clean[BATV_MESSAGE_SIZE];
	json_t *o = json_string(text);

	if (o)
		return o;
	batv_printable(batv_span_of(text), clean, sizeof clean);
	return json_string(clean);
}

json_t *batv_ctl_json_time(int64_t when)
{
	return when <= 0 || when == INT64_MAX ? json_null() : json_integer((json_int_t)when);
}

void batv_ctl_put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

void batv_ctl_put_text(json_t *o, const char *key, const char *text)
{
	batv_ctl_put(o, key, text ? batv_ctl_json_text(text) : json_null());
}

void batv_ctl_put_number(json_t *o, const char *key, uint64_t number)
{
	batv_ctl_put(o, key, json_integer((json_int_t)number));
}

void batv_ctl_put_flag(json_t *o, const char *key, bool yes)
{
	batv_ctl_put(o, key, json_boolean(yes));
}

void batv_ctl_put_time(json_t *o, const char *key, int64_t when)
{
	batv_ctl_put(o, key, batv_ctl_json_time(when));
}
