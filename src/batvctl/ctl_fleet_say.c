/*
 * ctl_fleet_say.c - how batvctl tells something to the fleet, and starts or stops batv-fleet.
 *
 * Invariant: what is said is in the file fleet.said, which batvd's user owns, and nowhere else.
 */
#include <stdio.h>
#include <unistd.h>

#include "ctl_fleet.h"
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

const char *batv_ctl_fleet_service(const char *verb, char *out, size_t size)
{
	const char *args[] = {"/usr/bin/systemctl", verb, "batv-fleet.service", NULL};
	struct batv_ran ran;

	if (access("/run/systemd/system", F_OK) != 0 || access(args[0], X_OK) != 0) {
		(void)snprintf(out, size, "no systemd runs here: %s batv-fleet yourself", verb);
		return out;
	}
	if (batv_run(args, NULL, SERVICE_SECONDS, NULL, &ran))
		(void)snprintf(out, size, "systemctl %s batv-fleet: done", verb);
	else
		(void)snprintf(out, size, "systemctl %s batv-fleet: %s", verb, ran.why);
	batv_run_free(&ran);
	return out;
}
