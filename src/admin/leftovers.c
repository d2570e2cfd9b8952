/*
 * leftovers.c - removes what a crash left unfinished in the state directory.
 *
 * A replacement removes only the unfinished file of its own name (replace.c).  An unfinished memory
 * file whose number is never used again would keep its blocks for ever.
 */
#include "leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "decide/state.h"
#include "fleet_row.h"
#include "fleet_said.h"
#include "fleet_share.h"
#include "manifest.h"
#include "memory/names.h"
#include "overrides.h"
#include "secret.h"

/* Is this ".NAME.new" of one of our files? */
static bool is_unfinished(const char *tmp)
{
	char name[NAME_MAX + 1];
	const char *end = strrchr(tmp, '.');

	if (tmp[0] != '.' || end == tmp || strcmp(end, ".new") != 0)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)(end - tmp - 1), tmp + 1);
	return strcmp(name, BATV_SECRET_NAME) == 0 || strcmp(name, BATV_STATE_NAME) == 0 ||
	       strcmp(name, BATV_OVERRIDES_NAME) == 0 || strcmp(name, BATV_FLEET_KEY_NAME) == 0 ||
	       strcmp(name, BATV_FLEET_ROW_NAME) == 0 || strcmp(name, BATV_FLEET_SAID_NAME) == 0 ||
	       strcmp(name, BATV_MANIFEST_NAME) == 0 || batv_names_number(name) > 0;
}

unsigned batv_leftovers_remove(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned removed = 0;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((entry = readdir(dir)))
		if (is_unfinished(entry->d_name) && unlinkat(dirfd, entry->d_name, 0) == 0)
			removed++;
	(void)closedir(dir);
	return removed;
}
