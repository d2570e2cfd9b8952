/*
 * ctl_publish.c - waits until a change is in force.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl_publish.h"
#include "keeper.h"

#define PUBLISH_SECONDS 10 /* batvd notices at once; it may be busy */

static void print_line(void *ctx, int priority, const char *line)
{
	(void)ctx, (void)priority;
	fprintf(stderr, "batvctl: %s\n", line);
}

static void publish_ourselves(struct batv_ctl *ctl)
{
	struct batv_keeper *k = calloc(1, sizeof *k);
	const struct batv_look look = {.now = ctl->clock};
	struct batv_looked looked = {0};

	if (!k || batv_store_open(&k->store, ctl->store.path, ctl->message, sizeof ctl->message)) {
		free(k);
		return;
	}
	k->notices.say = print_line;
	batv_keeper_look(k, &ctl->config, &look, &looked);
	for (size_t i = 0; i < BATV_TROUBLE_COUNT; i++)
		if (k->notices.trouble[i][0])
			print_line(NULL, 0, k->notices.trouble[i]);
	batv_keeper_free(k);
	free(k);
}

const char *batv_ctl_publish(struct batv_ctl *ctl, bool (*look)(void *ctx), void *ctx, bool *ok)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	const bool alone = batv_store_daemon(&ctl->store) == BATV_NO;

	if (alone)
		publish_ourselves(ctl);
	*ok = false;
	for (int i = 0; !*ok && i < (alone ? 1 : PUBLISH_SECONDS * 20); i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		*ok = look(ctx);
	}
	if (alone)
		return *ok ? "published, but batvd is not running; start it"
			   : "not published, because batvd is not running; start it";
	return *ok ? "batvd has published it"
		   : "batvd has not published it yet; see batvctl status";
}
