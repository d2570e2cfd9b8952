/*
 * fleet_daemon.c - batv-fleet: it takes turns.
 *
 * A turn takes what servers have sent, records it, sends what this host recorded and what is due,
 * and writes into the memory's header how far the fleet is known.  It never waits but in poll(), 20
 * ms at most.  Without key or memory it does nothing but look for them, once a second.
 *
 * Invariant: nothing here can make mail fail.  Dead or stopped, `fleet_until` stands still, and
 * what proves nothing is accepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hmac.h"
#include "fleet_daemon.h"
#include "incoming.h"
#include "memory/fleet.h"
#include "news.h"
#include "notify.h"
#include "outgoing.h"
#include "replace.h"
#include "report.h"
#include "fleet_row.h"
#include "row_share.h"
#include "signals.h"
#include "store.h"
#include "view.h"

#define TURN_MS 20
#define LOOK_MS 1000  /* at files, and at who is heard */
#define SAVE_MS 10000 /* what the next start needs, and the view */
#define VIEW_MS 1000  /* between two views, at least */
#define JUMP_MS 1000  /* of the clock: it was set */
#define WAIT_MS 1000  /* between looks while there is nothing to work with */

struct file_id {
	int64_t ino, size, mtime, mtime_ns;
};

struct daemon {
	struct batv_station st;
	struct batv_news news;
	const char *config_path;
	char directory[4096]; /* the state directory that is open */
	struct file_id key_id, row_id;
	int signals;
	bool working;
	char waiting_for[600]; /* why there is no work, as logged */
	char epoch[BATV_SERVERS_MAX][33];
	bool was_ok[BATV_SERVERS_MAX];
	int64_t looked, saved, viewed, alive; /* ticks */
	int64_t base;                         /* ms: st.now - st.tick */
	bool started;
	unsigned pace;
};

static int64_t clock_ms(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static struct file_id identify(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct file_id){0};
	return (struct file_id){(int64_t)st.st_ino, (int64_t)st.st_size, st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec};
}

static bool same_id(const struct file_id *a, const struct file_id *b)
{
	return memcmp(a, b, sizeof *a) == 0; /* four members of one type: no padding */
}

/* ---- hooks of the engine ---- */

static void take_parcel(void *ctx, unsigned server, const char *key, struct batv_span bytes)
{
	struct daemon *d = ctx;

	(void)server, (void)key;
	batv_incoming_take(&d->st, bytes);
}

/* A row is a parcel like others; in the hash it lasts longer than in the stream. */
static void take_row(void *ctx, unsigned server, struct batv_span field, struct batv_span bytes)
{
	(void)field;
	take_parcel(ctx, server, BATV_ENGINE_ROWS, bytes);
}

static void take_end(void *ctx, unsigned server, const char *key, bool whole)
{
	(void)ctx, (void)server, (void)key, (void)whole;
}

static void take_stored(void *ctx, unsigned server, uint64_t cookie)
{
	(void)ctx, (void)server, (void)cookie;
}

static void take_change(void *ctx, unsigned server)
{
	struct daemon *d = ctx;
	const struct batv_engine_status *s = batv_engine_status(d->st.engine, server);
	bool ok = s->state == BATV_ENGINE_OK;

	batv_news_server(&d->news, &d->st, server);
	d->st.changed = true;
	if (ok && !d->was_ok[server]) {
		if (*d->epoch[server] && strcmp(d->epoch[server], s->epoch) != 0)
			batv_report(LOG_NOTICE,
				    "%s: it has lost what it had; the last minutes are sent again",
				    s->server);
		memcpy(d->epoch[server], s->epoch, sizeof s->epoch);
		batv_outgoing_server(&d->st, server);
		(void)batv_engine_get(d->st.engine, server, BATV_ENGINE_ROWS);
	}
	d->was_ok[server] = ok;
}

static const struct batv_engine_hooks hooks_of_all = {NULL,     take_parcel, take_row,
						      take_end, take_stored, take_change};

/* ---- what batvd gives ---- */

static void __attribute__((format(printf, 2, 3)))
wait_for(struct daemon *d, const char *format, ...)
{
	char line[sizeof d->waiting_for];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (strcmp(line, d->waiting_for) == 0)
		return;
	batv_report(LOG_WARNING, "%s", line);
	batv_notify_status("waiting: %s", line);
	memcpy(d->waiting_for, line, sizeof line);
}

