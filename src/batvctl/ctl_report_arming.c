/*
 * ctl_report_arming.c - since when each domain has signed and refused.
 *
 * The log does not say it; state and memory do, and only for this server's own log.
 */
#include <string.h>

#include "ctl_report.h"
#include "memory/domains.h"

/* Those that do not refuse come first, then those that armed last. */
static bool before(const struct batv_report_domain *a, const struct batv_report_domain *b)
{
	if (a->refuses != b->refuses)
		return !a->refuses;
	return a->when != b->when ? a->when > b->when : strcmp(a->name, b->name) < 0;
}

static int64_t local(int64_t when)
{
	return when ? batv_ctl_log_local(when) : 0;
}

static struct batv_report_domain facts_of(const struct batv_report *r, const struct batv_domain *d)
{
	const struct batv_context *context = &r->asking.context;
	struct batv_arm arm = batv_ctl_arm(r->ctl, context->state, d, r->ctl->clock);
	struct batv_report_domain out = {.since = local(d->first_signed),
					 .grace = local(arm.since),
					 .when = local(arm.when)};

	out.refuses = !context->observe_file &&
		      batv_arming_refuses(&arm, (d->flags & BATV_DOMAIN_ARMED) != 0);
	batv_printable(batv_span_of(d->name), out.name, sizeof out.name);
	batv_arming_explain(&arm, out.why, sizeof out.why);
	return out;
}

size_t batv_ctl_report_domains(struct batv_report *r,
			       struct batv_report_domain out[static BATV_REPORT_DOMAINS],
			       size_t *all)
{
	size_t n = 0, max = r->top < BATV_REPORT_DOMAINS ? r->top : BATV_REPORT_DOMAINS;
	struct batv_domain d;

	*all = 0;
	if (!r->source.own || !r->asked || !r->asking.memory.base)
		return 0;
	for (size_t i = 0; batv_domain_next(&r->asking.memory, &i, &d); i++) {
		struct batv_report_domain new = facts_of(r, &d);
		size_t at;

		++*all;
		if (n == max && !before(&new, &out[n - 1]))
			continue;
		if (n < max)
			n++;
		for (at = n - 1; at > 0 && before(&new, &out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = new;
	}
	return n;
}
