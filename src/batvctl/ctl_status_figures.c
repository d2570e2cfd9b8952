/*
 * ctl_status_figures.c - batvctl status: what was counted, added up as people
 * ask for it.
 *
 * Invariant: it only reads.
 */
#include "ctl_status.h"
#include "memory/counters.h"

static uint64_t judged(struct batv_status *s, enum batv_verdict v, enum batv_action a,
		       unsigned days, int64_t now)
{
	uint64_t sum = 0;

	for (int c = 0; c < BATV_CLASS_COUNT; c++)
		sum += batv_counted(&s->memory, batv_counter_of(v, (enum batv_class)c, a), days,
				    now);
	return sum;
}

uint64_t batv_ctl_status_judged(struct batv_status *s, enum batv_verdict v, enum batv_action a,
				unsigned days)
{
	return judged(s, v, a, days, s->ctl->now);
}

static uint64_t of_reason(struct batv_status *s, enum batv_reason why, unsigned days, int64_t now)
{
	size_t row;

	return batv_verdict_spared_row(why, &row) ? batv_counted(&s->memory, row, days, now) : 0;
}

/* Adds what was judged. */
static void add_judged(struct batv_status *s, unsigned days, int64_t now,
		       struct batv_status_figures *f)
{
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		for (int a = 0; a < BATV_ACTION_COUNT; a++) {
			uint64_t n =
				judged(s, (enum batv_verdict)v, (enum batv_action)a, days, now);

			if (v == BATV_VALID)
				f->by_tag += n;
			else if (v == BATV_REMEMBERED)
				f->by_memory += n;
			else if (!batv_verdict_failed((enum batv_verdict)v))
				continue;
			else if (a == BATV_ACTION_REJECT || a == BATV_ACTION_REMOVE)
				f->refused += n;
			else
				f->marked += n;
		}
}

void batv_ctl_status_figures(struct batv_status *s, unsigned days, int64_t now,
			     struct batv_status_figures *out)
{
	struct batv_status_figures f = {
		.left_signed = batv_counted(&s->memory, BATV_COUNT_SIGNED, days, now),
		.not_armed = of_reason(s, BATV_WHY_NOT_ARMED, days, now),
		.observed = of_reason(s, BATV_WHY_OBSERVE, days, now),
	};

	for (size_t row = BATV_COUNT_LEFT_NO_STATE; row <= BATV_COUNT_LEFT_OTHER; row++)
		f.left_bare += batv_counted(&s->memory, row, days, now);
	for (size_t row = BATV_COUNT_DEFERRED; row < BATV_COUNT_DEFERRED_END - 1; row++)
		f.deferred += batv_counted(&s->memory, row, days, now);
	add_judged(s, days, now, &f);
	/* What was marked for another reason than the domain's mode. */
	f.marked -= f.not_armed + f.observed < f.marked ? f.not_armed + f.observed : f.marked;
	*out = f;
}

json_t *batv_ctl_status_json_figures(struct batv_status *s, unsigned days)
{
	struct batv_status_figures f;
	json_t *o;

	if (!s->memory_ok)
		return json_null();
	batv_ctl_status_figures(s, days, s->ctl->now, &f);
	o = json_object();
	batv_ctl_put_number(o, "left_signed", f.left_signed);
	batv_ctl_put_number(o, "left_untagged", f.left_bare);
	batv_ctl_put_number(o, "ours_by_tag", f.by_tag);
	batv_ctl_put_number(o, "ours_by_memory", f.by_memory);
	batv_ctl_put_number(o, "refused", f.refused);
	batv_ctl_put_number(o, "would_be_refused_not_armed", f.not_armed);
	batv_ctl_put_number(o, "would_be_refused_observe", f.observed);
	batv_ctl_put_number(o, "marked_otherwise", f.marked);
	batv_ctl_put_number(o, "deferred", f.deferred);
	return o;
}
