/*
 * ctl_status.c - batvctl status: gathers the facts and finds the problems.
 *
 * Invariant: it only reads.  A part that cannot be read becomes a problem or a note, and the rest
 * is still shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "arming.h"
#include "ctl_lists.h"
#include "ctl_status.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory_file.h"
#include "plan.h"

/* ---- gathering ---- */

static void read_state(struct batv_status *s)
{
	struct batv_ctl *ctl = s->ctl;

	s->state_read = batv_store_read_state(&ctl->store, &s->state, ctl->message,
					      sizeof ctl->message) == BATV_OK;
}

/* ctl->message is still the one from read_state(). */
static void check_state(struct batv_status *s)
{
	struct batv_ctl *ctl = s->ctl;
	const struct batv_state *st = &s->state.state;

	if (!s->state_read) {
		batv_ctl_status_problem(s, "%s: mail leaves unsigned and nothing is refused",
					ctl->message);
	} else if (st->written > ctl->clock + BATV_STATE_SKEW) {
		batv_ctl_status_problem(s,
					"%s/%s: was written in the future; is the clock wrong? "
					"Mail leaves unsigned and nothing is refused",
					ctl->store.path, BATV_STATE_NAME);
	} else if (!batv_key_current(&st->ring, ctl->now)) {
		batv_ctl_status_problem(
			s,
			"%s/%s: has no key for this time: mail leaves unsigned and nothing "
			"is refused",
			ctl->store.path, BATV_STATE_NAME);
	} else {
		s->state_usable = true;
	}
}

/* Only the owner and root can read it.  For anybody else this is not a problem. */
static void secret_unread(struct batv_status *s)
{
	const struct batv_ctl *ctl = s->ctl;

	if (geteuid() == 0 || geteuid() == ctl->store.dir.st_uid)
		batv_ctl_status_problem(
			s, "%s: no new keys can be made; correct the file, or restore a copy",
			ctl->message);
	else
		batv_ctl_status_note(s,
				     "the secret file was not checked; only its owner or root can "
				     "read it");
}

static void check_secret_mode(struct batv_status *s)
{
	const struct batv_ctl *ctl = s->ctl;
	struct stat st;

	if (fstatat(ctl->store.dirfd, BATV_SECRET_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_mode & 0077))
		batv_ctl_status_problem(
			s,
			"%s/%s: other users can read it (mode %04o); run chmod 600, and if "
			"somebody has read it, batvctl rotate --revoke",
			ctl->store.path, BATV_SECRET_NAME, (unsigned)st.st_mode & 07777);
}

/* Does the secret that signs follow the configuration's rotation and retention? */
static bool is_followed(const struct batv_config *config, const struct batv_secret *signing)
{
	return !signing || (signing->rotation == config->global.key_rotation &&
			    signing->retention == config->global.key_retention);
}

static void check_secret_plan(struct batv_status *s, const struct batv_secrets *set)
{
	const struct batv_ctl *ctl = s->ctl;
	const struct batv_secret *signing = batv_secret_signing(set, ctl->now);

	if (!s->config_ok)
		return;
	if (!batv_plan_fits(&ctl->config, set, ctl->clock))
		batv_ctl_status_problem(s,
					"%s: key_rotation and key_retention are not followed, "
					"because they would need more than %d live keys",
					ctl->config_path, BATV_KEYS_MAX);
	else if (!is_followed(&ctl->config, signing))
		batv_ctl_status_note(s,
				     "secret %" PRIu32
				     " has another rotation or retention than the configuration; "
				     "batvctl rotate adds one that follows it",
				     signing->number);
}

static void read_secret(struct batv_status *s)
{
	struct batv_secrets *set = calloc(1, sizeof *set);
	struct batv_ctl *ctl = s->ctl;

	if (!set)
		return;
	if (batv_store_read_secret(&ctl->store, set, ctl->message, sizeof ctl->message)) {
		secret_unread(s);
	} else {
		batv_secrets_fingerprint(set, s->fingerprint);
		s->secret_start = set->n ? set->list[set->n - 1].start : 0;
		s->shared = batv_secrets_shared(set);
		check_secret_mode(s);
		check_secret_plan(s, set);
	}
	batv_secrets_wipe(set);
	free(set);
}

