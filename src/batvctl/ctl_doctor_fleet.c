/*
 * ctl_doctor_fleet.c - batvctl doctor: does this host share its memory with its fleet?
 */
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "acl.h"
#include "ctl_doctor.h"
#include "ctl_time.h"
#include "fleet_share.h"
#include "memory/journal.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define LONG_AGO 60 /* seconds: batv-fleet writes its view every ten */
#define READS 4
#define SEARCHES 1

static void check_daemon(struct batv_ctl_doctor *d, const struct batv_fleet_known *fleet)
{
	const int64_t age = d->ctl->clock - fleet->view.written;
	struct batv_ctl_doctor_finding *f;

	if (fleet->view.json && age <= LONG_AGO) {
		ADD(FLEET_DAEMON, OK, "batv-fleet is running");
		return;
	}
	f = ADD(FLEET_DAEMON, FAIL, "batv-fleet is not running, although a fleet is configured");
	if (fleet->view.json)
		batv_ctl_doctor_finding_why(f,
					    "it has not written its view for %lld seconds; all "
					    "other servers wait for its news",
					    (long long)age);
	else
		batv_ctl_doctor_finding_why(f, "%s", fleet->trouble);
	batv_ctl_doctor_finding_fix(f, "systemctl enable --now batv-fleet; its log says what "
				       "it waits for: journalctl -u batv-fleet");
}

/* Without that user, batv-fleet runs as this directory's owner. */
static void check_access(struct batv_ctl_doctor *d)
{
	const struct passwd *user = getpwnam(BATV_FLEET_USER);
	const int dirfd = d->ctl->store.dirfd;
	struct batv_ctl_doctor_finding *f;
	struct stat st;

	if (!user)
		return;
	if (batv_acl_allows(dirfd, user->pw_uid, READS | SEARCHES) ||
	    (fstat(dirfd, &st) == 0 && (st.st_mode & (S_IROTH | S_IXOTH)) == 5)) {
		ADD(FLEET_ACCESS, OK, "batv-fleet can look into %s", d->ctl->store.path);
		return;
	}
	f = ADD(FLEET_ACCESS, FAIL, "user %s cannot look into the state directory",
		BATV_FLEET_USER);
	batv_ctl_doctor_finding_why(f,
				    "%s has no entry for that user; what this server sends is "
				    "told to nobody",
				    d->ctl->store.path);
	batv_ctl_doctor_finding_fix(f, "setfacl -m u:%s:rx %s", BATV_FLEET_USER,
				    d->ctl->store.path);
}

/* The next file has one; it is made when the file before is no longer consulted. */
static void check_journal(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;
	char when[BATV_TIME_SIZE];

	if (!batv_memory_there(&d->memory))
		return;
	if (batv_journal_there(&d->memory)) {
		ADD(FLEET_JOURNAL, OK, "the sent-mail memory has a journal for the fleet");
		return;
	}
	batv_ctl_time_format(batv_counters_created(&d->memory) +
				     d->ctl->config.global.memory_retention + BATV_DAY,
			     when, sizeof when);
	f = ADD(FLEET_JOURNAL, WARN, "the sent-mail memory has no journal for the fleet yet");
	if (d->state_read && *d->state.state.memory_before)
		batv_ctl_doctor_finding_why(f,
					    "batvd makes a file with one when %s is no longer "
					    "asked, by %s; until then the others do not "
					    "know what this server sends",
					    d->state.state.memory_before, when);
	else
		batv_ctl_doctor_finding_why(
			f, "batvd makes a file with one at its next look; until then the others do "
			   "not know what this server sends");
	batv_ctl_doctor_finding_fix(f, "wait, and see that batvd runs: systemctl status batvd");
}

void batv_ctl_doctor_fleet(struct batv_ctl_doctor *d)
{
	const struct batv_fleet_known *fleet;

	if (!d->config_ok || d->ctl->store.dirfd < 0)
		return;
	fleet = batv_ctl_fleet(d->ctl);
	if (!fleet->on)
		return;
	check_daemon(d, fleet);
	check_access(d);
	check_journal(d);
}
