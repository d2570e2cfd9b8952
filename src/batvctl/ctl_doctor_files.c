/*
 * ctl_doctor_files.c - batvctl doctor: batvd, and the files of the state directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/safefile.h"
#include "ctl_doctor.h"
#include "decide/holder.h"
#include "memory/domains.h"
#include "memory/names.h"
#include "memory_fill.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define SOON (3 * (int64_t)BATV_DAY) /* keys that end this soon show that nobody makes new ones */
#define RTC "/sys/class/rtc/rtc0/since_epoch"

/* ---- the daemon ---- */

static void check_daemon(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;

	switch (batv_store_daemon(&d->ctl->store)) {
	case BATV_YES: ADD(DAEMON, OK, "batvd is running"); return;
	case BATV_MAYBE:
		batv_ctl_doctor_finding_fix(ADD(DAEMON, BLIND, "whether batvd runs cannot be seen"),
					    "run batvctl doctor as root or batv");
		return;
	case BATV_NO: break;
	}
	f = ADD(DAEMON, FAIL, "batvd is not running");
	batv_ctl_doctor_finding_why(
		f, "it makes the keys; those that are published last about two weeks");
	batv_ctl_doctor_finding_fix(f, "systemctl start batvd");
}

/* ---- what Exim's processes can read ---- */

enum reading { READABLE, STATE_UNREAD, MEMORY_UNREAD };

static enum reading try_reading(const struct batv_ctl_doctor *d)
{
	static struct batv_holder holder;
	int fd = -1;

	if (batv_dir_open(d->ctl->store.path, &fd, NULL) != BATV_OK)
		return STATE_UNREAD;
	(void)batv_holder_refresh(&holder, fd, d->ctl->clock);
	if (holder.err == BATV_E_IO || holder.err == BATV_E_UNSAFE_FILE)
		return STATE_UNREAD;
	if (holder.usable && *holder.state.memory &&
	    faccessat(fd, holder.state.memory, R_OK | W_OK, AT_EACCESS) != 0)
		return MEMORY_UNREAD;
	return READABLE;
}

/* As root in a child, because a process cannot get its rights back. */
static int read_as_exim(const struct batv_ctl_doctor *d)
{
	const struct batv_exim_user *user = &d->inst.user;
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		return (int)try_reading(d);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(setgroups(0, NULL) || setgid(user->gid) || setuid(user->uid)
			      ? 100
			      : (int)try_reading(d));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void check_readable(struct batv_ctl_doctor *d)
{
	const struct batv_store *store = &d->ctl->store;
	const struct batv_exim_user *user = &d->inst.user;
	struct batv_ctl_doctor_finding *f;
	int reading;

	if (!d->has_exim || user->uid == (uid_t)-1)
		return;
	if (geteuid() != 0 && geteuid() != user->uid) {
		batv_ctl_doctor_finding_fix(
			ADD(STATE_READABLE, BLIND,
			    "whether Exim's user can read the state cannot be tried"),
			"run batvctl doctor as root");
		return;
	}
	reading = read_as_exim(d);
	if (reading == READABLE) {
		ADD(STATE_READABLE, OK, "Exim's user can read the state and write to the memory");
		return;
	}
	if (reading != STATE_UNREAD && reading != MEMORY_UNREAD) {
		ADD(STATE_READABLE, BLIND, "cannot become Exim's user, %u", (unsigned)user->uid);
		return;
	}
	f = ADD(STATE_READABLE, FAIL, "Exim's user, %u, cannot %s", (unsigned)user->uid,
		reading == STATE_UNREAD ? "read the state" : "write to the memory");
	batv_ctl_doctor_finding_why(
		f,
		reading == STATE_UNREAD ? "%s must belong to the group of Exim, %u, with mode "
					  "2750: now mail leaves unsigned and nothing is refused"
					: "the files of %s must belong to the group of Exim, %u: "
					  "now nothing is remembered or counted",
		store->path, (unsigned)user->gid);
	batv_ctl_doctor_finding_fix(f, "chgrp -R %u %s; chmod 2750 %s; systemctl restart batvd",
				    (unsigned)user->gid, store->path, store->path);
}

/* ---- the state ---- */

static int64_t last_key_end(const struct batv_keyring *ring)
{
	int64_t last = 0;

	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].from < ring->keys[i].until && ring->keys[i].until > last)
			last = ring->keys[i].until;
	return last;
}

