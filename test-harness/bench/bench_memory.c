/*
 * bench_memory.c - what the sent-message memory costs: in a process that has just begun, and in one
 * that goes on.
 *
 * usage: bench_memory [DIRECTORY] a directory on the disk to measure with; default: a new one in
 * /tmp
 *        bench_memory DIRECTORY WHAT	one fresh process; prints nanoseconds
 *
 * A line of output for each: what, the median of 200 processes (or of 20 rounds), quartiles, the
 * least, the goal. The page cache is warm; the files are the daemon's own, every block allocated.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/days.h"
#include "memory/sent.h"
#include "memory_file.h"

#define RUNS 200
#define ROUNDS 20
#define STEADY 20000
#define NOW INT64_C(1795348800)
#define RETENTION (14 * (int64_t)BATV_DAY)

static const struct batv_span key = {"0123456789abcdef0123456789abcdef", 32};
static int dir;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench_memory: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

#define JOURNAL "journal" /* a file like `memory`, with a journal; and what is done with it */

static int make_file(const char *name, uint64_t capacity)
{
	return batv_memory_file_create(dir, name,
				       &(struct batv_memory_wish){
					       .generation = 1,
					       .now = NOW,
					       .since = NOW,
					       .capacity = capacity,
					       .retention = RETENTION,
					       .journal = strcmp(name, JOURNAL) == 0}) == BATV_OK;
}

static struct batv_item id(uint64_t n)
{
	static struct batv_addr ours;
	struct batv_item item;
	char text[64];

	if (!ours.text.p)
		(void)batv_addr_parse("alice.liddell@example.com", 25, &ours);
	snprintf(text, sizeof text, "20261122%016llx.4711@mail.example.com", (unsigned long long)n);
	if (!batv_sent_id(key, batv_span_of(text), &ours, &item))
		die("no item");
	return item;
}

static struct batv_item pair(uint64_t n)
{
	struct batv_addr ours, theirs;
	struct batv_item item;
	char text[64];

	snprintf(text, sizeof text, "bob.%llx@mail.example.net", (unsigned long long)n);
	(void)batv_addr_parse("alice.liddell@example.com", 25, &ours);
	(void)batv_addr_parse(text, strlen(text), &theirs);
	if (!batv_sent_pair(key, &ours, &theirs, &item))
		die("no item");
	return item;
}

/* ---- one fresh process ---- */

static void remember_or_die(struct batv_memory *m, struct batv_item item)
{
	if (batv_sent_note(m, &item, NOW) > BATV_SENT_KNOWN)
		die("not remembered");
}

static bool look_up(struct batv_memory *m, uint64_t seed)
{
	struct batv_item items[4];

	for (uint64_t i = 0; i < 4; i++)
		items[i] = id(seed + i);
	return batv_sent_known_any(m, items, 4, RETENTION, NOW) < 4;
}

static void remember_pairs(struct batv_memory *m, uint64_t seed)
{
	enum batv_sent_answer answers[50];
	struct batv_item items[50];

	for (uint64_t i = 0; i < 50; i++)
		items[i] = pair(seed + i);
	batv_sent_note_all(m, items, 50, NOW, answers);
	if (answers[49] > BATV_SENT_KNOWN)
		die("not remembered");
}

static int fresh(const char *what)
{
	uint64_t seed = (uint64_t)nanoseconds();
	struct batv_memory m = {0};
	int64_t start;

	/* What verifying a tag has done already: the first use of SHA-1, of this program's own
	 * code. */
	(void)id(seed);
	(void)pair(seed);
	start = nanoseconds();
	if (batv_memory_open_windows(&m, dir, strcmp(what, JOURNAL) == 0 ? JOURNAL : "memory") !=
	    BATV_OK)
		die("memory");
	if (strcmp(what, "open") != 0 && strcmp(what, "first") != 0) {
		if (strcmp(what, "look-ups") != 0)
			remember_or_die(&m, id(seed));
		start = nanoseconds();
	}
	if (strcmp(what, "first") == 0 || strcmp(what, "second") == 0 || strcmp(what, JOURNAL) == 0)
		remember_or_die(&m, id(seed + 1));
	else if (strcmp(what, "pairs") == 0)
		remember_pairs(&m, seed);
	else if (strcmp(what, "look-ups") == 0 && look_up(&m, seed))
		die("an unknown id was found");
	printf("%lld\n", (long long)(nanoseconds() - start));
	return 0;
}

