/*
 * ctl_fleet.c - batvctl fleet: leaving, forgetting a host that is gone; and batvctl observe.
 *
 * Invariant: what is said to the fleet is in the file fleet.said, and nowhere else; batvd and
 * batv-fleet pass it on.  batvctl itself speaks with no other host.
 */
#include "ctl_fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "fleet_block.h"
#include "pieces.h"

/* ---- leave ---- */

static void say_leave(struct batv_fleet_said *said, void *arg)
{
	(void)arg;
	said->leave = true;
}

static int take_out_of_config(struct batv_ctl *ctl)
{
	struct batv_changes changes = {.n = 0};
	char *text = NULL, *fresh, why[600];
	size_t len = 0;
	unsigned line;
	bool ok;

	if (!batv_pieces_read(ctl->config_path, &text, &len))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet leave: cannot read %s: %s",
				     ctl->config_path, strerror(errno));
	fresh = batv_fleet_block_put(text, NULL, &line);
	ok = fresh && batv_changes_write(&changes, ctl->config_path, fresh, strlen(fresh), 0644,
					 why, sizeof why);
	batv_changes_free(&changes);
	free(fresh);
	free(text);
	return ok ? BATV_CTL_YES : batv_ctl_fail(BATV_CTL_TROUBLE, "fleet leave: %s", why);
}

/*
 * Waits until batv-fleet's view shows what it was told to do.  False: it has not, within ten
 * seconds; or it never ran here.
 */
static bool comes_true(struct batv_ctl *ctl,
		       bool (*shown)(const struct batv_fleet_view *, const char *), const char *id)
{
	for (unsigned tenths = 0; tenths < 100; tenths++) {
		const struct batv_fleet_known *fleet = batv_ctl_fleet_again(ctl);

		if (!fleet->view.json)
			return false;
		if (shown(&fleet->view, id))
			return true;
		usleep(100000);
	}
	return false;
}

static bool has_left(const struct batv_fleet_view *view, const char *unused)
{
	(void)unused;
	for (size_t i = 0; i < view->n_hosts; i++)
		if (view->hosts[i].own && view->hosts[i].left)
			return true;
	return false;
}

