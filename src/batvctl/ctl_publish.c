/*
 * ctl_publish.c - waits until a change is in force.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_publish.h"
#include "keeper.h"

#define PUBLISH_SECONDS 10 /* batvd notices at once; it may be busy */
#define ALONE_LOOKS 3      /* a file that cannot be read the first time may be read the next time */

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
		print_line(NULL, 0, k ? ctl->message : "out of memory");
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

/* Who publishes?  If that cannot be found out, batvd is waited for, which is most often there. */
static bool must_ourselves(struct batv_ctl *ctl)
{
	const enum batv_match runs = batv_store_daemon(&ctl->store);

	if (runs == BATV_MAYBE)
		fprintf(stderr, "batvctl: %s/%s: cannot find out whether batvd is running: %s\n",
			ctl->store.path, BATV_DAEMON_LOCK, strerror(errno));
	return runs == BATV_NO;
}

const char *batv_ctl_publish(struct batv_ctl *ctl, bool (*look)(void *ctx), void *ctx, bool *ok)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	const bool alone = must_ourselves(ctl);

	if (alone)
		publish_ourselves(ctl);
	*ok = false;
	for (int i = 0; !*ok && i < (alone ? ALONE_LOOKS : PUBLISH_SECONDS * 20); i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		ctl->message[0] = '\0';
		*ok = look(ctx);
	}
	if (!*ok && ctl->message[0]) /* a file that could not be read */
		print_line(NULL, 0, ctl->message);
	if (alone)
		return *ok ? "published, but batvd is not running; start it"
			   : "not published; batvd is not running: start it, and it will publish "
			     "it";
	return *ok ? "batvd has published it"
		   : "batvd has not published it yet; see batvctl status";
}
