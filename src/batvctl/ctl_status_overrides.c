/*
 * ctl_status_overrides.c - what batvctl enforce, enable and disable said, for batvctl status.
 *
 * The state tells what is in force, the file who said it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_kept.h"
#include "ctl_override.h"
#include "ctl_status.h"

static struct batv_overrides file; /* as it is now; n is 0 if it cannot be read */

void batv_ctl_status_check_overrides(struct batv_status *s)
{
	struct batv_ctl *ctl = s->ctl;

	if (batv_overrides_read(&ctl->store, &file, ctl->message, sizeof ctl->message) == BATV_OK)
		return;
	file.n = 0;
	batv_ctl_status_problem(s,
				"%s: batvctl enforce has no effect until it is corrected, or "
				"removed; what is published stays in force",
				ctl->message);
}

static const char *who(const struct batv_override *o)
{
	const struct batv_overrides_line *line =
		batv_overrides_find(&file, (enum batv_override_key)o->key, o->domain);

	return line ? line->who : "-";
}

static const char *note(const struct batv_override *o)
{
	const struct batv_overrides_line *line =
		batv_overrides_find(&file, (enum batv_override_key)o->key, o->domain);

	return line ? line->note : "";
}

static const char *mode_name(const struct batv_override *o)
{
	static const char *const names[] = {[BATV_ENFORCE_AUTO] = "auto",
					    [BATV_ENFORCE_OBSERVE] = "observe",
					    [BATV_ENFORCE_REJECT] = "reject"};

	return o->mode < sizeof names / sizeof names[0] ? names[o->mode] : "?";
}

static void print_line(const struct batv_override *o)
{
	const bool all = strcmp(o->domain, BATV_OVERRIDE_ALL) == 0;
	char until[60];

	batv_ctl_override_until(o->until, until, sizeof until);
	if (batv_ctl_kept_name(o))
		printf("  %s: %s %s (%s)%s%s\n", batv_ctl_kept_item(o), batv_ctl_kept_name(o),
		       until, who(o), *note(o) ? ": " : "", note(o));
	else if (o->key == BATV_OVERRIDE_SIGNING)
		printf("  all domains: signing off %s (%s)\n", until, who(o));
	else if (o->key == BATV_OVERRIDE_ANYWAY)
		printf("  %s: arms although another server sends for it, %s (%s)\n", o->domain,
		       until, who(o));
	else
		printf("  %s: enforcement %s %s (%s)\n",
		       !all                              ? o->domain
		       : o->mode == BATV_ENFORCE_OBSERVE ? "all domains"
							 : "policy default",
		       mode_name(o), until, who(o));
}

void batv_ctl_status_print_overrides(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;

	if (st->n_overrides)
		puts("\nSet by batvctl");
	for (size_t i = 0; i < st->n_overrides; i++)
		print_line(&st->overrides[i]);
}

json_t *batv_ctl_status_json_overrides(const struct batv_status *s)
{
	const struct batv_state *st = &s->state.state;
	json_t *a = json_array();

	for (size_t i = 0; s->state_read && i < st->n_overrides; i++) {
		const struct batv_override *ov = &st->overrides[i];
		json_t *o = json_object();

		batv_ctl_put_text(o, "key",
				  batv_state_override_name((enum batv_override_key)ov->key));
		batv_ctl_put_text(o, "domain", batv_ctl_kept_item(ov));
		batv_ctl_put_text(o, "enforcement",
				  ov->key == BATV_OVERRIDE_ENFORCEMENT ? mode_name(ov) : NULL);
		batv_ctl_put_time(o, "until", ov->until);
		batv_ctl_put_text(o, "who", who(ov));
		if (*note(ov))
			batv_ctl_put_text(o, "note", note(ov));
		json_array_append_new(a, o);
	}
	return a;
}
