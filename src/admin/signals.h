/*
 * signals.h - the signals of a daemon, read from a descriptor among the others that it waits for.
 */
#ifndef BATV_SIGNALS_H
#define BATV_SIGNALS_H

enum {                          /* bits */
       BATV_SIGNALS_STOP = 1,   /* SIGTERM, SIGINT */
       BATV_SIGNALS_RELOAD = 2, /* SIGHUP */
};

/* Blocks them, ignores SIGPIPE, and returns the descriptor; -1: errno says why not. */
int batv_signals_open(void);
/* What has come since the last call.  It never waits. */
unsigned batv_signals_read(int fd);

#endif