static bool open_state_dir(struct daemon *d)
{
	const char *path = d->st.setup.config.global.directory;

	if (d->st.state_dir >= 0)
		return true;
	d->st.state_dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->st.state_dir >= 0)
		return true;
	wait_for(d, "%s: cannot open the state directory: %s; batv-fleet waits for it", path,
		 strerror(errno));
	return false;
}

/* Reads the key, if it is new or changed.  False: there is none that can be used. */
static bool read_key(struct daemon *d, struct batv_fleet_share *key)
{
	const char *path = d->st.setup.config.global.directory;
	enum batv_err err = batv_fleet_share_read(d->st.state_dir, key);

	if (err == BATV_OK && strcmp(key->fleet, d->st.setup.engine.fleet) == 0)
		return true;
	if (err == BATV_OK)
		wait_for(d,
			 "%s/" BATV_FLEET_KEY_NAME " is for the fleet \"%s\", the configuration "
			 "names \"%s\"; reload batvd and batv-fleet",
			 path, key->fleet, d->st.setup.engine.fleet);
	else if (err == BATV_E_NO_FILE)
		wait_for(d,
			 "%s/" BATV_FLEET_KEY_NAME " is missing: batvd writes it when the "
			 "configuration names a fleet; is batvd running?",
			 path);
	else
		wait_for(d, "%s/" BATV_FLEET_KEY_NAME ": %s; is batvd running?", path,
			 batv_fault_phrase(err));
	batv_wipe(key, sizeof *key);
	return false;
}

static bool open_memory(struct daemon *d)
{
	const char *why;

	if (!batv_station_open_memory(&d->st, &why)) {
		wait_for(d, "%s/%s: %s; batv-fleet waits for it",
			 d->st.setup.config.global.directory, d->st.key.memory, why);
		return false;
	}
	if (batv_journal_there(&d->st.memory))
		return true;
	wait_for(d, "%s/%s has no journal yet: batvd makes a memory with one; is batvd running?",
		 d->st.setup.config.global.directory, d->st.key.memory);
	return false;
}

static void stop_work(struct daemon *d)
{
	if (!d->working)
		return;
	if (!batv_outgoing_save(&d->st))
		batv_report(LOG_WARNING, "%s: cannot save: %s", d->st.own.path, strerror(errno));
	batv_station_stop(&d->st);
	memset(&d->news, 0, sizeof d->news);
	memset(d->was_ok, 0, sizeof d->was_ok);
	d->working = false;
	d->key_id = d->row_id = (struct file_id){0};
}

static void start_work(struct daemon *d)
{
	struct batv_engine_hooks hooks = hooks_of_all;
	struct batv_fleet_share key;

	hooks.ctx = d;
	if (!open_state_dir(d))
		return;
	d->key_id = identify(d->st.state_dir, BATV_FLEET_KEY_NAME);
	if (!read_key(d, &key))
		return;
	d->st.key = key;
	batv_wipe(&key, sizeof key);
	if (!open_memory(d))
		return;
	d->working = batv_station_start(&d->st, &hooks);
	if (!d->working) {
		batv_station_stop(&d->st);
		return;
	}
	d->waiting_for[0] = '\0';
	batv_report(LOG_NOTICE, "host %s (%016" PRIx64 ") of the fleet %s, %u servers",
		    d->st.setup.host, d->st.own.host, d->st.key.fleet, d->st.setup.n);
}

/* The key file has changed: another memory, or another secret. */
static void take_new_key(struct daemon *d)
{
	struct batv_fleet_share key;
	bool generation;

	d->key_id = identify(d->st.state_dir, BATV_FLEET_KEY_NAME);
	if (!read_key(d, &key)) {
		stop_work(d);
		return;
	}
	if (memcmp(key.key, d->st.key.key, sizeof key.key) != 0) {
		batv_report(LOG_NOTICE, "the fleet has another key; starting with it");
		stop_work(d);
		batv_wipe(&key, sizeof key);
		return;
	}
	generation = strcmp(key.memory, d->st.key.memory) == 0 ||
		     strcmp(key.before, d->st.key.memory) == 0;
	d->st.key = key;
	batv_wipe(&key, sizeof key);
	if (!open_memory(d))
		stop_work(d);
	else if (generation)
		batv_station_read_words(&d->st); /* the new file has words of its own */
	else
		batv_station_memory_lost(&d->st);
}

