/*
 * memory_name.c - which file of the directory is the memory, when no state tells.
 *
 * Invariant: a name that is not exactly one that batvd makes is none of ours.
 */
#include "memory_name.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "span.h"

uint64_t batv_memory_number(const char *name)
{
	const size_t len = strlen(BATV_MEMORY_NAME);
	uint64_t n;

	if (strcmp(name, BATV_MEMORY_NAME) == 0)
		return 1;
	if (strncmp(name, BATV_MEMORY_NAME ".", len + 1) != 0 || name[len + 1] == '0' ||
	    strlen(name) >= BATV_MEMORY_NAME_SIZE ||
	    !batv_span_to_u64(batv_span_of(name + len + 1), &n) || n < 2)
		return 0;
	return n;
}

void batv_memory_name(uint64_t number, char name[static BATV_MEMORY_NAME_SIZE])
{
	if (number < 2)
		snprintf(name, BATV_MEMORY_NAME_SIZE, "%s", BATV_MEMORY_NAME);
	else
		snprintf(name, BATV_MEMORY_NAME_SIZE, "%s.%" PRIu64, BATV_MEMORY_NAME, number);
}

/* The highest two numbers; 0: none. */
static void newest_two(DIR *d, uint64_t *first, uint64_t *second)
{
	const struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		uint64_t number = batv_memory_number(e->d_name);

		if (number > *first)
			*second = *first, *first = number;
		else if (number > *second)
			*second = number;
	}
}

void batv_memory_newest(int dirfd, char name[static BATV_MEMORY_NAME_SIZE],
			char before[static BATV_MEMORY_NAME_SIZE])
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t first = 0, second = 0;

	name[0] = before[0] = '\0';
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	newest_two(d, &first, &second);
	closedir(d);
	if (first)
		batv_memory_name(first, name);
	if (second)
		batv_memory_name(second, before);
}
