/*
 * watch.h - what batvd waits for: signals, changed files, an hour on the clock.
 */
#ifndef BATV_WATCH_H
#define BATV_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum {                       /* why a wait ended; 0: the time was up */
       BATV_WOKE_STOP = 1,   /* SIGTERM, SIGINT */
       BATV_WOKE_RELOAD = 2, /* SIGHUP */
       BATV_WOKE_CONFIG = 4, /* in a directory of the configuration */
       BATV_WOKE_FILES = 8,  /* in the state directory */
       BATV_WOKE_CLOCK = 16, /* the hour has come, or the clock was set */
       BATV_WOKE_ERROR = 32, /* waiting itself failed, errno tells */
};

#define BATV_WATCH_MAX 5

struct batv_watch {
	int signals, notify, timer;
	struct {
		int wd;
		unsigned woke;  /* the bit that it means */
		char name[256]; /* "": any of the directory's names that matter */
	} on[BATV_WATCH_MAX];
	unsigned n;
};

bool batv_watch_open(struct batv_watch *watch);
/*
 * Watch these paths, anew: called at each look, for what was watched may have been replaced.
 * legacy may be "".  A path that cannot be watched is found by the next look all the same.
 */
void batv_watch_paths(struct batv_watch *watch, const char *directory, const char *config,
		      const char *legacy);
/* Wake at this time of the real-time clock; INT64_MAX: at none. */
void batv_watch_until(struct batv_watch *watch, int64_t when);
/* Wait, at most `seconds`.  All that has happened, as bits. */
unsigned batv_watch_wait(struct batv_watch *watch, unsigned seconds);
void batv_watch_close(struct batv_watch *watch);

#endif
