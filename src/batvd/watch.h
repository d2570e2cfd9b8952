/*
 * watch.h - waits for signals, changed files, or a time of day.
 */
#ifndef BATV_WATCH_H
#define BATV_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "signals.h"

enum { /* why a wait ended; 0: time was up */
       BATV_WOKE_STOP = BATV_SIGNALS_STOP,
       BATV_WOKE_RELOAD = BATV_SIGNALS_RELOAD,
       BATV_WOKE_CONFIG = 4, /* a change in a directory of the configuration */
       BATV_WOKE_FILES = 8,  /* a change in the state directory */
       BATV_WOKE_CLOCK = 16, /* the time has come, or the clock was set */
       BATV_WOKE_ERROR = 32, /* waiting failed; see errno */
};

#define BATV_WATCH_MAX 7

struct batv_watch {
	int signals, notify, timer;
	struct {
		int wd;
		unsigned woke;  /* the bit that this watch sets */
		char name[256]; /* "": all names in the directory that matter */
	} on[BATV_WATCH_MAX];
	unsigned n;
};

bool batv_watch_open(struct batv_watch *watch);
/*
 * Watches these paths instead of those before.  Call it at each look, because a watched file may
 * have been replaced.  If a path cannot be watched, the next look still sees it.
 */
void batv_watch_paths(struct batv_watch *watch, const struct batv_global *global,
		      const char *config);
/* Wakes at this time of the real-time clock; INT64_MAX: never. */
void batv_watch_until(struct batv_watch *watch, int64_t when);
/* Waits, at most `seconds`.  Returns all that has happened, as BATV_WOKE_ bits. */
unsigned batv_watch_wait(struct batv_watch *watch, unsigned seconds);
void batv_watch_close(struct batv_watch *watch);

#endif