static void count_domains(struct batv_status *s)
{
	struct batv_domain domain;

	for (size_t i = 0; batv_domain_next(&s->memory, &i, &domain); i++)
		s->domains++;
}

/* Root may write anything; Exim needs the group's right. */
static bool exim_may_write(const struct batv_status *s)
{
	struct stat st;

	return fstatat(s->ctl->store.dirfd, s->memory_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       ((st.st_mode & S_IWGRP) && st.st_gid == s->ctl->store.dir.st_gid);
}

static void open_memory(struct batv_status *s)
{
	const char *name = s->memory_name;
	struct batv_ctl *ctl = s->ctl;
	enum batv_err err = batv_memory_open(&s->memory, ctl->store.dirfd, name);
	const char *what = batv_fault_phrase(err);
	char why[200] = "";

	if (err == BATV_E_UNSAFE_FILE)
		batv_file_why(ctl->store.dirfd, name, true, why, sizeof why);
	s->memory_ok = err == BATV_OK;
	if (err)
		batv_ctl_status_problem(s, "%s/%s: %s%s%s: no domain refuses in auto mode",
					ctl->store.path, name, what, *why ? ": " : "", why);
	if (s->memory_ok && (s->memory.sealed || !exim_may_write(s)))
		batv_ctl_status_problem(s,
					"%s/%s: cannot be written, so sent mail is not remembered, "
					"and nothing is counted; it must have mode 0660, and the "
					"directory's group",
					ctl->store.path, name);
	if (*s->before_name && batv_memory_open(&s->before, ctl->store.dirfd, s->before_name))
		batv_ctl_status_problem(s,
					"%s/%s: cannot be read, so mail sent before %s was made is "
					"not recognised",
					ctl->store.path, s->before_name, name);
}

/* The state names the file.  Without a state, the newest file is shown. */
static void read_memory(struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	batv_names_newest(s->ctl->store.dirfd, s->memory_name, s->before_name);
	if (s->state_read && *st->memory) {
		snprintf(s->memory_name, sizeof s->memory_name, "%s", st->memory);
		snprintf(s->before_name, sizeof s->before_name, "%s", st->memory_before);
	}
	if (!*s->memory_name)
		snprintf(s->memory_name, sizeof s->memory_name, "%s", BATV_MEMORY_NAME);
	open_memory(s);
	count_domains(s);
	if (s->memory.base && s->domains >= s->memory.sections.domain_slots)
		batv_ctl_status_problem(
			s, "%s/%s: the domain table is full (%zu); further domains stay in observe",
			s->ctl->store.path, s->memory_name, s->domains);
	batv_ctl_status_check_sent(s);
}

/* ---- parts that disagree ---- */

static void compare_state(struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	struct batv_ctl *ctl = s->ctl;

	if (!s->state_read)
		return;
	if (s->config_ok && strcmp(st->config_sum, ctl->config.sum) != 0)
		batv_ctl_status_problem(
			s, "%s: changed since the state was published; %s", ctl->config_path,
			s->daemon == BATV_NO
				? "start batvd"
				: "if this lasts for more than a minute, see batvd's log");
	if (s->fingerprint[0] && strcmp(st->fingerprint, s->fingerprint) != 0)
		batv_ctl_status_problem(
			s, "%s/%s: changed since the state was published; %s", ctl->store.path,
			BATV_SECRET_NAME,
			s->daemon == BATV_NO
				? "start batvd"
				: "if this lasts for more than a minute, see batvd's log");
}

static void check_keys(struct batv_status *s)
{
	int64_t last = batv_ctl_status_keys_end(s);
	char when[BATV_TIME_SIZE];

	batv_ctl_time_format(last, when, sizeof when);
	if (s->state_usable && last < s->ctl->now + BATV_STATUS_KEYS_SOON)
		batv_ctl_status_problem(
			s, "the last published key ends at %s; batvd must run before then", when);
}

#define PROVEN 2 /* bounces; one may be a stranger's, who read an id somewhere */

/* Why tags look wrong although no secret was lost; NULL: one was. */
static const char *clock_trouble(const struct batv_state *st)
{
	for (size_t i = 0; i < st->n_breaks && !st->lost_secret; i++)
		if (strcmp(st->breaks[i].policy, BATV_BREAK_ALL) == 0 &&
		    !strstr(st->breaks[i].why, "secret"))
			return st->breaks[i].why;
	return NULL;
}

/* Shown until the last tag made with it is dead. */
static void check_lost(struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	char when[BATV_TIME_SIZE], made[BATV_TIME_SIZE], number[20] = "a secret";

	if (!s->state_read || st->lost_until <= s->ctl->now)
		return;
	if (st->lost_secret)
		snprintf(number, sizeof number, "secret %" PRIu32, st->lost_secret);
	batv_ctl_time_format(st->lost_until, when, sizeof when);
	batv_ctl_time_format(s->secret_start, made, sizeof made);
	if (clock_trouble(st)) {
		batv_ctl_status_problem(
			s,
			"%s; until %s, bounces of mail that was sent before look forged or "
			"expired, so no tagged address is refused until then (reason=%s); is the "
			"clock right?",
			clock_trouble(st), when, batv_reason_name(BATV_WHY_LOST_SECRET));
		return;
	}
	batv_ctl_status_problem(
		s,
		"%s/%s: %s was lost, and a new one was made%s%s; until %s, bounces of mail that "
		"was "
		"sent "
		"before look forged, so no tagged address is refused until then "
		"(reason=%s)%s",
		s->ctl->store.path, BATV_SECRET_NAME, number, s->secret_start ? " on " : "",
		s->secret_start ? made : "", when, batv_reason_name(BATV_WHY_LOST_SECRET),
		"; put back a copy, or take the secret of another server: batvctl secret import");
}

/* How a domain's mail leaves, and comes back. */
static void check_domain(struct batv_status *s, const struct batv_domain *d)
{
	struct batv_arm arm = batv_ctl_arm(s->ctl, &s->state.state, d, s->ctl->now);
	char name[BATV_DOMAIN_NAME_MAX + 32];

	batv_printable(batv_span_of(d->name), name, sizeof name);
	if (arm.armed && arm.foreign.recent)
		batv_ctl_status_problem(
			s,
			"%s: another server sends mail of this domain, or somebody copies its DKIM "
			"signature: such mail came back on %u of the last %d days; bounces of that "
			"mail are refused; exigrep 'batv: elsewhere=%s ' in Exim's main log shows "
			"selectors and hosts; if that server is yours, give it the secret (batvctl "
			"secret export)",
			name, arm.foreign.recent, BATV_SENDING_FOREIGN_DAYS, name);
	if (arm.why == BATV_ARM_UNSEEN)
		batv_ctl_status_problem(s,
					"%s: no transport that signs saw the last %" PRIu64
					" messages; see the domain",
					name, arm.unseen.accepted);
	if (arm.armed && arm.untagged)
		batv_ctl_status_problem(
			s,
			"%s: %u bounces came back to the untagged address, and none to a tag: a "
			"smarthost may take the tag off; until it keeps the envelope sender, "
			"bounces that cite no Message-ID are refused",
			name, arm.evidence.untagged);
	else if (arm.policy && arm.policy->signing && arm.evidence.untagged >= PROVEN &&
		 (arm.armed || !d->first_signed ||
		  d->first_signed + s->state.state.global.key_retention < s->ctl->now))
		batv_ctl_status_problem(
			s,
			"%u bounces prove that mail of %s leaves unsigned: they came to the "
			"untagged address, and return mail that was sent here; does all mail take "
			"a transport that signs? batvctl doctor looks",
			arm.evidence.untagged, name);
	if (arm.unseen.few_accepted)
		batv_ctl_status_note(s,
				     "%s: transports that sign saw only %" PRIu64 " of %" PRIu64
				     " messages that were accepted for outside; the others may "
				     "have left untagged, by a transport without "
				     "transport-sign.conf or by control = cutthrough_delivery",
				     name, arm.unseen.few_seen, arm.unseen.few_accepted);
}

static void check_domains(struct batv_status *s)
{
	struct batv_domain d;

	if (!s->state_read || !s->memory_ok)
		return;
	for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++)
		check_domain(s, &d);
}

