/*
 * ctl_override.c - reads, changes and replaces the file of overrides under the writers' lock.
 */
#include "ctl_override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_publish.h"

#define LOCK_SECONDS 10

static int change(struct batv_ctl *ctl, struct batv_overrides *set,
		  const struct batv_ctl_override *c, const char *who)
{
	enum batv_err err;

	if (c->remove) {
		(void)batv_overrides_remove(set, c->line.key, c->line.domain);
		return BATV_CTL_YES;
	}
	err = batv_overrides_set(set, &c->line, who, c->note ? c->note : "");
	if (err == BATV_E_FULL)
		return batv_ctl_fail(BATV_CTL_NO,
				     "%s/%s: has %d lines already, nothing was changed; a policy "
				     "in %s can cover many domains",
				     ctl->store.path, BATV_OVERRIDES_NAME, BATV_OVERRIDES_MAX,
				     ctl->config_path);
	return err ? batv_ctl_fail(BATV_CTL_USAGE, "not a domain or item, or not a note: %s",
				   c->line.domain)
		   : BATV_CTL_YES;
}

/* A damaged file is not replaced: somebody wrote something there that we do not understand. */
static int change_locked(struct batv_ctl *ctl, struct batv_overrides *set,
			 const struct batv_ctl_override *changes, size_t n, const char *who)
{
	int code = BATV_CTL_YES;

	if (batv_overrides_read(&ctl->store, set, ctl->message, sizeof ctl->message) != BATV_OK)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "%s; correct the file, or remove it: then the modes of %s "
				     "hold for all domains",
				     ctl->message, ctl->config_path);
	batv_overrides_drop_ended(set, ctl->clock);
	for (size_t i = 0; i < n && code == BATV_CTL_YES; i++)
		code = change(ctl, set, &changes[i], who);
	if (code == BATV_CTL_YES &&
	    batv_overrides_write(&ctl->store, set, ctl->message, sizeof ctl->message) != BATV_OK)
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return code;
}

struct watched {
	struct batv_ctl *ctl;
	const struct batv_overrides *set;
};

static bool has_line(const struct batv_state *st, const struct batv_override *o)
{
	const struct batv_override *there = batv_override_find(st, o->key, o->domain);

	return there && there->mode == o->mode && there->until == o->until;
}

/* Does the state have these lines, and no others? */
static bool is_published(void *ctx)
{
	struct watched *w = ctx;
	struct batv_stored_state *st = calloc(1, sizeof *st);
	bool same = st && batv_store_read_state(&w->ctl->store, st, w->ctl->message,
						sizeof w->ctl->message) == BATV_OK;

	same = same && st->state.n_overrides == w->set->n;
	for (size_t i = 0; same && i < w->set->n; i++)
		same = has_line(&st->state, &w->set->line[i].override);
	if (st)
		batv_store_free_state(st);
	free(st);
	return same;
}

int batv_ctl_override(struct batv_ctl *ctl, const struct batv_ctl_override *changes, size_t n,
		      const char **seen, bool *published)
{
	struct batv_overrides *set = calloc(1, sizeof *set);
	const char *who = batv_ctl_who();
	struct watched w = {ctl, set};
	int lock = -1, code = BATV_CTL_YES;

	if (!set)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	if (batv_store_own(&ctl->store, ctl->message, sizeof ctl->message) ||
	    batv_store_lock(&ctl->store, BATV_WRITER_LOCK, LOCK_SECONDS, &lock, ctl->message,
			    sizeof ctl->message))
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	else
		code = change_locked(ctl, set, changes, n, who);
	if (lock >= 0)
		close(lock);
	if (code == BATV_CTL_YES)
		*seen = batv_ctl_publish(ctl, is_published, &w, published);
	free(set);
	return code;
}

void batv_ctl_override_until(int64_t until, char *out, size_t size)
{
	char when[BATV_TIME_SIZE];

	batv_ctl_time_format(until, when, sizeof when);
	(void)snprintf(out, size, "until %s", until ? when : "further notice");
}
