/*
 * support.c - linked into each test program that has mutants.
 *
 * BATV_REACHED       file that gets a 1 for each mutant that makes a difference, and at its end how
 *                    many microseconds of CPU time it took
 * BATV_SERVE         read records of NUMBER MILLISECONDS [CASE]; for each, fork a process that runs
 *                    the tests of this case with this mutant and at most this CPU time, and write
 *                    its status.  So each mutant saves loading the program
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define RECORD 256 /* bytes of a command, with its newline */

int batv_mutant = -1;
unsigned char *batv_reached;
static size_t reached_size;
static pid_t first;

/* The linker puts this in the place of Check's: the first failed assertion ends the program. */
void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...);
void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	(void)file, (void)line, (void)expr, (void)msg;
	_exit(99);
}

static void set_limit(int resource, rlim_t most)
{
	struct rlimit r = {most, most};

	(void)setrlimit(resource, &r);
}

/* A timer is exact, but ends with a fork. */
static void limit_cpu(unsigned long ms)
{
	struct itimerval timer = {
		.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};

	(void)setitimer(ITIMER_PROF, &timer, NULL);
	set_limit(RLIMIT_CPU, ms / 1000 + 1);
}

static void map_reached(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		_exit(98);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		_exit(98);
	batv_reached = map;
	reached_size = (size_t)st.st_size;
	first = getpid();
	(void)close(fd);
}

static uint64_t microseconds(int who)
{
	struct rusage used;

	(void)getrusage(who, &used);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

__attribute__((destructor)) static void end(void)
{
	uint64_t took = microseconds(RUSAGE_SELF) + microseconds(RUSAGE_CHILDREN);

	if (batv_reached && getpid() == first)
		memcpy(batv_reached + reached_size - sizeof took, &took, sizeof took);
}

/* In the child: what main() needs to run one case with one mutant. */
static void become(int number, unsigned long ms, const char *name)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2; fd++)
		(void)dup2(null, fd);
	(void)close(null);
	(void)setsid(); /* a mutant may kill its process group */
	set_limit(RLIMIT_CORE, 0);
	limit_cpu(ms);
	if (*name)
		(void)setenv("CK_RUN_CASE", name, 1);
	batv_mutant = number;
}

/* Reads one record; false at the end of the input. */
static bool read_record(char record[static RECORD + 1])
{
	size_t len = 0;

	while (len < RECORD) {
		ssize_t n = read(0, record + len, RECORD - len);

		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	do
		record[--len] = '\0'; /* its newline, and the blanks before it */
	while (len > 0 && record[len - 1] == ' ');
	return true;
}

/* Returns in each child; the server itself ends at the end of its input. */
static void serve(void)
{
	char record[RECORD + 1] = "";

	while (read_record(record)) {
		char *rest;
		int status, number = (int)strtol(record, &rest, 10);
		unsigned long ms = strtoul(rest, &rest, 10);
		pid_t pid = fork();

		if (pid == 0) {
			become(number, ms, *rest ? rest + 1 : rest);
			return;
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			_exit(97);
		(void)kill(-pid, SIGKILL); /* what it has left */
		if (dprintf(1, "%d\n", status) < 0)
			break;
	}
	_exit(0);
}

__attribute__((constructor)) static void begin(void)
{
	const char *reached = getenv("BATV_REACHED");

	if (reached)
		map_reached(reached);
	if (getenv("BATV_SERVE"))
		serve();
}