static void find_problems(struct batv_status *s)
{
	const struct batv_ctl *ctl = s->ctl;

	batv_ctl_status_check_daemon(s);
	if (s->observe)
		batv_ctl_status_problem(s, "%s/%s exists: nothing is refused until it is removed",
					ctl->store.path, BATV_OBSERVE_NAME);
	batv_ctl_status_tell_overrides(s);
	compare_state(s);
	check_keys(s);
	check_lost(s);
	check_domains(s);
	if (s->memory_ok && batv_counted(&s->memory, BATV_COUNT_LEFT_NO_STATE, 1, ctl->now) > 0)
		batv_ctl_status_problem(
			s,
			"%" PRIu64
			" messages left unsigned today because there was no usable state",
			batv_counted(&s->memory, BATV_COUNT_LEFT_NO_STATE, 1, ctl->now));
	if (s->memory_ok && batv_counted(&s->memory, BATV_COUNT_DOUBT, 1, ctl->now) > 0)
		batv_ctl_status_note(
			s, "%" PRIu64 " decisions today were in doubt; see Exim's main log",
			batv_counted(&s->memory, BATV_COUNT_DOUBT, 1, ctl->now));
	batv_ctl_status_check_forged(s);
	batv_ctl_status_check_flood(s);
	batv_ctl_status_check_hosts(s);
	batv_ctl_status_check_overrides(s);
}

