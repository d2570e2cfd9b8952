/*
 * unit.h - what a unit test program defines.  unit_main.c has the main() of all of them: a test_*.c
 * holds its tests and unit_suite(), which makes the suite and adds them.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>

/*
 * Called once, before any test runs, in the process that forks each of them. What all tests share
 * (the time zone, a line that names the seed) is set and printed here. It sets no timeouts:
 * unit_main.c limits each test.
 */
Suite *unit_suite(void);

#endif