/* A file of the same name may be another one: then nothing of the fleet is in it. */
static void look_at_memory(struct daemon *d)
{
	int64_t dev = d->st.memory.dev, ino = d->st.memory.ino;

	if (!open_memory(d)) {
		stop_work(d);
		return;
	}
	if (dev == d->st.memory.dev && ino == d->st.memory.ino)
		return;
	batv_report(LOG_WARNING, "%s is another file than before; what it lacks is asked for",
		    d->st.key.memory);
	batv_station_memory_lost(&d->st);
}

/* Returns false if there is none to share. */
static bool share_row(struct daemon *d, const struct batv_row_share_facts *facts)
{
	struct batv_station *st = &d->st;
	struct batv_row_share share;
	char *text;
	size_t len;
	bool shared;

	if (batv_slurp(st->state_dir, BATV_FLEET_ROW_NAME, BATV_OWN_FILES_MAX, &text, &len) !=
	    BATV_OK)
		return false;
	shared = batv_row_share_make(text, len, facts, &share) == BATV_OK;
	if (shared) {
		batv_outgoing_row(st, (struct batv_span){share.text, share.len});
		batv_outgoing_forget(st, share.forget, share.n_forget);
		batv_outgoing_leave(st, share.leave);
		batv_row_share_free(&share);
	}
	free(text);
	return shared;
}

static void report_gap(const struct batv_station *st)
{
	const time_t end = (time_t)(st->capture.gap / 1000);
	char when[32];
	struct tm tm;

	if (st->now - st->capture.gap >= st->key.retention * 1000 || !gmtime_r(&end, &tm))
		return;
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
	batv_report(LOG_ERR,
		    "what this host sent before %s may be unknown to the others for good (%" PRIu64
		    " records of the journal were lost since the start): until that is older than "
		    "memory_retention, no host of the fleet calls its memory complete; batvctl "
		    "remember --from-exim-log tells them what the log has",
		    when, st->capture.lost);
}

/*
 * The row is made again, too, when there is a new gap: the others must know.  It is on disk before
 * they hear of it, for the next start.
 */
static void look_at_row(struct daemon *d)
{
	struct batv_station *st = &d->st;
	const struct batv_row_share_facts facts = {st->setup.host, st->capture.holes,
						   st->capture.gap, st->capture.began};
	struct file_id id = identify(st->state_dir, BATV_FLEET_ROW_NAME);
	const bool news = facts.lost != st->gap_told || facts.began != st->began_told;

	if (!id.ino || (same_id(&id, &d->row_id) && !news))
		return;
	if (facts.lost != st->gap_told)
		report_gap(st);
	d->row_id = id;
	if ((news && !batv_outgoing_save(st)) || !share_row(d, &facts))
		return;
	st->gap_told = facts.lost;
	st->began_told = facts.began;
}

/* ---- the header of the memory ---- */

static bool any_caught_up(const struct batv_station *st)
{
	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++)
		if (batv_engine_status(st->engine, i)->caught_up)
			return true;
	return false;
}

/* Members are on disk before what depends on them is promised. */
static void promise(struct batv_station *st)
{
	int64_t until, since;

	st->deaf = !any_caught_up(st);
	if (st->deaf || (st->roster.urgent && !batv_outgoing_save(st)))
		return;
	until = batv_roster_until(&st->roster, st->now);
	until = until ? until + st->drift : 0;
	since = batv_roster_since(&st->roster);
	since = (since + 999) / 1000;
	if (since != st->since) { /* first: a process that sees `until` must see a gap before it */
		batv_fleet_set_since(&st->memory, since);
		st->since = since;
		st->changed = true;
	}
	if (until != st->until && (until > st->until || until == 0)) {
		batv_fleet_set_until(&st->memory, until);
		st->until = until;
	}
}

/* ---- turns ---- */

