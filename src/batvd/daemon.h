/*
 * daemon.h - batvd without its command line.
 */
#ifndef BATV_DAEMON_H
#define BATV_DAEMON_H

#include <stdbool.h>

/* Exit codes: 0 ended by a signal, 2 configuration, 3 trouble (reported in one line). */
enum { BATVD_DONE = 0, BATVD_CONFIG = 2, BATVD_TROUBLE = 3 };

/* Runs until a signal ends it.  directory: in case the configuration cannot be read. */
int batv_daemon_run(const char *config_path, const char *directory, bool debug);

#endif
