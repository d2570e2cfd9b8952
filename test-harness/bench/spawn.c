/*
 * spawn.c - run commands in turn, each many times in a fresh process, and print what each run took.
 *
 * usage: spawn ROUNDS <COMMANDS
 *
 * COMMANDS: one a line, words apart by blanks.  In every round each is run once, in an order of
 * chance; the first rounds warm up and are not printed.  A line of output is: number of the
 * command (from 0), nanoseconds from before fork to after wait, nanoseconds of CPU, page faults,
 * and the numbers that the command wrote to its descriptor 3, 64 bits each.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 64
#define WORDS_MAX 16
#define NUMBERS_MAX 16
#define WARM_UP 5

extern char **environ;

struct command {
	char *words[WORDS_MAX + 1];
};

static struct command commands[COMMANDS_MAX];

static void fail(const char *why)
{
	fprintf(stderr, "spawn: %s\n", why);
	exit(1);
}

static size_t read_commands(void)
{
	static char line[8192];
	size_t n = 0;

	while (fgets(line, sizeof line, stdin)) {
		char *rest = strdup(line), *word;
		size_t i = 0;

		if (n == COMMANDS_MAX)
			fail("too many commands");
		while ((word = strtok_r(rest, " \n", &rest))) {
			if (i == WORDS_MAX)
				fail("too many words");
			commands[n].words[i++] = word;
		}
		n += i > 0;
	}
	return n;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t cpu_ns(const struct rusage *u)
{
	return ((int64_t)u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000000 +
	       ((int64_t)u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1000;
}

/* One run; printed unless it is for warming up. */
static void run(size_t which, const int ends[2], const posix_spawn_file_actions_t *actions,
		int print)
{
	int64_t numbers[NUMBERS_MAX], begin, end;
	struct rusage usage;
	ssize_t got;
	int status;
	pid_t pid;

	begin = now_ns();
	if (posix_spawn(&pid, commands[which].words[0], actions, NULL, commands[which].words,
			environ) != 0 ||
	    wait4(pid, &status, 0, &usage) != pid)
		fail("can't run a command");
	end = now_ns();
	if (status != 0) {
		fprintf(stderr, "spawn: %s %s: status %d\n", commands[which].words[0],
			commands[which].words[1] ? commands[which].words[1] : "", status);
		exit(1);
	}
	got = read(ends[0], numbers, sizeof numbers);
	if (!print)
		return;
	printf("%zu %" PRId64 " %" PRId64 " %ld", which, end - begin, cpu_ns(&usage),
	       usage.ru_minflt);
	for (ssize_t i = 0; i < got / (ssize_t)sizeof numbers[0]; i++)
		printf(" %" PRId64, numbers[i]);
	putchar('\n');
}

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)random() % i, t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
}

/* One processor for all runs, so that none pays for a move. */
static void stay_here(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char *argv[])
{
	size_t n = read_commands(), order[COMMANDS_MAX];
	int rounds = argc == 2 ? atoi(argv[1]) : 0, ends[2];
	posix_spawn_file_actions_t actions;

	if (rounds < 1 || n == 0)
		fail("usage: spawn ROUNDS <COMMANDS");
	srandom(1);
	stay_here();
	/* not 3 itself: dup2 to the same number would leave it to be closed */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    (ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, 10)) < 0)
		fail("no pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (int round = -WARM_UP; round < rounds; round++) {
		shuffle(order, n);
		for (size_t i = 0; i < n; i++)
			run(order[i], ends, &actions, round >= 0);
	}
	return 0;
}
