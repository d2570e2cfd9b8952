/*
 * reload.c - systemctl, invoke-rc.d, service, or a signal to the daemon: the first that is there.
 *
 * Invariant: a daemon is never told to read a configuration that Exim cannot read, because it would
 * end.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exim_text.h"
#include "reload.h"
#include "run.h"

#define RELOAD_SECONDS 60
#define READY_POLLS 500
static const struct timespec poll_pause = {.tv_nsec = 20000000};

#define UPDATE "/usr/sbin/update-exim4.conf"
#define SYSTEMCTL "/usr/bin/systemctl"
#define INVOKE "/usr/sbin/invoke-rc.d"
#define SERVICE "/usr/sbin/service"

bool batv_reload_generate(const struct batv_installation *inst, char *why, size_t size)
{
	static const char *const args[] = {UPDATE, NULL};
	struct batv_ran ran;
	bool ok;

	if (inst->layout == BATV_LAYOUT_PLAIN)
		return true;
	ok = batv_run(args, NULL, RELOAD_SECONDS, NULL, &ran);
	if (!ok)
		snprintf(why, size, "update-exim4.conf failed: %s", ran.why);
	batv_run_free(&ran);
	return ok;
}

/* Where Exim's daemon writes its process id. */
static bool pid_file(const struct batv_installation *inst, char *out, size_t size)
{
	static const char *const args[] = {"-bP", "pid_file_path", "spool_directory", NULL};
	char spool[1024] = "";
	struct batv_ran ran;

	*out = '\0';
	(void)batv_installation_run(inst, args, NULL, NULL, &ran);
	(void)batv_exim_text_value(ran.text, "spool_directory", spool, sizeof spool);
	if (!batv_exim_text_value(ran.text, "pid_file_path", out, size) || !*out)
		snprintf(out, size, "%s/exim-daemon.pid", spool);
	batv_run_free(&ran);
	return *out == '/';
}

/* The daemon's process; 0: none runs. */
static pid_t daemon_of(const struct batv_installation *inst, const char *file)
{
	char path[64], exe[PATH_MAX], own[PATH_MAX];
	FILE *f = fopen(file, "re");
	ssize_t n = -1;
	char line[32] = "";
	long pid;

	if (!f)
		return 0;
	pid = fgets(line, sizeof line, f) ? strtol(line, NULL, 10) : 0;
	fclose(f);
	if (pid <= 1 || pid > INT_MAX || !realpath(inst->exim, own))
		return 0;
	snprintf(path, sizeof path, "/proc/%ld/exe", pid);
	n = readlink(path, exe, sizeof exe - 1);
	if (n <= 0)
		return 0;
	exe[n] = '\0';
	/* After an upgrade of Exim the link ends in " (deleted)". */
	return strncmp(exe, own, strlen(own)) == 0 ? (pid_t)pid : 0;
}

static bool exists(const char *path)
{
	return access(path, X_OK) == 0;
}

static bool as_service(const char *program, const char *a, const char *b, const char *c,
		       struct batv_ran *ran)
{
	const char *args[] = {program, a, b, c, NULL};

	return batv_run(args, NULL, RELOAD_SECONDS, NULL, ran);
}

/* Exim's service has one of two names; "" if neither is known here. */
static const char *init_script(void)
{
	static const char *const names[] = {"exim4", "exim"};
	char path[200];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/etc/init.d/%s", names[i]);
		if (access(path, F_OK) == 0)
			return names[i];
	}
	return "";
}

enum outcome { RELOADED, DENIED, FAILED, NO_WAY };

static enum outcome by_service(struct batv_ran *ran)
{
	const char *script = init_script();
	bool ok;

	if (exists(SYSTEMCTL) && access("/run/systemd/system", F_OK) == 0)
		ok = as_service(SYSTEMCTL, "reload", *script ? script : "exim", NULL, ran);
	else if (exists(INVOKE) && *script) {
		ok = as_service(INVOKE, "--disclose-deny", script, "reload", ran);
		if (!ok && ran->status == 101)
			return DENIED;
	} else if (exists(SERVICE) && *script)
		ok = as_service(SERVICE, script, "reload", NULL, ran);
	else
		return NO_WAY;
	return ok ? RELOADED : FAILED;
}

