/*
 * reach.h - for fuzz targets: proof that they get to where the work is, and properties.
 *
 * A target numbers its outcomes in an enum, names them, hands the names to reach_start() in
 * LLVMFuzzerInitialize() and calls reached() where one happens.  The counts are printed when the
 * run ends; with FUZZ_REACH=1 in the environment an outcome that never happened fails the run
 * (status 70).  Seeds are run first, so seeds that reach everything make this certain.
 */
#ifndef FUZZ_REACH_H
#define FUZZ_REACH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REACH_MAX 32

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const *reach_names;
static size_t reach_n;
static unsigned long long reach_counts[REACH_MAX];

/* A property that must hold; libFuzzer keeps the input for which it does not. */
#define must(condition)                                                                            \
 do {                                                                                              \
  if (!(condition)) {                                                                              \
   fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                  \
   abort();                                                                                        \
  }                                                                                                \
 } while (0)

static inline void reached(size_t outcome)
{
	reach_counts[outcome]++;
}

static void reach_report(void)
{
	const char *wanted = getenv("FUZZ_REACH");
	size_t never = 0;

	fputs("reach:", stderr);
	for (size_t i = 0; i < reach_n; i++) {
		fprintf(stderr, " %s=%llu", reach_names[i], reach_counts[i]);
		never += reach_counts[i] == 0;
	}
	fputc('\n', stderr);
	if (never > 0 && wanted && strcmp(wanted, "1") == 0)
		_exit(70);
}

/* A copy of exactly this size, and a NUL after it; the caller frees it. */
static inline char *reach_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static inline void reach_start(const char *const *names, size_t n)
{
	must(n <= REACH_MAX);
	reach_names = names;
	reach_n = n;
	atexit(reach_report);
}

#endif