/* ---- the lists, last of all: Exim is asked, and it may be slow ---- */

static void tell_list(void *ctx, const struct batv_list_answer *a)
{
	struct batv_status *s = ctx;

	if (a->answer == BATV_LIST_WRONG && a->ends_exim)
		batv_ctl_status_problem(s,
					"policy %s, %s: %.200s: %.500s: this list makes Exim's "
					"process exit, so mail stays in the queue; correct "
					"the list in Exim's configuration, or the file or "
					"database that it reads",
					a->policy, a->option, a->list, a->why);
	else if (a->answer == BATV_LIST_WRONG)
		batv_ctl_status_problem(s,
					"policy %s, %s: %.200s: %.500s: mail that needs this list "
					"is neither signed nor refused",
					a->policy, a->option, a->list, a->why);
	else if (a->answer == BATV_LIST_UNKNOWN && !s->lists_unknown++)
		batv_ctl_status_note(s, "policy %s, %s: %.200s: not evaluated: %.500s", a->policy,
				     a->option, a->list, a->why);
}

static void check_lists(struct batv_status *s)
{
	const struct batv_config *config = &s->ctl->config;
	struct batv_matcher matcher;
	struct batv_asker asker;

	if (!s->config_ok)
		return;
	batv_ask_exim_init(&asker, config->global.exim, s->ctl->config_path, &matcher);
	asker.group = batv_ctl_exim_group(s->ctl);
	batv_ctl_lists(config->policies, config->n_policies, &asker, tell_list, s);
}

/* What is quickly seen, and again and again with --watch. */
static void gather(struct batv_status *s)
{
	batv_ctl_status_load_config(s);
	s->daemon = BATV_MAYBE;
	if (batv_store_open(&s->ctl->store, s->ctl->config.global.directory, s->ctl->message,
			    sizeof s->ctl->message)) {
		batv_ctl_status_problem(s, "%s", s->ctl->message);
		return;
	}
	s->daemon = batv_store_daemon(&s->ctl->store);
	s->first_start = batv_ctl_status_first_start(s);
	if (s->first_start) {
		batv_ctl_status_problem(s,
					"batvd has not run yet; start it (systemctl start batvd)");
		return;
	}
	s->observe = batv_state_observe_file(s->ctl->store.dirfd);
	read_state(s);
	read_memory(s); /* a full domain table must be reported first */
	check_state(s);
	read_secret(s);
	find_problems(s);
}

