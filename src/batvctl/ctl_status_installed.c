/*
 * ctl_status_installed.c - batvctl status: is exim-batv in the configuration that Exim reads?
 *
 * Invariant: it only reads.  Exim is asked; where it cannot be, the trace of its calls must do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl_status.h"
#include "installation.h"
#include "memory/counters.h"

/* Does any policy sign?  Without a state, one would. */
static bool should_sign(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	for (size_t i = 0; s->state_read && i < st->n_policies; i++)
		if (st->policies[i].signing)
			return true;
	return !s->state_read;
}

static void check_module(struct batv_status *s, const struct batv_installation *inst)
{
	if (inst->module_loads != BATV_NO || (!*inst->has.local_scan && !*inst->has.module))
		return;
	s->critical = s->critical || *inst->has.local_scan;
	batv_ctl_status_problem(s,
				"%.250s: Exim cannot load the module: %s; %sinstall the package "
				"again, or take exim-batv out of Exim's configuration with "
				"batvctl disable --remove",
				inst->module, inst->module_why,
				*inst->has.local_scan ? "Exim answers all mail with 451; " : "");
}

/* It is in the configuration, at least in part. */
static void check_parts(struct batv_status *s, const struct batv_installation *inst)
{
	char made[BATV_TIME_SIZE];

	check_module(s, inst);
	if (s->signs && !s->unsigns)
		batv_ctl_status_problem(
			s,
			"%.250s signs, but takes no tag off: bounces to signed addresses are "
			"unknown users; run batvctl enable",
			inst->configuration);
	if (s->unsigns && !s->signs && should_sign(s))
		batv_ctl_status_note(
			s,
			"%.250s takes tags off, and signs nothing; if mail should leave signed "
			"from here, run batvctl enable",
			inst->configuration);
	if (!s->memory_ok || batv_ctl_status_called(s))
		return;
	batv_ctl_time_format(batv_counters_created(&s->memory), made, sizeof made);
	batv_ctl_status_note(s,
			     "no mail has come or gone since %s; batvctl test shows what Exim "
			     "would do",
			     made);
}

static void check_installation(struct batv_status *s, const struct batv_installation *inst)
{
	s->asked = true;
	s->unsigns = batv_installation_unsigns(inst);
	s->signs = batv_installation_signs(inst);
	snprintf(s->exim_version, sizeof s->exim_version, "%s", inst->version);
	if (*inst->broken) {
		s->critical = true;
		batv_ctl_status_problem(s, "%.250s: Exim cannot read its configuration: %s",
					inst->configuration, inst->broken);
	} else if (s->unsigns || s->signs) {
		check_parts(s, inst);
	} else {
		batv_ctl_status_problem(
			s,
			"exim-batv is not in Exim's configuration (%.250s): nothing is signed or "
			"refused; run batvctl enable",
			inst->configuration);
	}
}

void batv_ctl_status_check_installed(struct batv_status *s)
{
	struct batv_installation *inst = calloc(1, sizeof *inst);
	char why[300];

	if (inst && s->config_ok &&
	    batv_installation_find(s->ctl->config.global.exim, s->ctl->config_path, inst, why,
				   sizeof why))
		check_installation(s, inst);
	else
		batv_ctl_status_check_called(s);
	free(inst);
}
