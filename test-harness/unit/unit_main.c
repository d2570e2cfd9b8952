/*
 * unit_main.c - the main() of each unit test program.
 *
 * Each test is a process of its own. It is limited by the CPU time that it takes, because a busy
 * machine does not lengthen that: a test that loops ends with "CPU time limit exceeded". One that
 * waits for what never comes takes no CPU time; Check's timeout, the watchdog, ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "unit.h"

/* About ten times what the slowest test takes. */
#ifdef __SANITIZE_ADDRESS__
# define CPU_SECONDS 300
#else
# define CPU_SECONDS 60
#endif
#define WATCHDOG_SECONDS "600"

/* UNIT_CPU_SECONDS sets another limit. Without forks (CK_FORK=no, in a debugger) there is none. */
static void limit_cpu(SRunner *runner)
{
	const char *wish = getenv("UNIT_CPU_SECONDS");
	struct rlimit limit;

	if (srunner_fork_status(runner) != CK_FORK)
		return;
	if (getrlimit(RLIMIT_CPU, &limit) != 0)
		return;
	limit.rlim_cur = wish ? strtoul(wish, NULL, 10) : CPU_SECONDS;
	if (setrlimit(RLIMIT_CPU, &limit) != 0)
		perror("setrlimit");
}

int main(void)
{
	SRunner *runner;
	int failed;

	(void)setenv("CK_DEFAULT_TIMEOUT", WATCHDOG_SECONDS, 0); /* read as a test case is made */
	runner = srunner_create(unit_suite());
	limit_cpu(runner);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
