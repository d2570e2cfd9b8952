/*
 * daemon.c - batvd: it looks, waits, and looks again.
 *
 * All decisions are made by looking (keeper.c).  Signals, inotify and timers only make the next
 * look come sooner.  Invariants: a directory has one batvd.  batvd is root only until it has become
 * the directory's owner.  A broken configuration changes nothing: the last good one stays in force,
 * even over a restart, because it is in the published state.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "keeper.h"
#include "leftovers.h"
#include "notify.h"
#include "plan.h"
#include "report.h"
#include "standby.h"
#include "watch.h"

#define LOOK_SECONDS 15    /* between looks, at most; so the memory is on disk within 20 */
#define SECRET_PATIENCE 20 /* a missing secret file may be about to come back */
#define SETTLED 2          /* a file that was not written for so long is complete */
#define NS INT64_C(1000000000)

/* Identifies a file and its version.  All zero: there is no file. */
struct file_id {
	int64_t dev, ino, size, mtime, mtime_ns, ctime, ctime_ns;
};

struct daemon {
	const char *config_path, *directory; /* directory: if the configuration cannot be read */
	char found[BATV_OPTION_PATH_SIZE];   /* the directory that a wrong configuration names */
	struct batv_config config;           /* the last good one */
	struct file_id config_id, legacy_id; /* as last read, good or not */
	struct batv_keeper keeper;
	struct batv_watch watch;
	int instance;       /* the lock that shows that we run */
	int64_t real, boot; /* clocks at the last look, ns; 0: no look yet */
	int64_t gone_since; /* boot clock, ns: the secret file is missing since then; 0: it is not
			     */
	bool alarmed, observed;
	char config_trouble[BATV_MESSAGE_SIZE], config_logged[BATV_MESSAGE_SIZE + 200];
	int64_t config_told; /* ns, when config_logged was logged */
	char logged[BATV_TROUBLE_COUNT][BATV_MESSAGE_SIZE];
};

static int64_t clock_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

static struct file_id identify(const char *path)
{
	struct stat st;

	if (!path || !*path || stat(path, &st) < 0)
		return (struct file_id){0};
	return (struct file_id){(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
				st.st_mtim.tv_sec,  st.st_mtim.tv_nsec, st.st_ctim.tv_sec,
				st.st_ctim.tv_nsec};
}

static bool same_file_id(const struct file_id *a, const struct file_id *b)
{
	return memcmp(a, b, sizeof *a) == 0; /* seven members of one type: no padding */
}

/* ---- the configuration ---- */

static enum batv_err load_config(struct daemon *d, struct batv_config *out)
{
	enum batv_err err;