static void check_state(struct batv_ctl_doctor *d)
{
	struct batv_ctl *ctl = d->ctl;
	struct batv_ctl_doctor_finding *f;
	char when[BATV_TIME_SIZE];
	int64_t last;

	d->state_read = batv_store_read_state(&ctl->store, &d->state, ctl->message,
					      sizeof ctl->message) == BATV_OK;
	if (!d->state_read) {
		f = ADD(STATE_AGE, FAIL,
			"there is no usable state: mail leaves unsigned, nothing is refused");
		batv_ctl_doctor_finding_why(f, "%.600s", ctl->message);
		batv_ctl_doctor_finding_fix(f,
					    "systemctl restart batvd; its log says what it lacks");
		return;
	}
	last = last_key_end(&d->state.state.ring);
	batv_ctl_time_format(last, when, sizeof when);
	if (last >= ctl->clock + SOON) {
		ADD(STATE_AGE, OK, "the published keys last until %s", when);
		return;
	}
	f = ADD(STATE_AGE, FAIL, "the published keys %s %s",
		last > ctl->clock ? "end on" : "ended on", when);
	batv_ctl_doctor_finding_why(f, "batvd has not published new ones, so mail %s unsigned",
				    last > ctl->clock ? "will leave" : "leaves");
	batv_ctl_doctor_finding_fix(f, "systemctl restart batvd; its log says what it lacks");
}

