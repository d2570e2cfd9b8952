/*
 * ctl_doctor_notify.c - batvctl doctor: would the mail about domains that refuse arrive?
 */
#include <stdlib.h>

#include "arming.h"
#include "ctl_doctor.h"
#include "memory/domains.h"
#include "run.h"
#include "told.h"

#define ADD(answer, ...)                                                                           \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_NOTIFY, BATV_DOCTOR_##answer, __VA_ARGS__)

#define LONG_AGO 3600 /* the timer runs four times in an hour */

/* Exim's own check: may mail to the address be accepted here? */
static bool verifies(const struct batv_ctl_doctor *d, const char *address, char *why, size_t size)
{
	const char *args[] = {"-bv", address, NULL};
	struct batv_ran ran;
	bool ok = batv_installation_run(&d->inst, args, NULL, NULL, &ran);

	snprintf(why, size, "%s", ran.why);
	batv_run_free(&ran);
	return ok;
}

/* Has it refused for an hour, by itself, and nobody was told? */
static bool is_untold(const struct batv_ctl_doctor *d, const struct batv_told *told,
		      const struct batv_domain *domain)
{
	const int64_t now = d->ctl->clock;
	struct batv_arm arm = batv_ctl_arm(d->ctl, &d->state.state, domain, now);

	return arm.armed && arm.mode == BATV_ENFORCE_AUTO && (domain->flags & BATV_DOMAIN_ARMED) &&
	       now - (int64_t)domain->decided > LONG_AGO &&
	       batv_told_ask(batv_told_find(told, domain->name), true, now) == BATV_TOLD_NOW;
}

/* The first such domain; false: there is none, or it cannot be known. */
static bool find_untold(struct batv_ctl_doctor *d, struct batv_domain *domain)
{
	struct batv_told told;
	bool found = false;

	if (!d->state_read || !batv_memory_there(&d->memory) ||
	    batv_state_observe_file(d->ctl->store.dirfd) ||
	    batv_told_read(&d->ctl->store, &told) != BATV_OK)
		return false;
	for (size_t i = 0; !found && batv_domain_next(&d->memory, &i, domain); i++)
		found = is_untold(d, &told, domain);
	batv_told_free(&told);
	return found;
}

void batv_ctl_doctor_notify(struct batv_ctl_doctor *d)
{
	const char *address = d->config_ok ? d->ctl->config.global.notify : "";
	struct batv_ctl_doctor_finding *f;
	struct batv_domain domain;
	char why[300];

	if (!d->has_exim || !*address)
		return;
	if (!verifies(d, address, why, sizeof why)) {
		f = ADD(WARN, "mail to %s, which notify names, would not arrive", address);
		batv_ctl_doctor_finding_why(f, "%s -bv says: %s", d->inst.exim, why);
		batv_ctl_doctor_finding_fix(f, "notify = another address   in %s",
					    d->ctl->config_path);
	} else if (find_untold(d, &domain)) {
		f = ADD(WARN, "nothing runs batvctl notify");
		batv_ctl_doctor_finding_why(f, "%s refuses, and %s was not told", domain.name,
					    address);
		batv_ctl_doctor_finding_fix(
			f, "systemctl enable --now batv-notify.timer   or, without systemd, by "
			   "cron: every quarter of an hour, as root, batvctl notify");
	} else {
		ADD(OK, "%s is told when a domain begins or stops to refuse", address);
	}
}
