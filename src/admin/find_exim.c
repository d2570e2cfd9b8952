/*
 * find_exim.c - finds Exim where distributions and its own makefile put it.
 */
#include <string.h>
#include <unistd.h>

#include "find_exim.h"

/* Debian's Exim, that of most others, and where Exim's own makefile installs it. */
static const char *const places[] = {"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim"};

const char *batv_find_exim(const char *option)
{
	if (strcmp(option, BATV_NO_EXIM) == 0)
		return "";
	if (*option)
		return option;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return "";
}