/* Adds what is listening in a table such as /proc/net/tcp, if `fds` has its socket. */
static uint64_t listening_in(pid_t pid, const char *table, const char *fds)
{
	char path[64], line[400], state[8], number[21], socket[64];
	unsigned long inode;
	uint64_t sum = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, table);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%*s %*s %*s %7s %*s %*s %*s %*s %*s %20s", state, number) != 2 ||
		    strcmp(state, "0A") != 0)
			continue;
		inode = strtoul(number, NULL, 10);
		snprintf(socket, sizeof socket, "socket:[%lu] ", inode);
		if (strstr(fds, socket))
			sum += inode;
	}
	if (f)
		fclose(f);
	return sum;
}

/* The sum of the inodes of the sockets where a process listens; 0: it does not. */
static uint64_t listening(pid_t pid)
{
	char path[64], fds[8192] = "", target[64];
	const struct dirent *e;
	size_t len = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);

		if (n <= 0 || len + (size_t)n + 2 > sizeof fds)
			continue;
		target[n] = '\0';
		len += (size_t)snprintf(fds + len, sizeof fds - len, "%s ", target);
	}
	if (d)
		closedir(d);
	return listening_in(pid, "tcp", fds) + listening_in(pid, "tcp6", fds);
}

/*
 * Does the process handle SIGHUP?  A daemon of Exim that has just begun ignores it at first, and
 * the signal would be lost.
 */
static bool hears(pid_t pid)
{
	unsigned long long caught = 0;
	char path[64], line[200];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "SigCgt:", 7) == 0)
			caught = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return caught & (1ULL << (SIGHUP - 1));
}

/*
 * A daemon that begins again closes its sockets, reads the configuration, and then opens new ones.
 * (It does not write its process id again.)
 */
static bool wait_ready(pid_t pid, uint64_t before)
{
	for (int i = 1; i <= READY_POLLS; i++) {
		uint64_t now = listening(pid);

		if (before ? now && now != before && hears(pid) : i > 1 && hears(pid))
			return true;
		/* A signal just before its poll() is seen only after that, hours later perhaps. */
		if (before && i % 50 == 0 && now == before)
			(void)kill(pid, SIGHUP);
		nanosleep(&poll_pause, NULL);
	}
	return false;
}

bool batv_reload_exim(const struct batv_installation *inst, char *how, size_t size)
{
	static const char *const check[] = {"-bV", NULL};
	struct batv_ran ran = {0};
	enum outcome outcome;
	uint64_t before;
	char file[1100];
	pid_t pid;
	bool ok = batv_installation_run(inst, check, NULL, NULL, &ran);

	if (!ok)
		snprintf(how, size, "Exim cannot read its configuration: %s", ran.why);
	batv_run_free(&ran);
	if (!ok)
		return false;
	pid = pid_file(inst, file, sizeof file) ? daemon_of(inst, file) : 0;
	if (!pid) {
		snprintf(how, size, "no daemon runs");
		return true;
	}
	for (int i = 0; i < READY_POLLS && !hears(pid); i++)
		nanosleep(&poll_pause, NULL);
	before = listening(pid);
	outcome = by_service(&ran);
	if (outcome == FAILED)
		snprintf(how, size, "Exim was not reloaded: %s", ran.why);
	batv_run_free(&ran);
	if (outcome == FAILED)
		return false;
	if (outcome != RELOADED && kill(pid, SIGHUP) < 0) {
		snprintf(how, size, "cannot tell Exim's daemon %d to reload: %s", (int)pid,
			 strerror(errno));
		return false;
	}
	if (!wait_ready(pid, before)) {
		snprintf(how, size,
			 "Exim's daemon %d did not reload within 10 seconds; see Exim's "
			 "log",
			 (int)pid);
		return false;
	}
	snprintf(how, size,
		 outcome == DENIED ? "reloaded (by a signal: policy-rc.d denies more)"
				   : "reloaded");
	return true;
}
