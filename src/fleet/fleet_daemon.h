/*
 * fleet_daemon.h - batv-fleet without its command line.
 */
#ifndef BATV_FLEET_DAEMON_H
#define BATV_FLEET_DAEMON_H

#include <stdbool.h>

/* Exit codes: 0 ended by a signal, 2 configuration, 3 trouble (reported in one line). */
enum { BATV_FLEET_DAEMON_DONE = 0, BATV_FLEET_DAEMON_CONFIG = 2, BATV_FLEET_DAEMON_TROUBLE = 3 };

/* Runs until a signal ends it. */
int batv_fleet_daemon_run(const char *config_path, bool debug);

#endif
