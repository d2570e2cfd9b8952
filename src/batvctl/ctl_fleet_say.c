/*
 * ctl_fleet_say.c - how batvctl tells something to the fleet, starts or stops batv-fleet, and lets
 * it into the directories.
 *
 * Invariant: what is said is in the file fleet.said, which batvd's user owns, and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"
#include "ctl_fleet.h"
#include "fleet_share.h"
#include "run.h"

#define SERVICE_SECONDS 60

struct saying {
	struct batv_ctl *ctl;
	void (*change)(struct batv_fleet_said *, void *);
	void *arg;
};

static bool say_as_owner(void *ctx, char *why, size_t size)
{
	struct saying *s = ctx;
	struct batv_fleet_said said;

	if (batv_fleet_said_read(&s->ctl->store, &said, why, size) != BATV_OK)
		return false;
	s->change(&said, s->arg);
	return batv_fleet_said_write(&s->ctl->store, &said, why, size) == BATV_OK;
}

bool batv_ctl_fleet_say(struct batv_ctl *ctl, void (*change)(struct batv_fleet_said *, void *),
			void *arg, char *why, size_t size)
{
	struct saying s = {.ctl = ctl, .change = change, .arg = arg};

	return batv_ctl_as_owner(ctl, say_as_owner, &s, why, size);
}

bool batv_ctl_fleet_service(const char *verb, char *out, size_t size)
{
	const char *args[] = {"/usr/bin/systemctl", verb, "batv-fleet.service", NULL};
	struct batv_ran ran;
	bool done;

	if (access("/run/systemd/system", F_OK) != 0 || access(args[0], X_OK) != 0) {
		(void)snprintf(out, size, "no systemd runs here: %s batv-fleet yourself", verb);
		return false;
	}
	done = batv_run(args, NULL, SERVICE_SECONDS, NULL, &ran);
	(void)snprintf(out, size, "systemctl %s batv-fleet: %s", verb, done ? "done" : ran.why);
	batv_run_free(&ran);
	return done;
}

/* ---- access ---- */

static bool fail(char *why, size_t size, const char *path)
{
	(void)snprintf(why, size, "%s: cannot let user " BATV_FLEET_USER " use it: %s", path,
		       strerror(errno));
	return false;
}

/* Its own directory; one that is there is as a person made it. */
static bool make_directory(const char *path, uid_t user, gid_t group)
{
	int fd, saved;
	bool ok;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && fchown(fd, user, group) == 0 && fchmod(fd, 02750) == 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (!ok)
		(void)rmdir(path);
	errno = saved;
	return ok;
}

bool batv_ctl_fleet_access(const struct batv_ctl *ctl, bool give, char *why, size_t size)
{
	const char *own = ctl->config.global.fleet_directory;
	const struct passwd *pw = getpwnam(BATV_FLEET_USER);
	const uid_t user = pw ? pw->pw_uid : 0;
	enum batv_err err;

	if (!pw || geteuid() != 0 || user == ctl->store.dir.st_uid)
		return true; /* batvd's user runs it */
	err = give ? batv_acl_allow(ctl->store.dirfd, user, 5)
		   : batv_acl_forbid(ctl->store.dirfd, user);
	if (err != BATV_OK)
		return fail(why, size, ctl->store.path);
	pw = getpwuid(ctl->store.dir.st_uid);
	if (give && !make_directory(own, user, pw ? pw->pw_gid : 0))
		return fail(why, size, own);
	return true;
}