/* What Exim must be asked about. */
static void ask_exim(struct batv_status *s)
{
	if (s->ctl->store.dirfd < 0 || s->first_start)
		return;
	batv_ctl_status_check_installed(s);
	batv_ctl_status_check_config(s);
	check_lists(s);
	batv_ctl_status_check_idn(s);
}

void batv_ctl_status_end(struct batv_status *s)
{
	batv_memory_close(&s->memory);
	batv_memory_close(&s->before);
	batv_store_free_state(&s->state);
	batv_config_free(&s->ctl->config);
	batv_store_close(&s->ctl->store);
	free(s);
}

struct batv_status *batv_ctl_status_begin(struct batv_ctl *ctl)
{
	struct batv_status *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->ctl = ctl;
	gather(s);
	return s;
}

static int print_once(struct batv_ctl *ctl)
{
	struct batv_status *s = batv_ctl_status_begin(ctl);
	int code;

	if (!s)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	ask_exim(s);
	code = s->n_problems ? BATV_CTL_NO : BATV_CTL_YES;
	if (ctl->nagios)
		code = batv_ctl_status_print_nagios(s);
	else if (ctl->json)
		batv_ctl_status_print_json(s);
	else
		batv_ctl_status_print(s, NULL);
	batv_ctl_status_end(s);
	return code;
}

/* ---- --watch ---- */

/* What Exim said at first: it is slow, and asked once. */
struct said {
	size_t n_problems, n_notes;
	char problems[BATV_NOTES_MAX][1024], notes[BATV_NOTES_MAX][1024];
};

static void ask_once(struct batv_status *s, struct said *said)
{
	size_t problems = s->n_problems, notes = s->n_notes;

	ask_exim(s);
	for (; problems < s->n_problems; problems++)
		memcpy(said->problems[said->n_problems++], s->problems[problems],
		       sizeof said->problems[0]);
	for (; notes < s->n_notes; notes++)
		memcpy(said->notes[said->n_notes++], s->notes[notes], sizeof said->notes[0]);
}

static void repeat(struct batv_status *s, const struct said *said)
{
	for (size_t i = 0; i < said->n_problems; i++)
		batv_ctl_status_problem(s, "%s", said->problems[i]);
	for (size_t i = 0; i < said->n_notes; i++)
		batv_ctl_status_note(s, "%s", said->notes[i]);
}

/* Redraws until somebody ends it, or nobody reads. */
static int redraw(struct batv_ctl *ctl, struct said *said)
{
	struct batv_status_figures before;

	for (bool first = true;; first = false) {
		struct batv_status *s;

		ctl->clock = ctl->now = (int64_t)time(NULL);
		batv_ctl_terminal_resize(STDOUT_FILENO, &ctl->terminal);
		s = batv_ctl_status_begin(ctl);
		if (!s)
			return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
		if (first)
			ask_once(s, said);
		else
			repeat(s, said);
		fputs(ctl->terminal.is_terminal ? "\033[H\033[J" : first ? "" : "\n", stdout);
		batv_ctl_status_print(s, first ? NULL : &before);
		batv_ctl_status_figures(s, 1, ctl->now, &before);
		batv_ctl_status_end(s);
		if (fflush(stdout) != 0)
			return BATV_CTL_TROUBLE;
		(void)poll(NULL, 0, BATV_STATUS_WATCH_SECONDS * 1000);
	}
}

static int watch(struct batv_ctl *ctl)
{
	struct said *said = calloc(1, sizeof *said);
	int code;

	if (!said)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	code = redraw(ctl, said);
	free(said);
	return code;
}

int batv_ctl_status(struct batv_ctl *ctl, char **args, int n)
{
	(void)args, (void)n;
	if (ctl->json + ctl->nagios + ctl->watch > 1)
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "status: choose one of --json, --nagios and --watch");
	if (ctl->watch && ctl->at_given)
		return batv_ctl_fail(BATV_CTL_USAGE, "status: --watch shows now, not --at");
	return ctl->watch ? watch(ctl) : print_once(ctl);
}