static int leave(struct batv_ctl *ctl)
{
	char why[BATV_MESSAGE_SIZE], how[400];
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	if (!*ctl->config.global.fleet)
		return batv_ctl_fail(BATV_CTL_NO, "fleet leave: %s names no fleet",
				     ctl->config_path);
	if (!batv_ctl_fleet_say(ctl, say_leave, NULL, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet leave: %s", why);
	if (comes_true(ctl, has_left, NULL))
		puts("The other hosts know that this one has left.");
	else
		puts("The other hosts could not be told, because batv-fleet does not run here, or "
		     "reaches no server: batvctl fleet forget on one of them does that.");
	code = take_out_of_config(ctl);
	if (code)
		return code;
	if (batv_ctl_fleet_service("disable", how, sizeof how))
		puts(how);
	(void)batv_ctl_fleet_service("stop", how, sizeof how);
	puts(how);
	if (!batv_ctl_fleet_access(ctl, false, why, sizeof why))
		fprintf(stderr, "batvctl: %s\n", why);
	puts("The secrets are still shared: as long as another server signs with them, a reply "
	     "that cites unknown mail is not refused here. When that is over: batvctl secret "
	     "unshare.");
	return BATV_CTL_YES;
}

/* ---- forget ---- */

static void say_forget(struct batv_fleet_said *said, void *arg)
{
	const char *id = arg;

	for (size_t i = 0; i < said->n_forget; i++)
		if (strcmp(said->forget[i], id) == 0)
			return;
	if (said->n_forget == BATV_FLEET_FORGET_MAX) /* the oldest is long known to all */
		memmove(said->forget[0], said->forget[1],
			--said->n_forget * sizeof said->forget[0]);
	(void)snprintf(said->forget[said->n_forget++], sizeof said->forget[0], "%s", id);
}

/* Done: it must not be forgotten again when batv-fleet starts, for it may come back. */
static void say_forgotten(struct batv_fleet_said *said, void *arg)
{
	for (size_t i = 0; i < said->n_forget; i++)
		if (strcmp(said->forget[i], arg) == 0) {
			memmove(said->forget[i], said->forget[i + 1],
				(said->n_forget - i - 1) * sizeof said->forget[0]);
			said->n_forget--;
			return;
		}
}

static bool is_forgotten(const struct batv_fleet_view *view, const char *id)
{
	for (size_t i = 0; i < view->n_hosts; i++)
		if (strcmp(view->hosts[i].id, id) == 0)
			return false;
	return true;
}

static int forget(struct batv_ctl *ctl, const char *name)
{
	const struct batv_fleet_host *host;
	const struct batv_fleet_known *fleet;
	char why[BATV_MESSAGE_SIZE], id[17], shown[80];
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	fleet = batv_ctl_fleet(ctl);
	host = fleet->view.json ? batv_fleet_view_host(&fleet->view, name) : NULL;
	batv_printable(batv_span_of(name), shown, sizeof shown);
	if (!host && !batv_fleet_said_is_id(batv_span_of(name)))
		return batv_ctl_fail(BATV_CTL_NO,
				     "fleet forget: no host of the fleet is named %s; batvctl "
				     "fleet status lists them",
				     shown);
	if (host && host->own)
		return batv_ctl_fail(BATV_CTL_NO,
				     "fleet forget: %s is this host; use batvctl fleet leave",
				     shown);
	(void)snprintf(id, sizeof id, "%s", host ? host->id : name);
	if (!batv_fleet_said_is_id(batv_span_of(id)))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet forget: that host has no id");
	if (!batv_ctl_fleet_say(ctl, say_forget, id, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet forget: %s", why);
	if (!comes_true(ctl, is_forgotten, id))
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "fleet forget: batv-fleet has not done it within ten seconds; "
				     "it does when it runs");
	if (!batv_ctl_fleet_say(ctl, say_forgotten, id, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet forget: %s", why);
	printf("Host %s is forgotten, here and on the other hosts: what it sends from now on is "
	       "not waited for. If it runs again, it joins again by itself.\n",
	       shown);
	return BATV_CTL_YES;
}

/* ---- observe ---- */

struct word {
	bool on;
	uint64_t counter;
	int64_t now;
};

static void say_observe(struct batv_fleet_said *said, void *arg)
{
	const struct word *w = arg;

	said->observe = w->on;
	said->observe_counter =
		w->counter > said->observe_counter ? w->counter : said->observe_counter + 1;
	said->observe_at = w->now;
}

/* Hosts that cannot have heard it. */
static void print_deaf(const struct batv_ctl *ctl, const struct batv_fleet_known *fleet)
{
	for (size_t i = 0; fleet->view.json && i < fleet->view.n_hosts; i++) {
		const struct batv_fleet_host *h = &fleet->view.hosts[i];
		char name[80];

		if (h->own || h->left || ctl->clock - h->heard <= 60)
			continue;
		batv_printable(batv_span_of(h->name), name, sizeof name);
		printf("Host %s has not been heard for %lld seconds; it may not know: on that "
		       "host, "
		       "use batvctl observe.\n",
		       name, (long long)(ctl->clock - h->heard));
	}
}

static int observe_fleet(struct batv_ctl *ctl)
{
	const struct batv_fleet_known *fleet = batv_ctl_fleet(ctl);
	const struct batv_fleet_host *last;
	struct word w = {.on = !ctl->end, .now = ctl->clock};
	char why[BATV_MESSAGE_SIZE];

	if (!fleet->on)
		return batv_ctl_fail(BATV_CTL_NO, "observe --fleet: %s names no fleet",
				     ctl->config_path);
	last = fleet->view.json ? batv_fleet_view_observe(&fleet->view) : NULL;
	w.counter = last ? last->observe_counter + 1 : 1;
	if (!batv_ctl_fleet_say(ctl, say_observe, &w, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "observe --fleet: %s", why);
	puts(ctl->end ? "The fleet no longer observes by this word: each host goes back to its own "
			"modes within seconds."
		      : "All hosts of the fleet that can be reached refuse nothing within seconds. "
			"batvctl observe --fleet --end ends it.");
	print_deaf(ctl, fleet);
	if (!fleet->view.json)
		printf("%s\n", fleet->trouble);
	return BATV_CTL_YES;
}

static bool switch_file(void *ctx, char *why, size_t size)
{
	static const char text[] = "batvctl observe; batvctl observe --end ends it\n";
	const struct batv_ctl *ctl = ctx;
	bool ok;

	if (ctl->end)
		ok = unlinkat(ctl->store.dirfd, BATV_OBSERVE_NAME, 0) == 0 || errno == ENOENT;
	else
		ok = batv_replace(ctl->store.dirfd, BATV_OBSERVE_NAME, BATV_FLEET_SAID_MODE, text,
				  sizeof text - 1) == BATV_OK;
	if (!ok)
		(void)snprintf(why, size, "%s/%s: %s", ctl->store.path, BATV_OBSERVE_NAME,
			       strerror(errno));
	return ok;
}

int batv_ctl_observe(struct batv_ctl *ctl, char **args, int n)
{
	char why[BATV_MESSAGE_SIZE];
	int code = batv_ctl_open(ctl);

	(void)args, (void)n;
	if (code)
		return code;
	if (ctl->fleet_wide)
		return observe_fleet(ctl);
	if (!batv_ctl_as_owner(ctl, switch_file, ctl, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "observe: %s", why);
	puts(ctl->end ? "Each domain has its own mode again: batvctl status shows them."
		      : "Nothing is refused from now on. batvctl observe --end ends it.");
	return BATV_CTL_YES;
}

/* ---- the command ---- */

int batv_ctl_fleet_command(struct batv_ctl *ctl, char **args, int n)
{
	const char *what = args[0];

	if (strcmp(what, "join") == 0 && n > 1)
		return batv_ctl_fleet_join(ctl, args + 1, n - 1);
	if (strcmp(what, "forget") == 0 && n == 2)
		return forget(ctl, args[1]);
	if (n == 1 && strcmp(what, "invite") == 0)
		return batv_ctl_fleet_invite(ctl);
	if (n == 1 && strcmp(what, "leave") == 0)
		return leave(ctl);
	if (n == 1 && strcmp(what, "status") == 0)
		return batv_ctl_fleet_status(ctl);
	return batv_ctl_fail(BATV_CTL_USAGE,
			     "fleet: expected status, join ADDRESS..., invite, leave, or forget "
			     "HOST; see batvctl fleet --help");
}