static void check_secret(struct batv_ctl_doctor *d)
{
	const struct batv_ctl *ctl = d->ctl;
	struct batv_ctl_doctor_finding *f;
	struct stat st;

	if (fstatat(ctl->store.dirfd, BATV_SECRET_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		f = errno == ENOENT ? ADD(SECRET_MODE, FAIL, "there is no secret")
				    : ADD(SECRET_MODE, BLIND, "the secret cannot be looked at");
		batv_ctl_doctor_finding_why(f, "%s/%s: %s", ctl->store.path, BATV_SECRET_NAME,
					    strerror(errno));
		batv_ctl_doctor_finding_fix(f, errno == ENOENT
						       ? "restore a copy, or batvctl secret import"
						       : "run batvctl doctor as root or batv");
		return;
	}
	if (!(st.st_mode & 0077) && st.st_uid == ctl->store.dir.st_uid) {
		ADD(SECRET_MODE, OK, "only batvd's user can read the secret");
		return;
	}
	f = ADD(SECRET_MODE, FAIL, "others than batvd's user can read or replace the secret");
	batv_ctl_doctor_finding_why(f, "%s/%s has mode %04o and belongs to user %u",
				    ctl->store.path, BATV_SECRET_NAME, (unsigned)st.st_mode & 07777,
				    (unsigned)st.st_uid);
	batv_ctl_doctor_finding_fix(
		f, "chmod 600 %s/%s; if somebody has read it: batvctl rotate --revoke",
		ctl->store.path, BATV_SECRET_NAME);
}

/* ---- the clock ---- */

/* 0: there is no hardware clock, or it does not say. */
static int64_t rtc_time(void)
{
	char text[32] = "";
	FILE *f = fopen(RTC, "re");

	if (f && !fgets(text, sizeof text, f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return strtoll(text, NULL, 10);
}

static void check_clock(struct batv_ctl_doctor *d)
{
	const int64_t now = d->ctl->clock, rtc = rtc_time();
	struct batv_ctl_doctor_finding *f;
	char here[BATV_TIME_SIZE], there[BATV_TIME_SIZE];

	batv_ctl_time_format(now, here, sizeof here);
	if (d->state_read && d->state.state.written > now + BATV_STATE_SKEW) {
		batv_ctl_time_format(d->state.state.written, there, sizeof there);
		f = ADD(CLOCK, FAIL, "the clock went back, or the state is from the future");
		batv_ctl_doctor_finding_why(
			f, "it is %s, and the state was written at %s: mail leaves unsigned", here,
			there);
	} else if (rtc && (rtc > now + BATV_DAY || rtc < now - BATV_DAY)) {
		batv_ctl_time_format(rtc, there, sizeof there);
		f = ADD(CLOCK, WARN,
			"the system's clock and the hardware's differ by more than a day");
		batv_ctl_doctor_finding_why(
			f, "it is %s here, and %s there; after the next boot keys may have expired",
			here, there);
	} else {
		ADD(CLOCK, OK, "the clock agrees with the state%s", rtc ? " and the hardware" : "");
		return;
	}
	batv_ctl_doctor_finding_fix(
		f, "set the clock by NTP, then: hwclock --systohc; systemctl restart batvd");
}

/* ---- the memory ---- */

static void open_memory(struct batv_ctl_doctor *d)
{
	char newest[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE];

	batv_names_newest(d->ctl->store.dirfd, newest, before);
	if (d->state_read && *d->state.state.memory)
		snprintf(newest, sizeof newest, "%s", d->state.state.memory);
	if (*newest)
		(void)batv_memory_open(&d->memory, d->ctl->store.dirfd, newest);
}

static void check_fill(struct batv_ctl_doctor *d)
{
	struct batv_memory_fill ids = {0}, pairs = {0};
	struct batv_ctl_doctor_finding *f;
	struct batv_domain domain;
	uint64_t fullest;
	size_t n = 0;

	if (!batv_memory_there(&d->memory)) {
		f = ADD(MEMORY_FULL, BLIND, "the sent-mail memory cannot be read");
		batv_ctl_doctor_finding_why(f, "there is no usable memory file in %s",
					    d->ctl->store.path);
		batv_ctl_doctor_finding_fix(f, "see batvctl status");
		return;
	}
	for (size_t i = 0; batv_domain_next(&d->memory, &i, &domain); i++)
		n++;
	(void)batv_memory_fill(&d->memory, BATV_ITEM_ID, d->ctl->clock, &ids);
	(void)batv_memory_fill(&d->memory, BATV_ITEM_PAIR, d->ctl->clock, &pairs);
	fullest = ids.fullest > pairs.fullest ? ids.fullest : pairs.fullest;
	if (n >= d->memory.sections.domain_slots) {
		f = ADD(MEMORY_FULL, FAIL, "the domain table is full");
		batv_ctl_doctor_finding_why(f, "it has %zu domains; further ones only observe", n);
		batv_ctl_doctor_finding_fix(f, "narrow the option domains to what is yours");
	} else if (ids.capacity && fullest > ids.capacity) {
		f = ADD(MEMORY_FULL, FAIL, "more mail leaves than the memory is made for");
		batv_ctl_doctor_finding_why(f,
					    "%" PRIu64
					    " items on one day, memory_capacity is %" PRIu64
					    ": some mail is not remembered",
					    fullest, ids.capacity);
		batv_ctl_doctor_finding_fix(f, "memory_capacity = %" PRIu64 "k   in %s",
					    fullest * 2 / 1000 + 1, d->ctl->config_path);
	} else {
		ADD(MEMORY_FULL, OK, "the memory is at most %u %% full",
		    ids.capacity ? (unsigned)(fullest * 100 / ids.capacity) : 0);
	}
}

void batv_ctl_doctor_files(struct batv_ctl_doctor *d)
{
	if (!d->config_ok) {
		struct batv_ctl_doctor_finding *f =
			ADD(STATE_AGE, BLIND, "exim-batv's own files were not looked at");

		batv_ctl_doctor_finding_why(f, "%.800s", d->ctl->message);
		batv_ctl_doctor_finding_fix(
			f, "correct that first; batvctl check looks at the configuration");
		return;
	}
	check_daemon(d);
	check_state(d);
	check_readable(d);
	check_secret(d);
	check_clock(d);
	open_memory(d);
	check_fill(d);
}