/* st->now goes on evenly, whatever somebody does to the system's clock. */
static void look_at_clock(struct daemon *d)
{
	struct batv_station *st = &d->st;
	int64_t real = clock_ms(CLOCK_REALTIME), drift;

	st->tick = clock_ms(CLOCK_MONOTONIC);
	if (!d->started)
		d->base = real - st->tick;
	d->started = true;
	st->now = st->tick + d->base;
	drift = real - st->now;
	if (drift - st->drift > JUMP_MS || st->drift - drift > JUMP_MS) {
		batv_report(LOG_NOTICE, "the clock was set by %" PRId64 " s",
			    (drift - st->drift) / 1000);
		if (d->working && drift < st->drift) { /* what was promised is later than now */
			batv_fleet_set_until(&st->memory, 0);
			st->until = 0;
		}
	}
	st->drift = drift;
}

static void new_incarnation(struct daemon *d)
{
	char message[BATV_MESSAGE_SIZE];

	if (d->st.clone) {
		batv_report(LOG_ALERT,
			    "another host has this host's id: a disk was copied; this host takes a "
			    "new id; then: batvctl fleet forget %016" PRIx64,
			    d->st.own.host);
		(void)unlinkat(d->st.own.dirfd, "host", 0);
	}
	if (batv_station_again(&d->st, message, sizeof message))
		return;
	batv_report(LOG_ERR, "%s", message);
	stop_work(d);
}

static void look(struct daemon *d)
{
	struct batv_station *st = &d->st;
	struct file_id id = identify(st->state_dir, BATV_FLEET_KEY_NAME);

	d->looked = st->tick;
	if (!same_id(&id, &d->key_id))
		take_new_key(d);
	if (d->working)
		look_at_memory(d);
	if (!d->working)
		return;
	look_at_row(d);
	batv_sent_names_expire(&st->names,
			       batv_station_today(st) > batv_station_days(st) + 2
				       ? batv_station_today(st) - batv_station_days(st) - 2
				       : 0,
			       batv_station_today(st) + 2u);
}

static void keep_for_later(struct daemon *d)
{
	struct batv_station *st = &d->st;

	if (st->tick - d->saved >= SAVE_MS || st->tick < d->saved) {
		d->saved = st->tick;
		st->changed = true;
		if (!batv_outgoing_save(st))
			batv_report(LOG_WARNING, "%s: cannot save: %s", st->own.path,
				    strerror(errno));
	}
	if (st->changed && (st->tick - d->viewed >= VIEW_MS || st->tick < d->viewed)) {
		d->viewed = st->tick;
		st->changed = false;
		if (!batv_view_write(st, &d->news))
			batv_report(LOG_WARNING, "%s/view: %s", st->own.path, strerror(errno));
	}
}

static void turn(struct daemon *d)
{
	struct batv_station *st = &d->st;
	const bool looks = st->tick - d->looked >= LOOK_MS || st->tick < d->looked;

	batv_engine_work(st->engine, st->tick);
	batv_incoming_apply(st);
	if (st->clone || st->exhausted)
		new_incarnation(d);
	if (!d->working)
		return;
	batv_outgoing_work(st);
	if (looks)
		look(d);
	if (!d->working)
		return;
	promise(st);
	if (looks)
		batv_news_look(&d->news, st);
	keep_for_later(d);
}

/* ---- the loop ---- */

static void sleep_until_news(struct daemon *d)
{
	struct pollfd fds[1 + BATV_ENGINE_POLLS] = {{.fd = d->signals, .events = POLLIN}};
	size_t n = 1;
	int64_t wait = d->working ? TURN_MS : WAIT_MS, due;

	if (d->working) {
		n += batv_engine_poll(d->st.engine, fds + 1);
		due = batv_engine_due(d->st.engine, d->st.tick) - d->st.tick;
		wait = due < wait ? due : wait;
	}
	(void)poll(fds, n, wait > 0 ? (int)wait : 1);
}

