/*
 * ctl_status_fleet.c - batvctl status, its JSON and batvctl metrics: the fleet in a few numbers.
 *
 * Invariant: what batv-fleet said long ago is not taken for what is so now.
 */
#include <stdio.h>
#include <string.h>

#include "ctl_layout.h"
#include "ctl_status.h"

#define SILENT 60 /* seconds: hosts beat, and batv-fleet writes its view, far more often */

static void count_host(const struct batv_fleet_host *h, int64_t now, struct batv_status_fleet *out)
{
	const int64_t gap = h->gap / 1000;

	out->gap = gap > out->gap ? gap : out->gap;
	if (h->left)
		return;
	if (h->own || now - h->heard <= SILENT)
		out->heard++;
	else
		out->silent++;
	out->missing += h->gaps;
	out->holes += h->holes;
}

static void count_servers(const json_t *engines, struct batv_status_fleet *out)
{
	const json_t *e;
	size_t i;

	json_array_foreach(engines, i, e)
	{
		const char *state = json_string_value(json_object_get(e, "state"));

		if (state && strcmp(state, "ok") == 0)
			out->servers_ok++;
		else
			out->servers_down++;
	}
}

void batv_ctl_status_fleet(struct batv_status *s, struct batv_status_fleet *out)
{
	const struct batv_fleet_known *fleet;
	const int64_t now = s->ctl->clock;

	*out = (struct batv_status_fleet){.on = false};
	if (!s->config_ok || s->ctl->store.dirfd < 0)
		return;
	fleet = batv_ctl_fleet(s->ctl);
	out->on = fleet->on;
	if (!fleet->on || !fleet->view.json)
		return;
	out->written = fleet->view.written;
	out->until = fleet->view.until / 1000;
	out->fresh = now - out->written <= SILENT;
	out->complete = out->fresh && fleet->view.complete;
	for (size_t i = 0; i < fleet->view.n_hosts; i++)
		count_host(&fleet->view.hosts[i], now, out);
	count_servers(fleet->view.engines, out);
}

void batv_ctl_status_print_fleet(struct batv_status *s)
{
	struct batv_status_fleet f;
	char rest[200];

	batv_ctl_status_fleet(s, &f);
	if (!f.on)
		return;
	if (!f.fresh)
		(void)snprintf(rest, sizeof rest, "batv-fleet does not run; see batvctl doctor");
	else
		(void)snprintf(
			rest, sizeof rest, "%s, %zu of %zu hosts heard: batvctl fleet status",
			f.complete ? "complete" : "not complete", f.heard, f.heard + f.silent);
	batv_ctl_layout_row(stdout, "Fleet", s->ctl->config.global.fleet, rest,
			    s->ctl->terminal.width);
}

json_t *batv_ctl_status_json_fleet(struct batv_status *s)
{
	json_t *o;
	struct batv_status_fleet f;

	batv_ctl_status_fleet(s, &f);
	if (!f.on)
		return json_null();
	o = json_object();
	batv_ctl_put_text(o, "name", s->ctl->config.global.fleet);
	batv_ctl_put_flag(o, "running", f.fresh);
	batv_ctl_put_flag(o, "complete", f.complete);
	batv_ctl_put_time(o, "written", f.written);
	batv_ctl_put_time(o, "until", f.until);
	batv_ctl_put_time(o, "gap", f.gap);
	batv_ctl_put_number(o, "hosts_heard", f.heard);
	batv_ctl_put_number(o, "hosts_silent", f.silent);
	batv_ctl_put_number(o, "servers_ok", f.servers_ok);
	batv_ctl_put_number(o, "servers_down", f.servers_down);
	batv_ctl_put_number(o, "missing", f.missing);
	batv_ctl_put_number(o, "holes", f.holes);
	return o;
}
