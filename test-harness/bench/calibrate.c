/*
 * calibrate.c - what this machine takes for what a fresh process does most.
 *
 * usage: calibrate
 *
 * A line of output: what, microseconds.  Virtual machines differ by a factor of ten here; without
 * these numbers those of fresh processes say little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 1000
#define ROUNDS 9

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		exit(1);
	(void)madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static void system_call(int n)
{
	while (n-- > 0)
		(void)syscall(SYS_getppid);
}

static void first_touch(int n)
{
	char *p = map((size_t)n);
	volatile char *touched = p;

	for (int i = 0; i < n; i++)
		touched[i * PAGE] = 1;
	(void)munmap(p, (size_t)n * PAGE);
}

static void change_protection(int n)
{
	char *p = map(1);
	volatile char *touched = p;

	for (int i = 0; i < n; i++) {
		*touched = 1;
		(void)mprotect(p, PAGE, PROT_READ);
		(void)mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	}
	(void)munmap(p, PAGE);
}

static void mapping(int n)
{
	while (n-- > 0)
		(void)munmap(map(2), 2 * PAGE);
}

static void fork_and_exit(int n)
{
	while (n-- > 0) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		(void)waitpid(child, NULL, 0);
	}
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *what, void (*thing)(int), int n)
{
	double us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_us();

		thing(n);
		us[i] = (now_us() - start) / n;
	}
	qsort(us, ROUNDS, sizeof us[0], by_size);
	printf("%s %.2f\n", what, us[ROUNDS / 2]);
}

int main(void)
{
	measure("a system call", system_call, PAGES);
	measure("the first touch of a page", first_touch, PAGES);
	measure("mprotect there and back, a page touched", change_protection, 100);
	measure("mmap, madvise and munmap, untouched", mapping, 100);
	measure("fork, exit, wait", fork_and_exit, 20);
	return 0;
}
