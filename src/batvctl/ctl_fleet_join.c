/*
 * ctl_fleet_join.c - batvctl fleet join: from an address, or from an invitation, to a host that
 * shares its memory with the others.
 *
 * Invariant: the files are changed only after all that could be wrong was looked at, and are put
 * back if the servers cannot be used.  A word that was said to the others is never taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/hmac.h"
#include "changes.h"
#include "ctl_fleet.h"
#include "fleet_block.h"
#include "pieces.h"
#include "run.h"

#define CLOCK_OFF 3 /* seconds: with more, the others wait for this host in vain */
#define CHECK_SECONDS 30
#define WAIT_SECONDS 20 /* for batv-fleet's first view */
#define FLEET_PROGRAM "/usr/sbin/batv-fleet"
#define FLEET_PROGRAM_LOCAL "/usr/local/sbin/batv-fleet"

struct joining {
	struct batv_ctl *ctl;
	struct batv_fleet_invitation in;
	struct batv_changes changes;
	char password_file[BATV_OPTION_PATH_SIZE]; /* "": none */
	bool imported;                             /* the secrets */
	char why[BATV_MESSAGE_SIZE];
};

static void step(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void step(const char *name, const char *format, ...)
{
	va_list ap;

	printf("  %-10s ", name);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	(void)fflush(stdout);
}

static int fail(struct joining *j, int code, const char *text)
{
	char undo[400] = "";

	if (!batv_changes_undo(&j->changes, 0, undo, sizeof undo))
		fprintf(stderr, "batvctl: %s\n", undo);
	return batv_ctl_fail(code, "fleet join: %s; %s", text,
			     j->imported ? "the secrets were imported, all else is as it was"
					 : "nothing was changed");
}

/* ---- what is asked for ---- */

/* A password that is not in the address: from the terminal, unseen, or one line of input. */
static void ask_password(struct batv_fleet_invitation *in)
{
	struct termios old, quiet;
	const bool terminal = tcgetattr(STDIN_FILENO, &old) == 0;

	if (terminal) {
		fprintf(stderr, "Password of user %s at %s (empty: none): ", in->user, in->servers);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	if (!fgets(in->password, sizeof in->password, stdin))
		in->password[0] = '\0';
	in->password[strcspn(in->password, "\r\n")] = '\0';
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
}

static int read_arguments(struct joining *j, char **args, int n)
{
	const bool invited = n == 1 && strcmp(args[0], "-") == 0;
	const bool ok = invited ? batv_ctl_fleet_invited(&j->in, j->why, sizeof j->why)
				: batv_ctl_fleet_address(args, n, &j->in, j->why, sizeof j->why);

	if (!ok)
		return batv_ctl_fail(BATV_CTL_USAGE, "fleet join: %s", j->why);
	if (!invited && *j->in.user && !*j->in.password)
		ask_password(&j->in);
	return BATV_CTL_YES;
}

/* ---- what must be right before ---- */

static const char *program(void)
{
	static const char *const paths[] = {FLEET_PROGRAM, FLEET_PROGRAM_LOCAL};
	const char *given = getenv("BATV_FLEET_PROGRAM"); /* another place: for tests */

	if (given)
		return given;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static int look_first(struct joining *j)
{
	const struct batv_global *g = &j->ctl->config.global;
	const int64_t off = j->in.at ? j->ctl->clock - j->in.at : 0;

	if (!program())
		return fail(j, BATV_CTL_TROUBLE,
			    "batv-fleet is not installed; on Debian: apt install exim-batv-fleet");
	if (*g->fleet && strcmp(g->fleet, j->in.fleet) != 0) {
		(void)snprintf(j->why, sizeof j->why,
			       "this host is in the fleet %.64s; batvctl fleet leave first",
			       g->fleet);
		return fail(j, BATV_CTL_NO, j->why);
	}
	if (off > CLOCK_OFF || off < -CLOCK_OFF) {
		(void)snprintf(j->why, sizeof j->why,
			       "the clock here is %lld seconds %s that of %s, or the invitation is "
			       "old; let both follow NTP, then join with a new invitation",
			       (long long)(off < 0 ? -off : off), off > 0 ? "ahead of" : "after",
			       j->in.from);
		return fail(j, BATV_CTL_NO, j->why);
	}
	if (j->in.at)
		step("clock", "as on %s", j->in.from);
	if (j->in.capacity > g->memory_capacity)
		step("capacity",
		     "memory_capacity is %llu here and %llu on %s: all hosts keep what all of them "
		     "send, so set the same here",
		     (unsigned long long)g->memory_capacity, (unsigned long long)j->in.capacity,
		     j->in.from);
	if (j->in.retention > g->memory_retention)
		step("retention",
		     "memory_retention is %lldd here and %lldd on %s; set the same here",
		     (long long)(g->memory_retention / BATV_DAY),
		     (long long)(j->in.retention / BATV_DAY), j->in.from);
	return BATV_CTL_YES;
}

/* ---- the files ---- */

/* The group of batvd's user is batv-fleet's, too. */
static gid_t group_of(const struct batv_ctl *ctl)
{
	const struct passwd *pw = getpwuid(ctl->store.dir.st_uid);

	return pw ? pw->pw_gid : (gid_t)-1;
}

static bool write_password(struct joining *j)
{
	char text[BATV_FLEET_PASSWORD_MAX + 2];
	const char *slash = strrchr(j->ctl->config_path, '/');
	bool ok;

	if (!*j->in.password)
		return true;
	(void)snprintf(j->password_file, sizeof j->password_file, "%.*s/fleet.password",
		       slash ? (int)(slash - j->ctl->config_path) : 1,
		       slash ? j->ctl->config_path : ".");
	(void)snprintf(text, sizeof text, "%s\n", j->in.password);
	ok = batv_changes_write(&j->changes, j->password_file, text, strlen(text), 0640, j->why,
				sizeof j->why);
	batv_wipe(text, sizeof text);
	if (ok && chown(j->password_file, (uid_t)-1, group_of(j->ctl)) != 0) {
		(void)snprintf(j->why, sizeof j->why,
			       "%.4000s: cannot give it to batv-fleet's "
			       "group: %s",
			       j->password_file, strerror(errno));
		return false;
	}
	return ok;
}

/* The text of the configuration with the block, if it is a right one. */
static char *new_config(struct joining *j)
{
	const struct batv_fleet_block block = {.fleet = j->in.fleet,
					       .servers = j->in.servers,
					       .user = j->in.user,
					       .password_file = j->password_file};
	const char *path = j->ctl->config_path;
	struct batv_config *config = calloc(1, sizeof *config);
	char *text = NULL, *fresh = NULL;
	unsigned line = 0;
	size_t len;

	if (!config || !batv_pieces_read(path, &text, &len)) {
		(void)snprintf(j->why, sizeof j->why, "cannot read %.4000s: %s", path,
			       strerror(errno));
		free(config);
		return NULL;
	}
	fresh = batv_fleet_block_put(text, &block, &line);
	free(text);
	if (!fresh) {
		(void)snprintf(j->why, sizeof j->why,
			       "%.4000s:%u: this line sets an option of the fleet already; remove "
			       "it, because batvctl writes it",
			       path, line);
	} else if (batv_config_parse(path, fresh, strlen(fresh), config, j->why, sizeof j->why)) {
		free(fresh);
		fresh = NULL;
	} else {
		batv_config_free(config);
	}
	free(config);
	return fresh;
}

static bool write_config(struct joining *j)
{
	char *text = new_config(j);
	const bool ok = text && batv_changes_write(&j->changes, j->ctl->config_path, text,
						   strlen(text), 0644, j->why, sizeof j->why);

	free(text);
	return ok;
}

/* Are the servers as they must be?  batv-fleet knows. */
static bool check_servers(struct joining *j)
{
	const char *args[] = {program(), "--check", "-c", j->ctl->config_path, NULL};
	struct batv_ran ran;
	const bool ok = batv_run(args, NULL, CHECK_SECONDS, NULL, &ran);

	for (char *line = strtok(ran.text, "\n"); line; line = strtok(NULL, "\n"))
		step("server", "%s", line);
	if (!ok)
		(void)snprintf(j->why, sizeof j->why, "a server cannot be used: %s", ran.why);
	batv_run_free(&ran);
	return ok;
}

/* ---- the secrets of the one who invites ---- */

/* In a child, because importing is done as the owner of the state directory for good. */
static bool import_secrets(struct joining *j)
{
	char *import[] = {(char[]){"import"}, NULL};
	int status = -1;
	pid_t child;

	if (!j->in.with_secret)
		return true;
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		fputs("  secrets    ", stdout);
		status = batv_ctl_secret(j->ctl, import, 1);
		(void)fflush(NULL);
		_exit(status);
	}
	j->imported = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
		      WEXITSTATUS(status) == BATV_CTL_YES;
	if (j->imported)
		return true;
	(void)snprintf(j->why, sizeof j->why, "the secrets of %s could not be imported",
		       j->in.from);
	return false;
}

/* ---- the end ---- */

static void say_join(struct batv_fleet_said *said, void *arg)
{
	const struct joining *j = arg;

	said->joined = j->ctl->clock;
	said->fresh = j->ctl->fresh;
	said->leave = false;
}

static void print_since(const struct batv_fleet_view *v, int64_t retention, int64_t now)
{
	char when[BATV_TIME_SIZE];

	batv_ctl_time_format(v->since + retention, when, sizeof when);
	if (v->since == 0)
		step("complete",
		     "not yet: what the others sent is being read; batvctl fleet status");
	else if (v->since + retention <= now)
		step("complete", "now: the memory has what the fleet sent in the last %lld days",
		     (long long)(retention / BATV_DAY));
	else
		step("complete",
		     "from %s on: only then does the fleet's memory go back far enough; until then "
		     "a reply that cites unknown mail is not refused",
		     when);
}

static void wait_for_view(struct joining *j)
{
	struct batv_ctl *ctl = j->ctl;
	const struct batv_fleet_known *fleet = NULL;

	for (unsigned tenths = 0; tenths < 10 * WAIT_SECONDS; tenths++) {
		fleet = batv_ctl_fleet_again(ctl);
		if (fleet->view.json && fleet->view.written >= ctl->now && fleet->view.since)
			break;
		usleep(100000);
	}
	if (fleet && fleet->view.json)
		print_since(&fleet->view, ctl->config.global.memory_retention, ctl->clock);
	else
		step("complete", "not known: %s", fleet ? fleet->trouble : "");
}

/*
 * Waits until batvd tells the others what was said.  batv-fleet must not start before: it would say
 * that this host has a past.
 */
static void wait_for_row(struct batv_ctl *ctl, int64_t joined)
{
	bool told = false;

	for (unsigned tenths = 0;
	     !told && tenths < 10 * WAIT_SECONDS && batv_store_daemon(&ctl->store) == BATV_YES;
	     tenths++) {
		struct batv_fleet_row row = {.json = NULL};

		batv_fleet_row_read(&ctl->store, time(NULL), &row);
		told = row.json && row.host.joined == joined && row.host.fresh == ctl->fresh;
		batv_fleet_row_free(&row);
		if (!told)
			usleep(100000);
	}
	if (!told)
		step("batvd", "has not written %s/%s yet: is it running?", ctl->store.path,
		     BATV_FLEET_ROW_NAME);
}

static int join(struct joining *j)
{
	struct batv_ctl *ctl = j->ctl;
	char how[400];
	bool runs;

	if (!write_password(j) || !write_config(j) || !check_servers(j) || !import_secrets(j))
		return fail(j, BATV_CTL_TROUBLE, j->why);
	batv_config_free(&ctl->config);
	if (batv_ctl_load(ctl) != BATV_CTL_YES)
		return fail(j, BATV_CTL_TROUBLE, ctl->message);
	if (!batv_ctl_fleet_say(ctl, say_join, j, j->why, sizeof j->why) ||
	    !batv_ctl_fleet_access(ctl, true, j->why, sizeof j->why))
		return fail(j, BATV_CTL_TROUBLE, j->why);
	step("written", "%s", ctl->config_path);
	wait_for_row(ctl, ctl->clock);
	runs = batv_ctl_fleet_service("enable", how, sizeof how);
	step("batv-fleet", "%s", how);
	if (runs) {
		runs = batv_ctl_fleet_service("restart", how, sizeof how);
		step("batv-fleet", "%s", how);
	}
	if (runs)
		wait_for_view(j);
	else
		step("complete", "not yet: start batv-fleet; then batvctl fleet status tells");
	puts("The next host: batvctl fleet invite | ssh root@OTHER batvctl fleet join -");
	return BATV_CTL_YES;
}

int batv_ctl_fleet_join(struct batv_ctl *ctl, char **args, int n)
{
	struct joining *j = calloc(1, sizeof *j);
	int code;

	if (!j)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	j->ctl = ctl;
	code = read_arguments(j, args, n);
	if (code == BATV_CTL_YES)
		code = batv_ctl_open(ctl);
	if (code == BATV_CTL_YES) {
		printf("Joining the fleet %s\n", j->in.fleet);
		code = look_first(j);
	}
	if (code == BATV_CTL_YES)
		code = join(j);
	batv_changes_free(&j->changes);
	batv_wipe(j, sizeof *j);
	free(j);
	return code;
}
