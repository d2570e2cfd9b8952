/*
 * server_check.h - batv-fleet --check: is each server of the fleet as it must be?
 */
#ifndef BATV_SERVER_CHECK_H
#define BATV_SERVER_CHECK_H

#include <stdbool.h>

#include "setup.h"

/*
 * Asks each server, and prints a line for each: its address, and what is wrong and what to do.
 * Returns whether all are in order; a warning is no trouble.
 */
bool batv_server_check(const struct batv_setup *setup);

#endif