static void reload(struct daemon *d)
{
	struct batv_setup *fresh = calloc(1, sizeof *fresh);
	char message[BATV_MESSAGE_SIZE];

	batv_notify_reloading(clock_ms(CLOCK_MONOTONIC) * 1000);
	if (!fresh || batv_setup_load(d->config_path, fresh, message, sizeof message) != BATV_OK) {
		batv_report(LOG_ERR, "%s; batv-fleet keeps the last good configuration",
			    fresh && *message ? message : "the configuration has no fleet");
	} else if (strcmp(fresh->config.global.fleet_directory,
			  d->st.setup.config.global.fleet_directory) != 0) {
		batv_report(LOG_ERR,
			    "%s: fleet_directory was changed; restart batv-fleet to use it",
			    d->config_path);
		batv_setup_free(fresh);
	} else if (batv_setup_same(fresh, &d->st.setup)) {
		batv_report(LOG_NOTICE, "%s: the configuration has not changed", d->config_path);
		batv_setup_free(fresh);
	} else {
		stop_work(d);
		if (d->st.state_dir >= 0)
			close(d->st.state_dir);
		d->st.state_dir = -1;
		batv_setup_free(&d->st.setup);
		batv_setup_move(fresh, &d->st.setup);
		if (batv_own_files_begin(&d->st.own, message, sizeof message) != BATV_OK)
			batv_report(LOG_ERR, "%s", message);
		batv_report(LOG_NOTICE, "%s: read the configuration", d->config_path);
	}
	free(fresh);
	batv_notify_ready();
}

static void tell_manager(struct daemon *d)
{
	if (d->st.tick - d->alive < d->pace * INT64_C(1000) && d->st.tick >= d->alive)
		return;
	d->alive = d->st.tick;
	batv_notify_alive();
	if (d->working)
		batv_notify_status("fleet %s: %zu other hosts, %s", d->st.key.fleet, d->st.roster.n,
				   d->st.deaf    ? "no server can be used"
				   : d->st.since ? "all is here"
						 : "not all is here yet");
}

static int loop(struct daemon *d)
{
	d->pace = batv_notify_pace(5);
	for (bool first = true;; first = false) {
		unsigned woke = batv_signals_read(d->signals);

		if (woke & BATV_SIGNALS_STOP)
			return BATV_FLEET_DAEMON_DONE;
		look_at_clock(d);
		if (woke & BATV_SIGNALS_RELOAD)
			reload(d);
		if (!d->working)
			start_work(d);
		if (d->working)
			turn(d);
		if (first) {
			batv_report(LOG_NOTICE, "ready, version " BATV_VERSION);
			batv_report_started();
			batv_notify_ready();
		}
		tell_manager(d);
		sleep_until_news(d);
	}
}

/* ---- starting ---- */

static int prepare(struct daemon *d, char *message, size_t size)
{
	enum batv_err err = batv_setup_load(d->config_path, &d->st.setup, message, size);

	if (err != BATV_OK) {
		if (!*message)
			snprintf(message, size,
				 "%s names no fleet, so there is nothing to do; see \"fleet\" in "
				 "exim-batv.conf(5)",
				 d->config_path);
		return BATV_FLEET_DAEMON_CONFIG;
	}
	if (batv_own_files_open(&d->st.own, d->st.setup.config.global.fleet_directory, message,
				size) != BATV_OK ||
	    batv_own_files_begin(&d->st.own, message, size) != BATV_OK)
		return BATV_FLEET_DAEMON_TROUBLE;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    (d->signals = batv_signals_open()) < 0) {
		snprintf(message, size, "cannot start: %s", strerror(errno));
		return BATV_FLEET_DAEMON_TROUBLE;
	}
	return BATV_FLEET_DAEMON_DONE;
}

static void put_away(struct daemon *d)
{
	stop_work(d);
	batv_setup_free(&d->st.setup);
	batv_own_files_close(&d->st.own);
	if (d->st.state_dir >= 0)
		close(d->st.state_dir);
	if (d->signals >= 0)
		close(d->signals);
	free(d);
}

int batv_fleet_daemon_run(const char *config_path, bool debug)
{
	struct daemon *d = calloc(1, sizeof *d);
	char message[BATV_MESSAGE_SIZE] = "out of memory";
	int code = BATV_FLEET_DAEMON_TROUBLE;

	batv_report_open("batv-fleet", debug);
	umask(0027);
	if (d) {
		d->config_path = config_path;
		d->signals = d->st.state_dir = -1;
		d->st.own.dirfd = d->st.own.sent = d->st.own.lock = -1;
		code = prepare(d, message, sizeof message);
	}
	if (code == BATV_FLEET_DAEMON_DONE) {
		code = loop(d);
		batv_notify_stopping();
	} else {
		batv_report(LOG_ERR, "%s", message);
	}
	if (d)
		put_away(d);
	if (code == BATV_FLEET_DAEMON_DONE)
		batv_report(LOG_NOTICE, "ended");
	return code;
}
