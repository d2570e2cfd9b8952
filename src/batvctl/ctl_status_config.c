/*
 * ctl_status_config.c - batvctl status: the configuration, and the overrides
 * beside it.
 *
 * Invariant: it only reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_kept.h"
#include "ctl_status.h"
#include "replace.h"
#include "standby.h"

void batv_ctl_status_load_config(struct batv_status *s)
{
	static char directory[BATV_OPTION_PATH_SIZE];
	struct batv_ctl *ctl = s->ctl;
	char when[BATV_TIME_SIZE];
	int64_t since;

	s->config_ok = batv_config_load(ctl->config_path, &ctl->config, ctl->message,
					sizeof ctl->message) == BATV_OK;
	if (s->config_ok)
		return;
	since = batv_standby_since(ctl->config_path);
	batv_ctl_time_format(since, when, sizeof when);
	batv_ctl_status_problem(s,
				"%s: %s%s%sthe last good configuration stays in "
				"force; correct the file, and "
				"batvd will read it",
				ctl->message, since ? "since " : "", since ? when : "",
				since ? " " : "");
	batv_standby_directory(ctl->config_path, BATV_DIR, directory, sizeof directory);
	ctl->config.global.directory = directory;
}

/* In a child that has become batvd's user: 0 if the file can be read, or the
 * errno. */
static int try_as_batvd(const struct batv_status *s)
{
	if (batv_become_owner(&s->ctl->store.dir) != BATV_OK)
		return 0;
	return open(s->ctl->config_path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

/* Root reads everything.  batvd does not. */
void batv_ctl_status_check_config(struct batv_status *s)
{
	int status = 0;
	pid_t pid;

	if (!s->config_ok || geteuid() != 0 || s->ctl->store.dir.st_uid == 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(try_as_batvd(s));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 0)
		return;
	batv_ctl_status_problem(
		s,
		"%s: batvd (user %u) cannot read it: %s; what was published last stays "
		"in force; "
		"give the file and its directories back their modes, such as chmod 644",
		s->ctl->config_path, (unsigned)s->ctl->store.dir.st_uid,
		strerror(WEXITSTATUS(status)));
}

/* ---- overrides ---- */

static void tell_override(struct batv_status *s, const struct batv_override *o)
{
	char until[BATV_TIME_SIZE], end[BATV_TIME_SIZE + 16] = "";
	const char *domain = strcmp(o->domain, "*") == 0 ? "all domains" : o->domain;

	batv_ctl_time_format(o->until, until, sizeof until);
	if (o->until)
		snprintf(end, sizeof end, " until %s", until);
	if (o->key == BATV_OVERRIDE_ENFORCEMENT)
		batv_ctl_status_note(s, "batvctl enforce: %s for %s%s",
				     batv_ctl_status_mode_name(o->mode), domain, end);
	else if (batv_ctl_kept_name(o))
		batv_ctl_status_note(s, "batvctl: %s is an %s%s", batv_ctl_kept_item(o),
				     batv_ctl_kept_name(o), end);
	else if (o->key == BATV_OVERRIDE_ANYWAY)
		batv_ctl_status_note(s,
				     "batvctl enforce --anyway: %s arms although another "
				     "server sends for it%s",
				     domain, end);
}

/* Signing was switched off.  Tags that are under way live on, so un-signing
 * must stay. */
static void tell_signing_off(struct batv_status *s)
{
	int64_t end = batv_ctl_status_tags_end(s);
	char when[BATV_TIME_SIZE];

	batv_ctl_time_format(end, when, sizeof when);
	batv_ctl_status_problem(s,
				"signing was switched off by batvctl disable: mail leaves "
				"unsigned; the last tag lives until %s, so keep un-signing until "
				"then; batvctl enable switches it on again",
				when);
}

void batv_ctl_status_tell_overrides(struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	for (size_t i = 0; s->state_read && i < st->n_overrides; i++) {
		const struct batv_override *o = &st->overrides[i];

		if (o->until && o->until <= s->ctl->now)
			continue;
		if (o->key == BATV_OVERRIDE_SIGNING)
			tell_signing_off(s);
		else
			tell_override(s, o);
	}
}
