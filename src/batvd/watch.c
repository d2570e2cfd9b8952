/*
 * watch.c - waits with one poll() for signals (signalfd), changed files (inotify) and a timer on
 * the real-time clock.
 *
 * Invariant: a watch that fails never loses a change, it only delays it: batvd looks every few
 * seconds in any case.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fleet_said.h"
#include "fleet_view.h"
#include "overrides.h"
#include "signals.h"
#include "store.h"
#include "watch.h"

/* Not IN_CLOSE_WRITE: every Exim process that closes the memory would wake us. */
#define ON_STATE_DIR (IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB)
#define ON_CONFIG_DIR (IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB)

bool batv_watch_open(struct batv_watch *watch)
{
	memset(watch, 0, sizeof *watch);
	watch->signals = batv_signals_open();
	watch->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return watch->signals >= 0 && watch->notify >= 0 && watch->timer >= 0;
}

static void add_path(struct batv_watch *watch, const char *path, const char *name, uint32_t mask,
		     unsigned woke)
{
	int wd = inotify_add_watch(watch->notify, path, mask);
	unsigned i = watch->n;

	if (wd < 0 || i == BATV_WATCH_MAX)
		return;
	watch->on[i].wd = wd;
	watch->on[i].woke = woke;
	snprintf(watch->on[i].name, sizeof watch->on[i].name, "%s", name);
	watch->n++;
}

/* Watches the directory of a file, for that one name. */
static void add_file(struct batv_watch *watch, const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof dir)
		return;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (!slash)
		add_path(watch, ".", path, ON_CONFIG_DIR | IN_MASK_ADD, BATV_WOKE_CONFIG);
	else
		add_path(watch, len ? dir : "/", slash + 1, ON_CONFIG_DIR | IN_MASK_ADD,
			 BATV_WOKE_CONFIG);
}

void batv_watch_paths(struct batv_watch *watch, const struct batv_global *global,
		      const char *config)
{
	const char *directory = global->directory;
	char path[4096 + 16];

	watch->n = 0;
	add_path(watch, directory, "", ON_STATE_DIR | IN_MASK_ADD, BATV_WOKE_FILES);
	/* Written in place, by an editor: seen at the file itself. */
	snprintf(path, sizeof path, "%s/%s", directory, BATV_SECRET_NAME);
	add_path(watch, path, "", IN_CLOSE_WRITE, BATV_WOKE_FILES);
	snprintf(path, sizeof path, "%s/%s", directory, BATV_STATE_NAME);
	add_path(watch, path, "", IN_CLOSE_WRITE, BATV_WOKE_FILES);
	snprintf(path, sizeof path, "%s/%s", directory, BATV_OVERRIDES_NAME);
	add_path(watch, path, "", IN_CLOSE_WRITE, BATV_WOKE_FILES);
	add_file(watch, config);
	if (*global->legacy_keys)
		add_file(watch, global->legacy_keys);
	/* What the other hosts say: a break there is one here, at once. */
	if (*global->fleet && *global->fleet_directory)
		add_path(watch, global->fleet_directory, BATV_FLEET_VIEW_NAME,
			 ON_CONFIG_DIR | IN_MASK_ADD, BATV_WOKE_FILES);
}

void batv_watch_until(struct batv_watch *watch, int64_t when)
{
	struct itimerspec at = {.it_value.tv_sec = when == INT64_MAX ? 0 : (time_t)when};

	timerfd_settime(watch->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

/* Temporary files and locks of our own are no news. */
static bool name_matters(const char *name)
{
	static const char *const names[] = {BATV_SECRET_NAME, BATV_STATE_NAME, BATV_OBSERVE_NAME,
					    BATV_OVERRIDES_NAME, BATV_FLEET_SAID_NAME};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "memory", strlen("memory")) == 0;
}

static unsigned woken_by(const struct batv_watch *watch, const struct inotify_event *event)
{
	const char *name = event->len ? event->name : "";
	unsigned woke = 0;

	if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED))
		return BATV_WOKE_FILES;
	for (unsigned i = 0; i < watch->n; i++) {
		if (watch->on[i].wd != event->wd)
			continue;
		if (watch->on[i].name[0] ? strcmp(name, watch->on[i].name) == 0
					 : !*name || name_matters(name))
			woke |= watch->on[i].woke;
	}
	return woke;
}

static unsigned read_events(const struct batv_watch *watch)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned woke = 0;
	ssize_t got;

	while ((got = read(watch->notify, buf, sizeof buf)) > 0) {
		for (size_t at = 0; at < (size_t)got;) { /* the kernel returns whole events */
			const struct inotify_event *event = (const void *)(buf + at);

			woke |= woken_by(watch, event);
			at += sizeof *event + event->len;
		}
	}
	return woke;
}

static unsigned read_timer(int fd)
{
	uint64_t times;
	ssize_t got = read(fd, &times, sizeof times);

	return got > 0 || (got < 0 && errno == ECANCELED) ? BATV_WOKE_CLOCK : 0;
}

unsigned batv_watch_wait(struct batv_watch *watch, unsigned seconds)
{
	struct pollfd fds[] = {{.fd = watch->signals, .events = POLLIN},
			       {.fd = watch->notify, .events = POLLIN},
			       {.fd = watch->timer, .events = POLLIN}};
	unsigned woke = 0;

	if (poll(fds, 3, (int)(seconds * 1000)) < 0)
		return errno == EINTR ? 0 : BATV_WOKE_ERROR;
	if (fds[0].revents)
		woke |= batv_signals_read(watch->signals);
	if (fds[1].revents)
		woke |= read_events(watch);
	if (fds[2].revents)
		woke |= read_timer(watch->timer);
	return woke;
}

void batv_watch_close(struct batv_watch *watch)
{
	close(watch->signals);
	close(watch->notify);
	close(watch->timer);
}
