/*
 * names.c - finds the memory file in the directory when there is no state to name it.
 *
 * Invariant: only a name that batvd itself could have made counts as a memory file.
 */
#include "memory/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

uint64_t batv_names_number(const char *name)
{
	const size_t len = strlen(BATV_MEMORY_NAME);
	uint64_t n;

	if (strcmp(name, BATV_MEMORY_NAME) == 0)
		return 1;
	if (strncmp(name, BATV_MEMORY_NAME ".", len + 1) != 0 || name[len + 1] == '0' ||
	    !batv_span_to_u64(batv_span_of(name + len + 1), &n) || n < 2)
		return 0;
	return n;
}

void batv_names_write(uint64_t number, char name[static BATV_MEMORY_NAME_SIZE])
{
	if (number < 2)
		snprintf(name, BATV_MEMORY_NAME_SIZE, "%s", BATV_MEMORY_NAME);
	else
		snprintf(name, BATV_MEMORY_NAME_SIZE, "%s.%" PRIu64, BATV_MEMORY_NAME, number);
}

void batv_names_each(int dirfd, void (*what)(int dirfd, uint64_t number, void *arg), void *arg)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d && fd >= 0)
		close(fd);
	while (d && (e = readdir(d)) != NULL)
		if (batv_names_number(e->d_name))
			what(dirfd, batv_names_number(e->d_name), arg);
	if (d)
		closedir(d);
}

/* Keeps the two highest numbers; 0: none. */
static void keep_newest(int dirfd, uint64_t number, void *arg)
{
	uint64_t *newest = arg;

	(void)dirfd;
	if (number > newest[0])
		newest[1] = newest[0], newest[0] = number;
	else if (number > newest[1])
		newest[1] = number;
}

void batv_names_newest(int dirfd, char name[static BATV_MEMORY_NAME_SIZE],
		       char before[static BATV_MEMORY_NAME_SIZE])
{
	uint64_t newest[2] = {0, 0};

	name[0] = before[0] = '\0';
	batv_names_each(dirfd, keep_newest, newest);
	if (newest[0])
		batv_names_write(newest[0], name);
	if (newest[1])
		batv_names_write(newest[1], before);
}