	d->config_id = identify(d->config_path); /* first, so that a change while reading is seen */
	err = batv_config_load(d->config_path, out, d->config_trouble, sizeof d->config_trouble);
	if (err == BATV_OK) {
		d->config_trouble[0] = '\0';
		d->legacy_id = identify(out->global.legacy_keys);
	}
	return err;
}

/* Takes the new configuration if it is good.  Otherwise keeps the old one, and the reason. */
static void reload(struct daemon *d)
{
	struct batv_config *fresh = calloc(1, sizeof *fresh);

	if (!fresh || load_config(d, fresh) != BATV_OK) {
		d->legacy_id = identify(d->config.global.legacy_keys);
	} else if (strcmp(fresh->global.directory, d->config.global.directory) != 0) {
		snprintf(d->config_trouble, sizeof d->config_trouble,
			 "%s: directory was changed to %s; restart batvd to use it", d->config_path,
			 fresh->global.directory);
		batv_config_free(fresh);
	} else {
		if (strcmp(fresh->sum, d->config.sum) != 0)
			batv_report(LOG_NOTICE, "%s: read the changed configuration",
				    d->config_path);
		batv_config_free(&d->config);
		d->config = *fresh;
	}
	free(fresh);
}

static bool file_settled(const struct file_id *id, int64_t now)
{
	return id->mtime > now || now - id->mtime >= SETTLED;
}

/*
 * Has a file of the configuration changed?  A file that is still being written does not count.
 * While something is wrong, every look tries again: the cause may be in a file or directory that we
 * do not know of.
 */
static bool config_changed(const struct daemon *d, unsigned woke, int64_t now)
{
	struct file_id config = identify(d->config_path),
		       legacy = identify(d->config.global.legacy_keys);

	if (!d->config_trouble[0] && same_file_id(&config, &d->config_id) &&
	    same_file_id(&legacy, &d->legacy_id))
		return false;
	return (woke & BATV_WOKE_CONFIG) ||
	       (file_settled(&config, now) && file_settled(&legacy, now));
}

/* ---- what is worth a line ---- */

static void log_change(const char *trouble, char *logged, size_t size, const char *what)
{
	if (strcmp(trouble, logged) == 0)
		return;
	if (*trouble)
		batv_report(LOG_ERR, "%s", trouble);
	else
		batv_report(LOG_NOTICE, "%s in order again", what);
	snprintf(logged, size, "%s", trouble);
}

/* Logs it at once, and then once a day. */
static void log_config(struct daemon *d)
{
	const int64_t day = BATV_DAY * NS;
	char line[sizeof d->config_logged] = "";

	if (d->config_trouble[0])
		snprintf(line, sizeof line,
			 "%s; batvd keeps the last good configuration until this is "
			 "corrected",
			 d->config_trouble);
	if (*line && (d->real - d->config_told >= day || d->config_told - d->real >= day))
		d->config_logged[0] = '\0';
	if (strcmp(line, d->config_logged) != 0)
		d->config_told = d->real;
	log_change(line, d->config_logged, sizeof d->config_logged, "the configuration is");
}

static void log_troubles(struct daemon *d)
{
	static const char *const names[BATV_TROUBLE_COUNT] = {
		[BATV_TROUBLE_LOCK] = "the lock is",
		[BATV_TROUBLE_SECRET] = "the secret file is",
		[BATV_TROUBLE_KEYS] = "the number of keys is",
		[BATV_TROUBLE_STATE] = "the state is",
		[BATV_TROUBLE_MEMORY] = "the sent-mail memory is",
		[BATV_TROUBLE_OVERRIDES] = "the file overrides is",
		[BATV_TROUBLE_FLEET] = "the view of the fleet is",
		[BATV_TROUBLE_SHARE] = "what batv-fleet needs is"};

	log_config(d);
	for (size_t i = 0; i < BATV_TROUBLE_COUNT; i++)
		log_change(d->keeper.notices.trouble[i], d->logged[i], sizeof d->logged[i],
			   names[i]);
}

static void log_alarm(struct daemon *d, const struct batv_looked *looked)
{
	bool bad = !looked->usable;

	if (d->keeper.notices.trouble[BATV_TROUBLE_LOCK][0] || bad == d->alarmed)
		return;
	d->alarmed = bad;
	if (bad)
		batv_report(LOG_ALERT,
			    "%s/%s: no usable state is published: mail leaves unsigned "
			    "and nothing is refused; see batvctl status",
			    d->keeper.store.path, BATV_STATE_NAME);
	else
		batv_report(LOG_NOTICE, "%s/%s: a usable state is published again",
			    d->keeper.store.path, BATV_STATE_NAME);
}

static void log_observe(struct daemon *d)
{
	bool there = batv_state_observe_file(d->keeper.store.dirfd);

	if (there == d->observed)
		return;
	d->observed = there;
	batv_report(LOG_NOTICE, "%s/%s: %s", d->keeper.store.path, BATV_OBSERVE_NAME,
		    there ? "exists: nothing is refused until it is removed"
			  : "was removed: armed domains refuse again");
}

static void tell_manager(const struct daemon *d, const struct batv_looked *looked)
{
	const struct batv_state *st = d->keeper.have.text ? &d->keeper.have.state : NULL;

	if (d->config_trouble[0])
		batv_notify_status("degraded, using the last good configuration: %s",
				   d->config_trouble);
	else if (!looked->usable || !st)
		batv_notify_status("no usable state is published");
	else
		batv_notify_status("state %" PRIu64 " with %zu keys is published", st->serial,
				   st->ring.n_keys);
}

/* ---- one look ---- */

/* How far the clock moved beyond the time that passed since the last look, in seconds. */
static int64_t clock_jump(struct daemon *d)
{
	int64_t real = clock_ns(CLOCK_REALTIME), boot = clock_ns(CLOCK_BOOTTIME);
	int64_t jump = d->real ? ((real - d->real) - (boot - d->boot)) / NS : 0;

	d->real = real;
	d->boot = boot;
	if (jump > LOOK_SECONDS || jump < -LOOK_SECONDS)
		batv_report(LOG_NOTICE, "the clock was set %s by %" PRId64 " seconds",
			    jump > 0 ? "forward" : "back", jump > 0 ? jump : -jump);
	return jump;
}

static int64_t look_once(struct daemon *d, unsigned woke, bool first)
{
	int64_t before = d->real;
	struct batv_look how = {.jumped = clock_jump(d)};
	struct batv_looked looked;

	how.now = d->real / NS;
	/* After a machine slept, both clocks come from the same chip, so they show no jump. */
	how.slept = before && d->real - before > BATV_JUMP * NS;
	if ((woke & BATV_WOKE_RELOAD) || config_changed(d, woke, how.now))
		reload(d);
	how.publish_always = woke & BATV_WOKE_RELOAD;
	how.make_secret = first || (woke & BATV_WOKE_RELOAD) ||
			  (d->gone_since && d->boot - d->gone_since >= SECRET_PATIENCE * NS);
	batv_watch_paths(&d->watch, &d->config.global, d->config_path);
	batv_keeper_look(&d->keeper, &d->config, &how, &looked);
	batv_keeper_sync(&d->keeper);
	if (!looked.secret_gone)
		d->gone_since = 0;
	else if (!d->gone_since)
		d->gone_since = d->boot;
	log_troubles(d);
	log_alarm(d, &looked);
	log_observe(d);
	tell_manager(d, &looked);
	batv_store_beat(d->instance, d->real / NS);
	batv_notify_alive();
	return looked.next;
}

/* Does the name still refer to the directory that we hold open? */
static bool directory_is_there(const struct daemon *d)
{
	const struct batv_store *store = &d->keeper.store;
	struct stat st;

	return stat(store->path, &st) == 0 && st.st_dev == store->dir.st_dev &&
	       st.st_ino == store->dir.st_ino;
}

static int loop(struct daemon *d)
{
	const unsigned pace = batv_notify_pace(LOOK_SECONDS);
	int64_t next = look_once(d, 0, true);

	batv_report(LOG_NOTICE, "ready, version " BATV_VERSION ", directory %s",
		    d->config.global.directory);
	batv_report_started();
	batv_notify_ready();
	for (;;) {
		unsigned woke;

		batv_watch_until(&d->watch, next);
		woke = batv_watch_wait(&d->watch, pace);
		if (woke & BATV_WOKE_STOP)
			return BATVD_DONE;
		if (woke & BATV_WOKE_ERROR) {
			batv_report(LOG_ERR, "cannot wait for events: %s", strerror(errno));
			return BATVD_TROUBLE;
		}
		if (!directory_is_there(d)) {
			batv_report(LOG_ERR,
				    "%s: the state directory was removed or replaced; "
				    "batvd ends; start it again",
				    d->keeper.store.path);
			return BATVD_TROUBLE;
		}
		if (woke & BATV_WOKE_RELOAD)
			batv_notify_reloading(clock_ns(CLOCK_MONOTONIC) / 1000);
		next = look_once(d, woke, false);
		if (woke & BATV_WOKE_RELOAD)
			batv_notify_ready();
	}
}

/* ---- from root to the directory's owner ---- */

static int report_and_return(int code, const char *message)
{
	batv_report(LOG_ERR, "%s", message);
	return code;
}

static int report_errno(int code, const char *what)
{
	batv_report(LOG_ERR, "%s: %s", what, strerror(errno));
	return code;
}

/* Frees the room that a crash left occupied.  If a writer is at work, it keeps its file. */
static void remove_leftovers(const struct batv_store *store)
{
	char message[BATV_MESSAGE_SIZE];
	unsigned removed;
	int lock;

	if (batv_store_lock(store, BATV_WRITER_LOCK, 1, &lock, message, sizeof message) != BATV_OK)
		return;
	removed = batv_leftovers_remove(store->dirfd);
	close(lock);
	if (removed)
		batv_report(LOG_NOTICE, "%s: removed %u unfinished files that a crash had left",
			    store->path, removed);
}

/* Loads the configuration, or at least the directory that it names. */
static bool find_directory(struct daemon *d)
{
	if (load_config(d, &d->config) == BATV_OK)
		return true;
	batv_standby_directory(d->config_path, d->directory, d->found, sizeof d->found);
	d->config.global.directory = d->found;
	return false;
}

/* Loads the configuration, or the parts of it in the published state.  False: there is neither. */
static bool find_config(struct daemon *d)
{
	struct batv_stored_state *st;
	char why[BATV_MESSAGE_SIZE];
	bool ok;

	if (load_config(d, &d->config) == BATV_OK)
		return true;
	st = calloc(1, sizeof *st);
	ok = st && batv_store_read_state(&d->keeper.store, st, why, sizeof why) == BATV_OK &&
	     batv_standby_config(&st->state, d->keeper.store.path, &d->config) == BATV_OK;
	if (st)
		batv_store_free_state(st);
	free(st);
	return ok;
}

static int prepare_directory(struct daemon *d, char *message, size_t size)
{
	struct batv_store *store = &d->keeper.store;
	bool good = find_directory(d);
	enum batv_err err;

	if (batv_store_open(store, d->config.global.directory, message, size) != BATV_OK ||
	    batv_store_own(store, message, size) != BATV_OK)
		return good ? report_and_return(BATVD_TROUBLE, message)
			    : report_and_return(BATVD_CONFIG, d->config_trouble);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return report_errno(BATVD_TROUBLE, "cannot give up privileges: prctl");
	/* Read once more: what only root can read would be lost at the first reload. */
	batv_config_free(&d->config);
	if (!find_config(d))
		return report_and_return(BATVD_CONFIG, d->config_trouble);
	err = batv_store_lock(store, BATV_DAEMON_LOCK, 1, &d->instance, message, size);
	if (err != BATV_OK) {
		batv_report(LOG_ERR, "%s%s", message,
			    err == BATV_E_CONFLICT ? "; another batvd may be running" : "");
		return BATVD_TROUBLE;
	}
	remove_leftovers(store);
	if (!batv_watch_open(&d->watch)) {
		batv_report(LOG_ERR, "cannot watch signals and files: %s", strerror(errno));
		return BATVD_TROUBLE;
	}
	return BATVD_DONE;
}

int batv_daemon_run(const char *config_path, const char *directory, bool debug)
{
	struct daemon *d = calloc(1, sizeof *d);
	char message[BATV_MESSAGE_SIZE];
	int code;

	batv_report_open("batvd", debug);
	umask(0027);
	if (!d)
		return report_and_return(BATVD_TROUBLE, "out of memory");
	d->config_path = config_path;
	d->directory = directory;
	d->keeper.notices.say = batv_report_line;
	d->keeper.store.dirfd = d->instance = -1;
	code = prepare_directory(d, message, sizeof message);
	if (code == BATVD_DONE) {
		code = loop(d);
		batv_notify_stopping();
		batv_report(LOG_NOTICE, "ended");
		batv_watch_close(&d->watch);
	}
	batv_keeper_free(&d->keeper);
	batv_config_free(&d->config);
	if (d->instance >= 0)
		close(d->instance);
	free(d);
	return code;
}