/* ---- the table ---- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print(const char *what, int64_t *ns, size_t n, double goal)
{
	qsort(ns, n, sizeof *ns, by_size);
	printf("%-44s %8.2f us   %8.2f .. %8.2f, least %8.2f", what, (double)ns[n / 2] / 1000,
	       (double)ns[n / 4] / 1000, (double)ns[3 * n / 4] / 1000, (double)ns[0] / 1000);
	if (goal > 0)
		printf("   goal %3.0f: %s", goal,
		       (double)ns[n / 2] / 1000 <= goal ? "met" : "MISSED");
	putchar('\n');
	fflush(stdout);
}

static int64_t run_fresh(const char *self, const char *directory, const char *what)
{
	long long ns = -1;
	int ends[2];
	FILE *f;

	if (pipe(ends) < 0)
		die("pipe");
	if (fork() == 0) {
		(void)dup2(ends[1], 1);
		execl(self, self, directory, what, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	f = fdopen(ends[0], "r");
	if (!f || fscanf(f, "%lld", &ns) != 1)
		die("a fresh process said nothing");
	fclose(f);
	(void)wait(NULL);
	return ns;
}

static void measure_fresh(const char *self, const char *directory)
{
	static const struct {
		const char *what, *text;
		double goal;
	} rows[] = {
		{"open", "fresh process: open the memory", 0},
		{"first", "the same, and remember the first id", 60},
		{"second", "remember one more id", 15},
		{JOURNAL, "the same, and journal it", 25},
		{"pairs", "remember 50 pairs with one guard", 300},
		{"look-ups", "look up 4 unknown ids with one guard", 50},
	};
	static int64_t ns[RUNS];

	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		for (size_t i = 0; i < RUNS; i++)
			ns[i] = run_fresh(self, directory, rows[r].what);
		print(rows[r].text, ns, RUNS, rows[r].goal);
	}
}

#define GROUP 50

/* Names and writes; one by one, or a group with one guard. */
static int64_t round_of(struct batv_memory *m, uint64_t n_items, int64_t day, size_t group)
{
	enum batv_sent_answer answers[GROUP];
	struct batv_item items[GROUP];
	int64_t start = nanoseconds();

	for (uint64_t n = 0; n < n_items; n += group) {
		for (size_t i = 0; i < group; i++)
			items[i] = id(n + i);
		batv_sent_note_all(m, items, group, day, answers);
		if (answers[group - 1] > BATV_SENT_KNOWN)
			die("not remembered");
	}
	return (nanoseconds() - start) / (int64_t)n_items;
}

/* The same items on one day after another: the pages are there, the lines are new. */
static void measure_steady(uint64_t capacity)
{
	const uint64_t n = capacity < STEADY ? capacity : STEADY;
	int64_t single[ROUNDS], grouped[ROUNDS];
	struct batv_memory m = {0};
	char what[80];

	if (!make_file("steady", capacity)) {
		printf("items a day %-32llu not measured: %s\n", (unsigned long long)capacity,
		       strerror(errno));
		return;
	}
	if (batv_memory_open(&m, dir, "steady") != BATV_OK)
		die("steady");
	printf("items a day %llu: the file has %llu bytes\n", (unsigned long long)capacity,
	       (unsigned long long)m.size);
	(void)round_of(&m, n, NOW, GROUP);
	for (int r = 0; r < ROUNDS; r++) {
		single[r] = round_of(&m, n, NOW + (2 * r + 1) * (int64_t)BATV_DAY, 1);
		grouped[r] = round_of(&m, n, NOW + (2 * r + 2) * (int64_t)BATV_DAY, GROUP);
	}
	snprintf(what, sizeof what, "steady, %llu a day: an item by itself",
		 (unsigned long long)capacity);
	print(what, single, ROUNDS, 0);
	snprintf(what, sizeof what, "steady, %llu a day: an item of 50",
		 (unsigned long long)capacity);
	print(what, grouped, ROUNDS, 2);
	batv_memory_close(&m);
	(void)unlinkat(dir, "steady", 0);
}

/* Every page of it in the page cache, as after a day's work. */
static void warm(const char *name)
{
	struct batv_memory m = {0};

	if (batv_memory_open(&m, dir, name) != BATV_OK)
		die(name);
	for (uint64_t n = 0; n < 60000; n++) {
		remember_or_die(&m, id(UINT64_C(1) << 48 | n));
		remember_or_die(&m, pair(UINT64_C(1) << 48 | n));
	}
	batv_memory_close(&m);
}

int main(int argc, char **argv)
{
	char made[] = "/tmp/batv-bench.XXXXXX";
	const char *directory = argc > 1 ? argv[1] : mkdtemp(made);

	dir = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		die(directory ? directory : made);
	if (argc > 2)
		return fresh(argv[2]);
	if (fchmod(dir, 0750) < 0 || !make_file("memory", 100000) || !make_file(JOURNAL, 100000))
		die("memory");
	warm("memory");
	warm(JOURNAL);
	measure_fresh(argv[0], directory);
	(void)unlinkat(dir, "memory", 0);
	(void)unlinkat(dir, JOURNAL, 0);
	measure_steady(10000);
	measure_steady(1000000);
	measure_steady(100000000);
	if (argc < 2)
		(void)rmdir(made);
	return 0;
}
