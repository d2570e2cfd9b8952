/*
 * ctl_plain.c - batvctl enable where the administrator writes Exim's configuration himself.
 *
 * Invariant: that file is never changed.  Until Exim has read all that is needed, the override
 * `signing * off` holds signing off.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_enable.h"
#include "exim_text.h"
#include "run.h"

/* The transports to the outside that do not sign: their driver is smtp. */
static void unsigned_transports(const struct batv_placing *p, char *out, size_t size)
{
	static const char *const args[] = {"-bP", "transports", NULL};
	struct batv_exim_options options;
	struct batv_exim_option o;
	struct batv_ran ran;

	*out = '\0';
	(void)batv_installation_run(&p->inst, args, NULL, NULL, &ran);
	batv_exim_text_start(&options, ran.text);
	while (batv_exim_text_next(&options, &o)) {
		char name[130];

		snprintf(name, sizeof name, "%.*s ", (int)o.driver.len, o.driver.p);
		if (batv_span_equal(o.name, batv_span_of("driver")) &&
		    batv_span_equal(o.value, batv_span_of("smtp")) &&
		    !strstr(p->inst.has.transports, name) && strlen(out) + strlen(name) < size)
			strcat(out, name);
	}
	batv_run_free(&ran);
}

static int verified(struct batv_placing *p)
{
	char why[1000];

	if (!batv_ctl_placing_keep(p, false, why, sizeof why))
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s", why);
	batv_ctl_placing_say(p, "placed", "ok", "%s has all that is needed", p->inst.configuration);
	p->result = "signing";
	if (!p->steps)
		puts("Mail leaves signed from now on, if Exim was reloaded since.  Watch: batvctl "
		     "status.  Undo: batvctl disable.");
	return batv_ctl_placing_end(p, BATV_CTL_YES);
}

static int hold_off(struct batv_placing *p, const char *diff)
{
	char why[1000];

	if (!p->ctl->dry_run && !batv_ctl_placing_keep(p, true, why, sizeof why))
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s", why);
	p->result = "diff";
	if (p->ctl->diff) {
		if (!p->steps)
			fputs(diff, stdout);
		else
			batv_ctl_placing_say(p, "diff", "", "%s", diff);
		return batv_ctl_placing_end(p, BATV_CTL_YES);
	}
	batv_ctl_placing_say(p, "missing", "",
			     "in %s, which exim-batv does not change:", p->inst.configuration);
	if (p->steps)
		batv_ctl_placing_say(p, "diff", "", "%s", diff);
	else
		printf("\n%s\nApply it, reload Exim, and let this look again; until then nothing "
		       "is signed:\n  batvctl enable --diff | patch -b %s\n",
		       diff, p->inst.configuration);
	return batv_ctl_placing_end(p, BATV_CTL_NO);
}

int batv_ctl_plain(struct batv_placing *p)
{
	const struct batv_installed *h = &p->inst.has;
	char transports[1000], why[700], *text, *diff;
	struct batv_diff_wanted wanted = {
		.snippets = p->inst.snippets,
		.module = p->inst.kind == BATV_EXIM_COMPILED_IN ? "" : p->inst.module,
		.local_scan = p->inst.kind != BATV_EXIM_COMPILED_IN &&
			      p->inst.kind != BATV_EXIM_FUNCTIONS && !*h->local_scan,
		.main = !*h->unsign,
		.unsign = !h->unsign_router,
		.transports = transports};
	size_t len;

	unsigned_transports(p, transports, sizeof transports);
	if (p->inst.kind == BATV_EXIM_LIGHT || *h->transports)
		transports[0] = '\0'; /* it signs at reception, or the administrator chose some */
	if (!wanted.local_scan && !wanted.main && !wanted.unsign && !*transports)
		return verified(p);
	if (!batv_pieces_read(p->inst.configuration, &text, &len))
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s: %s", p->inst.configuration,
					     strerror(errno));
	diff = batv_ctl_diff(p->inst.configuration, text, &wanted, why, sizeof why);
	free(text);
	if (!diff)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s", why);
	{
		int code = hold_off(p, diff);

		free(diff);
		return code;
	}
}
